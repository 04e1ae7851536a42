/* SPDX-License-Identifier: Apache-2.0 */
/*
 * n_plus_one_query, n_plus_one_http: a loop of calls of one operation, each with an input of its own. The
 * source is the earlier call whose rows the loop walks: call k repeats the value in row k of one column, for
 * the first 32 calls, and there are as many calls as rows. Single values match by accident; thirty-two in
 * order do not. Calls that each take a value from the answer of the one before (a tree walked to its root,
 * pages behind a cursor) are no loop that one call could replace, and are not reported.
 */
#include "collector/analysis/kinds.h"
#include "collector/analysis/replay.h"

#include "base/hash.h"

#include <stdlib.h>

#define SEQUENCE_CHECKED 32 /* calls of a loop that carry links (model/span.h) */
#define CANDIDATES_MAX   16 /* links of a call (proto/batch.h) */
#define PREFIX_MIN       5  /* matched values that convince where the rows were not counted */

/* ---- the source ---- */

struct candidate {
    uint64_t span_id;
    uint32_t column;
};

static bool has_link(const struct span *span, const struct candidate *candidate, uint32_t row)
{
    for (uint32_t i = 0; i < span->link_count; i++) {
        const struct link *link = &span->links[i];
        if (link->kind == LINK_SEQUENCE && link->span_id == candidate->span_id &&
            link->column == candidate->column && link->row == row) {
            return true;
        }
    }
    return false;
}

static uint32_t first_candidates(const struct span *span, struct candidate candidates[CANDIDATES_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < span->link_count && count < CANDIDATES_MAX; i++) {
        const struct link *link = &span->links[i];
        if (link->kind != LINK_SEQUENCE || link->row != 0) continue;
        candidates[count++] = (struct candidate){link->span_id, link->column};
    }
    return count;
}

static const struct span *span_at(const struct scene *scene, const struct group *group, uint32_t k)
{
    return scene->calls->calls[group->calls[k]].span;
}

/* The rows of a candidate's answer agree with the number of calls. */
static bool count_agrees(const struct span *source, uint32_t calls)
{
    return source->rows == calls || (source->rows < 0 && calls >= PREFIX_MIN);
}

/* Of two sources that both fit: counted rows before uncounted, then the latest. */
static uint32_t better_source(const struct scene *scene, uint32_t a, uint32_t b)
{
    if (a == CALL_NONE) return b;
    bool a_counted = scene->calls->calls[a].span->rows >= 0,
         b_counted = scene->calls->calls[b].span->rows >= 0;
    if (a_counted != b_counted) return a_counted ? a : b;
    return a > b ? a : b;
}

static uint32_t seek_source(const struct scene *scene, const struct group *group)
{
    struct candidate candidates[CANDIDATES_MAX];
    uint32_t count = first_candidates(span_at(scene, group, 0), candidates), best = CALL_NONE;
    uint32_t checked = group->count < SEQUENCE_CHECKED ? group->count : SEQUENCE_CHECKED;
    for (uint32_t c = 0; c < count; c++) {
        uint32_t k = 1;
        while (k < checked && has_link(span_at(scene, group, k), &candidates[c], k)) k++;
        const uint32_t *source =
            k == checked ? id_table_find(&scene->call_by_id, candidates[c].span_id) : NULL;
        if (!source || scene->calls->calls[*source].group == scene->calls->calls[group->calls[0]].group)
            continue;
        if (count_agrees(scene->calls->calls[*source].span, group->count)) {
            best = better_source(scene, best, *source);
        }
    }
    return best;
}

uint32_t loop_source(struct scene *scene, struct group *group)
{
    if (!group->source_is_sought) {
        group->source = seek_source(scene, group);
        group->source_is_sought = true;
    }
    return group->source;
}

/* ---- calls that need each other ---- */

static bool takes_from(const struct span *span, const struct span *earlier)
{
    for (uint32_t i = 0; i < span->link_count; i++) {
        if (span->links[i].span_id == earlier->id) return true;
    }
    return false;
}

/* More than half of the calls that carry links take a value from the answer of the call before. Links to the
 * loop's own answers are single values, too long to be an accident; where a source explains all inputs they
 * are one nevertheless. */
