/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services that send as fast as they are answered, for the benchmark of ingest and for tests that kill what is
 * behind it: batches are made and packed before the clock starts, each producer has one connection and so many
 * batches under way. A batch that gets no answer, or is told to come again, is sent again with its number, as
 * the SDK does. Prints one line of JSON: what was acknowledged, how often it was told to retry, in what time.
 *
 *     ingest_load --url tcp://HOST:PORT [--trace-spans N] [--batch-spans N] [--interleave TRACES] [--spans N]
 *                 [--producers N] [--pipeline N] [--hashes] [--seed N] [--patient] [--rate SPANS]
 *
 * --rate sends no more than so many spans a second. --patient goes on when a connection is refused or lost (the
 * collector is being killed); without it that ends the run with status 1.
 */
#include "base/clock.h"
#include "base/id.h"
#include "proto/batch.h"
#include "proto/sp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RECONNECT_NS  (20 * NS_PER_MS)
#define FRAME_BYTES   (SP_FRAME_PREFIX_BYTES + 4)
#define REPLY_ROOM    1024
#define PIPELINE_MAX  64
#define PRODUCERS_MAX 256

struct options {
    const char *url;
    uint32_t trace_spans, batch_spans, interleave, producers, pipeline;
    uint64_t spans, seed, rate; /* rate: spans a second; 0: as fast as they are answered */
    bool hashes, patient;
};

/* ---- making batches ---- */

/* One trace that is being sent: how many of its spans are out, and how its requests hang together. */
struct open_trace {
    unsigned char id[16];
    uint64_t root;
    uint32_t sent;
};

struct packed {
    unsigned char *frame; /* prefix, request id and body */
    size_t bytes;
    uint32_t spans;
    int64_t due_ns; /* told to come again no sooner */
    bool under_way, done;
};

struct producer {
    struct packed *batches;
    size_t batch_count, batch_room, done_count, next;
    int fd;
    bool greeted;
    int64_t reconnect_ns;
    size_t sending, sent_bytes; /* which batch + 1 is on its way out, and how far */
    size_t under_way;
    unsigned char in[REPLY_ROOM];
    size_t in_bytes;
};

static const char *const queries[] = {
    "SELECT id, name, joined_on FROM merchants WHERE id = ?",
    "SELECT id, placed_on, total_cents FROM orders WHERE merchant_id = ?",
    "SELECT id, name, price_cents FROM products WHERE merchant_id = ? ORDER BY id",
    "SELECT rating, comment FROM reviews WHERE product_id = ?",
    "SELECT quantity, price_cents FROM order_items WHERE product_id = ?",
    "SELECT id, name FROM customers WHERE merchant_id = ?",
    "SELECT id, total_cents FROM orders WHERE customer_id = ?"};
enum { QUERIES = sizeof queries / sizeof *queries, ENDPOINT = QUERIES, STRINGS_MAX = 32 };

struct maker {
    const struct options *options;
    struct id_generator random;
    struct arena arena;
    struct open_trace *open;
    uint32_t turn; /* which open trace gives the next span */
    uint64_t clock_ns;
};

static void die(const char *what)
{
    fprintf(stderr, "ingest_load: %s\n", what);
    exit(1);
}

static void *take(struct maker *m, size_t count, size_t bytes)
{
    void *memory = arena_array(&m->arena, count, bytes);
    if (!memory) die("out of memory");
    return memory;
}

static uint32_t add_string(struct batch *b, char *data, const char *text)
{
    size_t len = strlen(text);
    memcpy(data + b->string_data.len, text, len);
    b->string_data.len += len;
    b->string_bytes[b->string_count] = (uint32_t)len;
    return b->string_count++;
}

