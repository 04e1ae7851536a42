/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/json/values.h"

static json_t *counters(const struct status_counter *from, uint32_t count)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < count; i++)
        json_set_named(object, str_of(from[i].name), json_count(from[i].value));
    return object;
}

static json_t *clock_word(const struct status_producer *producer)
{
    static const char *const words[] = {
        [STATUS_CLOCK_FINE] = "fine", [STATUS_CLOCK_AHEAD] = "ahead", [STATUS_CLOCK_LATE] = "late"};
    enum status_clock clock = status_clock(producer);
    return clock == STATUS_CLOCK_UNKNOWN ? json_null() : json_string(words[clock]);
}

static json_t *refusal_object(const struct status_view *status)
{
    if (status->last_refusal_ns == 0) return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "at_ns", json_integer(status->last_refusal_ns));
    json_object_set_new(object, "reason", json_name(status->last_refusal));
    return object;
}

static json_t *producer_object(const struct status_producer *producer)
{
    json_t *object = json_object();
    json_object_set_new(object, "service", json_name(producer->service_name));
    json_object_set_new(object, "version", json_name(producer->service_version));
    json_object_set_new(object, "instance", json_name(producer->instance_id));
    json_object_set_new(object, "producer", json_span_id(producer->producer));
    json_object_set_new(object, "last_seen_ns", json_integer(producer->last_seen_ns));
    json_object_set_new(object, "created", json_count(producer->created));
    json_object_set_new(object, "acknowledged", json_count(producer->acknowledged));
    json_object_set_new(object, "stored", json_count(producer->stored));
    json_object_set_new(object, "clock_ahead_ns",
                        producer->clock_known ? json_integer(producer->clock_ahead_ns) : json_null());
    json_object_set_new(object, "clock", clock_word(producer));
    json_object_set_new(object, "dropped_total", json_count(producer->dropped_total));
    json_object_set_new(object, "dropped", counters(producer->dropped, producer->dropped_count));
    json_object_set_new(object, "sampled_away_total", json_count(producer->sampled_away_total));
    json_object_set_new(object, "sampled_away",
                        counters(producer->sampled_away, producer->sampled_away_count));
    return object;
}

static json_t *spool_object(const struct status_view *status)
{
    if (!status->spool_on) return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "batches", json_count(status->spool_batches));
    json_object_set_new(object, "bytes", json_count(status->spool_bytes));
    json_object_set_new(object, "oldest_ns",
                        status->spool_oldest_ns ? json_integer(status->spool_oldest_ns) : json_null());
    return object;
}

json_t *json_status_object(const struct status_view *status)
{
    json_t *object = json_object(), *producers = json_array();
    for (uint32_t i = 0; i < status->producer_count; i++)
        json_array_append_new(producers, producer_object(&status->producers[i]));
    json_object_set_new(object, "version", json_name(status->version));
    json_object_set_new(object, "listen", json_name(status->listen));
    json_object_set_new(object, "http", json_name(status->http));
    json_object_set_new(object, "postgres", json_name(status->postgres));
    json_object_set_new(object, "started_ns", json_integer(status->started_ns));
    json_object_set_new(object, "spans", json_count(status->spans));
    json_object_set_new(object, "requests", json_count(status->requests));
    json_object_set_new(object, "traces_pending", json_count(status->traces_pending));
    json_object_set_new(object, "oldest_pending_ns",
                        status->oldest_pending_ns ? json_integer(status->oldest_pending_ns) : json_null());
    json_object_set_new(object, "database_away", json_boolean(status->database_away));
    json_object_set_new(object, "spool", spool_object(status));
    json_object_set_new(object, "database_bytes", json_count(status->database_bytes));
    json_object_set_new(object, "disk_free_bytes",
                        status->disk_free_bytes ? json_count(status->disk_free_bytes) : json_null());
    json_object_set_new(object, "spans_last_minute", json_count(status->spans_last_minute));
    json_object_set_new(object, "last_refusal", refusal_object(status));
    json_object_set_new(object, "counters", counters(status->counters, status->counter_count));
    json_object_set_new(object, "producers", producers);
    return object;
}

void json_status(struct buffer *out, const struct status_view *status)
{
    json_write(out, json_status_object(status));
}
