/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/otlp/http/transfer.h"

#include "base/clock.h"
#include "sdk/otlp/http/gate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#define LOOK_MS          10    /* a shutdown's deadline is seen so late at most */
#define RETRY_AFTER_MOST 21600 /* seconds; libcurl's own limit, too */

void transfer_init(struct transfer *transfer, const struct weir_output_host *host, bool is_gzip)
{
    *transfer = (struct transfer){.host = host, .is_gzip = is_gzip};
    buffer_init(&transfer->answer);
}

static void clean_up(struct transfer *transfer)
{
    if (transfer->easy) curl_easy_cleanup(transfer->easy);
    if (transfer->multi) curl_multi_cleanup(transfer->multi);
    curl_slist_free_all(transfer->headers);
    transfer->easy = NULL;
    transfer->multi = NULL;
    transfer->headers = NULL;
}

void transfer_fini(struct transfer *transfer)
{
    gate_enter();
    clean_up(transfer);
    gate_leave();
    buffer_fini(&transfer->answer);
}

/* ---- what libcurl calls ---- */

/* Where the thread has no table of descriptors of its own, no program that the host executes gets the socket. */
static curl_socket_t open_socket(void *unused, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)unused;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_answer(char *data, size_t one, size_t bytes, void *from)
{
    struct transfer *transfer = from;
    size_t room = TRANSFER_ANSWER_MAX - transfer->answer.len, taken = bytes < room ? bytes : room;
    buffer_add(&transfer->answer, data, taken);
    return taken == bytes && !transfer->answer.failed ? one * bytes : 0; /* 0 ends the transfer */
}

/* ---- the handle ---- */

/* Those that say what the body is are ours. */
static bool is_ours(const char *header)
{
    static const char *const names[] = {
        "content-type:", "content-encoding:", "content-length:", "transfer-encoding:", "expect:"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncasecmp(header, names[i], strlen(names[i])) == 0) return true;
    return false;
}

static bool add_header(struct transfer *transfer, const char *header)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, header);
    if (longer) transfer->headers = longer;
    return longer != NULL;
}

/* "key: value", a newline behind each. */
static bool add_headers_of_settings(struct transfer *transfer)
{
    const char *lines = transfer->host->setting(transfer->host, "otlp_headers");
    char *copy = lines ? strdup(lines) : NULL, *rest = copy;
    bool added = !lines || copy;
    for (char *line; added && (line = strsep(&rest, "\n"));)
        if (*line && !is_ours(line)) added = add_header(transfer, line);
    free(copy);
    return added;
}

static bool make_headers(struct transfer *transfer)
{
    return add_header(transfer, "Content-Type: application/x-protobuf") &&
           (!transfer->is_gzip || add_header(transfer, "Content-Encoding: gzip")) &&
           add_header(transfer, "Expect:") && add_headers_of_settings(transfer);
}

static void set_tls(CURL *easy, const struct weir_output_host *host)
{
    const char *trusted = host->setting(host, "otlp_certificate");
    const char *certificate = host->setting(host, "otlp_client_certificate");
    const char *key = host->setting(host, "otlp_client_key");
    if (trusted) curl_easy_setopt(easy, CURLOPT_CAINFO, trusted);
    if (certificate) curl_easy_setopt(easy, CURLOPT_SSLCERT, certificate);
    if (key) curl_easy_setopt(easy, CURLOPT_SSLKEY, key);
}

static long timeout_ms(const struct weir_output_host *host)
{
    const char *text = host->setting(host, "otlp_timeout");
    return text ? strtol(text, NULL, 10) : 0;
}

static void set_options(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_URL, transfer->host->setting(transfer->host, "endpoint"));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a resolver that hangs is not waited for */
#endif
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms(transfer->host));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    set_tls(easy, transfer->host);
}

/* In the exporter thread: descriptors that libcurl opens are of its table. */
static bool make_handles(struct transfer *transfer)
{
    if (transfer->easy) return true;
    transfer->multi = curl_multi_init();
    transfer->easy = transfer->multi ? curl_easy_init() : NULL;
    if (transfer->easy && make_headers(transfer)) {
        set_options(transfer);
        return true;
    }
    clean_up(transfer);
    return false;
}

/* ---- the transfer ---- */

static bool gave_up(const struct transfer *transfer)
{
    return clock_monotonic_ns() >= transfer->host->give_up_ns(transfer->host);
}

enum step { GOES_ON, DONE, LEFT_BEHIND };

/* What can be done without waiting; may_block is for what libcurl should not do then, but may. */
static enum step step(struct transfer *transfer)
{
    int running = 0;
    transfer->host->may_block(transfer->host);
    gate_enter();
    CURLMcode code = curl_multi_perform(transfer->multi, &running);
    gate_leave();
    if (!transfer->host->may_block_no_more(transfer->host)) return LEFT_BEHIND;
    return running && code == CURLM_OK ? GOES_ON : DONE;
}

static enum step run(struct transfer *transfer)
{
    enum step now;
    while ((now = step(transfer)) == GOES_ON && !gave_up(transfer))
        curl_multi_poll(transfer->multi, NULL, 0, LOOK_MS, NULL);
    return now;
}

static uint32_t retry_after_ms(CURL *easy)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds <= 0) return 0;
    return (uint32_t)(seconds < RETRY_AFTER_MOST ? seconds : RETRY_AFTER_MOST) * 1000;
}

/* How the transfer that is done ended: whoever has sent a status has answered, even if it went on for too long. */
static enum transfer_end result(struct transfer *transfer)
{
    int left;
    const CURLMsg *message = curl_multi_info_read(transfer->multi, &left);
    CURLcode code = message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_OPERATION_TIMEDOUT;
    if (!message) snprintf(transfer->error, sizeof transfer->error, "no answer before the shutdown");
    if (code != CURLE_OK && !*transfer->error)
        snprintf(transfer->error, sizeof transfer->error, "%s", curl_easy_strerror(code));
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    transfer->retry_after_ms = retry_after_ms(transfer->easy);
    bool too_long = code == CURLE_WRITE_ERROR && transfer->answer.len == TRANSFER_ANSWER_MAX;
    return code == CURLE_OK || too_long ? TRANSFER_ANSWERED : TRANSFER_FAILED;
}

static enum transfer_end post(struct transfer *transfer)
{
    transfer->host->sending(transfer->host);
    if (run(transfer) == LEFT_BEHIND) return TRANSFER_ABANDONED;
    gate_enter();
    enum transfer_end end = result(transfer);
    curl_multi_remove_handle(transfer->multi, transfer->easy);
    gate_leave();
    return end;
}

enum transfer_end transfer_post(struct transfer *transfer, struct str body)
{
    transfer->error[0] = 0;
    transfer->status = 0;
    transfer->retry_after_ms = 0;
    buffer_clear(&transfer->answer);
    gate_enter();
    bool made = make_handles(transfer);
    if (made) {
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, body.data);
        made = curl_multi_add_handle(transfer->multi, transfer->easy) == CURLM_OK;
    }
    gate_leave();
    if (made) return post(transfer);
    snprintf(transfer->error, sizeof transfer->error, "no memory for libcurl");
    return TRANSFER_FAILED;
}
