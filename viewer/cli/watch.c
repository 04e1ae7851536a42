/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir watch [COMMAND]: a reading command's answer, again and again. On a terminal it is refreshed in place,
 * on a screen of its own that is gone at the end, and cut where the screen ends; q or Ctrl-C ends it.
 * Elsewhere (a pipe, a file, TERM=dumb) each answer is printed under the one before. A collector that is away
 * at the start is an error; one that goes away later is waited for, and the screen says so.
 */
#include "base/clock.h"
#include "viewer/cli/ask.h"
#include "viewer/cli/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_DEFAULT_S 2.0
#define INTERVAL_MIN_S     0.1
#define INTERVAL_MAX_S     3600.0
#define POLL_MS            50

/* Another screen, without a cursor and without wrapping; and back. */
#define SCREEN_ENTER "\033[?1049h\033[?25l\033[?7l"
#define SCREEN_LEAVE "\033[?7h\033[?25h\033[?1049l"

struct watch {
    const struct command *command; /* what is watched */
    struct options options;        /* of that command */
    double interval_s;
    struct source source;
    struct buffer path, frame;
    bool in_place;
    bool has_keys; /* standard input is our terminal, and `keys` what it was like */
    struct termios keys;
};

/* ---- the terminal ---- */

static void take_keys(struct watch *watch)
{
    if (tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &watch->keys) != 0) return;
    struct termios raw = watch->keys;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* a stopped program would leave its screen behind */
    watch->has_keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void enter(struct watch *watch)
{
    const char *term = getenv("TERM");
    struct screen screen;
    watch->in_place =
        !watch->options.value[OPTION_json] && screen_look(&screen) && term && strcmp(term, "dumb") != 0;
    if (!watch->in_place) return;
    take_keys(watch);
    fputs(SCREEN_ENTER, stdout);
}

static void leave(struct watch *watch)
{
    if (watch->has_keys) tcsetattr(STDIN_FILENO, TCSANOW, &watch->keys);
    if (watch->in_place) fputs(SCREEN_LEAVE, stdout);
    fflush(stdout);
}

/* ---- one frame ---- */

static void add_head(struct buffer *frame, const struct watch *watch)
{
    char at[16];
    struct tm now;
    time_t seconds = time(NULL);
    strftime(at, sizeof at, "%H:%M:%S", localtime_r(&seconds, &now));
    buffer_printf(frame, "weir %s at %s, every %g s", watch->command->name, at, watch->interval_s);
}

/* Each line wipes what an earlier frame had there. */
static void add_line(struct buffer *frame, const char *text, size_t len)
{
    buffer_add(frame, text, len);
    buffer_add_text(frame, "\033[0m\033[K\n");
}

static size_t count_lines(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) count += text.data[i] == '\n';
    return count;
}

static void add_screenful(struct buffer *frame, struct str text, size_t room)
{
    size_t left = count_lines(text);
    while (left && room > 1) {
        size_t len = (size_t)((const char *)memchr(text.data, '\n', text.len) - text.data);
        add_line(frame, text.data, len);
        text = str_view(text.data + len + 1, text.len - len - 1);
        left--, room--;
    }
    if (left) buffer_printf(frame, "(%zu more lines than the screen has)", left);
}

static void compose_in_place(struct watch *watch, struct str text)
{
    struct buffer *frame = &watch->frame;
    struct screen screen = {80, 24};
    screen_look(&screen);
    buffer_add_text(frame, "\033[H");
    add_head(frame, watch);
    buffer_add_text(frame, watch->has_keys ? "; q ends" : "; Ctrl-C ends");
    add_line(frame, "", 0);
    add_line(frame, "", 0);
    add_screenful(frame, text, screen.rows > 3 ? screen.rows - 2 : 1);
    buffer_add_text(frame, "\033[J");
}

static void compose_below(struct watch *watch, struct str text)
{
    struct buffer *frame = &watch->frame;
    if (!watch->options.value[OPTION_json]) {
        add_head(frame, watch);
        buffer_add_text(frame, "\n\n");
    }
    buffer_add_str(frame, text);
    if (!watch->options.value[OPTION_json]) buffer_add_text(frame, "\n");
}

/* False: nobody reads any more, or it cannot be written. */
static bool show(struct watch *watch, struct str text)
{
    buffer_clear(&watch->frame);
    if (watch->in_place)
        compose_in_place(watch, text);
    else
        compose_below(watch, text);
    size_t wrote = fwrite(watch->frame.data, 1, watch->frame.len, stdout);
    return fflush(stdout) == 0 && wrote == watch->frame.len;
}

static bool show_failure(struct watch *watch)
{
    if (!watch->in_place) {
        complain("%s", watch->source.error);
        return true;
    }
    char line[SOURCE_ERROR_BYTES + 1];
    snprintf(line, sizeof line, "%s\n", watch->source.error);
    return show(watch, str_of(line));
}

