#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bytes that no honest peer sends, case by case, on all three kinds of the nng port: greetings, prefixes, headers, batches.

Each is refused or stored harmlessly and counted; after each a peer that was there all the time, and one that comes anew,
have a batch stored; at the end everything that was stored is analysed and can be read; and the collector's resident memory
never goes over its bound.
"""
import os
import struct
import sys
import unittest

from collector import Collector, DataFolder, eventually
from wire import (GREETING, REFUSED, STORED, Peer, batch, certificate, field, fixed64, frame, resident_bytes, trusting,
                  varint)

RESIDENT_BYTES_MAX = 300 << 20  # see docs/decisions/0015-hostile-clients.md
SANITIZED = "WEIR_SANITIZED" in os.environ
U32, U64 = 2**32 - 1, 2**64 - 1

# Said before any greeting; the collector closes, and counts so.
GREETINGS = {
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a TLS handshake on the plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "zeros": bytes(8),
    "ones": b"\xff" * 8,
    "a later version of SP": b"\0SP\1\0\x30\0\0",
    "reserved bits": b"\0SP\0\0\x30\0\1",
    "a PUB peer": b"\0SP\0\0\x20\0\0",
    "a REP peer": b"\0SP\0\0\x31\0\0",
    "a PUSH peer": b"\0SP\0\0\x50\0\0",
    "an SSH client": b"SSH-2.0-OpenSSH_9.2\r\n",
    "64 KB of noise": bytes(range(256)) * 256,
}

# Said behind the greeting: (bytes, the counter); the collector closes.
STREAMS = {
    "an announced 8 GB": (struct.pack(">Q", 8 << 30), "frames_refused_length"),
    "an announced 2^64 - 1": (b"\xff" * 8, "frames_refused_length"),
    "an announced 2^63": (b"\x80" + bytes(7), "frames_refused_length"),
    "an empty frame": (bytes(8), "frames_refused_header"),
    "a frame of one byte": (frame(b"x", words=()), "frames_refused_header"),
    "a frame of three bytes": (frame(b"xyz", words=()), "frames_refused_header"),
    "a header that never ends": (frame(b"", words=[1] * 10), "frames_refused_header"),
    "a header cut before its end": (frame(b"", words=[1, 2]), "frames_refused_header"),
    "text": (b"hello, is this the right port? ".ljust(4096, b"."), "frames_refused_length"),
}

# Strings of a batch: "", service.name, the name, postgresql, the statement, GET name.
TWO_STRINGS_TOO_LONG = field(11, [0, 12, U32, U32, 1, 1])


def nested_groups(depth):
    return varint(1000 << 3 | 3) * depth + varint(1000 << 3 | 4) * depth


def nested_messages(depth):
    """Each holds the next, in a field that nobody knows."""
    data = b""
    for _ in range(depth):
        data = varint(1000 << 3 | 2) + varint(len(data)) + data if len(data) < 1 << 20 else data
    return data


def chain(length, first=1):
    """Each span the parent of the next, all of one operation."""
    ids = list(range(first, first + length))
    return {"span_trace": field(31, [0] * length), "span_id": fixed64(32, ids),
            "span_parent": fixed64(33, [0] + ids[:-1]), "span_kind": field(34, [2] + [1] * (length - 1)),
            "span_operation": field(35, [0] * length), "start_delta": field(37, [2] * length),
            "duration": field(38, [1000000] * length)}


EITHER = (STORED, REFUSED)
# What is in a well-formed request: fields of batch() to replace, and what the collector may say.
BATCHES = {
    "nothing": (b"", REFUSED),
    "ones": (b"\xff" * 300, REFUSED),
    "a field number of 0": (b"\x00\x01", REFUSED),
    "a wire type that is not": (b"\x0e\x01", REFUSED),
    "a varint of eleven bytes": (b"\x08" + b"\x80" * 10 + b"\x01", REFUSED),
    "a length beyond the end": (b"\x52\x7f" + b"x", REFUSED),
    "a length of 2^63": (b"\x52" + varint(2**63), REFUSED),
    "a packed varint cut in two": ({"span_kind": field(34, b"\x02\x83")}, REFUSED),
    "groups nested 1,000 deep": ({"more": nested_groups(1000)}, EITHER),
    "groups nested 100,000 deep": ({"more": nested_groups(100000)}, EITHER),
    "messages nested 1,000 deep": ({"more": nested_messages(1000)}, EITHER),
    "messages nested 10,000 deep": ({"more": nested_messages(10000)}, EITHER),
    "version 0": ({"version": 0}, REFUSED),
    "version 2^32 - 1": ({"version": U32}, REFUSED),
    "producer 0": ({"producer": 0}, EITHER),
    "sequence 0": ({"sequence": 0}, EITHER),
    "sequence 2^64 - 1": ({"sequence": U64}, EITHER),
    "counters at the end of their range": ({"more": field(4, U64) + field(5, U64) + field(6, [U64] * 5)}, EITHER),
    "10,000 reasons of drops": ({"more": field(6, [1] * 10000)}, EITHER),
    "strings longer than their bytes": ({"string_bytes": field(11, [0, 12, 500, 10, 8, 9])}, REFUSED),
    "string lengths that overflow": ({"string_bytes": TWO_STRINGS_TOO_LONG}, REFUSED),
    "no strings": ({"string_data": None, "string_bytes": None}, REFUSED),
    "a name that is not UTF-8": ({}, STORED, b"\xff\xfe\xc0\xaf\xed\xa0\x80"),
    "a name of control characters": ({}, STORED, bytes(range(1, 32)) + b"\x1b[2J\x7f"),
    "a name with zeros": ({}, STORED, b"a\0b\0\0c"),
    "a name of 1 MB": ({}, STORED, b"n" * 1000000),
    "a trace id of zeros": ({"trace_ids": field(14, bytes(16))}, REFUSED),
    "a trace id of 15 bytes": ({"trace_ids": field(14, bytes(range(1, 16)))}, REFUSED),
    "a trace id of 17 bytes": ({"trace_ids": field(14, bytes(range(1, 18)))}, REFUSED),
    "no trace id": ({"trace_ids": None}, REFUSED),
    "a span id of 0": ({"span_id": fixed64(32, [0, 2])}, REFUSED),
    "a span id twice": ({"span_id": fixed64(32, [5, 5])}, EITHER),
    "a span that is its own parent": ({"span_parent": fixed64(33, [1, 1])}, EITHER),
    "a cycle of parents": ({"span_parent": fixed64(33, [2, 1])}, EITHER),
    "a chain of 10,000": (chain(10000), STORED),
    "65,537 spans": (chain(65537), REFUSED),
    "a span of no trace": ({"span_trace": field(31, [0, 9])}, REFUSED),
    "a span of no operation": ({"span_operation": field(35, [0, U32])}, REFUSED),
    "an operation of no text": ({"operation_text": field(22, [5, U32])}, REFUSED),
    "a kind that is not": ({"span_kind": field(34, [2, 99])}, EITHER),
    "a type of operation that is not": ({"operation_type": field(20, [1, 77])}, EITHER),
    "columns of different lengths": ({"duration": field(38, [1, 2, 3])}, REFUSED),
    "a column of 16 million elements": ({"duration": field(38, bytes(15 << 20))}, REFUSED),
    "a time of 0": ({"base_time": fixed64(30, 0)}, EITHER),
    "a time of 2^63 - 1": ({"base_time": fixed64(30, 2**63 - 1)}, EITHER),
    "a time of 2^64 - 1": ({"base_time": fixed64(30, U64)}, EITHER),
    "starts that overflow": ({"start_delta": field(37, [U64 - 1, U64 - 1])}, EITHER),
    "starts far before": ({"start_delta": field(37, [U64, U64])}, EITHER),
    "durations of 2^64 - 1": ({"duration": field(38, [U64, U64])}, EITHER),
    "more attributes than there are": ({"more": field(75, [3, 0]) + field(76, [1])}, REFUSED),
    "attribute counts that overflow": ({"more": field(75, [U32, U32])}, REFUSED),
    "event counts that overflow": ({"more": field(80, [U32, U32])}, REFUSED),
    "link counts that overflow": ({"more": field(65, [U32, 1])}, REFUSED),
    "an attribute with no name": ({"more": field(75, [1, 0]) + field(76, [U32]) + field(77, [1]) + field(78, [2])}, REFUSED),
}


class HostileFrames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = DataFolder()
        data = cls.folder.__enter__()
        cert, key = certificate(cls.folder.outer)
        cls.trust = trusting(cert)
        cls.collector = Collector(BIN, data, f"tcp://127.0.0.1:0,ipc://{cls.folder.outer}/nng,tls+tcp://127.0.0.1:0", options=[
            "--tls-cert", cert, "--tls-key", key, "--greeting-timeout-ms", "5000", "--frame-timeout-ms", "5000",
            "--quiet-without-root-ms", "300"])
        cls.urls = cls.collector.nng.split(",")
        cls.standing = [cls.peer(url) for url in cls.urls]
        cls.sequence, cls.cases, cls.most_bytes = 0, 0, 0

    @classmethod
    def tearDownClass(cls):
        for peer in cls.standing:
            peer.close()
        cls.collector.__exit__(None, None, None)
        cls.folder.__exit__(None, None, None)
        print(f"{cls.cases} cases, at most {cls.most_bytes >> 20} MiB resident", file=sys.stderr)

    @classmethod
    def peer(cls, url, greet=True):
        return Peer(url, greet, cls.trust)

    def next_sequence(self):
        type(self).sequence += 1
        return self.sequence

    def good(self):
        return batch(b"good", producer=1, sequence=self.next_sequence(), trace_ids=field(14, b"good" + struct.pack(">QI", 1, self.sequence)))

    def each(self, cases, act):
        """Acts on the cases, each on the next kind of connection; after each the others are served as ever."""
        for name, case in cases.items():
            url = self.urls[self.cases % len(self.urls)]
            type(self).cases += 1
            with self.subTest(name, url=url):
                act(url, case)
                for peer in self.standing:
                    self.assertEqual(peer.ask(self.good())[0], STORED)
                with self.peer(url) as newcomer:
                    self.assertEqual(newcomer.ask(self.good())[0], STORED)
                type(self).most_bytes = max(self.most_bytes, resident_bytes(self.collector.process))
                if not SANITIZED:
                    self.assertLess(self.most_bytes, RESIDENT_BYTES_MAX)

    def is_counted(self, name, before):
        eventually(lambda: self.collector.counter(name) > before, f"{name} is counted")

    def test_greetings(self):
        def act(url, said):
            before = self.collector.counter("connections_refused_greeting")
            with self.peer(url, greet=False) as peer:
                peer.closed_on(said)
            self.is_counted("connections_refused_greeting", before)

        self.each(GREETINGS, act)

    def test_streams(self):
        def act(url, case):
            said, counter = case
            before = self.collector.counter(counter)
            with self.peer(url) as peer:
                peer.closed_on(b"\1" + said if peer.ipc else said)
            self.is_counted(counter, before)

        self.each(STREAMS, act)

    def test_a_tls_port_is_told_other_things(self):
        handshakes = {"SP": GREETING, "HTTP": b"GET / HTTP/1.1\r\n\r\n", "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
                      "a record of 64 KB": b"\x16\x03\x01\xff\xff" + b"x" * 65535,
                      "a hello of nonsense": b"\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03" + b"\xee" * 58}

        def act(_, said):
            before = self.collector.counter("connections_refused_tls")
            with Peer(self.urls[2], greet=False) as peer:
                peer.closed_on(said)
            self.is_counted("connections_refused_tls", before)

        self.each(handshakes, act)

    def test_batches(self):
        def act(url, case):
            what, expected, name = (*case, b"case %d" % self.cases)[:3]
            trace_id = b"case" + struct.pack(">QI", 1, self.cases)
            body = what if isinstance(what, bytes) else batch(
                name, **{"producer": 1000 + self.cases, "trace_ids": field(14, trace_id), **what})
            with self.peer(url) as peer:
                status, reply = peer.ask(body)
                self.assertIn(status, expected if isinstance(expected, tuple) else (expected,), reply)
                self.assertEqual(peer.ask(self.good())[0], STORED)  # the connection goes on

        self.each(BATCHES, act)
        self.all_is_readable()

    def all_is_readable(self):
        eventually(lambda: self.collector.json("/status")["traces_pending"] == 0, "everything is analysed")
        for page in ("/report", "/requests", "/findings", "/status"):
            for form in ("text", "json"):
                status, text = self.collector.get(f"{page}?format={form}")
                self.assertEqual(status, 200, page)
                self.assertEqual([c for c in text if ord(c) < 32 and c != "\n"], [], page)
        traces = self.collector.sql("SELECT DISTINCT replace(trace_id::text, '-', '') FROM weir.fragment").split()
        strange = [trace for trace in traces if not trace.startswith(b"good".hex())]
        self.assertGreater(len(strange), 10)
        for trace in strange:
            for form in ("text", "json"):
                status, text = self.collector.get(f"/trace/{trace}?format={form}")
                self.assertEqual(status, 200, trace)
                self.assertEqual([c for c in text if ord(c) < 32 and c != "\n"], [], trace)

    def test_frames_that_are_too_long_for_a_batch(self):
        def too_long(length, ipc):
            return frame(b"x" * (length - 4), ipc=ipc)

        def act(url, length):
            before = self.collector.counter("frames_refused_length")
            with self.peer(url) as peer:
                peer.send(too_long(length, peer.ipc))
                self.assertEqual(peer.reply()[0], REFUSED)
                self.assertEqual(peer.ask(self.good())[0], STORED)
            self.is_counted("frames_refused_length", before)

        self.each({"one byte": (16 << 20) + 37, "twice": 32 << 20}, act)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