static bool is_chain(const struct scene *scene, const struct group *group, uint32_t source)
{
    if (source != CALL_NONE) return false;
    uint32_t checked = group->count < SEQUENCE_CHECKED ? group->count : SEQUENCE_CHECKED, taken = 0;
    for (uint32_t k = 1; k < checked; k++)
        taken += takes_from(span_at(scene, group, k), span_at(scene, group, k - 1));
    return taken > checked / 2;
}

/* ---- what it would cost repaired ---- */

static int64_t median_duration(const struct scene *scene, const struct group *group, int64_t *room)
{
    for (uint32_t i = 0; i < group->count; i++) room[i] = span_at(scene, group, i)->duration_ns;
    return percentile(room, group->count, 50);
}

/* A line through (rows, duration) of the calls, by least squares: what an answer costs, and a row. */
struct fit {
    double per_call_ns, per_row_ns, rows;
    bool known;
};

static struct fit fit_rows(const struct scene *scene, const struct group *group)
{
    double n = group->count, x = 0, y = 0, xx = 0, xy = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        const struct span *span = span_at(scene, group, i);
        if (span->rows < 0) return (struct fit){.known = false};
        double rows = (double)span->rows, duration = (double)span->duration_ns;
        x += rows;
        y += duration;
        xx += rows * rows;
        xy += rows * duration;
    }
    double spread = xx - x * x / n;
    if (spread < 0.5) return (struct fit){.known = false}; /* all have as many rows */
    double slope = (xy - x * y / n) / spread;
    if (slope < 0) slope = 0;
    double intercept = y / n - slope * x / n;
    if (intercept < 0) return (struct fit){0, xy / xx, x, true}; /* a call cannot cost less than nothing */
    return (struct fit){intercept, slope, x, true};
}

/* The loop as one call that gets all rows. */
static bool repaired_cost(struct scene *scene, const struct group *group, int64_t cost_ns,
                          int64_t *repaired_ns)
{
    int64_t *room = arena_alloc(scene->arena, group->count * sizeof *room);
    if (!room) return false;
    int64_t median_ns = median_duration(scene, group, room), least_ns = room[0];
    struct fit fit = fit_rows(scene, group);
    double fitted_ns = fit.per_call_ns + fit.per_row_ns * fit.rows;
    *repaired_ns = !fit.known ? median_ns : fitted_ns < (double)cost_ns ? (int64_t)fitted_ns : cost_ns;
    if (*repaired_ns < least_ns) *repaired_ns = least_ns;
    return true;
}

/* ---- loops ---- */

/* Loops of one operation over one source's operation are one finding, in however many places of the request.
 */
struct loop {
    uint32_t operation, source; /* source: a call, or CALL_NONE */
    uint32_t first_call;
    uint32_t count, inputs_known, inputs_distinct;
    uint32_t walked;
    int64_t cost_ns, repaired_ns, won_ns;
    uint32_t label; /* before sorting: index + 1 */
};

struct loops {
    struct scene *scene;
    uint32_t count;
    struct loop *list;
    uint32_t *labels; /* of each call of the request */
    struct id_table by_operations, inputs;
};

/* How many of the group's inputs differ. Unknown ones count as different: the text says there are values. */
static bool count_inputs(struct loops *loops, uint32_t group_index, uint32_t *known, uint32_t *distinct)
{
    const struct scene *scene = loops->scene;
    const struct group *group = &scene->grouping.groups[group_index];
    uint32_t unknown = 0;
    *distinct = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        const struct span *span = span_at(scene, group, i);
        if (call_input_state(&scene->requests->operations[group->operation], span) == INPUT_UNKNOWN) {
            unknown++;
            continue;
        }
        bool fresh;
        if (!id_table_put(&loops->inputs, hash_combine(group_index, span->input_hash), i, &fresh))
            return false;
        *distinct += fresh;
    }
    *known = group->count - unknown;
    *distinct += unknown;
    return true;
}

