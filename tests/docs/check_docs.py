#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that what the documentation points to is there.

A relative link names a file, and the heading behind its # is one of that file. A decision record has a number of its
own, which its first line repeats; a link that says "decision 7" leads to record 7. A path in `backquotes` that begins
with one of the repository's folders exists.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.*)$", re.M)
CODE = re.compile(r"`[^`\n]*`")
QUOTED_PATH = re.compile(r"`((?:base|proto|model|sdk|collector|viewer|examples|tests|fuzz|bench|docs|scripts|cmake)/[\w./-]+)`")
FENCE = re.compile(r"^( {4}|\t).*$", re.M)


def anchor_of(heading):
    """The anchor that GitHub gives a heading: lower case, punctuation gone, blanks to hyphens."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").strip().lower())
    return kept.replace(" ", "-")


def wrong_links(root, path, text):
    for said, target in LINK.findall(CODE.sub("", FENCE.sub("", text))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists():
            yield f"no such file: {target}"
            continue
        if anchor and file.suffix == ".md":
            anchors = [anchor_of(heading) for heading in HEADING.findall(file.read_text())]
            if anchor not in anchors:
                yield f"no such heading: {target}"
        number = re.search(r"decision (\d+)", said)
        if number and not file.name.startswith(f"{int(number[1]):04}-"):
            yield f"“{said}” leads to {file.name}"


def wrong_paths(root, text):
    for quoted in QUOTED_PATH.findall(text):
        found = root / quoted
        if not (found.exists() or any(found.parent.glob(found.name + ".*"))):  # `bench/ingest`, `collector/analyser`
            yield f"no such path: {quoted}"


def wrong_numbers(records):
    owner = {}
    for record in sorted(records):
        number = int(record.name[:4])
        if number in owner:
            yield f"{record.name}: number {number} is {owner[number]}'s"
        owner.setdefault(number, record.name)
        if not re.match(rf"# 0*{number}[.:] ", record.read_text()):
            yield f"{record.name}: its first line does not say {number}"


def problems(root, files):
    found = []
    for path in files:
        text = path.read_text()
        wrong = list(wrong_links(root, path, text))
        if path.name != "CHANGELOG.md" and path.parent.name != "decisions":  # those tell of their own day
            wrong += wrong_paths(root, text)
        found += [f"{path.relative_to(root)}: {each}" for each in wrong]
    return found + [f"docs/decisions/{each}" for each in wrong_numbers((root / "docs/decisions").glob("[0-9]*.md"))]


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        (root / "docs/decisions").mkdir(parents=True)
        (root / "docs/decisions/0001-one.md").write_text("# 1. One\n")
        (root / "docs/decisions/0001-two.md").write_text("# 2. Two\n")
        (root / "docs/a.md").write_text(
            "# A heading, `here`\n[well](#a-heading-here) [well](decisions/0001-one.md) [lost](b.md) [lost](#nowhere)\n"
            "[decision 2](decisions/0001-one.md) `docs/nowhere.c` `docs/a`\n    [code](is-not-read)\n")
        found = problems(root, [root / "docs/a.md"])
        expected = ["no such file: b.md", "no such heading: #nowhere", "leads to 0001-one.md", "no such path: docs/nowhere.c",
                    "number 1 is 0001-one.md's", "does not say 1"]
        assert len(found) == len(expected) and all(any(e in f for f in found) for e in expected), found
    print("ok: each kind of mistake is found")
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = pathlib.Path(sys.argv[1]).resolve()
    names = subprocess.run(["git", "-C", root, "ls-files", "-z", "*.md"], capture_output=True, text=True)
    listed = [root / name for name in names.stdout.split("\0") if name] if names.returncode == 0 else []
    files = [path for path in listed or sorted(root.glob("*.md")) + sorted(root.glob("docs/**/*.md")) if path.exists()]
    found = problems(root, files)
    print("\n".join(found) or f"ok: {len(files)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
