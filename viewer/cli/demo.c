/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir demo: both case studies, live. Starts a collector with its private Postgres and the services beside
 * our own program, plays each study through its stages, and prints what weir found. Needs nothing running and
 * leaves nothing running, also on Ctrl-C and on failure; keeps its data.
 */
#include "viewer/cli/demo.h"

#include "viewer/cli/commands.h"
#include "viewer/cli/interrupt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool demo_fail(struct demo *demo, const char *log, const char *format, ...)
{
    char text[DEMO_ERROR_BYTES / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (interrupted()) {
        snprintf(demo->error, sizeof demo->error, "interrupted");
    } else if (log) {
        snprintf(demo->error, sizeof demo->error, "%s; see %.900s/log/%s.log", text, demo->data_dir, log);
    } else {
        snprintf(demo->error, sizeof demo->error, "%s", text);
    }
    return false;
}

void demo_progress(const struct demo *demo, const char *format, ...)
{
    if (!demo->shows_progress) return;
    fputs("\r\033[K", stderr);
    if (format) {
        va_list arguments;
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
    }
    fflush(stderr);
}

void demo_log_path(const struct demo *demo, const char *name, char to[PATH_MAX])
{
    if (snprintf(to, PATH_MAX, "%s/log/%s.log", demo->data_dir, name) >= PATH_MAX) to[0] = 0;
}

/* ---- the command ---- */

static bool begin(struct demo *demo, const struct options *options)
{
    *demo = (struct demo){.lock_fd = -1,
                          .json = options->value[OPTION_json],
                          .full = options->value[OPTION_full],
                          .shows_progress = isatty(STDERR_FILENO)};
    demo->collector.process.out_fd = demo->redis.process.out_fd = demo->inventory.out_fd =
        demo->pricing.out_fd = demo->service.out_fd = -1;
    client_reply_init(&demo->reply);
    if (!client_init(&demo->client)) return demo_fail(demo, NULL, "out of memory");
    demo->client.stop = interrupted;
    if (process_own_folder(demo->folder, sizeof demo->folder)) return true;
    return demo_fail(demo, NULL, "cannot tell where the programs are: %s", strerror(errno));
}

/* What would fail only after a minute is looked for first. */
static bool can_play(struct demo *demo)
{
    char program[PATH_MAX], error[PROCESS_ERROR_BYTES];
    return local_redis_find(program, error) || demo_fail(demo, NULL, "%s", error);
}

static bool play_all(struct demo *demo)
{
    bool played = demo_play_start(demo);
    for (size_t i = 0; i < DEMO_STUDIES && played; i++) {
        played = demo_play(demo, &demo_studies[i]) && (!demo->full || demo_full(demo, &demo_studies[i]));
    }
    demo_progress(demo, NULL);
    return played && demo_print(demo);
}

static void free_result(struct demo_result *result)
{
    for (size_t i = 0; i < DEMO_OUTCOMES; i++) load_times_fini(&result->times[i]);
    json_decref(result->summary);
    json_decref(result->findings);
}

static void end(struct demo *demo)
{
    for (size_t i = 0; i < DEMO_STUDIES; i++) {
        for (size_t j = 0; j < DEMO_STAGES_MAX; j++) free_result(&demo->results[i][j]);
        for (size_t j = 0; j < DEMO_OUTCOMES; j++) load_times_fini(&demo->full_results[i].times[j]);
    }
    client_fini(&demo->client);
    client_reply_fini(&demo->reply);
    demo_data_close(demo);
}

enum exit_status command_demo(const struct command *command, const struct options *options)
{
    (void)command;
    struct demo demo;
    char error[OPTIONS_ERROR_BYTES];
    interrupt_catch();
    bool done = begin(&demo, options);
    if (done && !terminal_look(&demo.terminal, options, error)) {
        complain("%s", error);
        end(&demo);
        return EXIT_USAGE;
    }
    done =
        done && can_play(&demo) && demo_data_open(&demo, options->value[OPTION_data_dir]) && play_all(&demo);
    done = demo_play_stop(&demo) && done;
    demo_progress(&demo, NULL);
    if (!done) complain("demo: %s", demo.error);
    end(&demo);
    interrupt_die();
    return done ? EXIT_DONE : EXIT_NOTHING;
}
