/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/utf8.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic enum log_level shown_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level) { shown_level = level; }

#define TEXT_BYTES 1024
#define LINE_BYTES (6 * TEXT_BYTES + 128) /* every byte escaped, and what stands before */

static const char *const level_names[] = {"error", "warning", "info", "debug"};

/* How a line looks: what stands before the time, the level and the text, and behind it. */
static const struct format {
    const char *name, *time, *level, *text, *end;
    const char *escape; /* before the two hexadecimal digits of a control character */
    bool quotes;        /* " and \ are escaped */
} formats[] = {
    {"text", "", " ", ": ", "", "\\x", false},
    {"logfmt", "time=", " level=", " msg=\"", "\"", "\\x", true},
    {"json", "{\"time\":\"", "\",\"level\":\"", "\",\"message\":\"", "\"}", "\\u00", true},
};
static const struct format *format_used = &formats[0];

bool log_set_format(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, name) != 0) continue;
        format_used = &formats[i];
        return true;
    }
    return false;
}

/* ---- one line ---- */

static size_t add_text(char *line, size_t len, const char *text)
{
    for (const char *c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte < 0x20 || byte == 0x7f)
            len += (size_t)snprintf(line + len, 8, "%s%02x", format_used->escape, byte);
        else if (format_used->quotes && (byte == '"' || byte == '\\'))
            len += (size_t)snprintf(line + len, 8, "\\%c", byte);
        else
            line[len++] = *c;
    }
    return len;
}

/* One write(2) a line, so that lines of several threads do not mix. */
static void write_text(enum log_level level, const struct timespec *now, const char *text)
{
    char line[LINE_BYTES], seconds[32], time[48];
    struct tm utc;
    gmtime_r(&now->tv_sec, &utc);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(time, sizeof time, "%s.%03ldZ", seconds, now->tv_nsec / 1000000);
    const struct format *f = format_used;
    size_t len = (size_t)snprintf(line, sizeof line, "%s%s%s%s%s", f->time, time, f->level,
                                  level_names[level], f->text);
    len = add_text(line, len, text);
    len += (size_t)snprintf(line + len, sizeof line - len, "%s\n", f->end);
    if (write(STDERR_FILENO, line, len) < 0) return; /* nowhere left to complain */
}

/* ---- not too many ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all below */
static time_t second;
static unsigned lines, left_out;

/* *before: how many were left out before this line, if it is the first to say so. */
static bool may_write(time_t now, unsigned *before)
{
    pthread_mutex_lock(&lock);
    *before = 0;
    if (now != second) {
        second = now;
        lines = 0;
        *before = left_out;
        left_out = 0;
    }
    bool may = lines < LOG_LINES_A_SECOND;
    if (may)
        lines++;
    else
        left_out++;
    pthread_mutex_unlock(&lock);
    return may;
}

static void write_line(enum log_level level, const char *format, va_list args)
{
    char text[TEXT_BYTES], more[64];
    struct timespec now;
    unsigned before;
    if (level > shown_level) return;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!may_write(now.tv_sec, &before)) return;
    snprintf(more, sizeof more, "%u lines were left out: too many in a second", before);
    if (before) write_text(LOG_LEVEL_WARN, &now, more);
    vsnprintf(text, sizeof text, format, args);
    utf8_repair(text, strlen(text));
    write_text(level, &now, text);
}

#define DEFINE_LOG(name, level)                                                                              \
    void name(const char *format, ...)                                                                       \
    {                                                                                                        \
        va_list args;                                                                                        \
        va_start(args, format);                                                                              \
        write_line(level, format, args);                                                                     \
        va_end(args);                                                                                        \
    }

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warn, LOG_LEVEL_WARN)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
