/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output for tcp:// and ipc://: a collector's reply decides. Several endpoints are one after another, beginning with
 * one that the process' producer number picks, so that processes spread over the list.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "sdk/export/output.h"
#include "sdk/export/resolve.h"
#include "sdk/export/sp_client.h"

#include <stdio.h>
#include <stdlib.h>

#define REPLY_ARENA ((size_t)64 * 1024)
#define RETRY_MOST  30000 /* ms */
#define UNKNOWN_MS  1000  /* docs/wire-format.md: a reply that is not understood */

struct sp {
    const struct output_host *host;
    struct sp_client client;
    struct arena replies;
    uint32_t endpoint; /* which of the list */
};

static void *sp_open(const struct weir_output_host *outer)
{
    struct output_host *host = output_host(outer);
    struct sp *sp = calloc(1, sizeof *sp);
    if (!sp) return NULL;
    sp->host = host;
    sp->endpoint = (uint32_t)(host->producer % host->settings->endpoint_count);
    arena_init(&sp->replies, REPLY_ARENA);
    sp_client_init(&sp->client, &host->give_up_ns);
    sp->client.reply_ns = host->settings->export_timeout_ms * NS_PER_MS;
    return sp;
}

static void sp_close(void *output)
{
    struct sp *sp = output;
    sp_client_close(&sp->client);
    arena_fini(&sp->replies);
    free(sp);
}

static const struct endpoint *endpoint_now(const struct sp *sp)
{
    return &sp->host->settings->endpoints[sp->endpoint];
}

static void say_of_endpoint(const struct sp *sp, const char *what)
{
    const struct endpoint *endpoint = endpoint_now(sp);
    sp->host->outer.say(&sp->host->outer, "%s%s%s: %s", endpoint->host.data, endpoint->is_ipc ? "" : ":",
                        endpoint->port.data, what);
}

static bool gave_up(const struct sp *sp)
{
    return clock_monotonic_ns() >= sp->host->outer.give_up_ns(&sp->host->outer);
}

/* False: left behind, touch nothing shared any more. */
static bool find_addresses(struct sp *sp, struct addresses *addresses)
{
    if (resolve_at_once(endpoint_now(sp), addresses)) return true;
    sp->host->outer.may_block(&sp->host->outer);
    resolve_name(endpoint_now(sp), addresses);
    return sp->host->outer.may_block_no_more(&sp->host->outer);
}

static const char *connect_any(struct sp *sp, const struct addresses *addresses)
{
    const char *why = "host name not found";
    for (uint32_t i = 0; i < addresses->count && !gave_up(sp); i++) {
        why = sp_client_connect(&sp->client, (const struct sockaddr *)&addresses->address[i],
                                addresses->bytes[i]);
        if (!why) break;
    }
    say_of_endpoint(sp, why ? why : "connected");
    return why;
}

static void obey(const struct reply *reply, struct weir_delivery *delivery)
{
    switch (reply->status) {
    case REPLY_STORED:
        delivery->outcome = WEIR_BATCH_STORED;
        return;
    case REPLY_REFUSED:
        delivery->outcome = WEIR_BATCH_REFUSED;
        snprintf(delivery->reason, sizeof delivery->reason, "%.*s", STR_ARG(reply->reason));
        return;
    case REPLY_RETRY:
        delivery->outcome = WEIR_BATCH_RETRY;
        delivery->retry_after_ms = reply->retry_after_ms < RETRY_MOST ? reply->retry_after_ms : RETRY_MOST;
        return;
    case REPLY_UNKNOWN:
        break;
    }
    delivery->outcome = WEIR_BATCH_RETRY;
    delivery->retry_after_ms = UNKNOWN_MS;
}

/* NULL, or what failed; ABANDONED is said in *delivery. */
static const char *try_endpoint(struct sp *sp, const void *batch, size_t bytes,
                                struct weir_delivery *delivery)
{
    struct addresses addresses;
    const char *why = NULL;
    if (!sp_client_is_connected(&sp->client)) {
        if (!find_addresses(sp, &addresses)) {
            delivery->outcome = WEIR_BATCH_ABANDONED;
            return NULL;
        }
        why = connect_any(sp, &addresses);
    }
    if (why) return why;
    struct reply reply;
    sp->host->outer.sending(&sp->host->outer);
    why = sp_client_request(&sp->client, batch, bytes, &sp->replies, &reply);
    if (!why) obey(&reply, delivery);
    arena_reset(&sp->replies);
    return why;
}

/* Each endpoint once. */
static void sp_deliver(void *output, const void *batch, size_t bytes, struct weir_delivery *delivery)
{
    struct sp *sp = output;
    uint32_t count = sp->host->settings->endpoint_count;
    for (uint32_t i = 0; i < count && !gave_up(sp); i++) {
        const char *why = try_endpoint(sp, batch, bytes, delivery);
        if (!why) return;
        snprintf(delivery->reason, sizeof delivery->reason, "%s", why);
        sp->endpoint = (sp->endpoint + 1) % count;
    }
    delivery->outcome = WEIR_BATCH_FAILED;
}

const struct weir_output sp_output = {.version = WEIR_OUTPUT_VERSION,
                                      .schemes = "tcp ipc",
                                      .open = sp_open,
                                      .deliver = sp_deliver,
                                      .close = sp_close};
