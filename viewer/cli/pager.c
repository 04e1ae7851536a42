/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/pager.h"

#include "viewer/cli/commands.h"
#include "viewer/cli/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_FOUND 127 /* a shell's exit status when there is no such command */

/* Looks for less before it is run, so that a machine without it has no line of the shell's in its output. */
static const char less[] = "command -v less >/dev/null 2>&1 || exit 127; exec less -FRX";

static bool print(const struct buffer *text)
{
    size_t wrote = fwrite(text->data, 1, text->len, stdout);
    if (fflush(stdout) == 0 && wrote == text->len) return true;
    if (errno == EPIPE) return true;
    complain("cannot write: %s", strerror(errno));
    return false;
}

/* NULL: none is wanted. */
static const char *find_pager(void)
{
    const char *term = getenv("TERM"), *pager = getenv("WEIR_PAGER");
    if (!pager) pager = getenv("PAGER");
    if (!term || strcmp(term, "dumb") == 0) return NULL;
    if (!pager) return less;
    return *pager && strcmp(pager, "cat") != 0 ? pager : NULL;
}

/* Rows of the screen that the text takes; colours take no room, a character beyond ASCII counts once. */
static size_t count_rows(const struct buffer *text, unsigned columns)
{
    size_t rows = 0, column = 0;
    bool in_escape = false;
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->data[i];
        if (in_escape) {
            in_escape = c != 'm';
        } else if (c == '\033') {
            in_escape = true;
        } else if (c == '\n') {
            rows += column ? (column - 1) / columns + 1 : 1;
            column = 0;
        } else if ((c & 0xc0) != 0x80) {
            column++;
        }
    }
    return rows + (column > 0);
}

/* False: there is no such command, and nothing has been shown. */
static bool page(const struct buffer *text, const char *pager)
{
    setenv("LESS", "FRX", 0);
    signal(SIGPIPE, SIG_DFL); /* for the pager, which inherits it */
    FILE *to = popen(pager, "we");
    signal(SIGPIPE, SIG_IGN);
    if (!to) return false;
    void (*interrupt)(int) = signal(SIGINT, SIG_IGN), (*quit)(int) = signal(SIGQUIT, SIG_IGN);
    fwrite(text->data, 1, text->len, to); /* a reader who leaves early has seen enough */
    int status = pclose(to);
    signal(SIGINT, interrupt);
    signal(SIGQUIT, quit);
    return !(status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND);
}

bool pager_show(const struct buffer *text, bool may_page)
{
    struct screen screen;
    const char *pager = may_page && screen_look(&screen) ? find_pager() : NULL;
    /* The shell's prompt takes a row, too. */
    bool fits = pager && count_rows(text, screen.columns) < screen.rows;
    if (pager && !fits && page(text, pager)) return true;
    return print(text);
}
