/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls: spans that know what they asked and what was answered. What is looked at of an answer is bounded, so that a
 * large result costs a known time, after the call's own clock has stopped: ANSWER_CELLS cells and ANSWER_BYTES bytes for
 * the hash of the whole (beyond them only the number of rows counts), the first EVIDENCE_ROWS rows of the first
 * EVIDENCE_COLUMNS columns for the evidence.
 */
#include <weir/call.h>

#include "model/span.h"
#include "proto/batch.h"
#include "sdk/core/json_scan.h"
#include "sdk/core/span.h"
#include "sdk/core/span_clock.h"

#define ANSWER_CELLS 16384
#define ANSWER_BYTES (1u << 20)

struct here { /* a call and where it stands */
    struct thread_state *thread;
    struct span_slot *slot;
    struct call_state *call;
};

static void call_leave(const struct here *here) { thread_leave(here->thread); }

/* True: the thread is entered, and call_leave is due. */
static bool call_enter(struct weir_span span, struct here *here)
{
    here->slot = thread_enter_slot(span, &here->thread);
    if (!here->slot) return false;
    if (here->slot->on_stack) {
        call_leave(here);
        return false;
    }
    here->call = &here->thread->calls[thread_slot_index(here->thread, here->slot)];
    return true;
}

/* Values are looked at only where something can come of it. */
static bool wants_values(const struct here *here) { return here->slot->sampled && here->thread->evidence_on; }

/* ---- begin ---- */

static const struct operation_entry *operation_of(struct thread_state *thread, const struct weir_call *what,
                                                  struct inputs *inputs)
{
    const struct hash_key *key = &weir_process.key;
    const char *system = what->system ? what->system : "";
    struct str text = {what->text ? what->text : "", what->text ? what->text_bytes : 0};
    switch (what->type) {
    case WEIR_CALL_HTTP:
        return operation_of_http(key, what->method, text, inputs);
    case WEIR_CALL_CACHE:
        return operation_of_cache(key, system, text, inputs);
    case WEIR_CALL_CONNECT:
        return operation_of_connect(key, system, inputs);
    case WEIR_CALL_DB:
        break;
    }
    return operation_of_db(&thread->operations, key, system, text, inputs);
}

struct weir_span weir_call_begin(const struct weir_call *what)
{
    if (!what) return (struct weir_span){0, 0};
    struct thread_state *thread = thread_enter();
    if (!thread) return (struct weir_span){0, 0};
    struct span_slot *slot = span_open(thread, what->site, SPAN_KIND_CLIENT);
    if (!slot) {
        thread_leave(thread);
        return (struct weir_span){0, 0};
    }
    struct call_state *call = &thread->calls[thread_slot_index(thread, slot)];
    call->record = (struct record_call){.connection = (uint32_t)what->connection};
    call->link_count = call->unread_count = 0;
    call->is_sent = call->is_answered = false;
    call->answer.slot = NULL;
    if (slot->sampled) {
        call->operation = operation_of(thread, what, &call->inputs);
        call->record.operation = &call->operation->operation;
        slot->record.start_ticks = span_clock_ticks();
    }
    struct weir_span span = thread_handle(thread, slot);
    thread_leave(thread);
    return span;
}

void weir_call_input(struct weir_span span, const char *value, size_t bytes)
{
    struct here here;
    if (!call_enter(span, &here)) return;
    if (wants_values(&here)) inputs_add(&here.call->inputs, value, bytes);
    call_leave(&here);
}

/* ---- send ---- */

/* A call that outlives its request, or was begun in another one, has nothing to say about this one's answers. */
static bool in_its_request(const struct here *here)
{
    if (here->slot->is_request) return true;
    if (here->thread->top == NO_SLOT) return false;
    const struct record *current = &here->thread->slots[here->thread->top].record, *own = &here->slot->record;
    return current->trace_id[0] == own->trace_id[0] && current->trace_id[1] == own->trace_id[1];
}

