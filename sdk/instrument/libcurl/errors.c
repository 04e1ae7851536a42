/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/instrument/libcurl/errors.h"

#include <pthread.h>
#include <stdio.h>

#define STATUS_FIRST 400
#define STATUS_LAST  599
#define OTHER        "_OTHER"

/* What http and https transfers end with. */
#define CODES(X)                                                                                             \
    X(CURLE_UNSUPPORTED_PROTOCOL)                                                                            \
    X(CURLE_FAILED_INIT)                                                                                     \
    X(CURLE_URL_MALFORMAT)                                                                                   \
    X(CURLE_NOT_BUILT_IN)                                                                                    \
    X(CURLE_COULDNT_RESOLVE_PROXY)                                                                           \
    X(CURLE_COULDNT_RESOLVE_HOST)                                                                            \
    X(CURLE_COULDNT_CONNECT)                                                                                 \
    X(CURLE_WEIRD_SERVER_REPLY)                                                                              \
    X(CURLE_REMOTE_ACCESS_DENIED)                                                                            \
    X(CURLE_HTTP2)                                                                                           \
    X(CURLE_PARTIAL_FILE)                                                                                    \
    X(CURLE_HTTP_RETURNED_ERROR)                                                                             \
    X(CURLE_WRITE_ERROR)                                                                                     \
    X(CURLE_UPLOAD_FAILED)                                                                                   \
    X(CURLE_READ_ERROR)                                                                                      \
    X(CURLE_OUT_OF_MEMORY)                                                                                   \
    X(CURLE_OPERATION_TIMEDOUT)                                                                              \
    X(CURLE_RANGE_ERROR)                                                                                     \
    X(CURLE_SSL_CONNECT_ERROR)                                                                               \
    X(CURLE_ABORTED_BY_CALLBACK)                                                                             \
    X(CURLE_BAD_FUNCTION_ARGUMENT)                                                                           \
    X(CURLE_INTERFACE_FAILED)                                                                                \
    X(CURLE_TOO_MANY_REDIRECTS)                                                                              \
    X(CURLE_GOT_NOTHING)                                                                                     \
    X(CURLE_SSL_ENGINE_NOTFOUND)                                                                             \
    X(CURLE_SEND_ERROR)                                                                                      \
    X(CURLE_RECV_ERROR)                                                                                      \
    X(CURLE_SSL_CERTPROBLEM)                                                                                 \
    X(CURLE_SSL_CIPHER)                                                                                      \
    X(CURLE_PEER_FAILED_VERIFICATION)                                                                        \
    X(CURLE_BAD_CONTENT_ENCODING)                                                                            \
    X(CURLE_FILESIZE_EXCEEDED)                                                                               \
    X(CURLE_USE_SSL_FAILED)                                                                                  \
    X(CURLE_SEND_FAIL_REWIND)                                                                                \
    X(CURLE_LOGIN_DENIED)                                                                                    \
    X(CURLE_SSL_CACERT_BADFILE)                                                                              \
    X(CURLE_AGAIN)                                                                                           \
    X(CURLE_SSL_ISSUER_ERROR)                                                                                \
    X(CURLE_CHUNK_FAILED)                                                                                    \
    X(CURLE_NO_CONNECTION_AVAILABLE)                                                                         \
    X(CURLE_SSL_PINNEDPUBKEYNOTMATCH)                                                                        \
    X(CURLE_SSL_INVALIDCERTSTATUS)                                                                           \
    X(CURLE_HTTP2_STREAM)                                                                                    \
    X(CURLE_RECURSIVE_API_CALL)                                                                              \
    X(CURLE_AUTH_ERROR)                                                                                      \
    X(CURLE_HTTP3)                                                                                           \
    X(CURLE_QUIC_CONNECT_ERROR)                                                                              \
    X(CURLE_PROXY)                                                                                           \
    X(CURLE_SSL_CLIENTCERT)

const char *error_of_code(CURLcode code)
{
    switch (code) {
#define X(name)                                                                                              \
    case name:                                                                                               \
        return #name;
        CODES(X)
#undef X
    default:
        return OTHER;
    }
}

static pthread_once_t statuses_once = PTHREAD_ONCE_INIT;
static char statuses[STATUS_LAST - STATUS_FIRST + 1][4]; /* written once, before any is handed out */

static void write_statuses(void)
{
    for (unsigned status = STATUS_FIRST; status <= STATUS_LAST; status++) {
        char *text = statuses[status - STATUS_FIRST];
        text[0] = (char)('0' + status / 100);
        text[1] = (char)('0' + status / 10 % 10);
        text[2] = (char)('0' + status % 10);
    }
}

const char *error_of_status(long status)
{
    if (status < STATUS_FIRST || status > STATUS_LAST) return OTHER;
    pthread_once(&statuses_once, write_statuses);
    return statuses[status - STATUS_FIRST];
}
