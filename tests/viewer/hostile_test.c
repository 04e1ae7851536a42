/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of all output, over random traces, findings, endpoints and producers with hostile names: text keeps to its
 * width, holds no control character but the newline (and the colours it was asked for), is valid UTF-8 or plain ASCII and
 * has no line ending in spaces; JSON parses. WEIR_TEST_SEED replays a run.
 */
#include "tests/support/cmocka.h"

#include "base/id.h"
#include "base/utf8.h"
#include "tests/viewer/samples.h"
#include "viewer/text/cells.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 100

static uint64_t seed;

struct chance {
    struct id_generator ids;
    struct arena arena;
};

static uint64_t below(struct chance *chance, uint64_t limit) { return id_next(&chance->ids) % limit; }

static struct str random_name(struct chance *chance)
{
    static const struct str parts[] = {
        STR("orders"),
        STR(" "),
        STR("\x1b[31m"),
        STR("\n"),
        STR("\xe2\x80\xae"),
        STR("\xff\xfe"),
        STR("\x01"
            "B"),
        STR("\0"),
        STR("\xe6\xb3\xa8"),
        STR("\xf0\x9f\x94\xa5"),
        STR("e\xcc\x81\xcc\x81\xcc\x81"),
        STR("\xc2\x9b"),
        STR("\"<b>&'"),
        STR("averylongwordwithoutanyspaceinitthatgoesonandonandonandonandonandon"),
        STR("\xe2"),
        STR("…"),
        STR("SELECT id FROM t WHERE a = ? AND b IN (?)"),
        STR("/"),
        STR("\x1f"),
    };
    size_t count = below(chance, 6);
    char text[1024];
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        struct str part = parts[below(chance, sizeof parts / sizeof *parts)];
        memcpy(text + len, part.data, part.len);
        len += part.len;
    }
    return arena_str(&chance->arena, str_view(text, len));
}

static int64_t random_ns(struct chance *chance)
{
    uint64_t bits = below(chance, 64);
    int64_t ns = (int64_t)(id_next(&chance->ids) >> (bits ? bits : 1));
    return below(chance, 20) == 0 ? -ns : ns;
}

static void random_finding(struct chance *chance, struct finding *finding)
{
    memset(finding, 0, sizeof *finding);
    finding->kind = (enum finding_kind)below(chance, FINDING_KIND_COUNT);
    finding->service = random_name(chance);
    finding->service_version = random_name(chance);
    finding->endpoint = random_name(chance);
    finding->operation_count = (uint32_t)below(chance, FINDING_OPERATIONS_MAX + 1);
    for (uint32_t i = 0; i < finding->operation_count; i++)
        finding->operations[i] =
            (struct finding_operation){(enum operation_type)below(chance, OPERATION_TYPE_COUNT),
                                       random_name(chance),
                                       random_name(chance),
                                       random_name(chance),
                                       (uint32_t)id_next(&chance->ids),
                                       random_ns(chance)};
    finding->has_source = below(chance, 2);
    finding->source = finding->operations[0];
    finding->count = (uint32_t)id_next(&chance->ids);
    finding->requests = (uint32_t)below(chance, 100);
    finding->requests_seen = (uint32_t)id_next(&chance->ids);
    finding->request_ns = random_ns(chance) / 2;
    finding->cost_ns = random_ns(chance);
    finding->repaired_ns = random_ns(chance);
    finding->saving_ns = random_ns(chance) / 2;
    finding->confidence = (enum confidence)below(chance, 3);
    finding->evidence_count = (uint32_t)below(chance, FINDING_EVIDENCE_MAX + 1);
    for (uint32_t i = 0; i < finding->evidence_count; i++)
        finding->evidence[i] = (struct evidence){(enum evidence_fact)below(chance, EVIDENCE_FACT_COUNT),
                                                 id_next(&chance->ids), id_next(&chance->ids)};
    finding->advice = random_name(chance);
    finding->site =
        (struct call_site){random_name(chance), random_name(chance), (uint32_t)id_next(&chance->ids)};
    finding->trace_count = (uint32_t)below(chance, FINDING_TRACES_MAX + 1);
}

