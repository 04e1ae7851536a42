#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A throwaway Postgres for tests: initdb into a fresh folder, a socket there and no TCP, gone afterwards.

    with Postgres() as postgres:                     # in Python
        subprocess.run(["psql", postgres.dsn, ...])

    postgres.py -- COMMAND ARGS...                   # around any command, with WEIR_TEST_DSN set

Postgres refuses to run as root, so root starts it as the user `postgres` (or `nobody`). The server gets a fast-shutdown
signal when the process that started it dies, however it dies. Python's standard library only.
"""
import ctypes
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PR_SET_PDEATHSIG = 1
START_DEADLINE_S = 60
STOP_DEADLINE_S = 30


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


class Postgres:
    """Context manager. `settings` are server settings ({"fsync": "off"} is the default: nothing here must survive a
    power cut). After `stop()` comes `start()` again on the same data; `kill()` is a crash."""

    def __init__(self, settings=None):
        self.settings = {"fsync": "off", "listen_addresses": "", "shared_buffers": "32MB", "max_connections": "50"}
        self.settings.update(settings or {})
        self.bin = binary_folder()
        self.user = unprivileged_user()
        self.process = None
        self.folder = tempfile.mkdtemp(prefix="weir-pg-")  # short: a socket path has 107 bytes
        self.data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "log")
        self.dsn = f"host={self.folder} port=5432 user=postgres dbname=postgres"
        try:
            self._initdb()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _become(self):
        """In the child before exec: drop root, and then ask to be told of the parent's death (setuid forgets it)."""
        libc = ctypes.CDLL(None, use_errno=True)
        user = self.user

        def preexec():
            if user:
                os.setgroups([user.pw_gid])
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)

        return preexec

    def _environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        # initdb and postgres are not what a sanitised test run is about
        return {name: value for name, value in kept.items() if name not in ("LD_PRELOAD", "ASAN_OPTIONS")}

    def _initdb(self):
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        run = subprocess.run(
            [self.bin + "/initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
             "--no-sync", "--no-instructions"],
            preexec_fn=self._become(), env=self._environment(), cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if run.returncode != 0:
            raise RuntimeError("initdb failed: " + run.stdout)

    def start(self):
        command = [self.bin + "/postgres", "-D", self.data, "-k", self.folder]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, preexec_fn=self._become(), env=self._environment(), cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait_ready()

    def _wait_ready(self):
        deadline = time.monotonic() + START_DEADLINE_S
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    text = log.read()
                self.stop()
                raise RuntimeError("postgres did not start: " + text)
            time.sleep(0.01)

    def _is_ready(self):
        """The eighth line of postmaster.pid says `ready`; its first says whose it is."""
        try:
            with open(self.data + "/postmaster.pid", encoding="ascii") as file:
                lines = file.read().split("\n")
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def stop(self):
        """A fast shutdown; harmless when it is not running."""
        self._end(signal.SIGINT)

    def kill(self):
        """As after a crash: nothing is flushed, and postmaster.pid stays."""
        self._end(signal.SIGQUIT)

    def _end(self, how):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def sql(self, text):
        """Runs SQL with psql and returns what it prints: a line a row, columns separated by |."""
        run = subprocess.run([self.bin + "/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.dsn,
                              "-c", text],
                             env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             check=False)
        if run.returncode != 0:
            raise RuntimeError("psql: " + run.stderr)
        return run.stdout.strip()


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        print("usage: postgres.py -- COMMAND [ARGS...]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped on the way out
    with Postgres() as postgres:
        return subprocess.run(arguments, env={**os.environ, "WEIR_TEST_DSN": postgres.dsn}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
