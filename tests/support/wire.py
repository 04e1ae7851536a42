# SPDX-License-Identifier: Apache-2.0
"""A batch by hand any field of which can be put wrong, and a peer on the collector's nng port that is made of bytes: sp.py's
for those who misbehave.

    with Peer(collector.nng) as peer:
        peer.request(batch(b"shop"))
        assert peer.reply()[0] == STORED

Python's standard library only.
"""
import os
import socket
import ssl
import struct
import subprocess
import time

from sp import REFUSED, RETRY, STORED, varint  # noqa: F401, for the scenarios

GREETING = b"\0SP\0\0\x30\0\0"
ANSWERED_GREETING = b"\0SP\0\0\x31\0\0"
TRACE_ID = bytes(range(1, 17))
NOW_NS = time.time_ns() - 10**9


def field(number, value):
    """One protobuf field: an int as varint, bytes as they are, a list of ints packed."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, list):
        value = b"".join(map(varint, value))
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed64(number, values):
    if isinstance(values, int):
        return varint(number << 3 | 1) + struct.pack("<Q", values)
    return field(number, struct.pack(f"<{len(values)}Q", *values))


def batch(name, statement=b"SELECT 1", version=1, sequence=1, producer=7, **other):
    """A server span with one query, of a service with this name. `other` replaces fields, by their names below; None leaves
    one out."""
    strings = [b"", b"service.name", name, b"postgresql", statement, b"GET " + name]
    fields = {
        "version": field(1, version), "producer": fixed64(2, producer), "sequence": field(3, sequence),
        "field4": field(4, 2), "field6": field(6, []), "string_data": field(10, b"".join(strings)),
        "string_bytes": field(11, [len(s) for s in strings]), "resource_key": field(12, [1]),
        "resource_value": field(13, [2]), "trace_ids": field(14, TRACE_ID), "operation_type": field(20, [1, 2]),
        "operation_system": field(21, [0, 3]), "operation_text": field(22, [5, 4]),
        "base_time": fixed64(30, NOW_NS + sequence % 2**32), "span_trace": field(31, [0, 0]), "span_id": fixed64(32, [1, 2]),
        "span_parent": fixed64(33, [0, 1]), "span_kind": field(34, [2, 3]), "span_operation": field(35, [0, 1]),
        "start_delta": field(37, [0, 2000]), "duration": field(38, [5000, 1000]),
    }
    unknown = set(other) - set(fields) - {"more"}
    assert not unknown, unknown
    fields.update(other)
    return b"".join(value for value in fields.values() if value is not None)


def frame(body, words=(0x80000001,), ipc=False, length=None):
    """Prefix, header words and body; the length may lie."""
    header = b"".join(struct.pack(">I", word) for word in words)
    length = len(header) + len(body) if length is None else length
    return (b"\1" if ipc else b"") + struct.pack(">Q", length) + header + body


def certificate(folder):
    """(certificate, key) for 127.0.0.1, made now."""
    cert, key = folder + "/cert.pem", folder + "/key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-out", cert,
                    "-keyout", key], check=True, capture_output=True)
    return cert, key


def trusting(cert):
    return ssl.create_default_context(cafile=cert)


class Peer:
    """One connection to tcp://, tls+tcp:// (with trust) or ipc://; says nothing unless it is to greet."""

    def __init__(self, url, greet=True, trust=None, timeout=30, receive_bytes=None):
        self.ipc = url.startswith("ipc://")
        if self.ipc:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(url.removeprefix("ipc://"))
        else:
            self.socket = socket.socket()
            self.socket.settimeout(timeout)
            if receive_bytes:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            self.socket.connect(("127.0.0.1", int(url.rsplit(":", 1)[1])))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if url.startswith("tls") and trust:
                self.socket = trust.wrap_socket(self.socket, server_hostname="127.0.0.1")
            if greet:
                self.send(GREETING)
                assert self.read(8) == ANSWERED_GREETING
        except BaseException:
            self.socket.close()
            raise

    def send(self, data):
        self.socket.sendall(data)

    def request(self, body, words=(0x80000001,)):
        self.send(frame(body, words, self.ipc))

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionResetError("closed by the collector")
            data += piece
        return data

    def reply(self):
        """(status, the whole reply) of the next request."""
        if self.ipc:
            assert self.read(1) == b"\1"
        (length,) = struct.unpack(">Q", self.read(8))
        data = self.read(length)
        at = 0
        while not data[at] & 0x80:  # the words of a way back, and the request's own
            at += 4
        body = data[at + 4:]
        assert body[:1] == b"\x08", data
        return body[1], body

    def ask(self, body):
        self.request(body)
        return self.reply()

    def closed_on(self, data=b""):
        """Sends, and reads to the end: the collector closes."""
        try:
            self.send(data)
            while self.socket.recv(4096):
                pass
        except TimeoutError:
            raise
        except OSError:
            pass  # closed in the middle, or with bytes unread

    def reset(self):
        """RST, as a process that dies with unread data does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def resident_bytes(process):
    """Of the process itself, not of its children."""
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))
