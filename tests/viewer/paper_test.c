/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "viewer/text/paper.h"

struct fixture {
    struct view view;
    struct buffer out;
    struct paper paper;
    struct words words;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture.view = (struct view){.width = 60};
    buffer_init(&fixture.out);
    paper_init(&fixture.paper, &fixture.out, &fixture.view);
    words_init(&fixture.words, &fixture.view);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    buffer_fini(&fixture->out);
    words_fini(&fixture->words);
    return 0;
}

static void cuts_what_does_not_fit(void **state)
{
    struct fixture *fixture = *state;
    paper_put(&fixture->paper, str_of("abcdefgh"), 5);
    paper_to(&fixture->paper, 8);
    paper_put(&fixture->paper, str_of("\xe6\xb3\xa8\xe6\x96\x87\xe6\xb3\xa8"),
              4); /* three wide ones: 6 cells */
    paper_end(&fixture->paper);
    assert_string_equal(fixture->out.data, "abcd…   \xe6\xb3\xa8…\n");
}

static void leaves_no_spaces_at_the_end(void **state)
{
    struct fixture *fixture = *state;
    paper_put(&fixture->paper, str_of("a   "), 60);
    paper_to(&fixture->paper, 30);
    paper_end(&fixture->paper);
    paper_end(&fixture->paper);
    assert_string_equal(fixture->out.data, "a\n\n");
}

static void wraps_at_spaces_but_not_inside_a_quantity(void **state)
{
    struct fixture *fixture = *state;
    words_add(&fixture->words, "one two 2.13" WORDS_SPACE "s three");
    paper_to(&fixture->paper, 2);
    paper_wrap(&fixture->paper, words_str(&fixture->words), 4, 14);
    paper_end(&fixture->paper);
    assert_string_equal(fixture->out.data, "  one two\n    2.13 s\n    three\n");
}

static void breaks_a_word_longer_than_the_line(void **state)
{
    struct fixture *fixture = *state;
    paper_wrap(&fixture->paper, str_of("abcdefghij"), 2, 6);
    paper_end(&fixture->paper);
    assert_string_equal(fixture->out.data, "abcdef\n  ghij\n");
}

static void flows_pieces_whole(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 3; i++) {
        words_clear(&fixture->words);
        words_add(&fixture->words, "twenty-five characters xx");
        paper_flow(&fixture->paper, &fixture->words, 3, 4);
    }
    paper_end(&fixture->paper);
    assert_string_equal(fixture->out.data, "twenty-five characters xx   twenty-five characters xx\n"
                                           "    twenty-five characters xx\n");
}

static void colours_only_on_request_and_ends_them(void **state)
{
    struct fixture *fixture = *state;
    words_style(&fixture->words, STYLE_BAD);
    words_add(&fixture->words, "x y");
    paper_put_words(&fixture->paper, &fixture->words);
    paper_end(&fixture->paper);
    assert_string_equal(fixture->out.data, "x y\n");
    buffer_clear(&fixture->out);
    fixture->view.colour = true;
    paper_put_words(&fixture->paper, &fixture->words);
    paper_end(&fixture->paper);
    assert_string_equal(fixture->out.data, "\x1b[1;31mx y\x1b[0m\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cuts_what_does_not_fit),
        TEST(leaves_no_spaces_at_the_end),
        TEST(wraps_at_spaces_but_not_inside_a_quantity),
        TEST(breaks_a_word_longer_than_the_line),
        TEST(flows_pieces_whole),
        TEST(colours_only_on_request_and_ends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
