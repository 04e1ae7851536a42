/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two services behind the listing share: the option --port, waiting as long as a slow service would,
 * and reading the ids that a bulk request asks for.
 */
#ifndef WEIR_EXAMPLES_PRODUCTS_BACKEND_H
#define WEIR_EXAMPLES_PRODUCTS_BACKEND_H

#include "examples/common/service.h"

/* The whole of main: options, then service_run. */
int backend_main(int argc, char **argv, const char *name, const struct service_route *routes);

void backend_wait_ms(long ms);

/* One element of a bulk answer for one id; a new reference. */
typedef json_t *(*backend_entry)(json_int_t id);

/* {"ids":[…]} → {key:[entry of each]}; 200, or 400 for a body that is not so. */
unsigned backend_bulk(const struct service_request *request, const char *key, backend_entry entry,
                      struct service_answer *answer);

#endif
