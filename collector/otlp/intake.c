/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/intake.h"

#include "base/id.h"
#include "collector/otlp/otlp_json.h"
#include "collector/otlp/span_mapping.h"
#include "collector/otlp/value_text.h"
#include "collector/otlp/zipkin_json.h"

#include <stdlib.h>

#define BATCHES_MAX      4096              /* of one body; spans of resources beyond are refused */
#define AROUND_BYTES_MAX ((size_t)4 << 20) /* copies of a resource and a scope */

struct intake {
    struct batch_builder builder;
    struct hash_key key; /* of inputs and of producers: this process's */
    struct arena reading, scratch;
    struct span_mapping mapping;
    uint64_t sequence; /* of the batch before; of all producers together */

    /* Of the spans that are being read: a batch that is begun in their middle has them, too. */
    struct arena resource_arena, scope_arena;
    struct otlp_attributes resource;
    struct otlp_scope scope;
    uint32_t scope_index;
    struct intake_result *result;
    struct intake_batch **last;
    bool no_memory;
};

struct intake *intake_new(void)
{
    struct intake *intake = calloc(1, sizeof *intake);
    if (!intake) return NULL;
    builder_init(&intake->builder);
    hash_key_random(&intake->key);
    arena_init(&intake->reading, OTLP_ARENA_BYTES_MAX);
    arena_init(&intake->scratch, MAPPING_SCRATCH_BYTES);
    arena_init(&intake->resource_arena, AROUND_BYTES_MAX);
    arena_init(&intake->scope_arena, AROUND_BYTES_MAX);
    intake->mapping = (struct span_mapping){&intake->builder, &intake->key, &intake->scratch};
    return intake;
}

void intake_free(struct intake *intake)
{
    if (!intake) return;
    builder_fini(&intake->builder);
    arena_fini(&intake->reading);
    arena_fini(&intake->scratch);
    arena_fini(&intake->resource_arena);
    arena_fini(&intake->scope_arena);
    free(intake);
}

void intake_result_fini(struct intake_result *result)
{
    for (struct intake_batch *batch = result->batches, *next; batch; batch = next) {
        next = batch->next;
        free(batch->packed);
        free(batch);
    }
    *result = (struct intake_result){0};
}

/* ---- batches ---- */

/* Each resource is a producer of its own: `weir status` shows them one by one. */
static uint64_t producer_of(const struct intake *intake)
{
    uint64_t producer = hash_keyed(&intake->key, "producer", 8);
    for (size_t i = 0; i < intake->resource.count; i++) {
        struct str key = intake->resource.items[i].key, value = intake->resource.items[i].value.text;
        producer = hash_combine(producer, hash_keyed(&intake->key, key.data, key.len));
        producer = hash_combine(producer, hash_keyed(&intake->key, value.data, value.len));
    }
    return producer ? producer : 1;
}

static void pack_batch(struct intake *intake)
{
    struct intake_batch *batch = calloc(1, sizeof *batch);
    bool packed = batch && builder_pack(&intake->builder, producer_of(intake), intake->sequence + 1,
                                        &batch->packed, &batch->bytes);
    if (!packed) {
        free(batch);
        intake->no_memory = true;
        return;
    }
    intake->sequence++;
    batch->spans = intake->builder.batch.span_count;
    *intake->last = batch;
    intake->last = &batch->next;
    intake->result->batch_count++;
    intake->result->bytes += batch->bytes;
}

static void begin_batch(struct intake *intake)
{
    builder_clear(&intake->builder);
    map_resource(&intake->mapping, &intake->resource);
    intake->scope_index = map_scope(&intake->mapping, &intake->scope);
}

static void end_batch(struct intake *intake)
{
    if (intake->builder.batch.span_count) pack_batch(intake);
}

/* ---- what the readers hand over ---- */

