#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is made from the tables: --help with its examples, the manual pages, and bash's completion.

    describe_test.py BIN_FOLDER LIBWEIR.7 SDK_FOLDER
"""
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import unittest


def said(*command):
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, ""), run
    return run.stdout


def plain(page):
    """A manual page's text without roff's spellings."""
    return page.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")


def options_of(text):
    return set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.M))


class HelpTest(unittest.TestCase):
    def test_every_command_has_an_example_that_is_valid(self):
        for command in COMMANDS:
            text = said(WEIR, command, "--help")
            (example,) = re.findall(r"^Example: (.*)$", text, re.M)
            words = shlex.split(example)
            self.assertEqual(words[:2], ["weir", command])
            for word in words[2:]:
                if word.startswith("--"):
                    self.assertIn(word, text)
            self.assertEqual(said(*[WEIR, *words[1:], "--help"]), text)  # its options are read
            for line in text.splitlines():
                self.assertLessEqual(len(line), 140, line)

    def test_the_collector_has_one(self):
        self.assertIn("\nExample: weir-collector ", said(COLLECTOR, "--help"))


class ManualTest(unittest.TestCase):
    def check(self, page):
        """groff finds nothing to complain of. Returns the text."""
        self.assertTrue(page.startswith(".TH "))
        if shutil.which("groff"):
            run = subprocess.run(["groff", "-man", "-ww", "-b", "-K", "utf8", "-T", "utf8"], input=page, text=True,
                                 capture_output=True, timeout=60, check=False)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
        return plain(page)

    def test_weir(self):
        page = self.check(said(WEIR, "help", "--man"))
        for command in COMMANDS:
            text = said(WEIR, command, "--help")
            self.assertIn(f".SS weir {command}", page)
            self.assertIn(text.split("Example: ")[1], page)
            for option in options_of(text):
                self.assertRegex(page, rf"\.B (-\w, )?{option}\b")

    def test_collector(self):
        page = self.check(said(COLLECTOR, "--man"))
        for option in options_of(said(COLLECTOR, "--help")):
            self.assertIn(f".B {option}", page)

    def test_libweir(self):
        page = self.check(LIBWEIR.read_text(encoding="utf-8"))
        for name in ["weir_init(3)", "WEIR_SPAN(3)", "WEIR_TIMEOUT", "ring_full"]:
            self.assertIn(name, page)

    def test_every_variable_that_libweir_reads_is_in_the_manual(self):
        variables = set()
        for path in set(SDK.rglob("*.[ch]")) - set((SDK / "manual").iterdir()):  # which knows macros by name
            variables |= set(re.findall(r'"((?:WEIR|OTEL)_[A-Z_]+)"', path.read_text(encoding="utf-8")))
        self.assertIn("WEIR_ENDPOINT", variables)
        manual = (SDK.parent / "docs/libweir.md").read_text(encoding="utf-8")
        for name in variables:
            self.assertRegex(LIBWEIR.read_text(encoding="utf-8"), rf"(?m)^\.B .*\b{name}\b")
            self.assertIn(f"`{name}`", manual)


class CompletionTest(unittest.TestCase):
    def bash(self, script):
        return said("bash", "--norc", "-c", f"source <({shlex.quote(WEIR)} help --completion); {script}")

    def complete(self, *words):
        """What is offered for the last of these words, which bash has split at =."""
        quoted = " ".join(map(shlex.quote, words))
        script = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _weir; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return set(self.bash(script).split("\n")) - {""}

    def test_it_is_for_weir(self):
        self.assertEqual(self.bash("complete -p weir"), "complete -F _weir weir\n")

    def test_commands(self):
        self.assertEqual(self.complete("weir", ""), set(COMMANDS))
        self.assertEqual(self.complete("weir", "re"), {name for name in COMMANDS if name.startswith("re")})
        self.assertEqual(self.complete("weir", "help", ""), set(COMMANDS))
        self.assertEqual(self.complete("weir", "watch", "st"), {"status"})
        self.assertNotIn("demo", self.complete("weir", "watch", ""))
        self.assertEqual(self.complete("weir", "report", ""), set())

    def test_options_are_those_of_help(self):
        for command in COMMANDS:
            self.assertEqual(self.complete("weir", command, "--"), options_of(said(WEIR, command, "--help")), command)
        self.assertEqual(self.complete("weir", "report", "--sin"), {"--since"})
        self.assertEqual(self.complete("weir", "--"), {"--help", "--version"})

    def test_files_to_import(self):
        self.assertEqual(self.complete("weir", "import", "a", __file__[:-2]), {__file__})
        self.assertEqual(self.complete("weir", "import", "--da"), {"--data-dir"})

    def test_a_value_is_no_command(self):
        self.assertEqual(self.complete("weir", "--url", "report", "sta"), {"status"})
        self.assertEqual(self.complete("weir", "--url", "=", "report", "sta"), {"status"})
        self.assertEqual(self.complete("weir", "load", "-n", "5", "--see"), {"--seed"})

    def test_values(self):
        self.assertEqual(self.complete("weir", "report", "--colour", "a"), {"always", "auto"})
        self.assertEqual(self.complete("weir", "report", "--colour", "="), {"always", "auto", "never"})
        self.assertEqual(self.complete("weir", "report", "--colour", "=", "n"), {"never"})
        self.assertEqual(self.complete("weir", "report", "--url", ""), set())
        self.assertEqual(self.complete("weir", "report", "--data-dir", str(SDK.parent / "exam")),
                         {str(SDK.parent / "examples")})


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    LIBWEIR, SDK = pathlib.Path(sys.argv.pop(1)), pathlib.Path(sys.argv.pop(1))
    WEIR, COLLECTOR = BIN + "/weir", BIN + "/weir-collector"
    COMMANDS = re.findall(r"^  ([a-z]+) ", said(WEIR, "help"), re.M)
    unittest.main()
