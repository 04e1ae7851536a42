/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that come at any moment, and handlers that do in them what they should not. */
#include "tests/sdk/hosts/host.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#define INTERRUPTIONS 300 /* that a storm has at least */

static volatile sig_atomic_t interruptions, children;

static void every(int timer, int number, void (*handler)(int), long microseconds)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    const struct itimerval interval = {{0, microseconds}, {0, microseconds}};
    CHECK(sigaction(number, &action, NULL) == 0);
    CHECK(setitimer(timer, &interval, NULL) == 0);
}

static void no_more(int timer, int number)
{
    const struct itimerval never = {{0, 0}, {0, 0}};
    CHECK(setitimer(timer, &never, NULL) == 0);
    signal(number, SIG_IGN);
}

static int end(uint64_t made)
{
    enum weir_status status = weir_shutdown(60000);
    CHECK(host_stats().created == made);
    host_report(status);
    return 0;
}

/* ---- spans in handlers ---- */

static void makes_a_span(int number)
{
    (void)number;
    interruptions++;
    struct weir_span span = weir_span_begin(WEIR_SITE("in a handler"));
    weir_span_int(span, "some.number", 1);
    weir_string("some.text", "on whatever is current");
    weir_span_end(span);
}

static uint64_t request(void)
{
    WEIR_SERVER_SPAN(server, "GET", "/storm/{id}", NULL);
    weir_server_target(server, "/storm/17");
    {
        WEIR_SPAN("inner");
        weir_int("some.number", 1);
        weir_string("some.text", "in the span");
    }
    weir_server_response(server, 200);
    return 2;
}

/* Every span is in one place, whether made, refused or dropped: none is lost, and nothing is torn. */
static int storm(void)
{
    uint64_t made = 0;
    every(ITIMER_REAL, SIGALRM, makes_a_span, 211);
    every(ITIMER_PROF, SIGPROF, makes_a_span, 307);
    while (interruptions < INTERRUPTIONS) {
        for (int i = 0; i < 1000; i++) made += request();
        host_stats();
    }
    no_more(ITIMER_REAL, SIGALRM);
    no_more(ITIMER_PROF, SIGPROF);
    CHECK(weir_span_current().slot == 0);
    return end(made + (uint64_t)interruptions);
}

/* Tracing begins and ends under them. */
static int storm_of_beginnings(void)
{
    every(ITIMER_REAL, SIGALRM, makes_a_span, 211);
    while (interruptions < INTERRUPTIONS) {
        request();
        weir_shutdown(60000);
        CHECK(weir_init(NULL) == WEIR_OK);
    }
    no_more(ITIMER_REAL, SIGALRM);
    host_report(weir_shutdown(60000));
    return 0;
}

/* ---- fork in a handler ---- */

static void forks(int number)
{
    (void)number;
    if (children >= 20) return;
    pid_t child = fork();
    if (child == 0) {
        SPANS("child", 1);
        _exit(weir_shutdown(60000) == WEIR_TIMEOUT);
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    children++;
}

static int forks_in_handler(void)
{
    uint64_t made = request(); /* so that this thread has its ring */
    every(ITIMER_REAL, SIGALRM, forks, 1000);
    while (children < 20) made += request();
    no_more(ITIMER_REAL, SIGALRM);
    return end(made);
}

static const struct host_mode modes[] = {
    {"storm", storm},
    {"storm_of_beginnings", storm_of_beginnings},
    {"forks", forks_in_handler},
};

int main(int argc, char **argv) { return host_main(argc, argv, modes, sizeof modes / sizeof *modes); }
