/* SPDX-License-Identifier: Apache-2.0 */
/* The spool on a real disk: order, limits, what a crash leaves, and damage at every byte. */
#include "tests/support/cmocka.h"

#include "base/clock.h"
#include "base/log.h"
#include "collector/spool/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW_NS 1790000000000000000

static char folder[64], dir[96];
static struct arena arena;
static struct spool_options options;
static struct spool *spool;

static void open_again(void)
{
    bool in_use;
    char error[SPOOL_ERROR_BYTES];
    spool_close(spool);
    spool = spool_open(&options, &in_use, error);
    if (!spool) fail_msg("%s", error);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-spool-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(dir, sizeof dir, "%s/a/spool", folder);
    options = (struct spool_options){.dir = dir, .bytes_max = 1u << 30, .age_max_s = 3600};
    arena_init(&arena, (size_t)256 << 20);
    open_again();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    spool_close(spool);
    spool = NULL;
    arena_fini(&arena);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* ---- records that say which they are ---- */

static struct spool_record a_record(unsigned number, size_t bytes)
{
    char *body = arena_alloc(&arena, bytes);
    assert_non_null(body);
    for (size_t i = 0; i < bytes; i++) body[i] = (char)(number * 31 + i * 7);
    if (bytes >= sizeof number) memcpy(body, &number, sizeof number);
    return (struct spool_record){.received_unix_ns = NOW_NS + number, .body = str_view(body, bytes)};
}

static enum spool_result append(const struct spool_record *records, size_t count)
{
    char why[SPOOL_ERROR_BYTES] = "";
    enum spool_result result = spool_append(spool, records, count, NOW_NS, why);
    assert_true((result == SPOOL_KEPT) == (why[0] == 0));
    return result;
}

static void append_some(unsigned first, unsigned count, size_t bytes)
{
    struct spool_record records[256];
    assert_true(count <= 256);
    for (unsigned i = 0; i < count; i++) records[i] = a_record(first + i, bytes);
    assert_int_equal(append(records, count), SPOOL_KEPT);
}

static void expect_next(unsigned number, size_t bytes)
{
    struct spool_record record, expected = a_record(number, bytes);
    assert_true(spool_next(spool, &arena, &record));
    assert_true(record.received_unix_ns == expected.received_unix_ns);
    assert_int_equal(record.body.len, bytes);
    assert_memory_equal(record.body.data, expected.body.data, bytes);
}

static void expect_nothing(void)
{
    struct spool_record record;
    assert_false(spool_next(spool, &arena, &record));
}

static size_t files(void)
{
    size_t count = 0;
    DIR *open = opendir(dir);
    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open));) count += strstr(entry->d_name, ".spool") != NULL;
    closedir(open);
    return count;
}

static char *only_file(void)
{
    static char path[400];
    DIR *open = opendir(dir);
    for (struct dirent *entry; (entry = readdir(open));)
        if (strstr(entry->d_name, ".spool")) snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
    closedir(open);
    return path;
}

/* ---- the order of things ---- */

static void what_goes_in_comes_out_in_order(void **state)
{
    (void)state;
    append_some(1, 3, 100);
    append_some(4, 1, 0);
    append_some(5, 2, 8);
    for (unsigned i = 1; i <= 3; i++) expect_next(i, 100);
    expect_next(4, 0);
    append_some(7, 1, 1);
    expect_next(5, 8);
    expect_next(6, 8);
    expect_next(7, 1);
    expect_nothing();
    struct spool_state now = spool_state(spool);
    assert_int_equal(now.records, 7);
    assert_true(now.oldest_unix_ns == NOW_NS + 1);
    spool_forget(spool);
    now = spool_state(spool);
    assert_int_equal(now.records, 0);
    assert_int_equal(now.bytes, 0);
    assert_true(now.oldest_unix_ns == 0);
    assert_int_equal(files(), 0);
    append_some(8, 1, 10);
    expect_next(8, 10);
}

