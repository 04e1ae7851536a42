/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child process: a daemon that prints `ready: …` on its standard output and stops on SIGTERM, or a program
 * that is run to its end. A child is in a process group of its own (Ctrl-C reaches us, and we stop it), reads
 * nothing, and gets SIGTERM from the kernel when the thread that started it ends, however that happens. All
 * waiting has a deadline and ends when interrupted() says so. Used by the main thread alone, which lives
 * longest.
 */
#ifndef WEIR_CLI_PROCESS_H
#define WEIR_CLI_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
    pid_t pid;  /* 0: not running */
    int out_fd; /* its standard output; -1: closed */
};

struct process_command {
    const char *const *argv;        /* NULL at the end; argv[0] is the path */
    const char *const *environment; /* NAME=VALUE to set, NULL at the end; NULL: none */
    const char *const
        *hide;    /* prefixes of variables that it shall not inherit, NULL at the end; NULL: none */
    int error_fd; /* where its standard error goes; stays the caller's */
};

#define PROCESS_ERROR_BYTES 512
#define READY_LINE_BYTES    2048

bool process_start(struct process *process, const struct process_command *command,
                   char error[PROCESS_ERROR_BYTES]);

/* Waits for the line that begins with "ready:" and copies what stands behind that. False: it ended, or was
 * too slow. */
bool process_wait_ready(struct process *process, int64_t deadline_ms, char line[READY_LINE_BYTES],
                        char error[PROCESS_ERROR_BYTES]);

/* Waits for its end by itself; true when that was exit status 0. */
bool process_wait(struct process *process, int64_t deadline_ms, char error[PROCESS_ERROR_BYTES]);

/* SIGTERM, and SIGKILL at the deadline; true when it ended by itself with status 0. Nothing to do is fine. */
bool process_stop(struct process *process, int64_t deadline_ms);

/* The folder of the running program, where its siblings lie. False: unknown. */
bool process_own_folder(char *to, size_t to_bytes);

/* What stands behind the word `key` in a ready line ("nng tcp://… http http://… postgres DSN"): one word, or
 * all the rest. False: not there, or too long. */
bool ready_word(const char *line, const char *key, char *to, size_t to_bytes);
bool ready_rest(const char *line, const char *key, char *to, size_t to_bytes);

#endif
