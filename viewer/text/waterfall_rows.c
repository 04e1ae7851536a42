/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/waterfall_rows.h"

#include "base/hash.h"

#include <stdlib.h>

struct builder {
    const struct trace *trace;
    struct arena *arena;
    struct rows *rows;
    struct row **tail; /* where the next shown row is linked */
    uint32_t shown;
    struct row *stack;      /* rows to come, the next one first */
    struct interval *drawn; /* by index of span: what is drawn of it */
    int64_t gap_min_ns;
};

struct keyed {
    uint64_t key; /* equal for spans that may share a row */
    const struct span *span;
};

int64_t since_ns(int64_t a, int64_t b)
{
    int64_t difference;
    if (__builtin_sub_overflow(b, a, &difference)) return b > a ? INT64_MAX : INT64_MIN;
    return difference;
}

static int64_t add_ns(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static size_t index_of(const struct builder *builder, const struct span *span)
{
    return (size_t)(span - builder->trace->spans);
}

static uint64_t hash_str(uint64_t running, struct str text)
{
    return hash_combine(running, text.len ? hash_bytes(text.data, text.len) : 0);
}

static uint64_t key_of(const struct span *span)
{
    uint64_t key = hash_combine(0, (uint64_t)span->kind);
    if (span->operation) {
        key = hash_combine(key, (uint64_t)span->operation->type);
        key = hash_str(key, span->operation->system);
        key = hash_str(key, span->operation->text);
    }
    return span->resource ? hash_str(key, span->resource->service_name) : key;
}

static int by_key(const void *a, const void *b)
{
    const struct keyed *left = a, *right = b;
    if (left->key != right->key) return left->key < right->key ? -1 : 1;
    if (left->span->start_ns != right->span->start_ns)
        return left->span->start_ns < right->span->start_ns ? -1 : 1;
    return left->span < right->span ? -1 : left->span > right->span;
}

static int by_start(const void *a, const void *b)
{
    const struct row *left = *(struct row *const *)a, *right = *(struct row *const *)b;
    if (left->start_ns != right->start_ns) return left->start_ns < right->start_ns ? -1 : 1;
    if (left->kind != right->kind) return left->kind == ROW_SPANS ? -1 : 1;
    if (left->kind == ROW_GAP) return 0;
    return left->members[0] < right->members[0] ? -1 : left->members[0] > right->members[0];
}

static int by_interval(const void *a, const void *b)
{
    const struct interval *left = a, *right = b;
    return left->start_ns < right->start_ns ? -1 : left->start_ns > right->start_ns;
}

static bool same_service(const struct span *a, const struct span *b)
{
    if (a->resource == b->resource || !a->resource || !b->resource) return true;
    return str_equal(a->resource->service_name, b->resource->service_name) &&
           str_equal(a->resource->instance_id, b->resource->instance_id);
}

static struct interval clamp(struct interval of, struct interval to)
{
    if (of.start_ns < to.start_ns) of.start_ns = to.start_ns;
    if (of.start_ns > to.end_ns) of.start_ns = to.end_ns;
    if (of.end_ns > to.end_ns) of.end_ns = to.end_ns;
    if (of.end_ns < of.start_ns) of.end_ns = of.start_ns;
    return of;
}

static int64_t end_ns(const struct span *span)
{
    if (span->duration_ns < 0) return span->start_ns;
    return add_ns(span->start_ns, span->duration_ns);
}

/* Another process has another clock: what it did for a call it did within the call. */
static struct interval drawn_of(const struct builder *builder, const struct span *span)
{
    struct interval own = {span->start_ns, end_ns(span)};
    bool foreign = span->parent && !same_service(span, span->parent) && builder->rows->first != NULL;
    return clamp(own, foreign ? builder->drawn[index_of(builder, span->parent)] : builder->rows->axis);
}

static struct row *new_row(struct builder *builder, enum row_kind kind, const struct row *parent,
                           uint32_t count)
{
    struct row *row = arena_array(builder->arena, 1, sizeof *row);
    if (!row) return NULL;
    row->kind = kind;
    row->parent = parent;
    row->depth = parent ? parent->depth + 1 : 0;
    row->count = count;
    row->intervals = arena_array(builder->arena, count, sizeof *row->intervals);
    if (kind == ROW_SPANS) row->members = arena_array(builder->arena, count, sizeof(struct span *));
    return row->intervals && (row->members || kind == ROW_GAP) ? row : NULL;
}

static struct row *spans_row(struct builder *builder, const struct row *parent, const struct keyed *keyed,
                             uint32_t count)
{
    struct row *row = new_row(builder, ROW_SPANS, parent, count);
    if (!row) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct span *span = keyed[i].span;
        row->members[i] = span;
        row->intervals[i] = builder->drawn[index_of(builder, span)] = drawn_of(builder, span);
        if (__builtin_add_overflow(row->total_ns, span->duration_ns, &row->total_ns))
            row->total_ns = INT64_MAX;
    }
    row->start_ns = row->intervals[0].start_ns;
    return row;
}