static struct finding *random_findings(struct chance *chance, uint32_t *count)
{
    *count = (uint32_t)below(chance, 6);
    struct finding *findings = arena_array(&chance->arena, *count, sizeof *findings);
    for (uint32_t i = 0; i < *count; i++) random_finding(chance, &findings[i]);
    return findings;
}

static void random_split(struct chance *chance, struct cache_split split[CACHE_OUTCOME_COUNT])
{
    for (unsigned i = 0; i < CACHE_OUTCOME_COUNT; i++)
        split[i] = (struct cache_split){below(chance, 3) ? 0 : id_next(&chance->ids), random_ns(chance),
                                        (uint32_t)below(chance, 3), (uint32_t)id_next(&chance->ids), 1};
}

static struct endpoint_summary *random_endpoints(struct chance *chance, uint32_t *count)
{
    *count = (uint32_t)below(chance, 14);
    struct endpoint_summary *endpoints = arena_array(&chance->arena, *count, sizeof *endpoints);
    for (uint32_t i = 0; i < *count; i++) {
        struct endpoint_summary *endpoint = &endpoints[i];
        endpoint->service = random_name(chance);
        endpoint->service_version = random_name(chance);
        endpoint->endpoint = random_name(chance);
        endpoint->name_is_shared = below(chance, 2);
        endpoint->count = id_next(&chance->ids) >> below(chance, 64);
        endpoint->errors = below(chance, 3);
        endpoint->p50_ns = random_ns(chance);
        endpoint->p95_ns = random_ns(chance);
        endpoint->max_ns = random_ns(chance);
        endpoint->db_calls = (uint32_t)below(chance, 3) * 1000000000u;
        endpoint->http_calls = (uint32_t)below(chance, 3);
        endpoint->cache_calls = (uint32_t)below(chance, 3);
        endpoint->calls_max = (uint32_t)id_next(&chance->ids);
        endpoint->last_start_ns = random_ns(chance);
        endpoint->findings = random_findings(chance, &endpoint->finding_count);
        endpoint->saving_ns = random_ns(chance);
        random_split(chance, endpoint->cache);
    }
    return endpoints;
}

static const struct profile_operation *random_operations(struct chance *chance, uint32_t *count)
{
    *count = (uint32_t)below(chance, 12);
    struct profile_operation *operations = arena_array(&chance->arena, *count, sizeof *operations);
    for (uint32_t i = 0; i < *count; i++) {
        struct operation *operation = arena_array(&chance->arena, 1, sizeof *operation);
        *operation = (struct operation){(enum operation_type)below(chance, OPERATION_TYPE_COUNT),
                                        random_name(chance), random_name(chance)};
        operations[i] = (struct profile_operation){
            .operation = operation,
            .label = random_name(chance),
            .is_request = below(chance, 10) == 0,
            .calls = id_next(&chance->ids) >> below(chance, 64),
            .total_ns = random_ns(chance),
            .self_ns = random_ns(chance),
            .median_ns = random_ns(chance),
            .p95_ns = random_ns(chance),
            .max_ns = random_ns(chance),
            .rows = below(chance, 2) ? -1 : (int64_t)(id_next(&chance->ids) >> 1),
        };
    }
    return operations;
}

static const struct profile_component *random_components(struct chance *chance, uint32_t *count)
{
    *count = (uint32_t)below(chance, 6);
    struct profile_component *components = arena_array(&chance->arena, *count, sizeof *components);
    for (uint32_t i = 0; i < *count; i++)
        components[i] =
            (struct profile_component){random_name(chance), below(chance, 4) == 0, id_next(&chance->ids),
                                       below(chance, 2),    below(chance, 2),      random_ns(chance)};
    return components;
}

