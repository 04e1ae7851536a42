/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/spool/segment.h"

#include "base/hash.h"

#include <endian.h>
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#define RECORD_MAGIC   0x31525357u /* "WSR1" */
#define PIECES_A_WRITE 192         /* three a record; below IOV_MAX */
#define SEARCH_BYTES   65536

const unsigned char segment_magic[SEGMENT_MAGIC_BYTES] = {'W', 'E', 'I', 'R', 'S', 'P', 'L', '1'};

struct header {
    uint32_t magic, bytes;
    uint64_t received_unix_ns, body_hash, header_hash;
};

_Static_assert(sizeof(struct header) == SEGMENT_HEADER_BYTES, "a header is its fields");

static uint64_t hash_of_header(const struct header *header)
{
    return hash_bytes(header, offsetof(struct header, header_hash));
}

/* ---- writing ---- */

static struct header make_header(const struct spool_record *record)
{
    struct header header = {.magic = htole32(RECORD_MAGIC),
                            .bytes = htole32((uint32_t)record->body.len),
                            .received_unix_ns = htole64((uint64_t)record->received_unix_ns),
                            .body_hash = htole64(hash_bytes(record->body.data, record->body.len))};
    header.header_hash = htole64(hash_of_header(&header));
    return header;
}

/* Takes what was written off the front of the pieces. */
static void advance(struct iovec **piece, int *count, size_t written)
{
    while (*count && written >= (*piece)->iov_len) {
        written -= (*piece)->iov_len;
        (*piece)++;
        (*count)--;
    }
    if (!*count) return;
    (*piece)->iov_base = (char *)(*piece)->iov_base + written;
    (*piece)->iov_len -= written;
}

/* A disk that fills up shows as a short write first. */
static int write_pieces(int fd, struct iovec *piece, int count, uint64_t at)
{
    while (count) {
        ssize_t written = pwritev(fd, piece, count, (off_t)at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return written < 0 ? errno : ENOSPC;
        at += (uint64_t)written;
        advance(&piece, &count, (size_t)written);
    }
    return 0;
}

static int write_records(int fd, uint64_t at, const struct spool_record *records, size_t count)
{
    static const char zeros[8];
    struct header headers[PIECES_A_WRITE / 3];
    struct iovec pieces[PIECES_A_WRITE];
    int result = 0;
    for (size_t i = 0; i < count && result == 0;) {
        int piece_count = 0;
        uint64_t begin = at;
        for (size_t k = 0; k < PIECES_A_WRITE / 3 && i < count; k++, i++) {
            struct str body = records[i].body;
            size_t zero_bytes = (size_t)(segment_record_bytes(body.len) - SEGMENT_HEADER_BYTES - body.len);
            headers[k] = make_header(&records[i]);
            pieces[piece_count++] = (struct iovec){&headers[k], sizeof headers[k]};
            if (body.len) pieces[piece_count++] = (struct iovec){(void *)(uintptr_t)body.data, body.len};
            if (zero_bytes) pieces[piece_count++] = (struct iovec){(void *)(uintptr_t)zeros, zero_bytes};
            at += segment_record_bytes(body.len);
        }
        result = write_pieces(fd, pieces, piece_count, begin);
    }
    return result;
}

int segment_append(int fd, uint64_t end, const struct spool_record *records, size_t count)
{
    int result = write_records(fd, end, records, count);
    if (result == 0 && fdatasync(fd) != 0) result = errno;
    if (result != 0 && ftruncate(fd, (off_t)end) != 0)
        return result; /* what is left over is told by its hashes */
    return result;
}

/* ---- reading ---- */

static bool read_all(int fd, void *to, size_t bytes, uint64_t at)
{
    char *next = to;
    while (bytes) {
        ssize_t got = pread(fd, next, bytes, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        next += got;
        at += (uint64_t)got;
        bytes -= (size_t)got;
    }
    return true;
}

static bool is_header(const struct header *header)
{
    return le32toh(header->magic) == RECORD_MAGIC && le32toh(header->bytes) <= SEGMENT_BODY_MAX &&
           le64toh(header->header_hash) == hash_of_header(header);
}

/* Where the next header is, or `end`. */
static uint64_t search_header(int fd, uint64_t at, uint64_t end)
{
    unsigned char window[SEARCH_BYTES];
    while (at + SEGMENT_HEADER_BYTES <= end) {
        size_t bytes = end - at < sizeof window ? (size_t)(end - at) : sizeof window;
        if (!read_all(fd, window, bytes, at)) return end;
        size_t offset = 0;
        for (; offset + SEGMENT_HEADER_BYTES <= bytes; offset += 8) {
            struct header header;
            memcpy(&header, window + offset, sizeof header);
            if (is_header(&header)) return at + offset;
        }
        at += offset;
    }
    return end;
}

static bool read_body(int fd, uint64_t at, const struct header *header, struct arena *arena,
                      struct spool_record *record)
{
    size_t bytes = le32toh(header->bytes);
    char *body = arena_alloc(arena, bytes ? bytes : 1);
    if (!body || !read_all(fd, body, bytes, at)) return false;
    record->body = str_view(body, bytes);
    return hash_bytes(body, bytes) == le64toh(header->body_hash);
}

enum segment_found segment_read(int fd, uint64_t at, uint64_t end, struct arena *arena,
                                struct spool_record *record, uint64_t *next)
{
    struct header header;
    *next = end;
    if (at >= end) return SEGMENT_END;
    bool whole = at + SEGMENT_HEADER_BYTES <= end && read_all(fd, &header, sizeof header, at);
    if (!whole || !is_header(&header)) {
        *next = search_header(fd, at + (whole ? 8 : 0), end);
        return *next == end ? SEGMENT_TORN : SEGMENT_CORRUPT;
    }
    uint64_t after = at + segment_record_bytes(le32toh(header.bytes));
    if (after > end) {
        *next = search_header(fd, at + SEGMENT_HEADER_BYTES, end);
        return *next == end ? SEGMENT_TORN : SEGMENT_CORRUPT;
    }
    *next = after;
    *record = (struct spool_record){.received_unix_ns = (int64_t)le64toh(header.received_unix_ns)};
    record->body.len = le32toh(header.bytes);
    if (!arena || read_body(fd, at + SEGMENT_HEADER_BYTES, &header, arena, record)) return SEGMENT_RECORD;
    return SEGMENT_CORRUPT;
}
