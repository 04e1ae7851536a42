/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line to stderr per event of the collector: time, level, text; for people, as logfmt or as JSON. Control characters are
 * escaped, so hostile names cannot forge lines. At most LOG_LINES_A_SECOND; how many more there were is said in the next
 * second that has a line. The SDK does not use it (a library is silent). Any thread.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level); /* default: LOG_LEVEL_INFO */

/* "text", "logfmt" or "json"; false: another. Before threads start. */
bool log_set_format(const char *name);

#define LOG_LINES_A_SECOND 50

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
