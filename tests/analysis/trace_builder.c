/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/trace_builder.h"

#include "base/clock.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

#define EPOCH_US INT64_C(1700000000000000)

static void *need(void *memory)
{
    if (!memory) abort();
    return memory;
}

void build_init(struct build *build)
{
    *build = (struct build){.now_us = EPOCH_US};
    arena_init(&build->arena, (size_t)4 << 30);
    build_service(build, "shop");
}

void build_fini(struct build *build) { arena_fini(&build->arena); }

void build_service(struct build *build, const char *name)
{
    struct resource *resource = need(arena_array(&build->arena, 1, sizeof *resource));
    *resource = (struct resource){.service_name = str_of(name), .instance_id = str_of(name)};
    build->resource = resource;
}

static const struct operation *make_operation(struct build *build, enum operation_type type,
                                              const char *system, const char *text)
{
    struct operation *operation = need(arena_alloc(&build->arena, sizeof *operation));
    *operation = (struct operation){type, str_of(system), str_of(text)};
    return operation;
}

static struct span *add_span(struct build *build, const struct span *parent,
                             const struct operation *operation)
{
    if (build->count == build->room) {
        size_t room = build->room ? build->room * 2 : 64;
        struct span **grown = need(arena_alloc(&build->arena, room * sizeof(struct span *)));
        if (build->count) memcpy(grown, build->spans, build->count * sizeof(struct span *));
        build->spans = grown;
        build->room = room;
    }
    struct span *span = need(arena_array(&build->arena, 1, sizeof *span));
    *span = (struct span){
        .id = ++build->last_id,
        .parent_id = parent ? parent->id : 0,
        .kind = SPAN_KIND_INTERNAL,
        .operation = operation,
        .resource = build->resource,
        .start_ns = build->now_us * NS_PER_US,
        .rows = -1,
        .connection = build->connection,
    };
    return build->spans[build->count++] = span;
}

struct span *open_server(struct build *build, const struct span *parent, const char *endpoint)
{
    struct span *span = add_span(build, parent, make_operation(build, OPERATION_ENDPOINT, "", endpoint));
    span->kind = SPAN_KIND_SERVER;
    span->remote_parent = parent != NULL;
    return span;
}

struct span *open_span(struct build *build, const struct span *parent, const char *name)
{
    return add_span(build, parent, make_operation(build, OPERATION_SPAN, "", name));
}

void span_close(struct build *build, struct span *span)
{
    span->duration_ns = build->now_us * NS_PER_US - span->start_ns;
}

static struct span *add_call(struct build *build, const struct span *parent,
                             const struct operation *operation, int64_t for_us, uint64_t input)
{
    struct span *span = add_span(build, parent, operation);
    span->kind = SPAN_KIND_CLIENT;
    span->duration_ns = for_us * NS_PER_US;
    span->input_hash = input ? hash_combine(1, input) : 0;
    span->input_count = input != 0;
    build->now_us += for_us;
    return span;
}

struct span *call_db(struct build *build, const struct span *parent, const char *sql, int64_t for_us,
                     uint64_t input)
{
    return add_call(build, parent, make_operation(build, OPERATION_DB, "postgresql", sql), for_us, input);
}

struct span *call_http(struct build *build, const struct span *parent, const char *host, const char *text,
                       int64_t for_us, uint64_t input)
{
    return add_call(build, parent, make_operation(build, OPERATION_HTTP, host, text), for_us, input);
}

struct span *call_cache(struct build *build, const struct span *parent, const char *text, int64_t for_us,
                        uint64_t input)
{
    return add_call(build, parent, make_operation(build, OPERATION_CACHE, "redis", text), for_us, input);
}

struct span *call_connect(struct build *build, const struct span *parent, int64_t for_us)
{
    return add_call(build, parent, make_operation(build, OPERATION_CONNECT, "postgresql", "connect"), for_us,
                    0);
}

