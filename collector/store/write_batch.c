/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of batches, one transaction (write_statement.h), one commit. While Postgres takes the rows that were sent, the
 * next ones are made: the COPY is fed piece by piece.
 *
 * A group that holds a batch that was stored before fails as a whole, before any row was sent. Then the batches that are
 * there already are asked for, and the group is stored without them. A group that is refused for another reason is halved
 * until the batch is alone that cannot be stored.
 *
 * Batches of one producer that have traces in common are joined: a trace's spans in them are one fragment.
 */
#include "base/clock.h"
#include "collector/store/batch_names.h"
#include "collector/store/connection.h"
#include "collector/store/fragment_row.h"
#include "collector/store/write_statement.h"

#include <endian.h>
#include <stdlib.h>

#define COPY_PIECE_BYTES ((size_t)64 * 1024)
#define ATTEMPTS_MAX                                                                                         \
    3 /* of a group in which batches turn out to be stored already, or a partition to be gone */

#define JOIN_FRACTION 8 /* batches are joined when more than so small a part of their fragments goes away */

static const char no_memory[] = "the batch takes more memory than is allowed";
static const char too_late[] = "all its spans are of days that are no longer kept";

struct day_set {
    int64_t days[PARTITION_DAYS];
    size_t count;
};

/* Where a row's fragment is. */
struct row_place {
    uint64_t key; /* the trace id's first bytes */
    uint32_t unit, fragment;
};

/* What is stored in one transaction. */
struct group {
    struct store_batch **members; /* by producer and sequence; none twice */
    size_t member_count;
    struct write_batch_row *rows; /* of each member */
    struct write_unit *units;
    size_t unit_count, fragment_count;
    bool joined; /* some unit is several members; else units are of members one by one */
    struct row_place
        *order; /* of the rows: by trace id, so that the index is gone through once and not at random */
    struct day_set days;
};

/* ---- making ready ---- */

static void add_day(struct day_set *set, int64_t day)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->days[i] == day) return;
    }
    if (set->count < PARTITION_DAYS) set->days[set->count++] = day;
}

static int64_t fragment_start_ns(const struct fragment_index *index, uint32_t which)
{
    int64_t start_ns = INT64_MAX;
    for (uint32_t i = index->first[which]; i < index->first[which + 1]; i++) {
        int64_t span_ns = index->start_ns[index->order[i]];
        if (span_ns < start_ns) start_ns = span_ns;
    }
    return start_ns;
}

static bool find_days(struct store *store, struct group *group, struct write_unit *unit)
{
    uint32_t count = unit->index.fragment_count;
    unit->days = arena_alloc(&store->scratch, count * sizeof *unit->days);
    for (uint32_t i = 0; unit->days && i < count; i++) {
        unit->days[i] = partition_day(fragment_start_ns(&unit->index, i), unit->received_unix_ns);
        add_day(&group->days, unit->days[i]);
    }
    return unit->days != NULL;
}

const struct fragment_index *store_prepare(const struct batch *batch, struct arena *arena)
{
    struct fragment_index *index = arena_array(arena, 1, sizeof *index);
    return index && fragment_index_make(index, batch, arena) ? index : NULL;
}

static enum store_result make_unit(struct store *store, struct group *group, const struct batch *batch,
                                   const struct fragment_index *index, int64_t received_unix_ns)
{
    struct write_unit *unit = &group->units[group->unit_count];
    struct batch_names names = {0};
    /* A span without an operation or a trace has nowhere to be stored. */
    if (batch->span_count && (batch->operation_count == 0 || batch->trace_count == 0))
        return store_refuse(store, "the batch has spans but no %s",
                            batch->trace_count ? "operations" : "trace ids");
    enum store_result outcome = batch_names_resolve(store, batch, &names);
    if (outcome != STORE_OK) return outcome;
    *unit = (struct write_unit){.batch = batch,
                                .received_unix_ns = received_unix_ns,
                                .resource_id = names.resource_id,
                                .operation_ids = names.operation_ids,
                                .site_ids = names.site_ids};
    if (!index) index = store_prepare(batch, &store->scratch);
    if (index) unit->index = *index;
    if (!index || !find_days(store, group, unit)) return store_refuse(store, "%s", no_memory);
    group->unit_count++;
    group->fragment_count += unit->index.fragment_count;
    return STORE_OK;
}

