/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/instrument/libcurl/handle.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pointer_table handles; /* under lock */

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}

/* ---- the table ---- */

static void set_defaults(struct handle *handle)
{
    *handle = (struct handle){.entry = handle->entry,
                              .method = "GET",
                              .body_bytes = -1,
                              .write_to = stdout,
                              .transfer = handle->transfer,
                              .queue = handle->queue,
                              .message = handle->message,
                              .next_message = handle->next_message};
}

static void free_strings(struct handle *handle)
{
    free(handle->url);
    free(handle->copied_body);
}

static void free_handle(struct handle *handle)
{
    if (handle) free_strings(handle);
    free(handle);
}

static struct handle *find_or_add(CURL *key)
{
    struct handle *handle = pointer_table_find(&handles, key);
    if (handle) return handle;
    handle = calloc(1, sizeof(*handle));
    if (!handle) return NULL;
    set_defaults(handle);
    pointer_table_add(&handles, &handle->entry, key);
    return handle;
}

struct handle *handle_of(CURL *key)
{
    pthread_mutex_lock(&lock);
    struct handle *handle = find_or_add(key);
    pthread_mutex_unlock(&lock);
    return handle;
}

static char *copy_bytes(const char *data, size_t bytes)
{
    char *copy = malloc(bytes + 1);
    if (!copy) return NULL;
    memcpy(copy, data, bytes);
    copy[bytes] = 0;
    return copy;
}

/* As curl_easy_duphandle does: what it copied before it copies again, what it borrowed it borrows again. */
static void copy_options(struct handle *to, const struct handle *from)
{
    struct pointer_entry entry = to->entry;
    *to = *from;
    to->entry = entry;
    to->transfer = NULL;
    to->queue = NULL;
    to->url = from->url ? strdup(from->url) : NULL;
    to->copied_body = from->copied_body ? copy_bytes(from->copied_body, handle_body_bytes(from)) : NULL;
    if (from->body == from->copied_body) to->body = to->copied_body;
}

void handle_add(CURL *key, const CURL *like)
{
    pthread_mutex_lock(&lock);
    free_handle(pointer_table_take(&handles, key));
    struct handle *handle = find_or_add(key);
    const struct handle *model = like ? pointer_table_find(&handles, like) : NULL;
    if (handle && model) copy_options(handle, model);
    pthread_mutex_unlock(&lock);
}

void handle_remove(CURL *key)
{
    pthread_mutex_lock(&lock);
    struct handle *handle = pointer_table_take(&handles, key);
    pthread_mutex_unlock(&lock);
    free_handle(handle);
}

void handle_reset(struct handle *handle)
{
    free_strings(handle);
    set_defaults(handle);
}

/* ---- options ---- */

/* Methods live as long as the process; OpenTelemetry's word for one that is not well known is _OTHER. */
static const char *known_method(const char *method)
{
    static const char *const methods[] = {"GET",     "HEAD",  "POST",  "PUT",      "DELETE", "CONNECT",
                                          "OPTIONS", "TRACE", "PATCH", "PROPFIND", "QUERY"};
    if (!method) return NULL;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strcmp(methods[i], method) == 0) return methods[i];
    return "_OTHER";
}

static void set_url(struct handle *handle, const char *url)
{
    free(handle->url);
    handle->url = url ? strdup(url) : NULL;
}

static void set_body(struct handle *handle, const char *body)
{
    free(handle->copied_body);
    handle->copied_body = NULL;
    handle->body = body;
    handle->method = "POST";
}

static void set_copied_body(struct handle *handle, const char *body)
{
    set_body(handle, NULL);
    if (!body) return;
    size_t bytes = handle->body_bytes < 0 ? strlen(body) : (size_t)handle->body_bytes;
    handle->copied_body = copy_bytes(body, bytes);
    handle->body = handle->copied_body;
}

/* A shorter size than the copied text's stays a view of its front; a longer one makes curl forget the copy.
 */
static void set_body_bytes(struct handle *handle, curl_off_t bytes)
{
    if (handle->copied_body && bytes > handle->body_bytes) set_body(handle, NULL);
    handle->body_bytes = bytes;
}

static void set_no_body(struct handle *handle, bool no_body)
{
    if (no_body)
        handle->method = "HEAD";
    else if (strcmp(handle->method, "HEAD") == 0)
        handle->method = "GET";
}