static struct loop *loop_of(struct loops *loops, const struct group *group, uint32_t source)
{
    const struct call *calls = loops->scene->calls->calls;
    uint32_t source_operation = source == CALL_NONE ? CALL_NONE : calls[source].operation;
    bool fresh;
    uint32_t *at = id_table_put(&loops->by_operations, id_table_pair(group->operation, source_operation),
                                loops->count, &fresh);
    if (!at) return NULL;
    if (fresh) {
        loops->list[loops->count++] = (struct loop){
            .operation = group->operation,
            .source = source,
            .first_call = group->calls[0],
            .label = *at + 1,
        };
    }
    return &loops->list[*at];
}

static bool add_loop(struct loops *loops, uint32_t group_index)
{
    struct scene *scene = loops->scene;
    struct group *group = &scene->grouping.groups[group_index];
    uint32_t known, distinct;
    if (!count_inputs(loops, group_index, &known, &distinct)) return false;
    if (distinct < scene->settings->loop_calls_min) return true;
    uint32_t source = loop_source(scene, group);
    if (is_chain(scene, group, source)) return true;
    struct loop *loop = loop_of(loops, group, source);
    if (!loop) return false;
    int64_t cost_ns = 0, repaired_ns;
    for (uint32_t i = 0; i < group->count; i++) {
        struct call *call = &scene->calls->calls[group->calls[i]];
        call->in_loop = true;
        loops->labels[group->calls[i]] = loop->label;
        if (__builtin_add_overflow(cost_ns, call->span->duration_ns, &cost_ns)) cost_ns = INT64_MAX;
    }
    if (!repaired_cost(scene, group, cost_ns, &repaired_ns)) return false;
    loop->count += group->count;
    loop->inputs_known += known;
    loop->inputs_distinct += known ? distinct - (group->count - known) : 0;
    if (source != CALL_NONE)
        loop->walked += group->count < SEQUENCE_CHECKED ? group->count : SEQUENCE_CHECKED;
    if (__builtin_add_overflow(loop->cost_ns, cost_ns, &loop->cost_ns)) loop->cost_ns = INT64_MAX;
    if (__builtin_add_overflow(loop->repaired_ns, repaired_ns, &loop->repaired_ns))
        loop->repaired_ns = INT64_MAX;
    return true;
}

/* ---- advice ---- */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '"';
}

/* The column of "… WHERE column = ?", if the statement compares exactly one. */
static struct str compared_column(struct str text)
{
    struct str column = {0};
    for (size_t at = 0; at + 4 <= text.len; at++) {
        if (memcmp(text.data + at, " = ?", 4) != 0) continue;
        if (column.len) return (struct str){0};
        size_t from = at;
        while (from > 0 && is_word_char(text.data[from - 1])) from--;
        column = str_view(text.data + from, at - from);
        if (!column.len) return column;
    }
    return column;
}

static bool starts_with_word(struct str text, const char *upper)
{
    size_t len = strlen(upper);
    if (text.len < len) return false;
    for (size_t i = 0; i < len; i++) {
        char c = text.data[i];
        if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != upper[i]) return false;
    }
    return true;
}

static struct str query_advice(struct scene *scene, const struct operation *operation)
{
    struct str column = compared_column(operation->text);
    bool postgres = str_is(operation->system, "postgresql");
    if (starts_with_word(operation->text, "INSERT")) {
        return arena_str(scene->arena, str_of("write all rows with one INSERT of many VALUES"));
    }
    if (column.len && column.len <= 64) {
        return arena_printf(scene->arena, "%s WHERE %.*s %s",
                            starts_with_word(operation->text, "SELECT") ? "join, or" : "one statement with",
                            STR_ARG(column), postgres ? "= ANY($1)" : "IN (...)");
    }
    return arena_printf(scene->arena, "join, or pass all values at once: %s",
                        postgres ? "= ANY($1)" : "IN (...)");
}

static struct str loop_advice(struct scene *scene, const struct operation *operation)
{
    if (operation->type != OPERATION_HTTP) return query_advice(scene, operation);
    return arena_printf(scene->arena, "ask %.*s for all of them at once, through a bulk endpoint",
                        STR_ARG(operation->system));
}

/* ---- findings ---- */

