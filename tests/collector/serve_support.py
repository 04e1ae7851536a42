# SPDX-License-Identifier: Apache-2.0
"""For the tests of the HTTP side and of the weir program: a collector on free ports, and requests put exactly so."""
import http.client
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from collector import eventually  # noqa: E402,F401
from postgres import Postgres  # noqa: E402,F401
from service import Service  # noqa: E402

BIN = os.environ["WEIR_BIN"]
TRAFFIC = os.environ["WEIR_TRAFFIC"]


class Collector(Service):
    """weir-collector with --postgres DSN or --data-dir DIR."""

    def __init__(self, *arguments):
        super().__init__([BIN + "/weir-collector", "--http", "127.0.0.1:0", "--listen", "tcp://127.0.0.1:0",
                          "--quiet-ms", "100", *arguments])
        words = self.ready.split()
        self.nng, self.url = words[words.index("nng") + 1], words[words.index("http") + 1]
        self.host, port = self.url.removeprefix("http://").rsplit(":", 1)
        self.port = int(port)

    def ask(self, path, headers=None, method="GET"):
        """(status, headers, body) of one request."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, path):
        status, _, body = self.ask(path, {"Accept": "application/json"})
        assert status == 200, (path, status, body)
        return json.loads(body)


def running_on(folder):
    """The processes that name this folder on their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = pathlib.Path("/proc", pid, "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if folder in command:
            found.append(command.replace("\0", " "))
    return found
