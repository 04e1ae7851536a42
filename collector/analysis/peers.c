/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who was called: an HTTP call's operation names the host and port of its URL, which differ from pod to pod and from run
 * to run. Where the trace holds the server span on the other side, its service's name is the better one, so that calls of
 * one service are one operation wherever it runs: "GET inventory /stock/{id}" rather than "GET 10.2.0.17:8081 /stock/{id}".
 */
#include "collector/analysis/peers.h"

#include "base/hash.h"
#include "collector/analysis/id_table.h"

/* The service that answered a call; NULL: not in this trace. */
static const struct str *peer_service(const struct span *call)
{
    const struct span *server = call->first_child;
    if (call->operation->type != OPERATION_HTTP || !server || server->kind != SPAN_KIND_SERVER) return NULL;
    return server->resource == call->resource ? NULL : &server->resource->service_name;
}

static uint64_t key_of(const struct operation *operation, const struct str *service)
{
    return hash_combine((uint64_t)(uintptr_t)operation, hash_bytes(service->data, service->len));
}

static const struct operation *renamed(const struct operation *operation, const struct str *service,
                                       struct arena *arena)
{
    struct operation *copy = arena_alloc(arena, sizeof *copy);
    if (copy) *copy = (struct operation){operation->type, *service, operation->text};
    return copy;
}

bool name_peers(struct trace *trace, struct arena *arena)
{
    struct id_table known;
    const struct operation **operations = arena_alloc(arena, trace->span_count * sizeof(struct operation *));
    if (!operations || !id_table_init(&known, arena, 0)) return false;
    for (size_t i = 0; i < trace->span_count; i++) {
        struct span *span = &trace->spans[i];
        const struct str *service = peer_service(span);
        if (!service) continue;
        bool fresh;
        uint32_t *number = id_table_put(&known, key_of(span->operation, service), known.used_count, &fresh);
        if (!number) return false;
        if (fresh) operations[*number] = renamed(span->operation, service, arena);
        if (!operations[*number]) return false;
        span->operation = operations[*number];
    }
    return true;
}
