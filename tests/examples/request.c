/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "tests/examples/request.h"

struct receiver *receiver;

struct weir_span begin_request(const char *route)
{
    return weir_server_begin(WEIR_SITE(NULL), "GET", route, NULL);
}

const struct seen_span *end_request(struct weir_span request, const char *text)
{
    weir_span_end(request);
    const struct seen_span *seen = receiver_wait(receiver, text);
    assert_non_null(seen);
    return seen;
}

const struct seen_span *request_call(const struct seen_span *request, enum operation_type type, size_t nth)
{
    const struct seen_span *seen = receiver_span(receiver, request->trace_id, type, nth);
    assert_non_null(seen);
    return seen;
}
