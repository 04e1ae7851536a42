/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch as OpenTelemetry sees it: the one place that knows which attribute of its semantic conventions each column is.
 * The outputs that speak OTLP and the one for people take their spans from here, one at a time.
 *
 *     batch                               OTLP
 *     operation of a query                db.system.name, db.query.text (no literals), db.query.summary; the span's name
 *     of a cache look-up                  db.system.name, db.operation.name, db.query.text; the text is the name
 *     of an HTTP call                     http.request.method, url.template, server.address, server.port
 *     of a request                        http.request.method, http.route
 *     call site                           code.function.name, code.file.path, code.line.number
 *     rows                                db.response.returned_rows where a query reads, else weir.rows
 *     input and answer                    weir.input.hash, weir.input.count, weir.answer.hash (hashes: 16 hex digits)
 *     connection, unread answers          weir.connection, weir.unread (span ids)
 *     partial evidence                    weir.evidence.partial
 *     value links                         links with weir.link.kind, weir.link.column, weir.link.row
 *     sampling threshold                  th in the ot member of the trace state
 *     type of a call's operation          weir.operation.type
 *
 * From these a collector of ours restores the columns. An attribute that the program has set under the same name wins.
 * docs/otlp.md is the same for readers.
 *
 * Belongs to one thread. What it returns lives until the next call of the same function.
 */
#ifndef WEIR_SDK_OTLP_MAPPING_H
#define WEIR_SDK_OTLP_MAPPING_H

#include "proto/batch.h"
#include "proto/otlp.h"

#include <weir/output.h>

#define MAPPING_SCHEMA_URL "https://opentelemetry.io/schemas/1.33.0"
#define MAPPING_SCOPE_NAME "weir" /* of spans that name no scope */

struct mapping_operation;

struct mapping {
    const struct batch *batch;
    struct batch unpacked;
    struct arena wire_arena;  /* of unpacked */
    struct arena batch_arena; /* for the batch */
    struct arena span_arena;  /* for a span */
    const struct mapping_operation *operations;
    bool failed; /* no memory: the batch cannot be mapped now */
    /* Where mapping_next stands. */
    uint32_t span, scope;
    uint32_t attribute, unread, link, event, event_attribute, span_link, span_link_attribute;
    int64_t start_ns;
};

void mapping_init(struct mapping *mapping);
void mapping_fini(struct mapping *mapping);

/* From here on it is about this batch, which is borrowed. False: no memory. */
bool mapping_batch(struct mapping *mapping, const struct batch *batch);

/* Likewise about the batch in these bytes, of which nothing is kept. False: *delivery says why not. */
bool mapping_unpack(struct mapping *mapping, const void *data, size_t bytes, struct weir_delivery *delivery);

/* The batch's resource. */
struct otlp_attributes mapping_resource(struct mapping *mapping);

/* Scopes are numbered from 0 (spans that name none) to scope_count; some may have no spans. */
struct otlp_scope mapping_scope(struct mapping *mapping, uint32_t scope);

/* Goes through the spans of one scope, in the batch's order. False: that was the last, or mapping->failed. */
void mapping_begin(struct mapping *mapping, uint32_t scope);
bool mapping_next(struct mapping *mapping, struct otlp_span *span);

#endif
