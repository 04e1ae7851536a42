/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plain nng REP socket in a process of its own, for tests that stop, kill and restart it. Unpacks each batch, says on its
 * standard output what is in it, one line of JSON, and only then answers.
 *
 *     nng_peer URL [stored | refused | retry | garbage | silent]
 *
 * The first line is "ready: URL", with the port that port 0 became.
 */
#include "proto/batch.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(bool fine, const char *what)
{
    if (fine) return;
    fprintf(stderr, "nng_peer: %s\n", what);
    exit(1);
}

static const char *text_of(const struct batch *batch, uint32_t span, int *bytes)
{
    uint32_t operation = batch->span_operation ? batch->span_operation[span] : 0;
    struct str text = batch_string(batch, batch->operation_text ? batch->operation_text[operation] : 0);
    *bytes = (int)text.len;
    return text.data;
}

/* Names are those of the host programs: nothing in them needs escaping. */
static void say(const struct batch *batch)
{
    uint64_t dropped = 0;
    for (int i = 0; i < DROP_REASON_COUNT; i++) dropped += batch->dropped[i];
    printf("{\"producer\":\"%016" PRIx64 "\",\"sequence\":%" PRIu64 ",\"created\":%" PRIu64
           ",\"acknowledged\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"spans\":[",
           batch->producer, batch->sequence, batch->created, batch->acknowledged, dropped);
    for (uint32_t i = 0; i < batch->span_count; i++) {
        int bytes;
        const char *text = text_of(batch, i, &bytes);
        uint32_t trace = batch->span_trace ? batch->span_trace[i] : 0;
        printf("%s[\"%.*s\",\"", i ? "," : "", bytes, text);
        for (int b = 0; b < 16; b++) printf("%02x", batch->trace_ids[trace * 16 + (uint32_t)b]);
        printf("\",\"%016" PRIx64 "\",\"%016" PRIx64 "\"]", batch->span_id[i],
               batch->parent_span_id ? batch->parent_span_id[i] : 0);
    }
    puts("]}");
    check(fflush(stdout) == 0, "nobody reads");
}

static void take(const void *data, size_t bytes)
{
    struct batch batch;
    struct arena arena;
    const char *why = "";
    arena_init(&arena, (size_t)64 << 20);
    check(batch_unpack(&batch, &arena, data, bytes, &why), why);
    say(&batch);
    arena_fini(&arena);
}

static size_t answer(const char *how, unsigned char packed[REPLY_BYTES_MAX])
{
    struct reply reply = {.status = REPLY_STORED, .reason = str_of("told so"), .retry_after_ms = 5};
    if (strcmp(how, "refused") == 0) reply.status = REPLY_REFUSED;
    if (strcmp(how, "retry") == 0) reply.status = REPLY_RETRY;
    if (strcmp(how, "garbage") != 0) return reply_pack(&reply, packed);
    memset(packed, 0xff, 40);
    return 40;
}

int main(int argc, char **argv)
{
    nng_socket socket = NNG_SOCKET_INITIALIZER;
    nng_listener listener = NNG_LISTENER_INITIALIZER;
    nng_sockaddr address;
    const char *how = argc > 2 ? argv[2] : "stored";
    void *data;
    size_t bytes;
    check(argc > 1 && nng_rep0_open(&socket) == 0 && nng_listen(socket, argv[1], &listener, 0) == 0,
          "cannot listen");
    check(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address) == 0, "no address");
    if (address.s_family == NNG_AF_INET)
        printf("ready: tcp://127.0.0.1:%u\n", ntohs(address.s_in.sa_port));
    else
        printf("ready: %s\n", argv[1]);
    fflush(stdout);
    while (nng_recv(socket, &data, &bytes, NNG_FLAG_ALLOC) == 0) {
        unsigned char packed[REPLY_BYTES_MAX];
        take(data, bytes);
        nng_free(data, bytes);
        if (strcmp(how, "silent") == 0) continue;
        check(nng_send(socket, packed, answer(how, packed), 0) == 0, "cannot answer");
    }
    return 1;
}