static void take_inputs(const struct here *here)
{
    here->call->record.input_hash = here->call->inputs.whole ? here->call->inputs.whole : 1;
    here->call->record.input_count = here->call->inputs.count;
}

static void take_links(const struct here *here)
{
    struct call_state *call = here->call;
    struct link links[EVIDENCE_LINKS];
    if (!here->slot->sampled || !in_its_request(here)) return;
    call->link_count = evidence_send(&here->thread->evidence, call->operation, &call->inputs, links);
    for (uint32_t i = 0; i < call->link_count; i++)
        call->links[i] =
            (struct record_link){links[i].span_id, links[i].kind, links[i].column, links[i].row, 0};
}

static bool same_trace(const struct unread_answer *answer, const struct span_slot *slot)
{
    return answer->trace_id[0] == slot->record.trace_id[0] && answer->trace_id[1] == slot->record.trace_id[1];
}

static void take_unread(const struct here *here)
{
    const struct thread_state *thread = here->thread;
    for (uint32_t i = 0; i < thread->unread_count; i++)
        if (same_trace(&thread->unread[i], here->slot))
            here->call->unread[here->call->unread_count++] = thread->unread[i].span_id;
}

/* Answers that its inputs may come from are elsewhere: that no link is found says nothing. */
static bool misses_answers(const struct here *here)
{
    return here->thread->evidence.frame.is_part || !in_its_request(here);
}

static void send(const struct here *here)
{
    here->call->is_sent = true;
    if (wants_values(here)) {
        if (misses_answers(here)) here->slot->record.flags |= SPAN_FLAG_PARTIAL_EVIDENCE;
        take_inputs(here);
        take_links(here);
    }
    if (!here->slot->sampled) return;
    take_unread(here);
    here->slot->record.start_ticks = span_clock_ticks();
}

void weir_call_send(struct weir_span span)
{
    struct here here;
    if (!call_enter(span, &here)) return;
    if (!here.call->is_sent) send(&here);
    call_leave(&here);
}

static void answered(struct span_slot *slot, struct call_state *call)
{
    if (call->is_answered || !slot->sampled) return;
    call->is_answered = true;
    slot->record.duration_ticks = span_clock_ticks() - slot->record.start_ticks;
}

void weir_call_answered(struct weir_span span)
{
    struct here here;
    if (!call_enter(span, &here)) return;
    answered(here.slot, here.call);
    call_leave(&here);
}

/* ---- answers ---- */

#define NULL_CELL 0x6e756c6cull

static uint64_t answer_begin(const struct here *here, struct evidence_slot **answer)
{
    *answer = evidence_answer(&here->thread->evidence, here->call->operation, here->slot->record.span_id);
    return here->call->operation->hash;
}

static void answer_end(const struct here *here, struct evidence_slot *answer, uint64_t hash)
{
    evidence_answer_end(answer, &here->call->inputs);
    here->call->record.answer_hash = hash ? hash : 1;
}

static void columns_clear(struct evidence_slot *answer, size_t columns)
{
    answer->column_count = (uint32_t)(columns < EVIDENCE_COLUMNS ? columns : EVIDENCE_COLUMNS);
    for (uint32_t i = 0; i < answer->column_count; i++) {
        answer->columns[i].count = 0;
        answer->columns[i].name = i;
    }
}

static void scan_begin(const struct here *here, size_t columns)
{
    struct answer_scan *scan = &here->call->answer;
    *scan = (struct answer_scan){.columns = columns};
    scan->hash = hash_combine(answer_begin(here, &scan->slot), columns);
    scan->version = scan->slot->version;
    columns_clear(scan->slot, columns);
}

/* Whether there is more to look at. */
static bool scan_wants(const struct answer_scan *scan)
{
    return scan->cells < ANSWER_CELLS && scan->bytes < ANSWER_BYTES;
}

