/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query parameters, from one table: name, what it is, how it is read. Each page names those it takes; any
 * other, a repeated one, or a bad value is an error, so that a typing mistake never looks like an answer.
 * Values are outside bytes: limited in length, valid UTF-8, no NUL. Pure; any thread.
 */
#ifndef WEIR_SERVE_QUERY_H
#define WEIR_SERVE_QUERY_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* name, what goes there (shown when it is wrong) */
#define PARAMETERS(X)                                                                                        \
    X(format, "text or json")                                                                                \
    X(width, "a number of columns from 60 to 1000")                                                          \
    X(colour, "0 or 1")                                                                                      \
    X(ascii, "0 or 1")                                                                                       \
    X(trace, "a trace id of 32 hexadecimal digits")                                                          \
    X(slowest, "an endpoint, written METHOD route or service:METHOD route")                                  \
    X(endpoint, "an endpoint, written METHOD route or service:METHOD route")                                 \
    X(service, "a service's name")                                                                           \
    X(version, "a service's version")                                                                        \
    X(since, "how long ago (90s, 15m, 2h, 3d) or a time (2026-01-31, 2026-01-31T12:00:00Z)")                 \
    X(until, "how long ago (90s, 15m, 2h, 3d) or a time (2026-01-31, 2026-01-31T12:00:00Z)")

enum parameter {
#define X(name, what) PARAMETER_##name,
    PARAMETERS(X)
#undef X
        PARAMETER_COUNT
};

#define PARAMETER_BIT(name) (1u << PARAMETER_##name)
#define PARAMETERS_RENDER                                                                                    \
    (PARAMETER_BIT(format) | PARAMETER_BIT(width) | PARAMETER_BIT(colour) | PARAMETER_BIT(ascii))
#define PARAMETERS_FILTER                                                                                    \
    (PARAMETER_BIT(endpoint) | PARAMETER_BIT(service) | PARAMETER_BIT(version) | PARAMETER_BIT(since) |      \
     PARAMETER_BIT(until))

#define PARAMETER_VALUE_MAX 4096 /* bytes */
#define WIDTH_DEFAULT       100
#define WIDTH_MIN           60
#define WIDTH_MAX           1000

struct query {
    unsigned given; /* PARAMETER_BITs */
    bool json, colour, ascii;
    unsigned width;
    unsigned char trace_id[16];
    struct str endpoint, service, version; /* borrowed from the request; slowest is in endpoint */
    int64_t since_ns, until_ns;
};

void query_init(struct query *parameters);

#define QUERY_ERROR_BYTES 512

/* False: error says in one line what is wrong. `allowed` are the page's PARAMETER_BITs. */
bool query_read(struct query *parameters, unsigned allowed, struct str name, struct str value, int64_t now_ns,
                char error[QUERY_ERROR_BYTES]);

/* 32 hexadecimal digits, not all of them 0 (W3C Trace Context). */
bool trace_id_read(struct str text, unsigned char trace_id[16]);

#endif
