/* SPDX-License-Identifier: Apache-2.0 */
/* How endpoints, versions and calls are put into words, the same in every report. */
#ifndef WEIR_TEXT_ENDPOINT_WORDS_H
#define WEIR_TEXT_ENDPOINT_WORDS_H

#include "viewer/text/words.h"

/* "GET /x", or "shop:GET /x" where several services have an endpoint of this name. */
void endpoint_words_name(struct words *words, const struct endpoint_summary *endpoint);

/* "dashboard before": service and version. */
void endpoint_words_service(struct words *words, struct str service, struct str version);

/* "3 queries and 51 HTTP calls", "no calls". */
/* about 4,000 requests, where it is an estimate */
void endpoint_words_requests(struct words *words, const struct endpoint_summary *endpoint);

void endpoint_words_calls(struct words *words, uint64_t db, uint64_t http, uint64_t cache);

/* "5 requests", "1 request" */
void endpoint_words_number(struct words *words, uint64_t count, const char *one, const char *many);

#endif
