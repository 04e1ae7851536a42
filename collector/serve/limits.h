/* SPDX-License-Identifier: Apache-2.0 */
/* What one client, and all of them, may take of the HTTP side. One table: name, default, meaning. */
#ifndef WEIR_SERVE_LIMITS_H
#define WEIR_SERVE_LIMITS_H

#include <stdint.h>

#define SERVE_LIMITS(X)                                                                                      \
    X(http_connections_max, 512,                                                                             \
      "open HTTP connections; for a further one the one that waited longest is closed")                      \
    X(http_request_timeout_ms, 10000, "for a request's header to come, and between two requests")            \
    X(http_body_timeout_ms, 60000, "for a request's body to come")                                           \
    X(http_answer_timeout_ms, 60000, "for a client to read its answer")                                      \
    X(http_answer_bytes_max, 134217728, "answers that clients have not read yet, together; beyond: 503")     \
    X(http_work_bytes_max, 268435456, "memory for making one answer")

struct serve_limits {
#define X(name, standard, meaning) uint64_t name;
    SERVE_LIMITS(X)
#undef X
};

#endif
