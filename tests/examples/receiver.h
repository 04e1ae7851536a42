/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector for tests: a plain nng REP socket on a free port that unpacks each batch, keeps its spans and answers
 * STORED. One thread of its own; everything that is handed out lives until receiver_stop.
 */
#ifndef WEIR_TESTS_EXAMPLES_RECEIVER_H
#define WEIR_TESTS_EXAMPLES_RECEIVER_H

#include "model/span.h"

#include <stdbool.h>
#include <stddef.h>

#define RECEIVER_DEADLINE_MS 20000

struct receiver;

struct seen_span {
    unsigned char trace_id[16];
    struct span span;
    struct resource resource;
};

struct receiver *receiver_start(void);
void receiver_stop(struct receiver *receiver);

const char *receiver_endpoint(const struct receiver *receiver); /* tcp://127.0.0.1:PORT */

/* Waits until a span whose operation has this text is here; NULL after the deadline. */
const struct seen_span *receiver_wait(struct receiver *receiver, const char *text);

/* The nth span (from 0) of the trace that is of this type, in order of arrival; NULL when there are not so many. */
const struct seen_span *receiver_span(struct receiver *receiver, const unsigned char trace_id[16],
                                      enum operation_type type, size_t nth);

/* All spans, in order of arrival: fn is called under the receiver's lock. */
typedef void (*receiver_fn)(void *context, const struct seen_span *seen);
void receiver_each(struct receiver *receiver, receiver_fn fn, void *context);

/* Whether these bytes were anywhere in what came. */
bool receiver_has_bytes(struct receiver *receiver, const char *text);

/* The value of a string, bool or integer attribute as text, in the caller's room; "" when the span has none. */
const char *seen_attribute(const struct seen_span *seen, const char *key, char room[64]);

#endif
