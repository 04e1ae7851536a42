/* SPDX-License-Identifier: Apache-2.0 */
/* A request around what a test of a companion does: its route is the test's own, so that its spans are found at the receiver,
 * which the test's main starts. For the thread that runs the tests. */
#ifndef WEIR_TESTS_EXAMPLES_REQUEST_H
#define WEIR_TESTS_EXAMPLES_REQUEST_H

#include "tests/examples/receiver.h"

#include <weir/weir.h>

extern struct receiver *receiver;

struct weir_span begin_request(const char *route);

/* Ends it, waits for it and returns it; fails the test at the deadline. */
const struct seen_span *end_request(struct weir_span request, const char *text);

/* Its nth call of this type, in order of arrival; fails the test if there are not so many. */
const struct seen_span *request_call(const struct seen_span *request, enum operation_type type, size_t nth);

#endif