static struct profile *random_profiles(struct chance *chance, uint32_t *count)
{
    *count = (uint32_t)below(chance, 4);
    struct profile *profiles = arena_array(&chance->arena, *count, sizeof *profiles);
    for (uint32_t i = 0; i < *count; i++) {
        struct profile *profile = &profiles[i];
        profile->service = random_name(chance);
        profile->service_version = random_name(chance);
        profile->endpoint = random_name(chance);
        profile->name_is_shared = below(chance, 2);
        profile->requests = id_next(&chance->ids) >> below(chance, 64);
        profile->requests_seen = id_next(&chance->ids);
        profile->total_ns = random_ns(chance);
        profile->p50_ns = random_ns(chance);
        profile->max_ns = random_ns(chance);
        profile->db_calls = below(chance, 2);
        profile->http_calls = below(chance, 2);
        profile->cache_calls = below(chance, 2);
        profile->operations = random_operations(chance, &profile->operation_count);
        profile->components = random_components(chance, &profile->component_count);
        random_split(chance, profile->cache);
    }
    return profiles;
}

static struct status_view *random_status(struct chance *chance)
{
    struct status_view *status = arena_array(&chance->arena, 1, sizeof *status);
    status->version = random_name(chance);
    status->postgres = random_name(chance);
    status->listen = random_name(chance);
    status->http = random_name(chance);
    status->started_ns = random_ns(chance);
    status->spans = below(chance, 2) * id_next(&chance->ids);
    status->traces_pending = below(chance, 3);
    status->oldest_pending_ns = random_ns(chance);
    status->producer_count = (uint32_t)below(chance, 5);
    status->producers = arena_array(&chance->arena, status->producer_count, sizeof *status->producers);
    for (uint32_t i = 0; i < status->producer_count; i++) {
        struct status_producer *producer = &status->producers[i];
        producer->service_name = random_name(chance);
        producer->service_version = random_name(chance);
        producer->instance_id = random_name(chance);
        producer->created = id_next(&chance->ids);
        producer->dropped_total = below(chance, 2) * id_next(&chance->ids);
        producer->last_seen_ns = random_ns(chance);
    }
    return status;
}

static const struct attribute *random_attributes(struct chance *chance, struct scene *scene, uint32_t *count)
{
    *count = below(chance, 3) ? 0 : (uint32_t)below(chance, 30);
    struct attribute *attributes = arena_array(&scene->arena, *count, sizeof *attributes);
    for (uint32_t i = 0; i < *count; i++)
        attributes[i] = (struct attribute){random_name(chance), (int)below(chance, 8), random_name(chance),
                                           (int64_t)id_next(&chance->ids), (double)random_ns(chance)};
    return attributes;
}

static void random_events(struct chance *chance, struct scene *scene, struct span *span)
{
    span->event_count = (uint32_t)below(chance, 25);
    struct span_event *events = arena_array(&scene->arena, span->event_count, sizeof *events);
    for (uint32_t i = 0; i < span->event_count; i++) {
        events[i].time_ns =
            below(chance, 2) ? random_ns(chance) : span->start_ns + (int64_t)below(chance, 20000000);
        events[i].name = random_name(chance);
        events[i].attributes = random_attributes(chance, scene, &events[i].attribute_count);
        events[i].dropped_attributes = below(chance, 5) ? 0 : (uint32_t)id_next(&chance->ids);
    }
    if (span->event_count) events[0].time_ns = below(chance, 10) ? events[0].time_ns : INT64_MIN;
    span->events = events;
}

