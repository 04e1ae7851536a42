/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP's JSON, as OTLP/HTTP has it: names in lowerCamelCase, ids in hex, 64-bit numbers as text or number, enums as number or
 * name, bytes in base64; unknown members are passed over. The same limits, visitor and arena as otlp_request_read
 * (proto/otlp.h), and the same order: a resource behind its spans is sought first.
 */
#ifndef WEIR_COLLECTOR_OTLP_JSON_H
#define WEIR_COLLECTOR_OTLP_JSON_H

#include "proto/otlp.h"

bool otlp_json_read(const void *data, size_t bytes, struct arena *arena, const struct otlp_visitor *visitor,
                    const char **why);

#endif
