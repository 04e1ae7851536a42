# SPDX-License-Identifier: Apache-2.0
"""What our libraries show to a linker: the functions of the public headers and nothing else; a shared one under the version
of its soname, and what it needs.

    exports_test.py SOVERSION INCLUDE-FOLDER (LIBRARY[:ALLOWED-NEEDED-PREFIX,…] | ARCHIVE)…
"""

import pathlib
import re
import subprocess
import sys

soversion, include = sys.argv[1], pathlib.Path(sys.argv[2])
failures = []


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def declared():
    """The functions and the variable that the public headers promise."""
    names = []
    for header in include.rglob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.DOTALL)
        names += re.findall(r"^WEIR_API\b[^;{]*?\b(weir_\w+)\s*[(;]", text, flags=re.MULTILINE)
    return set(names)


def check_archive(library):
    """Returns what it defines for others."""
    lines = run("nm", "--defined-only", "--extern-only", library).splitlines()
    symbols = [line.split()[-1] for line in lines if len(line.split()) == 3]
    failures.extend(f"{pathlib.Path(library).name} defines {name}" for name in symbols if not re.fullmatch(r"weir_[a-zA-Z]\w*", name))
    return set(symbols)


def check(library, allowed):
    """Returns what it exports."""
    name = pathlib.Path(library).name
    symbols = [line.split()[-1] for line in run("nm", "-D", "--defined-only", library).splitlines()]
    wanted = re.compile(rf"(weir_\w+)@@WEIR_{soversion}(\.\d+)*")
    versions = re.compile(rf"WEIR_{soversion}(\.\d+)*")
    for symbol in symbols:
        if not wanted.fullmatch(symbol) and not versions.fullmatch(symbol.split("@")[0]):
            failures.append(f"{name} exports {symbol}")
    dynamic = run("readelf", "-d", library)
    if f"soname: [{name}.{soversion}]" not in dynamic:
        failures.append(f"the soname of {name} is not {name}.{soversion}")
    if "NODELETE" not in dynamic:
        failures.append(f"{name} could be unloaded")
    for needed in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
        if not needed.startswith(("libc.so", "libpthread.so", *allowed)):
            failures.append(f"{name} needs {needed}")
    return {symbol.split("@")[0] for symbol in symbols if symbol.startswith("weir_")}


exported, archived = {}, set()
for argument in sys.argv[3:]:
    path, _, prefixes = argument.partition(":")
    if path.endswith(".a"):
        archived |= check_archive(path)
        continue
    for symbol in check(path, [prefix for prefix in prefixes.split(",") if prefix]):
        if symbol in exported:
            failures.append(f"{symbol} is in {path} and in {exported[symbol]}")
        exported[symbol] = path
failures += [f"{name} is in shared or static libraries, not in both" for name in sorted(set(exported) ^ archived)]
promised = declared()
failures += [f"{name} is declared with WEIR_API, but no library exports it" for name in sorted(promised - set(exported))]
failures += [f"{name} is exported, but no public header declares it" for name in sorted(set(exported) - promised)]
if not exported:
    failures.append("nothing is exported")
print("\n".join(failures) or f"{len(exported)} functions of {len(sys.argv) - 3} libraries, all promised")
sys.exit(bool(failures))
