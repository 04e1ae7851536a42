/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks (weir/task.h). A task begins as any span does, in a slot of the thread, and is lifted out of it at once; to be given
 * an attribute, or to end, it is put into a slot of whatever thread does that. So ids, sampling, limits and what it inherits
 * are decided in one place for all spans, at the price of moving a few hundred bytes.
 */
#include <weir/task.h>

#include "model/span.h"
#include "sdk/core/span.h"
#include "sdk/core/span_clock.h"

#include <string.h>

struct __attribute__((may_alias)) task {
    struct weir_context context;
    uint32_t epoch; /* in which it is open; 0: it is not */
    struct lifted_span span;
};

_Static_assert(sizeof(struct task) <= sizeof(struct weir_task),
               "a task fits the memory that programs give it");
_Static_assert(sizeof(struct weir_task) == WEIR_TASK_BYTES, "as the header says");
_Static_assert(_Alignof(struct task) <= _Alignof(struct weir_task), "wherever it lies");

/* ---- begin ---- */

static void clear(struct task *task)
{
    task->epoch = 0;
    memset(&task->context, 0, offsetof(struct weir_context, tracestate) + 1);
}

/* Takes the span that this thread has just begun. */
static void take(struct task *task, struct weir_span span, struct weir_baggage *baggage)
{
    struct thread_state *thread;
    struct span_slot *slot = thread_enter_slot(span, &thread);
    if (!slot) return;
    span_describe(thread, slot, &task->context, baggage);
    task->span.is_call = !slot->on_stack;
    span_lift(thread, slot, &task->span);
    task->epoch = thread->epoch;
    thread_leave(thread);
}

void weir_task_server(struct weir_task *memory, const struct weir_site *site, const char *method,
                      const char *route, const struct weir_headers *headers, struct weir_baggage *baggage)
{
    struct task *task = (struct task *)memory;
    if (!task) return;
    clear(task);
    take(task, weir_server_begin(site, method, route, headers), baggage);
}

/* What is none of the kinds would have the whole batch refused. */
static uint8_t kind_of(enum weir_task_kind kind)
{
    bool is_known = kind == WEIR_TASK_PRODUCER || kind == WEIR_TASK_CONSUMER;
    return is_known ? (uint8_t)kind : SPAN_KIND_INTERNAL;
}

void weir_task_begin(struct weir_task *memory, const struct weir_site *site, enum weir_task_kind kind,
                     const struct weir_context *parent)
{
    struct task *task = (struct task *)memory;
    if (!task) return;
    clear(task);
    struct weir_attachment attachment = weir_context_attach(parent, NULL);
    take(task, weir_span_begin(site), NULL);
    weir_context_detach(attachment);
    task->span.record.kind = kind_of(kind);
    if (attachment.generation && parent->remote) task->span.record.flags |= SPAN_FLAG_REMOTE_PARENT;
}

void weir_task_call(struct weir_task *memory, const struct weir_call *call, const struct weir_context *parent)
{
    struct task *task = (struct task *)memory;
    if (!task) return;
    clear(task);
    struct weir_attachment attachment = weir_context_attach(parent, NULL);
    take(task, weir_call_begin(call), NULL);
    weir_context_detach(attachment);
}

const struct weir_context *weir_task_context(const struct weir_task *task)
{
    static const struct weir_context none;
    return task ? &task->context : &none;
}

/* ---- attributes and status ---- */

/* A task in a slot of this thread, for the time of one call. */
struct loan {
    struct task *task;
    struct thread_state *thread;
    struct weir_span span;
};

/* False: it is not open, nobody wants to know, or there is no slot: then what was to be set is lost, and counted. */
static bool lend(struct loan *loan, struct weir_task *memory)
{
    struct task *task = loan->task = (struct task *)memory;
    uint32_t epoch = atomic_load_explicit(&weir_process.live_epoch, memory_order_relaxed);
    if (!task || !task->epoch || task->epoch != epoch || !task->span.sampled) return false;
    struct thread_state *thread = weir_thread;
    bool is_inside = thread_is_attached(thread) && thread->inside;
    loan->thread = is_inside ? NULL : thread_enter();
    const struct span_slot *slot = loan->thread ? span_put(loan->thread, &task->span) : NULL;
    if (slot) loan->span = thread_handle(loan->thread, slot);
    if (!slot) atomic_fetch_add_explicit(&weir_process.attributes_dropped, 1, memory_order_relaxed);
    if (loan->thread) thread_leave(loan->thread);
    return slot != NULL;
}

static void give_back(struct loan *loan)
{
    struct span_slot *slot = thread_enter_slot(loan->span, &loan->thread);
    if (!slot) return;
    span_lift(loan->thread, slot, &loan->task->span);
    thread_leave(loan->thread);
}

void weir_task_int(struct weir_task *task, const char *key, int64_t value)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    weir_span_int(loan.span, key, value);
    give_back(&loan);
}

void weir_task_double(struct weir_task *task, const char *key, double value)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    weir_span_double(loan.span, key, value);
    give_back(&loan);
}

void weir_task_bool(struct weir_task *task, const char *key, bool value)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    weir_span_bool(loan.span, key, value);
    give_back(&loan);
}

void weir_task_string(struct weir_task *task, const char *key, const char *value)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    weir_span_string(loan.span, key, value);
    give_back(&loan);
}

void weir_task_event(struct weir_task *task, const char *name, const struct weir_attribute *attributes,
                     size_t count)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    weir_span_event(loan.span, name, attributes, count);
    give_back(&loan);
}

void weir_task_link(struct weir_task *task, const struct weir_context *to,
                    const struct weir_attribute *attributes, size_t count)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    weir_span_link(loan.span, to, attributes, count);
    give_back(&loan);
}

void weir_task_error(struct weir_task *task, const char *error_type)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    weir_span_error(loan.span, error_type);
    give_back(&loan);
}

void weir_task_error_message(struct weir_task *task, const char *message)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    weir_span_error_message(loan.span, message);
    give_back(&loan);
}

void weir_task_ok(struct weir_task *task)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    weir_span_ok(loan.span);
    give_back(&loan);
}

void weir_task_response(struct weir_task *task, int status_code)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    span_response(loan.span, status_code, loan.task->span.is_call ? 400 : 500);
    give_back(&loan);
}

void weir_task_rows(struct weir_task *task, int64_t rows)
{
    struct loan loan;
    if (!lend(&loan, task)) return;
    if (loan.task->span.is_call) weir_call_rows(loan.span, rows);
    give_back(&loan);
}

/* ---- end ---- */

static void end(struct thread_state *thread, struct task *task)
{
    struct span_slot *slot = span_put(thread, &task->span);
    if (!slot) {
        thread_count_up(&thread->dropped_too_deep);
        return;
    }
    uint32_t index = thread_slot_index(thread, slot);
    span_close(thread, slot, task->span.is_call ? &thread->calls[index] : NULL);
}

void weir_task_end(struct weir_task *memory)
{
    struct task *task = (struct task *)memory;
    if (!task) return;
    uint32_t epoch = atomic_load_explicit(&weir_process.live_epoch, memory_order_relaxed);
    if (task->epoch && task->epoch == epoch && task->span.sampled) {
        task->span.record.duration_ticks = span_clock_ticks() - task->span.record.start_ticks;
        struct thread_state *thread = thread_enter();
        if (thread && thread->epoch == task->epoch) end(thread, task);
        if (thread) thread_leave(thread);
    }
    clear(task);
}
