/* SPDX-License-Identifier: Apache-2.0 */
/* The two case studies as the viewer gets them: their first stages as traces, and what was found in them. */
#ifndef WEIR_TESTS_VIEWER_SAMPLES_H
#define WEIR_TESTS_VIEWER_SAMPLES_H

#include "tests/viewer/scene.h"

#define SAMPLE_NOW_NS (SCENE_START_NS + 190 * 1000000000LL) /* 3 min later */

/* A view in the tests' own time. */
struct view sample_view(unsigned width, bool ascii, bool colour);

/* 3,604 queries; the loops over products lie in a wrapper span a product, and interleave. */
void sample_dashboard(struct scene *scene, struct trace_view *view);

/* Three queries, 50 calls of 40 ms to inventory, one of 850 ms to pricing; their server spans come with them.
 */
void sample_products(struct scene *scene, struct trace_view *view);

/* What can be wrong with a trace: a failed call, foreign clocks, missing parents, a span that outlives its
 * parent. */
void sample_troubled(struct scene *scene, struct trace_view *view);

/* Events on single spans and on folded ones, links to other traces, what limits dropped, a request sampled one in four. */
void sample_events(struct scene *scene, struct trace_view *view);

/* Four endpoints, two of them with findings. */
const struct endpoint_summary *sample_endpoints(uint32_t *count);

/* Of an endpoint with loops, hits and misses; and one whose calls ran at once. */
const struct profile *sample_profiles(uint32_t *count);

const struct status_view *sample_status(void);
const struct status_view *sample_status_empty(void);

#endif
