/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service under load, driven from a scenario over its standard input. Each thread makes requests of one
 * server span, one inner span and six queries, so many a second as --rate says, until it is told otherwise.
 *
 *     stats          waits until no span is open, prints weir_stats as one line of JSON
 *     finish MS      stops the threads, shuts weir down within MS, prints status and stats, exits
 */
#include <weir/call.h>

#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALLS_A_REQUEST 6

static atomic_bool finished;
static long requests_max, requests_per_second;
/* Writers first, or `stats` would starve. Workers hold it for reading while spans are open; `stats` takes it
 * for writing. */
static pthread_rwlock_t quiet = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;

static void query(long id)
{
    char value[24];
    int len = snprintf(value, sizeof value, "%ld", id);
    static const char sql[] = "SELECT name FROM items WHERE id = $1";
    const struct weir_call description = {.site = WEIR_SITE("query"),
                                          .type = WEIR_CALL_DB,
                                          .system = "postgresql",
                                          .text = sql,
                                          .text_bytes = sizeof sql - 1};
    struct weir_span call = weir_call_begin(&description);
    weir_call_input(call, value, (size_t)len);
    weir_call_send(call);
    weir_call_answered(call);
    weir_call_rows(call, 1);
    weir_call_end(call);
}

static void request(long number)
{
    WEIR_SERVER_SPAN(server, "GET", "/load/{id}", NULL);
    weir_int("load.number", number);
    {
        WEIR_SPAN("load items");
        weir_string("load.word", "some text");
        for (long i = 0; i < CALLS_A_REQUEST; i++) query(number * CALLS_A_REQUEST + i);
    }
    weir_server_response(server, 200);
}

static void *work(void *unused)
{
    (void)unused;
    const struct timespec pause = {0, requests_per_second ? 1000000000L / requests_per_second : 0};
    for (long i = 0; !finished && (requests_max == 0 || i < requests_max); i++) {
        pthread_rwlock_rdlock(&quiet);
        request(i);
        pthread_rwlock_unlock(&quiet);
        if (pause.tv_nsec) nanosleep(&pause, NULL);
    }
    return NULL;
}

static void print_stats(const char *status)
{
    struct weir_stats stats;
    weir_stats(&stats);
    printf("{\"status\":\"%s\",\"created\":%" PRIu64 ",\"acknowledged\":%" PRIu64 ",\"dropped\":%" PRIu64
           ",\"in_flight\":%" PRIu64 ",\"batches_resent\":%" PRIu64 "}\n",
           status, stats.created, stats.acknowledged, stats.dropped, stats.in_flight, stats.batches_resent);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    long threads = 2;
    static const struct option options[] = {
        {"threads", required_argument, NULL, 't'},
        {"requests", required_argument, NULL, 'n'},
        {"rate", required_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 't')
            threads = strtol(optarg, NULL, 10);
        else if (option == 'n')
            requests_max = strtol(optarg, NULL, 10);
        else if (option == 'r')
            requests_per_second = strtol(optarg, NULL, 10);
        else
            return 2;
    }
    enum weir_status status = weir_init(NULL);
    if (status != WEIR_OK) {
        fprintf(stderr, "load: weir_init: %s\n", weir_status_text(status));
        return 1;
    }
    pthread_t *workers = calloc((size_t)threads, sizeof *workers);
    if (!workers) return 1;
    for (long i = 0; i < threads; i++)
        if (pthread_create(&workers[i], NULL, work, NULL) != 0) return 1;

    char line[64];
    unsigned timeout_ms = 0;
    while (fgets(line, sizeof line, stdin) && sscanf(line, "finish %u", &timeout_ms) != 1) {
        pthread_rwlock_wrlock(&quiet);
        print_stats("running");
        pthread_rwlock_unlock(&quiet);
    }
    finished = true;
    for (long i = 0; i < threads; i++) pthread_join(workers[i], NULL);
    free(workers);
    print_stats(weir_status_text(weir_shutdown(timeout_ms)));
    return 0;
}