bool handle_holds(const struct handle *handle, CURLoption option)
{
    if (!handle->transfer) return false;
    return option == CURLOPT_WRITEFUNCTION || option == CURLOPT_WRITEDATA ||
           option == CURLOPT_HEADERFUNCTION || option == CURLOPT_HTTPHEADER ||
           (option == CURLOPT_HEADERDATA && !handle->header);
}

/* Two options that newer programs do not use. */
static void note_deprecated(struct handle *handle, CURLoption option, union option_value value)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    if (option == CURLOPT_PUT) handle->method = value.number ? "PUT" : "GET";
    if (option == CURLOPT_HTTPPOST) set_body(handle, NULL);
#pragma GCC diagnostic pop
}

static void note_request(struct handle *handle, CURLoption option, union option_value value)
{
    switch (option) {
    case CURLOPT_URL:
        set_url(handle, value.pointer);
        break;
    case CURLOPT_CURLU:
        handle->url_parts = value.pointer;
        break;
    case CURLOPT_HTTPGET:
        if (value.number) handle->method = "GET";
        break;
    case CURLOPT_POST:
        handle->method = value.number ? "POST" : "GET";
        break;
    case CURLOPT_UPLOAD:
        handle->method = value.number ? "PUT" : "GET";
        break;
    case CURLOPT_NOBODY:
        set_no_body(handle, value.number != 0);
        break;
    case CURLOPT_MIMEPOST:
        set_body(handle, NULL);
        break;
    case CURLOPT_CUSTOMREQUEST:
        handle->custom_method = known_method(value.pointer);
        break;
    case CURLOPT_POSTFIELDS:
        set_body(handle, value.pointer);
        break;
    case CURLOPT_COPYPOSTFIELDS:
        set_copied_body(handle, value.pointer);
        break;
    case CURLOPT_POSTFIELDSIZE:
        set_body_bytes(handle, value.number);
        break;
    case CURLOPT_POSTFIELDSIZE_LARGE:
        set_body_bytes(handle, value.offset);
        break;
    case CURLOPT_HTTPHEADER:
        handle->headers = value.pointer;
        break;
    default:
        break;
    }
}

static void note_answer(struct handle *handle, CURLoption option, union option_value value)
{
    switch (option) {
    case CURLOPT_WRITEFUNCTION:
        handle->write = (curl_write_callback)value.function;
        break;
    case CURLOPT_WRITEDATA:
        handle->write_to = value.pointer;
        break;
    case CURLOPT_HEADERFUNCTION:
        handle->header = (curl_write_callback)value.function;
        break;
    case CURLOPT_HEADERDATA:
        handle->header_to = value.pointer;
        break;
    case CURLOPT_HEADER:
        handle->answer_has_headers = value.number != 0;
        break;
    default:
        break;
    }
}

void handle_note(struct handle *handle, CURLoption option, union option_value value)
{
    note_request(handle, option, value);
    note_answer(handle, option, value);
    note_deprecated(handle, option, value);
}

/* ---- what will be asked ---- */

/* A URL without a scheme is taken for http, as curl does for most host names. */
static char *with_scheme(const char *url)
{
    if (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0) return strdup(url);
    char *whole;
    if (strstr(url, "://") || asprintf(&whole, "http://%s", url) < 0) return NULL;
    return whole;
}

char *handle_http_url(const struct handle *handle)
{
    if (!handle->url_parts) return handle->url ? with_scheme(handle->url) : NULL;
    char *parts = NULL;
    if (curl_url_get(handle->url_parts, CURLUPART_URL, &parts, 0) != CURLUE_OK) return NULL;
    char *url = with_scheme(parts);
    curl_free(parts);
    return url;
}

const char *handle_method(const struct handle *handle)
{
    return handle->custom_method ? handle->custom_method : handle->method;
}

const char *handle_body(const struct handle *handle)
{
    return strcmp(handle->method, "POST") == 0 ? handle->body : NULL;
}

size_t handle_body_bytes(const struct handle *handle)
{
    if (!handle->body) return 0;
    return handle->body_bytes < 0 ? strlen(handle->body) : (size_t)handle->body_bytes;
}
