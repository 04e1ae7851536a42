/* SPDX-License-Identifier: Apache-2.0 */
/* From ticks to wall time while the clocks drift apart, are set, stop and start again. Both clocks are the test's own. */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "base/id.h"
#include "sdk/core/span_timeline.h"

#include <math.h>
#include <stdlib.h>

#define NS_PER_TICK (1 / 2.3)            /* of the counter, by the true time */
#define BEGIN_TICKS 1000000000000000000u /* of a machine that has been up for long */
#define BEGIN_NS    (5 * NS_PER_S)
#define UNIX_NS     1700000000000000000

/* A machine: true time moves, the kernel's clock runs by its rate (NTP's doing), and reading it is off by some noise. */
struct machine {
    double true_ns;      /* since the beginning */
    double monotonic_ns; /* what the kernel's clock shows */
    double rate;         /* of the kernel's clock: 1.0001 is 100 ppm fast */
    int64_t wall_offset_ns;
    struct id_generator random;
};

static struct machine machine_new(double rate)
{
    return (struct machine){
        .monotonic_ns = BEGIN_NS, .rate = rate, .wall_offset_ns = UNIX_NS, .random = {{1, 2, 3, 4}}};
}

static void pass(struct machine *machine, double ns)
{
    machine->true_ns += ns;
    machine->monotonic_ns += ns * machine->rate;
}

static uint64_t ticks_of(const struct machine *machine)
{
    return BEGIN_TICKS + (uint64_t)(machine->true_ns / NS_PER_TICK);
}

static struct clock_reading reading(struct machine *machine)
{
    double noise = (double)(id_next(&machine->random) % 100) - 50;
    int64_t ns = (int64_t)(machine->monotonic_ns + noise);
    return (struct clock_reading){ticks_of(machine), ns, ns + machine->wall_offset_ns};
}

static void begin(struct span_timeline *timeline, struct machine *machine)
{
    struct clock_reading now = reading(machine);
    span_timeline_init(timeline, &now);
    pass(machine, 100 * NS_PER_MS);
    now = reading(machine);
    span_timeline_update(timeline, &now);
}

static void update(struct span_timeline *timeline, struct machine *machine)
{
    struct clock_reading now = reading(machine);
    span_timeline_update(timeline, &now);
}

/* How far the line is from the kernel's clock just now. */
static double error_ns(const struct span_timeline *timeline, const struct machine *machine)
{
    return (double)span_timeline_monotonic_ns(timeline, ticks_of(machine)) - machine->monotonic_ns;
}

static void a_steady_clock_is_followed(void **state)
{
    (void)state;
    struct machine machine = machine_new(1.00002);
    struct span_timeline timeline;
    begin(&timeline, &machine);
    for (int i = 0; i < 2000; i++) {
        pass(&machine, 100 * NS_PER_MS);
        update(&timeline, &machine);
        assert_true(fabs(error_ns(&timeline, &machine)) < 2000);
    }
    assert_true(llabs(span_timeline_unix_ns(&timeline, ticks_of(&machine)) - (int64_t)machine.monotonic_ns -
                      UNIX_NS) < 2000);
}

/* NTP turns the kernel's clock by up to 500 ppm and back; the line follows, a second late. */
static void drift_is_followed_without_a_jump(void **state)
{
    (void)state;
    struct machine machine = machine_new(1);
    struct span_timeline timeline;
    begin(&timeline, &machine);
    int64_t last_ns = 0;
    for (int i = 0; i < 6000; i++) {
        machine.rate = 1 + 500e-6 * sin(i / 300.0);
        pass(&machine, 100 * NS_PER_MS);
        update(&timeline, &machine);
        int64_t ns = span_timeline_monotonic_ns(&timeline, ticks_of(&machine));
        assert_true(ns > last_ns);
        assert_true(fabs(error_ns(&timeline, &machine)) < 100e3);
        last_ns = ns;
    }
    machine.rate = 1;
    for (int i = 0; i < 60; i++) {
        pass(&machine, 100 * NS_PER_MS);
        update(&timeline, &machine);
    }
    assert_true(fabs(error_ns(&timeline, &machine)) < 2000); /* and no error stays */
}

