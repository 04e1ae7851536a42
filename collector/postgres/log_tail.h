/* SPDX-License-Identifier: Apache-2.0 */
/* What Postgres' programs complained of in their log, for an error of one line. Any thread. */
#ifndef WEIR_COLLECTOR_POSTGRES_LOG_TAIL_H
#define WEIR_COLLECTOR_POSTGRES_LOG_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

off_t log_end(int log_fd);
/* The last line after `from` with FATAL, PANIC or "error" in it, or else the last line; cut to fit. */
void log_complaint(int log_fd, off_t from, char *line, size_t line_bytes);
/* Whether the log has this text after `from` (in its last 8 KiB). */
bool log_says(int log_fd, off_t from, const char *text);

#endif