/* ---- batches of one producer that have traces in common ---- */

static bool same_resource(const struct batch *a, const struct batch *b)
{
    bool same = a->resource_count == b->resource_count;
    for (uint32_t i = 0; same && i < a->resource_count; i++)
        same = str_equal(batch_string(a, a->resource_key[i]), batch_string(b, b->resource_key[i])) &&
               str_equal(batch_string(a, a->resource_value[i]), batch_string(b, b->resource_value[i]));
    return same;
}

/* How many members from here on are of one producer and resource, and no more spans together than one batch may have. */
static size_t run_of(struct store_batch **members, size_t count)
{
    uint64_t spans = members[0]->batch->span_count;
    size_t run = 1;
    for (; run < count; run++) {
        const struct batch *first = members[0]->batch, *next = members[run]->batch;
        spans += next->span_count;
        if (next->producer != first->producer || spans > BATCH_SPANS_MAX || !same_resource(first, next))
            break;
    }
    return run;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(*(const unsigned char *const *)a, *(const unsigned char *const *)b, 16);
}

/* Joining copies all columns, so it has to save rows. */
static bool share_traces(struct store *store, struct store_batch **members, size_t count)
{
    size_t ids = 0;
    for (size_t i = 0; i < count; i++) ids += members[i]->batch->trace_count;
    const unsigned char **sorted = arena_alloc(&store->scratch, ids * sizeof *sorted);
    size_t at = 0, twice = 0;
    for (size_t i = 0; sorted && i < count; i++)
        for (uint32_t k = 0; k < members[i]->batch->trace_count; k++)
            sorted[at++] = members[i]->batch->trace_ids + (size_t)k * 16;
    if (sorted) qsort(sorted, at, sizeof *sorted, compare_ids);
    for (size_t i = 1; sorted && i < at; i++) twice += compare_ids(&sorted[i - 1], &sorted[i]) == 0;
    return twice > ids / JOIN_FRACTION;
}

static const struct batch *join(struct store *store, struct store_batch **members, size_t count)
{
    struct batch *joined = arena_array(&store->scratch, 1, sizeof *joined);
    const struct batch **parts = arena_array(&store->scratch, count, sizeof *parts);
    for (size_t i = 0; parts && i < count; i++) parts[i] = members[i]->batch;
    return joined && parts && batch_join(joined, &store->scratch, parts, count) ? joined : NULL;
}

static enum store_result make_run(struct store *store, struct group *group, struct store_batch **members,
                                  size_t count, bool apart)
{
    enum store_result outcome = STORE_OK;
    int64_t received_unix_ns = members[0]->received_unix_ns;
    for (size_t i = 1; i < count; i++)
        if (members[i]->received_unix_ns > received_unix_ns) received_unix_ns = members[i]->received_unix_ns;
    if (count > 1 && !apart && share_traces(store, members, count)) {
        group->joined = true;
        const struct batch *joined = join(store, members, count);
        if (!joined) return store_refuse(store, "%s", no_memory);
        return make_unit(store, group, joined, NULL, received_unix_ns);
    }
    for (size_t i = 0; i < count && outcome == STORE_OK; i++)
        outcome = make_unit(store, group, members[i]->batch, members[i]->index, members[i]->received_unix_ns);
    return outcome;
}

