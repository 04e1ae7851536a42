#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A throwaway Redis for tests: a socket in a fresh folder, no TCP, nothing on disk, gone afterwards.

    with Redis() as redis:                           # in Python
        service(["--redis", redis.socket])
        redis.command("SET", "price:1", "2")         # "OK"; lists come as lists, nil as None

    redis.py -- COMMAND ARGS...                      # around any command, with WEIR_TEST_REDIS set to the socket

The server gets SIGTERM when the thread that started it ends, however it ends. Python's standard library only.
"""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PR_SET_PDEATHSIG = 1
START_DEADLINE_S = 60
STOP_DEADLINE_S = 30


class RedisError(Exception):
    """What the server answered with a minus sign."""


def server_binary():
    """redis-server: WEIR_REDIS_SERVER, or the one on PATH."""
    found = os.environ.get("WEIR_REDIS_SERVER") or shutil.which("redis-server")
    if not found:
        raise RuntimeError("no redis-server found: install redis-server, or name it in WEIR_REDIS_SERVER")
    return found


def _read_reply(stream):
    """One reply of the protocol (RESP 2)."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("redis closed the connection")
    kind, text = line[:1], line[1:-2].decode()
    if kind == b"+":
        return text
    if kind == b"-":
        raise RedisError(text)
    if kind == b":":
        return int(text)
    if kind == b"$":
        return None if text == "-1" else stream.read(int(text) + 2)[:-2].decode("utf-8", "surrogateescape")
    if kind == b"*":
        return None if text == "-1" else [_read_reply(stream) for _ in range(int(text))]
    raise ConnectionError(f"not a Redis reply: {line!r}")


class Redis:
    """Context manager. `settings` are server settings ({"maxmemory": "1mb"}). After `stop()` or `kill()` comes
    `start()` again on the same socket, with nothing in it."""

    def __init__(self, settings=None):
        self.settings = {"port": "0", "save": "", "appendonly": "no", "daemonize": "no"}
        self.settings.update(settings or {})
        self.binary = server_binary()
        self.process = None
        self.folder = tempfile.mkdtemp(prefix="weir-redis-")  # short: a socket path has 107 bytes
        os.chmod(self.folder, 0o755)  # a service that runs as another user reaches it, too
        self.socket = os.path.join(self.folder, "socket")
        self.log = os.path.join(self.folder, "log")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *exception):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        command = [self.binary, "--unixsocket", self.socket, "--unixsocketperm", "777", "--dir", self.folder]
        for name, value in self.settings.items():
            command += ["--" + name, value]
        environment = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "ASAN_OPTIONS")}
        libc = ctypes.CDLL(None, use_errno=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
                                            env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait_ready()

    def _wait_ready(self):
        deadline = time.monotonic() + START_DEADLINE_S
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    text = log.read()
                self.stop()
                raise RuntimeError("redis-server did not start: " + text)
            time.sleep(0.01)

    def _is_ready(self):
        try:
            return self.command("PING") == "PONG"
        except (OSError, RedisError):
            return False

    def stop(self):
        """SIGTERM, as a service manager does; harmless when it is not running."""
        self._end(signal.SIGTERM)

    def kill(self):
        """As after a crash."""
        self._end(signal.SIGKILL)

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

    def command(self, *words):
        """Sends one command on a connection of its own and returns the reply; RedisError when it is one."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(STOP_DEADLINE_S)
            connection.connect(self.socket)
            words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
            connection.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            with connection.makefile("rb") as stream:
                return _read_reply(stream)


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--"]:
        arguments = arguments[1:]
    if not arguments:
        print("usage: redis.py -- COMMAND [ARGS...]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped on the way out
    with Redis() as redis:
        return subprocess.run(arguments, env={**os.environ, "WEIR_TEST_REDIS": redis.socket}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
