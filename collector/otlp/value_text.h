/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value of OTLP's as the text that weir stores of it: a string itself, bytes in base64, an array or a map as JSON, numbers
 * and truth as in JSON; nothing for none. Lives in the arena or is the value's own. Bounded by the arena: what does not fit
 * is empty.
 */
#ifndef WEIR_COLLECTOR_VALUE_TEXT_H
#define WEIR_COLLECTOR_VALUE_TEXT_H

#include "proto/otlp.h"

struct str value_as_text(const struct otlp_value *value, struct arena *arena);

#endif
