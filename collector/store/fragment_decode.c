/* SPDX-License-Identifier: Apache-2.0 */
/* A stored blob back into its batch. Trusts nothing. */
#include "collector/store/fragment.h"
#include "collector/store/fragment_form.h"

#include <lz4.h>

/* How many bytes the length takes; 0: none there. */
static size_t get_length(struct str from, size_t *length)
{
    *length = 0;
    for (size_t i = 0; i < from.len && i < FRAGMENT_LENGTH_BYTES_MAX; i++) {
        *length |= (size_t)((unsigned char)from.data[i] & 0x7f) << (7 * i);
        if (!((unsigned char)from.data[i] & 0x80)) return i + 1;
    }
    return 0;
}

static struct str decompress(struct str blob, struct arena *arena)
{
    struct str none = {NULL, 0};
    if (blob.len == 0) return none;
    struct str rest = str_view(blob.data + 1, blob.len - 1);
    if (blob.data[0] == FRAGMENT_PLAIN) return rest;
    if (blob.data[0] != FRAGMENT_LZ4) return none;
    size_t raw_bytes;
    size_t head = get_length(rest, &raw_bytes);
    if (head == 0 || raw_bytes > FRAGMENT_RAW_BYTES_MAX || rest.len - head > INT32_MAX) return none;
    char *raw = arena_alloc(arena, raw_bytes);
    if (!raw) return none;
    int bytes = LZ4_decompress_safe(rest.data + head, raw, (int)(rest.len - head), (int)raw_bytes);
    return bytes >= 0 && (size_t)bytes == raw_bytes ? str_view(raw, raw_bytes) : none;
}

bool fragment_decode(struct batch *batch, struct str blob, uint32_t span_count, struct arena *arena,
                     const char **why)
{
    struct str raw = decompress(blob, arena);
    *why =
        arena_exhausted(arena) ? "the trace takes more memory than is allowed" : "the blob does not unpack";
    if (!raw.data || !batch_unpack(batch, arena, raw.data, raw.len, why)) return false;
    if (batch->span_count == span_count) return true;
    *why = "the blob has another number of spans than the arrays";
    return false;
}
