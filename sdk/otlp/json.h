/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP as JSON, the way its specification wants it (proto3's JSON, but ids in hex and enums as numbers): a line of a file
 * is one TracesData, as the OpenTelemetry Collector's file exporter writes it and its otlpjsonfile receiver reads it.
 * Text is UTF-8 as batch_unpack leaves it. Any thread; a buffer that fails says so itself.
 */
#ifndef WEIR_SDK_OTLP_JSON_H
#define WEIR_SDK_OTLP_JSON_H

#include "base/buffer.h"
#include "sdk/otlp/mapping.h"

/* One line with its \n. False: no memory. */
bool json_line(struct buffer *to, struct mapping *mapping);

/* As proto3's JSON has a double: "NaN" and the like in quotes, and a point whatever the program's locale has. */
void json_double(struct buffer *to, double real);

#endif
