/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outputs: where libweir's batches go. weir_init picks one by the scheme of WEIR_ENDPOINT. Those for tcp://, ipc://,
 * file: and stderr: are built in; libweir-otlp (<weir/otlp.h>) brings http:// and https://; a program may bring one of
 * its own, registered before weir_init.
 *
 * A batch is one protobuf message, as docs/wire-format.md says: the same bytes that a collector gets, so that an output
 * and libweir may be of different versions. It holds at most 8,192 spans.
 *
 * All functions of an output but accepts and open are called by the exporter thread, one at a time. deliver may wait as long as it
 * likes, if it looks at give_up_ns every 20 ms or so and returns soon after that has passed: the exit of the whole program
 * waits for it. It must not end the process, nor raise a signal that is not blocked, nor call weir.
 *
 * Descriptors. The exporter thread has a descriptor table of its own (where the kernel lets it), so that nothing that the
 * host closes touches the output's descriptors, and no child of a fork has them. A descriptor that is opened in deliver is
 * of that table, and one that was opened elsewhere, open included, is not there: open them in deliver, close them in close,
 * with O_CLOEXEC. Descriptor 2 is there only for an output that says keeps_stderr; 0 and 1 lead nowhere.
 */
#ifndef WEIR_OUTPUT_H
#define WEIR_OUTPUT_H

#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_OUTPUT_VERSION 1 /* of the structs below */

/* What libweir does for an output. Lives as long as the output is open. */
struct weir_output_host {
    /* CLOCK_MONOTONIC, nanoseconds; INT64_MAX until weir_shutdown or exit has set a deadline, at any moment. */
    int64_t (*give_up_ns)(const struct weir_output_host *host);
    /* The batch is about to leave the process; for weir_stats. */
    void (*sending)(const struct weir_output_host *host);
    /* What follows may take any time, and nothing can hurry it (a resolver). At the deadline the thread is left behind. */
    void (*may_block)(const struct weir_output_host *host);
    /* False: left behind. Touch nothing but the output's own memory, and return WEIR_BATCH_ABANDONED. */
    bool (*may_block_no_more)(const struct weir_output_host *host);
    /* A line for WEIR_LOG=debug, else nothing. */
    void (*say)(const struct weir_output_host *host, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
    /* A setting's text by name, NULL when it is not set: "endpoint" and what the output's own header names. */
    const char *(*setting)(const struct weir_output_host *host, const char *name);
};

enum weir_batch_outcome {
    WEIR_BATCH_STORED,  /* it is where it should be, but for `lost` of its spans, which never will be */
    WEIR_BATCH_REFUSED, /* it never will be: its spans are dropped */
    WEIR_BATCH_RETRY,   /* deliver it again, in retry_after_ms */
    WEIR_BATCH_FAILED, /* nobody knows. Deliver it again, the later the more often it failed, with some chance in it */
    WEIR_BATCH_ABANDONED /* left behind, see may_block_no_more */
};

struct weir_delivery {
    enum weir_batch_outcome outcome;
    uint32_t retry_after_ms; /* RETRY; at least 50 */
    uint64_t lost;           /* STORED */
    char reason[256];        /* why it is not stored, or not all of it: a few words, or "" */
};

struct weir_output {
    uint32_t version;         /* WEIR_OUTPUT_VERSION */
    const char *schemes;      /* "http https" */
    bool keeps_stderr;        /* deliver writes to descriptor 2 */
    uint32_t backoff_most_ms; /* between tries after FAILED: from 50 ms up to this; 0: 2000 */
    /* In weir_init: whether it can make anything of this endpoint; else weir_init says WEIR_BAD_ENDPOINT. NULL: of any.
     * Libraries that register handlers for exit (TLS) are to be set up here: what they undo there, they undo after
     * libweir's last flush. */
    bool (*accepts)(const char *endpoint);
    /* In weir_init, and in the first span of a forked child: allocates what it needs, opens no descriptor and waits for
     * nothing. NULL: no memory. In the child of a fork nothing of the parent's is called again; its memory stays. */
    void *(*open)(const struct weir_output_host *host);
    /* The batch is borrowed for the time of the call. *delivery is zeroed. */
    void (*deliver)(void *output, const void *batch, size_t bytes, struct weir_delivery *delivery);
    void (*close)(void *output);
};

/* Adds an output; it must live as long as the process. At most 8; one for the same scheme replaces the former for later
 * calls of weir_init. False: another version, or no room. */
WEIR_API bool weir_output_register(const struct weir_output *output);

#ifdef __cplusplus
}
#endif

#endif
