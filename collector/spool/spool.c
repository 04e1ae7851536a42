/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/spool/spool.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/spool/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SEGMENT_BYTES ((uint64_t)8 << 20) /* a fuller one is not appended to */
#define NAME_BYTES    32
#define NAME_FORMAT   "%016" PRIu64 ".spool"
#define FOLDER_MODE   0700
#define FILE_MODE     0600
#define LOCK_ATTEMPTS 10

struct segment {
    struct segment *next; /* a newer one */
    uint64_t number;
    uint64_t end_bytes; /* durable so far */
    uint64_t records;   /* as their headers say */
    int64_t oldest_unix_ns;
    bool writable; /* this process may append to it */
};

struct spool {
    struct spool_options options;
    char *dir;
    int dir_fd, lock_fd;
    bool locked; /* the folder is ours */

    pthread_mutex_t lock; /* for all below but the two fds, which are the appender's and the reader's */
    struct segment *oldest, **newest_next;
    uint64_t bytes, records; /* of all segments; records not yet forgotten */
    uint64_t next_number;
    uint64_t corrupt, torn;
    int64_t forgotten_unix_ns; /* when the last record came that was forgotten */
    bool appending;            /* the newest segment stays, the appender is writing to it */

    int write_fd; /* of the newest segment while it is writable; -1 */

    /* the reader's */
    int read_fd; /* -1 */
    uint64_t read_number, read_at;
    uint64_t mark_number, mark_at; /* what is before was forgotten */
    uint64_t read_since_mark;
    int64_t last_read_unix_ns;
};

static void name_of(uint64_t number, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, NAME_FORMAT, number);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* ---- opening ---- */

static struct segment *add_segment(struct spool *spool, uint64_t number)
{
    struct segment *segment = calloc(1, sizeof *segment);
    if (!segment) return NULL;
    segment->number = number;
    *spool->newest_next = segment;
    spool->newest_next = &segment->next;
    if (number >= spool->next_number) spool->next_number = number + 1;
    return segment;
}

/* What the headers of a segment say; damage is counted when it is read. */
static void scan(struct spool *spool, struct segment *segment)
{
    char name[NAME_BYTES];
    struct stat status;
    struct spool_record record;
    name_of(segment->number, name);
    int fd = openat(spool->dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        log_warn("spool: %s cannot be read: %s", name, strerror(errno));
        close_fd(&fd);
        return;
    }
    segment->end_bytes = (uint64_t)status.st_size;
    uint64_t at = SEGMENT_MAGIC_BYTES, next;
    enum segment_found found;
    while ((found = segment_read(fd, at, segment->end_bytes, NULL, &record, &next)) == SEGMENT_RECORD ||
           found == SEGMENT_CORRUPT) {
        at = next;
        if (found != SEGMENT_RECORD) continue;
        segment->records++;
        if (!segment->oldest_unix_ns) segment->oldest_unix_ns = record.received_unix_ns;
    }
    spool->bytes += segment->end_bytes;
    spool->records += segment->records;
    close_fd(&fd);
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool is_segment(const struct dirent *entry, uint64_t *number)
{
    char name[NAME_BYTES];
    if (sscanf(entry->d_name, "%16" SCNu64, number) != 1) return false;
    name_of(*number, name);
    return strcmp(name, entry->d_name) == 0;
}

static bool list_segments(struct spool *spool)
{
    uint64_t *numbers = NULL, number;
    size_t count = 0, room = 0;
    DIR *dir = opendir(spool->dir);
    bool good = dir != NULL;
    for (struct dirent *entry; good && (entry = readdir(dir));) {
        if (!is_segment(entry, &number)) continue;
        if (count == room) {
            uint64_t *more = realloc(numbers, (room = room ? room * 2 : 64) * sizeof *numbers);
            good = more != NULL;
            if (!good) break;
            numbers = more;
        }
        numbers[count++] = number;
    }
    if (dir) closedir(dir);
    if (count) qsort(numbers, count, sizeof *numbers, compare_numbers);
    for (size_t i = 0; good && i < count; i++) {
        struct segment *segment = add_segment(spool, numbers[i]);
        good = segment != NULL;
        if (good) scan(spool, segment);
    }
    free(numbers);
    return good;
}

/* The folder and those above it. */
static bool make_folder(const char *path)
{
    char *copy = strdup(path);
    if (!copy) return false;
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(copy, 0755); /* what fails here fails below */
        *slash = '/';
    }
    free(copy);
    return mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST;
}

