/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/import_file.h"

#include "viewer/cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define BUFFER_BYTES (256u << 10)
#define READ_MAX     (1u << 20)

static bool fail(struct import_file *file, const char *why)
{
    snprintf(file->error, sizeof file->error, "%s", why);
    return false;
}

bool import_file_open(struct import_file *file, const char *path)
{
    struct stat status;
    *file = (struct import_file){0};
    int fd =
        strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(file, strerror(errno));
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) file->size_bytes = status.st_size;
    file->gzip = gzdopen(fd, "r");
    if (file->gzip) {
        gzbuffer(file->gzip, BUFFER_BYTES);
        return true;
    }
    close(fd);
    return fail(file, "out of memory");
}

void import_file_close(struct import_file *file)
{
    if (file->gzip) gzclose(file->gzip);
    file->gzip = NULL;
}

static void note_error(struct import_file *file)
{
    int code;
    const char *text = gzerror(file->gzip, &code);
    if (code == Z_ERRNO)
        fail(file, strerror(errno));
    else if (code == Z_BUF_ERROR)
        fail(file, "its gzip is cut short");
    else if (code != Z_OK)
        snprintf(file->error, sizeof file->error, "its gzip is damaged (%.100s)", text);
}

size_t import_file_read(void *context, char *to, size_t bytes)
{
    struct import_file *file = context;
    if (interrupted()) return 0;
    int came = gzread(file->gzip, to, bytes < READ_MAX ? (unsigned)bytes : READ_MAX);
    if (came <= 0 && !interrupted()) note_error(file);
    return came > 0 ? (size_t)came : 0;
}

double import_file_share(const struct import_file *file)
{
    if (file->size_bytes <= 0) return -1;
    double share = (double)gzoffset(file->gzip) / (double)file->size_bytes;
    return share > 1 ? 1 : share;
}
