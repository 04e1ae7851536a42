/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard output for an answer: through a pager when it is a terminal and the answer is longer than its
 * screen, else as it is. WEIR_PAGER, else PAGER, is a shell command; without either `less -FRX`, where there
 * is one. An empty name or `cat` means none, as does TERM=dumb. LESS=FRX is set for a pager unless LESS is
 * set. While it runs Ctrl-C is the pager's. Main thread only.
 */
#ifndef WEIR_CLI_PAGER_H
#define WEIR_CLI_PAGER_H

#include "base/buffer.h"

/* False: it could not be written, and that has been complained of. A reader that has seen enough
 * (`weir report | head`) is no error. */
bool pager_show(const struct buffer *text, bool may_page);

#endif
