/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/postgres/log_tail.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TAIL_BYTES 8192

off_t log_end(int log_fd) { return lseek(log_fd, 0, SEEK_END); }

static void read_tail(int log_fd, off_t from, char tail[TAIL_BYTES + 1])
{
    off_t end = log_end(log_fd);
    if (end - from > TAIL_BYTES) from = end - TAIL_BYTES;
    ssize_t bytes = pread(log_fd, tail, TAIL_BYTES, from);
    tail[bytes > 0 ? bytes : 0] = 0;
}

static bool is_complaint(const char *line)
{
    return strstr(line, "FATAL") || strstr(line, "PANIC") || strstr(line, "error");
}

void log_complaint(int log_fd, off_t from, char *line, size_t line_bytes)
{
    char tail[TAIL_BYTES + 1];
    read_tail(log_fd, from, tail);
    const char *found = NULL, *last = NULL;
    char *rest = NULL;
    for (char *part = strtok_r(tail, "\n", &rest); part; part = strtok_r(NULL, "\n", &rest)) {
        last = part;
        if (is_complaint(part)) found = part;
    }
    if (!found) found = last ? last : "it said nothing";
    snprintf(line, line_bytes, "%s", found);
}

bool log_says(int log_fd, off_t from, const char *text)
{
    char tail[TAIL_BYTES + 1];
    read_tail(log_fd, from, tail);
    return strstr(tail, text) != NULL;
}
