/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/evidence.h"

#define SEQUENCE_LINKS 4
#define LIST_LINKS     2
#define VALUE_LINKS    2
#define STRONG_INPUTS  4 /* looked for in all kept cells */
#define LITERALS_AFTER 4 /* literals behind a list: LIMIT, OFFSET … */

struct links {
    uint32_t count;
    struct link *link;
};

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* ---- requests ---- */

struct evidence_frame evidence_request_begin(struct evidence *evidence)
{
    struct evidence_frame outer = evidence->frame;
    evidence->frame.base = outer.used;
    evidence->frame.target_base = outer.target_count;
    evidence->frame.is_part = false;
    if (evidence->frame.base == EVIDENCE_OPERATIONS) evidence->frame.base = evidence->frame.used = 0;
    return outer;
}

void evidence_request_end(struct evidence *evidence, struct evidence_frame outer) { evidence->frame = outer; }

void evidence_target(struct evidence *evidence, uint64_t hash)
{
    if (evidence->frame.target_count < EVIDENCE_TARGETS)
        evidence->targets[evidence->frame.target_count++] = hash;
}

static bool is_target(const struct evidence *evidence, uint64_t hash)
{
    for (uint32_t i = evidence->frame.target_base; i < evidence->frame.target_count; i++)
        if (evidence->targets[i] == hash) return true;
    return false;
}

/* ---- slots ---- */

static struct evidence_slot *slot_find(struct evidence *evidence, const void *operation)
{
    for (uint32_t i = evidence->frame.base; i < evidence->frame.used; i++)
        if (evidence->slots[i].operation == operation) return &evidence->slots[i];
    return NULL;
}

static struct evidence_slot *slot_oldest(struct evidence *evidence)
{
    struct evidence_slot *oldest = &evidence->slots[evidence->frame.base];
    for (uint32_t i = evidence->frame.base; i < evidence->frame.used; i++)
        if (evidence->slots[i].used_at < oldest->used_at) oldest = &evidence->slots[i];
    return oldest;
}

/* The operation's slot; when there is none, a free one or the one longest unused. */
static struct evidence_slot *slot_of(struct evidence *evidence, const void *operation)
{
    struct evidence_slot *slot = slot_find(evidence, operation);
    if (!slot) {
        if (evidence->frame.used < EVIDENCE_OPERATIONS)
            slot = &evidence->slots[evidence->frame.used++];
        else
            slot = slot_oldest(evidence);
        slot->operation = operation;
        slot->version = 0;
        slot->column_count = slot->run.next = slot->run.candidate_count = 0;
    }
    slot->used_at = ++evidence->clock;
    return slot;
}

/* ---- answers ---- */

struct evidence_slot *evidence_answer(struct evidence *evidence, const void *operation, uint64_t span_id)
{
    struct evidence_slot *slot = slot_of(evidence, operation);
    slot->version = evidence->clock;
    slot->span_id = span_id;
    slot->column_count = 0;
    return slot;
}

void evidence_column_add(struct answer_column *column, uint64_t hash)
{
    if (column->count < EVIDENCE_ROWS) column->value[column->count] = hash;
    column->count++;
}

/* Nothing but values that the call itself brought. */
static bool is_echo(const struct answer_column *column, const struct inputs *inputs)
{
    for (uint32_t row = 0; row < least(column->count, EVIDENCE_ROWS); row++)
        if (column->value[row] && !bloom_has(&inputs->seen, column->value[row])) return false;
    return true;
}

void evidence_answer_end(struct evidence_slot *slot, const struct inputs *inputs)
{
    slot->inputs = inputs->seen;
    for (uint32_t i = 0; i < slot->column_count; i++)
        slot->columns[i].echo = is_echo(&slot->columns[i], inputs);
}

/* ---- sequences ---- */

static const struct answer_column *candidate_column(const struct evidence *evidence,
                                                    const struct evidence_candidate *candidate)
{
    const struct evidence_slot *slot = &evidence->slots[candidate->slot];
    return slot->version == candidate->version ? &slot->columns[candidate->column] : NULL;
}

/* Does the column go on, behind row `row`? */
static bool goes_on(const struct evidence *evidence, const struct evidence_candidate *candidate, uint32_t row)
{
    const struct answer_column *column = candidate_column(evidence, candidate);
    return column && column->count > row + 1;
}

/* Best first: columns that go on, then the later answer. */
static bool is_better(const struct evidence *evidence, const struct evidence_candidate *a,
                      const struct evidence_candidate *b)
{
    bool a_goes_on = goes_on(evidence, a, 0), b_goes_on = goes_on(evidence, b, 0);
    return a_goes_on != b_goes_on ? a_goes_on : a->version > b->version;
}

