/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir-collector: starts its parts in the order in which they need each other (Postgres, the tables, the
 * analyser, the nng side, the HTTP side), prints the ready line, waits for SIGTERM or SIGINT, and stops them
 * in the reverse order.
 *
 * The ready line, on stdout, once everything serves; programs wait for it:
 *
 *     ready: nng URL[,URL]... http http://ADDR:PORT postgres DSN
 *
 * Exit status: 0 stopped as asked, 1 failure (one line on stderr says which), 2 wrong usage.
 */
#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "collector/analyser.h"
#include "collector/config.h"
#include "collector/descriptors.h"
#include "collector/dsn.h"
#include "collector/forgetter.h"
#include "collector/ingest/ingest.h"
#include "collector/notify.h"
#include "collector/otlp/receiver.h"
#include "collector/postgres/embedded.h"
#include "collector/serve/serve.h"
#include "collector/spool/spool.h"
#include "collector/store/store.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POSTGRES_DEADLINE_NS (10 * NS_PER_S) /* for a Postgres of somebody else's to answer */
#define POSTGRES_RETRY_MS    200
#define STOP_DEADLINE_S      12 /* then the process ends without waiting any longer */
#define ERROR_BYTES          512
#define LARGE_BYTES          (1 << 20)
#define SPOOLS_MAX           16  /* of collectors on one machine and database */
#define DESCRIPTORS_OTHER    512 /* for the spool, Postgres, closed connections that are not freed yet */

enum { EXIT_STOPPED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct daemon {
    struct config config;
    struct embedded_postgres *postgres; /* NULL with --postgres */
    const char *dsn;
    struct buffer shown_dsn, listen; /* for people: no password; the addresses bound */
    struct analyser *analyser;
    struct forgetter *forgetter;
    struct spool *spool; /* NULL: none */
    struct ingest *ingest;
    struct receiver *receiver;
    struct serve *serve;
    sigset_t stop_signals;
    bool stopped; /* asked to stop before it served */
    char error[ERROR_BYTES];
};

_Static_assert(EMBEDDED_ERROR_BYTES <= ERROR_BYTES && INGEST_ERROR_BYTES <= ERROR_BYTES &&
                   SERVE_ERROR_BYTES <= ERROR_BYTES && CONFIG_ERROR_BYTES <= ERROR_BYTES,
               "parts write their errors into the daemon's");

/* One line, whatever a name in it holds. */
static int complain(const char *error)
{
    fputs("weir-collector: ", stderr);
    for (const char *c = error; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20 || byte == 0x7f)
            fprintf(stderr, "\\x%02x", byte);
        else
            fputc(byte, stderr);
    }
    fputc('\n', stderr);
    return EXIT_FAILED;
}

/* Blocked before any thread starts, so that only the main thread ever takes one, with sigwait. */
static void prepare_signals(struct daemon *daemon)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow any more is a full disk */
    sigemptyset(&daemon->stop_signals);
    sigaddset(&daemon->stop_signals, SIGTERM);
    sigaddset(&daemon->stop_signals, SIGINT);
    sigprocmask(SIG_BLOCK, &daemon->stop_signals, NULL);
}

static bool asked_to_stop_within(const struct daemon *daemon, long wait_ms)
{
    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * (long)NS_PER_MS};
    return sigtimedwait(&daemon->stop_signals, NULL, &wait) > 0;
}

/* ---- start ---- */

static bool start_postgres(struct daemon *daemon)
{
    daemon->dsn = daemon->config.postgres;
    if (!daemon->dsn) {
        daemon->postgres = embedded_postgres_start(daemon->config.data_dir, daemon->error);
        if (!daemon->postgres) return false;
        daemon->dsn = embedded_postgres_dsn(daemon->postgres);
    }
    dsn_without_password(&daemon->shown_dsn, daemon->dsn);
    return true;
}

/* libpq's errors have several lines. */
static void note_store_error(struct daemon *daemon, const char *doing, const struct store *store)
{
    snprintf(daemon->error, ERROR_BYTES, "%s (%.150s): %.300s", doing, daemon->shown_dsn.data,
             store_error(store));
    size_t bytes = strlen(daemon->error);
    while (bytes && daemon->error[bytes - 1] == '\n') daemon->error[--bytes] = 0;
    for (char *c = daemon->error; *c; c++)
        if (*c == '\n' || *c == '\t') *c = ' ';
}

