# SPDX-License-Identifier: Apache-2.0
"""Installed into a prefix that nobody named before, the headers and libraries are where pkg-config says."""

import glob
import os
import subprocess
import sys
import tempfile

cmake, build, compiler = sys.argv[1:4]


def run(*command, **environment):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}).stdout


with tempfile.TemporaryDirectory(prefix="weir-install-") as prefix:
    run(cmake, "--install", build, "--prefix", prefix)
    folders = glob.glob(prefix + "/**/pkgconfig", recursive=True)
    flags = run("pkg-config", "--cflags", "--libs", "weir", "weir-pq", "weir-curl", PKG_CONFIG_PATH=":".join(folders)).split()
    program = prefix + "/program.c"
    with open(program, "w", encoding="ascii") as file:
        file.write("#include <weir/libpq.h>\n#include <weir/libcurl.h>\n"
                   "int main(void) { PQclear(0); return curl_easy_init() == 0 || weir_shutdown(0) == WEIR_OK; }\n")
    run(compiler, "-Wall", "-Werror", program, "-o", prefix + "/program", *flags)
    libraries = os.path.dirname(glob.glob(prefix + "/**/libweir.so", recursive=True)[0])
    loaded = run("ldd", prefix + "/program", LD_LIBRARY_PATH=libraries)
    for name in ["libweir.so.0", "libweir-pq.so.0", "libweir-curl.so.0"]:
        if f"{name} => {libraries}/" not in loaded:
            sys.exit(f"{name} is not the installed one:\n{loaded}")
