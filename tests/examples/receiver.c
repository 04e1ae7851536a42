/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/examples/receiver.h"

#include "base/arena.h"
#include "proto/batch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>

#define MEMORY_MAX (512u << 20)

struct receiver {
    nng_socket socket;
    nng_listener listener;
    pthread_t thread;
    char endpoint[64];
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t arrived;
    struct arena arena;
    size_t span_count, span_room;
    struct seen_span **spans;
    size_t bytes_count;
    char *bytes; /* all messages, one behind the other */
};

/* ---- from columns to spans ---- */

/* How far the columns that hold lists have been read. */
struct cursors {
    uint32_t unread, link, attribute;
    int64_t start_ns;
};

static uint32_t at32(const uint32_t *column, uint32_t i) { return column ? column[i] : 0; }
static uint64_t at64(const uint64_t *column, uint32_t i) { return column ? column[i] : 0; }

static struct operation *read_operation(struct arena *arena, const struct batch *batch, uint32_t index)
{
    struct operation *operation = arena_array(arena, 1, sizeof(*operation));
    operation->type = (enum operation_type)at32(batch->operation_type, index);
    operation->system = batch_string(batch, at32(batch->operation_system, index));
    operation->text = batch_string(batch, at32(batch->operation_text, index));
    return operation;
}

static void read_site(const struct batch *batch, uint32_t index_plus_1, struct call_site *site)
{
    if (index_plus_1 == 0) return;
    site->file = batch_string(batch, at32(batch->site_file, index_plus_1 - 1));
    site->function = batch_string(batch, at32(batch->site_function, index_plus_1 - 1));
    site->line = at32(batch->site_line, index_plus_1 - 1);
}

static void read_links(struct arena *arena, const struct batch *batch, uint32_t i, struct cursors *at,
                       struct span *span)
{
    span->link_count = at32(batch->link_count, i);
    struct link *links = arena_array(arena, span->link_count, sizeof(*links));
    for (uint32_t k = 0; k < span->link_count; k++, at->link++)
        links[k] = (struct link){at64(batch->link_span_id, at->link),
                                 (enum link_kind)at32(batch->link_kind, at->link),
                                 at32(batch->link_column, at->link), at32(batch->link_row, at->link)};
    span->links = links;
}

static void read_unread(const struct batch *batch, uint32_t i, struct cursors *at, struct span *span)
{
    span->unread_count = at32(batch->unread_count, i);
    span->unread = batch->unread_span_id ? batch->unread_span_id + at->unread : NULL;
    at->unread += span->unread_count;
}

static void read_attributes(struct arena *arena, const struct batch *batch, uint32_t i, struct cursors *at,
                            struct span *span)
{
    span->attribute_count = at32(batch->attribute_count, i);
    struct attribute *attributes = arena_array(arena, span->attribute_count, sizeof(*attributes));
    for (uint32_t k = 0; k < span->attribute_count; k++, at->attribute++) {
        attributes[k].key = batch_string(batch, batch->attribute_key[at->attribute]);
        attributes[k].type = (int)batch->attribute_type[at->attribute];
        attributes[k].integer = batch->attribute_value ? batch->attribute_value[at->attribute] : 0;
        if (attributes[k].type == ATTRIBUTE_STRING)
            attributes[k].text = batch_string(batch, (uint32_t)attributes[k].integer);
    }
    span->attributes = attributes;
}

static void read_resource(const struct batch *batch, struct resource *resource)
{
    for (uint32_t i = 0; i < batch->resource_count; i++) {
        struct str key = batch_string(batch, batch->resource_key[i]);
        struct str value = batch_string(batch, batch->resource_value[i]);
        if (str_is(key, "service.name")) resource->service_name = value;
        if (str_is(key, "service.version")) resource->service_version = value;
    }
}

