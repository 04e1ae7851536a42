/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/json/values.h"

static json_t *endpoint_object(const struct endpoint_summary *endpoint)
{
    json_t *object = json_object(), *calls = json_object();
    json_object_set_new(calls, "db", json_integer(endpoint->db_calls));
    json_object_set_new(calls, "http", json_integer(endpoint->http_calls));
    json_object_set_new(calls, "cache", json_integer(endpoint->cache_calls));
    json_object_set_new(object, "service", json_name(endpoint->service));
    json_object_set_new(object, "version", json_name(endpoint->service_version));
    json_object_set_new(object, "endpoint", json_name(endpoint->endpoint));
    json_object_set_new(object, "count", json_count(endpoint->count));
    json_object_set_new(object, "errors", json_count(endpoint->errors));
    json_object_set_new(object, "p50_ms", json_ms(endpoint->p50_ns));
    json_object_set_new(object, "p95_ms", json_ms(endpoint->p95_ns));
    json_object_set_new(object, "p99_ms", json_ms(endpoint->p99_ns));
    json_object_set_new(object, "max_ms", json_ms(endpoint->max_ns));
    json_object_set_new(object, "calls", calls);
    json_object_set_new(object, "calls_min", json_integer(endpoint->calls_min));
    json_object_set_new(object, "calls_max", json_integer(endpoint->calls_max));
    json_object_set_new(object, "db_time_ms", json_ms(endpoint->db_ns));
    json_object_set_new(object, "findings", json_integer(endpoint->finding_count));
    json_object_set_new(object, "saving_ms", json_ms(endpoint->saving_ns));
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
