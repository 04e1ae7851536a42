/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver as a program, for tests in Python: prints `ready: tcp://…`, takes batches until SIGTERM, then prints a
 * line of JSON for each span, in order of arrival.
 */
#include "tests/examples/receiver.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void print_span(void *context, const struct seen_span *seen)
{
    FILE *out = context;
    const struct span *span = &seen->span;
    char trace[33], id[17], parent[17];
    for (size_t i = 0; i < 16; i++) snprintf(trace + 2 * i, 3, "%02x", seen->trace_id[i]);
    snprintf(id, sizeof(id), "%016llx", (unsigned long long)span->id);
    snprintf(parent, sizeof(parent), "%016llx", (unsigned long long)span->parent_id);
    const struct operation *operation = span->operation;
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s%, s:s%, s:i, s:s%, s:s%, s:I, s:i, s:i, s:i, s:I, s:I}", "trace", trace, "id",
        id, "parent", parent, "service", seen->resource.service_name.data, seen->resource.service_name.len,
        "version", seen->resource.service_version.data ? seen->resource.service_version.data : "",
        seen->resource.service_version.len, "type", (int)operation->type, "system", operation->system.data,
        operation->system.len, "text", operation->text.data, operation->text.len, "rows",
        (json_int_t)span->rows, "status", (int)span->status, "links", (int)span->link_count, "unread",
        (int)span->unread_count, "start", (json_int_t)span->start_ns, "end",
        (json_int_t)(span->start_ns + span->duration_ns));
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (!text) abort();
    fprintf(out, "%s\n", text);
    free(text);
    json_decref(json);
}

int main(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);

    struct receiver *receiver = receiver_start();
    printf("ready: %s\n", receiver_endpoint(receiver));
    fflush(stdout);
    int number;
    sigwait(&stop, &number);
    receiver_each(receiver, print_span, stdout);
    receiver_stop(receiver);
    return EXIT_SUCCESS;
}