static void what_was_not_forgotten_comes_again(void **state)
{
    (void)state;
    append_some(1, 4, 50);
    expect_next(1, 50);
    spool_forget(spool);
    expect_next(2, 50);
    expect_next(3, 50);
    spool_rewind(spool);
    for (unsigned i = 2; i <= 4; i++) expect_next(i, 50);
    expect_nothing();
    spool_rewind(spool);
    expect_next(2, 50);
    assert_int_equal(spool_state(spool).records, 3);
}

/* A restart reads the segment from its begin: the taker knows again what it has had. */
static void a_restart_forgets_nothing(void **state)
{
    (void)state;
    append_some(1, 5, 1000);
    expect_next(1, 1000);
    spool_forget(spool);
    open_again();
    assert_int_equal(spool_state(spool).records, 5);
    assert_true(spool_state(spool).oldest_unix_ns == NOW_NS + 1);
    append_some(6, 1, 1000);
    assert_int_equal(files(), 2); /* what another process wrote is not appended to */
    for (unsigned i = 1; i <= 6; i++) expect_next(i, 1000);
    expect_nothing();
    spool_forget(spool);
    assert_int_equal(files(), 0);
}

static void segments_go_one_by_one(void **state)
{
    (void)state;
    const size_t bytes = 1 << 20;
    for (unsigned i = 0; i < 20; i++) {
        append_some(i, 1, bytes);
        arena_reset(&arena);
    }
    size_t at_first = files();
    assert_true(at_first >= 3);
    uint64_t bytes_at_first = spool_state(spool).bytes;
    for (unsigned i = 0; i < 12; i++) {
        expect_next(i, bytes);
        spool_forget(spool);
        arena_reset(&arena);
    }
    assert_true(files() < at_first);
    assert_true(spool_state(spool).bytes < bytes_at_first);
    assert_true(spool_state(spool).oldest_unix_ns > NOW_NS + 7);
    for (unsigned i = 12; i < 20; i++) {
        expect_next(i, bytes);
        arena_reset(&arena);
    }
    spool_forget(spool);
    assert_int_equal(files(), 0);
}

/* ---- limits ---- */

static void a_full_spool_takes_nothing_until_something_is_taken(void **state)
{
    (void)state;
    options.bytes_max = 10000;
    open_again();
    unsigned kept = 0;
    struct spool_record record = a_record(0, 1000);
    while (append(&record, 1) == SPOOL_KEPT) record = a_record(++kept, 1000);
    assert_in_range(kept, 8, 9);
    assert_true(spool_state(spool).bytes <= 10000);
    for (unsigned i = 0; i < kept; i++) expect_next(i, 1000);
    spool_forget(spool);
    assert_int_equal(append(&record, 1), SPOOL_KEPT);
}

static void what_is_too_old_keeps_new_ones_out(void **state)
{
    (void)state;
    char why[SPOOL_ERROR_BYTES];
    struct spool_record first = a_record(0, 10), second = a_record(1, 10);
    assert_int_equal(spool_append(spool, &first, 1, NOW_NS, why), SPOOL_KEPT);
    assert_int_equal(spool_append(spool, &second, 1, NOW_NS + 3599 * NS_PER_S, why), SPOOL_KEPT);
    assert_int_equal(spool_append(spool, &second, 1, NOW_NS + 3601 * NS_PER_S, why), SPOOL_FULL);
    assert_non_null(strstr(why, "too long"));
    assert_int_equal(spool_state(spool).records, 2);
}

static void little_free_space_keeps_new_ones_out(void **state)
{
    (void)state;
    options.free_min_bytes = (uint64_t)1 << 60;
    open_again();
    struct spool_record record = a_record(0, 10);
    assert_int_equal(append(&record, 1), SPOOL_FULL);
    assert_int_equal(files(), 0);
}

