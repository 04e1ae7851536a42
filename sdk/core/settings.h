/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What weir_init is told, by its argument and by the environment: tables from which code and manual page come. Read once,
 * by the thread that calls weir_init. OpenTelemetry's rules hold for all of it: an empty variable counts as unset; only
 * "true" is true; a number that is none or out of range, or a word that is unknown, is warned of and counts as unset.
 *
 * A variable with a second name beside it is the more special one: the second is looked at when the first is unset.
 *
 * Source: OpenTelemetry's "Environment Variable Specification" and "OpenTelemetry Protocol Exporter".
 */
#ifndef WEIR_SDK_CORE_SETTINGS_H
#define WEIR_SDK_CORE_SETTINGS_H

#include "base/arena.h"
#include "base/str.h"
#include "sdk/core/endpoint.h"
#include "sdk/core/setting_pairs.h"
#include "sdk/core/settings_warnings.h"

#include <weir/weir.h>

#define RING_LEAST       (1u << 14)
#define RING_MOST        (1u << 30)
#define BATCH_SPANS_MOST 8192u

/* Numbers; each has a field of its name in struct settings and in struct weir_config.
 *  field    variable    else    default    least    most    what the manual says */
#define SETTING_NUMBERS(X)                                                                                   \
    X(export_interval_ms, "WEIR_EXPORT_INTERVAL", "OTEL_BSP_SCHEDULE_DELAY", 100, 1, 60000,                  \
      "milliseconds; the rings are emptied at least so often, sooner when they fill quickly")                \
    X(ring_bytes, "WEIR_RING_BYTES", "", 1u << 20, RING_LEAST, RING_MOST,                                    \
      "of each thread's ring, rounded up to a power of 2; when it is unset and OTEL_BSP_MAX_QUEUE_SIZE is "  \
      "set, 200 bytes for each span of that")                                                                \
    X(shutdown_timeout_ms, "WEIR_SHUTDOWN_TIMEOUT", "", 2000, 0, 600000,                                     \
      "milliseconds that exit may take to deliver what is left, without weir_shutdown")                      \
    X(sample_rate_limit, "WEIR_SAMPLE_RATE_LIMIT", "", 0, 0, 10000000,                                       \
      "new traces a second that are recorded at most, whatever the sampler says; 0: no limit")               \
    X(attribute_count_limit, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT", 128, 0,        \
      INT32_MAX, "attributes of a span; 128 at most, whatever it says")                                      \
    X(attribute_value_length_limit, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",                                \
      "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", INT32_MAX, 0, INT32_MAX,                                          \
      "characters of an attribute's text; 1024 bytes at most, whatever it says")                             \
    X(event_count_limit, "OTEL_SPAN_EVENT_COUNT_LIMIT", "", 128, 0, INT32_MAX, "events of a span")           \
    X(link_count_limit, "OTEL_SPAN_LINK_COUNT_LIMIT", "", 128, 0, INT32_MAX, "links of a span")              \
    X(event_attribute_count_limit, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT", 128, 0, \
      INT32_MAX, "attributes of an event")                                                                   \
    X(link_attribute_count_limit, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT", 128, 0,   \
      INT32_MAX, "attributes of a link")                                                                     \
    X(batch_span_limit, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "", BATCH_SPANS_MOST, 1, INT32_MAX,                \
      "spans of a batch; 8192 at most, whatever it says")                                                    \
    X(export_timeout_ms, "OTEL_BSP_EXPORT_TIMEOUT", "", 5000, 0, INT32_MAX,                                  \
      "milliseconds that the answer to a batch is waited for, before it is sent again; 0: for ever")         \
    X(otlp_timeout_ms, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT", 10000, 0,          \
      INT32_MAX, "milliseconds, for a batch by OTLP; 0: for ever")

/*  name    variable    else    default    what the manual says */
#define SETTING_TEXTS(X)                                                                                     \
    X(endpoint, "WEIR_ENDPOINT", "", "tcp://127.0.0.1:5140",                                                 \
      "where a collector listens: tcp://HOST:PORT or ipc://PATH; several, with commas between: one of them " \
      "is used, another when it fails; or http://, https:// (OTLP), file:PATH, stderr:")                     \
    X(service_name, "OTEL_SERVICE_NAME", "", "unknown_service:PROGRAM", "the service's name in reports")     \
    X(resource_attributes, "OTEL_RESOURCE_ATTRIBUTES", "", "",                                               \
      "service.version=1.2,service.instance.id=a and so on; reports keep versions apart")                    \
    X(disabled, "OTEL_SDK_DISABLED", "", "false", "true: no span is made")                                   \
    X(sampler, "OTEL_TRACES_SAMPLER", "", "parentbased_always_on",                                           \
      "which traces are recorded: always_on, always_off, traceidratio, and each of them with parentbased_ "  \
      "before it, which does as the caller did where there is one")                                          \
    X(sampler_arg, "OTEL_TRACES_SAMPLER_ARG", "", "1", "of the ratio samplers: 0 to 1")                      \
    X(propagators, "OTEL_PROPAGATORS", "", "tracecontext,baggage",                                           \
      "which headers are read and written: tracecontext, baggage; or none")                                  \
    X(traces_exporter, "OTEL_TRACES_EXPORTER", "", "weir",                                                   \
      "when WEIR_ENDPOINT is unset: weir, otlp (the default where an OTLP endpoint is set), console, or "    \
      "none: no span is made")                                                                               \
    X(queue_spans, "OTEL_BSP_MAX_QUEUE_SIZE", "", "", "see WEIR_RING_BYTES")                                 \
    X(otlp_traces_endpoint, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "",                                    \
      "URL that spans are posted to as it is")                                                               \
    X(otlp_endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT", "", "http://localhost:4318",                             \
      "URL that v1/traces is appended to")                                                                   \
    X(otlp_headers, "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS", "",                   \
      "key=value,key=value: of each request")                                                                \
    X(otlp_compression, "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION", "none",   \
      "gzip, or none")                                                                                       \
    X(otlp_protocol, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf",   \
      "http/protobuf is the only one")                                                                       \
    X(otlp_certificate, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE", "",       \
      "PEM file: whom to trust")                                                                             \
    X(otlp_client_certificate, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",                               \
      "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "", "PEM file: the client's own, for mutual TLS")             \
    X(otlp_client_key, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "OTEL_EXPORTER_OTLP_CLIENT_KEY", "",          \
      "PEM file: the key of that")                                                                           \
    X(evidence, "WEIR_EVIDENCE", "", "on",                                                                   \
      "off: input values and answers are not compared, and nothing is said of who needs whose answer")       \
    X(hash_key, "WEIR_HASH_KEY", "", "random",                                                               \
      "text; the same in several processes makes their input and answer hashes comparable")                  \
    X(clock, "WEIR_CLOCK", "", "auto",                                                                       \
      "auto: the time-stamp counter where the kernel itself trusts it; system: always clock_gettime")        \
    X(log, "WEIR_LOG", "", "none",                                                                           \
      "warn: says on stderr what is wrong with the settings; debug: and what the exporter does")

#define SETTINGS_RESOURCE_MAX 64 /* attributes of OTEL_RESOURCE_ATTRIBUTES; further ones are ignored */
#define SETTINGS_BYTES_MAX    (256u << 10)

#define ENDPOINTS_MAX 8

enum { PROPAGATE_TRACE_CONTEXT = 1, PROPAGATE_BAGGAGE = 2 };

/* What settings_text gives to outputs of other libraries. Headers are "key: value" with a newline behind each, the rest is
 * as its variable has it. */
#define SETTING_OUTPUT_TEXTS(X)                                                                              \
    X(otlp_headers)                                                                                          \
    X(otlp_compression) /* "gzip" or "none" */                                                               \
    X(otlp_timeout)     /* milliseconds; "0": for ever */                                                    \
    X(otlp_certificate)                                                                                      \
    X(otlp_client_certificate)                                                                               \
    X(otlp_client_key)

/* Texts end with a 0; an unset one is empty. */
struct settings {
    struct arena arena; /* holds all texts */
    bool disabled;      /* OTEL_SDK_DISABLED, or an exporter that is none */
    bool evidence;      /* not WEIR_EVIDENCE=off */
    bool debug;         /* WEIR_LOG=debug */
    uint8_t propagators;
    enum weir_clock clock; /* AUTO or SYSTEM */
    struct str hash_key;

    struct str scheme; /* of the endpoint: "tcp" and "ipc" for those listed, else what stands before the : */
    struct str
        target; /* an endpoint of another scheme, whole; of http and https the URL to post to, path and all */
    uint32_t endpoint_count; /* of tcp and ipc, then at least 1 */
    struct endpoint endpoints[ENDPOINTS_MAX];

#define X(field, variable, otherwise, standard, least, most, what) uint32_t field;
    SETTING_NUMBERS(X)
#undef X

    enum weir_sampler sampler; /* never UNSET */
    double sample_ratio;       /* 0 … 1 */

#define X(field) struct str field;
    SETTING_OUTPUT_TEXTS(X)
#undef X

    uint32_t resource_count; /* service.name first */
    struct setting_pair resource[SETTINGS_RESOURCE_MAX];
};

/* WEIR_OK, and *settings is the caller's to free; or BAD_ENDPOINT or NO_MEMORY, and *settings is NULL. Warnings are
 * cleared first, and told in either case. */
enum weir_status settings_new(const struct weir_config *config, struct settings_warnings *warnings,
                              struct settings **settings);
void settings_free(struct settings *settings); /* NULL is fine */

/* The text of "endpoint", or of one of SETTING_OUTPUT_TEXTS; NULL when it is unset or unknown. Lent. */
const char *settings_text(const struct settings *settings, const char *name);

#endif
