/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A span in one line for people:
 *
 *     12:00:00.123456 shop server      102 ms  GET /items/{id}  http.route=/items/{id}  at shop.c:17  trace 4bf9…  span 00f0…
 *
 * Times are UTC. Hashes and such that only machines compare are left out.
 * Names and values come from the outside: what leaves here cannot start a line of its own, move the cursor or colour the
 * terminal. Any thread.
 */
#ifndef WEIR_SDK_OTLP_LINE_H
#define WEIR_SDK_OTLP_LINE_H

#include "base/buffer.h"
#include "proto/otlp.h"

/* With its \n. service: the resource's service.name. */
void line_of_span(struct buffer *to, struct str service, const struct otlp_span *span);

#endif
