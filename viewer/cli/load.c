/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir load: requests to the URLs that the user names, so many at the same time, and what they took. Prints
 * one result, for people or as JSON, also of what was measured before Ctrl-C.
 */
#include "viewer/cli/load_run.h"

#include "base/clock.h"
#include "viewer/cli/commands.h"
#include "viewer/cli/interrupt.h"
#include "viewer/cli/units.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUESTS_DEFAULT  50
#define TIMEOUT_DEFAULT_S 30
#define SECONDS_MAX       86400.0
#define PERCENTILES_FROM  20 /* with fewer times a P95 is the maximum by another name */

struct load {
    const struct options *options;
    struct load_targets targets;
    struct load_settings settings;
    struct load_result result;
    struct load_times all; /* both kinds together */
    bool shows_progress;
    int64_t shown_ns; /* when progress was last shown */
};

/* ---- what is asked for ---- */

/* A number from least to most, with nothing behind it; as it was where the option is not given. */
static bool read_number(const struct options *options, enum option option, double least, double most,
                        bool is_whole, double *number)
{
    const char *text = options->value[option];
    if (!text) return true;
    char *end;
    *number = strtod(text, &end);
    bool is_plain = strspn(text, "0123456789.") == strlen(text) && end != text && !*end;
    return is_plain && *number >= least && *number <= most && (!is_whole || floor(*number) == *number);
}

static bool read_settings(const struct options *options, struct load_settings *settings)
{
    double requests = REQUESTS_DEFAULT, concurrency = 1, hit_rate = LOAD_IN_TURN, warm = 0, seed = 1,
           ramp_up_s = 0, think_s = 0, timeout_s = TIMEOUT_DEFAULT_S;
    const struct {
        enum option option;
        double least, most;
        bool is_whole;
        double *number;
        const char *how;
    } numbers[] = {
        {OPTION_requests, 1, LOAD_REQUESTS_MAX, true, &requests, "-n takes a whole number, 1 to 10,000,000"},
        {OPTION_concurrency, 1, LOAD_CONCURRENCY_MAX, true, &concurrency,
         "-c takes a whole number, 1 to 10,000"},
        {OPTION_hit_rate, 0, 1, false, &hit_rate, "--hit-rate takes a share, 0 to 1: 0.85"},
        {OPTION_warm, 0, LOAD_REQUESTS_MAX, true, &warm, "--warm takes a whole number, 0 to 10,000,000"},
        {OPTION_seed, 0, 1e15, true, &seed, "--seed takes a whole number"},
        {OPTION_ramp_up, 0, SECONDS_MAX, false, &ramp_up_s, "--ramp-up takes seconds, 0 to 86400"},
        {OPTION_think, 0, SECONDS_MAX, false, &think_s, "--think takes seconds, 0 to 86400"},
        {OPTION_timeout, 0.001, SECONDS_MAX, false, &timeout_s, "--timeout takes seconds, 0.001 to 86400"},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (read_number(options, numbers[i].option, numbers[i].least, numbers[i].most, numbers[i].is_whole,
                        numbers[i].number))
            continue;
        complain("%s", numbers[i].how);
        return false;
    }
    if (warm > 0 && hit_rate < 0) {
        complain("--warm makes ids that were asked before: it goes with --hit-rate");
        return false;
    }
    settings->mix = (struct load_mix){
        .requests = (size_t)requests, .hit_rate = hit_rate, .warm = (size_t)warm, .seed = (uint64_t)seed};
    settings->concurrency = (size_t)concurrency;
    settings->ramp_up_ns = (int64_t)(ramp_up_s * NS_PER_S);
    settings->think_ns = (int64_t)(think_s * NS_PER_S);
    settings->timeout_ns = (int64_t)(timeout_s * NS_PER_S);
    return true;
}