static struct seen_span *read_span(struct arena *arena, const struct batch *batch, uint32_t i,
                                   struct cursors *at)
{
    struct seen_span *seen = arena_array(arena, 1, sizeof(*seen));
    struct span *span = &seen->span;
    memcpy(seen->trace_id, batch->trace_ids + 16 * (size_t)at32(batch->span_trace, i), 16);
    read_resource(batch, &seen->resource);
    span->resource = &seen->resource;
    span->id = at64(batch->span_id, i);
    span->parent_id = at64(batch->parent_span_id, i);
    span->kind = (enum span_kind)at32(batch->span_kind, i);
    span->status = (enum span_status)at32(batch->status, i);
    span->remote_parent = at32(batch->flags, i) & SPAN_FLAG_REMOTE_PARENT;
    span->operation = read_operation(arena, batch, at32(batch->span_operation, i));
    read_site(batch, at32(batch->span_site, i), &span->site);
    at->start_ns += batch->start_delta_ns ? batch->start_delta_ns[i] : 0;
    span->start_ns = at->start_ns;
    span->duration_ns = (int64_t)at64(batch->duration_ns, i);
    span->rows = (int64_t)at64(batch->rows_plus_1, i) - 1;
    span->connection = at32(batch->connection, i);
    span->input_count = at32(batch->input_count, i);
    span->input_hash = at64(batch->input_hash, i);
    span->answer_hash = at64(batch->answer_hash, i);
    read_unread(batch, i, at, span);
    read_links(arena, batch, i, at, span);
    read_attributes(arena, batch, i, at, span);
    return seen;
}

/* ---- receiving ---- */

static void keep_bytes(struct receiver *receiver, const void *data, size_t bytes)
{
    char *grown = realloc(receiver->bytes, receiver->bytes_count + bytes);
    if (!grown) abort();
    memcpy(grown + receiver->bytes_count, data, bytes);
    receiver->bytes = grown;
    receiver->bytes_count += bytes;
}

static void keep_span(struct receiver *receiver, struct seen_span *seen)
{
    if (receiver->span_count == receiver->span_room) {
        receiver->span_room = receiver->span_room ? receiver->span_room * 2 : 1024;
        receiver->spans = realloc(receiver->spans, receiver->span_room * sizeof(struct seen_span *));
        if (!receiver->spans) abort();
    }
    receiver->spans[receiver->span_count++] = seen;
}

/* False: it was no batch. */
static bool take_batch(struct receiver *receiver, const void *data, size_t bytes)
{
    const char *why;
    struct batch *batch = arena_array(&receiver->arena, 1, sizeof(*batch));
    if (!batch_unpack(batch, &receiver->arena, data, bytes, &why)) {
        fprintf(stderr, "receiver: %s\n", why);
        return false;
    }
    struct cursors at = {.start_ns = (int64_t)batch->base_time_unix_ns};
    for (uint32_t i = 0; i < batch->span_count; i++)
        keep_span(receiver, read_span(&receiver->arena, batch, i, &at));
    keep_bytes(receiver, data, bytes);
    return true;
}

static void answer(struct receiver *receiver, bool stored)
{
    struct reply reply = {.status = stored ? REPLY_STORED : REPLY_REFUSED};
    unsigned char packed[REPLY_BYTES_MAX];
    nng_send(receiver->socket, packed, reply_pack(&reply, packed), 0);
}

static void *receive(void *argument)
{
    struct receiver *receiver = argument;
    void *data;
    size_t bytes;
    while (nng_recv(receiver->socket, &data, &bytes, NNG_FLAG_ALLOC) == 0) {
        pthread_mutex_lock(&receiver->lock);
        bool stored = take_batch(receiver, data, bytes);
        pthread_cond_broadcast(&receiver->arrived);
        pthread_mutex_unlock(&receiver->lock);
        nng_free(data, bytes);
        answer(receiver, stored);
    }
    return NULL;
}

