/* SPDX-License-Identifier: Apache-2.0 */
#include "base/manual.h"
#include "viewer/cli/commands.h"
#include "viewer/cli/describe.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *what;
} variables[] = {
    {"WEIR_URL", "Where the collector serves, without --url."},
    {"WEIR_PAGER", "A shell command that shows what is longer than the screen; empty or cat: none."},
    {"PAGER", "The same, without WEIR_PAGER; without either, less is used where there is one."},
    {"NO_COLOR", "Not empty: no colours."},
    {"CLICOLOR_FORCE", "Neither empty nor 0: colours also where there is no terminal."},
    {"COLUMNS", "The width where there is no terminal."},
};

static void add_options(FILE *out, const struct command *command)
{
    char names[1024] = "";
    struct option_words option;
    for (unsigned i = 0; options_describe(i, &option); i++) {
        if (!(command->options & 1u << i)) continue;
        size_t len = strlen(names);
        snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "Options: ", option.name);
    }
    manual_text(out, names);
}

static void add_command(FILE *out, const struct command *command)
{
    char title[160];
    snprintf(title, sizeof title, "weir %s%s", command->name, command->arguments ? command->arguments : "");
    manual_subsection(out, title);
    manual_text(out, command->what);
    if (command->notes) manual_text(out, command->notes);
    add_options(out, command);
    manual_code(out, command->example);
}

static void add_exit_statuses(FILE *out)
{
    static const struct {
        const char *number, *what;
    } statuses[] = {
#define X(name, number, what) {#number, what},
        EXIT_STATUSES(X)
#undef X
    };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        manual_item(out, statuses[i].number, statuses[i].what);
}

void describe_manual(FILE *out)
{
    manual_begin(out, "weir", 1, WEIR_VERSION, "tells why a request is slow");
    manual_section(out, "SYNOPSIS");
    manual_text(out, "weir COMMAND [OPTION...]");
    manual_section(out, "DESCRIPTION");
    manual_text(out,
                "Asks a weir-collector where the time of requests goes, and prints what it says: how many "
                "calls each request makes, which of them are needless, which could run at once, and what "
                "the request would take without them.");
    manual_section(out, "COMMANDS");
    for (size_t i = 0; i < command_count; i++) add_command(out, &commands[i]);
    manual_section(out, "OPTIONS");
    manual_text(out, "They stand anywhere, as --name VALUE or --name=VALUE; -- ends them.");
    struct option_words option;
    for (unsigned i = 0; options_describe(i, &option); i++) manual_item(out, option.form, option.what);
    manual_section(out, "ENVIRONMENT");
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        manual_item(out, variables[i].name, variables[i].what);
    manual_section(out, "EXIT STATUS");
    add_exit_statuses(out);
    manual_section(out, "SEE ALSO");
    manual_text(out, "weir-collector(8), libweir(7)");
}
