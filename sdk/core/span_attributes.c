/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is set on an open span: attributes and status. They are entries behind each other in the slot's own room, in the
 * shape in which they go to the ring (record.h).
 */
#include "sdk/core/span.h"

#include "proto/batch.h"
#include "sdk/core/span_events.h"

#include <stdio.h>
#include <string.h>

/* ---- entries ---- */

void *span_entry_new(struct thread_state *thread, struct span_slot *slot, struct record_entry header,
                     uint32_t body_bytes)
{
    header.bytes = (uint16_t)(sizeof header + body_bytes);
    if (__builtin_expect(slot->entry_bytes + sizeof header + body_bytes > SPAN_ATTRIBUTES_BYTES, 0)) {
        span_count_dropped(thread, slot, SPAN_ATTRIBUTES);
        return NULL;
    }
    unsigned char *to = thread->entries[thread_slot_index(thread, slot)].bytes + slot->entry_bytes;
    slot->entry_bytes = (uint16_t)(slot->entry_bytes + header.bytes);
    memcpy(to, &header, sizeof header);
    return to + sizeof header;
}

/* ---- attributes ---- */

struct target { /* the span that an attribute is for */
    struct thread_state *thread;
    struct span_slot *slot;
};

/* Nothing to set it on; or this is a handler inside weir. */
static __attribute__((cold, noinline)) void not_found(struct weir_span span)
{
    struct thread_state *thread = weir_thread;
    if (thread_slot(thread, span) && thread->inside)
        atomic_fetch_add_explicit(&weir_process.attributes_dropped, 1, memory_order_relaxed);
}

/* What is not sampled needs no attributes: false as well. */
static inline bool find(struct weir_span span, struct target *target)
{
    target->slot = thread_enter_slot(span, &target->thread);
    if (__builtin_expect(!target->slot, 0)) {
        not_found(span);
        return false;
    }
    if (target->slot->sampled) return true;
    thread_leave(target->thread);
    return false;
}

static inline bool find_current(struct target *target)
{
    struct thread_state *thread = target->thread = weir_thread;
    if (!thread_is_attached(thread)) return false;
    if (__builtin_expect(thread->inside, 0)) {
        not_found(span_current(thread));
        return false;
    }
    if (thread->top == NO_SLOT) return false;
    target->slot = &thread->slots[thread->top];
    if (!target->slot->sampled) return false;
    thread_set_inside(thread);
    return true;
}

static bool has_attribute(const struct target *target, const char *key)
{
    const unsigned char *at = target->thread->entries[thread_slot_index(target->thread, target->slot)].bytes;
    const unsigned char *end = at + target->slot->entry_bytes;
    while (at < end) {
        const struct record_entry *entry = (const void *)at;
        if (entry->tag == RECORD_ATTRIBUTE && strcmp(entry->key, key) == 0) return true;
        at += entry->bytes;
    }
    return false;
}

/* At the limit: whether the key is there already, so that the new value takes the place of its former one. */
static __attribute__((cold, noinline)) bool replaces(const struct target *target, const char *key)
{
    return target->slot->attribute_count < BATCH_ATTRIBUTES_MAX && has_attribute(target, key);
}

static inline void *attribute_new(const struct target *target, const char *key, uint8_t type,
                                  uint32_t text_bytes, uint32_t body_bytes)
{
    struct span_slot *slot = target->slot;
    if (!key) return NULL;
    if (__builtin_expect(slot->attribute_count >= span_limit(&weir_process.limits.attributes), 0) &&
        !replaces(target, key)) {
        span_count_dropped(target->thread, slot, SPAN_ATTRIBUTES);
        return NULL;
    }
    void *body = span_entry_new(
        target->thread, target->slot,
        (struct record_entry){.tag = RECORD_ATTRIBUTE, .type = type, .text_bytes = text_bytes, .key = key},
        body_bytes);
    slot->attribute_count = (uint16_t)(slot->attribute_count + (body != NULL));
    return body;
}

static inline void set_number(const struct target *target, const char *key, uint8_t type, int64_t value)
{
    void *body = attribute_new(target, key, type, 0, sizeof value);
    if (body) memcpy(body, &value, sizeof value);
    thread_leave(target->thread);
}

/* Text is short as a rule: a few overlapping moves. */
static inline void copy_text(unsigned char *to, const char *from, uint32_t bytes)
{
    if (bytes > 128) {
        memcpy(to, from, bytes);
    } else if (bytes >= 16) {
        for (uint32_t at = 0; at < bytes - 16; at += 16) {
            memcpy(to + at, from + at, 16);
            __asm__("" : "+r"(to)); /* as in copy_words */
        }
        memcpy(to + bytes - 16, from + bytes - 16, 16);
    } else if (bytes >= 8) {
        memcpy(to, from, 8);
        memcpy(to + bytes - 8, from + bytes - 8, 8);
    } else if (bytes >= 4) {
        memcpy(to, from, 4);
        memcpy(to + bytes - 4, from + bytes - 4, 4);
    } else {
        for (uint32_t i = 0; i < bytes; i++) to[i] = (unsigned char)from[i];
    }
}

static inline void set_text(const struct target *target, const char *key, const char *value, uint32_t len)
{
    void *body = attribute_new(target, key, ATTRIBUTE_STRING, len, record_round(len));
    if (body) copy_text(body, value, len);
    thread_leave(target->thread);
}

static uint32_t text_bytes(const char *text) { return span_text_bytes(&weir_process.limits, text); }

/* Whether it is worth while to look how long a text is, which is done outside. */
static inline bool wants_text(struct weir_span span)
{
    struct thread_state *thread = weir_thread;
    const struct span_slot *slot = thread_slot(thread, span);
    return slot && slot->sampled;
}

