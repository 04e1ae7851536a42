/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What weir changes in a handle for the time of a transfer, and puts back: traceparent, tracestate and baggage in front of
 * the program's list, and a write callback that keeps a copy of the body after the program's own has taken
 * it. A transfer belongs to the thread that performs: it lies on the stack of curl_easy_perform, or hangs in its
 * multi handle.
 */
#ifndef WEIR_LIBCURL_TRANSFER_H
#define WEIR_LIBCURL_TRANSFER_H

#include "sdk/instrument/libcurl/handle.h"

#include <weir/weir.h>

/* A header that goes in front of the program's. */
struct own_header {
    struct curl_slist item; /* its next is the next of ours, or the program's list, which is not changed */
    char *line;             /* "name: value"; owned */
};

#define OWN_HEADERS 3 /* traceparent, tracestate, baggage */

struct transfer {
    CURL *curl;
    struct handle *handle;
    struct weir_span call;
    struct own_header headers[OWN_HEADERS];
    size_t header_count;
    char *body; /* owned; what has come so far */
    size_t body_bytes, body_room;
    bool body_lost; /* too long, or out of memory: half an answer says nothing */
};

void transfer_begin(struct transfer *transfer, CURL *curl, struct handle *handle, struct weir_span call);
void transfer_end(struct transfer *transfer);

/* The handle's options have changed: sets weir's again, around them. */
void transfer_apply(struct transfer *transfer);

/* Gives a handle the program's own callbacks and headers. */
void transfer_restore(CURL *curl, const struct handle *handle);

#endif
