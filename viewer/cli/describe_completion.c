/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The script for bash: which command stands on the line (options and their values left out), then what may
 * come next. Bash splits --name=value at the = into three words.
 */
#include "viewer/cli/commands.h"
#include "viewer/cli/describe.h"

#include <stdio.h>

static void add_options(FILE *out, unsigned allowed, const char *between, bool only_with_value)
{
    struct option_words option;
    const char *before = "";
    for (unsigned i = 0; options_describe(i, &option); i++) {
        if (!(allowed & 1u << i) || (only_with_value && !option.argument[0])) continue;
        fprintf(out, "%s%s", before, option.name);
        before = between;
        if (only_with_value && option.letter) fprintf(out, "%s-%c", before, option.letter);
    }
}

static void add_names(FILE *out, bool only_reading)
{
    for (size_t i = 0; i < command_count; i++) {
        if (!only_reading || commands[i].run == command_ask) fprintf(out, "%s ", commands[i].name);
    }
}

void describe_completion(FILE *out)
{
    fputs("# bash completion for weir " WEIR_VERSION "\n"
          "_weir() {\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local commands=() options= words= i\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n"
          "            ",
          out);
    add_options(out, ~0u, "|", true);
    fputs(") [[ ${COMP_WORDS[i+1]} == = ]] && ((i++)); ((i++));;\n"
          "            -*|=) ;;\n"
          "            *) commands+=(\"${COMP_WORDS[i]}\");;\n"
          "        esac\n"
          "    done\n"
          "    COMPREPLY=()\n"
          "    [[ $current == = ]] && current=\n"
          "    [[ $previous == = && $COMP_CWORD -gt 1 ]] && previous=${COMP_WORDS[COMP_CWORD-2]}\n"
          "    case $previous in\n"
          "        --colour) COMPREPLY=($(compgen -W 'always never auto' -- \"$current\")); return;;\n"
          "        --data-dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "
          "\"$current\"); return;;\n"
          "        ",
          out);
    add_options(out, ~(OPTION_BIT(colour) | OPTION_BIT(data_dir)), "|", true);
    fputs(") return;;\n"
          "    esac\n"
          "    case ${commands[0]} in\n"
          "        '') words='",
          out);
    add_names(out, false);
    fputs("' options='--help --version';;\n", out);
    for (size_t i = 0; i < command_count; i++) {
        fprintf(out, "        %s) options='", commands[i].name);
        add_options(out, commands[i].options, " ", false);
        fputs("';;\n", out);
    }
    fputs("    esac\n"
          "    case ${commands[0]}/${#commands[@]} in\n"
          "        help/1) words='",
          out);
    add_names(out, false);
    fputs("';;\n"
          "        watch/1) words='",
          out);
    add_names(out, true);
    fputs("';;\n"
          "        import/*) [[ $current == -* ]] || { compopt -o filenames 2>/dev/null; mapfile -t "
          "COMPREPLY < <(compgen -f "
          "-- \"$current\"); return; };;\n"
          "    esac\n"
          "    [[ $current == -* ]] && words=$options\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
          "}\n"
          "complete -F _weir weir\n",
          out);
}
