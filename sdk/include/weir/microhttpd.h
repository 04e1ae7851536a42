/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd's request headers for weir, so that a server span continues the caller's trace. Header-only:
 * it adds no library, and nothing is hooked.
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
#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline const char *weir_mhd_header_(const void *from, const char *name)
{
    /* MHD looks values up in a connection that it does not declare const */
#ifdef __cplusplus
    MHD_Connection *connection = const_cast<MHD_Connection *>(static_cast<const MHD_Connection *>(from));
#else
    struct MHD_Connection *connection = (struct MHD_Connection *)(uintptr_t)from;
#endif
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static inline struct weir_headers weir_mhd_headers(struct MHD_Connection *connection)
{
    struct weir_headers headers = {weir_mhd_header_, connection};
    return headers;
}

#ifdef __cplusplus
}
#endif

#endif
