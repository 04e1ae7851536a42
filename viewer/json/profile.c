/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/json/values.h"

#include <math.h>

static json_t *mean(double sum, uint64_t count)
{
    double value = count ? sum / (double)count : 0;
    return json_real(isfinite(value) ? value : 0);
}

static json_t *share(int64_t ns, const struct profile *profile)
{
    return json_real(profile->total_ns > 0 ? (double)ns / (double)profile->total_ns : 0);
}

static json_t *operation_object(const struct profile *profile, const struct profile_operation *operation)
{
    json_t *object = json_object();
    json_object_set_new(object, "type", json_string(json_type_word(operation->operation->type)));
    json_object_set_new(object, "label", json_name(operation->label));
    json_object_set_new(object, "system", json_name(operation->operation->system));
    json_object_set_new(object, "text", json_name(operation->operation->text));
    json_object_set_new(object, "is_request", json_boolean(operation->is_request));
    json_object_set_new(object, "calls", json_count(operation->calls));
    json_object_set_new(object, "calls_per_request", mean((double)operation->calls, profile->requests));
    json_object_set_new(object, "total_ms", json_ms(operation->total_ns));
    json_object_set_new(object, "self_ms", json_ms(operation->self_ns));
    json_object_set_new(object, "mean_ms", mean((double)operation->total_ns / 1e6, operation->calls));
    json_object_set_new(object, "median_ms", json_ms(operation->median_ns));
    json_object_set_new(object, "p95_ms", json_ms(operation->p95_ns));
    json_object_set_new(object, "max_ms", json_ms(operation->max_ns));
    json_object_set_new(object, "rows", operation->rows < 0 ? json_null() : json_integer(operation->rows));
    json_object_set_new(object, "share", share(operation->self_ns, profile));
    return object;
}

static json_t *operations(const struct profile *profile)
{
    json_t *array = json_array();
    double cumulative = 0;
    for (uint32_t i = 0; i < profile->operation_count; i++) {
        json_t *object = operation_object(profile, &profile->operations[i]);
        cumulative += json_real_value(json_object_get(object, "share"));
        json_object_set_new(object, "cumulative_share", json_real(cumulative));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *components(const struct profile *profile)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < profile->component_count; i++) {
        const struct profile_component *component = &profile->components[i];
        json_t *object = json_object();
        json_object_set_new(object, "label", json_name(component->label));
        json_object_set_new(object, "is_request", json_boolean(component->is_request));
        json_object_set_new(object, "calls",
                            json_calls(component->db_calls, component->http_calls, component->cache_calls));
        json_object_set_new(object, "queries_per_request",
                            mean((double)component->db_calls, profile->requests));
        json_object_set_new(object, "time_ms", json_ms(component->call_ns));
        json_object_set_new(object, "share", share(component->call_ns, profile));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *profile_object(const struct profile *profile)
{
    json_t *object = json_object();
    json_object_set_new(object, "service", json_name(profile->service));
    json_object_set_new(object, "version", json_name(profile->service_version));
    json_object_set_new(object, "endpoint", json_name(profile->endpoint));
    json_object_set_new(object, "requests", json_count(profile->requests));
    json_object_set_new(object, "requests_seen", json_count(profile->requests_seen));
    json_object_set_new(
        object, "requests_estimated",
        json_count(profile->requests_estimated ? profile->requests_estimated : profile->requests_seen));
    json_object_set_new(object, "total_ms", json_ms(profile->total_ns));
    json_object_set_new(object, "p50_ms", json_ms(profile->p50_ns));
    json_object_set_new(object, "p95_ms", json_ms(profile->p95_ns));
    json_object_set_new(object, "max_ms", json_ms(profile->max_ns));
    json_object_set_new(object, "calls",
                        json_calls(profile->db_calls, profile->http_calls, profile->cache_calls));
    json_object_set_new(object, "operations", operations(profile));
    json_object_set_new(object, "components", components(profile));
    json_object_set_new(object, "cache", json_cache_split(profile->cache));
    return object;
}

void json_profiles(struct buffer *out, const struct profile *profiles, uint32_t count, uint32_t left_out)
{
    json_t *document = json_object(), *array = json_array();
    for (uint32_t i = 0; i < count; i++) json_array_append_new(array, profile_object(&profiles[i]));
    json_object_set_new(document, "profiles", array);
    json_object_set_new(document, "left_out", json_integer(left_out));
    json_write(out, document);
}
