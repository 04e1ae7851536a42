/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libweir-otlp: spans to an OpenTelemetry Collector, Jaeger, or any other backend, by OTLP/HTTP (protobuf), instead of to
 * weir-collector.
 *
 *     WEIR_ENDPOINT=http://127.0.0.1:4318            the path /v1/traces is added when there is none
 *     OTEL_EXPORTER_OTLP_ENDPOINT=http://…           the same, by OpenTelemetry's names; weir_init reads all of them
 *
 * A program need not call anything: for such an endpoint libweir loads libweir-otlp.so.0 itself, in weir_init. One that is
 * linked to libweir-otlp.a calls weir_otlp_use() first.
 *
 *     weir_otlp_use();
 *     weir_init(NULL);
 *
 * It is made of libcurl, zlib and protobuf-c, and runs in libweir's exporter thread alone. docs/otlp.md says what becomes
 * of spans, which answers are tried again, and what each attribute is.
 */
#ifndef WEIR_OTLP_H
#define WEIR_OTLP_H

#include <weir/output.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The output for http:// and https://. Never NULL. */
WEIR_API const struct weir_output *weir_otlp(void);

/* Before weir_init. False: libweir is of another version. */
static inline bool weir_otlp_use(void) { return weir_output_register(weir_otlp()); }

#ifdef __cplusplus
}
#endif

#endif
