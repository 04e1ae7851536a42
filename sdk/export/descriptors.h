/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exporter thread's own table of file descriptors. Without one, a host that closes what it does not know (a daemon's
 * closefrom) and opens something else could find our batches in it. With one, nothing that the host closes, opens, forks
 * or executes touches our socket, and nothing of ours stands in its table. docs/decisions/0006-own-descriptors.md.
 */
#ifndef WEIR_SDK_EXPORT_DESCRIPTORS_H
#define WEIR_SDK_EXPORT_DESCRIPTORS_H

#include <stdbool.h>

/* Gives the calling thread an empty table; 0, 1 and, unless it is kept, 2 lead nowhere, and are never a socket's number.
 * False: the kernel (before 5.9) or a filter of system calls does not let us, or a thread sanitizer would be confused, and
 * the table stays the process'. */
bool descriptors_separate(bool keep_stderr);

#endif