static int compare_places(const void *a, const void *b)
{
    const struct row_place *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static enum store_result order_rows(struct store *store, struct group *group)
{
    group->order = arena_alloc(&store->scratch, group->fragment_count * sizeof *group->order);
    if (!group->order) return store_refuse(store, "%s", no_memory);
    size_t at = 0;
    for (size_t u = 0; u < group->unit_count; u++) {
        const struct write_unit *unit = &group->units[u];
        for (uint32_t f = 0; f < unit->index.fragment_count; f++) {
            uint64_t key;
            memcpy(&key, unit->batch->trace_ids + (size_t)unit->index.trace[f] * 16, sizeof key);
            group->order[at++] = (struct row_place){be64toh(key), (uint32_t)u, f};
        }
    }
    if (group->unit_count > 1) qsort(group->order, at, sizeof *group->order, compare_places);
    return STORE_OK;
}

/* apart: no batches are joined */
static enum store_result make_group(struct store *store, struct group *group, struct store_batch **members,
                                    size_t count, bool apart)
{
    enum store_result outcome = STORE_OK;
    *group = (struct group){.members = members, .member_count = count};
    group->rows = arena_array(&store->scratch, count, sizeof *group->rows);
    group->units = arena_array(&store->scratch, count, sizeof *group->units);
    if (!group->rows || !group->units) return store_refuse(store, "%s", no_memory);
    for (size_t i = 0; i < count; i++)
        group->rows[i] = (struct write_batch_row){members[i]->batch->producer, members[i]->batch->sequence,
                                                  members[i]->received_unix_ns};
    for (size_t i = 0, run; i < count && outcome == STORE_OK; i += run) {
        run = run_of(members + i, count - i);
        outcome = make_run(store, group, members + i, run, apart);
    }
    return outcome == STORE_OK ? order_rows(store, group) : outcome;
}

/* ---- the rows ---- */

/* Where the making of rows stands. */
struct rows_cursor {
    size_t row;
    bool ended;
};

static bool add_next_row(struct store *store, const struct group *group, struct rows_cursor *at)
{
    const struct row_place *place = &group->order[at->row++];
    const struct write_unit *unit = &group->units[place->unit];
    struct fragment fragment;
    arena_reset(&store->row); /* each fragment's memory is given back before the next one's is taken */
    if (!fragment_encode(&fragment, unit->batch, &unit->index, place->fragment, unit->operation_ids,
                         unit->site_ids, &store->row))
        return false;
    fragment_row_add(&store->copy, &fragment, unit->resource_id, unit->days[place->fragment]);
    return true;
}

/* Fills the buffer up to a piece, or to the end of all rows. */
static enum store_result make_rows(struct store *store, const struct group *group, struct rows_cursor *at)
{
    while (store->copy.len < COPY_PIECE_BYTES && !at->ended) {
        at->ended = at->row == group->fragment_count;
        if (at->ended)
            fragment_rows_end(&store->copy);
        else if (!add_next_row(store, group, at))
            return store_refuse(store, "%s", no_memory);
    }
    return store->copy.failed ? store_refuse(store, "%s", no_memory) : STORE_OK;
}

/* ---- sending ---- */

/* Reads results until the COPY wants data, or to the end. The first failure counts; what follows it is noise. */
static enum store_result next_results(struct store *store, bool *copying)
{
    enum store_result outcome = STORE_OK;
    PGresult *result;
    *copying = false;
    while (!*copying && (result = PQgetResult(store->connection))) {
        ExecStatusType status = PQresultStatus(result);
        *copying = status == PGRES_COPY_IN;
        if (outcome == STORE_OK && !*copying && status != PGRES_COMMAND_OK)
            outcome = store_failed(store, result);
        PQclear(result);
        if (PQstatus(store->connection) != CONNECTION_OK) break;
    }
    if (outcome == STORE_OK && PQstatus(store->connection) != CONNECTION_OK) {
        store_failed(store, NULL);
        outcome = STORE_AWAY;
    }
    return outcome;
}

static enum store_result note_lost(struct store *store)
{
    store_failed(store, NULL);
    return STORE_AWAY;
}

/* Postgres has asked for the rows; the first piece is made. */
static enum store_result feed_rows(struct store *store, const struct group *group, struct rows_cursor *at)
{
    enum store_result outcome = STORE_OK;
    while (outcome == STORE_OK) {
        const struct buffer *copy = &store->copy;
        if (PQputCopyData(store->connection, copy->data, (int)copy->len) != 1) return note_lost(store);
        buffer_clear(&store->copy);
        if (at->ended) return PQputCopyEnd(store->connection, NULL) == 1 ? STORE_OK : note_lost(store);
        outcome = make_rows(store, group, at);
    }
    PQputCopyEnd(store->connection, "the rows could not be made");
    return outcome;
}

/*
 * When the connection dies on the way, whether the commit happened is not known: the answer is "away", the batches are
 * sent again, and the primary key tells.
 */
static enum store_result send_group(struct store *store, const struct group *group)
{
    struct rows_cursor at = {0};
    bool copying;
    if (!PQsendQuery(store->connection, store->statement.data)) return note_lost(store);
    buffer_clear(&store->copy);
    fragment_rows_begin(&store->copy);
    enum store_result made = group->fragment_count ? make_rows(store, group, &at) : STORE_OK;
    enum store_result outcome = next_results(store, &copying);
    if (!copying) return outcome;
    if (made == STORE_OK)
        made = feed_rows(store, group, &at);
    else
        PQputCopyEnd(store->connection, "the rows could not be made");
    char why[STORE_ERROR_TEXT_BYTES];
    memcpy(why, store->error, sizeof why);
    outcome = next_results(store, &copying);
    if (made == STORE_OK) return outcome;
    if (made == STORE_REFUSED && outcome == STORE_AWAY) return outcome;
    memcpy(store->error, why, sizeof why);
    store->sqlstate[0] = 0;
    return made;
}

/* Somebody has dropped a day that this connection remembers. The table itself has no constraint that could be broken. */
static bool is_partition_missing(const struct store *store, enum store_result outcome)
{
    return outcome == STORE_REFUSED && strcmp(store->sqlstate, "23514") == 0 &&
           strcmp(store->table, "fragment") == 0;
}

static bool is_duplicate(const struct store *store, enum store_result outcome)
{
    return outcome == STORE_REFUSED && strcmp(store->sqlstate, "23505") == 0 &&
           strcmp(store->table, "batch") == 0;
}

static bool is_late(const struct store *store, const struct group *group)
{
    for (size_t i = 0; i < group->days.count; i++)
        if (partition_is_dropped(&store->partitions, group->days.days[i])) return true;
    return false;
}

static void mark_late_fragments(const struct store *store, struct write_unit *unit)
{
    const struct fragment_index *index = &unit->index;
    for (uint32_t i = 0; i < index->fragment_count; i++) {
        if (unit->days[i] == PARTITION_LATE || !partition_is_dropped(&store->partitions, unit->days[i]))
            continue;
        unit->days[i] = PARTITION_LATE;
        unit->late_fragments++;
        unit->late_spans += index->first[i + 1] - index->first[i];
    }
}

/* Spans of days that were dropped are not stored. Batches that were joined are taken apart, so that each is told of its
 * own. *wholly: of a batch that has nothing else. */
static enum store_result leave_out_late(struct store *store, struct group *group, bool *wholly)
{
    *wholly = false;
    if (!is_late(store, group)) return STORE_OK;
    if (group->joined) {
        enum store_result outcome = make_group(store, group, group->members, group->member_count, true);
        if (outcome != STORE_OK) return outcome;
    }
    for (size_t u = 0; u < group->unit_count; u++) {
        struct write_unit *unit = &group->units[u];
        mark_late_fragments(store, unit);
        group->members[u]->late_spans = unit->late_spans;
        if (unit->late_spans && unit->late_spans == unit->batch->span_count) *wholly = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < group->fragment_count; i++) {
        const struct row_place place = group->order[i];
        if (group->units[place.unit].days[place.fragment] != PARTITION_LATE) group->order[kept++] = place;
    }
    group->fragment_count = kept;
    return STORE_OK;
}

/* STORE_REFUSED with *late: some batches have nothing but spans that are too late; their late_spans say which. */
static enum store_result send_with_days(struct store *store, struct group *group, bool *late)
{
    enum store_result outcome = STORE_AWAY;
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        outcome = partition_ensure(store, group->days.days, group->days.count);
        if (outcome != STORE_OK) return outcome;
        outcome = leave_out_late(store, group, late);
        if (outcome != STORE_OK) return outcome;
        if (*late) return store_refuse(store, "%s", too_late);
        write_statement_compose(&store->statement, group->rows, group->member_count, group->units,
                                group->unit_count);
        if (store->statement.failed) return store_refuse(store, "%s", no_memory);
        outcome = send_group(store, group);
        if (!is_partition_missing(store, outcome)) return outcome;
        partition_cache_clear(&store->partitions);
    }
    return STORE_AWAY;
}

