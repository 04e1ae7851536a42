/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/post_answers.h"

#include "collector/otlp/value_text.h"

#include <stdio.h>

#define JSON_BYTES_MAX ((size_t)256 << 10)
#define RETRY_AFTER_S  1

/* gRPC's codes, which google.rpc.Status has. */
static int32_t code_of(unsigned status)
{
    switch (status) {
    case 413:
        return 8; /* RESOURCE_EXHAUSTED */
    case 429:
    case 503:
        return 14; /* UNAVAILABLE */
    case 500:
        return 13; /* INTERNAL */
    default:
        return 3; /* INVALID_ARGUMENT */
    }
}

static struct otlp_value text_value(struct str text)
{
    return (struct otlp_value){.type = OTLP_STRING, .text = text};
}

static struct otlp_value map_value(const struct otlp_attribute *items, size_t count)
{
    return (struct otlp_value){.type = OTLP_MAP, .count = count, .attributes = items};
}

static void add_json(struct buffer *to, const struct otlp_value *value)
{
    struct arena arena;
    arena_init(&arena, JSON_BYTES_MAX);
    buffer_add_str(to, value_as_text(value, &arena));
    arena_fini(&arena);
}

static void failure_json(struct buffer *to, unsigned status, struct str text)
{
    const struct otlp_attribute items[] = {
        {STR("code"), {.type = OTLP_INT, .integer = code_of(status)}},
        {STR("message"), text_value(text)},
    };
    const struct otlp_value value = map_value(items, 2);
    add_json(to, &value);
}

void answer_failure(struct post_answer *answer, enum body_format format, unsigned status, struct str text)
{
    answer->status = status;
    answer->retry_after_s = status == 503 || status == 429 ? RETRY_AFTER_S : 0;
    buffer_clear(&answer->body);
    switch (format) {
    case BODY_OTLP_PROTOBUF:
        answer->content_type = "application/x-protobuf";
        otlp_failure_pack(&answer->body, code_of(status), text);
        return;
    case BODY_OTLP_JSON:
        answer->content_type = "application/json";
        failure_json(&answer->body, status, text);
        return;
    case BODY_ZIPKIN_JSON:
        answer->content_type = "text/plain; charset=utf-8";
        buffer_add_str(&answer->body, text);
        buffer_add_text(&answer->body, "\n");
        return;
    }
}

/* 64-bit numbers are text in protobuf's JSON. */
static void success_json(struct buffer *to, uint64_t rejected_spans, struct str why)
{
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)rejected_spans);
    const struct otlp_attribute partial[] = {
        {STR("rejectedSpans"), text_value(str_of(number))},
        {STR("errorMessage"), text_value(why)},
    };
    const struct otlp_attribute whole[] = {{STR("partialSuccess"), map_value(partial, 2)}};
    const struct otlp_value value = map_value(whole, rejected_spans ? 1 : 0);
    add_json(to, &value);
}

/* Zipkin has no partial success: 202 says that it was understood. What was rejected is said all the same, as OTLP says it. */
void answer_success(struct post_answer *answer, enum body_format format, uint64_t rejected_spans,
                    struct str why)
{
    const struct otlp_response response = {.rejected_spans = (int64_t)rejected_spans,
                                           .error_message = rejected_spans ? why : str_view("", 0)};
    answer->status = 200;
    buffer_clear(&answer->body);
    switch (format) {
    case BODY_OTLP_PROTOBUF:
        answer->content_type = "application/x-protobuf";
        otlp_response_pack(&answer->body, &response);
        return;
    case BODY_OTLP_JSON:
        answer->content_type = "application/json";
        success_json(&answer->body, rejected_spans, why);
        return;
    case BODY_ZIPKIN_JSON:
        answer->status = 202;
        answer->content_type = rejected_spans ? "application/json" : NULL;
        if (rejected_spans) success_json(&answer->body, rejected_spans, why);
        return;
    }
}
