/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which output (weir/output.h) takes the batches, and what the built-in ones know besides. The exporter is the host of the
 * one that is open; weir_init chooses it.
 */
#ifndef WEIR_SDK_EXPORT_OUTPUT_H
#define WEIR_SDK_EXPORT_OUTPUT_H

#include "sdk/core/settings.h"

#include <weir/output.h>

#include <stdarg.h>
#include <stdatomic.h>

/* Outputs of other libraries see only outer. */
struct output_host {
    struct weir_output_host outer;
    _Atomic int64_t
        give_up_ns; /* INT64_MAX until the shutdown; its release pairs with the acquires in waits */
    const struct settings *settings;
    uint64_t producer;
};

static inline struct output_host *output_host(const struct weir_output_host *outer)
{
    return (struct output_host *)(uintptr_t)outer; /* its first member */
}

extern const struct weir_output sp_output;     /* tcp:// and ipc:// */
extern const struct weir_output file_output;   /* file: */
extern const struct weir_output stderr_output; /* stderr: */

/* The output for the settings' endpoint, or why there is none. Not by several threads at once. */
enum weir_status output_choose(const struct settings *settings, const struct weir_output **output);

/* A setting by name, as text, for outputs of other libraries; NULL: none. */
const char *output_setting(const struct settings *settings, const char *name);

/* To stderr with WEIR_LOG=debug. */
void output_say(const struct output_host *host, const char *format, va_list arguments);

#endif
