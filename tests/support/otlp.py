# SPDX-License-Identifier: Apache-2.0
"""An OTLP/HTTP backend for tests, that reads protobuf by itself: field numbers are written down here a second time, so that
a mistake in ours does not go unseen.

    with OtlpServer() as server:
        server.answers = [Answer(503, {"Retry-After": "1"}), Answer()]     # one a request, then Answer() for ever
        …
        server.wait_spans(3)                                               # decoded: {"name": …, "attributes": {…}}
"""
import email.utils
import gzip
import http.server
import struct
import threading
import time

# ---- protobuf ----


def fields(data):
    """(number, value) of each field: int for varints and fixed ones, bytes for the rest."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            yield number, varint()
        elif wire in (1, 5):
            width = 8 if wire == 1 else 4
            assert at + width <= len(data)
            yield number, int.from_bytes(data[at:at + width], "little")
            at += width
        else:
            assert wire == 2, f"wire type {wire}"
            length = varint()
            assert at + length <= len(data), "cut short"
            yield number, data[at:at + length]
            at += length


def signed(value):
    return value - (1 << 64) if value >= 1 << 63 else value


def one_value(data):
    for number, value in fields(data):
        if number == 1:
            return value.decode("utf-8")
        if number == 2:
            return bool(value)
        if number == 3:
            return signed(value)
        if number == 4:
            return struct.unpack("<d", value.to_bytes(8, "little"))[0]
        if number == 5:
            return [one_value(inner) for n, inner in fields(value) if n == 1]
        if number == 6:
            return dict(key_value(inner) for n, inner in fields(value) if n == 1)
        assert number == 7, number
        return value
    return None


def key_value(data):
    pair = dict(fields(data))
    return pair[1].decode("utf-8"), one_value(pair.get(2, b""))


def attributes(data, number):
    pairs = [key_value(value) for n, value in fields(data) if n == number]
    assert len(dict(pairs)) == len(pairs), f"a key stands twice: {pairs}"
    return dict(pairs)


def several(data, number):
    return [value for n, value in fields(data) if n == number]


def event(data):
    plain = dict(fields(data))
    return {"time": plain[1], "name": plain.get(2, b"").decode("utf-8"), "attributes": attributes(data, 3),
            "dropped_attributes": plain.get(4, 0)}


def link(data):
    plain = dict(fields(data))
    return {"trace_id": plain[1].hex(), "span_id": plain[2].hex(), "trace_state": plain.get(3, b"").decode("ascii"),
            "attributes": attributes(data, 4), "dropped_attributes": plain.get(5, 0), "flags": plain.get(6, 0)}


def span(data):
    plain = dict(fields(data))
    status = dict(fields(plain.get(15, b"")))
    assert len(plain[1]) == 16 and len(plain[2]) == 8 and len(plain.get(4, b"")) in (0, 8)
    return {"trace_id": plain[1].hex(), "span_id": plain[2].hex(), "trace_state": plain.get(3, b"").decode("ascii"),
            "parent_span_id": plain.get(4, b"").hex(), "name": plain[5].decode("utf-8"), "kind": plain.get(6, 0),
            "start": plain[7], "end": plain[8], "attributes": attributes(data, 9), "dropped_attributes": plain.get(10, 0),
            "events": [event(value) for value in several(data, 11)], "dropped_events": plain.get(12, 0),
            "links": [link(value) for value in several(data, 13)], "dropped_links": plain.get(14, 0),
            "status": status.get(3, 0), "message": status.get(2, b"").decode("utf-8"), "flags": plain.get(16, 0)}


def decode(body):
    """An ExportTraceServiceRequest: its spans, each with its "resource" and "scope"."""
    spans = []
    for resource_spans in several(body, 1):
        resource = dict(fields(resource_spans)).get(1, b"")
        for scope_spans in several(resource_spans, 2):
            scope = {n: v.decode("utf-8") for n, v in fields(dict(fields(scope_spans)).get(1, b"")) if n < 3}
            for data in several(scope_spans, 2):
                spans.append({**span(data), "resource": attributes(resource, 1), "scope": scope})
    return spans


def _varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def partial_success(rejected, message):
    inner = b"\x08" + _varint(rejected) + b"\x12" + _varint(len(message)) + message.encode("utf-8")
    return b"\x0a" + _varint(len(inner)) + inner


def failure(message):
    return b"\x08\x03\x12" + _varint(len(message)) + message.encode("utf-8")


def in_seconds(seconds):
    """Retry-After as a date."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


# ---- the server ----


class Answer:
    """What a request gets. close: the connection is closed without an answer; hang: nothing, until the server stops;
    keeps: the spans count as stored by the server, which they do by default for 2xx."""

    def __init__(self, status=200, headers=None, body=b"", close=False, hang=False):
        self.status, self.headers, self.body, self.close, self.hang = status, headers or {}, body, close, hang


class OtlpServer:
    def __init__(self, port=0, tls=None):
        """tls: an ssl.SSLContext; the url is https then."""
        self.answers, self.requests, self.spans = [], [], []  # requests: (path, headers, when)
        self.lock, self.changed = threading.Lock(), threading.Condition()
        self.stopping = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                owner.answer(self)

            def do_GET(self):
                owner.unexpected = "a GET"
                self.send_error(405)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request, client_address):
                pass  # connections that end early are what clients do here

        self.unexpected = None
        self.server = Server(("127.0.0.1", port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if handler.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with self.changed:
            answer = self.answers.pop(0) if self.answers else Answer()
            try:
                spans = decode(body)
                assert handler.headers["Content-Type"] == "application/x-protobuf", handler.headers
            except (AssertionError, ValueError, KeyError, IndexError) as error:
                self.unexpected, spans = repr(error), []
            self.requests.append((handler.path, dict(handler.headers), time.monotonic(), spans))
            if answer.status < 300 and not answer.close and not answer.hang:
                self.spans += spans
            self.changed.notify_all()
        if answer.hang:
            self.stopping.wait(60)
        if answer.close or answer.hang:
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in {"Content-Type": "application/x-protobuf", **answer.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)

    def _wait(self, condition, what, deadline_s):
        end = time.monotonic() + deadline_s
        with self.changed:
            while not condition():
                left = end - time.monotonic()
                assert left > 0, f"never: {what}; {len(self.requests)} requests, {len(self.spans)} spans, {self.unexpected}"
                self.changed.wait(left)
        assert not self.unexpected, self.unexpected

    def wait_spans(self, count, deadline_s=30):
        self._wait(lambda: len(self.spans) >= count or self.unexpected, f"{count} spans", deadline_s)
        return self.spans

    def wait_requests(self, count, deadline_s=30):
        self._wait(lambda: len(self.requests) >= count or self.unexpected, f"{count} requests", deadline_s)
        return self.requests

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
