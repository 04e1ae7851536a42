/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What weir_init is told, by its argument and by the environment: one table of numbers, and the texts. Read once, by the
 * thread that calls weir_init; an empty variable counts as unset, a number that is none leaves the default (as
 * OpenTelemetry wants it).
 */
#ifndef WEIR_SDK_CORE_SETTINGS_H
#define WEIR_SDK_CORE_SETTINGS_H

#include "base/arena.h"
#include "base/str.h"

#include <weir/weir.h>

/*  field                 variable                 default    least   most */
#define SETTING_NUMBERS(X)                                                                                   \
    X(export_interval_ms, "WEIR_EXPORT_INTERVAL", 100, 1, 60000)                                             \
    X(ring_bytes, "WEIR_RING_BYTES", 1u << 20, 1u << 14, 1u << 30)                                           \
    X(shutdown_timeout_ms, "WEIR_SHUTDOWN_TIMEOUT", 2000, 0, 600000)

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
    uint32_t endpoint_count; /* at least 1 */
    struct endpoint endpoints[ENDPOINTS_MAX];
    uint32_t export_interval_ms, ring_bytes, shutdown_timeout_ms;
    uint32_t resource_count; /* service.name first */
    struct setting_pair resource[SETTINGS_RESOURCE_MAX + 8];
};

/* WEIR_OK, BAD_ENDPOINT or NO_MEMORY; settings_fini in any case. */
enum weir_status settings_read(struct settings *settings, const struct weir_config *config);
void settings_fini(struct settings *settings);

/* "tcp://HOST:PORT", HOST a name, an IPv4 address or an IPv6 one in brackets, or "ipc://PATH"; views into text. */
bool settings_endpoint(struct str text, struct endpoint *endpoint);

#endif
