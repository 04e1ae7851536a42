#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A throwaway Postgres for tests: initdb into a fresh folder, a socket there and no TCP, gone afterwards.

    with Postgres() as postgres:                     # in Python
        subprocess.run(["psql", postgres.dsn, ...])

    postgres.py -- COMMAND ARGS...                   # around any command, with WEIR_TEST_DSN set

Postgres refuses to run as root, so root starts it as the user `postgres` (or `nobody`). The server gets a fast-shutdown
signal when the process that started it dies, however it dies. Python's standard library only.
"""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys

from throwaway import Throwaway, around_command


def binary_folder():
    """Where initdb and postgres are: WEIR_POSTGRES_BIN, PATH, or the newest of Debian's folders."""
    named = os.environ.get("WEIR_POSTGRES_BIN")
    if named:
        return named
    found = shutil.which("initdb")
    if found:
        return os.path.dirname(os.path.realpath(found))
    folders = [f for f in glob.glob("/usr/lib/postgresql/*/bin") if os.path.exists(f + "/initdb")]
    if not folders:
        raise RuntimeError("no initdb found: install postgresql, or name its folder in WEIR_POSTGRES_BIN")
    return max(folders, key=lambda folder: int(folder.split("/")[4].split(".")[0]))


def unprivileged_user():
    """The user to run as: None (ourselves) unless we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise RuntimeError("running as root, and there is neither a user postgres nor nobody")


class Postgres(Throwaway):
    """`settings` are server settings ({"fsync": "off"} is the default: nothing here must survive a power cut). `stop()` is a
    fast shutdown; after `kill()` nothing is flushed, and postmaster.pid stays."""

    stop_signal = signal.SIGINT
    crash_signal = signal.SIGQUIT

    def __init__(self, settings=None):
        super().__init__("pg")
        self.settings = {"fsync": "off", "listen_addresses": "", "shared_buffers": "32MB", "max_connections": "50"}
        self.settings.update(settings or {})
        self.bin = binary_folder()
        self.user = unprivileged_user()
        self.data = os.path.join(self.folder, "data")
        self.dsn = f"host={self.folder} port=5432 user=postgres dbname=postgres"
        try:
            self._initdb()
        except BaseException:
            self.remove()
            raise

    def environment(self):
        return {name: value for name, value in super().environment().items() if not name.startswith("PG")}

    def _initdb(self):
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        run = subprocess.run(
            [self.bin + "/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
             "--no-sync", "--no-instructions"],
            preexec_fn=self.become(), env=self.environment(), cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if run.returncode != 0:
            raise RuntimeError("initdb failed: " + run.stdout)

    def server_command(self):
        command = [self.bin + "/postgres", "-D", self.data, "-k", self.folder]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    def is_ready(self):
        """The eighth line of postmaster.pid says `ready`; its first says whose it is."""
        try:
            with open(self.data + "/postmaster.pid", encoding="ascii") as file:
                lines = file.read().split("\n")
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def sql(self, text):
        """Runs SQL with psql and returns what it prints: a line a row, columns separated by |."""
        run = subprocess.run([self.bin + "/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.dsn,
                              "-c", text],
                             env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             check=False)
        if run.returncode != 0:
            raise RuntimeError("psql: " + run.stderr)
        return run.stdout.strip()


if __name__ == "__main__":
    sys.exit(around_command("postgres.py", Postgres, "WEIR_TEST_DSN", lambda postgres: postgres.dsn))
