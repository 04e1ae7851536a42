/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "tests/viewer/golden.h"

#include <stdio.h>
#include <stdlib.h>

static void read_file(const char *path, struct buffer *to)
{
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("no %s: WEIR_UPDATE_GOLDEN=1 writes it", path);
    for (size_t got = 1; got > 0;) {
        char *at = buffer_reserve(to, 65536);
        assert_non_null(at);
        got = fread(at, 1, 65536, file);
        to->len += got;
    }
    fclose(file);
}

static void write_file(const char *path, const struct buffer *output)
{
    FILE *file = fopen(path, "wb");
    if (!file) fail_msg("cannot write %s", path);
    assert_int_equal(fwrite(output->data, 1, output->len, file), output->len);
    assert_int_equal(fclose(file), 0);
}

static unsigned first_different_line(const struct buffer *a, const struct buffer *b)
{
    unsigned line = 1;
    for (size_t i = 0; i < a->len && i < b->len && a->data[i] == b->data[i]; i++) line += a->data[i] == '\n';
    return line;
}

void golden_check(const char *name, const struct buffer *output)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, name);
    assert_false(output->failed);
    if (getenv("WEIR_UPDATE_GOLDEN")) {
        write_file(path, output);
        return;
    }
    struct buffer expected;
    buffer_init(&expected);
    read_file(path, &expected);
    if (!str_equal(buffer_str(&expected), buffer_str(output)))
        fail_msg("%s differs from line %u on; this was printed:\n%s", path,
                 first_different_line(&expected, output), output->data);
    buffer_fini(&expected);
}
