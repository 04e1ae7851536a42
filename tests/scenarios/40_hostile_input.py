#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input on the nng port is refused or shown harmlessly, counted in `weir status`, and disturbs nobody else."""
import socket
import struct
import subprocess
import sys
import unittest

from collector import Collector, DataFolder, Load, eventually
from wire import GREETING, batch


class HostileInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = DataFolder()
        cls.collector = Collector(BIN, cls.folder.__enter__())

    @classmethod
    def tearDownClass(cls):
        cls.collector.__exit__(None, None, None)
        cls.folder.__exit__(None, None, None)

    def tearDown(self):
        """After each of them a well-behaved service is served as ever."""
        with Load(BIN, self.collector.nng, threads=1, requests=5) as load:
            stats = load.finish(10000)
        self.assertEqual((stats["acknowledged"], stats["dropped"]), (stats["created"], 0))

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.collector.port()), timeout=30)
        self.addCleanup(connection.close)
        return connection

    def send(self, body):
        """One request; the reply's body."""
        connection = self.connect()
        connection.sendall(GREETING + struct.pack(">QI", len(body) + 4, 0x80000001) + body)
        answer = connection.makefile("rb")
        self.assertEqual(answer.read(8), b"\0SP\0\0\x31\0\0")
        (length,) = struct.unpack(">Q", answer.read(8))
        return answer.read(length)[4:]

    def counted(self, name, act):
        """Runs act, then waits until the counter has gone up and `weir status` shows it."""
        before = self.collector.counter(name)
        result = act()
        eventually(lambda: self.collector.counter(name) > before, f"{name} is counted")
        return result

    def closed_after(self, data):
        connection = self.connect()
        connection.sendall(data)
        try:
            self.assertLessEqual(len(connection.makefile("rb").read()), 8)  # to the end: the collector closes
        except ConnectionResetError:
            pass  # closed with bytes unread

    def test_garbage_instead_of_a_greeting(self):
        self.counted("connections_refused_greeting", lambda: self.closed_after(b"GET / HTTP/1.1\r\n\r\n"))
        self.assertIn("no SP greeting", self.collector.weir("status").stdout)

    def test_an_announced_8_gb(self):
        self.counted("frames_refused_length", lambda: self.closed_after(GREETING + struct.pack(">Q", 8 << 30)))

    def test_garbage_in_a_frame(self):
        reply = self.counted("batches_refused_malformed", lambda: self.send(b"\xff" * 300))
        self.assertTrue(reply.startswith(b"\x08\x02"), reply)  # REFUSED

    def test_a_truncated_batch(self):
        whole = batch(b"cut")
        reply = self.counted("batches_refused_malformed", lambda: self.send(whole[:-3]))
        self.assertTrue(reply.startswith(b"\x08\x02"), reply)

    def test_a_newer_version(self):
        reply = self.counted("batches_refused_version", lambda: self.send(batch(b"new", version=9)))
        self.assertTrue(reply.startswith(b"\x08\x02"), reply)
        self.assertIn(b"version 9", reply)
        self.assertIn("newer wire version", self.collector.weir("status").stdout)

    def test_a_statement_of_1_mb(self):
        statement = b"SELECT " + b"x" * 1_000_000
        reply = self.counted("batches_stored", lambda: self.send(batch(b"long", statement, sequence=2)))
        self.assertTrue(reply.startswith(b"\x08\x01"), reply)  # STORED
        longest = int(self.collector.sql("SELECT max(length(text)) FROM weir.operation"))
        self.assertLess(longest, 10_000)

    def test_names_with_escape_sequences(self):
        name = b"evil\x1b[2J\x07\xe2\x80\xae<script>'; DROP SCHEMA weir; --\xff\0end"
        reply = self.counted("batches_stored", lambda: self.send(batch(name, b"SELECT '\x1b]0;x\x07'", producer=8)))
        self.assertTrue(reply.startswith(b"\x08\x01"), reply)
        eventually(lambda: any("evil" in row["service"] for row in self.collector.json("/requests")["requests"]),
                   "the trace is analysed")
        for command in ("report", "requests", "status", "findings"):
            text = self.collector.weir(command).stdout
            self.assertEqual([c for c in text if ord(c) < 32 and c != "\n" or c in "\x7f\u202e"], [], command)
        trace = self.collector.weir("trace", bytes(range(1, 17)).hex())
        self.assertEqual(trace.returncode, 0)
        self.assertNotIn("\x1b", trace.stdout)

    def test_a_batch_twice_is_stored_once(self):
        first = self.send(batch(b"twice", producer=9))
        again = self.counted("batches_duplicate", lambda: self.send(batch(b"twice", producer=9)))
        self.assertEqual(first, again)

    def test_any_languages_nng_can_send(self):
        """nngcat sends a batch from a file and prints the reply."""
        with open(self.folder.outer + "/batch", "wb") as file:
            file.write(batch(b"nngcat", producer=10))
        run = subprocess.run(["nngcat", "--req", "--dial", self.collector.nng, "--raw", "--recv-timeout", "10",
                              "--file", self.folder.outer + "/batch"], capture_output=True, check=False, timeout=60)
        self.assertTrue(run.stdout.startswith(b"\x08\x01"), run)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
