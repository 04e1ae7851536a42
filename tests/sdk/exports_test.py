# SPDX-License-Identifier: Apache-2.0
"""libweir.so exports weir_* and nothing else, and is linked to protobuf-c and libc alone."""

import subprocess
import sys

library, sanitizers = sys.argv[1], sys.argv[2]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


symbols = [line.split()[-1] for line in run("nm", "-D", "--defined-only", library).splitlines()]
foreign = [symbol for symbol in symbols if not symbol.startswith("weir_") or symbol.startswith("weir__")]
needed = [line.split("[")[1].split("]")[0] for line in run("readelf", "-d", library).splitlines() if "(NEEDED)" in line]
surplus = [name for name in needed if not name.startswith(("libprotobuf-c.so", "libc.so", "libpthread.so"))]

failures = []
if "weir_span_begin" not in symbols:
    failures.append("weir_span_begin is not exported")
if foreign and not sanitizers:
    failures.append("exported, but not weir_*: " + " ".join(foreign))
if surplus and not sanitizers:
    failures.append("linked to " + " ".join(surplus))
if "libweir.so.0" not in run("readelf", "-d", library):
    failures.append("soname is not libweir.so.0")
print("\n".join(failures) or f"{len(symbols)} symbols, all ours")
sys.exit(bool(failures))