/* Rows found for one parent, before they are put in order. */
struct found {
    struct row **rows;
    size_t count;
};

/* Spans sorted by key → rows; those alike share one when they are many, or when their parents share one. */
static bool group(struct builder *builder, struct found *found, const struct row *parent, struct keyed *keyed,
                  size_t count)
{
    qsort(keyed, count, sizeof *keyed, by_key);
    bool parent_is_folded = parent && parent->count > 1;
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && keyed[to].key == keyed[from].key; to++) {
        }
        bool fold = parent_is_folded || to - from >= FOLD_MIN;
        for (size_t at = from; at < to; at += fold ? to - from : 1) {
            struct row *row = spans_row(builder, parent, keyed + at, fold ? (uint32_t)(to - from) : 1);
            if (!row) return false;
            found->rows[found->count++] = row;
        }
    }
    return true;
}

/* The times of one span in which none of its children ran, into pieces; returns how many. */
static size_t pieces_of(const struct builder *builder, const struct span *span, struct interval *children,
                        struct interval *pieces)
{
    size_t count = 0, found = 0;
    struct interval own = builder->drawn[index_of(builder, span)];
    for (const struct span *child = span->first_child; child; child = child->next_sibling)
        children[count++] = clamp(builder->drawn[index_of(builder, child)], own);
    if (count == 0) return 0;
    qsort(children, count, sizeof *children, by_interval);
    int64_t cursor = own.start_ns;
    for (size_t i = 0; i < count; i++) {
        if (children[i].start_ns > cursor) pieces[found++] = (struct interval){cursor, children[i].start_ns};
        if (children[i].end_ns > cursor) cursor = children[i].end_ns;
    }
    if (own.end_ns > cursor) pieces[found++] = (struct interval){cursor, own.end_ns};
    return found;
}

static bool gap_row(struct builder *builder, struct found *found, const struct row *parent,
                    const struct interval *pieces, size_t count)
{
    struct row *row = new_row(builder, ROW_GAP, parent, (uint32_t)count);
    if (!row) return false;
    memcpy(row->intervals, pieces, count * sizeof *pieces);
    for (size_t i = 0; i < count; i++)
        row->total_ns = add_ns(row->total_ns, pieces[i].end_ns - pieces[i].start_ns);
    row->start_ns =
        count == 1 ? pieces[0].start_ns : INT64_MAX; /* many pauses: behind what stands between them */
    found->rows[found->count++] = row;
    return true;
}

/* A pause long enough gets a row of its own, at its place; the short ones one row together, if that is long
 * enough. */
static bool gaps(struct builder *builder, struct found *found, const struct row *parent, size_t child_count)
{
    size_t room = child_count + parent->count, count = 0, small = 0;
    struct interval *children = arena_array(builder->arena, child_count, sizeof *children);
    struct interval *pieces = arena_array(builder->arena, room, sizeof *pieces);
    if (!children || !pieces) return false;
    for (uint32_t i = 0; i < parent->count; i++)
        count += pieces_of(builder, parent->members[i], children, pieces + count);
    int64_t small_ns = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t ns = pieces[i].end_ns - pieces[i].start_ns;
        if (ns >= builder->gap_min_ns && parent->count == 1) {
            if (!gap_row(builder, found, parent, &pieces[i], 1)) return false;
        } else {
            pieces[small++] = pieces[i];
            small_ns = add_ns(small_ns, ns);
        }
    }
    if (small == 0 || small_ns < builder->gap_min_ns) return true;
    return gap_row(builder, found, parent, pieces, small);
}

