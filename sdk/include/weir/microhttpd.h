/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd's request headers for weir, all lines of them, so that a server span continues the caller's trace.
 * Header-only: it adds no library, and nothing is hooked.
 *
 *     static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url, …)
 *     {
 *         struct weir_headers headers = weir_mhd_headers(connection);
 *         WEIR_SERVER_SPAN(request, "GET", "/items/{id}", &headers);
 *         …
 *         weir_server_response(request, MHD_HTTP_OK);
 *     }
 *
 * Open the span where the request is answered, not in the handler's first call (which comes before the body),
 * and in the thread that answers. The returned struct borrows the connection and is good for as long as the
 * handler runs.
 */
#ifndef WEIR_MICROHTTPD_H
#define WEIR_MICROHTTPD_H

#include <microhttpd.h>
#include <strings.h>
#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

/* MHD looks values up in a connection that it does not declare const */
static inline struct MHD_Connection *weir_mhd_connection_(const void *from)
{
#ifdef __cplusplus
    return const_cast<MHD_Connection *>(static_cast<const MHD_Connection *>(from));
#else
    return (struct MHD_Connection *)(uintptr_t)from;
#endif
}

static inline const char *weir_mhd_header_(const void *from, const char *name)
{
    return MHD_lookup_connection_value(weir_mhd_connection_(from), MHD_HEADER_KIND, name);
}

struct weir_mhd_lines_ {
    const char *name;
    const char **values;
    size_t room, count;
};

static inline enum MHD_Result weir_mhd_line_(void *to, enum MHD_ValueKind kind, const char *name,
                                             const char *value)
{
#ifdef __cplusplus
    weir_mhd_lines_ *lines = static_cast<weir_mhd_lines_ *>(to);
#else
    struct weir_mhd_lines_ *lines = (struct weir_mhd_lines_ *)to;
#endif
    (void)kind;
    if (!name || strcasecmp(name, lines->name) != 0) return MHD_YES;
    if (lines->count < lines->room) lines->values[lines->count] = value ? value : "";
    lines->count++;
    return MHD_YES;
}

static inline size_t weir_mhd_header_lines_(const void *from, const char *name, const char **values,
                                            size_t room)
{
    struct weir_mhd_lines_ lines = {name, values, room, 0};
    MHD_get_connection_values(weir_mhd_connection_(from), MHD_HEADER_KIND, weir_mhd_line_, &lines);
    return lines.count;
}

static inline struct weir_headers weir_mhd_headers(struct MHD_Connection *connection)
{
    struct weir_headers headers = {weir_mhd_header_, connection, weir_mhd_header_lines_};
    return headers;
}

#ifdef __cplusplus
}
#endif

#endif
