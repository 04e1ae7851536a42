/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer as a call: what is asked, and what came of it. By the thread that performs. */
#ifndef WEIR_LIBCURL_CALL_H
#define WEIR_LIBCURL_CALL_H

#include "sdk/instrument/libcurl/transfer.h"

/* Begins and sends the call, and sets the handle up for it. False, and nothing is changed, where there is nothing to
 * record: another protocol, no memory, tracing is off, or a transfer is under way already. */
bool call_begin(struct transfer *transfer, const struct weir_site *site, CURL *curl, struct handle *handle);

/* The transfer is done: ends the call and puts the handle back. */
void call_end(struct transfer *transfer, CURLcode result);

/* It will never be done. */
void call_abandon(struct transfer *transfer);

#endif
