/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analysis/units.h"

#include "collector/analysis/id_table.h"

#include <stdlib.h>

/* ---- groups ---- */

/* First every anchor by itself; then those too small to be a loop are put together with the other rounds'
 * wrappers. */
struct part {
    uint32_t operation, family;
    uint32_t count;
    uint32_t rounds; /* of a family: how many anchors with calls it has */
    uint32_t merged; /* of an anchor: its family's part, or CALL_NONE */
    uint32_t group;
};

struct parts {
    uint32_t count, room;
    struct part *list;
    struct arena *arena;
};

static bool add_part(struct parts *parts, uint32_t operation, uint32_t family)
{
    if (parts->count == parts->room) {
        uint32_t room = parts->room ? parts->room * 2 : 16;
        struct part *grown = arena_alloc(parts->arena, room * sizeof *grown);
        if (!grown) return false;
        if (parts->count) memcpy(grown, parts->list, parts->count * sizeof *grown);
        parts->list = grown;
        parts->room = room;
    }
    parts->list[parts->count++] =
        (struct part){.operation = operation, .family = family, .merged = CALL_NONE, .group = CALL_NONE};
    return true;
}

static bool part_by_anchor(struct parts *parts, struct request_calls *calls)
{
    struct id_table table;
    if (!id_table_init(&table, parts->arena, 0)) return false;
    for (uint32_t i = 0; i < calls->count; i++) {
        struct call *call = &calls->calls[i];
        bool fresh;
        uint32_t *part =
            id_table_put(&table, id_table_pair(call->anchor, call->operation), parts->count, &fresh);
        if (!part || (fresh && !add_part(parts, call->operation, call->family))) return false;
        call->group = *part;
        parts->list[call->group].count++;
    }
    return true;
}

static bool part_by_family(struct parts *parts, int64_t loop_calls_min)
{
    struct id_table table;
    uint32_t anchors = parts->count;
    if (!id_table_init(&table, parts->arena, 0)) return false;
    for (uint32_t i = 0; i < anchors; i++) {
        if (parts->list[i].count >= loop_calls_min) continue;
        uint32_t operation = parts->list[i].operation, family = parts->list[i].family;
        bool fresh;
        uint32_t *merged = id_table_put(&table, id_table_pair(family, operation), parts->count, &fresh);
        if (!merged || (fresh && !add_part(parts, operation, family))) return false;
        parts->list[i].merged = *merged;
        parts->list[*merged].rounds++;
        parts->list[*merged].count += parts->list[i].count;
    }
    return true;
}

static uint32_t part_of_call(const struct parts *parts, const struct call *call, int64_t loop_calls_min)
{
    uint32_t merged = parts->list[call->group].merged;
    return merged != CALL_NONE && parts->list[merged].rounds >= loop_calls_min ? merged : call->group;
}

/* Numbers the parts that have calls in order of their first, and deals the calls out to them. */
static bool deal_calls(struct grouping *result, struct parts *parts, const struct trace_requests *trace,
                       struct request_calls *calls, int64_t loop_calls_min)
{
    result->groups = arena_array(parts->arena, parts->count, sizeof *result->groups);
    uint32_t *room = arena_alloc(parts->arena, calls->count * sizeof *room);
    if (!result->groups || !room) return false;
    for (uint32_t i = 0; i < calls->count; i++) {
        struct call *call = &calls->calls[i];
        struct part *part = &parts->list[part_of_call(parts, call, loop_calls_min)];
        if (part->group == CALL_NONE) {
            part->group = result->count++;
            result->groups[part->group] = (struct group){.operation = call->operation, .calls = room};
            room += part->count;
        }
        call->group = part->group;
        struct group *group = &result->groups[call->group];
        group->calls[group->count++] = i;
    }
    for (uint32_t i = 0; i < result->count; i++) {
        struct group *group = &result->groups[i];
        group->is_loop = group->count >= loop_calls_min &&
                         !trace_operation_is_transaction(&trace->operations[group->operation]);
    }
    return true;
}

