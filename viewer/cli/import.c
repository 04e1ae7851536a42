/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir import FILE…: traces that another tool has written, into a collector. Files are read part by part (viewer/import), so
 * that memory stays the same whatever their size; parts go to the collector's own ports for OTLP and Zipkin, Jaeger's made into
 * OTLP. At the end it waits for the collector to have analysed them, and says what came in and what to ask next.
 *
 * Traces keep their times. The collector lays spans that are older than it keeps days apart into its oldest day, so that last
 * month's traces are stored and reported; only one that has dropped that day already refuses them, and then we say so.
 */
#include "base/clock.h"
#include "viewer/cli/commands.h"
#include "viewer/cli/import_file.h"
#include "viewer/cli/import_sender.h"
#include "viewer/cli/interrupt.h"
#include "viewer/cli/units.h"
#include "viewer/import/jaeger.h"
#include "viewer/import/reader.h"
#include "viewer/import/tally.h"
#include "viewer/text/escape.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WINDOW_BYTES     ((size_t)1 << 20)
#define PROBLEMS_SHOWN   5 /* of each file */
#define SERVICES_SHOWN   8
#define PROGRESS_NS      (100 * NS_PER_MS)
#define ANALYSIS_WAIT_NS (60 * NS_PER_S)
#define ANALYSIS_POLL_MS 100

struct import {
    struct source source;
    struct sender sender;
    struct tally tally;
    const char *path; /* of the file that is being read */
    struct import_file file;
    uint64_t problems, file_problems;
    int64_t late_before; /* what the collector had counted; negative: unknown */
    bool shows_progress;
    int64_t shown_ns;
};

/* ---- progress ---- */

static void wipe_progress(struct import *import)
{
    if (import->shown_ns) fputs("\r\033[K", stderr);
    import->shown_ns = 0;
}

static void show_progress(struct import *import, const char *what)
{
    char count[UNITS_TEXT_BYTES], share_text[16] = "";
    int64_t now_ns = clock_monotonic_ns();
    if (!import->shows_progress || now_ns - import->shown_ns < PROGRESS_NS) return;
    double share = import->file.gzip ? import_file_share(&import->file) : -1;
    units_count(count, (long long)import->tally.spans);
    if (share >= 0) snprintf(share_text, sizeof share_text, " %.0f %%", 100 * share);
    struct buffer line;
    buffer_init(&line);
    escape_name(&line, str_of(what), false);
    fprintf(stderr, "\r\033[K%.60s%s, %s spans", line.data ? line.data : "", share_text, count);
    fflush(stderr);
    buffer_fini(&line);
    import->shown_ns = now_ns;
}

/* ---- parts ---- */

static bool take_jaeger(struct import *import, const struct part *part)
{
    struct jaeger_result result;
    json_t *elements = jaeger_convert(part->value, &result), *element;
    size_t i;
    bool goes_on = true;
    if (result.refused) sender_refuse(&import->sender, result.refused, result.why);
    json_array_foreach(elements, i, element)
    {
        char *text = goes_on ? json_dumps(element, JSON_COMPACT) : NULL;
        if (text)
            goes_on = sender_add_otlp(&import->sender, str_of(text), tally_otlp(&import->tally, element));
        free(text);
    }
    json_decref(elements);
    return goes_on;
}

static bool take_part(void *context, const struct part *part)
{
    struct import *import = context;
    bool goes_on = false;
    const char *trace;
    switch (part->kind) {
    case PART_OTLP:
        goes_on = sender_add_otlp(&import->sender, part->text, tally_otlp(&import->tally, part->value));
        break;
    case PART_ZIPKIN:
        trace = json_string_value(json_object_get(part->value, "traceId"));
        tally_zipkin(&import->tally, part->value);
        goes_on = sender_add_zipkin(&import->sender, part->text, trace ? trace : "");
        break;
    case PART_JAEGER:
        goes_on = take_jaeger(import, part);
        break;
    }
    show_progress(import, import->path);
    return goes_on && !interrupted();
}

static void take_problem(void *context, uint64_t line, const char *why, bool rest_is_lost)
{
    struct import *import = context;
    if (interrupted() || (rest_is_lost && import->file.error[0])) return; /* told when the file is closed */
    import->problems++;
    if (++import->file_problems > PROBLEMS_SHOWN) return;
    wipe_progress(import);
    complain("%s:%llu: %s; %s", import->path, (unsigned long long)line, why,
             rest_is_lost ? "nothing behind it was read: repair or cut the file there, and import it again"
                          : "that line was left out");
}