static enum store_result store_together(struct store *store, struct store_batch **members, size_t count,
                                        bool *late)
{
    struct group group;
    *late = false;
    arena_reset(&store->scratch);
    store->sqlstate[0] = store->table[0] = 0;
    enum store_result outcome = make_group(store, &group, members, count, false);
    if (outcome != STORE_OK) return outcome;
    outcome = send_with_days(store, &group, late);
    return is_duplicate(store, outcome) ? STORE_DUPLICATE : outcome;
}

/* ---- groups that fail ---- */

static void settle(struct store *store, struct store_batch **members, size_t count, enum store_result result)
{
    for (size_t i = 0; i < count; i++) {
        members[i]->result = result;
        if (result == STORE_REFUSED || result == STORE_AWAY)
            snprintf(members[i]->why, sizeof members[i]->why, "%.*s", (int)sizeof members[i]->why - 1,
                     store->error);
    }
}

/* Takes the batches that are stored out of the members. */
static enum store_result drop_stored(struct store *store, struct store_batch **members, size_t *count)
{
    static const char sql[] =
        "SELECT n FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS a(p, s, n)"
        " WHERE EXISTS (SELECT FROM weir.batch b WHERE b.producer = a.p AND b.sequence = a.s)";
    struct sql_parameters parameters;
    PGresult *result;
    arena_reset(&store->scratch);
    int64_t *producers = arena_array(&store->scratch, *count, sizeof *producers);
    int64_t *sequences = arena_array(&store->scratch, *count, sizeof *sequences);
    if (!producers || !sequences) return store_refuse(store, "%s", no_memory);
    for (size_t i = 0; i < *count; i++) {
        producers[i] = (int64_t)members[i]->batch->producer;
        sequences[i] = (int64_t)members[i]->batch->sequence;
    }
    sql_parameters_init(&parameters);
    parameter_i64_array(&parameters, producers, *count);
    parameter_i64_array(&parameters, sequences, *count);
    enum store_result outcome = store_query(store, sql, &parameters, &result);
    if (outcome != STORE_OK) return outcome;
    for (int i = 0; i < PQntuples(result); i++) {
        int64_t number = binary_i64(result, i, 0);
        if (number > 0 && (size_t)number <= *count) members[number - 1]->result = STORE_DUPLICATE;
    }
    PQclear(result);
    size_t left = 0;
    for (size_t i = 0; i < *count; i++) {
        if (members[i]->result != STORE_DUPLICATE) members[left++] = members[i];
    }
    *count = left;
    return STORE_OK;
}