/* Resources have text only. */
static bool take_resource(void *context, const struct otlp_attributes *resource)
{
    struct intake *intake = context;
    end_batch(intake);
    arena_reset(&intake->resource_arena);
    struct otlp_attribute *items = arena_array(&intake->resource_arena, resource->count, sizeof *items);
    for (size_t i = 0; items && i < resource->count; i++) {
        arena_reset(&intake->scratch);
        struct str text = value_as_text(&resource->items[i].value, &intake->scratch);
        items[i].key = arena_str(&intake->resource_arena, resource->items[i].key);
        items[i].value =
            (struct otlp_value){.type = OTLP_STRING, .text = arena_str(&intake->resource_arena, text)};
    }
    bool fits = !arena_exhausted(&intake->resource_arena);
    intake->resource = (struct otlp_attributes){fits ? resource->count : 0, items, 0};
    intake->scope = (struct otlp_scope){.name = STR(""), .version = STR("")};
    begin_batch(intake);
    return !intake->no_memory;
}

static bool take_scope(void *context, const struct otlp_scope *scope)
{
    struct intake *intake = context;
    arena_reset(&intake->scope_arena);
    intake->scope = (struct otlp_scope){.name = arena_str(&intake->scope_arena, scope->name),
                                        .version = arena_str(&intake->scope_arena, scope->version)};
    if (arena_exhausted(&intake->scope_arena))
        intake->scope = (struct otlp_scope){.name = STR(""), .version = STR("")};
    intake->scope_index = map_scope(&intake->mapping, &intake->scope);
    return true;
}

static bool take_span(void *context, const struct otlp_span *span)
{
    struct intake *intake = context;
    const char *why;
    if (intake->result->batch_count == BATCHES_MAX) {
        intake->result->rejected_spans++;
        if (!intake->result->why) intake->result->why = "too many resources in one post";
        return true;
    }
    if (map_span(&intake->mapping, span, intake->scope_index, &why)) {
        if (!builder_is_full(&intake->builder)) return true;
        end_batch(intake);
        begin_batch(intake);
    } else if (why) {
        intake->result->rejected_spans++;
        if (!intake->result->why) intake->result->why = why;
    } else {
        intake->no_memory = true;
    }
    return !intake->no_memory;
}

/* ---- the whole ---- */

static bool read_body(struct intake *intake, enum body_format format, const void *body, size_t bytes,
                      const char **why)
{
    const struct otlp_visitor visitor = {intake, take_resource, take_scope, take_span};
    switch (format) {
    case BODY_OTLP_PROTOBUF:
        return otlp_request_read(body, bytes, &intake->reading, &visitor, why);
    case BODY_OTLP_JSON:
        return otlp_json_read(body, bytes, &intake->reading, &visitor, why);
    case BODY_ZIPKIN_JSON:
        return zipkin_json_read(body, bytes, &intake->reading, &visitor, why);
    }
    return false;
}

/* A large body's memory is not kept for the small ones that follow. */
static void give_back(struct intake *intake)
{
    if (intake->builder.strings.room_bytes > BUILDER_BYTES_MAX) {
        builder_fini(&intake->builder);
        builder_init(&intake->builder);
    }
    builder_clear(&intake->builder);
    arena_fini(&intake->reading);
}

enum intake_outcome intake_read(struct intake *intake, enum body_format format, const void *body,
                                size_t bytes, struct intake_result *result, const char **why)
{
    *result = (struct intake_result){0};
    intake->result = result;
    intake->last = &result->batches;
    intake->no_memory = false;
    intake->resource = (struct otlp_attributes){0};
    intake->scope = (struct otlp_scope){.name = STR(""), .version = STR("")};
    begin_batch(intake);
    bool read = read_body(intake, format, body, bytes, why);
    if (read) end_batch(intake);
    give_back(intake);
    if (read && !intake->no_memory) return INTAKE_READ;
    intake_result_fini(result);
    return intake->no_memory ? INTAKE_NO_MEMORY : INTAKE_MALFORMED;
}
