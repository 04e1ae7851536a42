/* SPDX-License-Identifier: Apache-2.0 */
/* The easy interface of <weir/libcurl.h>: options are noted and passed on, a transfer is a call. */
#define CURL_DISABLE_TYPECHECK
#define WEIR_LIBCURL_NO_MACROS
#include "sdk/instrument/libcurl/call.h"
#include "sdk/instrument/libcurl/handle.h"
#include "sdk/instrument/libcurl/multi.h"
#include "sdk/instrument/libcurl/transfer.h"

#include <stdarg.h>

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
    if (original && original->transfer) transfer_restore(duplicate, original);
    return duplicate;
}

void weir_curl_easy_reset(CURL *curl)
{
    struct handle *handle = curl ? handle_of(curl) : NULL;
    if (handle) handle_reset(handle);
    curl_easy_reset(curl);
    if (handle && handle->transfer) transfer_apply(handle->transfer);
}

void weir_curl_easy_cleanup(CURL *curl)
{
    struct handle *handle = curl ? handle_of(curl) : NULL;
    if (handle) multi_forget(handle);
    if (curl) handle_remove(curl);
    curl_easy_cleanup(curl);
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
    if (held) transfer_apply(handle->transfer);
    return result;
}

/* ---- transfers ---- */

CURLcode weir_curl_easy_perform(const struct weir_site *site, CURL *curl)
{
    struct handle *handle = curl ? handle_of(curl) : NULL;
    struct transfer transfer;
    if (!handle || !call_begin(&transfer, site, curl, handle)) return curl_easy_perform(curl);
    CURLcode result = curl_easy_perform(curl);
    call_end(&transfer, result);
    return result;
}
