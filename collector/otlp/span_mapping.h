/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A span of OpenTelemetry's → a row of a batch: which operation it is, what is known of its input, and what of its attributes
 * is kept. docs/receiving.md is the same for readers. What libweir's own exporter has written as weir.* attributes
 * (sdk/otlp/mapping.h) becomes the columns that it was made from.
 *
 * Literals end here: statements, URLs, keys and parameters are not stored, what they were is in the operation without them.
 */
#ifndef WEIR_COLLECTOR_SPAN_MAPPING_H
#define WEIR_COLLECTOR_SPAN_MAPPING_H

#include "collector/otlp/batch_builder.h"
#include "proto/otlp.h"

#define MAPPING_VALUE_BYTES_MAX 32768  /* a longer text is cut, as SDKs do with their own limit */
#define MAPPING_SPAN_BYTES_MAX  524288 /* of all texts of a span; then attributes are left out and counted */
#define MAPPING_SCRATCH_BYTES   ((size_t)4 << 20)

/* key: of the hashes of inputs. scratch is reset by each call. */
struct span_mapping {
    struct batch_builder *builder;
    const struct hash_key *key;
    struct arena *scratch;
};

void map_resource(struct span_mapping *mapping, const struct otlp_attributes *resource);
/* What builder_scope gives. The scope of libweir's own spans is none. */
uint32_t map_scope(struct span_mapping *mapping, const struct otlp_scope *scope);

/* False: *why says in words why it cannot be stored (NULL: no memory); nothing of it is in the batch then. */
bool map_span(struct span_mapping *mapping, const struct otlp_span *span, uint32_t scope, const char **why);

#endif
