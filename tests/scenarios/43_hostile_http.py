#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Readers that misbehave on the HTTP port: requests that no browser sends, case by case, and clients that are slow, silent,
many, or ask for a lot and never read it. Reports are there for everybody else all the while, in bounded memory."""
import json
import os
import resource
import socket
import struct
import sys
import threading
import time
import unittest

from collector import Collector, DataFolder, eventually
from wire import STORED, Peer, batch, descriptors, field, fixed64, resident_bytes

LONG = os.environ.get("WEIR_HOSTILE") == "long"
SANITIZED = "WEIR_SANITIZED" in os.environ
SPANS, READERS = (60000, 30) if LONG else (5000, 8) if SANITIZED else (20000, 8)
GAP_MAX_S = 10  # far above what is aimed at, and measured: this machine may be busy
ANSWER_BYTES_MAX, WORK_BYTES_MAX = (48 << 20 if LONG else 24 << 20), 128 << 20
RESIDENT_BYTES_MAX = 200 << 20  # the answers' bound, one being made, and what the collector has anyway
CONNECTIONS_MAX = 200
TRACE = bytes(range(16, 32))
HOST = b"Host: x\r\n"


def get(target, headers=b"", version=b"1.1"):
    return b"GET " + target + b" HTTP/" + version + b"\r\n" + HOST + headers + b"\r\n"


# What is sent, and the statuses of which one is the answer; 0: closed without any.
REQUESTS = {
    "a word": (b"hello\r\n\r\n", {0, 400}),
    "zeros": (bytes(64) + b"\r\n\r\n", {0, 400}),
    "a TLS handshake": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300), {0, 400}),
    "an SP greeting": (b"\0SP\0\0\x30\0\0", {0, 400}),
    "a preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {0, 400, 405, 505}),
    "HTTP/9.9": (get(b"/report", version=b"9.9"), {0, 400, 505}),
    "no Host": (b"GET /report HTTP/1.1\r\n\r\n", {400}),
    "a line without its end": (b"GET /report", {0, 400}),
    "a method of 10 KB": (b"G" * 10000 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", {0, 400, 405}),
    "a target of 100 KB": (get(b"/" + b"a" * 100000), {0, 414, 431}),
    "a header of 100 KB": (get(b"/report", b"X: " + b"y" * 100000 + b"\r\n"), {0, 431}),
    "10,000 headers": (get(b"/report", b"X: y\r\n" * 10000), {0, 431}),
    "a header without a colon": (get(b"/report", b"nonsense\r\n"), {0, 200, 400}),
    "a header that begins with a space": (get(b"/report", b" folded: x\r\n"), {0, 200, 400}),
    "zeros in a header": (get(b"/report", b"X: a\0b\r\n"), {0, 200, 400}),
    "lengths that differ": (get(b"/report", b"Content-Length: 1\r\nContent-Length: 2\r\n") + b"xy", {400}),
    "a length and chunks": (get(b"/report", b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n", {400}),
    "a negative length": (get(b"/report", b"Content-Length: -1\r\n"), {400}),
    "a length of 2^64": (get(b"/report", b"Content-Length: 18446744073709551616\r\n"), {0, 400, 413}),
    "a body of 1 GB announced": (get(b"/report", b"Content-Length: 1073741824\r\n"), {413}),
    "a chunk of 2^63": (get(b"/report", b"Transfer-Encoding: chunked\r\n") + b"8000000000000000\r\n", {0, 400, 413}),
    "a chunk of no size": (get(b"/report", b"Transfer-Encoding: chunked\r\n") + b"zz\r\n", {0, 400, 413}),
    "another method": (b"BREW /report HTTP/1.1\r\n" + HOST + b"\r\n", {405}),
    "a way up": (get(b"/../../../../etc/passwd"), {400, 404}),
    "a way up, encoded": (get(b"/%2e%2e/%2e%2e/etc/passwd"), {400, 404}),
    "a zero in the way": (get(b"/report%00.html"), {200, 400, 404}),
    "a percent sign that is cut": (get(b"/report%f"), {400, 404}),
    "not UTF-8": (get(b"/trace/%ff%fe%fd"), {400, 404}),
    "markup": (get(b"/trace/<script>alert(1)</script>"), {400, 404}),
    "quotes for SQL": (get(b"/profile?endpoint=%27%3B%20DROP%20SCHEMA%20weir%20CASCADE%3B%20--"), {400, 404}),
    "a trace id of zeros": (get(b"/trace/" + b"0" * 32), {400, 404}),
    "a trace id of 10,000 digits": (get(b"/trace/" + b"1" * 10000), {400, 404}),
    "a parameter twice": (get(b"/requests?format=json&format=text"), {200, 400}),
    "a parameter that is not": (get(b"/requests?nonsense=1"), {400}),
    "1,000 parameters": (get(b"/requests?" + b"&".join(b"p%d=1" % i for i in range(1000))), {0, 400, 414, 431}),
    "a width of 10^30": (get(b"/report?width=" + b"1" + b"0" * 30), {200, 400}),
    "a time far off": (get(b"/report?since=99999999999999999999s"), {200, 400}),
    "escape sequences": (get(b"/profile?endpoint=%1b%5b2J%07"), {400, 404}),
    "a body that looks like a request": (get(b"/healthz", b"Content-Length: 30\r\n") + b"GET /report HTTP/1.1\r\nHost: x\r\n", {200}),
}


def big_batch(count):
    """One request of so many queries, which its trace shows in some 300 bytes each."""
    strings = [b"", b"service.name", b"big", b"postgresql", b"GET /big"] + [b"SELECT %d" % i for i in range(1)]
    return batch(b"big", sequence=1, producer=66, trace_ids=field(14, TRACE), string_data=field(10, b"".join(strings)),
                 string_bytes=field(11, [len(s) for s in strings]), operation_text=field(22, [4, 5]),
                 span_trace=field(31, [0] * count), span_id=fixed64(32, range(1, count + 1)),
                 span_parent=fixed64(33, [0] + [1] * (count - 1)), span_kind=field(34, [2] + [3] * (count - 1)),
                 span_operation=field(35, [0] + [1] * (count - 1)), start_delta=field(37, [0] + [2000] * (count - 1)),
                 duration=field(38, [10**9] + [500] * (count - 1)))


class Reader(threading.Thread):
    """Somebody who reads reports, one after another, each over a connection of its own."""

    def __init__(self, port):
        super().__init__()
        self.port, self.stopping, self.failure = port, False, None
        self.count, self.longest_s = 0, 0.0

    def run(self):
        try:
            while not self.stopping:
                began = time.monotonic()
                while not self.ask():
                    assert time.monotonic() - began < 60, "no report for 60 s"
                self.longest_s = max(self.longest_s, time.monotonic() - began)
                self.count += 1
                time.sleep(0.01)
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def ask(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
                connection.sendall(get(b"/requests", b"Connection: close\r\n"))
                return b" 200 " in connection.makefile("rb").read().split(b"\r\n")[0]
        except ConnectionError:
            return False  # closed: it had to give way

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stopping = True
        self.join(90)
        if self.failure:
            raise self.failure


class HostileHttp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        cls.folder = DataFolder()
        cls.collector = Collector(BIN, cls.folder.__enter__(), options=[
            "--http-connections-max", str(CONNECTIONS_MAX), "--http-request-timeout-ms", "2000",
            "--http-body-timeout-ms", "2000", "--http-answer-timeout-ms", "4000",
            "--http-answer-bytes-max", str(ANSWER_BYTES_MAX), "--http-work-bytes-max", str(WORK_BYTES_MAX)])
        cls.port = int(cls.collector.url.rsplit(":", 1)[1])
        with Peer(cls.collector.nng) as peer:
            status, reply = peer.ask(big_batch(SPANS))
            assert status == STORED, reply
        eventually(lambda: cls.collector.json("/status")["traces_pending"] == 0, "it is analysed")

    @classmethod
    def tearDownClass(cls):
        cls.collector.__exit__(None, None, None)
        cls.folder.__exit__(None, None, None)

    def setUp(self):
        self.before = descriptors(self.collector.process)
        self.reader = self.enterContext(Reader(self.port))
        eventually(lambda: self.reader.count, "reports are read")
        self.peer = self.enterContext(Peer(self.collector.nng))

    def tearDown(self):
        more = self.reader.count + 3
        eventually(lambda: self.reader.count >= more or self.reader.failure, "reports are still read")
        self.reader.__exit__()
        self.assertLess(self.reader.longest_s, GAP_MAX_S)
        self.assert_bounded()
        self.assertEqual(self.peer.ask(batch(b"other", producer=67, sequence=time.time_ns()))[0], STORED)
        eventually(lambda: descriptors(self.collector.process) <= self.before + 4, "descriptors are back at their level")
        print(f"{self.id().split('.')[-1]}: longest without a report {self.reader.longest_s * 1000:.0f} ms of "
              f"{self.reader.count}; resident {resident_bytes(self.collector.process) >> 20} MiB", file=sys.stderr)

    def assert_bounded(self):
        if not SANITIZED:
            self.assertLess(resident_bytes(self.collector.process), RESIDENT_BYTES_MAX)

    def connect(self, said=b"", receive_bytes=None):
        connection = socket.socket()
        self.addCleanup(connection.close)
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", self.port))
        connection.sendall(said)
        return connection

    def counter(self, name):
        return self.collector.counter(name)

    # ---- requests ----

    def test_requests(self):
        for number, (name, (said, expected)) in enumerate(REQUESTS.items()):
            with self.subTest(name):
                self.assertIn(self.status_of(said), expected)
                self.assertEqual(self.status_of(get(b"/healthz")), 200)
                self.assertEqual(self.peer.ask(batch(b"case", producer=68, sequence=number + 1,
                                                     trace_ids=field(14, struct.pack(">QQ", 68, number))))[0], STORED)
                self.assert_bounded()
        print(f"{len(REQUESTS)} cases", file=sys.stderr)

    def status_of(self, said):
        """Of the first answer; 0: closed without one."""
        connection = self.connect()
        try:
            connection.sendall(said)
            connection.shutdown(socket.SHUT_WR)
            line = connection.makefile("rb").readline()
        except TimeoutError:
            raise
        except OSError:
            return 0
        finally:
            connection.close()
        return int(line.split()[1]) if line.startswith(b"HTTP/1.") else 0

    # ---- crowds ----

    def test_a_crowd_that_says_nothing(self):
        def gone():
            return self.counter("http_connections_evicted") + self.counter("http_connections_timed_out")
        before, evicted = gone(), self.counter("http_connections_evicted")
        crowd = [self.connect() for _ in range(1000)]
        eventually(lambda: gone() >= before + 1000 - CONNECTIONS_MAX, "the oldest give way")
        self.assertGreater(self.counter("http_connections_evicted"), evicted)
        self.assertLessEqual(descriptors(self.collector.process), self.before + CONNECTIONS_MAX + 64)
        for connection in crowd:
            connection.close()

    def test_a_crowd_that_stops_inside_a_header(self):
        """300 of them kept a report waiting for 27 s once."""
        crowd = [self.connect(b"GET /report HTTP/1.1\r\nHost: x\r\nX: ") for _ in range(300)]
        reports, deadline, before = self.reader.count, time.monotonic() + 60, self.counter("http_connections_timed_out")
        while self.counter("http_connections_timed_out") < before + 50:  # a byte at a time does not prolong their time
            self.assertLess(time.monotonic(), deadline)
            for connection in crowd:
                try:
                    connection.send(b"y")
                except OSError:
                    pass  # closed by now
            time.sleep(0.2)  # that is how slow they are
        self.assertGreater(self.reader.count, reports)
        self.assertIn("took too long", self.collector.weir("status").stdout)

    def test_a_body_that_never_comes(self):
        before = self.counter("http_connections_timed_out")
        slow = [self.connect(get(b"/report", b"Content-Length: 60000\r\n") + b"x") for _ in range(20)]
        for connection in slow:
            try:
                self.assertEqual(connection.recv(1000), b"")
            except ConnectionError:
                pass
        self.assertGreaterEqual(self.counter("http_connections_timed_out"), before + 20)

    def test_deaths(self):
        for number in range(300):
            connection = self.connect(get(b"/report") * (number % 5) + get(b"/report")[:number % 40])
            if number % 3 == 0:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()

    # ---- answers that nobody reads ----

    def test_large_answers_that_nobody_reads(self):
        """Some of them fit; the others are told to come again, small answers go on, and in the end there is room again."""
        target = b"/trace/" + TRACE.hex().encode() + b"?format=json"
        size = len(self.collector.get(target.decode())[1])
        crowd, refused = [], 0
        for _ in range(READERS):
            connection = self.connect(get(target), receive_bytes=4096)
            line = connection.recv(15)
            refused += b" 503 " in line
            if b" 503 " in line:
                self.assertIn(b"Retry-After: ", connection.recv(1000))
            else:
                self.assertIn(b" 200 ", line)
            crowd.append(connection)
            self.assert_bounded()
        print(f"{READERS} readers of {size >> 20} MiB: {refused} sent back", file=sys.stderr)
        if not SANITIZED:
            self.assertGreater(refused, 0)
            self.assertGreater(self.counter("http_answers_refused"), 0)
        eventually(lambda: self.collector.get(target.decode())[0] == 200, "there is room again")
        answer = json.loads(self.collector.get(target.decode())[1])
        self.assertEqual(len(answer["spans"]), SPANS)

    def test_an_answer_that_takes_more_than_one_may(self):
        with DataFolder() as data, Collector(BIN, data, options=["--http-work-bytes-max", "1000000"]) as collector:
            with Peer(collector.nng) as peer:
                self.assertEqual(peer.ask(big_batch(10000))[0], STORED)
            status, text = collector.get(f"/trace/{TRACE.hex()}?format=json")
            self.assertEqual(status, 500, text[:200])
            self.assertEqual(collector.get("/status")[0], 200)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
