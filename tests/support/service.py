# SPDX-License-Identifier: Apache-2.0
"""A process that says `ready: …` on its first line when it serves, as the collector and the examples do.

    with Service([bin + "/dashboard", "--stage", "before", ...]) as dashboard:
        status, text = dashboard.get("/api/dashboard/1")

Leaving the block stops it with SIGTERM and checks that it ended with status 0. Python's standard library only.
"""
import os
import select
import signal
import subprocess
import time
import urllib.error
import urllib.request

READY_DEADLINE_S = 120
STOP_DEADLINE_S = 30


class Service:
    def __init__(self, command, environment=None):
        self.command = command
        self.process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        try:
            self.ready = self._wait_ready()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.url = self.ready.split()[1]

    def _wait_ready(self):
        """Its first line, read byte by byte with a deadline, so that nothing after it is swallowed."""
        line, deadline = b"", time.monotonic() + READY_DEADLINE_S
        stdout = self.process.stdout.fileno()
        while not line.endswith(b"\n"):
            if not select.select([stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise RuntimeError(f"{self.command[0]} is not ready after {READY_DEADLINE_S} s")
            byte = os.read(stdout, 1)
            if not byte:
                raise RuntimeError(f"{self.command[0]} ended with {self.process.wait()} before it was ready")
            line += byte
        text = line.decode().strip()
        if not text.startswith("ready: "):
            raise RuntimeError(f"{self.command[0]} said {text!r} in place of ready")
        return text

    def get(self, path, body=None, headers=None, timeout=120):
        """(status, text) of a GET, or of a POST of a body."""
        request = urllib.request.Request(self.url + path, data=body.encode() if body is not None else None,
                                         headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def stop(self, how=signal.SIGTERM):
        """Sends the signal and returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            status = self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self.process.stdout.close()
        return status

    expected_status = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        status = self.stop()
        if kind is None and status != 0 and status != self.expected_status:
            raise RuntimeError(f"{self.command[0]} ended with {status}")