/* A Postgres that is starting up is waited for. */
static bool migrate(struct daemon *daemon)
{
    struct store *store = store_new(daemon->dsn);
    if (!store) {
        snprintf(daemon->error, ERROR_BYTES, "out of memory");
        return false;
    }
    int64_t deadline_ns = clock_monotonic_ns() + POSTGRES_DEADLINE_NS;
    enum store_result result;
    bool told = false;
    while ((result = store_migrate(store)) == STORE_AWAY && clock_monotonic_ns() < deadline_ns &&
           !daemon->stopped) {
        note_store_error(daemon, "waiting for Postgres", store);
        if (!told) log_info("%s", daemon->error);
        told = true;
        daemon->stopped = asked_to_stop_within(daemon, POSTGRES_RETRY_MS);
    }
    if (result != STORE_OK)
        note_store_error(daemon, result == STORE_AWAY ? "cannot reach Postgres" : "cannot use the database",
                         store);
    store_free(store);
    return result == STORE_OK;
}

static bool start_analyser(struct daemon *daemon)
{
    struct analyser_options options;
    analyser_options_default(&options);
    options.dsn = daemon->dsn;
    options.quiet_ms = (int64_t)daemon->config.quiet_ms;
    options.quiet_without_root_ms = (int64_t)daemon->config.quiet_without_root_ms;
    options.settings = daemon->config.analysis;
    daemon->analyser = analyser_start(&options);
    if (!daemon->analyser)
        snprintf(daemon->error, ERROR_BYTES, "cannot start the analyser: out of memory or threads");
    return daemon->analyser != NULL;
}

static bool start_forgetter(struct daemon *daemon)
{
    daemon->forgetter = forgetter_start(daemon->dsn, &daemon->config.forget);
    if (!daemon->forgetter)
        snprintf(daemon->error, ERROR_BYTES, "cannot start the forgetter: out of memory or threads");
    return daemon->forgetter != NULL;
}

/* Several collectors on one machine and database have a directory each: DIR, DIR-2, … */
static struct spool *open_free_spool(struct spool_options *options, char error[SPOOL_ERROR_BYTES])
{
    const char *dir = options->dir;
    struct spool *spool = NULL;
    bool in_use = true;
    for (int number = 1; !spool && in_use && number <= SPOOLS_MAX; number++) {
        char *numbered = NULL;
        if (number > 1 && asprintf(&numbered, "%s-%d", dir, number) < 0) break;
        options->dir = numbered ? numbered : dir;
        spool = spool_open(options, &in_use, error);
        free(numbered);
    }
    return spool;
}

/* Without a spool that was asked for there is no start; without the default one batches are sent back as long as Postgres
 * is away. */
static bool open_spool(struct daemon *daemon)
{
    const struct config *config = &daemon->config;
    struct spool_options options = {.dir = config->spool_dir,
                                    .bytes_max = config->ingest.spool_bytes_max,
                                    .age_max_s = config->ingest.spool_age_max_s,
                                    .free_min_bytes = config->ingest.spool_free_min_bytes};
    char error[SPOOL_ERROR_BYTES] = "there is no home directory for it";
    if (options.bytes_max == 0) return true;
    if (options.dir) daemon->spool = open_free_spool(&options, error);
    if (daemon->spool) return true;
    if (config->spool_dir_is_default) {
        log_warn("no spool, batches are sent back while Postgres is away: %s", error);
        return true;
    }
    snprintf(daemon->error, ERROR_BYTES, "cannot open the spool: %s", error);
    return false;
}

static bool start_ingest(struct daemon *daemon)
{
    if (!open_spool(daemon)) return false;
    struct ingest_options options = daemon->config.ingest;
    options.dsn = daemon->dsn;
    options.spool = daemon->spool;
    options.urls = (const char *const *)daemon->config.listen;
    options.url_count = daemon->config.listen_count;
    options.tls_cert = daemon->config.tls_cert;
    options.tls_key = daemon->config.tls_key;
    daemon->ingest = ingest_start(&options, daemon->error);
    if (!daemon->ingest) return false;
    for (size_t i = 0; i < options.url_count; i++) {
        if (i > 0) buffer_add_char(&daemon->listen, ',', 1);
        buffer_add_text(&daemon->listen, ingest_url(daemon->ingest, i));
    }
    return true;
}

static bool start_receiver(struct daemon *daemon)
{
    daemon->receiver = receiver_start(&daemon->config.receiver, daemon->ingest);
    if (!daemon->receiver) snprintf(daemon->error, ERROR_BYTES, "out of memory or threads");
    return daemon->receiver != NULL;
}

static bool start_serve(struct daemon *daemon)
{
    struct serve_options options = {.dsn = daemon->dsn,
                                    .address = daemon->config.http,
                                    .listen = daemon->listen.data,
                                    .postgres = daemon->shown_dsn.data,
                                    .data_dir = daemon->config.data_dir,
                                    .settings = daemon->config.analysis,
                                    .limits = daemon->config.serve,
                                    .receiver = daemon->receiver,
                                    .threads = (unsigned)daemon->config.http_threads};
    daemon->serve = serve_start(&options, daemon->error);
    return daemon->serve != NULL;
}