bool group_calls(struct grouping *result, const struct trace_requests *trace, struct request_calls *calls,
                 int64_t loop_calls_min, struct arena *arena)
{
    struct parts parts = {.arena = arena};
    *result = (struct grouping){0};
    return part_by_anchor(&parts, calls) && part_by_family(&parts, loop_calls_min) &&
           deal_calls(result, &parts, trace, calls, loop_calls_min);
}

/* ---- units ---- */

struct unit_list {
    uint32_t count, room;
    struct unit *units;
    struct arena *arena;
    const struct request_calls *calls;
    int64_t floor_ns;
};

static struct unit measure(const struct request_calls *calls, const struct group *group, uint32_t from,
                           uint32_t to)
{
    struct unit unit = {
        .operation = group->operation,
        .group = calls->calls[group->calls[from]].group,
        .count = to - from,
        .calls = group->calls + from,
        .start_ns = calls->calls[group->calls[from]].start_ns,
        .end_ns = INT64_MIN,
    };
    for (uint32_t i = from; i < to; i++) {
        const struct call *call = &calls->calls[group->calls[i]];
        int64_t from_ns = call->start_ns > unit.end_ns ? call->start_ns : unit.end_ns;
        if (call->end_ns > from_ns) unit.cost_ns += call->end_ns - from_ns;
        if (call->end_ns > unit.end_ns) unit.end_ns = call->end_ns;
    }
    return unit;
}

static bool add_unit(struct unit_list *list, const struct group *group, uint32_t from, uint32_t to)
{
    struct unit unit = measure(list->calls, group, from, to);
    if (unit.cost_ns < list->floor_ns) return true;
    if (list->count == list->room) {
        uint32_t room = list->room ? list->room * 2 : 16;
        struct unit *grown = arena_alloc(list->arena, room * sizeof *grown);
        if (!grown) return false;
        if (list->count) memcpy(grown, list->units, list->count * sizeof *grown);
        list->units = grown;
        list->room = room;
    }
    list->units[list->count++] = unit;
    return true;
}

/* Where neighbours end: the first call whose predecessor in the group is not its predecessor in the request.
 */
static uint32_t neighbours_end(const struct unit_list *list, const struct group *group, uint32_t from)
{
    uint32_t to = from + 1;
    while (to < group->count && group->calls[to] == group->calls[to - 1] + 1 &&
           !list->calls->calls[group->calls[to]].is_repeat) {
        to++;
    }
    return to;
}

static bool add_units_of(struct unit_list *list, const struct group *group)
{
    if (group->is_loop) return add_unit(list, group, 0, group->count);
    for (uint32_t from = 0; from < group->count;) {
        uint32_t to = neighbours_end(list, group, from);
        bool repeat = list->calls->calls[group->calls[from]].is_repeat;
        if (!repeat && !add_unit(list, group, from, to)) return false;
        from = to;
    }
    return true;
}

static int costliest_first(const void *a, const void *b)
{
    const struct unit *x = a, *y = b;
    if (x->cost_ns != y->cost_ns) return x->cost_ns > y->cost_ns ? -1 : 1;
    return (x->calls[0] > y->calls[0]) - (x->calls[0] < y->calls[0]);
}

static int earliest_first(const void *a, const void *b)
{
    const struct unit *x = a, *y = b;
    return (x->calls[0] > y->calls[0]) - (x->calls[0] < y->calls[0]);
}

bool make_units(struct unit *units, uint32_t *unit_count, const struct trace_requests *trace,
                const struct grouping *grouping, const struct request_calls *calls, int64_t floor_ns,
                struct arena *arena)
{
    struct unit_list list = {.arena = arena, .calls = calls, .floor_ns = floor_ns > 0 ? floor_ns : 1};
    *unit_count = 0;
    for (uint32_t i = 0; i < grouping->count; i++) {
        const struct group *group = &grouping->groups[i];
        if (trace_operation_is_transaction(&trace->operations[group->operation])) continue;
        if (!add_units_of(&list, group)) return false;
    }
    if (list.count == 0) return true;
    qsort(list.units, list.count, sizeof *list.units, costliest_first);
    *unit_count = list.count < UNITS_MAX ? list.count : UNITS_MAX;
    memcpy(units, list.units, *unit_count * sizeof *units);
    qsort(units, *unit_count, sizeof *units, earliest_first);
    return true;
}