/* ---- files ---- */

static void end_file(struct import *import, const struct reader_result *result)
{
    uint64_t hidden = import->file_problems > PROBLEMS_SHOWN ? import->file_problems - PROBLEMS_SHOWN : 0;
    wipe_progress(import);
    if (hidden) complain("%s: %llu more lines were left out", import->path, (unsigned long long)hidden);
    if (import->file.error[0]) {
        import->problems++;
        complain("%s: %s; what comes before that was read", import->path, import->file.error);
    }
    if (result->others)
        complain("%s: %llu documents of metrics or logs were passed over: weir takes traces", import->path,
                 (unsigned long long)result->others);
    bool is_empty =
        result->parts == 0 && import->file_problems == 0 && !import->file.error[0] && !interrupted();
    if (is_empty) {
        import->problems++;
        complain("%s: there is no trace in it", import->path);
    }
}

static void import_one(struct import *import, const char *path, char *window)
{
    const struct reader_visitor visitor = {import, take_part, take_problem};
    struct stream stream;
    import->path = strcmp(path, "-") == 0 ? "standard input" : path;
    import->file_problems = 0;
    if (!import_file_open(&import->file, path)) {
        import->problems++;
        complain("%s cannot be read: %s", import->path, import->file.error);
        return;
    }
    stream_init(&stream, window, WINDOW_BYTES, import_file_read, &import->file);
    struct reader_result result = reader_read(&stream, &visitor);
    end_file(import, &result);
    import_file_close(&import->file);
}

static bool import_all(struct import *import, const struct options *options)
{
    char *window = malloc(WINDOW_BYTES);
    if (!window) {
        complain("out of memory");
        return false;
    }
    for (size_t i = 0; i < options->positional_count && import->sender.status == EXIT_DONE && !interrupted();
         i++)
        import_one(import, options->positional[i], window);
    free(window);
    if (import->sender.status == EXIT_DONE && !interrupted()) sender_flush(&import->sender);
    return true;
}

/* ---- what the collector makes of it ---- */

/* NULL: it did not say. */
static json_t *ask_status(struct import *import)
{
    if (source_ask(&import->source, "/status?format=json") != EXIT_DONE) return NULL;
    return json_loadb(import->source.reply.body.data, import->source.reply.body.len, 0, NULL);
}

static int64_t late_spans(const json_t *status)
{
    const json_t *late = json_object_get(json_object_get(status, "counters"), "spans_refused_late");
    return json_is_integer(late) ? json_integer_value(late) : -1;
}

/* Of traces that have come until then. Others may come all the time. */
static bool is_analysed(const json_t *status, int64_t sent_ns)
{
    bool none = json_integer_value(json_object_get(status, "traces_pending")) == 0;
    return none || json_integer_value(json_object_get(status, "oldest_pending_ns")) > sent_ns;
}

/* The latest status; NULL: the collector went away. *analysed: nothing of ours waits any more. */
static json_t *wait_for_analysis(struct import *import, bool *analysed)
{
    int64_t sent_ns = clock_unix_ns(), until_ns = clock_monotonic_ns() + ANALYSIS_WAIT_NS;
    for (;;) {
        json_t *status = ask_status(import);
        *analysed = status && is_analysed(status, sent_ns);
        if (!status || *analysed || interrupted() || clock_monotonic_ns() > until_ns) return status;
        json_decref(status);
        show_progress(import, "analysing");
        poll(NULL, 0, ANALYSIS_POLL_MS);
    }
}

/* ---- the summary ---- */

static void print_count(uint64_t count, const char *one, const char *many)
{
    char text[UNITS_TEXT_BYTES];
    units_count(text, (long long)count);
    printf("%s %s", text, count == 1 ? one : many);
}

