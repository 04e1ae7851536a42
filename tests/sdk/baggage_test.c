/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "base/str.h"
#include "sdk/core/baggage.h"

#include <stdio.h>
#include <stdlib.h>

static struct weir_baggage baggage;

static const char *read_line(const char *line)
{
    memset(&baggage, 'x', sizeof baggage);
    baggage_read(&baggage, &line, 1);
    assert_int_equal(baggage.bytes, strlen(baggage.text));
    return baggage.text;
}

static const char *get(const char *key)
{
    static char value[16384];
    long bytes = weir_baggage_get(&baggage, key, value, sizeof value);
    if (bytes < 0) return NULL;
    assert_int_equal(bytes, strlen(value));
    return value;
}

static void blanks_go_and_all_else_stays(void **state)
{
    (void)state;
    assert_string_equal(
        read_line("SomeKey \t = \t SomeValue \t ; \t SomeProp \t , \t SomeKey2 \t = \t SomeValue2 "
                  "\t ; \t ValueProp \t = \t PropVal"),
        "SomeKey=SomeValue;SomeProp,SomeKey2=SomeValue2;ValueProp=PropVal");
    assert_int_equal(baggage.members, 2);
    assert_string_equal(read_line("key1=value1;property1;property2, key2 = value2, key3=value3; k=v"),
                        "key1=value1;property1;property2,key2=value2,key3=value3;k=v");
    assert_string_equal(read_line("a=b=c=,d="), "a=b=c=,d=");
    assert_string_equal(get("a"), "b=c=");
    assert_string_equal(get("d"), "");
    assert_null(get("e"));
    assert_string_equal(read_line(""), "");
    const char *const lines[] = {"userId=alice", "serverNode=DF%2028,isProduction=false"};
    baggage_read(&baggage, lines, 2);
    assert_string_equal(baggage.text, "userId=alice,serverNode=DF%2028,isProduction=false");
    assert_string_equal(get("serverNode"), "DF 28");
}

/* Of a struct that a program has not zeroed. */
static void no_length_is_believed(void **state)
{
    (void)state;
    struct {
        struct weir_baggage copy;
        char behind[60000];
    } *room = malloc(sizeof *room);
    struct weir_baggage_member member;
    size_t at = 0;
    assert_non_null(room);
    memset(room, 'x', sizeof *room);
    memset(&baggage, 0xff, sizeof baggage);
    assert_false(weir_baggage_next(&baggage, &at, &member));
    assert_int_equal(weir_baggage_get(&baggage, "a", NULL, 0), -1);
    baggage_copy(&room->copy, &baggage);
    assert_int_equal(room->copy.bytes, WEIR_BAGGAGE_BYTES);
    for (size_t i = 0; i < sizeof room->behind; i++) assert_int_equal(room->behind[i], 'x');
    free(room);
    assert_true(weir_baggage_set(&baggage, "a", "1", NULL));
    assert_string_equal(baggage.text, "a=1");
}

static void a_bad_member_goes_alone(void **state)
{
    (void)state;
    static const char *const bad[] = {"b",     "=2",         "b b=2",   "b=2 3",  "b=\"2\"",
                                      "b=2\\", "b=\xc3\xa4", "b=2;",    "b=2;=3", "b=2;c d",
                                      "(b)=2", "b=2;;c",     "b\x01=2", "b=\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "a=1,%s,c=3", bad[i]);
        assert_string_equal(read_line(line), "a=1,c=3");
        assert_int_equal(baggage.members, 2);
        assert_string_equal(read_line(bad[i]), "");
    }
}

