/* SPDX-License-Identifier: Apache-2.0 */
/* What URLs become, as a table: the URL, its host, its text, the values taken out (joined by '|'). */
#include "tests/support/cmocka.h"

#include "model/operation.h"
#include "tests/model/collect.h"

static const struct {
    const char *url, *host, *text, *values;
} cases[] = {
    /* the parts */
    {"http://inventory:8081/stock/17?full=1", "inventory:8081", "/stock/{id}?full={}", "17|1"},
    {"http://inventory:8081", "inventory:8081", "/", ""},
    {"http://inventory:8081/", "inventory:8081", "/", ""},
    {"https://user:secret@api.example.com/v1/items#top", "api.example.com", "/v1/items", ""},
    {"http://API.Example.com:80/a", "api.example.com", "/a", ""},
    {"https://api.example.com:443/a", "api.example.com", "/a", ""},
    {"https://api.example.com:80/a", "api.example.com:80", "/a", ""},
    {"http://[::1]:8081/a", "[::1]:8081", "/a", ""},
    {"inventory:8081/stock/17", "inventory:8081", "/stock/{id}", "17"},
    {"//host/a", "host", "/a", ""},
    {"/items/17?x=y#z", "", "/items/{id}?x={}", "17|y"},
    {"http://host?q=1", "host", "/?q={}", "1"},
    {"http://u@x@host:/a", "host", "/a", ""},
    {"", "", "/", ""},
    /* ids */
    {"/orders/123/items/4", "", "/orders/{id}/items/{id}", "123|4"},
    {"/u/550e8400-e29b-41d4-a716-446655440000/x", "", "/u/{id}/x", "550e8400-e29b-41d4-a716-446655440000"},
    {"/commit/9fceb02d0ae598e95dc970b74767f19372d61af8", "", "/commit/{id}",
     "9fceb02d0ae598e95dc970b74767f19372d61af8"},
    {"/s/deadbee5", "", "/s/{id}", "deadbee5"},
    {"/day/2024-01-02", "", "/day/{id}", "2024-01-02"},
    {"/batch/1,2,3", "", "/batch/{id}", "1,2,3"},
    {"/order-10482", "", "/{id}", "order-10482"},
    {"/v/dQw4w9WgXcQ", "", "/v/{id}", "dQw4w9WgXcQ"},
    {"/o/01ARZ3NDEKTSV4RRFFQ69G5FAV", "", "/o/{id}", "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
    {"/t/eyJhbGciOiJIUzI1NiJ9abcdefgh", "", "/t/{id}", "eyJhbGciOiJIUzI1NiJ9abcdefgh"},
    {"/b/SGVsbG8gd29ybGQ=", "", "/b/{id}", "SGVsbG8gd29ybGQ="},
    {"/mail/ann@example.com", "", "/mail/{id}", "ann@example.com"},
    {"/img/12345.jpg", "", "/img/{id}.jpg", "12345"},
    {"/x/%31%37", "", "/x/{id}", "%31%37"},
    {"/a;jsessionid=1F/b", "", "/a/b", ""},
    /* names */
    {"/api/v1/stock/bulk", "", "/api/v1/stock/bulk", ""},
    {"/items/{id}/reviews", "", "/items/{id}/reviews", ""},
    {"/oauth2/callback", "", "/oauth2/callback", ""},
    {"/low-stock_items", "", "/low-stock_items", ""},
    {"/facade/deadbeef", "", "/facade/deadbeef", ""},
    {"/a%20b/caf%C3%A9", "", "/a%20b/caf%C3%A9", ""},
    {"/static/app.js", "", "/static/app.js", ""},
    {"//", "", "/", ""},
    {"http://h/a//b/", "h", "/a//b/", ""},
    /* queries */
    {"/s?q=red+shoes&page=2", "", "/s?q={}&page={}", "red+shoes|2"},
    {"/s?ids=1&ids=2&ids=3&x", "", "/s?ids={}&x", "1|2|3"},
    {"/s?12345678", "", "/s?{}", "12345678"},
    {"/s?f[name]=a&=b&&", "", "/s?f[name]={}&{}={}", "a|b"},
    {"/s?a=b=c", "", "/s?a={}", "b=c"},
    /* hostile bytes */
    {"http://ho st\x1b[31m/a\x01\"<b>", "ho?st?[31m", "/a%01%22%3Cb%3E", ""},
    {"/caf\xc3\xa9/\xff", "", "/caf%C3%A9/%FF", ""},
    {"/a?x\ny=1", "", "/a?{}={}", "x\ny|1"},
};

static void urls_become_templates(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char to[OPERATION_TEXT_MAX], host[64];
        size_t host_len;
        struct buffer values;
        buffer_init(&values);
        struct str text = str_view(to, normalise_url(str_of(cases[i].url), to, host, sizeof host, &host_len,
                                                     collect_value, &values));
        if (!str_is(text, cases[i].text) || !str_is(str_view(host, host_len), cases[i].host) ||
            !str_is(buffer_str(&values), cases[i].values)) {
            print_error("%s\n   expected %s %s   with %s\n   but got  %.*s %.*s   with %.*s\n", cases[i].url,
                        cases[i].host, cases[i].text, cases[i].values, (int)host_len, host, STR_ARG(text),
                        STR_ARG(buffer_str(&values)));
            wrong++;
        }
        buffer_fini(&values);
    }
    assert_int_equal(wrong, 0);
}

static void a_template_stays_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char to[OPERATION_TEXT_MAX], host[64];
        size_t host_len;
        size_t len = normalise_url(str_of(cases[i].text), to, host, sizeof host, &host_len, NULL, NULL);
        if (strstr(cases[i].text, "//") != cases[i].text && !strstr(cases[i].text, "{}")) {
            assert_true(str_is(str_view(to, len), cases[i].text));
        }
    }
}

static void long_hosts_and_texts_are_cut(void **state)
{
    (void)state;
    struct buffer url;
    char to[OPERATION_TEXT_MAX], host[8];
    size_t host_len;
    buffer_init(&url);
    buffer_add_text(&url, "http://a-very-long-host/");
    for (int i = 0; i < 5000; i++) buffer_add_text(&url, "a/");
    size_t len = normalise_url(buffer_str(&url), to, host, sizeof host, &host_len, NULL, NULL);
    assert_true(str_is(str_view(host, host_len), "a-very-l"));
    assert_int_equal(len, OPERATION_TEXT_MAX);
    assert_memory_equal(to + len - 3, "…", 3);
    buffer_fini(&url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_become_templates),
        cmocka_unit_test(a_template_stays_as_it_is),
        cmocka_unit_test(long_hosts_and_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
