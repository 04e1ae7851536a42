#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that includes point the way the flow goes, and that each third-party library has one owner.

The table below is the rule; docs/architecture.md draws it. A folder's own subfolders without a row follow the
nearest folder above that has one. A wrong arrow prints file:line and the folder that may not be included.
"""

import pathlib
import re
import sys
import tempfile

# folder: what it may include besides itself
ALLOWED = {
    "base": [],
    "proto": ["base"],
    "model": ["base"],
    "sdk/include": [],
    "sdk/core": ["base", "proto", "model", "sdk/include"],
    "sdk/otlp": ["base", "proto", "model", "sdk/include"],
    "sdk/otlp/http": ["base", "proto", "sdk/include", "sdk/otlp"],
    "sdk/export": ["base", "proto", "model", "sdk/include", "sdk/core", "sdk/otlp"],
    "sdk/instrument": ["sdk/include"],
    "sdk": ["base", "proto", "model", "sdk"],  # lifecycle.c
    "collector/analysis": ["base", "model"],
    "collector/store": ["base", "proto", "model", "collector/analysis", "collector/counters.h"],
    "collector/postgres": ["base"],
    "collector/spool": ["base"],
    "collector/ingest": ["base", "proto", "model", "collector/store", "collector/spool", "collector/counters.h"],
    "collector/otlp": ["base", "proto", "model", "collector/ingest/ingest.h", "collector/counters.h"],
    "collector/serve": ["base", "proto", "model", "collector/otlp/receiver.h", "collector/store", "collector/analysis", "collector/counters.h", "viewer"],
    "collector": ["base", "proto", "model", "collector"],
    "viewer/text": ["base", "proto/batch.h", "model", "viewer/view.h"],
    "viewer/json": ["base", "proto/batch.h", "model", "viewer/view.h"],
    "viewer/import": ["base"],
    "viewer/cli": ["base", "proto/sp.h", "viewer/text/escape.h", "viewer/import"],
    "viewer": ["base", "model"],
    "examples": ["sdk/include"],
}

# a third-party header: the folders that may include it
OWNERS = {
    r"nng/": ["collector/ingest"],
    r"protobuf-c/|.*\.pb-c\.h": ["proto"],
    r"libpq-fe\.h": ["collector/store", "sdk/instrument", "sdk/include/weir/libpq.h", "examples"],
    r"curl/": ["viewer/cli", "sdk/otlp/http", "sdk/instrument", "sdk/include/weir/libcurl.h", "examples"],
    r"microhttpd\.h": ["collector/serve", "sdk/include/weir/microhttpd.h", "examples"],
    r"hiredis/": ["sdk/instrument", "sdk/include/weir/hiredis.h", "examples"],
    r"jansson\.h": ["model", "viewer", "collector/serve", "examples"],
    r"zlib\.h": ["sdk/otlp/http", "collector/otlp", "viewer/cli"],
    r"lz4.*\.h": ["collector/store"],
    r"xxhash\.h": ["base"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_of(path):
    """The longest row of ALLOWED that holds this path, or None."""
    rows = [row for row in ALLOWED if path == row or path.startswith(row + "/")]
    return max(rows, key=len) if rows else None


def inside(path, folders):
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def included_path(root, source, quote, name):
    """Where an include points in this repository, or None for the system's and third parties'."""
    if quote == "<":
        return f"sdk/include/{name}" if name.startswith("weir/") and not name.endswith("pb-c.h") else None
    beside = (source.parent / name).resolve()
    if beside.exists() and beside.is_relative_to(root):
        return str(beside.relative_to(root))
    return name if (root / name).exists() else None


def check_file(root, source):
    here = str(source.relative_to(root))
    mine = folder_of(here)
    if mine is None:
        return
    for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, name = match.groups()
        target = included_path(root, source, quote, name)
        if target:
            if not inside(target, [mine] + ALLOWED[mine]):
                yield f"{here}:{number}: {mine} may not include {target}"
            continue
        for pattern, owners in OWNERS.items():
            if re.match(pattern, name) and not inside(here, owners):
                yield f"{here}:{number}: {name} belongs to {', '.join(owners)}"


def check(root):
    root = pathlib.Path(root).resolve()
    sources = [path for top in sorted({row.split("/")[0] for row in ALLOWED}) for path in sorted((root / top).rglob("*.[ch]"))]
    return len(sources), [error for source in sources for error in check_file(root, source)]


def self_test():
    """Each rule must be able to fail."""
    wrong = {
        "base/clock.c": '#include "model/span.h"\n',
        "sdk/core/ring.c": '#include "collector/counters.h"\n',
        "collector/analysis/kind.c": '#include "collector/store/store.h"\n',
        "viewer/text/report.c": "#include <libpq-fe.h>\n",
        "sdk/export/client.c": "#include <nng/nng.h>\n",
    }
    fine = {"collector/store/write.c": '#include "proto/batch.h"\n#include <libpq-fe.h>\n'}
    targets = ["model/span.h", "collector/counters.h", "collector/store/store.h", "proto/batch.h"]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name in targets:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("")
        for name, text in (wrong | fine).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        _, errors = check(root)
    found = {error.split(":")[0] for error in errors}
    if found != set(wrong):
        print(f"expected errors in {sorted(wrong)}, got {errors}")
        return 1
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    count, errors = check(sys.argv[1])
    for error in errors:
        print(error)
    print(f"{count} files, {len(errors)} wrong includes")
    return 1 if errors or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