/* Takes the batches out of the members that have nothing but spans that are too late: refused, unless they were stored
 * while it was time. */
static enum store_result drop_late(struct store *store, struct store_batch **members, size_t *count)
{
    size_t late = 0, left = 0;
    struct store_batch **late_ones = calloc(*count, sizeof(struct store_batch *));
    if (!late_ones) return store_refuse(store, "%s", no_memory);
    for (size_t i = 0; i < *count; i++) {
        bool wholly = members[i]->late_spans && members[i]->late_spans == members[i]->batch->span_count;
        if (wholly)
            late_ones[late++] = members[i];
        else
            members[left++] = members[i];
    }
    *count = left;
    size_t not_stored = late;
    enum store_result outcome = drop_stored(store, late_ones, &not_stored);
    if (outcome != STORE_OK) {
        settle(store, late_ones, late, outcome);
    } else {
        store_refuse(store, "%s", too_late);
        settle(store, late_ones, not_stored, STORE_REFUSED);
    }
    free(late_ones);
    return outcome;
}

static void store_range(struct store *store, struct store_batch **members, size_t count)
{
    enum store_result outcome = STORE_OK;
    bool late = false;
    for (int attempt = 0; count > 0; attempt++) {
        outcome = store_together(store, members, count, &late);
        if ((outcome != STORE_DUPLICATE && !late) || attempt == ATTEMPTS_MAX) break;
        if (count == 1 && !late) break;
        outcome = late ? drop_late(store, members, &count) : drop_stored(store, members, &count);
        if (outcome != STORE_OK) break;
    }
    if (outcome == STORE_OK || outcome == STORE_AWAY || count <= 1) {
        settle(store, members, count, outcome);
        return;
    }
    size_t half = count / 2;
    store_range(store, members, half);
    bool away = members[half - 1]->result == STORE_AWAY;
    if (away)
        settle(store, members + half, count - half, STORE_AWAY);
    else
        store_range(store, members + half, count - half);
}

