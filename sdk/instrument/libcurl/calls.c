/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of <weir/libcurl.h>: options are noted and passed on, a transfer is a call. */
#define CURL_DISABLE_TYPECHECK
#define WEIR_LIBCURL_NO_MACROS
#include "sdk/instrument/libcurl/errors.h"
#include "sdk/instrument/libcurl/handle.h"
#include "sdk/instrument/libcurl/transfer.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <weir/call.h>
#include <weir/libcurl.h>

/* ---- handles ---- */

CURL *weir_curl_easy_init(void)
{
    CURL *handle = curl_easy_init();
    if (handle) handle_add(handle, NULL);
    return handle;
}

CURL *weir_curl_easy_duphandle(CURL *handle)
{
    CURL *duplicate = curl_easy_duphandle(handle);
    if (!duplicate) return NULL;
    handle_add(duplicate, handle);
    /* made in a callback, it has copied what weir set for the time of the transfer */
    const struct handle *original = handle_of(handle);
    if (original && original->performing) transfer_restore(duplicate, original);
    return duplicate;
}

void weir_curl_easy_reset(CURL *handle)
{
    if (handle) handle_reset(handle);
    curl_easy_reset(handle);
}

void weir_curl_easy_cleanup(CURL *handle)
{
    if (handle) handle_remove(handle);
    curl_easy_cleanup(handle);
}

/* ---- options ---- */

static bool is_function(CURLoption option)
{
    return option >= CURLOPTTYPE_FUNCTIONPOINT && option < CURLOPTTYPE_OFF_T;
}

static bool is_offset(CURLoption option) { return option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB; }

/* libcurl's ranges of numbers tell an option's type. */
static union option_value read_value(CURLoption option, va_list *arguments)
{
    union option_value value = {0};
    if (option < CURLOPTTYPE_OBJECTPOINT)
        value.number = va_arg(*arguments, long);
    else if (is_function(option))
        value.function = va_arg(*arguments, void (*)(void));
    else if (is_offset(option))
        value.offset = va_arg(*arguments, curl_off_t);
    else
        value.pointer = va_arg(*arguments, void *);
    return value;
}

static CURLcode pass_on(CURL *handle, CURLoption option, union option_value value)
{
    if (option < CURLOPTTYPE_OBJECTPOINT) return curl_easy_setopt(handle, option, value.number);
    if (is_function(option)) return curl_easy_setopt(handle, option, value.function);
    if (is_offset(option)) return curl_easy_setopt(handle, option, value.offset);
    return curl_easy_setopt(handle, option, value.pointer);
}

CURLcode weir_curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    va_list arguments;
    va_start(arguments, option);
    union option_value value = read_value(option, &arguments);
    va_end(arguments);

    struct handle *handle = curl ? handle_of(curl) : NULL;
    bool held = handle && handle_holds(handle, option);
    CURLcode result = held ? CURLE_OK : pass_on(curl, option, value);
    if (handle && result == CURLE_OK) handle_note(handle, option, value);
    return result;
}

/* ---- the call ---- */

static bool is_recording(struct weir_span span) { return span.slot != 0 || span.generation != 0; }

static struct weir_span begin_call(const struct weir_site *site, const struct handle *handle, const char *url)
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

static void add_answer(struct weir_span call, const struct transfer *transfer, CURLcode result)
{
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status > 0) weir_span_int(call, "http.response.status_code", status);
    if (status >= 400)
        weir_span_error(call, error_of_status(status));
    else if (result != CURLE_OK)
        weir_span_error(call, error_of_code(result));
    if (result == CURLE_OK && !transfer->body_lost)
        weir_call_body(call, transfer->body ? transfer->body : "", transfer->body_bytes);
}

static CURLcode perform_call(struct weir_span call, CURL *curl, struct handle *handle)
{
    struct transfer transfer;
    transfer_begin(&transfer, curl, handle, call);
    weir_call_send(call);
    CURLcode result = curl_easy_perform(curl);
    weir_call_answered(call);
    add_answer(call, &transfer, result);
    transfer_end(&transfer);
    weir_call_end(call);
    return result;
}

CURLcode weir_curl_easy_perform(const struct weir_site *site, CURL *curl)
{
    struct handle *handle = curl ? handle_of(curl) : NULL;
    char *url = handle && !handle->performing ? handle_http_url(handle) : NULL;
    if (!url) return curl_easy_perform(curl);
    struct weir_span call = begin_call(site, handle, url);
    free(url);
    return is_recording(call) ? perform_call(call, curl, handle) : curl_easy_perform(curl);
}
