/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One POST at a time by libcurl, over a connection that is kept. Redirects are not followed, cookies, .netrc and answers that
 * are compressed are not known; proxies are, by libcurl's own variables (http_proxy, https_proxy, no_proxy). No signal is
 * used. What the server sends is hostile until proven: what is kept of it is bounded.
 *
 * Belongs to the exporter thread. All waiting ends at the host's give_up_ns, and what libcurl does without waiting may still
 * block (a resolver of its own, a file of certificates), so the thread may be left behind in it.
 */
#ifndef WEIR_SDK_OTLP_HTTP_TRANSFER_H
#define WEIR_SDK_OTLP_HTTP_TRANSFER_H

#include "base/buffer.h"

#include <weir/output.h>

#include <curl/curl.h>

#define TRANSFER_ANSWER_MAX ((size_t)64 * 1024) /* bytes of an answer's body; the rest is not read */

enum transfer_end {
    TRANSFER_ANSWERED,
    TRANSFER_FAILED,   /* why is in error */
    TRANSFER_ABANDONED /* the host has left the thread behind */
};

struct transfer {
    const struct weir_output_host *host;
    CURLM *multi; /* NULL: not yet made */
    CURL *easy;
    struct curl_slist *headers;
    bool is_gzip;
    /* Of the last answer: */
    long status;
    uint32_t retry_after_ms; /* 0: it does not say */
    struct buffer answer;
    char error[CURL_ERROR_SIZE];
};

void transfer_init(struct transfer *transfer, const struct weir_output_host *host, bool is_gzip);
void transfer_fini(struct transfer *transfer);

/* Posts the body, which is borrowed for the time of the call. */
enum transfer_end transfer_post(struct transfer *transfer, struct str body);

#endif