struct receiver *receiver_start(void)
{
    struct receiver *receiver = calloc(1, sizeof(*receiver));
    if (!receiver) abort();
    arena_init(&receiver->arena, MEMORY_MAX);
    pthread_mutex_init(&receiver->lock, NULL);
    pthread_cond_init(&receiver->arrived, NULL);
    nng_sockaddr address;
    if (nng_rep0_open(&receiver->socket) != 0 ||
        nng_listen(receiver->socket, "tcp://127.0.0.1:0", &receiver->listener, 0) != 0 ||
        nng_listener_get_addr(receiver->listener, NNG_OPT_LOCADDR, &address) != 0)
        abort();
    unsigned port = (unsigned)(address.s_in.sa_port & 0xff) << 8 | address.s_in.sa_port >> 8;
    snprintf(receiver->endpoint, sizeof(receiver->endpoint), "tcp://127.0.0.1:%u", port);
    pthread_create(&receiver->thread, NULL, receive, receiver);
    return receiver;
}

void receiver_stop(struct receiver *receiver)
{
    nng_close(receiver->socket);
    pthread_join(receiver->thread, NULL);
    pthread_cond_destroy(&receiver->arrived);
    pthread_mutex_destroy(&receiver->lock);
    arena_fini(&receiver->arena);
    free(receiver->spans);
    free(receiver->bytes);
    free(receiver);
}

const char *receiver_endpoint(const struct receiver *receiver) { return receiver->endpoint; }

/* ---- looking ---- */

static const struct seen_span *find_text(const struct receiver *receiver, const char *text)
{
    for (size_t i = 0; i < receiver->span_count; i++)
        if (str_is(receiver->spans[i]->span.operation->text, text)) return receiver->spans[i];
    return NULL;
}

const struct seen_span *receiver_wait(struct receiver *receiver, const char *text)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += RECEIVER_DEADLINE_MS / 1000;
    pthread_mutex_lock(&receiver->lock);
    const struct seen_span *found;
    int late = 0;
    while (!(found = find_text(receiver, text)) && !late)
        late = pthread_cond_timedwait(&receiver->arrived, &receiver->lock, &deadline);
    pthread_mutex_unlock(&receiver->lock);
    return found;
}

const struct seen_span *receiver_span(struct receiver *receiver, const unsigned char trace_id[16],
                                      enum operation_type type, size_t nth)
{
    const struct seen_span *found = NULL;
    pthread_mutex_lock(&receiver->lock);
    for (size_t i = 0; !found && i < receiver->span_count; i++) {
        const struct seen_span *seen = receiver->spans[i];
        bool fits = memcmp(seen->trace_id, trace_id, 16) == 0 && seen->span.operation->type == type;
        if (fits && nth-- == 0) found = seen;
    }
    pthread_mutex_unlock(&receiver->lock);
    return found;
}

void receiver_each(struct receiver *receiver, receiver_fn fn, void *context)
{
    pthread_mutex_lock(&receiver->lock);
    for (size_t i = 0; i < receiver->span_count; i++) fn(context, receiver->spans[i]);
    pthread_mutex_unlock(&receiver->lock);
}

bool receiver_has_bytes(struct receiver *receiver, const char *text)
{
    pthread_mutex_lock(&receiver->lock);
    bool found = receiver->bytes && memmem(receiver->bytes, receiver->bytes_count, text, strlen(text));
    pthread_mutex_unlock(&receiver->lock);
    return found;
}

const char *seen_attribute(const struct seen_span *seen, const char *key, char room[64])
{
    room[0] = 0;
    for (uint32_t i = 0; i < seen->span.attribute_count; i++) {
        const struct attribute *attribute = &seen->span.attributes[i];
        if (!str_is(attribute->key, key)) continue;
        if (attribute->type == ATTRIBUTE_STRING)
            snprintf(room, 64, "%.*s", STR_ARG(attribute->text));
        else if (attribute->type == ATTRIBUTE_BOOL)
            snprintf(room, 64, "%s", attribute->integer ? "true" : "false");
        else
            snprintf(room, 64, "%lld", (long long)attribute->integer);
    }
    return room;
}