/* ---- again and again ---- */

/* The terminal is looked at each time: it may have become wider. */
static enum exit_status ask(struct watch *watch)
{
    struct terminal terminal;
    char error[OPTIONS_ERROR_BYTES];
    if (!terminal_look(&terminal, &watch->options, error)) {
        complain("%s", error);
        return EXIT_USAGE;
    }
    buffer_clear(&watch->path);
    enum exit_status status = ask_question(watch->command, &watch->options, &terminal, &watch->path);
    if (status != EXIT_DONE) return status;
    status = source_ask(&watch->source, watch->path.data);
    if (status == EXIT_USAGE) complain("%s", watch->source.error);
    return status;
}

/* True: somebody pressed q, or there is nobody any more. */
static bool is_quit(const struct pollfd *input)
{
    char key = 0;
    if (!(input->revents & (POLLIN | POLLHUP | POLLERR))) return false;
    return read(input->fd, &key, 1) <= 0 || key == 'q' || key == 'Q' || key == 4; /* Ctrl-D */
}

/* False: it is to end. */
static bool wait_for_next(const struct watch *watch)
{
    int64_t until_ns = clock_monotonic_ns() + (int64_t)(watch->interval_s * (double)NS_PER_S);
    while (!interrupted()) {
        int64_t left_ms = (until_ns - clock_monotonic_ns()) / NS_PER_MS;
        if (left_ms <= 0) return true;
        struct pollfd input = {.fd = watch->has_keys ? STDIN_FILENO : -1, .events = POLLIN};
        if (poll(&input, 1, left_ms < POLL_MS ? (int)left_ms : POLL_MS) > 0 && is_quit(&input)) return false;
    }
    return false;
}

static enum exit_status repeat(struct watch *watch, enum exit_status status)
{
    bool good = true;
    while (good && !interrupted()) {
        if (status == EXIT_USAGE) return status;
        good = status == EXIT_DONE ? show(watch, buffer_str(&watch->source.reply.body)) : show_failure(watch);
        if (good && wait_for_next(watch))
            status = ask(watch);
        else
            break;
    }
    if (good || errno == EPIPE || interrupted()) return EXIT_DONE;
    complain("cannot write: %s", strerror(errno));
    return EXIT_NOTHING;
}

/* Nothing found yet may be found later; a question that is wrong, or nobody to ask, is told before a screen
 * is taken. */
static enum exit_status run(struct watch *watch)
{
    enum exit_status status = ask(watch);
    if (interrupted()) return EXIT_DONE;
    if (status == EXIT_AWAY) complain("%s", watch->source.error);
    if (status == EXIT_AWAY || status == EXIT_USAGE) return status;
    enter(watch);
    status = repeat(watch, status);
    leave(watch);
    return status;
}

static enum exit_status open_and_run(struct watch *watch)
{
    buffer_init(&watch->path);
    buffer_init(&watch->frame);
    interrupt_catch();
    enum exit_status status = source_open(&watch->source, &watch->options);
    if (status == EXIT_DONE)
        status = run(watch);
    else
        complain("%s", watch->source.error);
    interrupt_forget(); /* to be stopped is how a watch ends */
    source_close(&watch->source);
    buffer_fini(&watch->path);
    buffer_fini(&watch->frame);
    return status;
}

/* ---- the command line ---- */

static bool read_interval(const char *text, double *interval_s)
{
    char *end;
    *interval_s = INTERVAL_DEFAULT_S;
    if (!text) return true;
    if (strspn(text, "0123456789.") != strlen(text)) return false;
    *interval_s = strtod(text, &end);
    return *end == 0 && *interval_s >= INTERVAL_MIN_S && *interval_s <= INTERVAL_MAX_S;
}

/* The watched command's own options and arguments are what is left of ours. */
static bool take_command(struct watch *watch, const struct options *options)
{
    const char *name = options->positional_count ? options->positional[0] : "report";
    watch->command = command_find(name);
    watch->options = *options;
    watch->options.value[OPTION_interval] = NULL;
    if (!watch->command || watch->command->run != command_ask) {
        complain("%.60s cannot be watched; weir watch --help", name);
        return false;
    }
    if (options->positional_count == 0) return true;
    watch->options.positional_count--;
    memmove(watch->options.positional, watch->options.positional + 1,
            watch->options.positional_count * sizeof *watch->options.positional);
    return true;
}

enum exit_status command_watch(const struct command *command, const struct options *options)
{
    (void)command;
    struct watch watch = {0};
    if (!read_interval(options->value[OPTION_interval], &watch.interval_s)) {
        complain("--interval must be a number of seconds from %g to %g", INTERVAL_MIN_S, INTERVAL_MAX_S);
        return EXIT_USAGE;
    }
    if (!take_command(&watch, options) || !command_accepts(watch.command, &watch.options)) return EXIT_USAGE;
    return open_and_run(&watch);
}
