/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of a batch, one table a group; a group's columns are as long as its length says. Names are the
 * same in weir.proto and in struct batch, so packing and unpacking are loops over these tables. Private to
 * proto/.
 */
#ifndef WEIR_PROTO_BATCH_COLUMNS_H
#define WEIR_PROTO_BATCH_COLUMNS_H

/* One element a span; absent when all are 0. span_id is not among them: it is what counts the spans.
 *  type      name */
#define BATCH_SPAN_COLUMNS(X)                                                                                \
    X(uint32_t, span_trace)                                                                                  \
    X(uint64_t, parent_span_id)                                                                              \
    X(uint32_t, span_kind)                                                                                   \
    X(uint32_t, span_operation)                                                                              \
    X(uint32_t, span_site)                                                                                   \
    X(int64_t, start_delta_ns)                                                                               \
    X(uint64_t, duration_ns)                                                                                 \
    X(uint32_t, status)                                                                                      \
    X(uint32_t, flags)                                                                                       \
    X(uint64_t, rows_plus_1)                                                                                 \
    X(uint32_t, connection)                                                                                  \
    X(uint64_t, input_hash)                                                                                  \
    X(uint64_t, answer_hash)                                                                                 \
    X(uint32_t, input_count)                                                                                 \
    X(uint32_t, unread_count)                                                                                \
    X(uint32_t, link_count)                                                                                  \
    X(uint32_t, attribute_count)

/* Tables: never absent unless the table is empty.
 *  length            column */
#define BATCH_TABLE_COLUMNS(X)                                                                               \
    X(string_count, string_bytes)                                                                            \
    X(resource_count, resource_key)                                                                          \
    X(resource_count, resource_value)                                                                        \
    X(operation_count, operation_type)                                                                       \
    X(operation_count, operation_system)                                                                     \
    X(operation_count, operation_text)                                                                       \
    X(site_count, site_file)                                                                                 \
    X(site_count, site_function)                                                                             \
    X(site_count, site_line)                                                                                 \
    X(span_count, span_id)                                                                                   \
    X(unread_total, unread_span_id)                                                                          \
    X(link_total, link_span_id)                                                                              \
    X(link_total, link_kind)                                                                                 \
    X(link_total, link_column)                                                                               \
    X(link_total, link_row)                                                                                  \
    X(attribute_total, attribute_key)                                                                        \
    X(attribute_total, attribute_type)                                                                       \
    X(attribute_total, attribute_value)

/* Which column of a table says how long the table is.
 *  length            column */
#define BATCH_TABLES(X)                                                                                      \
    X(string_count, string_bytes)                                                                            \
    X(resource_count, resource_key)                                                                          \
    X(operation_count, operation_type)                                                                       \
    X(site_count, site_file)                                                                                 \
    X(span_count, span_id)                                                                                   \
    X(unread_total, unread_span_id)                                                                          \
    X(link_total, link_span_id)                                                                              \
    X(attribute_total, attribute_key)

/* Single values.
 *  name */
#define BATCH_VALUES(X)                                                                                      \
    X(version)                                                                                               \
    X(producer)                                                                                              \
    X(sequence)                                                                                              \
    X(created)                                                                                               \
    X(acknowledged)                                                                                          \
    X(base_time_unix_ns)

#endif
