#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""weir-collector as a process: options and exit statuses, one clear line for everything that keeps it from starting, the
ready line, clean stops, and what an acknowledgement is worth when it or its Postgres dies.

    daemon_test.py WEIR_COLLECTOR [unittest arguments]
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import sp  # noqa: E402
from postgres import Postgres, binary_folder  # noqa: E402
from process import Process, eventually, is_alive, run  # noqa: E402

COLLECTOR = ""
ROOT = os.geteuid() == 0
FREE = ["--listen", "tcp://127.0.0.1:0", "--http", "127.0.0.1:0"]


class CollectorTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weir-test-")
        os.chmod(self.folder, 0o755)
        self.data = os.path.join(self.folder, "data")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def collector(self, *options, **process_options):
        process = Process([COLLECTOR, *options], **process_options)
        self.addCleanup(process.__exit__)
        return process

    def ready(self, process):
        """(nng URLs, HTTP URL, DSN) of the ready line, which is all that stdout has."""
        line = process.wait_line("ready:")
        match = re.fullmatch(r"ready: nng (\S+) http (http://\S+) postgres (.+)", line)
        self.assertTrue(match, line)
        self.assertEqual(process.lines, [line])
        return match[1].split(","), match[2], match[3]

    def fails(self, status, *options, **process_options):
        """Runs one that must end with this status; the one line that it says."""
        got, said, errors = run([COLLECTOR, *options], **process_options)
        self.assertEqual((got, said, len(errors)), (status, [], 1), errors)
        self.assertTrue(errors[0].startswith("weir-collector: "), errors[0])
        return errors[0]

    def sql(self, dsn, text):
        done = subprocess.run([binary_folder() + "/psql", "-X", "-A", "-t", "-q", "-d", dsn, "-c", text],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def stored_spans(self, http):
        """None while the collector says that Postgres does not answer."""
        found = re.search(r'"spans"\s*:\s*(\d+)', self.get(http + "/status?format=json"))
        return int(found[1]) if found else None

    def get(self, url):
        address, path = url.removeprefix("http://").split("/", 1)
        host, port = address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), 30) as connection:
            connection.sendall(f"GET /{path} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        return answer.decode()


class Options(CollectorTest):
    def test_help_and_version(self):
        status, said, errors = run([COLLECTOR, "--help"])
        self.assertEqual((status, errors), (0, []))
        for option in ("--listen URL", "--http ADDR:PORT", "--postgres DSN", "--data-dir DIR", "--config FILE",
                       "--quiet-ms N", "--queue-bytes-max N", "--spool-dir DIR", "--spool-bytes-max N", "--loop-calls-min N", "--version", "--help"):
            self.assertTrue(any(line.strip().startswith(option) for line in said), option)
        self.assertTrue(all(len(line) <= 120 for line in said))
        status, said, errors = run([COLLECTOR, "--version"])
        self.assertEqual((status, len(said), errors), (0, 1, []))
        self.assertRegex(said[0], r"^weir-collector \d+\.\d+\.\d+$")

    def test_wrong_usage(self):
        for options, words in [
                (["--nonsense"], "--nonsense"),
                (["listen"], "listen"),
                (["--"], "--"),
                (["--listen"], "--listen: a value is missing"),
                (["--http="], "--http: a value is missing"),
                (["--quiet-ms", "soon"], "--quiet-ms: \"soon\" is not a whole number"),
                (["--quiet-ms", "-1"], "--quiet-ms"),
                (["--quiet-ms", "99999999999999999999"], "--quiet-ms"),
                (["--pipelined-max", "0"], "--pipelined-max"),
                (["--postgres", "dbname=x", "--data-dir", "/tmp/x"], "choose one"),
                (["--config", "/does/not/exist"], "/does/not/exist: No such file"),
                (["--nonsense\n\x1b[31m"], "--nonsense")]:
            self.assertIn(words, self.fails(2, *options), options)
        self.assertIn("WEIR_COLLECTOR_QUIET_MS", self.fails(2, environment={"WEIR_COLLECTOR_QUIET_MS": "x"}))
        self.assertIn("data-dir", self.fails(2, user="nobody", removed=["HOME", "XDG_STATE_HOME"]) if ROOT else "data-dir")

    def test_wrong_configuration_file(self):
        file = self.folder + "/weir.conf"
        for text, words in [("# fine\n\nquiet-ms\n", "weir.conf:3: "), ("nonsense = 1\n", "unknown setting nonsense"),
                            ("quiet-ms = x\n", "weir.conf:1: "), ("config = x\n", "unknown setting config"),
                            ("http =\n", "a value is missing")]:
            with open(file, "w", encoding="ascii") as out:
                out.write(text)
            self.assertIn(words, self.fails(2, "--config", file))

    def test_the_command_line_wins_over_environment_over_file(self):
        file = self.folder + "/weir.conf"
        with open(file, "w", encoding="ascii") as out:
            out.write(f"listen = ipc://{self.folder}/file\ndata-dir = {self.data}\nhttp=127.0.0.1:0\n")
        by_file = self.collector(environment={"WEIR_COLLECTOR_CONFIG": file})
        self.assertEqual(self.ready(by_file)[0], [f"ipc://{self.folder}/file"])
        self.assertTrue(os.path.isdir(self.data))
        self.assertEqual(by_file.stop(), 0)
        environment = {"WEIR_COLLECTOR_LISTEN": f"ipc://{self.folder}/one,ipc://{self.folder}/two"}
        by_environment = self.collector("--config", file, environment=environment)
        self.assertEqual(self.ready(by_environment)[0], [f"ipc://{self.folder}/one", f"ipc://{self.folder}/two"])
        self.assertEqual(by_environment.stop(), 0)
        by_option = self.collector(f"--config={file}", f"--listen=ipc://{self.folder}/option", environment=environment)
        self.assertEqual(self.ready(by_option)[0], [f"ipc://{self.folder}/option"])
        self.assertEqual(by_option.stop(), 0)


class Start(CollectorTest):
    def test_ready_and_a_clean_stop(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            process = self.collector(*FREE, "--data-dir", self.data)
            nng, http, dsn = self.ready(process)
            self.assertRegex(nng[0], r"^tcp://127\.0\.0\.1:[1-9]\d*$")
            self.assertRegex(http, r"^http://127\.0\.0\.1:[1-9]\d*$")
            self.assertEqual(self.sql(dsn, "SELECT 1"), "1")
            self.assertIn(" 200 ", self.get(http + "/status").split("\n")[0])
            with open(self.data + "/postgres/postmaster.pid", encoding="ascii") as file:
                server = int(file.readline())
            self.assertEqual(process.stop(how), 0, process.error_lines)
            self.assertFalse(is_alive(server))

    def test_addresses_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = self.fails(1, "--listen", f"tcp://127.0.0.1:{port}", "--http", "127.0.0.1:0", "--data-dir", self.data)
            self.assertIn(f"cannot listen on tcp://127.0.0.1:{port}: Address in use; another collector?", said)
            said = self.fails(1, "--listen", "tcp://127.0.0.1:0", "--http", f"127.0.0.1:{port}", "--data-dir", self.data)
            self.assertIn(f"127.0.0.1:{port}", said)

    def test_an_address_that_is_none(self):
        for url in ("http://127.0.0.1:1", "tcp//x", "ipc:///does/not/exist/socket"):
            self.assertIn(url, self.fails(1, "--listen", url, "--http", "127.0.0.1:0", "--data-dir", self.data))
        self.assertIn("nonsense", self.fails(1, "--listen", "tcp://127.0.0.1:0", "--http", "nonsense", "--data-dir",
                                             self.data))

    def test_two_on_one_directory(self):
        first = self.collector(*FREE, "--data-dir", self.data)
        self.ready(first)
        self.assertIn("another collector is running", self.fails(1, *FREE, "--data-dir", self.data))
        self.assertEqual(first.stop(), 0)

    @unittest.skipUnless(ROOT, "needs root")
    def test_no_permission(self):
        said = self.fails(1, *FREE, "--data-dir", self.data, user="nobody")
        self.assertIn(f"{self.data}: Permission denied", said)

    def test_a_postgres_that_refuses(self):
        with Postgres() as postgres:
            absent = postgres.dsn.replace("dbname=postgres", "dbname=absent") + " password=secret"
            refused = self.collector(*FREE, "--postgres", absent)
            nobody_there = self.collector(*FREE, "--postgres", f"host={self.folder}")
            said = self.error_after_waiting(refused)
            self.assertEqual(refused.error_lines, [said])  # a refusal is final: at once, and nothing but that
            self.assertIn('"absent" does not exist', said)
            self.assertNotIn("secret", said)
        self.assertIn("cannot reach Postgres", self.error_after_waiting(nobody_there))

    def error_after_waiting(self, process):
        status = process.wait()
        errors = process.error_lines
        self.assertEqual((status, process.lines), (1, []), errors)
        self.assertTrue(all("waiting for Postgres" in line for line in errors[:-1]), errors)
        self.assertTrue(errors[-1].startswith("weir-collector: "))
        return errors[-1]

    def test_a_postgres_that_comes_later(self):
        with Postgres() as postgres:
            postgres.stop()
            process = self.collector(*FREE, "--postgres", postgres.dsn)
            eventually(lambda: any("waiting for Postgres" in line for line in process.error_lines), "it waits")
            postgres.start()
            self.assertEqual(self.ready(process)[2], postgres.dsn)
            self.assertEqual(process.stop(), 0)

    def test_a_stop_while_waiting_for_postgres(self):
        process = self.collector(*FREE, "--postgres", f"host={self.folder}")
        eventually(lambda: any("waiting for Postgres" in line for line in process.error_lines), "it waits")
        self.assertEqual(process.stop(), 0)


class Acknowledgement(CollectorTest):
    def test_what_is_acknowledged_survives_a_kill_and_is_there_once(self):
        process = self.collector(*FREE, "--data-dir", self.data)
        nng, http, _ = self.ready(process)
        with sp.Peer(nng[0]) as peer:
            for sequence in range(1, 21):
                self.assertEqual(peer.ask(sequence, sp.batch(7, sequence, spans=3, trace=sequence))[0], sp.STORED)
        process.stop(signal.SIGKILL)
        again = self.collector(*FREE, "--data-dir", self.data)
        nng, http, _ = self.ready(again)
        self.assertEqual(self.stored_spans(http), 60)
        with sp.Peer(nng[0]) as peer:  # sent again, as after a lost acknowledgement
            for sequence in range(1, 21):
                self.assertEqual(peer.ask(sequence, sp.batch(7, sequence, spans=3, trace=sequence))[0], sp.STORED)
        self.assertEqual(self.stored_spans(http), 60)
        self.assertEqual(again.stop(), 0)

    def test_a_crash_of_the_private_postgres(self):
        process = self.collector(*FREE, "--data-dir", self.data)
        nng, http, _ = self.ready(process)
        with sp.Peer(nng[0]) as peer:
            self.assertEqual(peer.ask(1, sp.batch(7, 1))[0], sp.STORED)
            with open(self.data + "/postgres/postmaster.pid", encoding="ascii") as file:
                os.kill(int(file.readline()), signal.SIGKILL)
            eventually(lambda: peer.ask(2, sp.batch(7, 2))[0] == sp.STORED, "batches are stored again")
        eventually(lambda: self.stored_spans(http) == 2, "both are there")
        self.assertEqual(process.stop(), 0)

    def test_while_postgres_is_away_without_a_spool_batches_are_sent_back(self):
        with Postgres() as postgres:
            process = self.collector(*FREE, "--postgres", postgres.dsn, "--spool-bytes-max", "0")
            nng, http, _ = self.ready(process)
            with sp.Peer(nng[0]) as peer:
                self.assertEqual(peer.ask(1, sp.batch(7, 1))[0], sp.STORED)
                postgres.stop()
                status, reason, retry_after_ms = peer.ask(2, sp.batch(7, 2))
                self.assertEqual((status, retry_after_ms), (sp.RETRY, 500), reason)
                postgres.start()
                eventually(lambda: peer.ask(3, sp.batch(7, 2))[0] == sp.STORED, "batches are stored again")
            eventually(lambda: self.stored_spans(http) == 2, "both are there")
            self.assertEqual(process.stop(), 0)

    def test_what_cannot_be_stored_is_refused_and_counted(self):
        process = self.collector(*FREE, "--data-dir", self.data)
        nng, http, _ = self.ready(process)
        with sp.Peer(nng[0]) as peer:
            self.assertEqual(peer.ask(1, b"\xff" * 40)[0], sp.REFUSED)
            status, reason, _ = peer.ask(2, sp.batch(7, 1, version=2))
            self.assertEqual(status, sp.REFUSED)
            self.assertIn("newer", reason)
            self.assertEqual(peer.ask(3, sp.batch(7, 1)[:-3])[0], sp.REFUSED)
            self.assertEqual(peer.ask(4, sp.batch(7, 1))[0], sp.STORED)
        text = self.get(http + "/status?format=json")
        for name, value in (("batches_refused_malformed", 2), ("batches_refused_version", 1), ("batches_stored", 1)):
            self.assertRegex(text, rf'"{name}"\s*:\s*{value}\b')
        self.assertEqual(process.stop(), 0)

    def test_a_stop_ends_though_postgres_hangs(self):
        """The backend that stores a batch is caught in the act, by a lock, and then stopped."""
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with Postgres() as postgres:
            process = self.collector(*FREE, "--postgres", postgres.dsn)
            nng, _, _ = self.ready(process)
            holder = subprocess.Popen([binary_folder() + "/psql", "-X", "-q", "-d", postgres.dsn, "-c",
                                       "BEGIN; LOCK TABLE weir.batch; SELECT pg_sleep(600)"])
            try:
                eventually(lambda: postgres.sql("SELECT 1 FROM pg_locks WHERE relation = 'weir.batch'::regclass AND "
                                                "mode = 'AccessExclusiveLock' AND granted"), "the table is locked")
                with sp.Peer(nng[0]) as peer:
                    peer.send(1, sp.batch(7, 1))
                    eventually(lambda: postgres.sql(waiting), "the batch is being stored")
                    backend = int(postgres.sql(waiting).split()[0])
                    os.kill(backend, signal.SIGSTOP)
                    try:
                        self.assertEqual(process.stop(), 1)
                        self.assertIn("could not stop cleanly", "\n".join(process.error_lines))
                    finally:
                        os.kill(backend, signal.SIGCONT)
            finally:
                holder.kill()
                holder.wait()


if __name__ == "__main__":
    COLLECTOR = os.path.abspath(sys.argv.pop(1))
    unittest.main()