/* False, with *again: the one before took its empty folder away between our steps. */
static bool lock_folder(struct spool *spool, bool *in_use, bool *again)
{
    struct stat status;
    close_fd(&spool->lock_fd);
    close_fd(&spool->dir_fd);
    if (!make_folder(spool->dir)) return false;
    spool->dir_fd = open(spool->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->dir_fd >= 0)
        spool->lock_fd = openat(spool->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    *again = errno == ENOENT;
    if (spool->dir_fd < 0 || spool->lock_fd < 0) return false;
    if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        *in_use = errno == EWOULDBLOCK;
        *again = false;
        return false;
    }
    *again = fstat(spool->lock_fd, &status) == 0 && status.st_nlink == 0;
    spool->locked = !*again;
    return spool->locked;
}

static bool open_folder(struct spool *spool, bool *in_use)
{
    bool again = true, done = false;
    for (int attempt = 0; again && attempt < LOCK_ATTEMPTS; attempt++) {
        errno = 0;
        done = lock_folder(spool, in_use, &again);
    }
    return done;
}

struct spool *spool_open(const struct spool_options *options, bool *in_use, char error[SPOOL_ERROR_BYTES])
{
    *in_use = false;
    struct spool *spool = calloc(1, sizeof *spool);
    char *dir = spool ? strdup(options->dir) : NULL;
    if (!dir) {
        free(spool);
        snprintf(error, SPOOL_ERROR_BYTES, "out of memory");
        return NULL;
    }
    spool->options = *options;
    spool->options.dir = spool->dir = dir;
    spool->dir_fd = spool->lock_fd = spool->write_fd = spool->read_fd = -1;
    spool->newest_next = &spool->oldest;
    spool->next_number = 1;
    pthread_mutex_init(&spool->lock, NULL);
    if (open_folder(spool, in_use) && list_segments(spool)) {
        spool_rewind(spool);
        return spool;
    }
    snprintf(error, SPOOL_ERROR_BYTES, "%.150s: %s", dir,
             *in_use ? "another collector has it" : strerror(errno));
    spool_close(spool);
    return NULL;
}

void spool_close(struct spool *spool)
{
    if (!spool) return;
    bool empty = spool->locked && !spool->oldest;
    close_fd(&spool->write_fd);
    close_fd(&spool->read_fd);
    for (struct segment *segment = spool->oldest, *next; segment; segment = next) {
        next = segment->next;
        free(segment);
    }
    if (empty && unlinkat(spool->dir_fd, "lock", 0) == 0) rmdir(spool->dir);
    close_fd(&spool->lock_fd);
    close_fd(&spool->dir_fd);
    pthread_mutex_destroy(&spool->lock);
    free(spool->dir);
    free(spool);
}

/* ---- appending ---- */

static struct segment *newest(struct spool *spool)
{
    struct segment *segment = spool->oldest;
    while (segment && segment->next) segment = segment->next;
    return segment;
}

/* The lock is held. When the oldest record came that is there; segments are known by their first. 0: there is none. */
static int64_t oldest_unix_ns(const struct spool *spool)
{
    if (!spool->records) return 0;
    for (const struct segment *segment = spool->oldest; segment; segment = segment->next) {
        if (!segment->oldest_unix_ns) continue;
        bool begun = segment == spool->oldest && spool->forgotten_unix_ns > segment->oldest_unix_ns;
        return begun ? spool->forgotten_unix_ns : segment->oldest_unix_ns;
    }
    return 0;
}

/* The lock is held. */
static const char *limit_reached(struct spool *spool, uint64_t more_bytes, int64_t now_unix_ns)
{
    const struct spool_options *options = &spool->options;
    struct statvfs disk;
    if (spool->bytes + more_bytes > options->bytes_max) return "the spool is full";
    int64_t oldest_ns = oldest_unix_ns(spool);
    if (oldest_ns && now_unix_ns - oldest_ns > (int64_t)options->age_max_s * NS_PER_S)
        return "what is in the spool has waited too long";
    if (fstatvfs(spool->dir_fd, &disk) == 0 &&
        (uint64_t)disk.f_bavail * disk.f_frsize < options->free_min_bytes + more_bytes)
        return "the spool's disk is nearly full";
    return NULL;
}

