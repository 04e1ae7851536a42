/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/import_sender.h"

#include "base/clock.h"
#include "viewer/cli/interrupt.h"

#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTLP_HEAD    "{\"resourceSpans\":["
#define RETRY_MS     200
#define RETRY_FOR_NS (120 * NS_PER_S) /* then a collector that takes nothing is as good as away */

void sender_init(struct sender *sender, struct source *source)
{
    *sender = (struct sender){.source = source};
    buffer_init(&sender->body);
}

void sender_fini(struct sender *sender) { buffer_fini(&sender->body); }

void sender_refuse(struct sender *sender, uint64_t spans, const char *why)
{
    sender->refused += spans;
    for (unsigned i = 0; i < sender->reason_count; i++)
        if (strncmp(sender->reasons[i], why, sizeof sender->reasons[i] - 1) == 0) return;
    if (sender->reason_count == SENDER_REASONS_MAX) return;
    snprintf(sender->reasons[sender->reason_count++], sizeof sender->reasons[0], "%s", why);
}

/* ---- answers ---- */

/* {"partialSuccess":{"rejectedSpans":"3","errorMessage":"…"}} */
static void take_success(struct sender *sender)
{
    const struct buffer *body = &sender->source->reply.body;
    json_t *answer = json_loadb(body->data ? body->data : "", body->len, 0, NULL);
    const json_t *partial = json_object_get(answer, "partialSuccess");
    const json_t *number = json_object_get(partial, "rejectedSpans");
    const char *text = json_string_value(number),
               *why = json_string_value(json_object_get(partial, "errorMessage"));
    uint64_t rejected = text ? strtoull(text, NULL, 10) : (uint64_t)json_integer_value(number);
    if (rejected > sender->body_spans) rejected = sender->body_spans;
    if (rejected) sender_refuse(sender, rejected, why ? why : "no reason given");
    sender->stored += sender->body_spans - rejected;
    json_decref(answer);
}

/* True: it has been answered for good. */
static bool take_answer(struct sender *sender)
{
    long status = sender->source->reply.status;
    if (status == 200 || status == 202) {
        take_success(sender);
        return true;
    }
    source_take_error(sender->source);
    if (status == 503 || status == 429) return false;
    sender_refuse(sender, sender->body_spans, sender->source->error);
    return true;
}

static bool post(struct sender *sender)
{
    int64_t until_ns = clock_monotonic_ns() + RETRY_FOR_NS;
    const char *path = sender->is_zipkin ? "/api/v2/spans" : "/v1/traces";
    while (!interrupted()) {
        sender->status = source_post(sender->source, path, buffer_str(&sender->body));
        if (sender->status != EXIT_DONE || take_answer(sender)) return sender->status == EXIT_DONE;
        if (clock_monotonic_ns() > until_ns) break;
        poll(NULL, 0, RETRY_MS);
    }
    sender->status = EXIT_AWAY;
    return false;
}

bool sender_flush(struct sender *sender)
{
    if (sender->status != EXIT_DONE) return false;
    if (sender->body.len == 0) return true;
    buffer_add_text(&sender->body, sender->is_zipkin ? "]" : "]}");
    if (sender->body.failed) {
        snprintf(sender->source->error, sizeof sender->source->error, "out of memory");
        sender->status = EXIT_AWAY;
        return false;
    }
    bool answered = post(sender);
    buffer_clear(&sender->body);
    sender->body_spans = 0;
    return answered;
}

/* ---- parts ---- */

static bool add(struct sender *sender, bool is_zipkin, struct str part, uint64_t spans)
{
    bool goes_along = sender->is_zipkin == is_zipkin && sender->body.len + part.len <= SENDER_POST_BYTES_MAX;
    if (!goes_along && !sender_flush(sender)) return false;
    bool is_first = sender->body.len == 0;
    sender->is_zipkin = is_zipkin;
    buffer_add_text(&sender->body, !is_first ? "," : is_zipkin ? "[" : OTLP_HEAD);
    buffer_add_str(&sender->body, part);
    sender->body_spans += spans;
    return true;
}

bool sender_add_otlp(struct sender *sender, struct str resource_spans, uint64_t spans)
{
    if (sender->body.len >= SENDER_POST_BYTES && !sender_flush(sender)) return false;
    return add(sender, false, resource_spans, spans);
}

bool sender_add_zipkin(struct sender *sender, struct str span, const char *trace)
{
    bool is_next_trace = strncmp(trace, sender->trace, sizeof sender->trace - 1) != 0;
    if (is_next_trace && sender->body.len >= SENDER_POST_BYTES && !sender_flush(sender)) return false;
    snprintf(sender->trace, sizeof sender->trace, "%s", trace);
    return add(sender, true, span, 1);
}
