# SPDX-License-Identifier: Apache-2.0
"""The binary interface of each public shared library against its committed baseline in abi/, by libabigail's abidiff. Only
what the public headers declare counts, so that neither compiler nor client libraries matter.

    abi_test.py BUILD-FOLDER            compares; 77 where there is nothing to compare with (no abidiff, no debug information)
    abi_test.py BUILD-FOLDER --write    writes the baselines anew: scripts/abi-baseline calls it
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
headers = here.parent.parent / "sdk/include"
SKIP = 77

ADVICE = """The binary interface differs from the baseline. If it is meant: run scripts/abi-baseline, commit what it wrote, and say so
in CHANGELOG.md. If abidiff calls it incompatible and a release has this soname, raise WEIR_SOVERSION (cmake/WeirLibrary.cmake)
and the version in sdk/weir.map, too; docs/libweir.md has the rule."""


def baseline(library):
    return here / "abi" / (library.name + ".abi")


def describe(library, file):
    """The interface without places: neither line numbers nor paths, so that moving a function changes nothing here."""
    subprocess.run(["abidw", "--exported-interfaces-only", "--headers-dir", headers, "--drop-private-types",
                    "--no-architecture", "--no-corpus-path", "--no-show-locs", "--no-comp-dir-path", "--no-elf-needed",
                    "--no-parameter-names", "--type-id-style", "hash", "--out-file", file, library], check=True)
    file.write_text(re.sub(r" path='[^']*/", " path='", file.read_text(encoding="utf-8")), encoding="utf-8")


def differences(library):
    """What abidiff says, and nothing when there is nothing to say. It compares two descriptions made alike: against the
    library itself it would take our types for private ones, since a baseline has no places, and say nothing of them."""
    with tempfile.TemporaryDirectory(prefix="weir-abi-") as folder:
        now = pathlib.Path(folder) / "now.abi"
        describe(library, now)
        run = subprocess.run(["abidiff", baseline(library), now], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, check=False)
    return run.stdout if run.returncode else ""


def reason_to_skip(libraries):
    for tool in ("abidiff", "abidw"):
        if not shutil.which(tool):
            return f"{tool} is not installed (Debian: abigail-tools)"
    for library in libraries:
        if ".debug_info" not in subprocess.run(["readelf", "-S", library], check=True, capture_output=True, text=True).stdout:
            return f"{library.name} has no debug information: build type Debug or RelWithDebInfo"
    return None


def main():
    libraries = sorted((pathlib.Path(sys.argv[1]) / "lib").glob("libweir*.so"))
    assert libraries, "no libraries there"
    reason = reason_to_skip(libraries)
    if reason:
        print(reason)
        return SKIP
    if sys.argv[2:] == ["--write"]:
        for stale in (here / "abi").glob("*.abi"):
            stale.unlink()
        for library in libraries:
            describe(library, baseline(library))
        return 0
    failures = [f"== {library.name} has no baseline" for library in libraries if not baseline(library).exists()]
    failures += [f"== {file.stem} is gone" for file in (here / "abi").glob("*.abi") if file.stem not in
                 [library.name for library in libraries]]
    for library in libraries:
        said = differences(library) if baseline(library).exists() else ""
        failures += [f"== {library.name}\n{said}"] if said else []
    print("\n".join(failures + [ADVICE]) if failures else f"{len(libraries)} libraries as their baselines say")
    return bool(failures)


sys.exit(main())
