/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/prefetch.h"

#include "collector/store/connection.h"
#include "collector/store/trace_read.h"

#include <stdlib.h>

#define BYTES_MAX ((size_t)16 << 20)
#define ID_BYTES  16

void prefetch_clear(struct prefetch *prefetch)
{
    for (size_t i = prefetch->next_row; i < prefetch->row_count; i++) PQclear(prefetch->rows[i]);
    prefetch->count = prefetch->next = 0;
    prefetch->row_count = prefetch->next_row = prefetch->bytes = 0;
    prefetch->full = false;
    prefetch->alone = 0;
}

void prefetch_fini(struct prefetch *prefetch)
{
    prefetch_clear(prefetch);
    free(prefetch->rows);
    memset(prefetch, 0, sizeof *prefetch);
}

static struct str id_of(const PGresult *row) { return binary_bytes(row, 0, TRACE_READ_ID_COLUMN); }

static bool is_row_of(const PGresult *row, const unsigned char trace_id[ID_BYTES])
{
    struct str id = id_of(row);
    return id.len == ID_BYTES && memcmp(id.data, trace_id, ID_BYTES) == 0;
}

/* Only the traces before the one of this row are whole. */
static void cut(struct prefetch *prefetch, const PGresult *row)
{
    struct str id = id_of(row);
    prefetch->full = true;
    while (prefetch->count && id.len == ID_BYTES &&
           memcmp(prefetch->ids[prefetch->count - 1], id.data, ID_BYTES) >= 0)
        prefetch->count--;
}

static bool keep_row(void *context, PGresult *row)
{
    struct prefetch *prefetch = context;
    if (prefetch->full) return false;
    if (prefetch->row_count == prefetch->row_room) {
        size_t room = prefetch->row_room ? prefetch->row_room * 2 : 256;
        PGresult **rows = realloc(prefetch->rows, room * sizeof *rows);
        if (rows) {
            prefetch->rows = rows;
            prefetch->row_room = room;
        }
    }
    prefetch->bytes += PQresultMemorySize(row);
    if (prefetch->row_count == prefetch->row_room || prefetch->bytes > BYTES_MAX) {
        cut(prefetch, row);
        return false;
    }
    prefetch->rows[prefetch->row_count++] = row;
    return true;
}

enum store_result prefetch_read(struct store *store, const struct claimed *traces, unsigned count)
{
    struct prefetch *prefetch = &store->prefetch;
    struct sql_parameters parameters;
    prefetch_clear(prefetch);
    prefetch->count = count < PREFETCH_TRACES ? count : PREFETCH_TRACES;
    for (unsigned i = 0; i < prefetch->count; i++) memcpy(prefetch->ids[i], traces[i].trace_id, ID_BYTES);
    unsigned asked = prefetch->count;
    sql_parameters_init(&parameters);
    parameter_uuid_array(&parameters, prefetch->ids[0], prefetch->count);
    enum store_result outcome =
        store_query_rows(store, trace_read_several_sql, &parameters, keep_row, prefetch);
    if (outcome != STORE_OK) prefetch_clear(prefetch);
    prefetch->alone = asked - prefetch->count;
    return outcome;
}

bool prefetch_take(struct prefetch *prefetch, const unsigned char trace_id[ID_BYTES],
                   void (*take)(void *context, const PGresult *row), void *context)
{
    unsigned at = prefetch->next;
    while (at < prefetch->count && memcmp(prefetch->ids[at], trace_id, ID_BYTES) < 0) at++;
    if (at == prefetch->count || memcmp(prefetch->ids[at], trace_id, ID_BYTES) != 0) return false;
    prefetch->next = at + 1;
    for (; prefetch->next_row < prefetch->row_count; prefetch->next_row++) {
        PGresult *row = prefetch->rows[prefetch->next_row];
        struct str id = id_of(row);
        if (id.len == ID_BYTES && memcmp(id.data, trace_id, ID_BYTES) > 0) break;
        if (is_row_of(row, trace_id)) take(context, row);
        PQclear(row);
    }
    return true;
}