static void random_details(struct chance *chance, struct scene *scene, struct span *span)
{
    if (below(chance, 16)) return;
    struct scope *scope = arena_array(&scene->arena, 1, sizeof *scope);
    *scope = (struct scope){random_name(chance), random_name(chance)};
    span->scope = scope;
    span->status = (enum span_status)below(chance, 3);
    span->status_message = random_name(chance);
    span->trace_state = random_name(chance);
    span->sampling_threshold = id_next(&chance->ids) >> 8;
    span->dropped_events = (uint32_t)below(chance, 2);
    span->dropped_span_links = (uint32_t)id_next(&chance->ids);
    random_events(chance, scene, span);
    span->span_link_count = (uint32_t)below(chance, 12);
    struct span_link *links = arena_array(&scene->arena, span->span_link_count, sizeof *links);
    for (uint32_t i = 0; i < span->span_link_count; i++) {
        links[i].trace_id[below(chance, 16)] = (unsigned char)below(chance, 3);
        links[i].span_id = id_next(&chance->ids);
        links[i].trace_state = random_name(chance);
        links[i].attributes = random_attributes(chance, scene, &links[i].attribute_count);
    }
    span->span_links = links;
}

/* Some operations only, so that loops form; times that lie anywhere, also far outside of the parent. */
static void random_trace(struct chance *chance, struct scene *scene, struct trace_view *view)
{
    size_t count = 1 + below(chance, 400);
    scene_init(scene, count);
    const struct operation *operations[6];
    const struct resource *resources[3];
    for (unsigned i = 0; i < 6; i++) {
        struct operation *operation = arena_array(&scene->arena, 1, sizeof *operation);
        *operation = (struct operation){(enum operation_type)below(chance, OPERATION_TYPE_COUNT),
                                        random_name(chance), random_name(chance)};
        operations[i] = below(chance, 20) ? operation : NULL;
    }
    for (unsigned i = 0; i < 3; i++) {
        struct resource *resource = arena_array(&scene->arena, 1, sizeof *resource);
        *resource = (struct resource){random_name(chance), random_name(chance), random_name(chance)};
        resources[i] = below(chance, 20) ? resource : NULL;
    }
    bool is_chain = below(chance, 4) == 0, is_wild = below(chance, 3) == 0;
    for (size_t i = 0; i < count; i++) {
        size_t parent = i == 0 || below(chance, 60) == 0 ? NO_PARENT : is_chain ? i - 1 : below(chance, i);
        size_t added = scene_add(scene, parent, operations[below(chance, 6)], resources[below(chance, 3)],
                                 (int64_t)below(chance, 100000), (int64_t)below(chance, 20000));
        struct span *span = scene_span(scene, added);
        if (is_wild) span->start_ns = random_ns(chance) / 2;
        if (is_wild) span->duration_ns = (int64_t)(id_next(&chance->ids) >> (2 + below(chance, 60)));
        random_details(chance, scene, span);
        span->status = (enum span_status)below(chance, 3);
        span->rows = (int64_t)below(chance, 100) - 1;
        if (parent == NO_PARENT) span->parent_id = below(chance, 2);
        if (below(chance, 10) == 0) scene_attribute(scene, added, "error.type", random_name(chance).data);
    }
    scene_finish(scene);
    *view = (struct trace_view){&scene->trace, NULL, NULL, below(chance, 2) ? scene->trace.roots[0] : NULL};
}

static size_t colour_bytes(struct str rest)
{
    size_t len = 2;
    if (rest.len < 3 || rest.data[0] != '\x1b' || rest.data[1] != '[') return 0;
    while (len < rest.len && (rest.data[len] == ';' || (rest.data[len] >= '0' && rest.data[len] <= '9')))
        len++;
    return len < rest.len && rest.data[len] == 'm' ? len + 1 : 0;
}

static void check_line(const struct view *view, struct str line)
{
    unsigned cells = 0;
    bool is_space = false;
    while (line.len) {
        size_t colour = view->colour ? colour_bytes(line) : 0;
        size_t bytes = colour ? colour : utf8_char_bytes(line);
        unsigned char byte = (unsigned char)line.data[0];
        if (bytes == 0 || (!colour && (byte < 0x20 || byte == 0x7f)))
            fail_msg("seed %" PRIu64 ": byte %02x", seed, byte);
        if (view->ascii && byte > 0x7e) fail_msg("seed %" PRIu64 ": not ASCII: %02x", seed, byte);
        if (!colour) cells += cells_of(str_view(line.data, bytes));
        if (!colour) is_space = byte == ' ';
        line = str_skip(line, bytes);
    }
    if (cells > view->width)
        fail_msg("seed %" PRIu64 ": a line of %u columns in %u", seed, cells, view->width);
    if (is_space) fail_msg("seed %" PRIu64 ": a line ends in a space", seed);
}