static inline bool current_wants_text(void)
{
    const struct thread_state *thread = weir_thread;
    return thread_is_attached(thread) && thread->top != NO_SLOT && thread->slots[thread->top].sampled;
}

/* Borrowed, unless it has to be cut. */
static inline void set_error(const struct target *target, const char *error_type)
{
    if (!span_set_error(target->slot) || !error_type)
        thread_leave(target->thread);
    else if (span_limit(&weir_process.limits.characters) < SPAN_TEXT_MAX)
        set_text(target, "error.type", error_type, text_bytes(error_type));
    else
        set_number(target, "error.type", ATTRIBUTE_STRING | RECORD_TEXT_BORROWED,
                   (int64_t)(intptr_t)error_type);
}

static void set_error_number(struct weir_span span, int status_code)
{
    char number[16];
    snprintf(number, sizeof number, "%d", status_code);
    weir_span_string(span, "error.type", number);
}

static int64_t bits_of(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- public: attributes and status ---- */

void weir_span_int(struct weir_span span, const char *key, int64_t value)
{
    struct target target;
    if (find(span, &target)) set_number(&target, key, ATTRIBUTE_INT, value);
}

void weir_span_double(struct weir_span span, const char *key, double value)
{
    struct target target;
    if (find(span, &target)) set_number(&target, key, ATTRIBUTE_DOUBLE, bits_of(value));
}

void weir_span_bool(struct weir_span span, const char *key, bool value)
{
    struct target target;
    if (find(span, &target)) set_number(&target, key, ATTRIBUTE_BOOL, value);
}

void weir_span_string(struct weir_span span, const char *key, const char *value)
{
    struct target target;
    if (!value || !wants_text(span)) return;
    uint32_t len = text_bytes(value);
    if (find(span, &target)) set_text(&target, key, value, len);
}

void weir_span_error(struct weir_span span, const char *error_type)
{
    struct target target;
    if (find(span, &target)) set_error(&target, error_type);
}

void weir_span_ok(struct weir_span span)
{
    struct target target;
    if (!find(span, &target)) return;
    target.slot->record.status = SPAN_STATUS_OK;
    thread_leave(target.thread);
}

/* On the current span, which is where most are set, as straight a line as begin and end. */

static __attribute__((noinline)) void current_number(const char *key, uint8_t type, int64_t value)
{
    struct target target;
    if (find_current(&target)) set_number(&target, key, type, value);
}

static __attribute__((noinline)) void current_text(const char *key, const char *value, uint32_t len)
{
    struct target target;
    if (find_current(&target)) set_text(&target, key, value, len);
}

/* Writes the header of an attribute to the current span, the thread entered, and returns its body. NULL: nothing is done. */
static inline unsigned char *straight_attribute(struct thread_state *thread, const char *key, uint8_t type,
                                                uint32_t text_len, uint32_t body_bytes)
{
    struct record_entry header = {.bytes = (uint16_t)(sizeof header + body_bytes),
                                  .tag = RECORD_ATTRIBUTE,
                                  .type = type,
                                  .text_bytes = text_len,
                                  .key = key};
    if (!thread_is_attached(thread) || thread->inside || thread->top == NO_SLOT || !key) return NULL;
    struct span_slot *slot = &thread->slots[thread->top];
    if (!slot->sampled || slot->entry_bytes + sizeof header + body_bytes > SPAN_ATTRIBUTES_BYTES ||
        slot->attribute_count >= span_limit(&weir_process.limits.attributes))
        return NULL;
    thread_set_inside(thread);
    unsigned char *to = thread->entries[thread->top].bytes + slot->entry_bytes;
    slot->entry_bytes = (uint16_t)(slot->entry_bytes + header.bytes);
    slot->attribute_count++;
    memcpy(to, &header, sizeof header);
    return to + sizeof header;
}

static inline void straight_number(const char *key, uint8_t type, int64_t value)
{
    struct thread_state *thread = weir_thread;
    void *body = straight_attribute(thread, key, type, 0, sizeof value);
    if (__builtin_expect(body == NULL, 0)) {
        current_number(key, type, value);
        return;
    }
    memcpy(body, &value, sizeof value);
    thread_leave(thread);
}

void weir_int(const char *key, int64_t value) { straight_number(key, ATTRIBUTE_INT, value); }
void weir_double(const char *key, double value) { straight_number(key, ATTRIBUTE_DOUBLE, bits_of(value)); }
void weir_bool(const char *key, bool value) { straight_number(key, ATTRIBUTE_BOOL, value); }

void weir_string(const char *key, const char *value)
{
    if (!value || !current_wants_text()) return;
    uint32_t len = text_bytes(value);
    struct thread_state *thread = weir_thread;
    void *body = straight_attribute(thread, key, ATTRIBUTE_STRING, len, record_round(len));
    if (__builtin_expect(body == NULL, 0)) {
        current_text(key, value, len);
        return;
    }
    copy_text(body, value, len);
    thread_leave(thread);
}

void weir_error(const char *error_type)
{
    struct target target;
    if (find_current(&target)) set_error(&target, error_type);
}

/* The number is what is known of the error, unless somebody has said more. */
void span_response(struct weir_span span, int status_code, int least_error)
{
    struct target target;
    if (!find(span, &target)) return;
    bool is_error = status_code >= least_error && span_set_error(target.slot);
    bool has_type = is_error && has_attribute(&target, "error.type");
    set_number(&target, "http.response.status_code", ATTRIBUTE_INT, status_code);
    if (is_error && !has_type) set_error_number(span, status_code);
}

void weir_server_response(struct weir_span span, int status_code) { span_response(span, status_code, 500); }
