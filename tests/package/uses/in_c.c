/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to use the macros in C. */
#include "inline_span.h"

extern inline int shared_inline(void);

static int leave_by_return(int early)
{
    WEIR_SPAN("outer");
    if (early) {
        WEIR_SPAN_AS(inner, "inner");
        weir_span_string(inner, "how", "return");
        return 2;
    }
    return 1;
}

static int leave_by_jump(void)
{
    int ended = 0;
    for (int round = 0; round < 3; round++) {
        WEIR_SPAN("round");
        ended++;
        if (round == 0) continue;
        if (round == 1) break;
    }
    {
        WEIR_SPAN("left by goto");
        ended++;
        goto out;
    }
out:
    return ended;
}

static const char *no_header(const void *from, const char *name)
{
    (void)from, (void)name;
    return NULL;
}

static int one_request(void)
{
    const struct weir_headers headers = {no_header, NULL, NULL};
    WEIR_SERVER_SPAN(with_headers, "GET", "/with", &headers);
    WEIR_SERVER_SPAN(without, "GET", "/without", NULL);
    weir_server_response(without, 200);
    weir_server_response(with_headers, 404);
    return 2;
}

int spans_in_c(void)
{
    return shared_static() + shared_inline() + leave_by_return(0) + leave_by_return(1) + leave_by_jump() +
           one_request();
}

int spans_in_nested_functions(void)
{
#if defined(__clang__) /* has none */
    return 0;
#else
    __extension__ int nested(int depth)
    {
        WEIR_SPAN("nested");
        return depth ? 1 + nested(depth - 1) : 1;
    }
    WEIR_SPAN("around");
    return 1 + nested(3);
#endif
}
