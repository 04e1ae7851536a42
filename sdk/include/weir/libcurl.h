/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's easy and multi interfaces with spans: include this in place of <curl/curl.h>, link libweir-curl,
 * and each transfer of an http or https URL becomes a call with its operation ("GET inventory:8081
 * /stock/{id}"), status, call site and evidence of whose answer it needed. The request carries traceparent,
 * tracestate and baggage (as OTEL_PROPAGATORS says), so that the service asked continues the trace. Nothing in the code
 * changes.
 *
 * What is seen
 *   curl_easy_perform                          a call, unless the URL's protocol is another
 *   curl_multi_add_handle                      likewise: begins here; several at a time are calls that overlap
 *   curl_multi_perform, _socket_action,        whose transfer is done: its call ends here, whenever the program reads the
 *   _info_read                                 message
 *   curl_multi_remove_handle, _cleanup         a call that is not done is abandoned
 *   curl_easy_setopt                           remembered: URL, method, body, headers, where the answer goes; and passed on
 *   curl_easy_init, _duphandle, _reset,        which options a handle has, and that it is gone
 *   _cleanup
 *
 * Inputs of a call are the values in its URL and its body (POSTFIELDS, COPYPOSTFIELDS; not what a read
 * callback or a MIME form sends). Its answer is the body as the write callback got it, up to
 * WEIR_LIBCURL_BODY_MAX bytes; a longer one, or one with headers in it (CURLOPT_HEADER), is not looked at.
 * Nothing of them leaves the process (weir/call.h says what does). error.type is the status from 400 on, else
 * curl's name ("CURLE_COULDNT_CONNECT"); of a transfer taken out of its multi handle before it was done,
 * "abandoned".
 *
 * For the time of a transfer the handle's write callback is weir's, which calls the program's with the
 * same arguments and returns what it returned, and its header list is the program's with these headers in
 * front (not traceparent and tracestate if the list has a traceparent already, nor one that the list has).
 * Afterwards all is as it was.
 *
 * What macros cannot reach: calls by way of a function pointer or as (curl_easy_setopt)(…), in files that do
 * not include this header, and in other libraries. A handle whose callbacks or headers are set there must be
 * performed there, too: weir would put back what it knows of. A handle that is added to a multi handle here
 * must be removed here, or cleaned up. Of a transfer in a multi handle weir tells what was set before it was
 * added: a URL or body set later is sent, and not seen. One that is added by one thread and performed by
 * another is not recorded. curl_easy_send and curl_multi_socket are left alone. The macros work inside
 * functions only, in C and C++; in C they check an option's type much as curl's own do.
 *
 * Each function behaves as libcurl's own, and can be called before weir_init and after weir_shutdown. Out of
 * memory here costs the record of a transfer, never the transfer.
 *
 * Sources: libcurl 7.88 (options, error codes), W3C Trace Context (traceparent).
 */
#ifndef WEIR_LIBCURL_H
#define WEIR_LIBCURL_H

#include <curl/curl.h>
#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_LIBCURL_BODY_MAX (256 * 1024)

WEIR_API CURL *weir_curl_easy_init(void);
WEIR_API CURL *weir_curl_easy_duphandle(CURL *handle);
WEIR_API void weir_curl_easy_reset(CURL *handle);
WEIR_API void weir_curl_easy_cleanup(CURL *handle);
WEIR_API CURLcode weir_curl_easy_setopt(CURL *handle, CURLoption option, ...);
WEIR_API CURLcode weir_curl_easy_perform(const struct weir_site *site, CURL *handle);

WEIR_API CURLMcode weir_curl_multi_add_handle(const struct weir_site *site, CURLM *multi, CURL *handle);
WEIR_API CURLMcode weir_curl_multi_remove_handle(CURLM *multi, CURL *handle);
WEIR_API CURLMcode weir_curl_multi_perform(CURLM *multi, int *running);
WEIR_API CURLMcode weir_curl_multi_socket_action(CURLM *multi, curl_socket_t socket, int events,
                                                 int *running);
WEIR_API CURLMsg *weir_curl_multi_info_read(CURLM *multi, int *left);
WEIR_API CURLMcode weir_curl_multi_cleanup(CURLM *multi);

#ifdef __cplusplus
}
#endif

