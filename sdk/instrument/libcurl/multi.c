/* SPDX-License-Identifier: Apache-2.0 */
#define CURL_DISABLE_TYPECHECK
#define WEIR_LIBCURL_NO_MACROS
#include "sdk/instrument/libcurl/multi.h"

#include "sdk/instrument/libcurl/call.h"

#include <pthread.h>
#include <stdlib.h>

#include <weir/libcurl.h>

/* A transfer that hangs in its multi handle. A handle's transfer is one of these where the handle is in a multi. */
struct multi_transfer {
    struct transfer transfer; /* first */
    struct multi_transfer *next, **at;
};

struct multi {
    struct pointer_entry entry; /* first; by CURLM* */
    struct multi_transfer *transfers;
    struct handle *first_message, **last_message;
    CURLMsg *stray; /* the message of an unknown handle, for which there was no memory; NULL: none */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pointer_table multis; /* under lock */

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}

/* ---- the table ---- */

static struct multi *multi_find(CURLM *key)
{
    pthread_mutex_lock(&lock);
    struct multi *multi = pointer_table_find(&multis, key);
    pthread_mutex_unlock(&lock);
    return multi;
}

static struct multi *multi_find_or_add(CURLM *key)
{
    pthread_mutex_lock(&lock);
    struct multi *multi = pointer_table_find(&multis, key);
    if (!multi && (multi = calloc(1, sizeof(*multi)))) {
        multi->last_message = &multi->first_message;
        pointer_table_add(&multis, &multi->entry, key);
    }
    pthread_mutex_unlock(&lock);
    return multi;
}

static struct multi *multi_take(CURLM *key)
{
    pthread_mutex_lock(&lock);
    struct multi *multi = pointer_table_take(&multis, key);
    pthread_mutex_unlock(&lock);
    return multi;
}

/* ---- transfers ---- */

static void transfer_link(struct multi *multi, struct multi_transfer *transfer)
{
    transfer->next = multi->transfers;
    transfer->at = &multi->transfers;
    if (transfer->next) transfer->next->at = &transfer->next;
    multi->transfers = transfer;
}

static void transfer_free(struct multi_transfer *transfer)
{
    *transfer->at = transfer->next;
    if (transfer->next) transfer->next->at = transfer->at;
    free(transfer);
}

static void transfer_done(struct handle *handle, CURLcode result)
{
    struct multi_transfer *transfer = (struct multi_transfer *)handle->transfer;
    if (!transfer) return;
    call_end(&transfer->transfer, result);
    transfer_free(transfer);
}

static void transfer_abandon(struct handle *handle)
{
    struct multi_transfer *transfer = (struct multi_transfer *)handle->transfer;
    if (!transfer) return;
    call_abandon(&transfer->transfer);
    transfer_free(transfer);
}

/* ---- messages ---- */

static void message_unlink(struct handle *handle)
{
    struct multi *multi = handle->queue;
    if (!multi) return;
    struct handle **at = &multi->first_message;
    while (*at != handle) at = &(*at)->next_message;
    *at = handle->next_message;
    if (!*at) multi->last_message = at;
    handle->queue = NULL;
}

static void message_append(struct multi *multi, struct handle *handle, CURLMsg *message)
{
    message_unlink(handle);
    handle->queue = multi;
    handle->message = message;
    handle->next_message = NULL;
    *multi->last_message = handle;
    multi->last_message = &handle->next_message;
}

static void take_messages(CURLM *key, struct multi *multi)
{
    int left;
    CURLMsg *message;
    while (!multi->stray && (message = curl_multi_info_read(key, &left))) {
        struct handle *handle = handle_of(message->easy_handle);
        if (handle && message->msg == CURLMSG_DONE) transfer_done(handle, message->data.result);
        if (handle)
            message_append(multi, handle, message);
        else
            multi->stray = message;
    }
}

static int message_count(const struct multi *multi)
{
    int count = multi->stray != NULL;
    for (const struct handle *handle = multi->first_message; handle; handle = handle->next_message) count++;
    return count;
}

static CURLMsg *message_pop(struct multi *multi)
{
    struct handle *handle = multi->first_message;
    CURLMsg *message = handle ? handle->message : multi->stray;
    if (handle)
        message_unlink(handle);
    else
        multi->stray = NULL;
    return message;
}

void multi_forget(struct handle *handle)
{
    transfer_abandon(handle);
    message_unlink(handle);
}

/* ---- public ---- */

CURLMcode weir_curl_multi_add_handle(const struct weir_site *site, CURLM *key, CURL *curl)
{
    CURLMcode code = curl_multi_add_handle(key, curl);
    if (code != CURLM_OK) return code;
    struct handle *handle = handle_of(curl);
    struct multi *multi = handle ? multi_find_or_add(key) : NULL;
    struct multi_transfer *transfer = multi ? calloc(1, sizeof(*transfer)) : NULL;
    if (transfer && call_begin(&transfer->transfer, site, curl, handle))
        transfer_link(multi, transfer);
    else
        free(transfer);
    return code;
}

/* Only while calls are under way: else there is nothing to end, and messages stay with libcurl. */
static void end_what_is_done(CURLM *key)
{
    struct multi *multi = multi_find(key);
    if (multi && multi->transfers) take_messages(key, multi);
}

CURLMcode weir_curl_multi_remove_handle(CURLM *key, CURL *curl)
{
    end_what_is_done(key);
    CURLMcode code = curl_multi_remove_handle(key, curl);
    struct handle *handle = code == CURLM_OK ? handle_of(curl) : NULL;
    if (handle) multi_forget(handle);
    return code;
}

CURLMcode weir_curl_multi_perform(CURLM *key, int *running)
{
    CURLMcode code = curl_multi_perform(key, running);
    end_what_is_done(key);
    return code;
}

CURLMcode weir_curl_multi_socket_action(CURLM *key, curl_socket_t socket, int events, int *running)
{
    CURLMcode code = curl_multi_socket_action(key, socket, events, running);
    end_what_is_done(key);
    return code;
}

CURLMsg *weir_curl_multi_info_read(CURLM *key, int *left)
{
    struct multi *multi = multi_find(key);
    end_what_is_done(key);
    if (!multi || message_count(multi) == 0) return curl_multi_info_read(key, left);
    take_messages(key, multi); /* so that the count is whole */
    CURLMsg *message = message_pop(multi);
    *left = message_count(multi);
    return message;
}

CURLMcode weir_curl_multi_cleanup(CURLM *key)
{
    end_what_is_done(key);
    CURLMcode code = curl_multi_cleanup(key);
    struct multi *multi = code == CURLM_OK ? multi_take(key) : NULL;
    while (multi && multi->transfers) transfer_abandon(multi->transfers->transfer.handle);
    while (multi && multi->first_message) message_unlink(multi->first_message);
    free(multi);
    return code;
}
