/* SPDX-License-Identifier: Apache-2.0 */
#define CURL_DISABLE_TYPECHECK
#define WEIR_LIBCURL_NO_MACROS
#include "sdk/instrument/libcurl/call.h"

#include "sdk/instrument/libcurl/errors.h"

#include <stdlib.h>
#include <string.h>

#include <weir/call.h>

static bool is_recording(struct weir_span span) { return span.slot != 0 || span.generation != 0; }

static struct weir_span begin(const struct weir_site *site, const struct handle *handle, const char *url)
{
    /* no connection: curl opens as many as it needs, so that one is no obstacle to doing two things at once
     */
    struct weir_call call = {.site = site,
                             .type = WEIR_CALL_HTTP,
                             .method = handle_method(handle),
                             .text = url,
                             .text_bytes = strlen(url)};
    struct weir_span span = weir_call_begin(&call);
    if (handle_body(handle)) weir_call_input(span, handle_body(handle), handle_body_bytes(handle));
    return span;
}

bool call_begin(struct transfer *transfer, const struct weir_site *site, CURL *curl, struct handle *handle)
{
    char *url = handle->transfer ? NULL : handle_http_url(handle);
    if (!url) return false;
    struct weir_span call = begin(site, handle, url);
    free(url);
    if (!is_recording(call)) return false;
    transfer_begin(transfer, curl, handle, call);
    weir_call_send(call);
    return true;
}

static void add_status(const struct transfer *transfer, const char *failed)
{
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status > 0) weir_span_int(transfer->call, "http.response.status_code", status);
    if (status >= 400)
        weir_span_error(transfer->call, error_of_status(status));
    else if (failed)
        weir_span_error(transfer->call, failed);
}

static void finish(struct transfer *transfer)
{
    transfer_end(transfer);
    weir_call_end(transfer->call);
}

void call_end(struct transfer *transfer, CURLcode result)
{
    weir_call_answered(transfer->call);
    add_status(transfer, result != CURLE_OK ? error_of_code(result) : NULL);
    if (result == CURLE_OK && !transfer->body_lost)
        weir_call_body(transfer->call, transfer->body ? transfer->body : "", transfer->body_bytes);
    finish(transfer);
}

void call_abandon(struct transfer *transfer)
{
    weir_call_answered(transfer->call);
    add_status(transfer, "abandoned");
    finish(transfer);
}