/* A file may not grow: what the disk does when it is full, without needing one. */
static void a_disk_that_fills_up_takes_all_or_none(void **state)
{
    (void)state;
    struct rlimit limit = {100000, RLIM_INFINITY}, unlimited;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &unlimited);
    limit.rlim_max = unlimited.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    append_some(0, 9, 10000);
    struct spool_record two[2] = {a_record(100, 6000), a_record(101, 6000)};
    enum spool_result full = append(two, 2);
    append_some(9, 1, 10000); /* into a new file */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_equal(full, SPOOL_FULL);
    open_again();
    for (unsigned i = 0; i < 10; i++) expect_next(i, 10000);
    expect_nothing();
    assert_int_equal(spool_state(spool).torn + spool_state(spool).corrupt, 0);
}

static void only_one_process_has_it(void **state)
{
    (void)state;
    bool in_use = false;
    char error[SPOOL_ERROR_BYTES];
    assert_null(spool_open(&options, &in_use, error));
    assert_true(in_use);
    assert_non_null(strstr(error, "another collector"));
    append_some(1, 1, 10); /* who came too late has taken nothing away */
    expect_next(1, 10);
    spool_forget(spool);
    spool_close(spool);
    spool = NULL;
    struct stat gone;
    assert_int_equal(stat(dir, &gone), -1); /* empty: it leaves nothing */
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    bool in_use;
    char error[SPOOL_ERROR_BYTES];
    struct spool_options nowhere = options;
    nowhere.dir = "/dev/null/spool";
    assert_null(spool_open(&nowhere, &in_use, error));
    assert_false(in_use);
    assert_non_null(strstr(error, "/dev/null/spool"));
}

/* ---- damage ---- */

enum { RECORDS = 5, BODY_BYTES = 40 };

static off_t write_five(void)
{
    struct stat status;
    append_some(0, RECORDS, BODY_BYTES);
    spool_close(spool);
    spool = NULL;
    assert_int_equal(stat(only_file(), &status), 0);
    assert_int_equal(status.st_size,
                     (off_t)(SEGMENT_MAGIC_BYTES + RECORDS * segment_record_bytes(BODY_BYTES)));
    return status.st_size;
}

/* Which of the five come out; none comes that was not put in. */
static unsigned read_back(void)
{
    unsigned seen = 0;
    struct spool_record record;
    open_again();
    while (spool_next(spool, &arena, &record)) {
        unsigned number;
        assert_int_equal(record.body.len, BODY_BYTES);
        memcpy(&number, record.body.data, sizeof number);
        assert_true(number < RECORDS && !(seen & 1u << number));
        struct spool_record expected = a_record(number, BODY_BYTES);
        assert_memory_equal(record.body.data, expected.body.data, BODY_BYTES);
        assert_true(record.received_unix_ns == expected.received_unix_ns);
        seen |= 1u << number;
    }
    return seen;
}

/* Cut anywhere, what is whole before the cut comes out. */
static void a_torn_end_costs_only_itself(void **state)
{
    (void)state;
    off_t bytes = write_five();
    for (off_t cut = bytes; cut >= 0; cut--) {
        assert_int_equal(truncate(only_file(), cut), 0);
        unsigned whole = 0;
        while (whole < RECORDS &&
               SEGMENT_MAGIC_BYTES + (off_t)((whole + 1) * segment_record_bytes(BODY_BYTES)) <= cut)
            whole++;
        assert_int_equal(read_back(), (1u << whole) - 1);
        bool clean =
            cut <= SEGMENT_MAGIC_BYTES || (cut - SEGMENT_MAGIC_BYTES) % segment_record_bytes(BODY_BYTES) == 0;
        assert_int_equal(spool_state(spool).torn, clean ? 0 : 1);
        assert_int_equal(spool_state(spool).corrupt, 0);
        spool_close(spool);
        spool = NULL;
        arena_reset(&arena);
    }
}

