/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/gzip.h"

#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#define PIECE_BYTES ((size_t)32 << 10)
#define GZIP_WINDOW (15 + 16) /* zlib: gzip, not zlib's own format */

struct gzip {
    z_stream stream;
    gzip_sink *sink;
    void *context;
    bool in_member;
    bool had_member;
    unsigned char piece[PIECE_BYTES];
};

struct gzip *gzip_new(gzip_sink *sink, void *context)
{
    struct gzip *gzip = calloc(1, sizeof *gzip);
    if (!gzip) return NULL;
    gzip->sink = sink;
    gzip->context = context;
    if (inflateInit2(&gzip->stream, GZIP_WINDOW) == Z_OK) return gzip;
    free(gzip);
    return NULL;
}

void gzip_free(struct gzip *gzip)
{
    if (!gzip) return;
    inflateEnd(&gzip->stream);
    free(gzip);
}

/* One step: a piece of output at most. */
static enum gzip_result inflate_piece(struct gzip *gzip)
{
    gzip->stream.next_out = gzip->piece;
    gzip->stream.avail_out = PIECE_BYTES;
    gzip->in_member = true;
    int result = inflate(&gzip->stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return GZIP_MALFORMED;
    size_t made = PIECE_BYTES - gzip->stream.avail_out;
    if (made && !gzip->sink(gzip->context, gzip->piece, made)) return GZIP_STOPPED;
    if (result == Z_STREAM_END) {
        gzip->in_member = false;
        gzip->had_member = true;
        inflateReset(&gzip->stream);
    }
    return GZIP_GOES_ON;
}

enum gzip_result gzip_add(struct gzip *gzip, const void *data, size_t bytes)
{
    gzip->stream.next_in = (unsigned char *)(uintptr_t)data;
    gzip->stream.avail_in = (unsigned)bytes; /* pieces of a connection's buffer */
    enum gzip_result result = GZIP_GOES_ON;
    bool is_full = false;
    while (result == GZIP_GOES_ON && (gzip->stream.avail_in || is_full)) {
        result = inflate_piece(gzip);
        is_full = gzip->in_member && gzip->stream.avail_out == 0;
    }
    return result;
}

bool gzip_is_whole(const struct gzip *gzip) { return gzip->had_member && !gzip->in_member; }
