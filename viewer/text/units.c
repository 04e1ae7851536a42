/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/units.h"

#include "base/clock.h"
#include "viewer/text/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define S WORDS_SPACE

#define NS_PER_MIN  (60 * NS_PER_S)
#define NS_PER_HOUR (60 * NS_PER_MIN)
#define NS_PER_DAY  (24 * NS_PER_HOUR)

/* Three digits: 1.21, 12.1, 121. */
static int digits_after_point(double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; }

static struct unit_text scaled(double value, const char *unit)
{
    struct unit_text out;
    snprintf(out.text, sizeof out.text, "%.*f" S "%s", digits_after_point(value), value, unit);
    return out;
}

static struct unit_text two_units(int64_t ns, int64_t large_ns, const char *large, int64_t small_ns,
                                  const char *small)
{
    struct unit_text out;
    snprintf(out.text, sizeof out.text, "%" PRId64 S "%s" S "%" PRId64 S "%s", ns / large_ns, large,
             ns % large_ns / small_ns, small);
    return out;
}

struct unit_text units_duration(int64_t ns)
{
    struct unit_text out;
    if (ns < 0) {
        struct unit_text positive = units_duration(ns == INT64_MIN ? INT64_MAX : -ns);
        snprintf(out.text, sizeof out.text, "-%.38s", positive.text);
        return out;
    }
    if (ns < NS_PER_US) {
        snprintf(out.text, sizeof out.text, "%" PRId64 S "ns", ns);
        return out;
    }
    if (ns < 999500) return scaled((double)ns / 1e3, "µs");
    if (ns < 999500000) return scaled((double)ns / 1e6, "ms");
    if (ns < 2 * NS_PER_MIN) return scaled((double)ns / 1e9, "s");
    if (ns < 2 * NS_PER_HOUR) return two_units(ns, NS_PER_MIN, "min", NS_PER_S, "s");
    if (ns < 2 * NS_PER_DAY) return two_units(ns, NS_PER_HOUR, "h", NS_PER_MIN, "min");
    return two_units(ns, NS_PER_DAY, "days", NS_PER_HOUR, "h");
}

struct unit_text units_estimate(int64_t ns)
{
    struct unit_text out;
    if (ns >= 100 * NS_PER_S || ns < 0) return units_duration(ns);
    int64_t step = 1;
    while (ns / step >= 100) step *= 10;
    ns = (ns + step / 2) / step * step;
    const char *unit = ns < NS_PER_US ? "ns" : ns < NS_PER_MS ? "µs" : ns < NS_PER_S ? "ms" : "s";
    double value = (double)ns / (ns < NS_PER_US ? 1.0 : ns < NS_PER_MS ? 1e3 : ns < NS_PER_S ? 1e6 : 1e9);
    snprintf(out.text, sizeof out.text, "%.3g" S "%s", value, unit);
    return out;
}

struct unit_text units_count(uint64_t count)
{
    struct unit_text out;
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count), to = 0;
    for (size_t i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) out.text[to++] = ',';
        out.text[to++] = digits[i];
    }
    out.text[to] = 0;
    return out;
}

struct unit_text units_mean(double count)
{
    struct unit_text out = {"<0.1"};
    if (count > 1e18) count = 1e18;
    if (count < 0) count = 0;
    if (count >= 99.95 || count == (double)(int64_t)count) return units_count((uint64_t)(count + 0.5));
    if (count >= 0.05) snprintf(out.text, sizeof out.text, "%.1f", count);
    return out;
}

struct unit_text units_share(double share)
{
    struct unit_text out;
    double percent = share * 100;
    if (percent <= 0) return (struct unit_text){"0" S "%"};
    if (percent < 0.1) return (struct unit_text){"<0.1" S "%"};
    snprintf(out.text, sizeof out.text, "%.*f" S "%%", percent < 9.95 ? 1 : 0,
             percent < 1e15 ? percent : 1e15);
    return out;
}

struct unit_text units_bytes(uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    struct unit_text out;
    if (bytes < 1024) {
        snprintf(out.text, sizeof out.text, "%" PRIu64 S "bytes", bytes);
        return out;
    }
    double value = (double)bytes / 1024;
    unsigned unit = 0;
    for (; value >= 999.5 && unit < 5; unit++) value /= 1024;
    return scaled(value, units[unit]);
}

struct unit_text units_age(int64_t now_ns, int64_t then_ns)
{
    struct unit_text out;
    int64_t age;
    if (__builtin_sub_overflow(now_ns, then_ns, &age)) age = then_ns < now_ns ? INT64_MAX : 0;
    if (age < NS_PER_S) age = 0;
    struct {
        int64_t until_ns, unit_ns;
        const char *unit;
    } const steps[] = {{2 * NS_PER_MIN, NS_PER_S, "s"},
                       {2 * NS_PER_HOUR, NS_PER_MIN, "min"},
                       {2 * NS_PER_DAY, NS_PER_HOUR, "h"},
                       {INT64_MAX, NS_PER_DAY, "days"}};
    unsigned i = 0;
    while (age >= steps[i].until_ns && i < 3) i++;
    snprintf(out.text, sizeof out.text, "%" PRId64 S "%s", age / steps[i].unit_ns, steps[i].unit);
    return out;
}

struct unit_text units_ago(int64_t now_ns, int64_t then_ns)
{
    struct unit_text out = {"just" S "now"};
    int64_t age;
    if (__builtin_sub_overflow(now_ns, then_ns, &age)) age = then_ns < now_ns ? INT64_MAX : INT64_MIN;
    if (age < -NS_PER_S)
        snprintf(out.text, sizeof out.text, "%.28s" S "ahead", units_age(then_ns, now_ns).text);
    else if (age >= NS_PER_S)
        snprintf(out.text, sizeof out.text, "%.30s" S "ago", units_age(now_ns, then_ns).text);
    return out;
}

struct unit_text units_time(int64_t unix_ns)
{
    struct unit_text out;
    int64_t seconds = unix_ns / NS_PER_S, ms = unix_ns % NS_PER_S / NS_PER_MS;
    if (ms < 0) {
        seconds--;
        ms += 1000;
    }
    struct tm tm;
    time_t t = (time_t)seconds;
    char date[24];
    gmtime_r(&t, &tm);
    strftime(date, sizeof date, "%Y-%m-%d" S "%H:%M:%S", &tm);
    snprintf(out.text, sizeof out.text, "%s.%03d" S "UTC", date, (int)ms);
    return out;
}
