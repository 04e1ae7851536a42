# SPDX-License-Identifier: Apache-2.0
"""weir as it is installed: staged with DESTDIR, moved to where nobody named it before, and used from there.

Two programs that know nothing of the build (example/) are built with CMake and with pkg-config, shared and static, and run
against the installed collector, whose report then names each of them.

    install_test.py CMAKE SOURCE-FOLDER BUILD-FOLDER COMPILER
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from collector import Collector, DataFolder
from otlp import OtlpServer
from process import eventually

cmake, source, build, compiler = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4]
example = source / "tests/package/example"
COMPONENTS = ("runtime", "development", "programs")


def run(*command, fails=False, **environment):
    """What it prints on both streams; it must succeed, or must fail."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, **{name: str(value) for name, value in environment.items()}}, check=False)
    assert (done.returncode != 0) == fails, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def files_of(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def stage(folder, *options):
    """What cmake --install puts below DESTDIR, when a package maker asks for it."""
    run(cmake, "--install", build, "--prefix", "/opt/weir", *options, DESTDIR=folder)
    outside = [path for path in files_of(folder) if not str(path).startswith("opt/weir/")]
    assert not outside, outside
    return folder / "opt/weir"


def install(scratch):
    """A whole installation, moved; its parts are disjoint and make the whole."""
    whole = stage(scratch / "whole")
    parts = [files_of(stage(scratch / name, "--component", name)) for name in COMPONENTS]
    assert sum(map(len, parts)) == len(files_of(whole)) and set().union(*parts) == files_of(whole)
    assert all(".so." in path.name for path in parts[0]), parts[0]
    prefix = scratch / "elsewhere" / "weir-here"
    prefix.parent.mkdir()
    shutil.move(whole, prefix)
    return prefix


def leaks_nothing(prefix, scratch):
    """No file that others read names the build, the source or the place it was staged for; no library looks there."""
    places = re.compile("|".join(re.escape(str(place)) for place in (source, build, scratch, "/opt/weir")))
    for path in files_of(prefix):
        file = prefix / path
        if file.is_symlink():
            assert not os.readlink(file).startswith("/"), file
        elif file.suffix in (".pc", ".cmake", ".h", ".bash") or "man" in path.parts:
            found = places.search(file.read_text(encoding="utf-8"))
            assert not found, f"{path} names {found.group()}"
        elif ".so." in file.name or "bin" in path.parts:
            paths = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", run("readelf", "-d", file))
            assert set(paths) <= {"$ORIGIN"}, f"{path} looks in {paths}"


def with_cmake(prefix, to, kind):
    run(cmake, "-S", example, "-B", to, f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_C_COMPILER={compiler}",
        f"-DSTATIC_WEIR={kind}", "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror")
    run(cmake, "--build", to)


def with_pkg_config(prefix, to):
    """Shared both; tick static besides, once as a whole and once in what is weir's."""
    to.mkdir()
    folder = next(prefix.rglob("pkgconfig"))

    def flags(*words):
        return run("pkg-config", *words, PKG_CONFIG_PATH=folder).split()

    libraries = flags("--variable=libdir", "weir")[0]
    assert pathlib.Path(libraries).resolve() == folder.parent, libraries
    shared = ["-Wall", "-Werror", f"-Wl,-rpath,{libraries}"]
    run(compiler, example / "tick.c", "-o", to / "tick", *shared, *flags("--cflags", "--libs", "weir"))
    run(compiler, example / "shop.c", "-o", to / "shop", *shared,
        *flags("--cflags", "--libs", "weir", "weir-pq", "weir-curl", "weir-redis"))
    # getaddrinfo of a static program needs the glibc it was built with, as the linker says
    run(compiler, example / "tick.c", "-o", to / "tick-static", "-static", *flags("--static", "--cflags", "--libs", "weir"))
    run(compiler, example / "tick.c", "-o", to / "tick-archive", *flags("--cflags", "weir"), f"{libraries}/libweir.a",
        "-lprotobuf-c", "-pthread")


def endpoints(prefix, collector):
    """What the installed reader shows: (service, endpoint)."""
    listed = subprocess.run([prefix / "bin/weir", "requests", "--json", "--url", collector.url], capture_output=True,
                            check=False).stdout
    return {(row["service"], row["endpoint"]) for row in json.loads(listed or '{"requests": []}')["requests"]}


def runs(prefix, collector, folder, program, spans):
    """The program finds its libraries by itself, and the collector has its spans."""
    service = f"{folder.name}-{program}"
    needed = run("ldd", folder / program, fails=program == "tick-static")
    if "libweir" in needed:
        assert all(f"=> {prefix}/" in line.replace("/./", "/") for line in needed.splitlines() if "libweir" in line), needed
    arguments = [collector.url + "/healthz"] if program == "shop" else []
    said = run(folder / program, *arguments, WEIR_ENDPOINT=collector.nng, OTEL_SERVICE_NAME=service)
    assert said.strip() == f"created {spans} acknowledged {spans} dropped 0: done", said
    endpoint = "GET /shop/{id}" if program == "shop" else "GET /tick"
    eventually(lambda: (service, endpoint) in endpoints(prefix, collector), f"{endpoint} of {service} in the report")


def loads_a_companion(program):
    """The installed libweir finds the installed libweir-otlp when a setting asks for it."""
    with OtlpServer() as backend:
        said = run(program, WEIR_ENDPOINT=backend.url, OTEL_SERVICE_NAME="elsewhere")
        assert said.strip() == "created 2 acknowledged 2 dropped 0: done", said


def find_package_says(prefix, scratch):
    """Versions that fit and that do not, and components that cannot be had, with the reason."""
    project = scratch / "asks"
    project.mkdir()
    (project / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.16)\nproject(asks LANGUAGES C)\n"
                                            "find_package(weir ${ASK})\nmessage(\"found: ${weir_FOUND} why: "
                                            "${weir_NOT_FOUND_MESSAGE} targets: \")\nforeach(t weir weir_static pq)\n"
                                            "if(TARGET weir::${t})\nmessage(\"has ${t};\")\nendif()\nendforeach()\n",
                                            encoding="ascii")

    def ask(words, **environment):
        return run(cmake, "-S", project, "-B", scratch / "asked", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DASK={words}",
                   f"-DCMAKE_C_COMPILER={compiler}", **environment)

    everything = ask("")
    assert all(f"has {name};" in everything for name in ("weir", "weir_static", "pq")), everything
    assert "found: 1" in ask("0.1") and "found: 0" in ask("0.2") and "found: 0" in ask("1.0")
    odd = ask("COMPONENTS;odd")
    assert "found: 0" in odd and "there is no component odd" in odd, odd
    nowhere = {"PKG_CONFIG_LIBDIR": scratch, "PKG_CONFIG_PATH": scratch}
    (scratch / "asked/CMakeCache.txt").unlink()  # it remembers what pkg-config has found
    alone = ask("0.1;COMPONENTS;weir", **nowhere)
    assert "found: 1" in alone and "has weir;" in alone, alone
    assert "weir::pq needs libpq, which pkg-config does not find" in ask("COMPONENTS;pq", **nowhere)


