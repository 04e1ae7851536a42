/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/otlp/http/verdict.h"

#include "base/utf8.h"
#include "proto/otlp.h"

#include <stdio.h>

/* Foreign words, for a log that may be a terminal. */
static void say_why(struct weir_delivery *delivery, const char *what, long status, struct str words)
{
    size_t len = utf8_cut(words, sizeof delivery->reason / 2);
    int written = snprintf(delivery->reason, sizeof delivery->reason, "%s %ld%s%.*s", what, status,
                           len ? ": " : "", (int)len, len ? words.data : "");
    for (int i = 0; i < written && delivery->reason[i]; i++) {
        unsigned char byte = (unsigned char)delivery->reason[i];
        if (byte < 0x20 || byte > 0x7e) delivery->reason[i] = '?';
    }
}

/* An answer that is none of OTLP's, as some proxies give, still says 2xx. */
static void stored(const struct answer *answer, struct arena *arena, struct weir_delivery *delivery)
{
    struct otlp_response response;
    delivery->outcome = WEIR_BATCH_STORED;
    if (!otlp_response_unpack(&response, arena, answer->body.data, answer->body.len)) return;
    if (response.rejected_spans > 0) delivery->lost = (uint64_t)response.rejected_spans;
    if (delivery->lost || response.error_message.len)
        say_why(delivery, "partial success", answer->status, response.error_message);
}

static bool is_later(long status) { return status == 429 || status == 502 || status == 503 || status == 504; }

void verdict(const struct answer *answer, struct arena *arena, struct weir_delivery *delivery)
{
    if (answer->status >= 200 && answer->status < 300) {
        stored(answer, arena, delivery);
        return;
    }
    say_why(delivery, "HTTP", answer->status,
            otlp_failure_unpack(arena, answer->body.data, answer->body.len));
    if (!is_later(answer->status)) {
        delivery->outcome = WEIR_BATCH_REFUSED;
        return;
    }
    delivery->outcome = answer->retry_after_ms ? WEIR_BATCH_RETRY : WEIR_BATCH_FAILED;
    delivery->retry_after_ms = answer->retry_after_ms;
}
