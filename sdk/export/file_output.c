/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output for file:PATH: each batch a line of OTLP JSON, appended. A line is there whole or not at all: it is written
 * under a lock (flock) that all processes which append to the file take, and cut off again when the disk fills in the
 * middle of it. What cannot be written now is tried again later; meanwhile the rings fill, and then drop. A file that was
 * renamed or removed (logrotate) is made anew with the next line.
 *
 * A pipe or a device may be named, too: nothing is locked or cut there; a line that failed in the middle comes again, whole,
 * in a line of its own.
 */
#include "base/clock.h"
#include "sdk/export/output.h"
#include "sdk/export/wait.h"
#include "sdk/otlp/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEP_BYTES    ((size_t)1 << 20) /* of memory from line to line */
#define STUCK_NS      (10 * NS_PER_S)   /* a pipe that nobody reads from */
#define LOCK_TRIES    20
#define LOCK_PAUSE_NS (2 * NS_PER_MS)
#define FILE_MODE     0666 /* the process' umask says what of it */
#define OPEN_FLAGS    (O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

struct file {
    const struct output_host *host;
    char *path;
    int fd;       /* -1: not open */
    dev_t device; /* which file that is */
    ino_t inode;
    bool is_regular, can_read;
    bool is_broken; /* a pipe, in the middle of a line */
    struct mapping mapping;
    struct buffer line;
};

/* ---- endpoint ---- */

/* "file:/a/b", "file:///a/b", "file:b" → path; NULL when there is none. */
static const char *path_of(const char *endpoint)
{
    const char *path = endpoint + sizeof "file:" - 1;
    if (strncmp(path, "//", 2) == 0) path = strncmp(path, "//localhost/", 12) == 0 ? path + 11 : path + 2;
    bool has_host = strncmp(endpoint + sizeof "file:" - 1, "//", 2) == 0 && *path != '/';
    return *path && !has_host ? path : NULL;
}

static bool file_accepts(const char *endpoint) { return path_of(endpoint) != NULL; }

/* ---- opening ---- */

/* The file; -1 when it is not open, or, where the thread has no table of its own, its number is another file's by now. */
static int fd_of(const struct file *file)
{
    struct stat now;
    bool is_ours = file->fd >= 0 && fstat(file->fd, &now) == 0 && now.st_dev == file->device &&
                   now.st_ino == file->inode;
    return is_ours ? file->fd : -1;
}

static void close_file(struct file *file)
{
    int fd = fd_of(file);
    file->fd = -1;
    if (fd >= 0) close(fd);
}

/* Whether it is open, and its path still leads to it. */
static bool is_current(const struct file *file)
{
    struct stat there;
    return fd_of(file) >= 0 && stat(file->path, &there) == 0 && there.st_dev == file->device &&
           there.st_ino == file->inode;
}

/* Reading is wanted to look at the last byte; a pipe must not be opened so, since nobody else need then be at it. */
static int open_path(struct file *file)
{
    struct stat there;
    bool regular = stat(file->path, &there) != 0 || S_ISREG(there.st_mode);
    int fd = regular ? open(file->path, O_RDWR | OPEN_FLAGS, FILE_MODE) : -1;
    file->can_read = fd >= 0;
    if (fd < 0 && (!regular || errno == EACCES)) fd = open(file->path, O_WRONLY | OPEN_FLAGS, FILE_MODE);
    return fd;
}

static bool open_file(struct file *file)
{
    struct stat opened;
    int fd = open_path(file);
    if (fd < 0) return false;
    if (fstat(fd, &opened) != 0) {
        close(fd);
        return false;
    }
    file->device = opened.st_dev;
    file->inode = opened.st_ino;
    file->is_regular = S_ISREG(opened.st_mode);
    file->is_broken = false;
    file->fd = fd;
    return true;
}

static bool have_file(struct file *file)
{
    if (is_current(file)) return true;
    close_file(file);
    return open_file(file);
}

/* ---- writing ---- */

/* A file system that has no locks is written to without. */
static bool lock(struct file *file, int fd)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return true;
        wait_ready(&file->host->give_up_ns, -1, 0, clock_monotonic_ns() + LOCK_PAUSE_NS);
    }
    errno = EWOULDBLOCK;
    return false;
}

