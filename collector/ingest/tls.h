/* SPDX-License-Identifier: Apache-2.0 */
/* The collector's certificate and key for tls+tcp://, read once at the start. */
#ifndef WEIR_COLLECTOR_TLS_H
#define WEIR_COLLECTOR_TLS_H

#include "collector/ingest/ingest.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>

/* From PEM files: the certificate with whatever chain follows it, and its key, not encrypted. Clients need no certificate.
 * NULL: error says why. Free with nng_tls_config_free. */
nng_tls_config *tls_config_read(const char *cert_path, const char *key_path, char error[INGEST_ERROR_BYTES]);

#endif
