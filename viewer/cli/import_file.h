/* SPDX-License-Identifier: Apache-2.0 */
/* A file, or standard input, read as it comes: what is compressed by gzip is inflated, everything else is as it is. Main
 * thread only. */
#ifndef WEIR_CLI_IMPORT_FILE_H
#define WEIR_CLI_IMPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct import_file {
    void *gzip;
    int64_t size_bytes; /* on the disk; 0: unknown */
    char error[200];    /* what ended the reading; empty: the file's end */
};

/* "-": standard input. False: error says why. */
bool import_file_open(struct import_file *file, const char *path);
void import_file_close(struct import_file *file);

/* A stream's read (viewer/import/stream.h): 0 at the end or with an error. Ends at an interrupt, too. */
size_t import_file_read(void *file, char *to, size_t bytes);

/* 0 to 1; negative where the size is not known. */
double import_file_share(const struct import_file *file);

#endif