/* ---- the whole ---- */

static int compare_members(const void *a, const void *b)
{
    const struct store_batch *x = *(struct store_batch *const *)a, *y = *(struct store_batch *const *)b;
    const struct batch *p = x->batch, *q = y->batch;
    if (p->producer != q->producer) return (int64_t)p->producer < (int64_t)q->producer ? -1 : 1;
    if (p->sequence != q->sequence) return (int64_t)p->sequence < (int64_t)q->sequence ? -1 : 1;
    return (x > y) - (x < y);
}

static bool same_batch(const struct batch *a, const struct batch *b)
{
    return a->producer == b->producer && a->sequence == b->sequence;
}

enum store_result store_write_group(struct store *store, struct store_batch *batches, size_t count)
{
    struct store_batch **members = calloc(count ? count : 1, sizeof *members);
    struct store_batch **first = calloc(count ? count : 1, sizeof *first); /* of the same number as members */
    enum store_result outcome = members && first ? store_connect(store) : STORE_AWAY;
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) batches[i].result = outcome;
    for (size_t i = 0; i < count && outcome == STORE_OK; i++) members[i] = &batches[i];
    if (outcome == STORE_OK) {
        qsort(members, count, sizeof *members, compare_members);
        /* A batch that was sent twice, and the second time before it was stored, is stored with the first. */
        for (size_t i = 0; i < count; i++) {
            bool again = i > 0 && same_batch(members[i]->batch, first[distinct - 1]->batch);
            if (!again) first[distinct++] = members[i];
        }
        store_range(store, first, distinct);
    }
    if (outcome == STORE_OK) {
        for (size_t i = 1; i < count; i++) {
            if (!same_batch(members[i]->batch, members[i - 1]->batch)) continue;
            members[i]->result =
                members[i - 1]->result == STORE_OK ? STORE_DUPLICATE : members[i - 1]->result;
            memcpy(members[i]->why, members[i - 1]->why, sizeof members[i]->why);
        }
    }
    for (size_t i = 0; i < count; i++)
        if (batches[i].result == STORE_AWAY) outcome = STORE_AWAY;
    free(members);
    free(first);
    return outcome;
}

enum store_result store_write_batch(struct store *store, const struct batch *batch, int64_t received_unix_ns)
{
    struct store_batch one = {.batch = batch, .received_unix_ns = received_unix_ns};
    store_write_group(store, &one, 1);
    return one.result;
}
