/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finding as JSON and back: the form of `weir findings --json` (docs/json.md) with a few more fields that
 * the store needs to rebuild it whole. decode∘encode is the identity on what the analysis makes. jansson
 * inside.
 */
#ifndef WEIR_MODEL_FINDING_JSON_H
#define WEIR_MODEL_FINDING_JSON_H

#include "base/arena.h"
#include "base/buffer.h"
#include "model/finding.h"

void finding_json_encode(struct buffer *out, const struct finding *findings,
                         uint32_t count); /* a JSON array */
/* False: not such an array. Strings lie in the arena. */
bool finding_json_decode(struct arena *arena, struct str json, struct finding **findings, uint32_t *count);

#endif
