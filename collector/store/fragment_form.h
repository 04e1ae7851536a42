/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte of a blob. Private to collector/store/fragment_*.c. */
#ifndef WEIR_STORE_FRAGMENT_FORM_H
#define WEIR_STORE_FRAGMENT_FORM_H

enum { FRAGMENT_PLAIN = 0, FRAGMENT_LZ4 = 1 };
#define FRAGMENT_LENGTH_BYTES_MAX 5

#endif
