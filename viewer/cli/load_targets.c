/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/load_targets.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NUMBER_DIGITS_MAX 9  /* so that ids fit 32 bits and products 64 */
#define GROWTH_BYTES      64 /* more than ranges grow when numbers take their place */

static bool refuse(char error[LOAD_ERROR_BYTES], const char *url, const char *why)
{
    snprintf(error, LOAD_ERROR_BYTES, "%.200s: %s", url, why);
    return false;
}

/* Behind "http://"; NULL: something else. */
static const char *skip_scheme(const char *url)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);
        if (strncasecmp(url, schemes[i], len) == 0) return url + len;
    }
    return NULL;
}

static bool check_text(const char *url, char error[LOAD_ERROR_BYTES])
{
    if (strlen(url) >= LOAD_URL_BYTES - GROWTH_BYTES) return refuse(error, url, "too long");
    for (const unsigned char *at = (const unsigned char *)url; *at; at++) {
        if (*at <= ' ' || *at >= 0x7f) return refuse(error, url, "write %XX for what is not plain ASCII");
    }
    const char *host = skip_scheme(url);
    if (!host) return refuse(error, url, "a target is a whole URL, http://HOST[:PORT]/PATH");
    size_t host_len = strcspn(host, "/?#");
    if (host_len == 0 || host[0] == ':') return refuse(error, url, "names no host");
    if (strcspn(host, "{}") < host_len)
        return refuse(error, url, "a range may stand only behind the host: what is aimed at is written out");
    return true;
}

/* Reads digits up to `stop`; NULL: something else stands there. */
static const char *read_number(const char *at, char stop, uint64_t *number)
{
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || digits > NUMBER_DIGITS_MAX || at[digits] != stop) return NULL;
    *number = 0;
    for (size_t i = 0; i < digits; i++) *number = *number * 10 + (uint64_t)(at[i] - '0');
    return at + digits + 1;
}

/* at: behind the brace */
static const char *read_range(struct load_url *url, const char *at)
{
    if (url->range_count == LOAD_RANGES_MAX) return NULL;
    struct load_range *range = &url->ranges[url->range_count++];
    range->begin = (size_t)(at - url->text) - 1;
    at = read_number(at, '-', &range->first);
    at = at ? read_number(at, '}', &range->last) : NULL;
    if (!at || range->last < range->first) return NULL;
    range->end = (size_t)(at - url->text);
    url->count *= range->last - range->first + 1;
    return url->count <= LOAD_IDS_MAX ? at : NULL;
}

static bool read_url(struct load_url *url, const char *text, char error[LOAD_ERROR_BYTES])
{
    *url = (struct load_url){.text = text, .count = 1};
    if (!check_text(text, error)) return false;
    for (const char *at = strpbrk(text, "{}"); at; at = strpbrk(at, "{}")) {
        at = *at == '{' ? read_range(url, at + 1) : NULL;
        if (!at) {
            return refuse(error, text,
                          "a range is written {1-20}, from small to large; at most four, of 10^9 ids");
        }
    }
    return true;
}

bool load_targets_read(struct load_targets *targets, const char *const *urls, size_t url_count,
                       char error[LOAD_ERROR_BYTES])
{
    *targets = (struct load_targets){0};
    if (url_count == 0 || url_count > LOAD_URLS_MAX) {
        snprintf(error, LOAD_ERROR_BYTES, "give 1 to %d URLs", LOAD_URLS_MAX);
        return false;
    }
    for (size_t i = 0; i < url_count; i++) {
        if (!read_url(&targets->urls[i], urls[i], error)) return false;
        targets->count += targets->urls[i].count;
        targets->url_count++;
    }
    return targets->count <= LOAD_IDS_MAX || refuse(error, urls[0], "more than 10^9 ids in all");
}

void load_targets_write(const struct load_targets *targets, uint64_t id, char url[LOAD_URL_BYTES])
{
    const struct load_url *from = targets->urls;
    while (id >= from->count) id -= from++->count;

    uint64_t numbers[LOAD_RANGES_MAX];
    for (size_t i = from->range_count; i-- > 0;) {
        uint64_t size = from->ranges[i].last - from->ranges[i].first + 1;
        numbers[i] = from->ranges[i].first + id % size;
        id /= size;
    }
    size_t len = 0, copied = 0;
    for (size_t i = 0; i < from->range_count; i++) {
        const struct load_range *range = &from->ranges[i];
        len += (size_t)snprintf(url + len, LOAD_URL_BYTES - len, "%.*s%" PRIu64, (int)(range->begin - copied),
                                from->text + copied, numbers[i]);
        copied = range->end;
    }
    snprintf(url + len, LOAD_URL_BYTES - len, "%s", from->text + copied);
}
