/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions: of these headers, for the preprocessor, and of the libweir that is running, which may be a later one. The build
 * reads the numbers from here.
 *
 *     #if WEIR_VERSION_NUMBER < 200
 *     #error "needs weir 0.2"
 *     #endif
 */
#ifndef WEIR_VERSION_H
#define WEIR_VERSION_H

#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0

/* One number to compare: 0.1.0 is 100, 1.2.3 is 10203. */
#define WEIR_VERSION_NUMBER (WEIR_VERSION_MAJOR * 10000 + WEIR_VERSION_MINOR * 100 + WEIR_VERSION_PATCH)

/* "0.1.0": of the library, not of the headers. */
WEIR_API const char *weir_version(void);

#ifdef __cplusplus
}
#endif

#endif
