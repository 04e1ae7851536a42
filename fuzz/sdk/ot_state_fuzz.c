/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever callers put into the `ot` member: what is read is in range; what is written fits, is read back as it was meant,
 * and lacks nothing of the rest but what had no room. */
#include "sdk/core/ot_state.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(bool good)
{
    if (!good) abort();
}

static void write_and_read(struct str value, uint64_t threshold)
{
    char to[OT_VALUE_MOST], again[OT_VALUE_MOST];
    struct ot_state before = ot_state_read(value);
    size_t len = ot_state_write(to, value, threshold);
    check(len <= OT_VALUE_MOST);
    if (value.len > OT_VALUE_MOST) return; /* tracestate has no such member */
    struct ot_state after = ot_state_read(str_view(to, len));
    check(after.threshold == threshold || after.threshold == THRESHOLD_UNKNOWN);
    check(after.threshold == threshold || threshold >= RANDOMNESS_ALL || value.len + 18 > OT_VALUE_MOST);
    check(after.has_randomness == before.has_randomness && after.randomness == before.randomness);
    size_t same = ot_state_write(again, str_view(to, len), after.threshold);
    check(str_equal(str_view(again, same), str_view(to, len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct str value = str_view((const char *)data, bytes);
    struct ot_state ot = ot_state_read(value);
    check(ot.threshold < RANDOMNESS_ALL || ot.threshold == THRESHOLD_UNKNOWN);
    check(ot.randomness < RANDOMNESS_ALL);
    write_and_read(value, ot.threshold);
    write_and_read(value, THRESHOLD_UNKNOWN);
    write_and_read(value, RANDOMNESS_ALL);
    write_and_read(value, 0);
    write_and_read(value, 0xfd70a40000001);
    return 0;
}
