/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/json/values.h"

json_t *json_calls(uint64_t db, uint64_t http, uint64_t cache)
{
    json_t *calls = json_object();
    json_object_set_new(calls, "db", json_count(db));
    json_object_set_new(calls, "http", json_count(http));
    json_object_set_new(calls, "cache", json_count(cache));
    return calls;
}

json_t *json_cache_split(const struct cache_split split[CACHE_OUTCOME_COUNT])
{
    static const char *const names[CACHE_OUTCOME_COUNT] = {
        [CACHE_ALL_HIT] = "hit", [CACHE_SOME_MISSED] = "part", [CACHE_ALL_MISSED] = "miss"};
    bool any = false;
    json_t *object = json_object();
    for (unsigned i = 0; i < CACHE_OUTCOME_COUNT; i++) {
        const struct cache_split *outcome = &split[i];
        json_t *part = json_object();
        any = any || outcome->count;
        json_object_set_new(part, "count", json_count(outcome->count));
        json_object_set_new(part, "p50_ms", json_ms(outcome->p50_ns));
        json_object_set_new(part, "calls",
                            json_calls(outcome->db_calls, outcome->http_calls, outcome->cache_calls));
        json_object_set_new(object, names[i], part);
    }
    if (any) return object;
    json_decref(object);
    return json_null();
}

static json_t *endpoint_object(const struct endpoint_summary *endpoint)
{
    json_t *object = json_object();
    json_object_set_new(object, "service", json_name(endpoint->service));
    json_object_set_new(object, "version", json_name(endpoint->service_version));
    json_object_set_new(object, "endpoint", json_name(endpoint->endpoint));
    json_object_set_new(object, "count", json_count(endpoint->count));
    json_object_set_new(object, "recorded", json_count(endpoint_recorded(endpoint)));
    json_object_set_new(object, "errors", json_count(endpoint->errors));
    json_object_set_new(object, "p50_ms", json_ms(endpoint->p50_ns));
    json_object_set_new(object, "p95_ms", json_ms(endpoint->p95_ns));
    json_object_set_new(object, "p99_ms", json_ms(endpoint->p99_ns));
    json_object_set_new(object, "max_ms", json_ms(endpoint->max_ns));
    json_object_set_new(object, "calls",
                        json_calls(endpoint->db_calls, endpoint->http_calls, endpoint->cache_calls));
    json_object_set_new(object, "calls_min", json_integer(endpoint->calls_min));
    json_object_set_new(object, "calls_max", json_integer(endpoint->calls_max));
    json_object_set_new(object, "db_time_ms", json_ms(endpoint->db_ns));
    json_object_set_new(object, "findings", json_integer(endpoint->finding_count));
    json_object_set_new(object, "saving_ms", json_ms(endpoint->saving_ns));
    json_object_set_new(object, "saving_total_ms", json_ms(endpoint->saving_total_ns));
    json_object_set_new(object, "cache", json_cache_split(endpoint->cache));
    json_object_set_new(object, "last_start_ns", json_integer(endpoint->last_start_ns));
    return object;
}

void json_requests(struct buffer *out, const struct endpoint_summary *endpoints, uint32_t count)
{
    json_t *document = json_object(), *array = json_array();
    for (uint32_t i = 0; i < count; i++) json_array_append_new(array, endpoint_object(&endpoints[i]));
    json_object_set_new(document, "requests", array);
    json_write(out, document);
}

/* As /requests, but each endpoint with its findings whole, and what may make the figures wrong. */
void json_report(struct buffer *out, const struct endpoint_summary *endpoints, uint32_t count,
                 const struct status_view *status)
{
    json_t *document = json_object(), *array = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_t *object = endpoint_object(&endpoints[i]);
        json_object_set_new(object, "findings",
                            json_finding_array(endpoints[i].findings, endpoints[i].finding_count));
        json_array_append_new(array, object);
    }
    json_object_set_new(document, "endpoints", array);
    json_object_set_new(document, "status", status ? json_status_object(status) : json_null());
    json_write(out, document);
}
