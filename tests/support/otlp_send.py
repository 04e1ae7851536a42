# SPDX-License-Identifier: Apache-2.0
"""Sends spans as other SDKs do: OTLP's protobuf written by hand (field numbers are written down here once more), its JSON, and
plain HTTP over a socket for what no client library would send.

    body = request([resource({"service.name": "shop"}, [span(name="GET /", kind=2)])])
    status, headers, answer = post(url, "/v1/traces", body)
"""
import base64
import gzip
import json
import os
import socket
import struct
import urllib.parse

PROTOBUF, JSON = "application/x-protobuf", "application/json"

# ---- protobuf ----


def varint(number):
    number &= (1 << 64) - 1
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    """An int as varint, text and bytes with their length; None is left out."""
    if value is None:
        return b""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode("utf-8")
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed64(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def fixed32(number, value):
    return varint(number << 3 | 5) + struct.pack("<I", value)


def any_value(value):
    if isinstance(value, bool):
        return field(2, int(value))
    if isinstance(value, int):
        return varint(3 << 3) + varint(value)
    if isinstance(value, float):
        return varint(4 << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, str):
        return field(1, value)
    if isinstance(value, bytes):
        return field(7, value)
    if isinstance(value, (list, tuple)):
        return field(5, b"".join(field(1, any_value(v)) for v in value))
    if isinstance(value, dict):
        return field(6, attributes(value, 1))
    return b""


def attributes(pairs, number):
    return b"".join(field(number, field(1, key) + field(2, any_value(value))) for key, value in pairs.items())


# ---- spans: plain dicts, to be written in either form ----


def new_id(count):
    return os.urandom(count)


def span(name="work", trace=None, id=None, parent=b"", kind=1, start=None, ns=1_000_000, **more):
    """more: attributes, events [(name, ns, attributes)], links [(trace, id, attributes)], status, message, state, flags."""
    import time
    start = time.time_ns() if start is None else start
    return {"name": name, "trace": trace if trace is not None else new_id(16), "id": id if id is not None else new_id(8),
            "parent": parent, "kind": kind, "start": start, "end": start + ns, "attributes": {}, "events": [],
            "links": [], "status": 0, "message": "", "state": "", "flags": None, **more}


def span_bytes(s):
    out = field(1, s["trace"]) + field(2, s["id"]) + field(3, s["state"]) + field(4, s["parent"]) + field(5, s["name"])
    out += field(6, s["kind"]) + fixed64(7, s["start"]) + fixed64(8, s["end"]) + attributes(s["attributes"], 9)
    for name, at, pairs in s["events"]:
        out += field(11, fixed64(1, at) + field(2, name) + attributes(pairs, 3))
    for trace, id, pairs in s["links"]:
        out += field(13, field(1, trace) + field(2, id) + attributes(pairs, 4))
    if s["status"] or s["message"]:
        out += field(15, field(2, s["message"]) + field(3, s["status"]))
    return out + (fixed32(16, s["flags"]) if s["flags"] is not None else b"")


def request(service, spans, scope=("test", "1"), resource=None):
    """An ExportTraceServiceRequest of one service."""
    pairs = {"service.name": service, **(resource or {})}
    scope_spans = field(1, field(1, scope[0]) + field(2, scope[1])) + b"".join(field(2, span_bytes(s)) for s in spans)
    return field(1, field(1, attributes(pairs, 1)) + field(2, scope_spans))


# ---- JSON ----


def json_value(value):
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return {"arrayValue": {"values": [json_value(v) for v in value]}}
    return {"kvlistValue": {"values": json_attributes(value)}}


def json_attributes(pairs):
    return [{"key": key, "value": json_value(value)} for key, value in pairs.items()]


def json_span(s):
    return {"traceId": s["trace"].hex(), "spanId": s["id"].hex(), "parentSpanId": s["parent"].hex(), "name": s["name"],
            "traceState": s["state"], "kind": s["kind"], "startTimeUnixNano": str(s["start"]),
            "endTimeUnixNano": str(s["end"]), "attributes": json_attributes(s["attributes"]),
            "events": [{"name": n, "timeUnixNano": str(at), "attributes": json_attributes(p)} for n, at, p in s["events"]],
            "links": [{"traceId": t.hex(), "spanId": i.hex(), "attributes": json_attributes(p)} for t, i, p in s["links"]],
            "status": {"code": s["status"], "message": s["message"]}, "flags": s["flags"] or 0}


def json_request(service, spans, scope=("test", "1"), resource=None):
    pairs = {"service.name": service, **(resource or {})}
    return json.dumps({"resourceSpans": [{
        "scopeSpans": [{"spans": [json_span(s) for s in spans], "scope": {"name": scope[0], "version": scope[1]}}],
        "resource": {"attributes": json_attributes(pairs)}}]}).encode()


# ---- HTTP ----


class Connection:
    """One connection, kept: what goes out and what comes in, byte by byte."""

    def __init__(self, url, timeout=30):
        parts = urllib.parse.urlparse(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _until(self, mark):
        while mark not in self.rest:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError(f"closed after {self.rest!r}")
            self.rest += piece
        head, self.rest = self.rest.split(mark, 1)
        return head

    def answer(self):
        """(status, headers in lower case, body) of the next answer."""
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:])
        length = int(headers.get("content-length", 0))
        while len(self.rest) < length:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError("closed in the middle of an answer")
            self.rest += piece
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(head[0].split()[1]), headers, body

    def post(self, path, body, kind=PROTOBUF, headers=(), chunked=0):
        """chunked: the body goes out in chunks of so many bytes."""
        lines = [f"POST {path} HTTP/1.1", "Host: test", f"Content-Type: {kind}", *headers]
        lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        if not chunked:
            self.send(body)
        else:
            for at in range(0, len(body), chunked):
                piece = body[at:at + chunked]
                self.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.send(b"0\r\n\r\n")
        return self.answer()


def post(url, path, body, kind=PROTOBUF, headers=(), compressed=False, chunked=0):
    """(status, headers, body) of a POST over a connection of its own."""
    if compressed:
        body, headers = gzip.compress(body), [*headers, "Content-Encoding: gzip"]
    with Connection(url) as connection:
        return connection.post(path, body, kind, headers, chunked)