static void make_tables(struct maker *m, struct batch *b, uint64_t producer)
{
    char instance[20], *data = take(m, 4096, 1);
    b->string_bytes = take(m, STRINGS_MAX, sizeof *b->string_bytes);
    b->string_data = str_view(data, 0);
    b->string_count = 1;
    snprintf(instance, sizeof instance, "%08x", (unsigned)producer);
    const char *const resource[3][2] = {
        {"service.name", "dashboard"}, {"service.version", "1.4.2"}, {"service.instance.id", instance}};
    b->resource_count = 3;
    b->resource_key = take(m, 3, sizeof *b->resource_key);
    b->resource_value = take(m, 3, sizeof *b->resource_value);
    for (uint32_t i = 0; i < 3; i++) {
        b->resource_key[i] = add_string(b, data, resource[i][0]);
        b->resource_value[i] = add_string(b, data, resource[i][1]);
    }
    b->operation_count = QUERIES + 1;
    b->operation_type = take(m, QUERIES + 1, sizeof *b->operation_type);
    b->operation_system = take(m, QUERIES + 1, sizeof *b->operation_system);
    b->operation_text = take(m, QUERIES + 1, sizeof *b->operation_text);
    b->site_count = QUERIES;
    b->site_file = take(m, QUERIES, sizeof *b->site_file);
    b->site_function = take(m, QUERIES, sizeof *b->site_function);
    b->site_line = take(m, QUERIES, sizeof *b->site_line);
    uint32_t system = add_string(b, data, "postgresql");
    uint32_t file = add_string(b, data, "before.c"), function = add_string(b, data, "dashboard_before");
    for (uint32_t i = 0; i < QUERIES; i++) {
        b->operation_type[i] = 2;
        b->operation_system[i] = system;
        b->operation_text[i] = add_string(b, data, queries[i]);
        b->site_file[i] = file;
        b->site_function[i] = function;
        b->site_line[i] = 20 + i * 15;
    }
    b->operation_type[ENDPOINT] = 1;
    b->operation_text[ENDPOINT] = add_string(b, data, "GET /api/dashboard/{merchant_id}");
}

static void make_columns(struct maker *m, struct batch *b, uint32_t spans)
{
    b->trace_ids = take(m, spans, 16);
    b->span_trace = take(m, spans, sizeof *b->span_trace);
    b->span_id = take(m, spans, sizeof *b->span_id);
    b->parent_span_id = take(m, spans, sizeof *b->parent_span_id);
    b->span_kind = take(m, spans, sizeof *b->span_kind);
    b->span_operation = take(m, spans, sizeof *b->span_operation);
    b->span_site = take(m, spans, sizeof *b->span_site);
    b->start_delta_ns = take(m, spans, sizeof *b->start_delta_ns);
    b->duration_ns = take(m, spans, sizeof *b->duration_ns);
    b->rows_plus_1 = take(m, spans, sizeof *b->rows_plus_1);
    b->connection = take(m, spans, sizeof *b->connection);
    b->input_count = take(m, spans, sizeof *b->input_count);
    b->input_hash = take(m, spans, sizeof *b->input_hash);
    b->answer_hash = take(m, spans, sizeof *b->answer_hash);
}

static void begin_trace(struct maker *m, struct open_trace *trace)
{
    uint64_t id[2] = {id_next(&m->random), id_next(&m->random)};
    memcpy(trace->id, id, sizeof id);
    trace->root = id_next(&m->random);
    trace->sent = 0;
}

/* Calls end before the request that they belong to: the root comes last. */
static void make_span(struct maker *m, struct batch *b, struct open_trace *trace, uint32_t at, uint32_t i)
{
    bool root = ++trace->sent == m->options->trace_spans;
    uint32_t query = (trace->sent - 1) % QUERIES;
    uint64_t random = id_next(&m->random);
    b->span_trace[i] = at;
    b->span_id[i] = root ? trace->root : id_next(&m->random);
    b->parent_span_id[i] = root ? 0 : trace->root;
    b->span_kind[i] = root ? 2 : 3;
    b->span_operation[i] = root ? ENDPOINT : query;
    b->span_site[i] = root ? 0 : query + 1;
    uint64_t step_ns = 300000 + random % 200000;
    uint64_t whole_ns = step_ns * trace->sent;
    b->start_delta_ns[i] = (int64_t)step_ns;
    b->duration_ns[i] = root ? whole_ns : 150000 + (random >> 32) % 100000;
    if (root) return;
    b->rows_plus_1[i] = 1 + (random >> 20) % 40;
    b->connection[i] = 1;
    b->input_count[i] = 1;
    if (!m->options->hashes) return;
    b->input_hash[i] = id_next(&m->random);
    b->answer_hash[i] = id_next(&m->random);
}

