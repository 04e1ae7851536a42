/* SPDX-License-Identifier: Apache-2.0 */
/* The two case studies as traces, as libweir would send them: calls, order, times, links, connections. */
#ifndef WEIR_TESTS_CASE_STUDIES_H
#define WEIR_TESTS_CASE_STUDIES_H

#include "tests/analysis/trace_builder.h"

/* 3,604 queries on one connection. merchant makes the inputs differ from request to request. */
struct span *case_dashboard_before(struct build *build, uint64_t merchant);
struct span *case_dashboard_joined(struct build *build, uint64_t merchant);

/* Three queries, 50 GETs or one POST for the stock, one POST for the prices. */
struct span *case_products_before(struct build *build, uint64_t page);
struct span *case_products_bulk(struct build *build, uint64_t page);

/* Eight spans, nothing to find. */
struct span *case_small(struct build *build, uint64_t user);

#endif
