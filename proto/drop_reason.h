/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a span was not delivered. One table: the SDK's counters, the wire's `dropped` column (in this order;
 * append only) and the report's words come from it.
 */
#ifndef WEIR_PROTO_DROP_REASON_H
#define WEIR_PROTO_DROP_REASON_H

/*          name          words for the report */
#define DROP_REASONS(X)                                                                                      \
    X(ring_full, "ring full (spans came faster than the exporter sends)")                                    \
    X(too_deep, "too many spans open at once in one thread")                                                 \
    X(refused, "refused by the collector")                                                                   \
    X(shutdown, "not delivered before the shutdown deadline")                                                \
    X(no_memory, "no memory for a thread's ring")                                                            \
    X(forked, "left behind in the child of a fork")                                                          \
    X(in_handler, "begun in a signal handler that had interrupted weir")                                     \
    X(damaged, "found overwritten in the service's memory")

enum drop_reason {
#define X(name, words) DROP_##name,
    DROP_REASONS(X)
#undef X
        DROP_REASON_COUNT
};

#endif
