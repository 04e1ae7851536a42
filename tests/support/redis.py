#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A throwaway Redis for tests: a socket in a fresh folder, no TCP, nothing on disk, gone afterwards.

    with Redis() as redis:                           # in Python
        service(["--redis", redis.socket])
        redis.command("SET", "price:1", "2")         # "OK"; lists come as lists, nil as None

    redis.py -- COMMAND ARGS...                      # around any command, with WEIR_TEST_REDIS set to the socket

The server gets SIGTERM when the thread that started it ends, however it ends. Python's standard library only.
"""
import os
import shutil
import socket
import sys

from throwaway import STOP_DEADLINE_S, Throwaway, around_command


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


class Redis(Throwaway):
    """`settings` are server settings ({"maxmemory": "1mb"}). Started again, it has nothing in it."""

    def __init__(self, settings=None):
        super().__init__("redis")
        self.settings = {"port": "0", "save": "", "appendonly": "no", "daemonize": "no"}
        self.settings.update(settings or {})
        self.binary = server_binary()
        os.chmod(self.folder, 0o755)  # a service that runs as another user reaches it, too
        self.socket = os.path.join(self.folder, "socket")

    def server_command(self):
        command = [self.binary, "--unixsocket", self.socket, "--unixsocketperm", "777", "--dir", self.folder]
        for name, value in self.settings.items():
            command += ["--" + name, value]
        return command

    def is_ready(self):
        try:
            return self.command("PING") == "PONG"
        except (OSError, RedisError):
            return False

    def command(self, *words):
        """Sends one command on a connection of its own and returns the reply; RedisError when it is one."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(STOP_DEADLINE_S)
            connection.connect(self.socket)
            words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
            connection.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            with connection.makefile("rb") as stream:
                return _read_reply(stream)


if __name__ == "__main__":
    sys.exit(around_command("redis.py", Redis, "WEIR_TEST_REDIS", lambda redis: redis.socket))
