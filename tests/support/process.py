#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real processes for scenarios: started, waited for by what they say or do, never by sleeping, and always ended.

    with Process([binary, "--option"]) as process:
        line = process.wait_line("ready:")
        process.stop()                    # SIGTERM, returns the exit status
"""
import os
import pwd
import queue
import signal
import subprocess
import threading
import time

DEADLINE_S = 60


def eventually(condition, what, deadline_s=DEADLINE_S):
    """Waits until condition() is true, returns what it gave, and fails with `what` at the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"never true: {what}")
        time.sleep(0.02)


def is_alive(pid):
    """Whether the process runs; one that nobody has reaped yet does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def _become(user):
    if user is None or os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(user)

    def preexec():
        os.setgroups([entry.pw_gid])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)

    return preexec


class Process:
    """stdout and stderr are read as they come, line by line, and kept."""

    def __init__(self, command, user=None, environment=None, removed=()):
        env = {name: value for name, value in os.environ.items() if name not in removed}
        env.update(environment or {})
        self.lines, self.error_lines = [], []
        self._new = queue.Queue()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd="/",
                                        stderr=subprocess.PIPE, env=env, preexec_fn=_become(user))
        self._readers = [threading.Thread(target=self._read, args=(self.process.stdout, self.lines, True)),
                         threading.Thread(target=self._read, args=(self.process.stderr, self.error_lines, False))]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, kept, announce):
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\n")
            kept.append(line)
            if announce:
                self._new.put(line)
        if announce:
            self._new.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    @property
    def pid(self):
        return self.process.pid

    def wait_line(self, start, deadline_s=DEADLINE_S):
        """The next line of stdout that begins with `start`."""
        end = time.monotonic() + deadline_s
        while True:
            try:
                line = self._new.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line {start!r} within {deadline_s} s; stderr: {self.error_lines}") from None
            if line is None:
                self.wait()
                raise AssertionError(f"ended before it said {start!r}; stderr: {self.error_lines}")
            if line.startswith(start):
                return line

    def wait(self, deadline_s=DEADLINE_S):
        """The exit status, once everything it said has been read."""
        status = self.process.wait(deadline_s)
        for reader in self._readers:
            reader.join(deadline_s)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()
        return status

    def stop(self, how=signal.SIGTERM, deadline_s=DEADLINE_S):
        self.process.send_signal(how)
        return self.wait(deadline_s)


def run(command, deadline_s=DEADLINE_S, **options):
    """Runs to the end: (status, stdout lines, stderr lines)."""
    with Process(command, **options) as process:
        status = process.wait(deadline_s)
        return status, process.lines, process.error_lines
