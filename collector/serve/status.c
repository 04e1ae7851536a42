/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/serve/status.h"

#include "base/clock.h"
#include "collector/counters.h"

#include <sys/statvfs.h>

static const char *const drop_names[DROP_REASON_COUNT] = {
#define X(name, words) #name,
    DROP_REASONS(X)
#undef X
};

static const char *const drop_words[DROP_REASON_COUNT] = {
#define X(name, words) words,
    DROP_REASONS(X)
#undef X
};

static const char *const sampled_names[SAMPLED_AWAY_COUNT] = {
#define X(name, words) #name,
    SAMPLED_AWAY(X)
#undef X
};

static const char *const sampled_words[SAMPLED_AWAY_COUNT] = {
#define X(name, words) words,
    SAMPLED_AWAY(X)
#undef X
};

static bool add_counters(struct arena *arena, struct status_view *view)
{
#define X(name, words) {#name, words, atomic_load_explicit(&counters.name, memory_order_relaxed)},
    const struct status_counter now[] = {COLLECTOR_COUNTERS(X)};
#undef X
    view->counters = arena_alloc(arena, sizeof now);
    if (!view->counters) return false;
    memcpy(view->counters, now, sizeof now);
    view->counter_count = sizeof now / sizeof *now;
    return true;
}

static bool add_dropped(struct arena *arena, const struct producer_status *from, struct status_producer *to)
{
    to->dropped = arena_array(arena, DROP_REASON_COUNT, sizeof *to->dropped);
    if (!to->dropped) return false;
    to->dropped_count = DROP_REASON_COUNT;
    for (unsigned i = 0; i < DROP_REASON_COUNT; i++) {
        to->dropped[i] = (struct status_counter){drop_names[i], drop_words[i], from->dropped[i]};
        to->dropped_total += from->dropped[i];
    }
    return true;
}

static bool add_sampled_away(struct arena *arena, const struct producer_status *from,
                             struct status_producer *to)
{
    to->sampled_away = arena_array(arena, SAMPLED_AWAY_COUNT, sizeof *to->sampled_away);
    if (!to->sampled_away) return false;
    to->sampled_away_count = SAMPLED_AWAY_COUNT;
    for (unsigned i = 0; i < SAMPLED_AWAY_COUNT; i++) {
        to->sampled_away[i] =
            (struct status_counter){sampled_names[i], sampled_words[i], from->sampled_away[i]};
        to->sampled_away_total += from->sampled_away[i];
    }
    return true;
}

static bool add_producers(struct arena *arena, const struct store_status *store, struct status_view *view)
{
    view->producers = arena_array(arena, store->producer_count, sizeof *view->producers);
    if (!view->producers) return false;
    view->producer_count = store->producer_count;
    for (uint32_t i = 0; i < store->producer_count; i++) {
        const struct producer_status *from = &store->producers[i];
        view->producers[i] = (struct status_producer){
            .service_name = from->service_name,
            .service_version = from->service_version,
            .instance_id = from->instance_id,
            .producer = from->producer,
            .created = from->created,
            .acknowledged = from->acknowledged,
            .stored = from->stored,
            .last_seen_ns = from->last_seen_ns,
            .clock_known = from->clock_known,
            .clock_ahead_ns = from->clock_ahead_ns,
        };
        if (!add_dropped(arena, from, &view->producers[i]) ||
            !add_sampled_away(arena, from, &view->producers[i]))
            return false;
    }
    return true;
}

static void add_refusal(struct arena *arena, struct status_view *view)
{
    struct refusal refusal = counters_last_refusal();
    view->last_refusal_ns = refusal.at_ns;
    view->last_refusal = arena_str(arena, str_of(refusal.reason));
}

static uint64_t disk_free_bytes(const char *data_dir)
{
    struct statvfs disk;
    if (!data_dir || statvfs(data_dir, &disk) != 0) return 0;
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}

static void add_spool(struct status_view *view)
{
    struct spool_now spool = counters_spool();
    view->spool_on = spool.on;
    view->spool_batches = spool.batches;
    view->spool_bytes = spool.bytes;
    view->spool_oldest_ns = spool.oldest_ns;
}

/* While the database is away the status says so, and what can be said without it. */
enum store_result status_gather(const struct page_request *request, struct status_view *view)
{
    struct store_status store = {0};
    enum store_result result = read_status(request->store, request->arena, &store);
    if (result == STORE_REFUSED) return result;
    if (result == STORE_AWAY) store = (struct store_status){0};
    *view = (struct status_view){
        .version = STR(WEIR_VERSION),
        .postgres = str_of(request->options->postgres),
        .listen = str_of(request->options->listen),
        .http = arena_printf(request->arena, "http://%s", request->http),
        .started_ns = request->started_ns,
        .database_away = result == STORE_AWAY,
        .spans = store.spans,
        .requests = store.requests,
        .traces_pending = store.traces_pending,
        .database_bytes = store.database_bytes,
        .oldest_pending_ns = store.oldest_pending_ns,
        .spans_last_minute = counters_stored_last_minute(clock_monotonic_ns() / NS_PER_S),
        .disk_free_bytes = disk_free_bytes(request->options->data_dir),
    };
    add_spool(view);
    add_refusal(request->arena, view);
    bool done = add_counters(request->arena, view) && add_producers(request->arena, &store, view);
    return done ? STORE_OK : STORE_REFUSED;
}
