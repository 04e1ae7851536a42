/* SPDX-License-Identifier: Apache-2.0 */
/* The public headers in C++, and calls before weir_init, which do nothing. */
#include <weir/call.h>
#include <weir/weir.h>

int main()
{
    WEIR_SERVER_SPAN(request, "GET", "/", nullptr);
    WEIR_SPAN("nothing");
    weir_int("key", 1);
    weir_event("event", WEIR_ATTRIBUTES(weir_attribute_int("one", 1), weir_attribute_string("two", "2")));
    weir_event("event", WEIR_NO_ATTRIBUTES);
    struct weir_stats stats;
    weir_stats(&stats);
    return stats.created == 0 && weir_shutdown(0) == WEIR_NOT_RUNNING ? 0 : 1;
}
