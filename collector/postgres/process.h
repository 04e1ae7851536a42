/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting Postgres' programs: forked from the calling thread, without root's rights, in a session of their
 * own (Ctrl-C is the collector's to handle), and told by the kernel when the thread that forked them ends,
 * however it ends. So only a thread that lives as long as the program should may start one. The child does
 * nothing but system calls before exec.
 */
#ifndef WEIR_COLLECTOR_POSTGRES_PROCESS_H
#define WEIR_COLLECTOR_POSTGRES_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who the programs run as. */
struct process_user {
    bool drop; /* we are root and become uid and gid */
    uid_t uid;
    gid_t gid;
    char name[64];
};

struct process {
    const char *const *arguments; /* NULL at the end; [0] is the absolute path */
    const struct process_user *user;
    const char *directory; /* to be in; NULL: / */
    int input_fd;          /* -1: /dev/null */
    int output_fd;         /* stdout and stderr */
    int death_signal;      /* when our thread ends */
};

/* The child's pid, or -1 with errno. */
pid_t process_start(const struct process *process);
/* Waits for it; true when it ended with status 0. */
bool process_wait(pid_t pid);
/* Whether the user may enter every folder of this absolute path; if not, *denied_bytes is how much of the
 * path ends with the first that he may not enter. */
bool process_can_enter(const struct process_user *user, const char *path, size_t *denied_bytes);

#endif