/* Change any byte: the record in which it lies is lost and counted, and no other. */
static void a_changed_byte_costs_one_record(void **state)
{
    (void)state;
    off_t bytes = write_five();
    uint64_t record_bytes = segment_record_bytes(BODY_BYTES);
    for (off_t at = SEGMENT_MAGIC_BYTES; at < bytes; at++) {
        int fd = open(only_file(), O_RDWR | O_CLOEXEC);
        unsigned char byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x41;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        unsigned hit = (unsigned)((uint64_t)(at - SEGMENT_MAGIC_BYTES) / record_bytes);
        assert_int_equal(read_back(), 0x1fu & ~(1u << hit));
        struct spool_state now = spool_state(spool);
        assert_int_equal(now.corrupt + now.torn, 1);
        spool_close(spool);
        spool = NULL;
        byte ^= 0x41;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
        arena_reset(&arena);
    }
}

static void a_damaged_spool_goes_when_it_has_been_read(void **state)
{
    (void)state;
    write_five();
    assert_int_equal(truncate(only_file(), 100), 0);
    assert_int_equal(read_back(), 1);
    spool_forget(spool);
    assert_int_equal(files(), 0);
    assert_int_equal(spool_state(spool).records, 0);
}

/* kill -9 in the middle of appending, many times over: what was kept is there. */
static void what_a_killed_process_kept_is_there(void **state)
{
    (void)state;
    spool_close(spool);
    spool = NULL;
    unsigned kept = 0;
    for (unsigned round = 0; round < 10; round++) {
        int told[2];
        assert_int_equal(pipe(told), 0);
        pid_t child = fork();
        if (child == 0) {
            bool in_use;
            char error[SPOOL_ERROR_BYTES];
            struct spool *own = spool_open(&options, &in_use, error);
            for (unsigned number = kept; own; number++) {
                struct spool_record record = a_record(number, 3000 + number % 5000);
                if (spool_append(own, &record, 1, NOW_NS, error) != SPOOL_KEPT) break;
                if (write(told[1], &number, sizeof number) != sizeof number) break;
            }
            _exit(1);
        }
        close(told[1]);
        unsigned number = 0, wanted = kept + 5 + round;
        while (number < wanted) assert_int_equal(read(told[0], &number, sizeof number), sizeof number);
        kill(child, SIGKILL);
        while (read(told[0], &number, sizeof number) == sizeof number) {
        }
        waitpid(child, NULL, 0);
        close(told[0]);
        kept = number + 1;
        open_again();
        assert_true(spool_state(spool).records >= kept);
        struct spool_record record;
        for (unsigned i = 0; i < kept; i++) {
            assert_true(spool_next(spool, &arena, &record));
            struct spool_record expected = a_record(i, 3000 + i % 5000);
            assert_int_equal(record.body.len, expected.body.len);
            assert_memory_equal(record.body.data, expected.body.data, record.body.len);
        }
        if (spool_next(spool, &arena, &record)) kept++; /* written, but the process had not said so yet */
        expect_nothing();
        spool_close(spool);
        spool = NULL;
        arena_reset(&arena);
    }
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR); /* the damage is done on purpose */
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(what_goes_in_comes_out_in_order),
        TEST(what_was_not_forgotten_comes_again),
        TEST(a_restart_forgets_nothing),
        TEST(segments_go_one_by_one),
        TEST(a_full_spool_takes_nothing_until_something_is_taken),
        TEST(what_is_too_old_keeps_new_ones_out),
        TEST(little_free_space_keeps_new_ones_out),
        TEST(a_disk_that_fills_up_takes_all_or_none),
        TEST(only_one_process_has_it),
        TEST(a_folder_that_cannot_be_made_is_told),
        TEST(a_torn_end_costs_only_itself),
        TEST(a_changed_byte_costs_one_record),
        TEST(a_damaged_spool_goes_when_it_has_been_read),
        TEST(what_a_killed_process_kept_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
