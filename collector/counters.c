/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/counters.h"

struct collector_counters counters;
