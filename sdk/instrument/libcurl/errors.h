/* SPDX-License-Identifier: Apache-2.0 */
/* Words for error.type that live as long as the process: curl's own names of its codes, and HTTP statuses.
 * Any thread. */
#ifndef WEIR_LIBCURL_ERRORS_H
#define WEIR_LIBCURL_ERRORS_H

#include <curl/curl.h>

const char *error_of_code(CURLcode code); /* "CURLE_COULDNT_CONNECT"; "_OTHER" for one that is not listed */
const char *error_of_status(long status); /* "404"; "_OTHER" outside 400 … 599 */

#endif
