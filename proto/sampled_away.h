/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose choice it was that a request was not recorded. One table: the SDK's counters, the wire's `sampled_away` column (in
 * this order; append only) and the words of reports come from it. What is counted is a request: a span that would have
 * begun one here, and with it all that would have been under it in this process. None of it is in `created`.
 */
#ifndef WEIR_PROTO_SAMPLED_AWAY_H
#define WEIR_PROTO_SAMPLED_AWAY_H

/*          name         words for the report */
#define SAMPLED_AWAY(X)                                                                                      \
    X(by_caller, "by their caller")                                                                          \
    X(by_sampler, "by the sampler")                                                                          \
    X(by_rate_limit, "by the rate limit")

enum sampled_away {
#define X(name, words) SAMPLED_AWAY_##name,
    SAMPLED_AWAY(X)
#undef X
        SAMPLED_AWAY_COUNT
};

#endif
