/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/import/tally.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 1024

void tally_init(struct tally *tally) { *tally = (struct tally){.services = json_object()}; }

void tally_fini(struct tally *tally)
{
    free(tally->traces);
    json_decref(tally->services);
}

/* ---- traces ---- */

static bool put(uint64_t *slots, size_t room, uint64_t hash)
{
    size_t at = hash & (room - 1);
    while (slots[at] && slots[at] != hash) at = (at + 1) & (room - 1);
    bool is_new = slots[at] == 0;
    slots[at] = hash;
    return is_new;
}

static bool grow(struct tally *tally)
{
    size_t room = tally->trace_room ? 2 * tally->trace_room : ROOM_FIRST;
    uint64_t *slots = calloc(room, sizeof *slots);
    if (!slots) return false;
    for (size_t i = 0; i < tally->trace_room; i++)
        if (tally->traces[i]) put(slots, room, tally->traces[i]);
    free(tally->traces);
    tally->traces = slots;
    tally->trace_room = room;
    return true;
}

static void note_trace(struct tally *tally, const json_t *id)
{
    if (!json_is_string(id) || tally->more_traces) return;
    uint64_t hash = hash_bytes(json_string_value(id), json_string_length(id));
    bool full = 4 * (tally->trace_count + 1) > 3 * tally->trace_room;
    if (tally->trace_count == TALLY_TRACES_MAX || (full && !grow(tally))) {
        tally->more_traces = true;
        return;
    }
    tally->trace_count += put(tally->traces, tally->trace_room, hash ? hash : 1);
}

/* ---- services and times ---- */

static void note_service(struct tally *tally, const json_t *name)
{
    const char *text = json_string_value(name);
    if (text && json_object_size(tally->services) < TALLY_SERVICES_MAX)
        json_object_set_new(tally->services, text, json_true());
}

static void note_time(struct tally *tally, int64_t at_ns)
{
    if (at_ns <= 0) return;
    if (!tally->first_ns || at_ns < tally->first_ns) tally->first_ns = at_ns;
    if (at_ns > tally->last_ns) tally->last_ns = at_ns;
}

/* A number, or text of one. */
static int64_t number_of(const json_t *value)
{
    if (json_is_integer(value)) return json_integer_value(value);
    return json_is_string(value) ? strtoll(json_string_value(value), NULL, 10) : 0;
}

static void tally_span(struct tally *tally, const json_t *span)
{
    tally->spans++;
    note_trace(tally, json_object_get(span, "traceId"));
    note_time(tally, number_of(json_object_get(span, "startTimeUnixNano")));
    note_time(tally, number_of(json_object_get(span, "endTimeUnixNano")));
}

static void tally_resource(struct tally *tally, const json_t *resource)
{
    size_t i;
    json_t *attribute;
    json_array_foreach(json_object_get(resource, "attributes"), i, attribute)
    {
        const char *key = json_string_value(json_object_get(attribute, "key"));
        if (key && strcmp(key, "service.name") == 0)
            note_service(tally, json_object_get(json_object_get(attribute, "value"), "stringValue"));
    }
}

uint64_t tally_otlp(struct tally *tally, const json_t *resource_spans)
{
    uint64_t before = tally->spans;
    size_t i, j;
    json_t *scope, *span;
    tally_resource(tally, json_object_get(resource_spans, "resource"));
    json_array_foreach(json_object_get(resource_spans, "scopeSpans"), i, scope)
    {
        json_array_foreach(json_object_get(scope, "spans"), j, span) { tally_span(tally, span); }
    }
    return tally->spans - before;
}

uint64_t tally_zipkin(struct tally *tally, const json_t *span)
{
    int64_t start_us = number_of(json_object_get(span, "timestamp"));
    int64_t duration_us = number_of(json_object_get(span, "duration"));
    tally->spans++;
    note_trace(tally, json_object_get(span, "traceId"));
    note_service(tally, json_object_get(json_object_get(span, "localEndpoint"), "serviceName"));
    if (start_us > 0 && start_us <= INT64_MAX / 1000) note_time(tally, start_us * 1000);
    if (start_us > 0 && duration_us >= 0 && duration_us <= INT64_MAX / 1000 - start_us)
        note_time(tally, (start_us + duration_us) * 1000);
    return 1;
}