static void values_are_decoded_as_utf_8(void **state)
{
    (void)state;
    read_line(
        "a=%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29,b=%C3%A4x,c=%C3,d=%E2%82,e=100%,f=%zz,g=%00h,"
        "i=%F0%9F%98%80");
    assert_string_equal(get("a"), "\t \"';=asdf!@#$%^&*()");
    assert_string_equal(get("b"), "\xc3\xa4x");
    assert_string_equal(get("c"), "\xef\xbf\xbd");
    assert_string_equal(get("d"), "\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(get("e"), "100%");
    assert_string_equal(get("f"), "%zz");
    assert_string_equal(get("g"), "\xef\xbf\xbdh");
    assert_string_equal(get("i"), "\xf0\x9f\x98\x80");

    char little[3] = "??";
    assert_int_equal(weir_baggage_get(&baggage, "b", little, sizeof little), 3);
    assert_string_equal(little, "\xc3\xa4"); /* whole characters */
    assert_int_equal(weir_baggage_get(&baggage, "b", little, 2), 3);
    assert_string_equal(little, "");
    assert_int_equal(weir_baggage_get(&baggage, "b", NULL, 0), 3);
}

static void members_are_set_and_removed(void **state)
{
    (void)state;
    baggage_copy(&baggage, NULL);
    assert_true(weir_baggage_set(&baggage, "user", "J\xc3\xbcrgen, 100%", NULL));
    assert_string_equal(baggage.text, "user=J%C3%BCrgen%2C%20100%25");
    assert_string_equal(get("user"), "J\xc3\xbcrgen, 100%");
    assert_true(weir_baggage_set(&baggage, "b", "2", "ttl=3 ; here"));
    assert_true(weir_baggage_set(&baggage, "c", "", ""));
    assert_string_equal(baggage.text, "user=J%C3%BCrgen%2C%20100%25,b=2;ttl=3;here,c=");
    assert_true(weir_baggage_set(&baggage, "user", "1", NULL)); /* in its place */
    assert_string_equal(baggage.text, "user=1,b=2;ttl=3;here,c=");
    assert_int_equal(baggage.members, 3);
    assert_false(weir_baggage_set(&baggage, "d e", "1", NULL));
    assert_false(weir_baggage_set(&baggage, "", "1", NULL));
    assert_false(weir_baggage_set(&baggage, "d", "1", "a b"));
    assert_false(weir_baggage_set(&baggage, "d", NULL, NULL));
    assert_false(weir_baggage_set(NULL, "d", "1", NULL));
    assert_string_equal(baggage.text, "user=1,b=2;ttl=3;here,c=");

    assert_true(weir_baggage_remove(&baggage, "c"));
    assert_string_equal(baggage.text, "user=1,b=2;ttl=3;here");
    assert_true(weir_baggage_remove(&baggage, "user"));
    assert_false(weir_baggage_remove(&baggage, "user"));
    assert_string_equal(baggage.text, "b=2;ttl=3;here");
    assert_true(weir_baggage_remove(&baggage, "b"));
    assert_string_equal(baggage.text, "");
    assert_int_equal(baggage.members, 0);

    read_line("a=1,b=2,a=3,b=4"); /* of several of a key one stays, where the first was */
    assert_true(weir_baggage_set(&baggage, "a", "5", NULL));
    assert_string_equal(baggage.text, "a=5,b=2,b=4");
    assert_true(weir_baggage_remove(&baggage, "b"));
    assert_string_equal(baggage.text, "a=5");
}

static void members_come_in_order(void **state)
{
    (void)state;
    struct weir_baggage_member member;
    size_t at = 0;
    read_line("a=1;p=2;q,b=%20,c=");
    assert_true(weir_baggage_next(&baggage, &at, &member));
    assert_true(str_is(str_view(member.key, member.key_bytes), "a"));
    assert_true(str_is(str_view(member.value, member.value_bytes), "1"));
    assert_true(str_is(str_view(member.properties, member.properties_bytes), "p=2;q"));
    assert_true(weir_baggage_next(&baggage, &at, &member));
    assert_true(str_is(str_view(member.value, member.value_bytes), "%20"));
    assert_int_equal(member.properties_bytes, 0);
    assert_true(weir_baggage_next(&baggage, &at, &member));
    assert_int_equal(member.value_bytes, 0);
    assert_false(weir_baggage_next(&baggage, &at, &member));
    assert_false(weir_baggage_next(NULL, &at, &member));
}

static char line[32768];

static void limits_leave_whole_members_out(void **state)
{
    (void)state;
    char *at = line;
    for (int i = 0; i < 70; i++) at += sprintf(at, "%skey%d=value", i ? "," : "", i);
    read_line(line);
    assert_int_equal(baggage.members, WEIR_BAGGAGE_MEMBERS);
    assert_string_equal(get("key63"), "value");
    assert_null(get("key64"));
    assert_false(weir_baggage_set(&baggage, "key64", "value", NULL));
    assert_true(weir_baggage_set(&baggage, "key63", "other", NULL));

    strcpy(line, "a="); /* 8192 characters are kept whole */
    memset(line + 2, 'v', 8190);
    line[8192] = 0;
    assert_string_equal(read_line(line), line);
    assert_false(weir_baggage_set(&baggage, "b", "", NULL));
    strcpy(line + 8192, "v,b=2"); /* one more is not; what comes behind it still is */
    assert_string_equal(read_line(line), "b=2");

    memset(line, '%', 3000); /* each becomes three */
    line[3000] = 0;
    assert_false(weir_baggage_set(&baggage, "c", line, NULL));
    assert_string_equal(baggage.text, "b=2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks_go_and_all_else_stays),   cmocka_unit_test(a_bad_member_goes_alone),
        cmocka_unit_test(no_length_is_believed),          cmocka_unit_test(values_are_decoded_as_utf_8),
        cmocka_unit_test(members_are_set_and_removed),    cmocka_unit_test(members_come_in_order),
        cmocka_unit_test(limits_leave_whole_members_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
