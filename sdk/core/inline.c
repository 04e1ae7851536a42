/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of the public headers' inline functions (WEIR_INLINE), for callers into which they were not inlined. */
#include <weir/context.h>

void weir_span_cleanup_(struct weir_span *span) { weir_span_end(*span); }

void weir_attachment_cleanup_(struct weir_attachment *attachment) { weir_context_detach(*attachment); }

struct weir_span weir_span_begin(const struct weir_site *site) { return weir_span_begin_live_(site); }
void weir_span_end(struct weir_span span) { weir_span_end_live_(span); }