static void check_text(const struct view *view, struct buffer *out)
{
    assert_false(out->failed);
    struct str rest = buffer_str(out);
    if (rest.len == 0 || rest.data[rest.len - 1] != '\n')
        fail_msg("seed %" PRIu64 ": no newline at the end", seed);
    while (rest.len) {
        const char *end = memchr(rest.data, '\n', rest.len);
        size_t len = (size_t)(end - rest.data);
        check_line(view, str_view(rest.data, len));
        rest = str_skip(rest, len + 1);
    }
    buffer_clear(out);
}

static void check_json(struct buffer *out)
{
    json_error_t error;
    assert_false(out->failed);
    assert_true(utf8_valid(buffer_str(out)));
    json_t *document = json_loadb(out->data, out->len, 0, &error);
    if (!document) fail_msg("seed %" PRIu64 ": %s at %d in %s", seed, error.text, error.position, out->data);
    json_decref(document);
    buffer_clear(out);
}

static void one_round(struct chance *chance)
{
    struct buffer out;
    buffer_init(&out);
    struct view view = {.width = 60 + (unsigned)below(chance, 120), .now_ns = random_ns(chance)};
    view.colour = below(chance, 3) == 0;
    view.ascii = below(chance, 3) == 0;
    uint32_t endpoint_count, finding_count, profile_count;
    struct endpoint_summary *endpoints = random_endpoints(chance, &endpoint_count);
    struct finding *findings = random_findings(chance, &finding_count);
    struct profile *profiles = random_profiles(chance, &profile_count);
    struct status_view *status = random_status(chance);
    struct analysis analysis = {.finding_count = finding_count, .findings = findings};
    struct scene scene;
    struct trace_view trace;
    random_trace(chance, &scene, &trace);
    trace.analysis = below(chance, 2) ? &analysis : NULL;

    text_report(&out, &view, endpoints, endpoint_count, below(chance, 4) ? status : NULL);
    check_text(&view, &out);
    text_requests(&out, &view, endpoints, endpoint_count);
    check_text(&view, &out);
    text_findings(&out, &view, findings, finding_count);
    check_text(&view, &out);
    text_status(&out, &view, status);
    check_text(&view, &out);
    text_trace(&out, &view, &trace);
    check_text(&view, &out);
    text_profiles(&out, &view, profiles, profile_count, (uint32_t)below(chance, 3));
    check_text(&view, &out);
    json_report(&out, endpoints, endpoint_count, below(chance, 4) ? status : NULL);
    check_json(&out);
    json_requests(&out, endpoints, endpoint_count);
    check_json(&out);
    json_findings(&out, findings, finding_count);
    check_json(&out);
    json_status(&out, status);
    check_json(&out);
    json_trace(&out, &trace);
    check_json(&out);
    json_profiles(&out, profiles, profile_count, 0);
    check_json(&out);

    scene_fini(&scene);
    buffer_fini(&out);
}

static void nothing_hostile_comes_through(void **state)
{
    (void)state;
    const char *given = getenv("WEIR_TEST_SEED");
    struct chance chance;
    id_random_bytes(&seed, sizeof seed);
    if (given) seed = strtoull(given, NULL, 10);
    for (unsigned round = 0; round < ROUNDS; round++, seed++) { /* each round replays alone */
        for (unsigned i = 0; i < 4; i++) chance.ids.state[i] = (seed + i + 1) * 0x9e3779b97f4a7c15u;
        arena_init(&chance.arena, (size_t)64 << 20);
        one_round(&chance);
        arena_fini(&chance.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_hostile_comes_through)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
