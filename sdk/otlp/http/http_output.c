/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output for http:// and https://: each batch is a POST of OTLP's protobuf. What weir_otlp() gives is all that libweir
 * knows of this library; it needs nothing of libweir but the table in weir/output.h, and what is in a batch it reads by the
 * wire format, so that the two may be of different versions.
 */
#include "sdk/otlp/http/gate.h"
#include "sdk/otlp/http/request.h"
#include "sdk/otlp/http/transfer.h"
#include "sdk/otlp/http/verdict.h"
#include "sdk/otlp/mapping.h"

#include <weir/otlp.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_BYTES_MAX ((size_t)1 << 20)

struct http {
    const struct weir_output_host *host;
    struct mapping mapping;
    struct request request;
    struct transfer transfer;
};

/* ---- once in a process ---- */

static bool is_ready;

static void set_up(void) { is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && gate_setup(); }

/* Here, and not when the first batch goes: what libraries below have to do at exit then comes after libweir's last flush,
 * since handlers that are registered first run last. */
static bool http_accepts(const char *endpoint)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up);
    CURLU *url = is_ready ? curl_url() : NULL;
    bool is_url = url && curl_url_set(url, CURLUPART_URL, endpoint, 0) == CURLUE_OK;
    curl_url_cleanup(url);
    return is_url;
}

/* ---- the output ---- */

static bool wants_gzip(const struct weir_output_host *host)
{
    const char *compression = host->setting(host, "otlp_compression");
    return compression && strcmp(compression, "gzip") == 0;
}

static void *http_open(const struct weir_output_host *host)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http) return NULL;
    if (!request_init(&http->request, wants_gzip(host))) {
        free(http);
        return NULL;
    }
    http->host = host;
    mapping_init(&http->mapping);
    transfer_init(&http->transfer, host, wants_gzip(host));
    return http;
}

static void http_close(void *output)
{
    struct http *http = output;
    transfer_fini(&http->transfer);
    request_fini(&http->request);
    mapping_fini(&http->mapping);
    free(http);
}

static void judge(struct http *http, struct weir_delivery *delivery)
{
    struct arena arena;
    const struct answer answer = {http->transfer.status, http->transfer.retry_after_ms,
                                  buffer_str(&http->transfer.answer)};
    arena_init(&arena, ANSWER_BYTES_MAX);
    verdict(&answer, &arena, delivery);
    arena_fini(&arena);
}

static void post(struct http *http, struct str body, struct weir_delivery *delivery)
{
    switch (transfer_post(&http->transfer, body)) {
    case TRANSFER_ANSWERED:
        judge(http, delivery);
        return;
    case TRANSFER_ABANDONED:
        delivery->outcome = WEIR_BATCH_ABANDONED;
        return;
    case TRANSFER_FAILED:
        break;
    }
    delivery->outcome = WEIR_BATCH_FAILED;
    snprintf(delivery->reason, sizeof delivery->reason, "%s", http->transfer.error);
}

static void http_deliver(void *output, const void *batch, size_t bytes, struct weir_delivery *delivery)
{
    struct http *http = output;
    struct str body;
    if (!mapping_unpack(&http->mapping, batch, bytes, delivery)) return;
    if (http->mapping.batch->span_count == 0) {
        delivery->outcome = WEIR_BATCH_STORED; /* counters alone: OTLP has no place for them */
    } else if (request_make(&http->request, &http->mapping, &body)) {
        post(http, body, delivery);
    } else {
        delivery->outcome = WEIR_BATCH_FAILED;
        snprintf(delivery->reason, sizeof delivery->reason, "no memory");
    }
}

const struct weir_output *weir_otlp(void)
{
    static const struct weir_output output = {.version = WEIR_OUTPUT_VERSION,
                                              .schemes = "http https",
                                              .backoff_most_ms = 30000,
                                              .accepts = http_accepts,
                                              .open = http_open,
                                              .deliver = http_deliver,
                                              .close = http_close};
    return &output;
}