static bool make_segment_file(struct spool *spool, uint64_t number)
{
    char name[NAME_BYTES];
    name_of(number, name);
    spool->write_fd = openat(spool->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (spool->write_fd < 0) return false;
    ssize_t written = pwrite(spool->write_fd, segment_magic, sizeof segment_magic, 0);
    if (written == (ssize_t)sizeof segment_magic && fsync(spool->dir_fd) == 0) return true;
    if (written >= 0) errno = ENOSPC;
    int error = errno;
    close_fd(&spool->write_fd);
    unlinkat(spool->dir_fd, name, 0);
    errno = error;
    return false;
}

/* The lock is held. A segment to append to; NULL: errno says why. */
static struct segment *writable(struct spool *spool)
{
    struct segment *segment = newest(spool);
    if (segment && segment->writable && segment->end_bytes < SEGMENT_BYTES) return segment;
    if (segment) segment->writable = false;
    close_fd(&spool->write_fd);
    uint64_t number = spool->next_number;
    if (!make_segment_file(spool, number)) return NULL;
    segment = add_segment(spool, number);
    if (!segment) {
        close_fd(&spool->write_fd);
        errno = ENOMEM;
        return NULL;
    }
    segment->writable = true;
    segment->end_bytes = SEGMENT_MAGIC_BYTES;
    spool->bytes += SEGMENT_MAGIC_BYTES;
    return segment;
}

static bool is_disk_full(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

static enum spool_result fail(int error, char why[SPOOL_ERROR_BYTES])
{
    snprintf(why, SPOOL_ERROR_BYTES, "the spool cannot be written: %s", strerror(error));
    return is_disk_full(error) ? SPOOL_FULL : SPOOL_FAILED;
}

enum spool_result spool_append(struct spool *spool, const struct spool_record *records, size_t count,
                               int64_t now_unix_ns, char why[SPOOL_ERROR_BYTES])
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += segment_record_bytes(records[i].body.len);
    pthread_mutex_lock(&spool->lock);
    const char *limit = limit_reached(spool, bytes, now_unix_ns);
    struct segment *segment = limit ? NULL : writable(spool);
    int error = limit || segment ? 0 : errno;
    uint64_t end = segment ? segment->end_bytes : 0;
    spool->appending = segment != NULL;
    pthread_mutex_unlock(&spool->lock);
    if (limit) {
        snprintf(why, SPOOL_ERROR_BYTES, "%s", limit);
        return SPOOL_FULL;
    }
    if (error) return fail(error, why);
    error = segment_append(spool->write_fd, end, records, count);
    pthread_mutex_lock(&spool->lock);
    spool->appending = false;
    if (error) {
        /* A file whose writing failed is not trusted with more: what was durable in it stays so. */
        segment->writable = false;
        close_fd(&spool->write_fd);
    } else {
        segment->end_bytes += bytes;
        segment->records += count;
        if (!segment->oldest_unix_ns) segment->oldest_unix_ns = records[0].received_unix_ns;
        spool->bytes += bytes;
        spool->records += count;
    }
    pthread_mutex_unlock(&spool->lock);
    return error ? fail(error, why) : SPOOL_KEPT;
}

/* ---- reading ---- */

static struct segment *find(struct spool *spool, uint64_t number)
{
    struct segment *segment = spool->oldest;
    while (segment && segment->number < number) segment = segment->next;
    return segment;
}

static bool open_for_reading(struct spool *spool, const struct segment *segment)
{
    char name[NAME_BYTES], magic[SEGMENT_MAGIC_BYTES];
    close_fd(&spool->read_fd);
    name_of(segment->number, name);
    spool->read_fd = openat(spool->dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (spool->read_fd < 0) return false;
    if (pread(spool->read_fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic &&
        memcmp(magic, segment_magic, sizeof magic) != 0)
        log_warn("spool: %s does not begin as a segment does", name);
    return true;
}

/* The lock is held. The segment that has the next byte to read; NULL: none now. */
static struct segment *unread(struct spool *spool)
{
    struct segment *segment = find(spool, spool->read_number);
    while (segment && segment->number == spool->read_number && spool->read_at >= segment->end_bytes)
        segment = segment->next;
    while (segment && segment->number != spool->read_number && segment->end_bytes <= SEGMENT_MAGIC_BYTES)
        segment = segment->next;
    return segment;
}

bool spool_has_next(struct spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    bool more = unread(spool) != NULL;
    pthread_mutex_unlock(&spool->lock);
    return more;
}

/* Out of the way, for its owner to look at. */
static void put_aside(struct spool *spool, struct segment *segment)
{
    char name[NAME_BYTES], aside[NAME_BYTES + 16];
    name_of(segment->number, name);
    snprintf(aside, sizeof aside, "%s.unreadable", name);
    log_error("spool: %s cannot be read: %s; it is now %s", name, strerror(errno), aside);
    renameat(spool->dir_fd, name, spool->dir_fd, aside);
    spool->corrupt++;
    spool->read_at = segment->end_bytes;
}

/* Where to read: the segment is open, and `end` bytes of it are durable. False: there is nothing more now. */
static bool find_unread(struct spool *spool, uint64_t *end)
{
    pthread_mutex_lock(&spool->lock);
    struct segment *segment;
    while ((segment = unread(spool))) {
        if (segment->number != spool->read_number) {
            spool->read_number = segment->number;
            spool->read_at = SEGMENT_MAGIC_BYTES;
            close_fd(&spool->read_fd);
        }
        if (spool->read_fd >= 0 || open_for_reading(spool, segment)) break;
        put_aside(spool, segment);
    }
    if (segment) *end = segment->end_bytes;
    pthread_mutex_unlock(&spool->lock);
    return segment != NULL;
}

static void note_damage(struct spool *spool, enum segment_found found, uint64_t next)
{
    pthread_mutex_lock(&spool->lock);
    if (found == SEGMENT_TORN)
        spool->torn++;
    else
        spool->corrupt++;
    pthread_mutex_unlock(&spool->lock);
    log_warn("spool: segment %" PRIu64 ", bytes %" PRIu64 " to %" PRIu64 ": %s", spool->read_number,
             spool->read_at, next,
             found == SEGMENT_TORN ? "the end is torn, as a crash leaves it" : "a damaged record is skipped");
}

bool spool_next(struct spool *spool, struct arena *arena, struct spool_record *record)
{
    uint64_t end, next;
    while (find_unread(spool, &end)) {
        enum segment_found found = segment_read(spool->read_fd, spool->read_at, end, arena, record, &next);
        if (found == SEGMENT_CORRUPT && arena_exhausted(arena)) return false;
        if (found == SEGMENT_TORN || found == SEGMENT_CORRUPT) note_damage(spool, found, next);
        spool->read_at = next;
        if (found != SEGMENT_RECORD) continue;
        spool->read_since_mark++;
        spool->last_read_unix_ns = record->received_unix_ns;
        return true;
    }
    return false;
}

/* The lock is held. Segments before the reader's go, and the reader's own when it has been read to its end, also the one
 * that is appended to: then the next append makes a new one. */
static void delete_taken(struct spool *spool)
{
    while (spool->oldest) {
        struct segment *segment = spool->oldest;
        bool behind = segment->number < spool->read_number;
        bool finished = segment->number == spool->read_number && spool->read_at >= segment->end_bytes;
        if (!behind && (!finished || (segment->writable && spool->appending))) return;
        if (segment->writable) close_fd(&spool->write_fd);
        char name[NAME_BYTES];
        name_of(segment->number, name);
        unlinkat(spool->dir_fd, name, 0);
        spool->bytes -= segment->end_bytes;
        spool->oldest = segment->next;
        if (!spool->oldest) {
            spool->newest_next = &spool->oldest;
            spool->records = 0; /* also what turned out to be damaged */
        }
        if (finished) close_fd(&spool->read_fd);
        free(segment);
    }
}

void spool_forget(struct spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    spool->records -= spool->read_since_mark < spool->records ? spool->read_since_mark : spool->records;
    if (spool->read_since_mark) spool->forgotten_unix_ns = spool->last_read_unix_ns;
    spool->read_since_mark = 0;
    delete_taken(spool);
    spool->mark_number = spool->read_number;
    spool->mark_at = spool->read_at;
    pthread_mutex_unlock(&spool->lock);
}

void spool_rewind(struct spool *spool)
{
    spool->read_since_mark = 0;
    spool->read_number = spool->mark_number;
    spool->read_at = spool->mark_at;
    close_fd(&spool->read_fd);
}

struct spool_state spool_state(struct spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    struct spool_state state = {.records = spool->records,
                                .bytes = spool->bytes,
                                .corrupt = spool->corrupt,
                                .torn = spool->torn,
                                .oldest_unix_ns = oldest_unix_ns(spool)};
    pthread_mutex_unlock(&spool->lock);
    return state;
}