/* The index of the trace in the batch; traces of one batch are few or come one after another. */
static uint32_t trace_index(struct batch *b, const struct open_trace *trace, uint32_t *seen)
{
    if (*seen && *seen <= b->trace_count &&
        memcmp(b->trace_ids + (size_t)(*seen - 1) * 16, trace->id, 16) == 0)
        return *seen - 1;
    memcpy(b->trace_ids + (size_t)b->trace_count * 16, trace->id, 16);
    *seen = ++b->trace_count;
    return b->trace_count - 1;
}

static void fill_spans(struct maker *m, struct batch *b, uint32_t spans)
{
    const struct options *options = m->options;
    uint32_t *seen = take(m, options->interleave, sizeof *seen);
    b->base_time_unix_ns = m->clock_ns;
    b->span_count = spans;
    for (uint32_t i = 0; i < spans; i++) {
        uint32_t turn = m->turn % options->interleave;
        struct open_trace *trace = &m->open[turn];
        if (trace->sent == options->trace_spans) {
            begin_trace(m, trace);
            seen[turn] = 0;
        }
        make_span(m, b, trace, trace_index(b, trace, &seen[turn]), i);
        m->clock_ns += (uint64_t)b->start_delta_ns[i];
        m->turn++;
    }
}

static void pack(struct producer *producer, const struct batch *batch, enum sp_transport transport)
{
    if (producer->batch_count == producer->batch_room) {
        producer->batch_room = producer->batch_room ? producer->batch_room * 2 : 64;
        producer->batches = realloc(producer->batches, producer->batch_room * sizeof *producer->batches);
        if (!producer->batches) die("out of memory");
    }
    size_t body_bytes = batch_packed_bytes(batch);
    struct packed *packed = &producer->batches[producer->batch_count++];
    *packed = (struct packed){.frame = malloc(FRAME_BYTES + body_bytes), .spans = batch->span_count};
    if (!packed->frame) die("out of memory");
    packed->bytes = sp_prefix(packed->frame, transport, 4 + body_bytes);
    sp_request_id(packed->frame + packed->bytes, (uint32_t)producer->batch_count);
    packed->bytes += 4;
    packed->bytes += batch_pack(batch, packed->frame + packed->bytes);
}

static void make_producer(const struct options *options, struct producer *producer, uint64_t number,
                          enum sp_transport transport)
{
    struct maker m = {.options = options};
    for (int i = 0; i < 4; i++)
        m.random.state[i] = (options->seed * 1000003 + number) * (uint64_t)(2 * i + 1) + 0x9e3779b97f4a7c15u;
    for (int i = 0; i < 16; i++) id_next(&m.random);
    arena_init(&m.arena, (size_t)1 << 30);
    m.clock_ns = (uint64_t)clock_unix_ns();
    m.open = calloc(options->interleave, sizeof *m.open);
    if (!m.open) die("out of memory");
    for (uint32_t i = 0; i < options->interleave; i++) begin_trace(&m, &m.open[i]);
    uint64_t id = id_next(&m.random), sequence = 0;
    uint64_t left = options->spans / options->producers;
    for (uint64_t created = 0; left;) {
        uint32_t spans = left < options->batch_spans ? (uint32_t)left : options->batch_spans;
        struct batch b = {.version = BATCH_VERSION, .producer = id, .sequence = ++sequence};
        arena_reset(&m.arena);
        make_tables(&m, &b, id);
        make_columns(&m, &b, spans);
        fill_spans(&m, &b, spans);
        b.created = created += spans;
        pack(producer, &b, transport);
        left -= spans;
    }
    free(m.open);
    arena_fini(&m.arena);
}

