/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces built by hand for the viewer's tests: spans are added parents first, at any time, and then put in
 * order and hung into a tree as the analysis would. A scene owns everything it hands out.
 */
#ifndef WEIR_TESTS_VIEWER_SCENE_H
#define WEIR_TESTS_VIEWER_SCENE_H

#include "base/arena.h"
#include "viewer/view.h"

#define SCENE_START_NS 1795000000123000000LL /* 2026-11-18 11:06:40.123 UTC */
#define NO_PARENT      SIZE_MAX

struct scene {
    struct arena arena;
    struct trace trace;
    size_t *parents; /* by index of adding; NO_PARENT: none */
    size_t room;
};

void scene_init(struct scene *scene, size_t spans_max);
void scene_fini(struct scene *scene);

const struct operation *scene_operation(struct scene *scene, enum operation_type type, const char *system,
                                        const char *text);
const struct resource *scene_resource(struct scene *scene, const char *service, const char *version);

/* Times in µs from the scene's start. The span stays where it is until scene_finish. */
size_t scene_add(struct scene *scene, size_t parent, const struct operation *operation,
                 const struct resource *resource, int64_t start_us, int64_t duration_us);
struct span *scene_span(struct scene *scene, size_t index);
void scene_attribute(struct scene *scene, size_t index, const char *key, const char *value);

/* An event at_us after the scene's start, with `count` attributes; a link to a span of another trace. Both are copied. */
void scene_event(struct scene *scene, size_t index, const char *name, int64_t at_us,
                 const struct attribute *attributes, uint32_t count);
void scene_link(struct scene *scene, size_t index, const struct span_link *link);

/* Sorts by start and links; indexes are void afterwards. */
void scene_finish(struct scene *scene);

#endif
