/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks (weir/task.h). A task begins as any span does, in a slot of the thread, and is lifted out of it at once: ids,
 * sampling and what it inherits are decided in one place for all spans. It ends by going through a slot of whatever thread
 * ends it. In between no thread's state is touched.
 */
#include <weir/task.h>

#include "proto/batch.h"
#include "sdk/core/span.h"
#include "sdk/core/span_clock.h"

#include <stdio.h>
#include <string.h>

struct __attribute__((may_alias)) task {
    struct weir_context context;
    uint32_t epoch; /* in which it is open; 0: it is not */
    struct lifted_span span;
    _Alignas(8) unsigned char entries[SPAN_ATTRIBUTES_BYTES];
};

_Static_assert(sizeof(struct task) <= sizeof(struct weir_task),
               "a task fits the memory that programs give it");
_Static_assert(sizeof(struct weir_task) == WEIR_TASK_BYTES, "as the header says");
_Static_assert(_Alignof(struct task) <= _Alignof(struct weir_task), "wherever it lies");

static uint32_t live_epoch(void)
{
    return atomic_load_explicit(&weir_process.live_epoch, memory_order_relaxed);
}

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

void weir_task_begin(struct weir_task *memory, const struct weir_site *site, enum weir_task_kind kind,
                     const struct weir_context *parent)
{
    struct task *task = (struct task *)memory;
    if (!task) return;
    clear(task);
    struct weir_attachment attachment = weir_context_attach(parent, NULL);
    take(task, weir_span_begin(site), NULL);
    weir_context_detach(attachment);
    task->span.record.kind = (uint8_t)kind;
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

/* NULL: not open, or nobody wants to know. */
static struct task *recording(struct weir_task *memory)
{
    struct task *task = (struct task *)memory;
    return task && task->epoch && task->span.sampled ? task : NULL;
}

static void *attribute_new(struct task *task, const char *key, uint8_t type, uint32_t text_bytes,
                           uint32_t body_bytes)
{
    struct record *record = &task->span.record;
    struct record_entry header = {.bytes = (uint16_t)(sizeof header + body_bytes),
                                  .tag = RECORD_ATTRIBUTE,
                                  .type = type,
                                  .text_bytes = text_bytes,
                                  .key = key};
    if (!key) return NULL;
    if (record->entry_bytes + header.bytes > SPAN_ATTRIBUTES_BYTES ||
        record->attribute_count >= span_limit(&weir_process.limits.attributes)) {
        atomic_fetch_add_explicit(&weir_process.attributes_dropped, 1, memory_order_relaxed);
        return NULL;
    }
    unsigned char *to = task->entries + record->entry_bytes;
    memcpy(to, &header, sizeof header);
    record->entry_bytes = (uint16_t)(record->entry_bytes + header.bytes);
    record->attribute_count++;
    return to + sizeof header;
}

static void set_number(struct weir_task *memory, const char *key, uint8_t type, int64_t value)
{
    struct task *task = recording(memory);
    void *body = task ? attribute_new(task, key, type, 0, sizeof value) : NULL;
    if (body) memcpy(body, &value, sizeof value);
}

void weir_task_int(struct weir_task *task, const char *key, int64_t value)
{
    set_number(task, key, ATTRIBUTE_INT, value);
}

void weir_task_double(struct weir_task *task, const char *key, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    set_number(task, key, ATTRIBUTE_DOUBLE, bits);
}

void weir_task_bool(struct weir_task *task, const char *key, bool value)
{
    set_number(task, key, ATTRIBUTE_BOOL, value);
}

void weir_task_string(struct weir_task *memory, const char *key, const char *value)
{
    struct task *task = recording(memory);
    if (!task || !value) return;
    uint32_t bytes = span_text_bytes(&weir_process.limits, value);
    void *body = attribute_new(task, key, ATTRIBUTE_STRING, bytes, record_round(bytes));
    if (body) memcpy(body, value, bytes);
}

void weir_task_error(struct weir_task *memory, const char *error_type)
{
    struct task *task = recording(memory);
    if (!task) return;
    task->span.record.status = SPAN_STATUS_ERROR;
    if (error_type && span_limit(&weir_process.limits.characters) < SPAN_TEXT_MAX)
        weir_task_string(memory, "error.type", error_type); /* may have to be cut */
    else if (error_type)
        set_number(memory, "error.type", ATTRIBUTE_STRING | RECORD_TEXT_BORROWED,
                   (int64_t)(intptr_t)error_type);
}

void weir_task_ok(struct weir_task *memory)
{
    struct task *task = recording(memory);
    if (task) task->span.record.status = SPAN_STATUS_OK;
}

void weir_task_response(struct weir_task *memory, int status_code)
{
    const struct task *task = recording(memory);
    char number[16];
    if (!task) return;
    weir_task_int(memory, "http.response.status_code", status_code);
    if (status_code < (task->span.is_call ? 400 : 500)) return;
    weir_task_error(memory, NULL);
    snprintf(number, sizeof number, "%d", status_code);
    weir_task_string(memory, "error.type", number);
}

void weir_task_rows(struct weir_task *memory, int64_t rows)
{
    struct task *task = recording(memory);
    if (task && task->span.is_call && rows >= 0) task->span.call.rows_plus_1 = (uint64_t)rows + 1;
}

/* ---- end ---- */

void weir_task_end(struct weir_task *memory)
{
    struct task *task = recording(memory);
    if (task && task->epoch == live_epoch()) {
        task->span.record.duration_ticks = span_clock_ticks() - task->span.record.start_ticks;
        struct thread_state *thread = thread_enter();
        if (thread) {
            if (thread->epoch == task->epoch) span_land(thread, &task->span, task->entries);
            thread_leave(thread);
        }
    }
    if (memory) clear((struct task *)memory);
}
