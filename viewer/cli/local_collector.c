/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/local_collector.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define READY_DEADLINE_MS 60000 /* initdb on a slow disk is part of it */
#define STOP_DEADLINE_MS  30000

bool local_collector_has_data(const char *data_dir)
{
    char path[PATH_MAX];
    struct stat cluster;
    int len = snprintf(path, sizeof path, "%s/postgres", data_dir);
    return len > 0 && (size_t)len < sizeof path && stat(path, &cluster) == 0 && S_ISDIR(cluster.st_mode);
}

/* The last line of what the child said, without the program's name; error stays when it said nothing. */
static void quote_last_line(int error_fd, char error[PROCESS_ERROR_BYTES])
{
    char text[PROCESS_ERROR_BYTES];
    off_t end = lseek(error_fd, 0, SEEK_END);
    off_t from = end > (off_t)sizeof text - 1 ? end - ((off_t)sizeof text - 1) : 0;
    ssize_t len = end > 0 ? pread(error_fd, text, sizeof text - 1, from) : 0;
    while (len > 0 && text[len - 1] == '\n') len--;
    if (len <= 0) return;
    text[len] = 0;
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    static const char name[] = "weir-collector: ";
    if (strncmp(line, name, sizeof name - 1) == 0) line += sizeof name - 1;
    snprintf(error, PROCESS_ERROR_BYTES, "%s", line);
}

static bool start(struct local_collector *collector, const char *data_dir, int error_fd,
                  char error[PROCESS_ERROR_BYTES])
{
    char folder[PATH_MAX], program[PATH_MAX + 32], line[READY_LINE_BYTES];
    if (!process_own_folder(folder, sizeof folder)) {
        snprintf(error, PROCESS_ERROR_BYTES, "cannot tell where weir-collector is: %s", strerror(errno));
        return false;
    }
    snprintf(program, sizeof program, "%s/weir-collector", folder);
    const char *const argv[] = {program,    "--data-dir",        data_dir, "--http", "127.0.0.1:0",
                                "--listen", "tcp://127.0.0.1:0", NULL};
    struct process_command command = {.argv = argv, .error_fd = error_fd};
    if (!process_start(&collector->process, &command, error)) return false;
    if (!process_wait_ready(&collector->process, READY_DEADLINE_MS, line, error)) {
        quote_last_line(error_fd, error);
        return false;
    }
    bool understood = ready_word(line, "http", collector->http, sizeof collector->http) &&
                      ready_word(line, "nng", collector->listen, sizeof collector->listen) &&
                      ready_rest(line, "postgres", collector->postgres, sizeof collector->postgres);
    if (!understood)
        snprintf(error, PROCESS_ERROR_BYTES, "weir-collector is of another version: ready: %.300s", line);
    return understood;
}

bool local_collector_start(struct local_collector *collector, const char *data_dir, const char *log_path,
                           char error[PROCESS_ERROR_BYTES])
{
    *collector = (struct local_collector){.process.out_fd = -1};
    int error_fd = log_path ? open(log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)
                            : memfd_create("weir-collector's messages", MFD_CLOEXEC);
    if (error_fd < 0) {
        snprintf(error, PROCESS_ERROR_BYTES, "%.300s: %s", log_path ? log_path : "memory", strerror(errno));
        return false;
    }
    bool started = start(collector, data_dir, error_fd, error);
    if (!started) local_collector_stop(collector);
    close(error_fd);
    return started;
}

bool local_collector_stop(struct local_collector *collector)
{
    return process_stop(&collector->process, STOP_DEADLINE_MS);
}
