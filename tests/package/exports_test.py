# SPDX-License-Identifier: Apache-2.0
"""What each of our shared libraries shows to the dynamic linker: the functions of the public headers, under the version of
its soname, and nothing else; and what it needs.

    exports_test.py SOVERSION INCLUDE-FOLDER LIBRARY[:ALLOWED-NEEDED-PREFIX,…]…
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
    """The functions that the public headers promise."""
    names = []
    for header in include.rglob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.DOTALL)
        names += re.findall(r"^WEIR_API\b[^;{]*?\b(weir_\w+)\s*\(", text, flags=re.MULTILINE)
    return set(names)


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


exported = {}
for argument in sys.argv[3:]:
    path, _, prefixes = argument.partition(":")
    for symbol in check(path, [prefix for prefix in prefixes.split(",") if prefix]):
        if symbol in exported:
            failures.append(f"{symbol} is in {path} and in {exported[symbol]}")
        exported[symbol] = path
promised = declared()
failures += [f"{name} is declared with WEIR_API, but no library exports it" for name in sorted(promised - set(exported))]
failures += [f"{name} is exported, but no public header declares it" for name in sorted(set(exported) - promised)]
if not exported:
    failures.append("nothing is exported")
print("\n".join(failures) or f"{len(exported)} functions of {len(sys.argv) - 3} libraries, all promised")
sys.exit(bool(failures))
