# SPDX-License-Identifier: Apache-2.0
"""A weir-collector with a private Postgres in a data folder, and the service under load from tests/scenarios/load.c.

    with DataFolder() as folder, Collector(bin, folder) as collector:
        with Load(bin, collector.nng, threads=2) as load: ...

Waits are conditions with deadlines. Python's standard library only.
"""
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile

from postgres import binary_folder
from process import DEADLINE_S, eventually  # noqa: F401, eventually is for the scenarios
from service import Service


class DataFolder:
    """A fresh folder that an unprivileged Postgres can reach, removed at the end."""

    def __enter__(self):
        self.outer = tempfile.mkdtemp(prefix="weir-scenario-")
        os.chmod(self.outer, 0o755)
        return os.path.join(self.outer, "data")

    def __exit__(self, *exception):
        shutil.rmtree(self.outer, ignore_errors=True)


def spool_folder(dsn):
    """Beside somebody's Postgres, so that it goes with its folder."""
    return os.path.join(re.search(r"host=(\S+)", dsn).group(1), "spool")


class Collector(Service):
    def __init__(self, bin_folder, data_folder=None, listen="tcp://127.0.0.1:0", dsn=None, options=(), before=()):
        """On a data folder, with a Postgres of its own, or on somebody's Postgres; `before` stands before the command."""
        store = ["--postgres", dsn, "--spool-dir", spool_folder(dsn)] if dsn else ["--data-dir", data_folder]
        super().__init__([*before, os.path.join(bin_folder, "weir-collector"), *store, "--listen", listen,
                          "--http", "127.0.0.1:0", "--quiet-ms", "200", *options])
        match = re.fullmatch(r"ready: nng (\S+) http (\S+) postgres (.*)", self.ready)
        self.nng, self.url, self.dsn = match.groups()
        self.bin = bin_folder

    def port(self):
        return int(self.nng.rsplit(":", 1)[1])

    def json(self, path):
        status, text = self.get(path + ("&" if "?" in path else "?") + "format=json")
        assert status == 200, (status, text)
        return json.loads(text)

    def counter(self, name):
        return self.json("/status")["counters"][name]

    def sql(self, text):
        run = subprocess.run([binary_folder() + "/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                              "-d", self.dsn, "-c", text], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout.strip()

    def is_settled(self):
        """All that was acknowledged is in the database."""
        status = self.json("/status")
        return not status["database_away"] and not (status["spool"] and status["spool"]["batches"])

    def settle(self):
        eventually(self.is_settled, "the spool is drained")

    def spans(self):
        """(stored, different): how many spans are stored, and how many of them are not the same span. In the service
        under load no two calls of one operation in one trace begin at the same nanosecond."""
        return tuple(map(int, self.sql(
            "SELECT count(*), count(DISTINCT (trace_id, operation_id, start_ns)) FROM (SELECT trace_id,"
            " unnest(operation_id) AS operation_id,"
            " start_ns + unnest(coalesce(start_offset_ns::bigint[], start_offset_long_ns)) AS start_ns"
            " FROM weir.fragment) s").split("|")))

    def weir(self, *arguments):
        return subprocess.run([os.path.join(self.bin, "weir"), *arguments, "--url", self.url], capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As a crash: no handler runs."""
        self.expected_status = -signal.SIGKILL
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


class Load:
    """The service under load: see tests/scenarios/load.c for what it makes."""

    def __init__(self, bin_folder, endpoint, threads=2, rate=0, requests=0, environment=None):
        self.process = subprocess.Popen(
            [os.path.join(bin_folder, "../tests/load"), "--threads", str(threads), "--rate", str(rate),
             "--requests", str(requests)],
            env={**os.environ, "WEIR_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "load", **(environment or {})},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _ask(self, line, deadline_s):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], deadline_s)[0]:
            raise AssertionError(f"the service has not answered {line!r} for {deadline_s} s")
        return json.loads(self.process.stdout.readline())

    def stats(self):
        return self._ask("stats", DEADLINE_S)

    def finish(self, timeout_ms, deadline_s=DEADLINE_S):
        """Stats after weir_shutdown(timeout_ms); the process has ended with status 0."""
        stats = self._ask(f"finish {timeout_ms}", deadline_s)
        assert self.process.wait(deadline_s) == 0
        return stats


def assert_adds_up(stats):
    """Every span that was created is in exactly one place."""
    assert stats["created"] == stats["acknowledged"] + stats["dropped"] + stats["in_flight"], stats