/* Each cell's hash goes into the whole's, the first ones into their columns. */
static void scan_row(struct answer_scan *scan, size_t row, weir_cell_fn cell, const void *from)
{
    for (size_t column = 0; column < scan->columns && scan->cells < ANSWER_CELLS; column++, scan->cells++) {
        size_t bytes = 0;
        const char *value = cell(from, row, column, &bytes);
        uint64_t value_is = value ? value_hash(&weir_process.key, str_view(value, bytes)) : 0;
        scan->hash = hash_combine(scan->hash, value ? value_is : NULL_CELL);
        scan->bytes += bytes;
        if (scan->rows < EVIDENCE_ROWS && column < scan->slot->column_count)
            evidence_column_add(&scan->slot->columns[column], value_is);
    }
}

static uint32_t count_of(size_t rows) { return rows < UINT32_MAX ? (uint32_t)rows : UINT32_MAX; }

/* Everything that can be said of the answer as far as it has come. */
static void scan_settle(const struct here *here)
{
    const struct answer_scan *scan = &here->call->answer;
    for (uint32_t i = 0; i < scan->slot->column_count; i++)
        scan->slot->columns[i].count = count_of(scan->rows);
    answer_end(here, scan->slot, hash_combine(scan->hash, scan->rows));
}

static void take_table(const struct here *here, size_t rows, size_t columns, weir_cell_fn cell,
                       const void *from)
{
    struct answer_scan *scan = &here->call->answer;
    scan_begin(here, columns);
    for (; scan->rows < rows && scan_wants(scan); scan->rows++) scan_row(scan, scan->rows, cell, from);
    scan->rows = rows;
    scan_settle(here);
}

void weir_call_table(struct weir_span span, size_t rows, size_t columns, weir_cell_fn cell, const void *from)
{
    struct here here;
    if (!call_enter(span, &here)) return;
    here.call->record.rows_plus_1 = rows + 1;
    if (cell && wants_values(&here) && in_its_request(&here)) take_table(&here, rows, columns, cell, from);
    call_leave(&here);
}

static void take_row(const struct here *here, size_t columns, weir_cell_fn cell, const void *from)
{
    struct answer_scan *scan = &here->call->answer;
    if (!scan->slot) scan_begin(here, columns);
    if (scan->slot->version != scan->version) return; /* a later answer of the operation has its place */
    if (scan->columns == columns && scan_wants(scan)) scan_row(scan, 0, cell, from);
    scan->rows++;
    scan_settle(here);
}

void weir_call_row(struct weir_span span, size_t columns, weir_cell_fn cell, const void *from)
{
    struct here here;
    if (!call_enter(span, &here)) return;
    here.call->record.rows_plus_1 += here.call->record.rows_plus_1 ? 1 : 2;
    if (cell && wants_values(&here) && in_its_request(&here)) take_row(&here, columns, cell, from);
    call_leave(&here);
}

/* Members of one name at one depth are one column; so are the scalars of arrays under one name. */
static struct answer_column *body_column(struct evidence_slot *answer, const struct json_scalar *scalar)
{
    uint64_t name = hash_combine(hash_bytes(scalar->name.data, scalar->name.len), scalar->depth);
    for (uint32_t i = 0; i < answer->column_count; i++)
        if (answer->columns[i].name == name) return &answer->columns[i];
    if (answer->column_count == EVIDENCE_COLUMNS) return NULL;
    struct answer_column *column = &answer->columns[answer->column_count++];
    column->name = name;
    column->count = 0;
    return column;
}

static bool body_value(void *context, const struct json_scalar *scalar)
{
    struct evidence_slot *answer = context;
    struct answer_column *column = body_column(answer, scalar);
    if (!column) return true;
    bool is_kept = column->count < EVIDENCE_ROWS && !scalar->is_null;
    evidence_column_add(column, is_kept ? value_hash(&weir_process.key, scalar->text) : 0);
    return true;
}

