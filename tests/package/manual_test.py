# SPDX-License-Identifier: Apache-2.0
"""The manual as it is installed: every function, macro and type of the public headers has a page that shows it, every link
and every "see also" leads somewhere, and neither groff nor mandoc has anything to complain of.

    manual_test.py CMAKE BUILD-FOLDER INCLUDE-FOLDER
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

cmake, build, include = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
failures = []


def plain(page):
    """A page's text without roff's spellings, its white space as single blanks."""
    for spelt, meant in ((r"\-", "-"), (r"\(aq", "'"), (r"\e", "\\"), (r"\&", "")):
        page = page.replace(spelt, meant)
    return re.sub(r"\s+", " ", page)


def promised():
    """(name, how it is written) of all that the public headers declare for their users."""
    for header in include.rglob("*.h"):
        text = re.sub(r"/\*.*?\*/", " ", header.read_text(encoding="utf-8"), flags=re.DOTALL)
        for prototype, name in re.findall(r"^WEIR_API\s+([^;{]*?\b(weir_\w+)\s*\([^;]*);", text, flags=re.MULTILINE):
            if not name.endswith("_"):
                yield name, re.sub(r"\s+", " ", prototype)
        for kind, name in re.findall(r"^(struct|enum) (weir_\w+) \{", text, flags=re.MULTILINE):
            if not name.endswith("_"):
                yield name, f"{kind} {name}"
    for macro in ("WEIR_SPAN(name)", "WEIR_SERVER_SPAN(variable, method, route, headers)"):
        yield macro.split("(")[0], macro


def linter_says(pages):
    if shutil.which("groff"):
        for page in pages:
            said = subprocess.run(["groff", "-man", "-ww", "-K", "utf8", "-T", "utf8", "-z", f"-I{page.parent.parent}", page],
                                  capture_output=True, text=True, check=False)
            if said.returncode or said.stderr:
                yield said.stderr
    if shutil.which("mandoc"):  # its warnings are about style: a page without a date, a link that is no symbolic one
        yield subprocess.run(["mandoc", "-T", "lint", "-W", "error", *pages], capture_output=True, text=True, check=False).stdout


def target(folder, page):
    """The page that a link stands for."""
    text = page.read_text(encoding="utf-8")
    return folder / text[4:].strip() if text.startswith(".so ") else page


with tempfile.TemporaryDirectory(prefix="weir-manual-") as prefix:
    subprocess.run([cmake, "--install", build, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
    folder = pathlib.Path(prefix) / "share/man"
    pages = sorted(folder.glob("man*/*"))
    names = {page.name for page in pages}
    for wanted in ("weir.1", "libweir.7", "weir-collector.8", "weir_init.3", "weir_call.3", "weir_libpq.3"):
        if wanted not in names:
            failures.append(f"there is no {wanted}")
    for page in pages:
        if not target(folder, page).exists():
            failures.append(f"{page.name} leads nowhere")
        for name, section in re.findall(r"\b([\w-]+)\((\d)\)", plain(page.read_text(encoding="utf-8")).split("SEE ALSO")[-1]):
            if name.startswith(("weir", "libweir")) and f"{name}.{section}" not in names:
                failures.append(f"{page.name} names {name}({section}), which there is not")
    count = 0
    for name, written in promised():
        page = folder / "man3" / f"{name}.3"
        count += 1
        if not page.exists():
            failures.append(f"{name} has no page")
        elif written not in plain(target(folder, page).read_text(encoding="utf-8")):
            failures.append(f"{page.name} does not show: {written}")
    failures += [said for said in linter_says([page for page in pages if target(folder, page) == page]) if said]
print("\n".join(failures) or f"{len(pages)} pages, {count} things looked up")
sys.exit(bool(failures) or count < 40)
