/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a service of its own does: a request with a part, sent before it ends. Says where its spans are. */
#include <stdio.h>
#include <weir/weir.h>

static void answer(void)
{
    WEIR_SERVER_SPAN(request, "GET", "/tick", NULL);
    {
        WEIR_SPAN("count");
        weir_int("tick.count", 1);
        weir_string("tick.kind", "installed");
    }
    weir_server_response(request, 200);
}

int main(void)
{
    enum weir_status status = weir_init(NULL);
    if (status == WEIR_OK) {
        answer();
        status = weir_shutdown(10000);
    }
    struct weir_stats stats;
    weir_stats(&stats);
    printf("created %d acknowledged %d dropped %d: %s\n", (int)stats.created, (int)stats.acknowledged,
           (int)stats.dropped, weir_status_text(status));
    return status != WEIR_OK;
}