static void take_body(const struct here *here, const char *body, size_t bytes)
{
    struct evidence_slot *answer;
    uint64_t hash = hash_combine(answer_begin(here, &answer), bytes);
    hash =
        hash_combine(hash, hash_keyed(&weir_process.key, body, bytes < ANSWER_BYTES ? bytes : ANSWER_BYTES));
    if (json_looks_like(str_view(body, bytes))) json_scan(str_view(body, bytes), body_value, answer);
    answer_end(here, answer, hash);
}

void weir_call_body(struct weir_span span, const char *body, size_t bytes)
{
    struct here here;
    if (!call_enter(span, &here)) return;
    if (body && wants_values(&here) && in_its_request(&here)) take_body(&here, body, bytes);
    call_leave(&here);
}

void weir_call_rows(struct weir_span span, int64_t rows)
{
    struct here here;
    if (!call_enter(span, &here)) return;
    if (rows >= 0) here.call->record.rows_plus_1 = (uint64_t)rows + 1;
    call_leave(&here);
}

/* ---- unread answers ---- */

static void unread_remove(struct thread_state *thread, uint32_t at)
{
    if (thread->unread[at].handle) thread->unread_open_count--;
    thread->unread_count--;
    memmove(&thread->unread[at], &thread->unread[at + 1],
            (thread->unread_count - at) * sizeof thread->unread[0]);
}

/* Which goes when there are too many: one that is forgotten, else the oldest. A missing one only weakens evidence. */
static uint32_t unread_victim(const struct thread_state *thread)
{
    for (uint32_t i = 0; i < thread->unread_count; i++)
        if (!thread->unread[i].handle) return i;
    return 0;
}

static bool unread_find(const struct thread_state *thread, const void *handle, uint32_t *at)
{
    if (thread->unread_open_count == 0 || !handle) return false;
    for (*at = 0; *at < thread->unread_count; ++*at)
        if (thread->unread[*at].handle == handle) return true;
    return false;
}

static void unread_forget(struct thread_state *thread, const void *handle)
{
    uint32_t at;
    if (!unread_find(thread, handle, &at)) return;
    thread->unread[at].handle = NULL;
    thread->unread_open_count--;
}

static void unread_add(struct thread_state *thread, const struct record *record, const void *handle)
{
    unread_forget(thread, handle); /* the same name for an earlier answer */
    if (thread->unread_count == UNREAD_MAX) unread_remove(thread, unread_victim(thread));
    thread->unread[thread->unread_count++] =
        (struct unread_answer){handle, {record->trace_id[0], record->trace_id[1]}, record->span_id};
    thread->unread_open_count++;
}

void weir_call_unread(struct weir_span span, const void *handle)
{
    struct here here;
    if (!handle || !call_enter(span, &here)) return;
    if (here.slot->sampled) unread_add(here.thread, &here.slot->record, handle);
    call_leave(&here);
}

/* The thread entered, if it has unread answers at all. */
static struct thread_state *unread_enter(void)
{
    struct thread_state *thread = weir_thread;
    if (!thread_is_attached(thread) || thread->unread_open_count == 0 || thread->inside) return NULL;
    thread_set_inside(thread);
    return thread;
}

void weir_answer_read(const void *handle)
{
    struct thread_state *thread = unread_enter();
    uint32_t at;
    if (!thread) return;
    if (unread_find(thread, handle, &at)) unread_remove(thread, at);
    thread_leave(thread);
}

void weir_answer_forget(const void *handle)
{
    struct thread_state *thread = unread_enter();
    if (!thread) return;
    unread_forget(thread, handle);
    thread_leave(thread);
}

/* ---- end ---- */

void call_close(struct thread_state *thread, struct span_slot *slot)
{
    struct call_state *call = &thread->calls[thread_slot_index(thread, slot)];
    answered(slot, call);
    span_close(thread, slot, call);
}

void weir_call_end(struct weir_span span)
{
    struct here here;
    if (!call_enter(span, &here)) return;
    call_close(here.thread, here.slot);
    call_leave(&here);
}

uint64_t weir_connection_number(void)
{
    return atomic_fetch_add_explicit(&weir_process.connections, 1, memory_order_relaxed) + 1;
}