void link_to(struct build *build, struct span *span, const struct span *from, enum link_kind kind,
             uint32_t column, uint32_t row)
{
    struct link *links = need(arena_alloc(&build->arena, (span->link_count + 1) * sizeof *links));
    if (span->link_count) memcpy(links, span->links, span->link_count * sizeof *links);
    links[span->link_count++] = (struct link){from->id, kind, column, row};
    span->links = links;
}

void unread_of(struct build *build, struct span *span, const struct span *earlier)
{
    uint64_t *unread = need(arena_alloc(&build->arena, (span->unread_count + 1) * sizeof *unread));
    if (span->unread_count) memcpy(unread, span->unread, span->unread_count * sizeof *unread);
    unread[span->unread_count++] = earlier->id;
    span->unread = unread;
}

static void loop_of(struct build *build, const struct span *parent, const struct operation *operation,
                    int64_t each_us, uint32_t count, const struct span *source, uint32_t column,
                    uint64_t first_input)
{
    for (uint32_t k = 0; k < count; k++) {
        struct span *call = add_call(build, parent, operation, each_us, first_input + k);
        if (source && k < 32) link_to(build, call, source, LINK_SEQUENCE, column, k);
    }
}

void loop_db(struct build *build, const struct span *parent, const char *sql, int64_t each_us, uint32_t count,
             const struct span *source, uint32_t column, uint64_t first_input)
{
    loop_of(build, parent, make_operation(build, OPERATION_DB, "postgresql", sql), each_us, count, source,
            column, first_input);
}

void loop_http(struct build *build, const struct span *parent, const char *host, const char *text,
               int64_t each_us, uint32_t count, const struct span *source, uint32_t column,
               uint64_t first_input)
{
    loop_of(build, parent, make_operation(build, OPERATION_HTTP, host, text), each_us, count, source, column,
            first_input);
}

static struct trace assemble(struct build *build, struct span *spans, size_t count)
{
    struct trace trace = {.id = {7}, .spans = spans, .span_count = count, .fragment_count = 1};
    if (!trace_assemble(&trace, &build->arena)) abort();
    return trace;
}

struct trace build_trace(struct build *build)
{
    struct span *spans = need(arena_alloc(&build->arena, build->count * sizeof *spans));
    for (size_t i = 0; i < build->count; i++) spans[i] = *build->spans[i];
    return assemble(build, spans, build->count);
}

static uint64_t next_random(uint64_t *state)
{
    *state = hash_combine(*state, 0x2545f4914f6cdd1d);
    return *state;
}

/* Every third span twice, all in an order that the seed decides. */
struct trace build_trace_shuffled(struct build *build, uint64_t seed)
{
    size_t count = build->count + (build->count + 2) / 3, at = 0;
    struct span *spans = need(arena_alloc(&build->arena, count * sizeof *spans));
    for (size_t i = 0; i < build->count; i++) {
        spans[at++] = *build->spans[i];
        if (i % 3 == 0) spans[at++] = *build->spans[i];
    }
    for (size_t i = count; i > 1; i--) {
        size_t other = next_random(&seed) % i;
        struct span swapped = spans[i - 1];
        spans[i - 1] = spans[other];
        spans[other] = swapped;
    }
    return assemble(build, spans, count);
}

struct analysis build_analysis(struct build *build)
{
    struct analysis_settings settings = analysis_settings_default();
    struct trace *trace = need(arena_alloc(&build->arena, sizeof *trace));
    struct analysis analysis;
    *trace = build_trace(build);
    if (!analyse_trace(&analysis, trace, &settings, &build->arena)) abort();
    return analysis;
}

struct finding *build_findings(struct build *build, uint32_t *count)
{
    struct analysis_settings settings = analysis_settings_default();
    struct analysis analysis = build_analysis(build);
    const struct finding **list =
        need(arena_alloc(&build->arena, analysis.finding_count * sizeof(struct finding *)));
    for (uint32_t i = 0; i < analysis.finding_count; i++) list[i] = &analysis.findings[i];
    return aggregate_findings(list, analysis.finding_count, 1, &settings, &build->arena, count);
}
