/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server's answer means for the batch, by OTLP/HTTP: 2xx is stored, but for what a partial success says; 429, 502, 503
 * and 504 mean later; everything else, redirects included, is a refusal and never sent again. Pure.
 */
#ifndef WEIR_SDK_OTLP_HTTP_VERDICT_H
#define WEIR_SDK_OTLP_HTTP_VERDICT_H

#include "base/arena.h"

#include <weir/output.h>

struct answer {
    long status;
    uint32_t retry_after_ms; /* 0: it does not say */
    struct str body;
};

/* arena is for the time of the call. */
void verdict(const struct answer *answer, struct arena *arena, struct weir_delivery *delivery);

#endif