/* Keeps the EVIDENCE_CANDIDATES best, in order. */
static void candidate_keep(const struct evidence *evidence, struct evidence_run *run,
                           struct evidence_candidate candidate)
{
    uint32_t at = run->candidate_count;
    if (at == EVIDENCE_CANDIDATES) {
        if (!is_better(evidence, &candidate, &run->candidates[at - 1])) return;
        at--;
    } else {
        run->candidate_count++;
    }
    for (; at > 0 && is_better(evidence, &candidate, &run->candidates[at - 1]); at--)
        run->candidates[at] = run->candidates[at - 1];
    run->candidates[at] = candidate;
}

/* The columns of one answer whose first value is among the inputs. */
static void candidates_of(const struct evidence *evidence, struct evidence_run *run, uint32_t source,
                          const struct inputs *inputs)
{
    const struct evidence_slot *from = &evidence->slots[source];
    uint32_t input_count = least(inputs->count, EVIDENCE_INPUTS);
    for (uint32_t c = 0; c < from->column_count; c++) {
        const struct answer_column *column = &from->columns[c];
        if (column->echo || column->count == 0 || column->value[0] == 0) continue;
        for (uint32_t i = 0; i < input_count; i++) {
            if (inputs->hash[i] != column->value[0]) continue;
            candidate_keep(
                evidence, run,
                (struct evidence_candidate){from->version, (uint8_t)source, (uint8_t)c, (uint8_t)i});
            break;
        }
    }
}

/* Looks for columns that begin with one of the inputs, in other operations' answers newer than `after`. */
static void candidates_find(const struct evidence *evidence, struct evidence_run *run,
                            const struct evidence_slot *own, const struct inputs *inputs, uint64_t after)
{
    for (uint32_t i = evidence->frame.base; i < evidence->frame.used; i++)
        if (&evidence->slots[i] != own && evidence->slots[i].version > after)
            candidates_of(evidence, run, i, inputs);
}

static void run_begin(const struct evidence *evidence, struct evidence_slot *slot,
                      const struct inputs *inputs)
{
    slot->run.next = slot->run.candidate_count = 0;
    slot->run.began = evidence->clock;
    candidates_find(evidence, &slot->run, slot, inputs, 0);
}

/* Drops the candidates that do not go on with this call's inputs. */
static void run_sift(const struct evidence *evidence, struct evidence_run *run, const struct inputs *inputs)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->candidate_count; i++) {
        struct evidence_candidate candidate = run->candidates[i];
        const struct answer_column *column = candidate_column(evidence, &candidate);
        if (!column || run->next >= column->count || candidate.input >= inputs->count) continue;
        if (column->value[run->next] != inputs->hash[candidate.input]) continue;
        run->candidates[kept++] = candidate;
    }
    run->candidate_count = kept;
}

/* Past the kept rows a run cannot be checked. It goes on until none of its columns has so many rows, or the input begins
 * one of them again, or begins an answer that came after the run began. */
static bool run_is_over(const struct evidence *evidence, const struct evidence_slot *slot,
                        const struct inputs *inputs)
{
    const struct evidence_run *run = &slot->run;
    bool has_rows = false;
    for (uint32_t i = 0; i < run->candidate_count; i++) {
        const struct evidence_candidate *candidate = &run->candidates[i];
        const struct answer_column *column = candidate_column(evidence, candidate);
        if (!column) continue;
        if (candidate->input < inputs->count && column->value[0] == inputs->hash[candidate->input])
            return true;
        if (column->count > run->next) has_rows = true;
    }
    if (!has_rows) return true;
    struct evidence_run newer = {0};
    candidates_find(evidence, &newer, slot, inputs, run->began);
    return newer.candidate_count > 0;
}

static void link_add(struct links *links, uint32_t room, struct link link)
{
    if (links->count < room) links->link[links->count++] = link;
}

static bool has_source(const struct links *links, uint64_t span_id)
{
    for (uint32_t i = 0; i < links->count; i++)
        if (links->link[i].span_id == span_id) return true;
    return false;
}

/* One column of each answer first, then further columns, so that one answer cannot crowd out the others. */
static void run_links(const struct evidence *evidence, const struct evidence_run *run, struct links *links)
{
    uint64_t taken = 0;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < run->candidate_count; i++) {
            const struct evidence_candidate *candidate = &run->candidates[i];
            uint64_t span_id = evidence->slots[candidate->slot].span_id;
            if (taken >> i & 1 || (pass == 0 && has_source(links, span_id))) continue;
            taken |= 1ull << i;
            link_add(links, SEQUENCE_LINKS,
                     (struct link){span_id, LINK_SEQUENCE, candidate->column, run->next});
        }
}