#define MOMENTS 4000

/* Whatever a moment was said to be when it was young it is an hour later: a parent still begins before its children. */
static void what_was_said_stays_so(void **state)
{
    (void)state;
    struct machine machine = machine_new(1);
    struct span_timeline timeline;
    static uint64_t ticks[MOMENTS];
    static int64_t said_ns[MOMENTS];
    begin(&timeline, &machine);
    for (int i = 0; i < MOMENTS; i++) {
        machine.rate = 1 + 20e-6 * sin(i / 100.0); /* warm and cold: 20 ppm in five minutes */
        pass(&machine, NS_PER_S);
        update(&timeline, &machine);
        ticks[i] = ticks_of(&machine);
        said_ns[i] = span_timeline_monotonic_ns(&timeline, ticks[i]);
        if (i < 10) continue;
        for (int near = i - 10; near <= i; near++) /* nothing has been thinned out yet: exactly so */
            assert_int_equal(span_timeline_monotonic_ns(&timeline, ticks[near]), said_ns[near]);
    }
    int64_t last_ns = INT64_MIN;
    for (int i = 0; i < MOMENTS; i++) {
        int64_t ns = span_timeline_monotonic_ns(&timeline, ticks[i]);
        assert_true(ns > last_ns); /* in order all the same */
        assert_true(llabs(ns - said_ns[i]) < 100 * NS_PER_US);
        last_ns = ns;
    }
}

/* Closely, across all ends of pieces: never back. */
static void never_falls(void **state)
{
    (void)state;
    struct machine machine = machine_new(1);
    struct span_timeline timeline;
    begin(&timeline, &machine);
    uint64_t first = ticks_of(&machine);
    for (int i = 0; i < 5000; i++) {
        machine.rate = 1 + 400e-6 * sin(i);
        pass(&machine, 1.1 * NS_PER_S);
        update(&timeline, &machine);
    }
    for (uint32_t i = 0; i < timeline.count; i++)
        for (int64_t near = -3; near < 3; near++) {
            uint64_t at = timeline.knots[i].ticks + (uint64_t)near;
            assert_true(span_timeline_monotonic_ns(&timeline, at) <=
                        span_timeline_monotonic_ns(&timeline, at + 1));
        }
    int64_t last_ns = INT64_MIN;
    for (uint64_t at = first; at < ticks_of(&machine); at += 1000000019) {
        int64_t ns = span_timeline_monotonic_ns(&timeline, at);
        assert_true(ns >= last_ns);
        last_ns = ns;
    }
    assert_true(timeline.count <= TIMELINE_KNOTS);
}

static void a_wall_clock_that_is_set_moves_wall_time_alone(void **state)
{
    (void)state;
    struct machine machine = machine_new(1);
    struct span_timeline timeline;
    begin(&timeline, &machine);
    uint64_t then = ticks_of(&machine);
    int64_t monotonic_ns = span_timeline_monotonic_ns(&timeline, then);
    machine.wall_offset_ns += 3600 * NS_PER_S;
    pass(&machine, 10 * NS_PER_MS);
    update(&timeline, &machine);
    assert_int_equal(span_timeline_monotonic_ns(&timeline, then), monotonic_ns);
    assert_true(llabs(span_timeline_unix_ns(&timeline, then) - monotonic_ns - UNIX_NS - 3600 * NS_PER_S) <
                1000);
    int64_t before_ns = timeline.wall_offset_ns;
    machine.wall_offset_ns += 1000; /* noise, or a little of NTP's */
    update(&timeline, &machine);
    assert_int_equal(timeline.wall_offset_ns, before_ns);
}

