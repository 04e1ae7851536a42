/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output for stderr: a line a span, for people. Standard error, as it is when weir_init is called, belongs to the whole
 * program, so it is written to only when it is ready, in pieces that end with a line and that a pipe takes whole: a reader
 * that has stopped never stops the program, nor its exit. What it does not take within a few seconds is refused.
 */
#include "base/clock.h"
#include "sdk/export/output.h"
#include "sdk/export/wait.h"
#include "sdk/otlp/line.h"
#include "sdk/otlp/mapping.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STUCK_NS (5 * NS_PER_S)

struct terminal {
    const struct output_host *host;
    struct mapping mapping;
    struct buffer text, line;  /* lines that are not written yet, and the newest */
    uint32_t waiting, written; /* spans: in text, and of the batch */
};

static bool stderr_accepts(const char *endpoint) { return strcmp(endpoint, "stderr:") == 0; }

static void *stderr_open(const struct weir_output_host *outer)
{
    struct terminal *terminal = calloc(1, sizeof *terminal);
    if (!terminal) return NULL;
    terminal->host = output_host(outer);
    mapping_init(&terminal->mapping);
    buffer_init(&terminal->text);
    buffer_init(&terminal->line);
    return terminal;
}

static void stderr_close(void *output)
{
    struct terminal *terminal = output;
    mapping_fini(&terminal->mapping);
    buffer_fini(&terminal->text);
    buffer_fini(&terminal->line);
    free(terminal);
}

/* False, with errno: it does not take them. */
static bool write_lines(struct terminal *terminal, const char *data, size_t bytes)
{
    int64_t deadline = clock_monotonic_ns() + STUCK_NS;
    while (bytes) {
        size_t piece = bytes < PIPE_BUF ? bytes : PIPE_BUF;
        errno = EAGAIN;
        if (!wait_ready(&terminal->host->give_up_ns, STDERR_FILENO, POLLOUT, deadline)) return false;
        ssize_t written = write(STDERR_FILENO, data, piece);
        if (written < 0 && errno != EAGAIN) return false;
        if (written > 0) {
            data += written;
            bytes -= (size_t)written;
        }
    }
    return true;
}

static struct str service_name(const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->resource_count; i++)
        if (str_is(batch_string(batch, batch->resource_key[i]), "service.name"))
            return batch_string(batch, batch->resource_value[i]);
    return str_of("");
}

/* False: standard error does not take the lines that wait. */
static bool flush(struct terminal *terminal)
{
    bool written = write_lines(terminal, terminal->text.data, terminal->text.len);
    if (written) terminal->written += terminal->waiting;
    terminal->waiting = 0;
    buffer_clear(&terminal->text);
    return written;
}

static bool write_span(struct terminal *terminal, struct str service, const struct otlp_span *span)
{
    buffer_clear(&terminal->line);
    line_of_span(&terminal->line, service, span);
    bool fits = terminal->text.len + terminal->line.len <= PIPE_BUF;
    if (!fits && !flush(terminal)) return false;
    buffer_add(&terminal->text, terminal->line.data, terminal->line.len);
    terminal->waiting++;
    return !terminal->line.failed && !terminal->text.failed;
}

/* False, with errno, when not all of them were written. */
static bool write_spans(struct terminal *terminal)
{
    struct mapping *mapping = &terminal->mapping;
    struct str service = service_name(mapping->batch);
    struct otlp_span span;
    errno = ENOMEM;
    for (uint32_t scope = 0; scope <= mapping->batch->scope_count; scope++) {
        mapping_begin(mapping, scope);
        while (mapping_next(mapping, &span))
            if (!write_span(terminal, service, &span)) return false;
    }
    return flush(terminal) && !mapping->failed;
}

static void stderr_deliver(void *output, const void *batch, size_t bytes, struct weir_delivery *delivery)
{
    struct terminal *terminal = output;
    if (!mapping_unpack(&terminal->mapping, batch, bytes, delivery)) return;
    terminal->host->outer.sending(&terminal->host->outer);
    terminal->written = terminal->waiting = 0;
    if (!write_spans(terminal))
        snprintf(delivery->reason, sizeof delivery->reason, "standard error: %s", strerrordesc_np(errno));
    delivery->outcome = WEIR_BATCH_STORED;
    delivery->lost = terminal->mapping.batch->span_count - terminal->written;
    buffer_fini(&terminal->text);
    buffer_fini(&terminal->line);
}

const struct weir_output stderr_output = {.version = WEIR_OUTPUT_VERSION,
                                          .schemes = "stderr",
                                          .keeps_stderr = true,
                                          .accepts = stderr_accepts,
                                          .open = stderr_open,
                                          .deliver = stderr_deliver,
                                          .close = stderr_close};
