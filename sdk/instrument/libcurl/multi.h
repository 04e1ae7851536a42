/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The multi interface: which calls are under way in each multi handle, and the messages of finished
 * transfers. libcurl says that a transfer is done only to who reads its message, and a program may read
 * messages much later, or never. So weir reads them after each curl_multi_perform, ends the calls, and keeps
 * the messages, in order, for the program.
 *
 * A table by CURLM* under one mutex; an entry is used without it, by the one thread that uses the multi
 * handle.
 */
#ifndef WEIR_LIBCURL_MULTI_H
#define WEIR_LIBCURL_MULTI_H

#include "sdk/instrument/libcurl/handle.h"

/* The easy handle is leaving its multi handle: a call under way is abandoned, a message not yet read is gone. */
void multi_forget(struct handle *handle);

#endif
