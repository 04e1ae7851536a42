/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/viewer/scene.h"

#include <stdlib.h>

#define ARENA_BYTES_MAX ((size_t)256 << 20)

void scene_init(struct scene *scene, size_t spans_max)
{
    memset(scene, 0, sizeof *scene);
    arena_init(&scene->arena, ARENA_BYTES_MAX);
    scene->room = spans_max;
    scene->trace.spans = arena_array(&scene->arena, spans_max, sizeof(struct span));
    scene->parents = arena_array(&scene->arena, spans_max, sizeof(size_t));
    scene->trace.fragment_count = 1;
    scene->trace.complete = true;
    for (unsigned i = 0; i < 16; i++) scene->trace.id[i] = (unsigned char)(0x4b + i * 7);
}

void scene_fini(struct scene *scene) { arena_fini(&scene->arena); }

const struct operation *scene_operation(struct scene *scene, enum operation_type type, const char *system,
                                        const char *text)
{
    struct operation *operation = arena_array(&scene->arena, 1, sizeof *operation);
    *operation = (struct operation){type, str_of(system), str_of(text)};
    return operation;
}

const struct resource *scene_resource(struct scene *scene, const char *service, const char *version)
{
    struct resource *resource = arena_array(&scene->arena, 1, sizeof *resource);
    *resource = (struct resource){str_of(service), str_of(version), str_of("host-1")};
    return resource;
}

static enum span_kind kind_of(enum operation_type type)
{
    return type == OPERATION_ENDPOINT ? SPAN_KIND_SERVER
           : type == OPERATION_SPAN   ? SPAN_KIND_INTERNAL
                                      : SPAN_KIND_CLIENT;
}

size_t scene_add(struct scene *scene, size_t parent, const struct operation *operation,
                 const struct resource *resource, int64_t start_us, int64_t duration_us)
{
    size_t index = scene->trace.span_count++;
    if (index >= scene->room) abort();
    struct span *span = &scene->trace.spans[index];
    span->id = 0xb7ad6b7169200000u + index + 1;
    span->parent_id = parent == NO_PARENT ? 0 : scene->trace.spans[parent].id;
    span->kind = operation ? kind_of(operation->type) : SPAN_KIND_INTERNAL;
    span->operation = operation;
    span->resource = resource;
    span->start_ns = SCENE_START_NS + start_us * 1000;
    span->duration_ns = duration_us * 1000;
    span->rows = -1;
    scene->parents[index] = parent;
    return index;
}

struct span *scene_span(struct scene *scene, size_t index) { return &scene->trace.spans[index]; }

void scene_attribute(struct scene *scene, size_t index, const char *key, const char *value)
{
    struct attribute *attribute = arena_array(&scene->arena, 1, sizeof *attribute);
    attribute->key = str_of(key);
    attribute->type = 1;
    attribute->text = str_of(value);
    scene->trace.spans[index].attributes = attribute;
    scene->trace.spans[index].attribute_count = 1;
}

static void *one_more(struct scene *scene, const void *array, uint32_t count, size_t bytes)
{
    char *larger = arena_array(&scene->arena, count + 1, bytes);
    if (count) memcpy(larger, array, count * bytes);
    return larger;
}

void scene_event(struct scene *scene, size_t index, const char *name, int64_t at_us,
                 const struct attribute *attributes, uint32_t count)
{
    struct span *span = &scene->trace.spans[index];
    struct span_event *events = one_more(scene, span->events, span->event_count, sizeof *events);
    struct attribute *copy = arena_array(&scene->arena, count, sizeof *copy);
    if (count) memcpy(copy, attributes, count * sizeof *copy);
    events[span->event_count++] = (struct span_event){.time_ns = SCENE_START_NS + at_us * 1000,
                                                      .name = str_of(name),
                                                      .attribute_count = count,
                                                      .attributes = copy};
    span->events = events;
}

void scene_link(struct scene *scene, size_t index, const struct span_link *link)
{
    struct span *span = &scene->trace.spans[index];
    struct span_link *links = one_more(scene, span->span_links, span->span_link_count, sizeof *links);
    links[span->span_link_count++] = *link;
    span->span_links = links;
}

struct order {
    int64_t start_ns;
    size_t added;
};

static int by_start(const void *a, const void *b)
{
    const struct order *left = a, *right = b;
    if (left->start_ns != right->start_ns) return left->start_ns < right->start_ns ? -1 : 1;
    return left->added < right->added ? -1 : left->added > right->added;
}

static void append_child(struct span *parent, struct span *child)
{
    child->parent = parent;
    if (parent->last_child)
        parent->last_child->next_sibling = child;
    else
        parent->first_child = child;
    parent->last_child = child;
}

void scene_finish(struct scene *scene)
{
    struct trace *trace = &scene->trace;
    size_t count = trace->span_count;
    struct order *order = arena_array(&scene->arena, count, sizeof *order);
    struct span *sorted = arena_array(&scene->arena, count, sizeof *sorted);
    size_t *place = arena_array(&scene->arena, count, sizeof *place);
    trace->roots = arena_array(&scene->arena, count, sizeof *trace->roots);
    for (size_t i = 0; i < count; i++) order[i] = (struct order){trace->spans[i].start_ns, i};
    qsort(order, count, sizeof *order, by_start);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = trace->spans[order[i].added];
        place[order[i].added] = i;
    }
    trace->spans = sorted;
    for (size_t i = 0; i < count; i++) {
        size_t parent = scene->parents[order[i].added];
        if (parent == NO_PARENT)
            trace->roots[trace->root_count++] = &sorted[i];
        else
            append_child(&sorted[place[parent]], &sorted[i]);
    }
}