def other_folders(scratch):
    """A distribution's folders, relative and absolute, in the .pc files."""
    for libdir, below in (("lib/some-arch", "/p/lib/some-arch"), ("/opt/other/lib", "/opt/other/lib")):
        to = scratch / "configured"
        run(cmake, "-S", source, "-B", to, "-G", "Ninja", f"-DCMAKE_INSTALL_LIBDIR={libdir}", "-DCMAKE_INSTALL_PREFIX=/p",
            f"-DCMAKE_C_COMPILER={compiler}")
        laid = scratch / "laid" / libdir.strip("/") / "pkgconfig"
        shutil.copytree(to / "lib/pkgconfig", laid)
        root = pathlib.Path("/p") if libdir.startswith("/") else scratch / "laid"
        said = run("pkg-config", "--variable=libdir", "weir", PKG_CONFIG_PATH=laid).strip()
        wanted = below.replace("/p", str(root), 1) if not libdir.startswith("/") else below
        assert os.path.normpath(said) == wanted, (said, wanted)


with DataFolder() as data:
    top = pathlib.Path(data).parent
    installed = install(top)
    leaks_nothing(installed, top)
    with_cmake(installed, top / "cmake-shared", "OFF")
    with_cmake(installed, top / "cmake-static", "ON")
    with_pkg_config(installed, top / "pkg-config")
    with Collector(str(installed / "bin"), data) as serving:
        for way in ("cmake-shared", "cmake-static", "pkg-config"):
            runs(installed, serving, top / way, "tick", 2)
            runs(installed, serving, top / way, "shop", 5)
        runs(installed, serving, top / "pkg-config", "tick-static", 2)
        runs(installed, serving, top / "pkg-config", "tick-archive", 2)
    loads_a_companion(top / "pkg-config/tick")
    find_package_says(installed, top)
    other_folders(top)
