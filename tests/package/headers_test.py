# SPDX-License-Identifier: Apache-2.0
"""Each public header compiles by itself with each compiler, and all together in either order (so that each pair meets both
ways round) in every C and C++ that a user may have, with every warning that a strict user may turn on; and defines no macro
that is not its own.

    headers_test.py INCLUDE-FOLDER USES-FOLDER
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

include, uses = (pathlib.Path(path).resolve() for path in sys.argv[1:3])

C = ("c11", "c17", "c2x", "gnu11")
CXX = ("c++17", "c++20", "gnu++17")
COMPILERS = {"gcc": C, "clang": C, "g++": CXX, "clang++": CXX}
WARNINGS = ("-Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align -Wundef "
            "-Wwrite-strings -Wpointer-arith -Wformat=2").split()
C_WARNINGS = "-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wnested-externs".split()
CXX_WARNINGS = "-Wold-style-cast -Wzero-as-null-pointer-constant -Woverloaded-virtual".split()
# the client libraries' functions that a companion's header puts a macro in front of
CLIENTS = {"libpq.h": r"PQ\w+", "libcurl.h": r"curl_\w+|CURL_IGNORE_DEPRECATION", "hiredis.h": r"redis\w+"}

headers = sorted(str(path.relative_to(include)) for path in include.rglob("*.h"))
client_flags = subprocess.run(["pkg-config", "--cflags", "libpq", "libcurl", "hiredis", "libmicrohttpd"], check=True,
                              capture_output=True, text=True).stdout.replace("-I", "-isystem ").split()


def compile_one(command, folder, name, text):
    """Nothing, or what the compiler complained of first."""
    source = folder / name
    source.write_text(text, encoding="ascii")
    run = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    errors = [line for line in run.stderr.splitlines() if "error:" in line] or [run.stderr]
    return [f"{name}: {errors[0]}"] if run.returncode else []


def texts(alone):
    """What is compiled: a name, and a translation unit."""
    for header in headers if alone else []:
        yield re.sub(r"\W", "_", header), f"#include <{header}>\n#include <{header}>\n"
    for name, order in (("forward", headers), ("backward", headers[::-1])):
        # a user's own short names in the way; ours must neither need nor forget them
        yield name, ("#define X 1\n#define Y 2\n" + "".join(f"#include <{header}>\n" for header in order) +
                     "#if X != 1 || Y != 2\n#error a header has changed a macro of the user\n#endif\n")


def cases(folder):
    for compiler, standards in COMPILERS.items():
        if not shutil.which(compiler):
            continue
        language, own = ("c++", CXX_WARNINGS) if standards is CXX else ("c", C_WARNINGS)
        for standard in standards:
            command = [compiler, f"-std={standard}", "-x", language, "-fsyntax-only", f"-I{include}", f"-I{uses}",
                       *client_flags]
            if compile_one(command, folder, f"{compiler}-{standard}-probe", "int weir_probe;\n"):
                continue  # this compiler has not heard of it yet
            source = uses / ("in_cxx.cc" if language == "c++" else "in_c.c")
            for name, text in [*texts(standard == standards[0]), ("uses", f'#include "{source}"\n')]:
                yield [*command, *WARNINGS, *own], folder, f"{compiler}-{standard}-{name}", text


def macros(text):
    run = subprocess.run(["gcc", "-dM", "-E", "-x", "c", f"-I{include}", *client_flags, "-"], input=text, check=True,
                         capture_output=True, text=True)
    return {line.split()[1].split("(")[0] for line in run.stdout.splitlines()}


def foreign_macros(header):
    """Macros that stand in the header's own text, or are there only with it, and are neither WEIR_* nor its client's."""
    own = re.findall(r"^#\s*(?:define|undef)\s+(\w+)", (include / header).read_text(encoding="utf-8"), flags=re.MULTILINE)
    seen = macros(f"#include <{header}>\n")
    allowed = re.compile("WEIR_\\w+|" + CLIENTS.get(pathlib.Path(header).name, "WEIR_"))
    return [f"{header} defines {name}" for name in own if not allowed.fullmatch(name)] + \
           ([] if any(name.startswith("WEIR_") for name in seen) else [f"{header} defines nothing"])


with tempfile.TemporaryDirectory(prefix="weir-headers-") as temporary:
    work = list(cases(pathlib.Path(temporary)))
    with concurrent.futures.ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        complaints = [line for lines in pool.map(lambda case: compile_one(*case), work) for line in lines]
complaints += [line for header in headers for line in foreign_macros(header)]
print("\n".join(complaints) or f"{len(headers)} headers, {len(work)} translation units, no complaint")
sys.exit(bool(complaints) or not headers)