/* ---- sending ---- */

struct load {
    struct options options;
    struct producer producers[PRODUCERS_MAX];
    struct sockaddr_storage address;
    socklen_t address_bytes;
    enum sp_transport transport;
    uint64_t begun_spans; /* of batches that went out at least once */
    int64_t begin_ns;
    uint64_t acknowledged, batches, retried, refused, resent;
    int64_t last_ack_ns, longest_gap_ns;
};

static void parse_url(struct load *load)
{
    const char *url = load->options.url;
    if (strncmp(url, "ipc://", 6) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)&load->address;
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof un->sun_path, "%s", url + 6);
        load->address_bytes = sizeof *un;
        load->transport = SP_IPC;
        return;
    }
    char host[64];
    unsigned port;
    struct sockaddr_in *in = (struct sockaddr_in *)&load->address;
    if (sscanf(url, "tcp://%63[0-9.]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &in->sin_addr) != 1)
        die("--url is tcp://A.B.C.D:PORT or ipc://PATH");
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    load->address_bytes = sizeof *in;
}

/* What was under way goes out again on the next connection. */
static void lose(struct load *load, struct producer *producer, const char *why)
{
    if (!load->options.patient) die(why);
    if (producer->fd >= 0) close(producer->fd);
    producer->fd = -1;
    producer->reconnect_ns = clock_monotonic_ns() + RECONNECT_NS;
    for (size_t i = 0; i < producer->next; i++) {
        if (!producer->batches[i].under_way) continue;
        producer->batches[i].under_way = false;
        load->resent++;
    }
    producer->sending = producer->sent_bytes = producer->under_way = producer->in_bytes = 0;
    producer->greeted = false;
}

static void join(struct load *load, struct producer *producer)
{
    unsigned char greeting[SP_GREETING_BYTES];
    int yes = 1;
    producer->fd = socket(load->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (producer->fd < 0 ||
        connect(producer->fd, (struct sockaddr *)&load->address, load->address_bytes) != 0) {
        lose(load, producer, "cannot connect");
        return;
    }
    setsockopt(producer->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    sp_greeting(greeting, SP_PROTOCOL_REQ0);
    if (send(producer->fd, greeting, sizeof greeting, MSG_NOSIGNAL) != sizeof greeting) {
        lose(load, producer, "cannot greet");
        return;
    }
    fcntl(producer->fd, F_SETFL, O_NONBLOCK);
}

static bool may_begin(struct load *load, int64_t now_ns)
{
    uint64_t rate = load->options.rate;
    return !rate || (double)load->begun_spans < (double)rate * (double)(now_ns - load->begin_ns) / 1e9;
}

/* The next batch that may go out now; batch_count: none. */
static size_t choose(struct load *load, struct producer *producer, int64_t now_ns)
{
    size_t first = producer->batch_count;
    for (size_t i = 0, seen = 0; i < producer->next && seen < producer->next - producer->done_count; i++) {
        struct packed *batch = &producer->batches[i];
        if (batch->done) continue;
        seen++;
        if (!batch->under_way && batch->due_ns <= now_ns) return i;
        if (!batch->under_way) first = i; /* waits its time; later ones wait behind it */
    }
    if (first != producer->batch_count || producer->next == producer->batch_count || !may_begin(load, now_ns))
        return producer->batch_count;
    load->begun_spans += producer->batches[producer->next].spans;
    return producer->next++;
}

static void send_some(struct load *load, struct producer *producer, int64_t now_ns)
{
    while (producer->fd >= 0) {
        if (!producer->sending) {
            if (producer->under_way >= load->options.pipeline) return;
            size_t chosen = choose(load, producer, now_ns);
            if (chosen == producer->batch_count) return;
            producer->sending = chosen + 1;
            producer->sent_bytes = 0;
            producer->batches[chosen].under_way = true;
            producer->under_way++;
        }
        const struct packed *batch = &producer->batches[producer->sending - 1];
        ssize_t sent = send(producer->fd, batch->frame + producer->sent_bytes,
                            batch->bytes - producer->sent_bytes, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent <= 0) {
            lose(load, producer, "the connection was lost");
            return;
        }
        producer->sent_bytes += (size_t)sent;
        if (producer->sent_bytes == batch->bytes) producer->sending = 0;
    }
}

static void take_reply(struct load *load, struct producer *producer, const unsigned char *frame, size_t bytes)
{
    struct arena arena;
    struct reply reply;
    uint32_t number = bytes >= 4 ? sp_request_id_parse(frame) & ~SP_REQUEST_ID_BIT : 0;
    arena_init(&arena, 1 << 16);
    bool good =
        number && number <= producer->batch_count && reply_unpack(&reply, &arena, frame + 4, bytes - 4);
    if (!good) die("the reply is nonsense");
    struct packed *batch = &producer->batches[number - 1];
    int64_t now_ns = clock_monotonic_ns();
    if (batch->under_way) producer->under_way--;
    batch->under_way = false;
    if (reply.status == REPLY_STORED && !batch->done) {
        batch->done = true;
        producer->done_count++;
        load->acknowledged += batch->spans;
        load->batches++;
        if (load->last_ack_ns && now_ns - load->last_ack_ns > load->longest_gap_ns)
            load->longest_gap_ns = now_ns - load->last_ack_ns;
        load->last_ack_ns = now_ns;
    } else if (reply.status == REPLY_RETRY) {
        load->retried++;
        batch->due_ns = now_ns + reply.retry_after_ms * NS_PER_MS;
    } else if (reply.status != REPLY_STORED) {
        fprintf(stderr, "ingest_load: refused: %.*s\n", STR_ARG(reply.reason));
        batch->done = true;
        producer->done_count++;
        load->refused++;
    }
    arena_fini(&arena);
}

/* Whole messages of what has come in; returns how many bytes they took. */
static size_t take_messages(struct load *load, struct producer *producer)
{
    size_t at = 0, prefix = sp_prefix_bytes(load->transport);
    uint64_t bytes;
    uint16_t protocol;
    if (!producer->greeted) {
        if (producer->in_bytes < SP_GREETING_BYTES) return 0;
        if (!sp_greeting_parse(producer->in, &protocol)) die("the greeting is nonsense");
        producer->greeted = true;
        at = SP_GREETING_BYTES;
    }
    while (producer->in_bytes - at >= prefix) {
        if (!sp_prefix_parse(producer->in + at, load->transport, &bytes) || bytes > REPLY_ROOM - prefix)
            die("the frame is nonsense");
        if (producer->in_bytes - at < prefix + bytes) break;
        take_reply(load, producer, producer->in + at + prefix, (size_t)bytes);
        at += prefix + (size_t)bytes;
    }
    return at;
}

static void receive_some(struct load *load, struct producer *producer)
{
    while (producer->fd >= 0) {
        ssize_t got =
            recv(producer->fd, producer->in + producer->in_bytes, REPLY_ROOM - producer->in_bytes, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            lose(load, producer, "the connection was lost");
            return;
        }
        producer->in_bytes += (size_t)got;
        size_t used = take_messages(load, producer);
        memmove(producer->in, producer->in + used, producer->in_bytes - used);
        producer->in_bytes -= used;
    }
}

static bool all_done(const struct load *load)
{
    for (uint32_t i = 0; i < load->options.producers; i++)
        if (load->producers[i].done_count < load->producers[i].batch_count) return false;
    return true;
}

static void step(struct load *load)
{
    struct pollfd polls[PRODUCERS_MAX];
    int64_t now_ns = clock_monotonic_ns();
    for (uint32_t i = 0; i < load->options.producers; i++) {
        struct producer *producer = &load->producers[i];
        if (producer->fd < 0 && now_ns >= producer->reconnect_ns) join(load, producer);
        send_some(load, producer, now_ns);
        polls[i] = (struct pollfd){producer->fd, (short)(POLLIN | (producer->sending ? POLLOUT : 0)), 0};
    }
    if (poll(polls, load->options.producers, 10) < 0 && errno != EINTR) die("cannot poll");
    for (uint32_t i = 0; i < load->options.producers; i++)
        if (polls[i].revents & (POLLIN | POLLERR | POLLHUP)) receive_some(load, &load->producers[i]);
}

static uint64_t number_of(const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (*end || end == text) die("a number is wrong");
    return number;
}

static void read_options(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"url", 1, NULL, 'u'},        {"trace-spans", 1, NULL, 't'}, {"batch-spans", 1, NULL, 'b'},
        {"interleave", 1, NULL, 'i'}, {"spans", 1, NULL, 's'},       {"producers", 1, NULL, 'p'},
        {"pipeline", 1, NULL, 'l'},   {"hashes", 0, NULL, 'h'},      {"seed", 1, NULL, 'e'},
        {"patient", 0, NULL, 'a'},    {"rate", 1, NULL, 'r'},        {NULL, 0, NULL, 0}};
    *options = (struct options){.trace_spans = 8,
                                .batch_spans = 4096,
                                .interleave = 1,
                                .producers = 16,
                                .pipeline = 1,
                                .spans = 1000000,
                                .seed = (uint64_t)clock_unix_ns()};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'u') options->url = optarg;
        if (c == 't') options->trace_spans = (uint32_t)number_of(optarg);
        if (c == 'b') options->batch_spans = (uint32_t)number_of(optarg);
        if (c == 'i') options->interleave = (uint32_t)number_of(optarg);
        if (c == 's') options->spans = number_of(optarg);
        if (c == 'p') options->producers = (uint32_t)number_of(optarg);
        if (c == 'l') options->pipeline = (uint32_t)number_of(optarg);
        if (c == 'e') options->seed = number_of(optarg);
        if (c == 'r') options->rate = number_of(optarg);
        options->hashes |= c == 'h';
        options->patient |= c == 'a';
        if (c == '?') exit(2);
    }
    if (!options->url || !options->trace_spans || !options->batch_spans || !options->interleave ||
        !options->producers || options->producers > PRODUCERS_MAX || !options->pipeline ||
        options->pipeline > PIPELINE_MAX)
        die("--url is needed; counts are at least 1, producers at most 256, pipeline at most 64");
}

