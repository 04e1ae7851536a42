/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eventful REQUESTS: as many requests, a third of which fail, with events, links to a job of another trace and six queries
 * each in every other one. Prints what was created and what was sampled away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <weir/call.h>
#include <weir/context.h>
#include <weir/weir.h>

static void query(int id)
{
    static const char sql[] = "SELECT * FROM items WHERE id = $1";
    const struct weir_call description = {.site = WEIR_SITE("query"),
                                          .type = WEIR_CALL_DB,
                                          .system = "postgresql",
                                          .text = sql,
                                          .text_bytes = sizeof sql - 1};
    char value[16];
    int len = snprintf(value, sizeof value, "%d", id);
    struct weir_span call = weir_call_begin(&description);
    weir_call_input(call, value, (size_t)len);
    weir_call_send(call);
    weir_span_event(call, "sent", WEIR_NO_ATTRIBUTES);
    weir_call_end(call);
}

static void request(int number)
{
    static const struct weir_context job = {.trace_id = {0xca, 0xfe}, .span_id = {0xbe, 0xef}, .flags = 1};
    WEIR_SERVER_SPAN(span, "GET", "/eventful", NULL);
    weir_span_link(span, &job, WEIR_ATTRIBUTES(weir_attribute_string("queue", "mail")));
    weir_event("started", WEIR_ATTRIBUTES(weir_attribute_int("number", number)));
    for (int i = 0; number % 2 == 0 && i < 6; i++) query(i);
    if (number % 3) return;
    weir_error("timeout");
    weir_error_message("the bank did not answer");
}

int main(int count, char **arguments)
{
    struct weir_stats stats;
    int requests = count > 1 ? atoi(arguments[1]) : 1;
    if (weir_init(NULL) != WEIR_OK) return 1;
    for (int i = 0; i < requests; i++) request(i);
    enum weir_status status = weir_shutdown(10000);
    weir_stats(&stats);
    printf("%llu %llu\n", (unsigned long long)stats.created, (unsigned long long)stats.sampled_away);
    return status != WEIR_OK;
}
