/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of a batch, one table a group; a group's columns are as long as its length says. Names are the
 * same in weir.proto and in struct batch, so packing and unpacking are loops over these tables. Private to
 * proto/.
 */
#ifndef WEIR_PROTO_BATCH_COLUMNS_H
#define WEIR_PROTO_BATCH_COLUMNS_H

/* As long as the table or list that they go with; absent when all are 0. span_id is not among them: it is what counts
 * the spans.
 *  type      length       name */
#define BATCH_OPTIONAL_COLUMNS(X)                                                                            \
    X(uint32_t, span_count, span_trace)                                                                      \
    X(uint64_t, span_count, parent_span_id)                                                                  \
    X(uint32_t, span_count, span_kind)                                                                       \
    X(uint32_t, span_count, span_operation)                                                                  \
    X(uint32_t, span_count, span_site)                                                                       \
    X(int64_t, span_count, start_delta_ns)                                                                   \
    X(uint64_t, span_count, duration_ns)                                                                     \
    X(uint32_t, span_count, status)                                                                          \
    X(uint32_t, span_count, flags)                                                                           \
    X(uint64_t, span_count, rows_plus_1)                                                                     \
    X(uint32_t, span_count, connection)                                                                      \
    X(uint64_t, span_count, input_hash)                                                                      \
    X(uint64_t, span_count, answer_hash)                                                                     \
    X(uint32_t, span_count, input_count)                                                                     \
    X(uint32_t, span_count, unread_count)                                                                    \
    X(uint32_t, span_count, link_count)                                                                      \
    X(uint32_t, span_count, attribute_count)                                                                 \
    X(uint32_t, span_count, span_scope)                                                                      \
    X(uint32_t, span_count, span_sampling)                                                                   \
    X(uint32_t, span_count, status_message)                                                                  \
    X(uint32_t, span_count, trace_state)                                                                     \
    X(uint32_t, span_count, dropped_attributes)                                                              \
    X(uint32_t, span_count, dropped_events)                                                                  \
    X(uint32_t, span_count, dropped_span_links)                                                              \
    X(uint32_t, span_count, event_count)                                                                     \
    X(uint32_t, span_count, span_link_count)                                                                 \
    X(uint32_t, event_total, event_dropped_attributes)                                                       \
    X(uint32_t, event_total, event_attribute_count)                                                          \
    X(uint32_t, span_link_total, span_link_trace_state)                                                      \
    X(uint32_t, span_link_total, span_link_flags)                                                            \
    X(uint32_t, span_link_total, span_link_dropped_attributes)                                               \
    X(uint32_t, span_link_total, span_link_attribute_count)

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
    X(attribute_total, attribute_value)                                                                      \
    X(sampling_count, sampling_threshold)                                                                    \
    X(scope_count, scope_name)                                                                               \
    X(scope_count, scope_version)                                                                            \
    X(event_total, event_time_delta_ns)                                                                      \
    X(event_total, event_name)                                                                               \
    X(event_attribute_total, event_attribute_key)                                                            \
    X(event_attribute_total, event_attribute_type)                                                           \
    X(event_attribute_total, event_attribute_value)                                                          \
    X(span_link_total, span_link_span_id)                                                                    \
    X(span_link_attribute_total, span_link_attribute_key)                                                    \
    X(span_link_attribute_total, span_link_attribute_type)                                                   \
    X(span_link_attribute_total, span_link_attribute_value)

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
    X(attribute_total, attribute_key)                                                                        \
    X(sampling_count, sampling_threshold)                                                                    \
    X(scope_count, scope_name)                                                                               \
    X(event_total, event_name)                                                                               \
    X(event_attribute_total, event_attribute_key)                                                            \
    X(span_link_total, span_link_span_id)                                                                    \
    X(span_link_attribute_total, span_link_attribute_key)

/* 16 bytes for each of a length, one behind the other.
 *  length            bytes */
#define BATCH_TRACE_IDS(X)                                                                                   \
    X(trace_count, trace_ids)                                                                                \
    X(span_link_total, span_link_trace_ids)

/* Counters by reason: those at the end that are 0 are not sent.
 *  name */
#define BATCH_COUNTERS(X)                                                                                    \
    X(dropped)                                                                                               \
    X(sampled_away)

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
