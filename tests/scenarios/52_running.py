#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What runs the collector, and what watches it: metrics, health, systemd's notifications, the form of its log, its settings."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request

import exposition
from collector import Collector, eventually
from postgres import Postgres
from service import Service
from sp import REFUSED, STORED, Peer, batch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Running(unittest.TestCase):
    def setUp(self):
        self.postgres = self.enterContext(Postgres())

    def metrics(self, collector):
        with urllib.request.urlopen(collector.url + "/metrics", timeout=60) as answer:
            self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
            return exposition.parse(answer.read().decode())

    def test_the_reader_of_metrics_is_strict(self):
        good = "# HELP a_total x\n# TYPE a_total counter\na_total{b=\"c\"} 1\n"
        self.assertEqual(exposition.parse(good), {("a_total", (("b", "c"),)): 1})
        for bad in (good[:-1], good + "a_total{b=\"c\"} 1\n", good.replace("HELP", "HILP"), good.replace('"c"', "c"),
                    good.replace("} 1", "}  1"), good.replace("# TYPE a_total counter\n", ""), good + "b 1\n"):
            with self.assertRaises(ValueError):
                exposition.parse(bad)

    def test_metrics(self):
        with Collector(BIN, dsn=self.postgres.dsn) as collector, Peer(collector.nng) as peer:
            before = self.metrics(collector)
            self.assertEqual(peer.ask(1, batch(7, 1, 50))[0], STORED)
            self.assertEqual(peer.ask(2, b"\xff\xff")[0], REFUSED)
            eventually(lambda: self.metrics(collector)[("weir_analysis_lag_seconds_count", ())] == 1, "it is analysed")
            after = self.metrics(collector)
            self.assertEqual(after[("weir_spans_stored_total", ())], 50)
            self.assertEqual(after[("weir_batches_stored_total", ())], 1)
            self.assertEqual(after[("weir_batches_refused_total", (("reason", "malformed"),))], 1)
            self.assertEqual(after[("weir_connections_open", ())], 1)
            self.assertEqual(after[("weir_batch_seconds_count", ())], 1)
            self.assertGreater(after[("weir_batch_seconds_sum", ())], 0)
            self.assertGreater(after[("weir_http_seconds_count", ())], before[("weir_http_seconds_count", ())])
            self.assertGreater(after[("weir_resident_memory_bytes", ())], 1 << 20)
            self.assertEqual({key for key in after if key[0] != "weir_batches_refused_total"} - set(before), set())

    def test_while_postgres_is_away(self):
        with Collector(BIN, dsn=self.postgres.dsn) as collector, Peer(collector.nng) as peer:
            self.assertEqual(collector.get("/readyz"), (200, "ready\n"))
            self.postgres.stop()
            self.assertEqual(peer.ask(1, batch(7, 1, 50))[0], STORED)
            self.assertEqual(collector.get("/healthz"), (200, "ok\n"))
            self.assertEqual(collector.get("/readyz")[0], 503)
            self.assertEqual(self.metrics(collector)[("weir_spool_batches", ())], 1)
            self.postgres.start()
            eventually(lambda: self.metrics(collector)[("weir_spool_batches", ())] == 0, "the spool is drained")
            self.assertEqual(collector.get("/readyz")[0], 200)

    def notified(self, address, path):
        """A collector under something that listens as systemd does; the messages it sends in its life."""
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
            listening.bind(address)
            listening.settimeout(60)
            with Service([BIN + "/weir-collector", "--postgres", self.postgres.dsn, "--listen", "tcp://127.0.0.1:0", "--http",
                          "127.0.0.1:0", "--spool-bytes-max", "0"],
                         {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"}):
                messages = [listening.recv(4096).decode() for _ in range(4)]
            messages.append(listening.recv(4096).decode())
            while messages[-1] == "WATCHDOG=1":
                messages[-1] = listening.recv(4096).decode()
            return messages

    def test_systemd_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/notify"
            for address, named in ((path, path), ("\0weir-test-" + str(os.getpid()), "@weir-test-" + str(os.getpid()))):
                messages = self.notified(address, named)
                self.assertEqual(messages[0].split("\n")[0], "READY=1")
                self.assertEqual(messages[1:4], ["WATCHDOG=1"] * 3)
                self.assertEqual(messages[4], "STOPPING=1")

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_the_unit_is_understood(self):
        with tempfile.TemporaryDirectory() as folder, open(ROOT + "/share/systemd/weir-collector.service",
                                                           encoding="utf-8") as file:
            text = file.read().replace("ExecStart=weir-collector", f"ExecStart={BIN}/weir-collector")
            unit = re.sub("^Documentation=.*\n", "", text, flags=re.MULTILINE)
            with open(folder + "/weir-collector.service", "w", encoding="utf-8") as out:
                out.write(unit)
            run = subprocess.run(["systemd-analyze", "verify", "--man=no", folder + "/weir-collector.service"],
                                 capture_output=True, text=True, check=False)
            self.assertNotIn("weir-collector.service", run.stderr)

    def log_of(self, *options, environment=None):
        """The lines on stderr of a collector that is started and stopped."""
        process = subprocess.Popen([BIN + "/weir-collector", "--postgres", self.postgres.dsn, "--listen", "tcp://127.0.0.1:0",
                                    "--http", "127.0.0.1:0", "--spool-bytes-max", "0", *options], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        self.assertTrue(process.stdout.readline().startswith("ready: "))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        return [line for line in errors.splitlines() if "stopping" in line]

    def test_the_log_in_three_forms(self):
        time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        (text,) = self.log_of()
        self.assertRegex(text, f"^{time} info: stopping on SIGTERM$")
        (logfmt,) = self.log_of("--log-format", "logfmt")
        self.assertRegex(logfmt, f'^time={time} level=info msg="stopping on SIGTERM"$')
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write("# a comment\nlog-format = json\n")
            file.flush()
            (line,) = self.log_of(environment={"WEIR_COLLECTOR_CONFIG": file.name})
            self.assertEqual(json.loads(line)["message"], "stopping on SIGTERM")
            (line,) = self.log_of("--config", file.name, environment={"WEIR_COLLECTOR_LOG_FORMAT": "logfmt"})
            self.assertTrue(line.startswith("time="))
        run = subprocess.run([BIN + "/weir-collector", "--log-format", "xml"], capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stderr), (2, "weir-collector: --log-format: text, logfmt or json\n"))


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
