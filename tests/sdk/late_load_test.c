/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared library loaded late, by dlopen, into a process whose threads are there already: its thread-local pointer finds
 * room, the old threads make spans, and all of it, library, exporter and sixteen threads that have each made a span, takes
 * no more resident memory than the manual says.
 * WEIR_TEST_LIBRARY is its path.
 */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "tests/sdk/peer.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <weir/weir.h>

#define THREADS           16
#define RESIDENT_MOST_KIB 2048

static const char *library_path;
static pthread_barrier_t loaded, made, looked;

/* What of the library is called, by name: this program is not linked to it. */
static struct {
    enum weir_status (*init)(const struct weir_config *config);
    enum weir_status (*shutdown)(uint32_t timeout_ms);
    struct weir_span (*begin)(const struct weir_site *site);
    void (*end)(struct weir_span span);
    void (*stats)(struct weir_stats *stats);
} weir;

static void *symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (!found) fail_msg("no %s", name);
    return found;
}

static void load(void)
{
    void *library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail_msg("%s", dlerror());
    *(void **)&weir.init = symbol(library, "weir_init");
    *(void **)&weir.shutdown = symbol(library, "weir_shutdown");
    *(void **)&weir.begin = symbol(library, "weir_span_begin");
    *(void **)&weir.end = symbol(library, "weir_span_end");
    *(void **)&weir.stats = symbol(library, "weir_stats");
}

/* Private and shared pages that are in memory, in KiB. */
static long resident_kib(void)
{
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Rss: %ld kB", &kib) == 1) break;
    fclose(file);
    assert_true(kib > 0);
    return kib;
}

/* A peer in a process of its own, made before there is a thread; ends with this one. */
static void start_peer(char *url, size_t room)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct peer *peer = peer_start(0);
        if (write(ends[1], peer_url(peer), strlen(peer_url(peer)) + 1) < 0) _exit(1);
        for (;;) pause();
    }
    ssize_t got = read(ends[0], url, room);
    assert_true(got > 0 && url[got - 1] == 0);
    close(ends[0]);
    close(ends[1]);
}

static void wait_until_acknowledged(uint64_t count)
{
    struct weir_stats stats;
    int64_t deadline_ns = clock_monotonic_ns() + 10 * NS_PER_S;
    do {
        usleep(1000);
        weir.stats(&stats);
        assert_true(clock_monotonic_ns() < deadline_ns);
    } while (stats.acknowledged < count);
    assert_int_equal(stats.created, count);
}

static void *idle_thread(void *site)
{
    pthread_barrier_wait(&loaded);
    weir.end(weir.begin(site));
    pthread_barrier_wait(&made);
    pthread_barrier_wait(&looked);
    return NULL;
}

static void sixteen_threads_and_a_library_loaded_late(void **state)
{
    (void)state;
    static const struct weir_site site = {"late", __FILE__, "idle_thread", __LINE__};
    char url[64];
    start_peer(url, sizeof url);
    struct weir_config config = {.endpoint = url, .export_interval_ms = 10};
    pthread_t threads[THREADS];
    pthread_barrier_init(&loaded, NULL, THREADS + 1);
    pthread_barrier_init(&made, NULL, THREADS + 1);
    pthread_barrier_init(&looked, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, idle_thread, (void *)(uintptr_t)&site), 0);
    long before_kib = resident_kib(); /* twice: what looking takes is not weir's */
    before_kib = resident_kib();

    load();
    assert_int_equal(weir.init(&config), WEIR_OK);
    pthread_barrier_wait(&loaded);
    pthread_barrier_wait(&made);
    wait_until_acknowledged(THREADS);
    long taken_kib = resident_kib() - before_kib;
    printf("%ld KiB resident\n", taken_kib);
    assert_true(taken_kib < RESIDENT_MOST_KIB);

    pthread_barrier_wait(&looked);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(weir.shutdown(5000), WEIR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sixteen_threads_and_a_library_loaded_late)};
    library_path = getenv("WEIR_TEST_LIBRARY");
    return library_path ? cmocka_run_group_tests(tests, NULL, NULL) : 2;
}
