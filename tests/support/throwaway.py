# SPDX-License-Identifier: Apache-2.0
"""A server for the time of a test, in a fresh folder, gone afterwards: what postgres.py and redis.py have in common.

A subclass says how its server is started (`server_command`) and when it serves (`is_ready`). The server gets `stop_signal` when the
thread that started it ends, however it ends. Python's standard library only.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PR_SET_PDEATHSIG = 1
START_DEADLINE_S = 60
STOP_DEADLINE_S = 30


class Throwaway:
    """Context manager. After `stop()` or `kill()` comes `start()` again on the same folder."""

    stop_signal = signal.SIGTERM
    crash_signal = signal.SIGKILL
    user = None  # a pwd entry: who it runs as, when we are root

    def __init__(self, name):
        self.name = name
        self.process = None
        self.folder = tempfile.mkdtemp(prefix=f"weir-{name}-")  # short: a socket path has 107 bytes
        self.log = os.path.join(self.folder, "log")

    def server_command(self):
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def environment(self):
        """The server is not what a sanitised test run is about."""
        return {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "ASAN_OPTIONS")}

    def become(self):
        """In the child before exec: drop root, and then ask to be told of the parent's death (setuid forgets it)."""
        libc = ctypes.CDLL(None, use_errno=True)
        user, death_signal = self.user, self.stop_signal

        def preexec():
            if user:
                os.setgroups([user.pw_gid])
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            libc.prctl(PR_SET_PDEATHSIG, death_signal)

        return preexec

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *exception):
        self.stop()
        self.remove()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.server_command(), preexec_fn=self.become(), env=self.environment(), cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_DEADLINE_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    text = log.read()
                self.stop()
                raise RuntimeError(f"{self.name} did not start: {text}")
            time.sleep(0.01)

    def stop(self):
        """As a service manager does; harmless when it is not running."""
        self._end(self.stop_signal)

    def kill(self):
        """As after a crash."""
        self._end(self.crash_signal)

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


def around_command(script, server, variable, address):
    """`script -- COMMAND ARGS…`: runs the command with the server's address in a variable; its exit status."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        print(f"usage: {script} -- COMMAND [ARGS...]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped on the way out
    with server() as running:
        return subprocess.run(arguments, env={**os.environ, variable: address(running)}, check=False).returncode
