/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 100
#define WIDTH_MIN     60
#define WIDTH_MAX     1000

static bool read_columns(const char *text, unsigned *columns)
{
    size_t len = text ? strlen(text) : 0;
    if (len == 0 || len > 6 || strspn(text, "0123456789") != len) return false;
    *columns = (unsigned)strtoul(text, NULL, 10);
    return *columns > 0;
}

static unsigned clamp(unsigned width)
{
    if (width < WIDTH_MIN) return WIDTH_MIN;
    return width > WIDTH_MAX ? WIDTH_MAX : width;
}

bool screen_look(struct screen *screen)
{
    struct winsize size = {0};
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return false;
    *screen = (struct screen){size.ws_col, size.ws_row};
    return screen->columns > 0 && screen->rows > 0;
}

static unsigned find_width(void)
{
    struct screen screen;
    unsigned columns;
    if (screen_look(&screen)) return screen.columns;
    if (read_columns(getenv("COLUMNS"), &columns)) return columns;
    return WIDTH_DEFAULT;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value && strcmp(value, "0") != 0;
}

static bool find_colour(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no_color && *no_color) return false;
    if (is_set("CLICOLOR_FORCE")) return true;
    return isatty(STDOUT_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

static bool read_colour(const char *when, bool *colour)
{
    if (strcmp(when, "auto") == 0) {
        *colour = find_colour();
        return true;
    }
    *colour = strcmp(when, "always") == 0;
    return *colour || strcmp(when, "never") == 0;
}

bool terminal_look(struct terminal *terminal, const struct options *options, char error[OPTIONS_ERROR_BYTES])
{
    setlocale(LC_CTYPE, "");
    const char *width = options->value[OPTION_width], *colour = options->value[OPTION_colour];
    unsigned columns = 0;
    if (width && (!read_columns(width, &columns) || columns != clamp(columns))) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--width must be a number of columns from %d to %d", WIDTH_MIN,
                 WIDTH_MAX);
        return false;
    }
    terminal->width = clamp(width ? columns : find_width());
    terminal->ascii = options->value[OPTION_ascii] || strcasecmp(nl_langinfo(CODESET), "UTF-8") != 0;
    if (read_colour(colour ? colour : "auto", &terminal->colour)) return true;
    snprintf(error, OPTIONS_ERROR_BYTES, "--colour must be always, never or auto");
    return false;
}