/* All of it, or false with errno. */
static bool write_all(struct file *file, int fd, const char *data, size_t bytes)
{
    int64_t deadline = clock_monotonic_ns() + STUCK_NS;
    while (bytes) {
        ssize_t written = write(fd, data, bytes);
        if (written > 0) {
            data += written;
            bytes -= (size_t)written;
        } else if (written == 0) {
            errno = EIO;
            return false;
        } else if (errno != EAGAIN || !wait_ready(&file->host->give_up_ns, fd, POLLOUT, deadline)) {
            return false;
        }
    }
    return true;
}

/* What another process left in the middle of a line when it was killed gets a line of its own. */
static bool end_broken_line(struct file *file, int fd, off_t size)
{
    char last = '\n';
    if (size == 0 || !file->can_read || pread(fd, &last, 1, size - 1) != 1 || last == '\n') return true;
    return write_all(file, fd, "\n", 1);
}

static bool append_locked(struct file *file, int fd)
{
    struct stat before;
    if (fstat(fd, &before) != 0) return false;
    if (end_broken_line(file, fd, before.st_size) && write_all(file, fd, file->line.data, file->line.len))
        return true;
    int why = errno;
    if (ftruncate(fd, before.st_size) != 0) close_file(file);
    errno = why;
    return false;
}

/* What a reader has half of is ended before it comes whole. */
static bool append_to_pipe(struct file *file, int fd)
{
    bool was_broken = file->is_broken;
    file->is_broken = true;
    if (was_broken && !write_all(file, fd, "\n", 1)) return false;
    if (!write_all(file, fd, file->line.data, file->line.len)) return false;
    file->is_broken = false;
    return true;
}

static bool append(struct file *file)
{
    int fd = file->fd;
    if (!file->is_regular) return append_to_pipe(file, fd);
    if (!lock(file, fd)) return false;
    bool written = append_locked(file, fd);
    int why = errno;
    if (file->fd >= 0) flock(fd, LOCK_UN);
    errno = why;
    return written;
}

/* ---- the output ---- */

static void *file_open(const struct weir_output_host *outer)
{
    struct file *file = calloc(1, sizeof *file);
    if (!file) return NULL;
    file->host = output_host(outer);
    file->fd = -1;
    file->path = strdup(path_of(outer->setting(outer, "endpoint")));
    mapping_init(&file->mapping);
    buffer_init(&file->line);
    if (file->path) return file;
    free(file);
    return NULL;
}

static void file_close(void *output)
{
    struct file *file = output;
    close_file(file);
    mapping_fini(&file->mapping);
    buffer_fini(&file->line);
    free(file->path);
    free(file);
}

static bool make_line(struct file *file, const void *batch, size_t bytes, struct weir_delivery *delivery)
{
    if (!mapping_unpack(&file->mapping, batch, bytes, delivery)) return false;
    if (json_line(&file->line, &file->mapping)) return true;
    delivery->outcome = WEIR_BATCH_FAILED;
    snprintf(delivery->reason, sizeof delivery->reason, "no memory");
    return false;
}

static void write_line(struct file *file, struct weir_delivery *delivery)
{
    file->host->outer.sending(&file->host->outer);
    if (have_file(file) && append(file)) {
        delivery->outcome = WEIR_BATCH_STORED;
        return;
    }
    delivery->outcome = WEIR_BATCH_FAILED;
    snprintf(delivery->reason, sizeof delivery->reason, "%s: %s", file->path, strerrordesc_np(errno));
}

static void file_deliver(void *output, const void *batch, size_t bytes, struct weir_delivery *delivery)
{
    struct file *file = output;
    if (make_line(file, batch, bytes, delivery)) {
        if (file->mapping.batch->span_count)
            write_line(file, delivery);
        else
            delivery->outcome = WEIR_BATCH_STORED; /* counters alone: OTLP has no place for them */
    }
    buffer_clear(&file->line);
    if (file->line.room_bytes > KEEP_BYTES || file->line.failed) buffer_fini(&file->line);
}

const struct weir_output file_output = {.version = WEIR_OUTPUT_VERSION,
                                        .schemes = "file",
                                        .accepts = file_accepts,
                                        .open = file_open,
                                        .deliver = file_deliver,
                                        .close = file_close};