static void write_time(char to[32], int64_t at_ns)
{
    struct tm utc;
    time_t seconds = (time_t)(at_ns / NS_PER_S);
    if (!gmtime_r(&seconds, &utc) || strftime(to, 32, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) snprintf(to, 32, "?");
}

static void print_services(const struct tally *tally)
{
    struct buffer names;
    const char *name;
    json_t *value;
    size_t shown = 0, count = json_object_size(tally->services);
    buffer_init(&names);
    json_object_foreach(tally->services, name, value)
    {
        if (shown == SERVICES_SHOWN) break;
        buffer_add_text(&names, shown++ ? ", " : "");
        escape_name(&names, str_of(name), false);
    }
    print_count(count, "service", "services");
    printf(": %s%s\n", names.data ? names.data : "", count > shown ? ", ..." : "");
    buffer_fini(&names);
}

static void print_tally(const struct import *import)
{
    const struct tally *tally = &import->tally;
    char first[32], last[32];
    print_count(import->sender.stored, "span", "spans");
    printf(" of %s", tally->more_traces ? "at least " : "");
    print_count(tally->trace_count, "trace", "traces");
    fputs(" stored, ", stdout);
    print_services(tally);
    if (!tally->first_ns) return;
    write_time(first, tally->first_ns);
    write_time(last, tally->last_ns);
    printf("from %s to %s\n", first, last);
}

static void print_next(const struct import *import, const struct options *options)
{
    const char *data_dir = options->value[OPTION_data_dir], *url = options->value[OPTION_url];
    char since[32] = "", until[32] = "";
    if (import->sender.stored == 0) return;
    if (import->tally.first_ns) write_time(since, import->tally.first_ns);
    if (import->tally.last_ns) write_time(until, import->tally.last_ns + NS_PER_S);
    printf("\nNext: weir report");
    if (*since) printf(" --since %s --until %s", since, until);
    if (data_dir) printf(" --data-dir '%s'", data_dir);
    if (url) printf(" --url '%s'", url);
    putchar('\n');
}

static void complain_of_refused(const struct import *import)
{
    const struct sender *sender = &import->sender;
    char count[UNITS_TEXT_BYTES];
    units_count(count, (long long)sender->refused);
    if (sender->refused) complain("%s spans were refused:", count);
    for (unsigned i = 0; i < sender->reason_count; i++) complain("  %s", sender->reasons[i]);
}

/* Spans that a collector leaves out of a post because it has dropped their day are in no answer, only in its counter. */
static bool complain_of_late(const struct import *import, const json_t *status)
{
    char count[UNITS_TEXT_BYTES];
    int64_t late = late_spans(status) - import->late_before;
    if (import->late_before < 0 || late <= 0) return false;
    units_count(count, late);
    complain("%s spans are of days that this collector has dropped already (--keep-spans-days, "
             "--keep-spans-bytes-max); "
             "a collector of their own takes them: weir import FILE... --data-dir NEW-DIRECTORY",
             count);
    return true;
}

static enum exit_status conclude(struct import *import, const struct options *options)
{
    bool analysed = false;
    json_t *status = wait_for_analysis(import, &analysed);
    wipe_progress(import);
    print_tally(import);
    complain_of_refused(import);
    bool late = status && complain_of_late(import, status);
    if (!analysed && !interrupted())
        complain("the collector is not through with analysing them; weir status says how many traces wait");
    print_next(import, options);
    json_decref(status);
    bool whole = import->problems == 0 && import->sender.refused == 0 && !late && !interrupted();
    return whole && import->sender.stored ? EXIT_DONE : EXIT_NOTHING;
}

/* ---- the whole ---- */

static enum exit_status run(struct import *import, const struct options *options)
{
    json_t *before = ask_status(import);
    if (!before) {
        complain("%s", import->source.error);
        return EXIT_AWAY;
    }
    import->late_before = late_spans(before);
    json_decref(before);
    if (!import_all(import, options)) return EXIT_AWAY;
    wipe_progress(import);
    if (import->sender.status == EXIT_DONE) return conclude(import, options);
    complain("%s", interrupted() ? "interrupted" : import->source.error);
    print_tally(import);
    return import->sender.status;
}

enum exit_status command_import(const struct command *command, const struct options *options)
{
    (void)command;
    struct import import = {.shows_progress = isatty(STDERR_FILENO)};
    if (options->positional_count == 0) {
        complain("which files? weir import FILE...; - is standard input");
        return EXIT_USAGE;
    }
    interrupt_catch();
    enum exit_status status = source_open_or_make(&import.source, options);
    sender_init(&import.sender, &import.source);
    tally_init(&import.tally);
    if (status == EXIT_DONE)
        status = run(&import, options);
    else
        complain("%s", import.source.error);
    sender_fini(&import.sender);
    tally_fini(&import.tally);
    fflush(stdout);
    source_close(&import.source);
    return status;
}
