/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes through the reader of `weir import`, in windows of a few bytes, and what it takes for a trace of Jaeger through
 * the conversion: what comes out has OTLP's shape, whole, with as many spans as are said to be in it.
 */
#include "viewer/import/jaeger.h"
#include "viewer/import/reader.h"
#include "viewer/import/tally.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct source {
    const uint8_t *at, *end;
    struct tally tally;
};

static void expect(bool holds)
{
    if (!holds) abort();
}

static size_t read_some(void *context, char *to, size_t bytes)
{
    struct source *source = context;
    size_t left = (size_t)(source->end - source->at);
    size_t come = left < bytes ? left : bytes;
    if (come > 7) come = 7;
    memcpy(to, source->at, come);
    source->at += come;
    return come;
}

static void check_span(const json_t *span)
{
    expect(json_string_length(json_object_get(span, "traceId")) == 32);
    expect(json_string_length(json_object_get(span, "spanId")) == 16);
    expect(json_is_string(json_object_get(span, "name")));
    expect(json_is_string(json_object_get(span, "startTimeUnixNano")));
    expect(json_is_array(json_object_get(span, "attributes")));
}

static void check_jaeger(struct source *source, const json_t *trace)
{
    struct jaeger_result result;
    json_t *elements = jaeger_convert(trace, &result), *element, *span;
    size_t i, j;
    uint64_t spans = 0;
    json_array_foreach(elements, i, element)
    {
        json_t *list = json_object_get(json_array_get(json_object_get(element, "scopeSpans"), 0), "spans");
        expect(json_array_size(list) > 0 && json_array_size(list) <= JAEGER_SPANS_A_RESOURCE);
        json_array_foreach(list, j, span) { check_span(span); }
        spans += tally_otlp(&source->tally, element);
        free(json_dumps(element, JSON_COMPACT));
    }
    expect(spans + result.refused == result.spans);
    expect((result.refused > 0) == (result.why != NULL));
    json_decref(elements);
}

static bool take_part(void *context, const struct part *part)
{
    struct source *source = context;
    expect(json_is_object(part->value) && part->text.len > 1 && part->line > 0);
    if (part->kind == PART_OTLP) tally_otlp(&source->tally, part->value);
    if (part->kind == PART_ZIPKIN) tally_zipkin(&source->tally, part->value);
    if (part->kind == PART_JAEGER) check_jaeger(source, part->value);
    return true;
}

static void take_problem(void *context, uint64_t line, const char *why, bool rest_is_lost)
{
    (void)context, (void)rest_is_lost;
    expect(line > 0 && *why && !strchr(why, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char window[WINDOW_BYTES];
    struct source source = {.at = data, .end = data + bytes};
    const struct reader_visitor visitor = {&source, take_part, take_problem};
    struct stream stream;
    tally_init(&source.tally);
    stream_init(&stream, window, sizeof window, read_some, &source);
    reader_read(&stream, &visitor);
    tally_fini(&source.tally);
    return 0;
}