/* libweir-curl itself includes this without the macros. */
#ifndef WEIR_LIBCURL_NO_MACROS

#define curl_easy_init(...)      weir_curl_easy_init(__VA_ARGS__)
#define curl_easy_duphandle(...) weir_curl_easy_duphandle(__VA_ARGS__)
#define curl_easy_reset(...)     weir_curl_easy_reset(__VA_ARGS__)
#define curl_easy_cleanup(...)   weir_curl_easy_cleanup(__VA_ARGS__)
#define curl_easy_perform(...)   weir_curl_easy_perform(WEIR_SITE("curl_easy_perform"), __VA_ARGS__)

#define curl_multi_add_handle(...)    weir_curl_multi_add_handle(WEIR_SITE("curl_multi_add_handle"), __VA_ARGS__)
#define curl_multi_remove_handle(...) weir_curl_multi_remove_handle(__VA_ARGS__)
#define curl_multi_perform(...)       weir_curl_multi_perform(__VA_ARGS__)
#define curl_multi_socket_action(...) weir_curl_multi_socket_action(__VA_ARGS__)
#define curl_multi_info_read(...)     weir_curl_multi_info_read(__VA_ARGS__)
#define curl_multi_cleanup(...)       weir_curl_multi_cleanup(__VA_ARGS__)

/* curl/curl.h makes curl_easy_setopt a macro: one that checks the value's type (GNU C), or one that checks
 * that there are three arguments. Ours takes its place and asks curl's own tests, for the kinds of options
 * that programs use. */
#undef curl_easy_setopt
#if defined(curlcheck_long_option) && defined(curlcheck_slist_option)
#ifndef CURL_IGNORE_DEPRECATION /* before curl 7.87 */
#define CURL_IGNORE_DEPRECATION(statements) statements
#endif
#define WEIR_CURL_CHECK_(family, fits, complaint)                                                            \
    do {                                                                                                     \
        if (family) {                                                                                        \
            if (!(fits)) _curl_easy_setopt_err_##complaint();                                                \
        }                                                                                                    \
    } while (0)
#define curl_easy_setopt(handle, option, value)                                                              \
    __extension__({                                                                                          \
        CURLoption weir_option_ = (option);                                                                  \
        if (__builtin_constant_p(weir_option_)) {                                                            \
            CURL_IGNORE_DEPRECATION(                                                                         \
                WEIR_CURL_CHECK_(curlcheck_long_option(weir_option_), curlcheck_long(value), long);          \
                WEIR_CURL_CHECK_(curlcheck_off_t_option(weir_option_), curlcheck_off_t(value), curl_off_t);  \
                WEIR_CURL_CHECK_(curlcheck_string_option(weir_option_), curlcheck_string(value), string);    \
                WEIR_CURL_CHECK_(curlcheck_write_cb_option(weir_option_), curlcheck_write_cb(value),         \
                                 write_callback);                                                            \
                WEIR_CURL_CHECK_(weir_option_ == CURLOPT_READFUNCTION, curlcheck_read_cb(value), read_cb);   \
                WEIR_CURL_CHECK_(curlcheck_cb_data_option(weir_option_), curlcheck_cb_data(value), cb_data); \
                WEIR_CURL_CHECK_(curlcheck_postfields_option(weir_option_), curlcheck_postfields(value),     \
                                 postfields);                                                                \
                WEIR_CURL_CHECK_(weir_option_ == CURLOPT_ERRORBUFFER, curlcheck_error_buffer(value),         \
                                 error_buffer);                                                              \
                WEIR_CURL_CHECK_(curlcheck_slist_option(weir_option_),                                       \
                                 curlcheck_arr((value), struct curl_slist), curl_slist);)                    \
        }                                                                                                    \
        weir_curl_easy_setopt(handle, weir_option_, value);                                                  \
    })
#else
#define curl_easy_setopt(handle, option, value) weir_curl_easy_setopt(handle, option, value)
#endif

#endif

#endif