static void push(struct builder *builder, struct found *found)
{
    qsort(found->rows, found->count, sizeof(struct row *), by_start);
    for (size_t i = found->count; i-- > 0;) {
        found->rows[i]->is_last = i + 1 == found->count;
        found->rows[i]->next = builder->stack;
        builder->stack = found->rows[i];
    }
}

static bool expand(struct builder *builder, struct row *parent)
{
    size_t count = 0;
    for (uint32_t i = 0; i < parent->count; i++)
        for (const struct span *child = parent->members[i]->first_child; child; child = child->next_sibling)
            count++;
    if (count == 0) return true;
    parent->has_children = true;
    struct keyed *keyed = arena_array(builder->arena, count, sizeof *keyed);
    /* One row a child at most, and a gap before, between and behind them. */
    struct found found = {arena_array(builder->arena, 2 * count + parent->count + 1, sizeof(struct row *)),
                          0};
    if (!keyed || !found.rows) return false;
    size_t at = 0;
    for (uint32_t i = 0; i < parent->count; i++)
        for (const struct span *child = parent->members[i]->first_child; child; child = child->next_sibling)
            keyed[at++] = (struct keyed){key_of(child), child};
    if (!group(builder, &found, parent, keyed, count) || !gaps(builder, &found, parent, count)) return false;
    push(builder, &found);
    return true;
}

static bool begin(struct builder *builder, const struct span *focus)
{
    const struct trace *trace = builder->trace;
    size_t count = focus ? 1 : trace->root_count;
    struct keyed *keyed = arena_array(builder->arena, count, sizeof *keyed);
    struct found found = {arena_array(builder->arena, count, sizeof(struct row *)), 0};
    if (!keyed || !found.rows) return false;
    struct interval axis = {INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < count; i++) {
        const struct span *span = focus ? focus : trace->roots[i];
        keyed[i] = (struct keyed){key_of(span), span};
        if (span->start_ns < axis.start_ns) axis.start_ns = span->start_ns;
        if (end_ns(span) > axis.end_ns) axis.end_ns = end_ns(span);
    }
    /* An axis of more than INT64_MAX would overflow everything drawn on it. */
    if (since_ns(axis.start_ns, axis.end_ns) == INT64_MAX)
        axis.end_ns = axis.start_ns + (INT64_MAX - 1 - (axis.start_ns > 0 ? axis.start_ns : 0));
    builder->rows->axis = axis;
    builder->gap_min_ns = (axis.end_ns - axis.start_ns) / 100 * GAP_PERCENT;
    if (builder->gap_min_ns < 1) builder->gap_min_ns = 1;
    if (!group(builder, &found, NULL, keyed, count)) return false;
    push(builder, &found);
    return true;
}

bool rows_build(struct rows *rows, const struct trace *trace, const struct span *focus, struct arena *arena)
{
    memset(rows, 0, sizeof *rows);
    struct builder builder = {.trace = trace, .arena = arena, .rows = rows, .tail = &rows->first};
    if (!focus && trace->root_count == 0) return true;
    builder.drawn = arena_array(arena, trace->span_count, sizeof *builder.drawn);
    if (!builder.drawn || !begin(&builder, focus)) return false;
    while (builder.stack) {
        struct row *row = builder.stack;
        builder.stack = row->next;
        row->next = NULL;
        if (builder.shown < ROWS_SHOWN_MAX) {
            builder.shown++;
            *builder.tail = row;
            builder.tail = &row->next;
        } else if (row->kind == ROW_SPANS) {
            rows->hidden_spans += row->count;
        }
        if (row->kind == ROW_SPANS && !expand(&builder, row)) return false;
    }
    return true;
}
