/* SPDX-License-Identifier: Apache-2.0 */
#define CURL_DISABLE_TYPECHECK
#define WEIR_LIBCURL_NO_MACROS
#include "sdk/instrument/libcurl/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <weir/context.h>
#include <weir/libcurl.h>

#define BODY_FIRST_ROOM 4096

/* ---- the answer's body ---- */

static bool make_room(struct transfer *transfer, size_t bytes)
{
    size_t wanted = transfer->body_bytes + bytes,
           room = transfer->body_room ? transfer->body_room : BODY_FIRST_ROOM;
    if (wanted <= transfer->body_room) return true;
    while (room < wanted) room *= 2;
    char *body = realloc(transfer->body, room);
    if (!body) return false;
    transfer->body = body;
    transfer->body_room = room;
    return true;
}

static void keep(struct transfer *transfer, const char *data, size_t bytes)
{
    if (transfer->body_lost || bytes == 0) return;
    if (bytes > WEIR_LIBCURL_BODY_MAX - transfer->body_bytes || !make_room(transfer, bytes)) {
        transfer->body_lost = true;
        return;
    }
    memcpy(transfer->body + transfer->body_bytes, data, bytes);
    transfer->body_bytes += bytes;
}

/* What curl does without a callback. */
static size_t write_file(char *data, size_t size, size_t count, void *to)
{
    return fwrite(data, size, count, to);
}

/* The program's callback first: what it did not take (an error, a pause: then it comes again) is not kept. */
static size_t write_body(char *data, size_t size, size_t count, void *to)
{
    struct transfer *transfer = to;
    const struct handle *handle = transfer->handle;
    curl_write_callback write = handle->write ? handle->write : write_file;
    size_t taken = write(data, size, count, handle->write_to);
    if (taken == size * count) keep(transfer, data, taken);
    return taken;
}

/* ---- headers ---- */

/* Does a list of "name: value", "name;" and "name:" name this one? */
static bool has_header(const struct curl_slist *headers, const char *name, size_t bytes)
{
    for (; headers; headers = headers->next)
        if (strncasecmp(headers->data, name, bytes) == 0 &&
            (headers->data[bytes] == ':' || headers->data[bytes] == ';'))
            return true;
    return false;
}

static void keep_header(void *to, const char *name, const char *value)
{
    struct transfer *transfer = to;
    struct own_header *header = &transfer->headers[transfer->header_count];
    if (transfer->header_count < OWN_HEADERS && asprintf(&header->line, "%s: %s", name, value) >= 0)
        transfer->header_count++;
}

/* A trace that the program itself speaks of is its own, whole; so is its baggage. */
static bool may_stand(const struct curl_slist *programs, const char *line)
{
    size_t bytes = strcspn(line, ":");
    if (has_header(programs, line, bytes)) return false;
    return strncmp(line, "trace", 5) != 0 || !has_header(programs, "traceparent", strlen("traceparent"));
}

static struct curl_slist *headers_with_ours(struct transfer *transfer)
{
    struct curl_slist *programs = transfer->handle->headers, *headers = programs;
    for (size_t i = transfer->header_count; i > 0; i--) {
        struct own_header *own = &transfer->headers[i - 1];
        if (!may_stand(programs, own->line)) continue;
        own->item = (struct curl_slist){own->line, headers};
        headers = &own->item;
    }
    return headers;
}

/* Where only CURLOPT_HEADERDATA is set, curl hands the headers to the write callback with that: to the
 * program's. */
static curl_write_callback header_callback(const struct handle *handle)
{
    if (handle->header || !handle->header_to) return handle->header;
    return handle->write ? handle->write : write_file;
}

/* ---- begin and end ---- */

void transfer_apply(struct transfer *transfer)
{
    CURL *curl = transfer->curl;
    const struct handle *handle = transfer->handle;
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_with_ours(transfer));
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, header_callback(handle));
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, handle->header_to);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
}

void transfer_begin(struct transfer *transfer, CURL *curl, struct handle *handle, struct weir_span call)
{
    *transfer = (struct transfer){
        .curl = curl, .handle = handle, .call = call, .body_lost = handle->answer_has_headers};
    weir_span_inject(call, &(struct weir_header_writer){keep_header, transfer});
    transfer_apply(transfer);
    handle->transfer = transfer;
}

void transfer_restore(CURL *curl, const struct handle *handle)
{
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, handle->headers);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, handle->header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, handle->header_to);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, handle->write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, handle->write_to);
}

void transfer_end(struct transfer *transfer)
{
    transfer->handle->transfer = NULL;
    transfer_restore(transfer->curl, transfer->handle);
    for (size_t i = 0; i < transfer->header_count; i++) free(transfer->headers[i].line);
    free(transfer->body);
}
