/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_BYTES_MAX (256u << 10) /* a long chain has 20 KB */

/* The whole file, 0-terminated; NULL with error. */
static char *read_pem(const char *path, char error[INGEST_ERROR_BYTES])
{
    FILE *file = fopen(path, "re");
    char *text = file ? calloc(1, PEM_BYTES_MAX + 1) : NULL;
    size_t bytes = text ? fread(text, 1, PEM_BYTES_MAX + 1, file) : 0;
    bool good = text && !ferror(file) && bytes <= PEM_BYTES_MAX;
    if (!good)
        snprintf(error, INGEST_ERROR_BYTES, "cannot read %.200s: %s", path,
                 bytes > PEM_BYTES_MAX ? "too long for a certificate or a key" : strerror(errno));
    if (file) fclose(file);
    if (good) return text;
    free(text);
    return NULL;
}

static nng_tls_config *new_config(const char *cert, const char *key, int *result)
{
    nng_tls_config *config = NULL;
    *result = nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER);
    if (*result != 0) return NULL;
    *result = nng_tls_config_own_cert(config, cert, key, NULL);
    if (*result == 0) return config;
    nng_tls_config_free(config);
    return NULL;
}

nng_tls_config *tls_config_read(const char *cert_path, const char *key_path, char error[INGEST_ERROR_BYTES])
{
    char *cert = read_pem(cert_path, error), *key = cert ? read_pem(key_path, error) : NULL;
    nng_tls_config *config = NULL;
    if (key) {
        int result;
        config = new_config(cert, key, &result);
        if (!config)
            snprintf(error, INGEST_ERROR_BYTES, "cannot use %.150s with the key %.150s: %s", cert_path,
                     key_path, nng_strerror(result));
        explicit_bzero(key, strlen(key));
    }
    free(key);
    free(cert);
    return config;
}
