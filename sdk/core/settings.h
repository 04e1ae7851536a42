/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What weir_init is told, by its argument and by the environment: a table of numbers and one of texts, from which
 * the manual page comes, too. Read once, by the
 * thread that calls weir_init; an empty variable counts as unset, a number that is none leaves the default (as
 * OpenTelemetry wants it).
 */
#ifndef WEIR_SDK_CORE_SETTINGS_H
#define WEIR_SDK_CORE_SETTINGS_H

#include "base/arena.h"
#include "base/str.h"

#include <weir/weir.h>

/*  field                 variable                 default    least   most      what the manual says */
#define SETTING_NUMBERS(X)                                                                                   \
    X(export_interval_ms, "WEIR_EXPORT_INTERVAL", 100, 1, 60000,                                             \
      "milliseconds; the rings are emptied at least so often, sooner when they fill quickly")                \
    X(ring_bytes, "WEIR_RING_BYTES", 1u << 20, 1u << 14, 1u << 30,                                           \
      "of each thread's ring, rounded up to a power of 2")                                                   \
    X(shutdown_timeout_ms, "WEIR_SHUTDOWN_TIMEOUT", 2000, 0, 600000,                                         \
      "milliseconds that exit may take to deliver what is left, without weir_shutdown")

/*  name                  variable                 default    what the manual says */
#define SETTING_TEXTS(X)                                                                                     \
    X(endpoint, "WEIR_ENDPOINT", "tcp://127.0.0.1:5140",                                                     \
      "where a collector listens: tcp://HOST:PORT or ipc://PATH; several, with commas between: one of them " \
      "is used, another when it fails; or another output")                                                   \
    X(service_name, "OTEL_SERVICE_NAME", "unknown_service:PROGRAM", "the service's name in reports")         \
    X(resource, "OTEL_RESOURCE_ATTRIBUTES", "",                                                              \
      "service.version=1.2,service.instance.id=a and so on; reports keep versions apart")                    \
    X(disabled, "OTEL_SDK_DISABLED", "", "true: no span is made")                                            \
    X(evidence, "WEIR_EVIDENCE", "on",                                                                       \
      "off: input values and answers are not compared, and nothing is said of who needs whose answer")       \
    X(hash_key, "WEIR_HASH_KEY", "random",                                                                   \
      "text; the same in several processes makes their input and answer hashes comparable")                  \
    X(log, "WEIR_LOG", "", "debug: the exporter says on stderr what it does; else the library is silent")

#define SETTINGS_RESOURCE_MAX 64 /* attributes of OTEL_RESOURCE_ATTRIBUTES; further ones are ignored */
#define SETTINGS_BYTES_MAX    (256u << 10)

/* One collector to send to. */
struct endpoint {
    bool is_ipc;
    struct str host; /* tcp: name or address; ipc: the socket's path; 0-terminated in settings */
    struct str port; /* tcp only */
};

#define ENDPOINTS_MAX 8

struct setting_pair {
    struct str key, value;
};

struct settings {
    struct arena arena; /* holds all texts */
    bool disabled;      /* OTEL_SDK_DISABLED */
    bool debug;         /* WEIR_LOG=debug */
    bool evidence;      /* not WEIR_EVIDENCE=off */
    struct str hash_key;
    struct str scheme; /* of the endpoint: "tcp" and "ipc" for those listed, else what stands before the : */
    struct str target; /* an endpoint of another scheme, whole: its output reads it; 0-terminated */
    uint32_t endpoint_count; /* of tcp and ipc, then at least 1 */
    struct endpoint endpoints[ENDPOINTS_MAX];
    uint32_t export_interval_ms, ring_bytes, shutdown_timeout_ms;
    uint32_t resource_count; /* service.name first */
    struct setting_pair resource[SETTINGS_RESOURCE_MAX + 8];
};

/* WEIR_OK, and *settings is the caller's to free; or BAD_ENDPOINT or NO_MEMORY, and *settings is NULL. */
enum weir_status settings_new(const struct weir_config *config, struct settings **settings);
void settings_free(struct settings *settings); /* NULL is fine */

/* "tcp://HOST:PORT", HOST a name, an IPv4 address or an IPv6 one in brackets, or "ipc://PATH"; views into text. */
bool settings_endpoint(struct str text, struct endpoint *endpoint);

#endif