/* A client that cannot be accepted for want of a descriptor would wait without a word; one too many is told. */
static void fit_clients(struct daemon *daemon)
{
    uint64_t *clients = &daemon->config.ingest.connections_max;
    uint64_t others = DESCRIPTORS_OTHER + 2 * daemon->config.serve.http_connections_max;
    uint64_t wanted = *clients < UINT32_MAX ? *clients : UINT32_MAX;
    uint64_t available = descriptors_ask_for(wanted + others);
    *clients = descriptors_clients(available, others, wanted);
    if (*clients < wanted)
        log_warn(
            "room for %llu connections in place of %llu: this process may have %llu descriptors (ulimit -n)",
            (unsigned long long)*clients, (unsigned long long)wanted, (unsigned long long)available);
}

static bool start(struct daemon *daemon)
{
    fit_clients(daemon);
    store_set_limits(&daemon->config.limits);
    return start_postgres(daemon) && migrate(daemon) && start_analyser(daemon) && start_forgetter(daemon) &&
           start_ingest(daemon) && start_receiver(daemon) && start_serve(daemon);
}

static void print_ready(const struct daemon *daemon)
{
    printf("ready: nng %s http http://%s postgres %s\n", daemon->listen.data, serve_address(daemon->serve),
           daemon->shown_dsn.data);
    fflush(stdout);
}

/* ---- stop ---- */

static void give_up(int number)
{
    (void)number;
    static const char text[] = "weir-collector: could not stop cleanly in time\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    _exit(written < 0 ? EXIT_FAILED : EXIT_FAILED);
}

/* A part that waits for a Postgres that hangs must not keep the process: what was not acknowledged is its
 * sender's. */
static void bound_stop(void)
{
    signal(SIGALRM, give_up);
    alarm(STOP_DEADLINE_S);
}

static void stop(struct daemon *daemon)
{
    bound_stop();
    serve_stop(daemon->serve);
    receiver_stop(daemon->receiver);
    ingest_stop(daemon->ingest);
    receiver_free(daemon->receiver);
    spool_close(daemon->spool);
    forgetter_stop(daemon->forgetter);
    analyser_stop(daemon->analyser);
    embedded_postgres_stop(daemon->postgres);
    buffer_fini(&daemon->shown_dsn);
    buffer_fini(&daemon->listen);
    alarm(0);
}

/* Says meanwhile that it lives, where systemd wants to hear that. */
static int wait_to_stop(const struct daemon *daemon)
{
    int64_t period_ns = notify_watchdog_ns();
    struct timespec period = {.tv_sec = period_ns / NS_PER_S, .tv_nsec = period_ns % NS_PER_S};
    int number = 0;
    if (!period_ns) sigwait(&daemon->stop_signals, &number);
    while (number <= 0) {
        notify_send("WATCHDOG=1");
        number = sigtimedwait(&daemon->stop_signals, NULL, &period);
    }
    return number;
}

static int run(struct daemon *daemon)
{
    if (!log_set_format(daemon->config.log_format)) {
        complain("--log-format: text, logfmt or json");
        return EXIT_USAGE;
    }
    prepare_signals(daemon);
    int status = EXIT_STOPPED;
    if (start(daemon)) {
        print_ready(daemon);
        notify_send("READY=1\nSTATUS=takes spans and serves reports");
        int number = wait_to_stop(daemon);
        notify_send("STOPPING=1");
        log_info("stopping on %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
    } else if (!daemon->stopped) {
        status = complain(daemon->error);
    }
    stop(daemon);
    return status;
}

/* What is large comes from the system and goes back to it at once. Otherwise the first large answer raises the size from
 * which that holds, and later ones stay with the process for good. */
static void keep_heap_small(void) { mallopt(M_MMAP_THRESHOLD, LARGE_BYTES); }

int main(int argument_count, char **arguments)
{
    keep_heap_small();
    struct daemon daemon = {0};
    int status = EXIT_STOPPED;
    switch (config_read(&daemon.config, argument_count, arguments, daemon.error)) {
    case CONFIG_RUN:
        status = run(&daemon);
        break;
    case CONFIG_HELP:
        config_help(stdout);
        break;
    case CONFIG_MAN:
        config_man(stdout, WEIR_VERSION);
        break;
    case CONFIG_VERSION:
        puts("weir-collector " WEIR_VERSION);
        break;
    case CONFIG_WRONG:
        complain(daemon.error);
        status = EXIT_USAGE;
        break;
    }
    config_fini(&daemon.config);
    return status;
}