static bool report_loop(struct scene *scene, const struct loop *loop, enum finding_kind kind)
{
    struct finding *finding = scene_add_finding(scene, kind);
    if (!finding) return false;
    finding->operation_count = 1;
    finding->operations[0] = scene_operation(scene, loop->operation, loop->count, loop->cost_ns);
    if (loop->source != CALL_NONE) {
        const struct call *source = &scene->calls->calls[loop->source];
        finding->source = scene_operation(scene, source->operation, 1, source->span->duration_ns);
        finding->has_source = true;
    }
    finding->count = loop->count;
    finding->cost_ns = loop->cost_ns;
    finding->repaired_ns = loop->repaired_ns;
    finding->saving_ns = loop->won_ns > loop->repaired_ns ? loop->won_ns - loop->repaired_ns : 0;
    finding->confidence = loop->inputs_known ? CONFIDENCE_PROVEN : CONFIDENCE_LIKELY;
    finding_add_evidence(finding, EVIDENCE_same_operation, loop->count, loop->count);
    if (loop->inputs_known)
        finding_add_evidence(finding, EVIDENCE_inputs_differ, loop->inputs_distinct, loop->count);
    /* of those that carry links: a source is one only if all of them fit */
    if (loop->walked) finding_add_evidence(finding, EVIDENCE_walks_rows, loop->walked, loop->walked);
    finding->advice = loop_advice(scene, scene->requests->operations[loop->operation].operation);
    finding->site = scene->calls->calls[loop->first_call].span->site;
    return !arena_exhausted(scene->arena);
}

static int most_won_first(const void *a, const void *b)
{
    const struct loop *x = a, *y = b;
    if (x->won_ns != y->won_ns) return x->won_ns > y->won_ns ? -1 : 1;
    return (x->first_call > y->first_call) - (x->first_call < y->first_call);
}

static bool report_loops(struct loops *loops, enum finding_kind kind)
{
    struct scene *scene = loops->scene;
    int64_t *won_ns = arena_alloc(scene->arena, ((size_t)loops->count + 1) * sizeof *won_ns);
    if (!won_ns || !replay_repairs(scene->calls, loops->labels, loops->count, won_ns, scene->arena))
        return false;
    for (uint32_t i = 0; i < loops->count; i++) loops->list[i].won_ns = won_ns[loops->list[i].label];
    qsort(loops->list, loops->count, sizeof *loops->list, most_won_first);
    for (uint32_t i = 0; i < loops->count && i < REQUEST_FINDINGS_MAX; i++) {
        if (!report_loop(scene, &loops->list[i], kind)) return false;
    }
    return true;
}

static bool is_loop_of(const struct scene *scene, const struct group *group, enum operation_type type)
{
    return group->is_loop && scene->requests->operations[group->operation].operation->type == type;
}

static bool find_loops(struct scene *scene, enum finding_kind kind, enum operation_type type)
{
    size_t groups = 0, calls = 0;
    for (uint32_t i = 0; i < scene->grouping.count; i++) {
        if (!is_loop_of(scene, &scene->grouping.groups[i], type)) continue;
        groups++;
        calls += scene->grouping.groups[i].count;
    }
    if (groups == 0) return true;
    struct loops loops = {.scene = scene};
    loops.list = arena_alloc(scene->arena, groups * sizeof *loops.list);
    loops.labels = arena_array(scene->arena, scene->calls->count, sizeof *loops.labels);
    if (!loops.list || !loops.labels || !id_table_init(&loops.by_operations, scene->arena, 0) ||
        !id_table_init(&loops.inputs, scene->arena, calls)) {
        return false;
    }
    for (uint32_t i = 0; i < scene->grouping.count; i++) {
        if (is_loop_of(scene, &scene->grouping.groups[i], type) && !add_loop(&loops, i)) return false;
    }
    return loops.count == 0 || report_loops(&loops, kind);
}

bool find_n_plus_one_query(struct scene *scene)
{
    return find_loops(scene, FINDING_n_plus_one_query, OPERATION_DB);
}

bool find_n_plus_one_http(struct scene *scene)
{
    return find_loops(scene, FINDING_n_plus_one_http, OPERATION_HTTP);
}
