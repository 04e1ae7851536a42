/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Redis of our own for as long as we live: in a folder of its own, on a Unix socket there and no port,
 * nothing kept on disk. The program is redis-server, from PATH. Like every
 * process of ours it is told by the kernel when we end. Main thread only.
 */
#ifndef WEIR_CLI_LOCAL_REDIS_H
#define WEIR_CLI_LOCAL_REDIS_H

#include "viewer/cli/process.h"

#include <limits.h>

#define REDIS_SOCKET_BYTES 108 /* of a Unix socket's path, its 0 included */

struct local_redis {
    struct process process;
    char socket[REDIS_SOCKET_BYTES];
};

/* The program's path; false: it is not installed, and error says what to install. */
bool local_redis_find(char program[PATH_MAX], char error[PROCESS_ERROR_BYTES]);

/* Makes the folder, whose parent is there; returns when Redis answers. */
bool local_redis_start(struct local_redis *redis, const char *folder, const char *log_path,
                       char error[PROCESS_ERROR_BYTES]);

/* Forgets all keys. False: it does not answer. */
bool local_redis_flush(const struct local_redis *redis);

bool local_redis_stop(struct local_redis *redis);

#endif