static bool read_all(struct load *load)
{
    char error[LOAD_ERROR_BYTES];
    const struct options *options = load->options;
    if (options->positional_count == 0) {
        complain(
            "load what? weir load URL, as in weir load 'http://127.0.0.1:8080/items/{1-20}' -n 100 -c 4");
        return false;
    }
    if (!load_targets_read(&load->targets, options->positional, options->positional_count, error)) {
        complain("%s", error);
        return false;
    }
    return read_settings(options, &load->settings);
}

/* ---- while it runs ---- */

static void show_progress(void *context, size_t done, size_t of, size_t failed)
{
    struct load *load = context;
    int64_t now_ns = clock_monotonic_ns();
    if (!load->shows_progress || now_ns - load->shown_ns < NS_PER_S / 10) return;
    load->shown_ns = now_ns;
    fprintf(stderr, "\r\033[K%zu of %zu requests", done, of);
    if (failed) fprintf(stderr, ", %zu failed", failed);
    fflush(stderr);
}

static double rate_per_s(const struct load_result *result)
{
    return result->elapsed_ns > 0 ? (double)result->done * NS_PER_S / (double)result->elapsed_ns : 0;
}

/* ---- for people ---- */

static void print_times(const char *what, struct load_times *times)
{
    char p50[UNITS_TEXT_BYTES] = "-", p95[UNITS_TEXT_BYTES] = "-", p99[UNITS_TEXT_BYTES] = "-",
         maximum[UNITS_TEXT_BYTES] = "-";
    if (times->count) {
        units_time(p50, (double)load_times_percentile(times, 50) / NS_PER_MS);
        units_time(maximum, (double)load_times_percentile(times, 100) / NS_PER_MS);
    }
    if (times->count >= PERCENTILES_FROM) {
        units_time(p95, (double)load_times_percentile(times, 95) / NS_PER_MS);
        units_time(p99, (double)load_times_percentile(times, 99) / NS_PER_MS);
    }
    printf("  %-13s %9zu %9s %9s %9s %9s\n", what, times->count, p50, p95, p99, maximum);
}

static void print_failures(const struct load_result *result)
{
    printf("  failed        %9zu", result->failed);
    const char *mark = ": ";
    for (size_t i = 400; i < LOAD_STATUSES; i++) {
        if (!result->statuses[i]) continue;
        printf("%s%zu with status %zu", mark, result->statuses[i], i);
        mark = ", ";
    }
    for (size_t i = 0; i < LOAD_ERROR_KINDS; i++) {
        if (!result->errors[i]) continue;
        printf("%s%zu without an answer (%s)", mark, result->errors[i], load_error_words(i));
        mark = ", ";
    }
    putchar('\n');
}

static void print_other_statuses(const struct load_result *result)
{
    for (size_t i = 0; i < 400; i++) {
        if (result->statuses[i] && i != 200) printf("  status %-6zu %9zu\n", i, result->statuses[i]);
    }
}

static void print_text(struct load *load)
{
    struct load_result *result = &load->result;
    char elapsed[UNITS_TEXT_BYTES];
    units_time(elapsed, (double)result->elapsed_ns / NS_PER_MS);
    printf("%zu of %zu requests, up to %zu at a time, in %s: %.1f a second%s\n\n", result->done,
           load->settings.mix.requests, load->settings.concurrency, elapsed, rate_per_s(result),
           result->is_interrupted ? " (interrupted)" : "");
    printf("  %-13s %9s %9s %9s %9s %9s\n", "", "answers", "P50", "P95", "P99", "maximum");
    print_times("all", &load->all);
    if (load->settings.mix.hit_rate >= 0) {
        print_times("asked before", &result->repeats);
        print_times("fresh", &result->first);
    }
    print_other_statuses(result);
    print_failures(result);
}

/* ---- for programs ---- */

static json_t *times_object(struct load_times *times)
{
    if (times->count == 0) return json_pack("{s:i}", "count", 0);
    return json_pack("{s:I, s:f, s:f, s:f, s:f}", "count", (json_int_t)times->count, "p50_ms",
                     (double)load_times_percentile(times, 50) / NS_PER_MS, "p95_ms",
                     (double)load_times_percentile(times, 95) / NS_PER_MS, "p99_ms",
                     (double)load_times_percentile(times, 99) / NS_PER_MS, "max_ms",
                     (double)load_times_percentile(times, 100) / NS_PER_MS);
}

