/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From "HOST:PORT" to a listening socket. Binds exactly what is named (loopback unless someone says
 * otherwise) and says in one line what is wrong and what to do: a bad address, a port in use, a port that
 * needs root. Any thread.
 */
#ifndef WEIR_SERVE_ADDRESS_H
#define WEIR_SERVE_ADDRESS_H

#include <stddef.h>

#define ADDRESS_TEXT_BYTES 128

/* Returns a non-blocking socket that listens, and writes where: "127.0.0.1:4318", "[::1]:4318", port filled
 * in. -1: error says why. The caller closes it. */
int address_listen(const char *address, char bound[ADDRESS_TEXT_BYTES], char *error, size_t error_bytes);

#endif