/* The machine slept, and the counter with it or not; or it was moved to another, and the counter begins anew. */
static void what_cannot_be_steered_is_jumped_over(void **state)
{
    (void)state;
    struct machine machine = machine_new(1);
    struct span_timeline timeline;
    begin(&timeline, &machine);
    pass(&machine, 2 * NS_PER_S);
    update(&timeline, &machine);
    machine.true_ns += 3600.0 * NS_PER_S; /* the counter went on, the kernel's clock did not */
    pass(&machine, 2 * NS_PER_S);
    update(&timeline, &machine);
    for (int i = 0; i < 10; i++) {
        pass(&machine, 2 * NS_PER_S);
        update(&timeline, &machine);
    }
    assert_true(fabs(error_ns(&timeline, &machine)) < 2000);
    machine.true_ns = 1; /* the counter was set back */
    for (int i = 0; i < 10; i++) {
        pass(&machine, 2 * NS_PER_S);
        update(&timeline, &machine);
    }
    assert_true(fabs(error_ns(&timeline, &machine)) < 2000);
}

static void durations_over_weeks_are_exact(void **state)
{
    (void)state;
    struct machine machine = machine_new(1);
    struct span_timeline timeline;
    begin(&timeline, &machine);
    uint64_t began = ticks_of(&machine);
    double began_ns = machine.monotonic_ns;
    for (int day = 0; day < 21; day++) {
        pass(&machine, 86400.0 * NS_PER_S);
        update(&timeline, &machine);
    }
    int64_t took_ns = span_timeline_monotonic_ns(&timeline, ticks_of(&machine)) -
                      span_timeline_monotonic_ns(&timeline, began);
    assert_true(fabs((double)took_ns - (machine.monotonic_ns - began_ns)) < 5000);
}

/* Where the ticks are the kernel's nanoseconds there is nothing to bend. */
static void nanoseconds_stay_what_they_are(void **state)
{
    (void)state;
    struct span_timeline timeline;
    struct clock_reading now = {7000, 7000, UNIX_NS + 7000};
    span_timeline_init(&timeline, &now);
    for (int i = 1; i < 300; i++) {
        int64_t ns = 7000 + i * 777777777ll;
        now = (struct clock_reading){(uint64_t)ns, ns, UNIX_NS + ns};
        span_timeline_update(&timeline, &now);
        assert_int_equal(span_timeline_monotonic_ns(&timeline, (uint64_t)ns + 12345), ns + 12345);
        assert_int_equal(span_timeline_unix_ns(&timeline, 5000), UNIX_NS + 5000);
    }
}

/* The real clocks of this machine, both kinds of ticks. */
static void the_real_clock_is_the_kernels(void **state)
{
    (void)state;
    for (int system = 0; system < 2; system++) {
        struct span_timeline timeline;
        span_clock_setup(system);
        span_timeline_init(&timeline, &span_clock_origin);
        int64_t until_ns = clock_monotonic_ns() + 20 * NS_PER_MS;
        while (clock_monotonic_ns() < until_ns) continue;
        struct clock_reading now = span_clock_read();
        span_timeline_update(&timeline, &now);
        for (int i = 0; i < 1000; i++) {
            int64_t before_ns = clock_monotonic_ns();
            uint64_t ticks = span_clock_ticks();
            int64_t after_ns = clock_monotonic_ns(), ns = span_timeline_monotonic_ns(&timeline, ticks);
            assert_true(ns > before_ns - NS_PER_MS && ns < after_ns + NS_PER_MS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_steady_clock_is_followed),
        cmocka_unit_test(drift_is_followed_without_a_jump),
        cmocka_unit_test(what_was_said_stays_so),
        cmocka_unit_test(never_falls),
        cmocka_unit_test(a_wall_clock_that_is_set_moves_wall_time_alone),
        cmocka_unit_test(what_cannot_be_steered_is_jumped_over),
        cmocka_unit_test(durations_over_weeks_are_exact),
        cmocka_unit_test(nanoseconds_stay_what_they_are),
        cmocka_unit_test(the_real_clock_is_the_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