static json_t *statuses_object(const struct load_result *result)
{
    json_t *object = json_object();
    for (size_t i = 0; i < LOAD_STATUSES; i++) {
        char name[16];
        snprintf(name, sizeof name, "%zu", i);
        if (result->statuses[i])
            json_object_set_new(object, name, json_integer((json_int_t)result->statuses[i]));
    }
    return object;
}

static json_t *errors_object(const struct load_result *result)
{
    json_t *object = json_object();
    for (size_t i = 0; i < LOAD_ERROR_KINDS; i++) {
        if (result->errors[i])
            json_object_set_new(object, load_error_words(i), json_integer((json_int_t)result->errors[i]));
    }
    return object;
}

static json_t *urls_array(const struct load_targets *targets)
{
    json_t *array = json_array();
    for (size_t i = 0; i < targets->url_count; i++)
        json_array_append_new(array, json_string(targets->urls[i].text));
    return array;
}

static bool print_json(struct load *load)
{
    const struct load_settings *settings = &load->settings;
    struct load_result *result = &load->result;
    bool is_mixed = settings->mix.hit_rate >= 0;
    json_t *document = json_pack(
        "{s:o, s:I, s:I, s:o, s:I, s:I, s:I, s:b, s:f, s:f, s:I, s:o, s:o, s:o, s:o, s:o}", "urls",
        urls_array(&load->targets), "requests", (json_int_t)settings->mix.requests, "concurrency",
        (json_int_t)settings->concurrency, "hit_rate",
        is_mixed ? json_real(settings->mix.hit_rate) : json_null(), "seed", (json_int_t)settings->mix.seed,
        "done", (json_int_t)result->done, "failed", (json_int_t)result->failed, "interrupted",
        (int)result->is_interrupted, "elapsed_ms", (double)result->elapsed_ns / NS_PER_MS, "rate_per_s",
        rate_per_s(result), "body_bytes", (json_int_t)result->body_bytes, "all", times_object(&load->all),
        "asked_before", times_object(&result->repeats), "fresh", times_object(&result->first), "statuses",
        statuses_object(result), "errors", errors_object(result));
    bool dumped = document && json_dumpf(document, stdout, 0) == 0;
    putchar('\n');
    json_decref(document);
    return dumped;
}

/* ---- the command ---- */

static bool print_result(struct load *load)
{
    if (load->shows_progress) fputs("\r\033[K", stderr);
    bool printed = load_times_join(&load->all, &load->result.first) &&
                   load_times_join(&load->all, &load->result.repeats);
    if (!load->options->value[OPTION_json]) {
        print_text(load);
    } else {
        printed = print_json(load) && printed;
    }
    if (fflush(stdout) == 0 && printed) return true;
    if (errno == EPIPE) return true; /* whoever read has seen enough */
    complain("cannot write: %s", strerror(errno));
    return false;
}

static enum exit_status run(struct load *load)
{
    char error[LOAD_ERROR_BYTES];
    if (!load_run(&load->targets, &load->settings, &load->result, error)) {
        if (load->shows_progress) fputs("\r\033[K", stderr);
        complain("%s", error);
        return EXIT_NOTHING;
    }
    bool printed = print_result(load);
    return printed && load->result.failed == 0 ? EXIT_DONE : EXIT_NOTHING;
}

enum exit_status command_load(const struct command *command, const struct options *options)
{
    (void)command;
    struct load load = {.options = options, .shows_progress = isatty(STDERR_FILENO)};
    load.settings.progress = show_progress;
    load.settings.context = &load;
    if (!read_all(&load)) return EXIT_USAGE;
    interrupt_catch();
    enum exit_status status = run(&load);
    load_times_fini(&load.all);
    load_result_fini(&load.result);
    interrupt_die();
    return status;
}
