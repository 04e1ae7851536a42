#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bodies and requests that nobody should send to /v1/traces and /api/v2/spans. After each a valid span is taken, by the same
collector, whose memory stays under a bound: RESIDENT_MAX for everything that came before, together."""
import gzip
import json
import os
import socket
import struct
import sys
import time
import unittest
import zlib

from collector import Collector, DataFolder, eventually
from otlp_send import (JSON, PROTOBUF, Connection, field, fixed64, json_request, json_span, new_id,
                       post, request, span, span_bytes, varint)

TRACES, ZIPKIN = "/v1/traces", "/api/v2/spans"
LIMIT = 64 << 20
RESIDENT_MAX = 384 << 20  # post_memory_max (256 MiB) and a half: what is received, and what is read and stored of it
SANITIZED = os.environ.get("WEIR_SANITIZED") == "1"  # shadow memory is not ours to bound


def setUpModule():
    global collector
    folder = unittest.enterModuleContext(DataFolder())
    collector = unittest.enterModuleContext(Collector(BIN, folder, options=["--http-body-timeout-ms", "1500"]))


def resident():
    with open(f"/proc/{collector.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))


def wrap(spans=b"", scope=b"", resource=b""):
    """A request of whatever bytes the parts are."""
    return field(1, field(1, resource) + field(2, field(1, scope) + spans))


def nested_value(depth, number):
    """A value in arrays (5) or maps (6), so many deep; built from the inside, and in one piece."""
    heads, length = [], 0
    for _ in range(depth):
        inner = varint(1 << 3 | 2) + varint(length)  # values
        if number == 6:
            value = varint(2 << 3 | 2) + varint(length)
            inner = varint(1 << 3 | 2) + varint(length + len(value)) + value
        length += len(inner)
        outer = varint(number << 3 | 2) + varint(length)
        length += len(outer)
        heads.append(outer + inner)
    return b"".join(reversed(heads))


def nested_span(depth, number):
    return field(2, span_bytes(span()) + field(9, field(1, "deep") + field(2, nested_value(depth, number))))


def nested_json(depth, number):
    opening, closing = ('{"arrayValue":{"values":[', "]}}") if number == 5 else (
        '{"kvlistValue":{"values":[{"key":"k","value":', "}]}}")
    deep = opening * depth + '{"stringValue":"x"}' + closing * depth
    text = json_request("shop", [span(attributes={"deep": "HERE"})]).decode()
    return text.replace('{"stringValue": "HERE"}', deep).encode()


class Case(unittest.TestCase):
    def tearDown(self):
        s = span("valid")
        self.assertEqual(post(collector.url, TRACES, request("after", [s]))[::2], (200, b""))
        eventually(lambda: collector.get(f"/trace/{s['trace'].hex()}")[0] == 200, "a valid span is stored")
        if not SANITIZED:
            self.assertLess(resident(), RESIDENT_MAX)

    def gets(self, status, body, kind=PROTOBUF, path=TRACES, **how):
        got, headers, answer = post(collector.url, path, body, kind, **how)
        self.assertEqual(got, status, (headers, answer[:200]))
        return answer

    def rejects(self, count, body, kind=PROTOBUF):
        """Taken, but for so many spans."""
        answer = self.gets(200, body, kind)
        if kind == JSON:
            self.assertEqual(json.loads(answer).get("partialSuccess", {}).get("rejectedSpans", "0"), str(count))
        else:
            self.assertEqual(answer[2:2 + len(field(1, count))] if count else answer, field(1, count) if count else b"")


class Protobuf(Case):
    def test_cut_off_anywhere(self):
        body = request("shop", [span(attributes={"a": "b"}, events=[("e", 1, {})], links=[(new_id(16), new_id(8), {})])])
        for at in range(1, len(body)):
            self.gets(400, body[:at])

    def test_no_protobuf(self):
        for body in (b"\xff" * 100, b"{}", b"\0", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", os.urandom(1000) + b"\xff"):
            self.gets(400, body)

    def test_lengths_that_lie(self):
        self.gets(400, varint(1 << 3 | 2) + varint(1 << 40))
        self.gets(400, varint(1 << 3 | 2) + varint((1 << 64) - 1) + b"x")
        self.gets(400, wrap(varint(2 << 3 | 2) + varint(1000) + b"x"))

    def test_groups_and_types_that_are_none(self):
        for wire in (3, 4, 6, 7):
            self.gets(400, varint(1 << 3 | wire))
        self.gets(400, varint(0 << 3 | 2) + b"\0")

    def test_fields_of_another_type_than_theirs(self):
        self.rejects(1, wrap(field(2, b"".join(field(n, 7) for n in range(1, 17)))))
        self.gets(200, field(1, 7) + wrap(field(2, 7), b""))

    def test_unknown_fields(self):
        self.gets(200, field(99, b"x") + request("shop", [span()]) + fixed64(1000, 5) + field(536870911, 1))

    def test_nested_1000_deep(self):
        self.gets(200, wrap(nested_span(1000, 5)))
        self.gets(200, wrap(nested_span(1000, 6)))

    def test_nested_100000_deep(self):
        self.gets(200, wrap(nested_span(100000, 5)))
        self.gets(200, wrap(nested_span(100000, 6)))

    def test_millions_of_empty_values(self):
        self.gets(200, wrap(field(2, span_bytes(span()) + field(9, field(1, "wide") + field(2, field(5, b"\x0a\0" * 4000000))))))
        self.gets(200, wrap(field(2, span_bytes(span()) + b"\x4a\0" * 4000000)))

    def test_millions_of_empty_things(self):
        self.gets(200, field(1, b"\x12\0" * 8000000))
        self.rejects(4000000, wrap(b"\x12\0" * 4000000))
        self.gets(200, wrap(field(2, span_bytes(span()) + b"\x5a\0" * 4000000)))
        self.gets(200, b"\x0a\0" * 8000000)

    def test_thousands_of_resources(self):
        tiny = field(1, field(2, field(2, field(1, b"\x01" * 16) + field(2, b"\x02" * 8) + fixed64(7, time.time_ns()))))
        body = tiny * 20000
        self.rejects(20000 - 4096, body)

    def test_very_many_tiny_spans(self):
        tiny = field(2, field(1, b"\x01" * 16) + field(2, b"\x02" * 8) + fixed64(7, time.time_ns()))
        self.gets(200, wrap(tiny * 100000))

    def test_more_attributes_than_are_kept(self):
        s = span(attributes={f"key{n}": "v" * 1000 for n in range(5000)})
        self.gets(200, request("shop", [s]))
        spans = eventually(lambda: json.loads(collector.get(f"/trace/{s['trace'].hex()}?format=json")[1]).get("spans"), "it")
        self.assertEqual((len(spans[0]["attributes"]), spans[0]["dropped"]["attributes"]), (128, 5000 - 128))

    def test_one_text_of_60_megabytes(self):
        self.gets(200, request("shop", [span("x" * (60 << 20))]))
        for place in ("message", "state"):
            self.gets(200, request("shop", [span(**{place: "x" * (8 << 20)})]))
        self.gets(200, request("shop", [span(attributes={"k" * (8 << 20): "v" * (8 << 20)})]))
        self.gets(200, request("s" * (8 << 20), [span()]))

    def test_a_statement_of_60_megabytes(self):
        for text in ("SELECT '" + "x" * (60 << 20), "SELECT " + "(" * (4 << 20), "SELECT 1" + ", 1" * (2 << 20)):
            self.gets(200, request("shop", [span(kind=3, attributes={"db.system": "mysql", "db.statement": text})]))

    def test_names_that_meet_in_one_slot_or_none(self):
        self.gets(200, request("shop", [span(f"name {n}", attributes={f"k{n}-{i}": n for i in range(20)}) for n in range(3000)]))


class Json(Case):
    def test_cut_off_anywhere(self):
        body = json_request("shop", [span(attributes={"a": [1]})])
        for at in range(0, len(body) - 1, 3):
            self.gets(400, body[:at], JSON)

    def test_no_json(self):
        for body in (b"[]", b"nul", b"{]", b'{"a" 1}', b'{"a":1,}', b'{"a":01}', b'{"a":+1}', b"{'a':1}", b'{"a":"\n"}',
                     b'{"\\x":1}', b'{"\\u12":1}', b"{}{}", b"\xef\xbb\xbf{}", b"\0", b'{"resourceSpans":[}'):
            with self.subTest(body):
                self.gets(400, body, JSON)

    def test_nested_1000_deep(self):
        for number in (5, 6):
            self.gets(400, nested_json(1000, number), JSON)
        self.gets(400, b'{"unknown":' + b"[" * 1000 + b"]" * 1000 + b"}", JSON)

    def test_nested_100000_deep(self):
        for number in (5, 6):
            self.gets(400, nested_json(100000, number), JSON)
        self.gets(400, b"[" * 100000, JSON)
        self.gets(400, b'{"a":' * 10000000, JSON)

    def test_as_deep_as_may_be(self):
        self.gets(200, nested_json(20, 5), JSON)

    def test_sixty_megabytes_of_brackets(self):
        self.gets(200, b'{"unknown":[' + b"[]," * (20 << 20) + b"[]]}", JSON)
        values = b'{"stringValue":"x"},' * 2000000
        self.gets(200, json_request("shop", [span(attributes={"list": []})]).replace(b'"values": []', b'"values": [' + values[:-1] + b"]"), JSON)

    def test_members_of_other_types(self):
        for value in (b"null", b"1", b'"x"', b"[]", b"[1]", b"{}", b"true"):
            self.gets(200, b'{"resourceSpans":' + value + b"}", JSON)
            self.gets(200, b'{"resourceSpans":[{"resource":%b,"scopeSpans":[{"scope":%b,"spans":[%b]}]}]}' % (value, value, value), JSON)
        s = json_span(span())
        for key in s:
            for value in (None, 1, "x", [], [1], {}, True, -1, 1.5, 10 ** 30):
                self.gets(200, json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**s, key: value}]}]}]}).encode(), JSON)

    def test_half_pairs_and_bytes_that_are_no_utf8(self):
        body = json_request("shop", [span("HERE")])
        for name in (rb"\ud800", rb"\udc00\ud800", rb"\ud83d\ude00", rb"\u0000", b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80"):
            self.gets(200, body.replace(b"HERE", name), JSON)

    def test_ids_that_are_no_hex(self):
        s = json_span(span())
        for key, value in (("traceId", "AAAAAAAAAAAAAAAAAAAAAA=="), ("traceId", "x" * 32), ("traceId", "ab" * 15),
                           ("traceId", "0" * 32), ("spanId", "ab" * 9), ("spanId", ""), ("spanId", "g" * 16),
                           ("parentSpanId", "abc"), ("startTimeUnixNano", "x"), ("startTimeUnixNano", str(1 << 64))):
            self.rejects(1, json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**s, key: value}]}]}]}).encode(), JSON)

    def test_capitals_and_enums_by_name(self):
        s = {**json_span(span()), "traceId": new_id(16).hex().upper(), "kind": "SPAN_KIND_SERVER",
             "status": {"code": "STATUS_CODE_ERROR"}, "startTimeUnixNano": time.time_ns()}
        self.rejects(0, json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [s]}]}]}).encode(), JSON)


class Spans(Case):
    """Well formed, and impossible."""

    def both(self, rejected, *spans):
        self.rejects(rejected, request("odd", list(spans)))
        self.rejects(rejected, json_request("odd", list(spans)), JSON)

    def test_ids_of_zero_and_of_other_lengths(self):
        for more in ({"trace": b"\0" * 16}, {"trace": b""}, {"trace": b"x" * 15}, {"trace": b"x" * 17}, {"id": b"\0" * 8},
                     {"id": b""}, {"id": b"x" * 7}, {"id": b"x" * 9}, {"parent": b"x" * 7}):
            self.both(1, span(**more), span())

    def test_a_parent_of_zero_is_none(self):
        self.both(0, span(parent=b"\0" * 8))

    def test_times_at_the_ends_of_the_range(self):
        top = (1 << 63) - 1
        self.both(1, span(start=0))
        self.both(0, span(start=1, ns=1))
        self.both(1, span(start=top, ns=1))
        self.both(1, span(start=(1 << 64) - 1, ns=0))
        self.both(0, span(ns=-1000))
        self.both(0, span(events=[("e", (1 << 64) - 1, {}), ("e", 0, {})]))

    def test_duplicate_ids_self_parents_and_cycles(self):
        trace, a, b = new_id(16), new_id(8), new_id(8)
        self.both(0, *[span(trace=trace, id=a) for _ in range(50)])
        self.both(0, span(trace=new_id(16), id=a, parent=a))
        trace = new_id(16)
        self.both(0, span(trace=trace, id=a, parent=b), span(trace=trace, id=b, parent=a))
        eventually(lambda: collector.get(f"/trace/{trace.hex()}")[0] == 200, "the cycle is shown")

    def test_a_chain_of_10000(self):
        trace, ids = new_id(16), [b"\0"] + [struct.pack(">Q", n + 1) for n in range(10000)]
        self.rejects(0, request("chain", [span(trace=trace, id=ids[n], parent=ids[n - 1] if n > 1 else b"")
                                          for n in range(1, 10001)]))
        eventually(lambda: collector.get(f"/trace/{trace.hex()}")[0] == 200, "the chain is shown")

    def test_hostile_names(self):
        for name in ("\x1b[31m\x1b]0;x\x07", "<script>alert(1)</script>", "'; DROP TABLE weir.fragment; --", "\0" * 50, "\u202e", ""):
            self.both(0, span(name, attributes={name: name}, message=name), span(name, kind=2), span(name, kind=3))
            self.rejects(0, request(name, [span()]))
        self.assertEqual(collector.get("/report")[0], 200)

    def test_bytes_that_are_no_utf8(self):
        s = span("NAME", attributes={"k": "VALUE"})
        for bad in (b"\xff\xfe\xfd\xfc", b"\xc0\x80\xc0\x80", b"\xed\xa0\x80\xff"):
            self.rejects(0, request("bad", [s]).replace(b"NAME", bad))
            self.rejects(0, request("bad", [s]).replace(b"VALUE", bad + b"x"))

    def test_unknown_kinds_and_statuses(self):
        self.both(0, span(kind=99, status=77, flags=0xFFFFFFFF))

    def test_weirs_own_attributes_from_a_stranger(self):
        lies = {"weir.operation.type": "db", "weir.input.hash": "z" * 16, "weir.input.count": -1, "weir.answer.hash": 5,
                "weir.connection": 1 << 40, "weir.unread": ["x", 5, "0" * 16, "f" * 16] * 10, "weir.rows": -3}
        trace = new_id(16)
        links = [(trace, new_id(8), {"weir.link.kind": kind, "weir.link.column": -1, "weir.link.row": 1 << 50})
                 for kind in ("sequence", "list", "no", 7)] * 10
        for kind in ("db", "http", "cache", "connect", "span", "", 5):
            self.both(0, span(trace=trace, kind=3, attributes={**lies, "weir.operation.type": kind}, links=links))


class Lengths(Case):
    def test_over_the_limit_by_its_own_account(self):
        with Connection(collector.url) as connection:
            connection.send(f"POST {TRACES} HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: {LIMIT + 1}\r\n\r\n".encode())
            self.assertEqual(connection.answer()[0], 413)

    def test_over_the_limit_in_chunks(self):
        body = field(1000, b"x" * (LIMIT + 1))
        self.gets(413, body, chunked=1 << 20)

    def test_right_at_the_limit(self):
        self.gets(200, field(1000, b"x" * (LIMIT - 7)))

    def test_gzip_bombs(self):
        bomb = gzip.compress(b"\0" * (1 << 20)) * 1024  # 1 GB in 1 MB, member by member
        for one_piece in (gzip.compress(b"\0" * (80 << 20), 1), bomb):
            self.gets(413, one_piece, headers=["Content-Encoding: gzip"])
        for kind, path in ((PROTOBUF, TRACES), (JSON, TRACES), (JSON, ZIPKIN)):
            self.gets(413, bomb, kind, path, headers=["Content-Encoding: gzip"])
        again = gzip.compress(bomb)
        self.gets(400, again, headers=["Content-Encoding: gzip"])

    def test_gzip_that_is_none_or_cut_off(self):
        whole = gzip.compress(request("shop", [span()]))
        for body in (b"no gzip", whole[:-1], whole[:5], b"", whole + b"more", zlib.compress(b"x")):
            self.gets(400, body, headers=["Content-Encoding: gzip"])


class Framing(Case):
    def raw(self, text, body=b""):
        with Connection(collector.url) as connection:
            connection.send(text.replace("\n", "\r\n").encode("latin-1") + body)
            return connection.answer()[0]

    def test_lengths_that_contradict(self):
        start = f"POST {TRACES} HTTP/1.1\nHost: x\nContent-Type: {PROTOBUF}\n"
        self.assertEqual(self.raw(start + "Content-Length: 5\nContent-Length: 6\n\n", b"xxxxxx"), 400)
        self.assertEqual(self.raw(start + "Content-Length: 5\nTransfer-Encoding: chunked\n\n", b"0\r\n\r\n"), 400)
        self.assertEqual(self.raw(start + "Transfer-Encoding: chunked\nContent-Length: 5\n\n", b"0\r\n\r\n"), 400)
        self.assertEqual(self.raw(start + "Transfer-Encoding: chunked\nTransfer-Encoding: identity\n\n", b"0\r\n\r\n"), 400)
        self.assertIn(self.raw(start + "Transfer-Encoding: gzip\n\n"), (400, 501))
        self.assertEqual(self.raw(start + "Content-Length: -5\n\n"), 400)
        self.assertEqual(self.raw(start + "Content-Length: 5x\n\n", b"xxxxx"), 400)

    def test_chunks_that_are_none(self):
        with Connection(collector.url) as connection:
            connection.send(f"POST {TRACES} HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "zz\r\n".encode())
            try:
                self.assertEqual(connection.answer()[0], 400)
            except (ConnectionError, OSError):
                pass

    def test_bodies_that_come_slowly(self):
        """Byte by byte, and not at all: neither is waited for longer than the deadline, and others are served meanwhile."""
        head = f"POST {TRACES} HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 1000000\r\n\r\n".encode()
        slow = [Connection(collector.url) for _ in range(20)]
        for connection in slow:
            connection.send(head)
        deadline, open_ones = time.monotonic() + 30, slow
        while open_ones:
            self.assertLess(time.monotonic(), deadline)
            self.assertEqual(post(collector.url, TRACES, request("shop", [span()]))[0], 200)
            still = []
            for number, connection in enumerate(open_ones):
                try:
                    if number % 2:
                        connection.send(b"\0")
                    connection.socket.setblocking(False)
                    if connection.socket.recv(1000) != b"":
                        still.append(connection)
                except BlockingIOError:
                    still.append(connection)
                except OSError:
                    pass
                finally:
                    connection.socket.settimeout(30)
            open_ones = still
        for connection in slow:
            connection.socket.close()

    def test_senders_that_leave(self):
        body = request("shop", [span()])
        head = f"POST {TRACES} HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for cut in (0, 10, len(body) - 1, len(body)):
            for how in (struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)):
                for _ in range(20):
                    connection = Connection(collector.url)
                    connection.send(head + body[:cut])
                    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)
                    connection.socket.close()

    def test_more_memory_than_there_is(self):
        """Bodies that are held all at once: some are sent back with a time to come again, and none is lost silently."""
        with DataFolder() as folder, Collector(BIN, folder, options=["--post-memory-max", "8388608"]) as small:
            self.fill(small)

    def fill(self, small):
        connections = [Connection(small.url) for _ in range(8)]
        body = field(1000, b"x" * (3 << 20))
        statuses = []
        for connection in connections:
            connection.send(f"POST {TRACES} HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\n"
                            f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:-1])
        for connection in connections:
            connection.send(body[-1:])
            status, headers, _ = connection.answer()
            self.assertEqual(headers.get("retry-after"), "1" if status == 503 else None)
            statuses.append(status)
            connection.socket.close()
        self.assertEqual(set(statuses), {200, 503})
        self.assertEqual(post(small.url, TRACES, request("shop", [span()]))[0], 200)


class Zipkin(Case):
    def zipkin(self, status, body):
        self.gets(status, body if isinstance(body, bytes) else json.dumps(body).encode(), JSON, ZIPKIN)

    def test_bodies(self):
        good = {"traceId": "ab" * 16, "id": "cd" * 8, "name": "x", "timestamp": time.time_ns() // 1000, "duration": 5,
                "localEndpoint": {"serviceName": "z", "port": 1}, "tags": {"a": "b"}, "annotations": [{"timestamp": 1, "value": "v"}]}
        for body in (b"", b"{}", b"[1]", b"[{]", b"[", b"[" * 100000, b'[{"a":' + b"[" * 1000, b"[]x"):
            self.zipkin(400, body)
        self.zipkin(202, [])
        for key in good:
            for value in (None, 1, "x", [], [1], {}, True, -1, 1.5, 10 ** 30, {"a": {"b": []}}):
                self.zipkin(202, [{**good, key: value}])
        self.zipkin(202, [{**good, "timestamp": (1 << 64) - 1}, {**good, "duration": (1 << 64) - 1}, {**good, "shared": True}])

    def test_many_services_and_shared_ids(self):
        now = time.time_ns() // 1000
        self.zipkin(202, [{"traceId": f"{n + 1:032x}", "id": f"{n % 50 + 1:016x}", "shared": True, "kind": "SERVER", "timestamp": now,
                           "localEndpoint": {"serviceName": f"s{n % 200}"}} for n in range(20000)])


def tearDownModule():
    print(f"at most {resident() >> 20} MiB resident", file=sys.stderr)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
