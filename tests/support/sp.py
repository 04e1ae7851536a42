#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A req0 peer of nng's scalability protocol on a plain socket, and the smallest batch of docs/wire-format.md: what a
program in any language needs in order to send spans. For tests; standard library only."""
import socket
import struct
import typing

STORED, REFUSED, RETRY = 1, 2, 3


def varint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def fixed64(field, value):
    return varint(field << 3 | 1) + struct.pack("<Q", value)


def data(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def batch(producer, sequence, spans=1, trace=1, version=1, start_ns=1_700_000_000_000_000_000):
    """A batch of `spans` internal root spans of one trace, one after another, 1 ms each."""
    return b"".join([
        number(1, version), fixed64(2, producer), number(3, sequence), number(4, spans * sequence),
        data(10, b"work"), data(11, varint(0) + varint(4)),                       # strings: "" and "work"
        data(14, struct.pack(">QQ", producer, trace)),                            # one trace id
        data(20, varint(0)), data(21, varint(0)), data(22, varint(1)),            # one operation
        fixed64(30, start_ns),
        data(31, b"\0" * spans),                                                  # every span is of trace 0
        data(32, b"".join(struct.pack("<Q", sequence << 32 | i + 1) for i in range(spans))),
        data(34, b"\1" * spans),                                                  # kind: internal
        data(35, b"\0" * spans),                                                  # operation 0
        data(37, varint(0) + varint(2 * 1_000_000) * (spans - 1)),                # starts, zigzag deltas
        data(38, varint(1_000_000) * spans),                                      # durations
    ])


class Span(typing.NamedTuple):
    span_id: int
    parent_id: int  # 0: none
    kind: int       # OpenTelemetry's: 2 server, 3 client
    type: int       # of the operation: 1 endpoint, 2 db, 3 http
    system: str
    text: str
    start_ns: int
    duration_ns: int


def spans_batch(service, producer, sequence, trace_id, spans):
    """A batch of these spans, all of one trace, of a service with this name."""
    strings = ["", "service.name", service]
    for span in spans:
        strings += [span.system, span.text]
    starts = [span.start_ns - before for span, before in zip(spans, [spans[0].start_ns] + [s.start_ns for s in spans])]

    def packed(values):
        return b"".join(map(varint, values))

    def fixed(values):
        return struct.pack(f"<{len(values)}Q", *values)

    return b"".join([
        number(1, 1), fixed64(2, producer), number(3, sequence), number(4, len(spans) * sequence),
        data(10, "".join(strings).encode()), data(11, packed(len(text.encode()) for text in strings)),
        data(12, packed([1])), data(13, packed([2])),                              # resource: service.name
        data(14, trace_id),
        data(20, packed(span.type for span in spans)),                             # an operation a span
        data(21, packed(3 + 2 * i for i in range(len(spans)))), data(22, packed(4 + 2 * i for i in range(len(spans)))),
        fixed64(30, spans[0].start_ns), data(31, packed(0 for _ in spans)),
        data(32, fixed([span.span_id for span in spans])), data(33, fixed([span.parent_id for span in spans])),
        data(34, packed(span.kind for span in spans)), data(35, packed(range(len(spans)))),
        data(37, packed(start << 1 ^ start >> 63 for start in starts)), data(38, packed(span.duration_ns for span in spans)),
    ])


class Peer:
    """Pipelines as it likes: `send` any number of requests, then `receive` as many replies."""

    def __init__(self, url, timeout_s=30):
        scheme, address = url.split("://", 1)
        self.ipc = scheme == "ipc"
        if self.ipc:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout_s)
            self.socket.connect(address)
        else:
            host, port = address.rsplit(":", 1)
            self.socket = socket.create_connection((host, int(port)), timeout_s)
        self.socket.sendall(b"\0SP\0\0\x30\0\0")
        greeting = self._read(8)
        assert greeting == b"\0SP\0\0\x31\0\0", greeting

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def _read(self, count):
        out = b""
        while len(out) < count:
            piece = self.socket.recv(count - len(out))
            if not piece:
                raise ConnectionError("the collector closed the connection")
            out += piece
        return out

    def send(self, request_id, body):
        frame = struct.pack(">I", request_id | 0x80000000) + body
        self.socket.sendall((b"\1" if self.ipc else b"") + struct.pack(">Q", len(frame)) + frame)

    def receive(self):
        """(request id, status, reason, retry_after_ms)"""
        self._read(1 if self.ipc else 0)
        frame = self._read(struct.unpack(">Q", self._read(8))[0])
        fields = parse(frame[4:])
        return (struct.unpack(">I", frame[:4])[0] & 0x7fffffff, fields.get(1, 0),
                fields.get(2, b"").decode(), fields.get(3, 0))

    def ask(self, request_id, body):
        self.send(request_id, body)
        answer = self.receive()
        assert answer[0] == request_id, answer
        return answer[1:]


def parse(message):
    """The numbers and byte strings of a protobuf message, by field."""
    fields, at = {}, 0

    def next_varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = next_varint()
        value = next_varint()
        if tag & 7 == 2:
            value, at = message[at:at + value], at + value
        fields[tag >> 3] = value
    return fields
