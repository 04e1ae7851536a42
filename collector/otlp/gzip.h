/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inflates gzip as it comes, piece by piece, up to a limit: what would go beyond it is never made. Members one behind the
 * other are one text, as RFC 1952 has it. Belongs to one thread at a time.
 */
#ifndef WEIR_COLLECTOR_GZIP_H
#define WEIR_COLLECTOR_GZIP_H

#include <stdbool.h>
#include <stddef.h>

struct gzip;

enum gzip_result { GZIP_GOES_ON, GZIP_MALFORMED, GZIP_STOPPED };

/* Takes what has been inflated; false: no more (the reader returns GZIP_STOPPED). */
typedef bool gzip_sink(void *context, const unsigned char *data, size_t bytes);

struct gzip *gzip_new(gzip_sink *sink, void *context); /* NULL: no memory */
void gzip_free(struct gzip *gzip);
enum gzip_result gzip_add(struct gzip *gzip, const void *data, size_t bytes);
/* All of it has come, and it ended with a whole member. */
bool gzip_is_whole(const struct gzip *gzip);

#endif
