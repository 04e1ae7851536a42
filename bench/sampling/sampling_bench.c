/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trace costs that is not recorded: a root span begun and ended, sampled away by a ratio or by the rate limit, beside
 * two clock_gettime calls and a 128-byte store in the same run. Needs no collector: nothing is sent.
 *
 *     sampling_bench
 */
#include "bench/span_path/rounds.h"

#include <weir/weir.h>

#include <stdio.h>
#include <stdlib.h>

static void roots(void)
{
    for (int i = 0; i < ROUND_SPANS; i++) {
        WEIR_SPAN("root");
    }
}

static void line(const char *what, const struct rounds *rounds)
{
    struct spread ns = rounds_ns(rounds), ratio = rounds_ratio(rounds);
    printf("%-44s %8.1f ns   p95 %8.1f   %5.2f x floor\n", what, ns.median, ns.p95, ratio.median);
}

/* Nearly all are refused: the few that are kept are dropped, since nobody takes them. */
static void measure(const char *what, const struct weir_config *config)
{
    static struct rounds rounds;
    if (weir_init(config) != WEIR_OK) exit(1);
    roots(); /* a rate limit's share is used up */
    rounds_run(&rounds, roots, NULL);
    weir_shutdown(0);
    line(what, &rounds);
}

int main(void)
{
    const char *nobody = "ipc:///nonexistent/weir";
    measure("root span, always_off",
            &(struct weir_config){.endpoint = nobody, .sampler = WEIR_SAMPLER_PARENTBASED_ALWAYS_OFF});
    measure("root span, sampled away by a ratio of 1e-6",
            &(struct weir_config){
                .endpoint = nobody, .sampler = WEIR_SAMPLER_PARENTBASED_TRACEIDRATIO, .sample_ratio = 1e-6});
    measure("root span, over a rate limit of 1 a second",
            &(struct weir_config){.endpoint = nobody, .sample_rate_limit = 1});
    struct weir_stats stats;
    weir_stats(&stats);
    printf("%.2f %% were sampled away\n",
           100.0 * (double)stats.sampled_away / (double)(stats.sampled_away + stats.created));
    return 0;
}