static void sequence(const struct evidence *evidence, struct evidence_slot *slot, const struct inputs *inputs,
                     struct links *links)
{
    struct evidence_run *run = &slot->run;
    bool goes_on_here = run->next > 0;
    if (goes_on_here && run->next < EVIDENCE_ROWS) {
        run_sift(evidence, run, inputs);
        goes_on_here = run->candidate_count > 0;
    } else if (goes_on_here) {
        goes_on_here = !run_is_over(evidence, slot, inputs);
    }
    if (!goes_on_here) run_begin(evidence, slot, inputs);
    if (run->candidate_count == 0) return;
    if (run->next < EVIDENCE_ROWS) run_links(evidence, run, links);
    run->next++;
}

/* ---- lists ---- */

static bool list_repeats(const struct inputs *inputs, uint32_t start, const struct answer_column *column)
{
    uint32_t rows = least(least(column->count, EVIDENCE_ROWS), inputs_kept(inputs) - start);
    for (uint32_t row = 0; row < rows; row++)
        if (inputs->hash[start + row] != column->value[row]) return false;
    return true;
}

/* A list of its own is as long as the answer; among a statement's literals it may have others before and behind it. */
static bool list_matches(const struct inputs *inputs, const struct input_list *list,
                         const struct answer_column *column)
{
    if (column->echo || column->count < INPUT_LIST_MIN) return false;
    if (!list->literals) return list->count == column->count && list_repeats(inputs, list->start, column);
    if (list->count < column->count || list->count > column->count + 2 * LITERALS_AFTER) return false;
    for (uint32_t skip = 0; skip <= list->count - column->count; skip++) {
        uint32_t behind = list->count - column->count - skip;
        if (behind > LITERALS_AFTER || list->start + skip >= inputs_kept(inputs)) continue;
        if (list_repeats(inputs, list->start + skip, column)) return true;
    }
    return false;
}

static void list_links(const struct evidence *evidence, const struct evidence_slot *own,
                       const struct inputs *inputs, const struct input_list *list, struct links *links)
{
    uint32_t room = least(links->count + LIST_LINKS, EVIDENCE_LINKS);
    for (uint32_t i = evidence->frame.base; i < evidence->frame.used; i++) {
        const struct evidence_slot *slot = &evidence->slots[i];
        if (slot == own || !slot->version) continue;
        for (uint32_t c = 0; c < slot->column_count; c++)
            if (list_matches(inputs, list, &slot->columns[c]))
                link_add(links, room, (struct link){slot->span_id, LINK_LIST, c, slot->columns[c].count});
    }
}

static void lists(const struct evidence *evidence, const struct evidence_slot *own,
                  const struct inputs *inputs, struct links *links)
{
    for (uint32_t i = 0; i < inputs->list_count; i++)
        if (inputs->lists[i].count >= INPUT_LIST_MIN)
            list_links(evidence, own, inputs, &inputs->lists[i], links);
}

/* ---- single values ---- */

static bool slot_value(const struct evidence_slot *slot, uint64_t hash, uint32_t *column, uint32_t *row)
{
    for (uint32_t c = 0; c < slot->column_count; c++)
        for (uint32_t r = 0; r < least(slot->columns[c].count, EVIDENCE_ROWS); r++)
            if (slot->columns[c].value[r] == hash) {
                *column = c;
                *row = r;
                return true;
            }
    return false;
}

static void value_links(const struct evidence *evidence, uint64_t hash, struct links *links)
{
    uint32_t room = least(links->count + VALUE_LINKS, EVIDENCE_LINKS);
    for (uint32_t i = evidence->frame.base; i < evidence->frame.used; i++) {
        const struct evidence_slot *slot = &evidence->slots[i];
        uint32_t column, row;
        if (!slot->version || bloom_has(&slot->inputs, hash)) continue;
        if (slot_value(slot, hash, &column, &row))
            link_add(links, room, (struct link){slot->span_id, LINK_VALUE, column, row});
    }
}

static void values(const struct evidence *evidence, const struct inputs *inputs, struct links *links)
{
    uint32_t looked_for = 0;
    for (uint32_t i = 0; i < inputs_kept(inputs) && looked_for < STRONG_INPUTS; i++) {
        if (!(inputs->strong >> i & 1) || is_target(evidence, inputs->hash[i])) continue;
        looked_for++;
        value_links(evidence, inputs->hash[i], links);
    }
}

uint32_t evidence_send(struct evidence *evidence, const void *operation, const struct inputs *inputs,
                       struct link out[EVIDENCE_LINKS])
{
    struct links links = {0, out};
    if (inputs->count == 0) return 0;
    struct evidence_slot *slot = slot_of(evidence, operation);
    sequence(evidence, slot, inputs, &links);
    lists(evidence, slot, inputs, &links);
    values(evidence, inputs, &links);
    return links.count;
}