static void print_result(const struct load *load, int64_t took_ns)
{
    printf(
        "{\"spans\":%llu,\"batches\":%llu,\"seconds\":%.6f,\"retried\":%llu,\"resent\":%llu,\"refused\":%llu,"
        "\"longest_gap_ms\":%.1f}\n",
        (unsigned long long)load->acknowledged, (unsigned long long)load->batches, (double)took_ns / 1e9,
        (unsigned long long)load->retried, (unsigned long long)load->resent,
        (unsigned long long)load->refused, (double)load->longest_gap_ns / 1e6);
}

int main(int argc, char **argv)
{
    static struct load load;
    read_options(&load.options, argc, argv);
    parse_url(&load);
    for (uint32_t i = 0; i < load.options.producers; i++) {
        load.producers[i].fd = -1;
        make_producer(&load.options, &load.producers[i], i, load.transport);
    }
    printf("packed\n");
    fflush(stdout);
    int64_t begin_ns = load.begin_ns = clock_monotonic_ns();
    while (!all_done(&load)) step(&load);
    print_result(&load, clock_monotonic_ns() - begin_ns);
    for (uint32_t i = 0; i < load.options.producers; i++) {
        for (size_t k = 0; k < load.producers[i].batch_count; k++) free(load.producers[i].batches[k].frame);
        free(load.producers[i].batches);
        if (load.producers[i].fd >= 0) close(load.producers[i].fd);
    }
    return load.refused ? 1 : 0;
}
