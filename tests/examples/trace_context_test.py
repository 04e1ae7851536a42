#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""trace_context_test.py BIN_FOLDER: what a service on libweir makes of traceparent, tracestate and baggage, seen from outside.

The test posts to trace_context_service with header lines written byte by byte, and looks at the lines that come back to a
server of its own. The cases are those of the W3C working group's test-suite for trace-context (strict), and more."""
import concurrent.futures
import http.server
import json
import re
import socket
import sys
import threading
import unittest
from urllib.parse import urlsplit

from support import HTTP, ENDPOINT, Receiver, Service

BIN = sys.argv.pop(1)

TRACE = "12345678901234567890123456789012"
PARENT = "1234567890123456"
SAMPLED = f"00-{TRACE}-{PARENT}-01"
QUIET = f"00-{TRACE}-{PARENT}-00"
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-0([0-3])")


class Callbacks(http.server.ThreadingHTTPServer):
    """Takes posts to /NAME and keeps the header lines of each, as they were sent."""
    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.kept.setdefault(self.path, []).append((self.headers.items(), json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"null")

        def log_message(self, *arguments):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.kept, self.count = {}, 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        """A url that nothing else is posted to."""
        with self.lock:
            self.count += 1
            return f"http://127.0.0.1:{self.server_address[1]}/{self.count}"

    def lines(self, url, name):
        """The values of a header, in each request that came to the url."""
        return [[value for key, value in headers if key.lower() == name] for headers, _ in self.kept[urlsplit(url).path]]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.shutdown()
        self.server_close()


def post(service, body, headers=(), path="/test"):
    """(status, JSON) of a post with these header lines, neither trimmed nor joined nor re-cased on their way."""
    address = urlsplit(service.url)
    head = [f"POST {path} HTTP/1.1", f"Host: {address.netloc}", "Connection: close", f"Content-Length: {len(body)}"]
    head += [f"{name}:{value}" if value[:1] in " \t" else f"{name}: {value}" for name, value in headers]
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        with connection.makefile("rb") as file:
            answer = file.read()
    head, _, text = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(text)


class Seen:
    """What a callback got: one traceparent, the tracestate lines joined, the baggage lines joined."""

    def __init__(self, callbacks, url):
        (parents,), (states,), (baggage,) = (callbacks.lines(url, name) for name in ("traceparent", "tracestate", "baggage"))
        assert len(parents) == 1, parents
        match = TRACEPARENT.fullmatch(parents[0])
        assert match, parents
        self.trace, self.parent, flags = match.groups()
        self.flags = int(flags)
        self.state, self.baggage = ",".join(states), ",".join(baggage)
        assert "" not in states, "an empty tracestate is not to be sent"


class Case(unittest.TestCase):
    environment = {}

    @classmethod
    def setUpClass(cls):
        cls.callbacks = cls.enterClassContext(Callbacks())
        cls.receiver = cls.enterClassContext(Receiver([BIN + "/span_dump"]))
        cls.addClassCleanup(cls.receiver.spans)  # read, when the service has ended: more than a pipe holds
        cls.service = cls.enterClassContext(Service([BIN + "/trace_context_service", "0"],
                                                    {**cls.receiver.environment(), **cls.environment}))

    def ask(self, *headers, count=1):
        urls = [self.callbacks.url() for _ in range(count)]
        body = json.dumps([{"url": url, "arguments": []} for url in urls]).encode()
        status, answer = post(self.service, body, headers)
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer, [{"url": url, "status": 200} for url in urls])
        seen = [Seen(self.callbacks, url) for url in urls]
        for one in seen:
            self.assertNotEqual(one.parent, "0" * 16)
            self.assertNotEqual(one.parent, PARENT)
        return seen[0] if count == 1 else seen

    def assert_goes_on(self, *headers):
        seen = self.ask(*headers)
        self.assertEqual(seen.trace, TRACE, headers)
        return seen

    def assert_new(self, *headers):
        seen = self.ask(*headers)
        self.assertNotIn(seen.trace, (TRACE, "0" * 32), headers)
        self.assertEqual(seen.state, "", headers)
        self.assertEqual(seen.flags & 2, 2, "our own ids are random")
        return seen

    def state(self, *lines):
        return self.assert_goes_on(("traceparent", QUIET), *(("tracestate", line) for line in lines)).state


class Traceparent(Case):
    def test_nothing(self):
        self.assertEqual(self.assert_new().flags, 3)

    def test_goes_on(self):
        self.assertEqual(self.assert_goes_on(("traceparent", SAMPLED)).flags, 1)

    def test_several(self):
        other = SAMPLED.replace("9012-", "9011-")
        for headers in ([SAMPLED, other], [SAMPLED, SAMPLED], [SAMPLED, ""], [f"{SAMPLED},{other}"]):
            seen = self.assert_new(*(("traceparent", value) for value in headers), ("tracestate", "foo=1"))
            self.assertNotEqual(seen.trace, TRACE[:-1] + "1")

    def test_name(self):
        self.assert_new(("trace-parent", SAMPLED))
        self.assert_new(("trace.parent", SAMPLED))
        for name in ("TraceParent", "TrAcEpArEnT", "TRACEPARENT"):
            self.assert_goes_on((name, SAMPLED))

    def test_version_00_ends_there(self):
        for behind in (".", "-what-the-future-will-be-like", "-", "-00", "0"):
            self.assert_new(("traceparent", SAMPLED + behind))

    def test_higher_version(self):
        later = "cc" + SAMPLED[2:]
        self.assert_goes_on(("traceparent", later))
        self.assert_goes_on(("traceparent", later + "-what-the-future-will-be-like"))
        self.assert_goes_on(("traceparent", later + "-" + "x" * 500))
        self.assert_new(("traceparent", later + ".what-the-future-will-be-like"))
        self.assertEqual(self.assert_goes_on(("traceparent", later), ("tracestate", "foo=1")).state, "foo=1")

    def test_malformed(self):
        version, trace, parent, flags = SAMPLED.split("-")
        for one in (("ff", trace, parent, flags), (".0", trace, parent, flags), ("0.", trace, parent, flags),
                    ("000", trace, parent, flags), ("0000", trace, parent, flags), ("0", trace, parent, flags),
                    (version, "0" * 32, parent, flags), (version, "." + trace[1:], parent, flags),
                    (version, trace[:-1] + ".", parent, flags), (version, trace + "3", parent, flags),
                    (version, trace[:-1], parent, flags), (version, "abcdef" + trace[6:].upper(), parent.upper() + "0", flags),
                    (version, "ABCDEF" + trace[6:], parent, flags), (version, trace, "ABCDEF" + parent[6:], flags),
                    (version, trace, "0" * 16, flags), (version, trace, "." + parent[1:], flags),
                    (version, trace, parent[:-1] + ".", flags), (version, trace, parent + "7", flags),
                    (version, trace, parent[:-1], flags), (version, trace, parent, ".0"), (version, trace, parent, "0."),
                    (version, trace, parent, "001"), (version, trace, parent, "1"), (version, trace, parent, ""),
                    (version, trace, parent, "0A"), (version, trace, parent)):
            self.assert_new(("traceparent", "-".join(one)), ("tracestate", "foo=1"))
        self.assert_new(("traceparent", ""))

    def test_blanks(self):
        for before, behind in ((" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")):
            self.assert_goes_on(("traceparent", before + SAMPLED + behind))

    def test_flags(self):
        """Sampled and random are passed on as they came, others are not."""
        for flags, expected in (("00", 0), ("01", 1), ("02", 2), ("03", 3), ("ff", 3), ("fc", 0), ("0a", 2)):
            self.assertEqual(self.assert_goes_on(("traceparent", f"00-{TRACE}-{PARENT}-{flags}")).flags, expected, flags)

    def test_several_calls(self):
        seen = self.ask(("traceparent", SAMPLED), count=3)
        self.assertEqual({one.trace for one in seen}, {TRACE})
        self.assertEqual(len({one.parent for one in seen}), 3)
        for headers in ((), (("traceparent", f"00-{'0' * 32}-{PARENT}-01"),)):
            seen = self.ask(*headers, count=3)
            self.assertEqual(len({one.trace for one in seen} - {"0" * 32}), 1)
            self.assertEqual(len({one.parent for one in seen}), 3)


class Tracestate(Case):
    def test_needs_a_traceparent(self):
        self.assert_new(("tracestate", "foo=1"))
        self.assert_new(("tracestate", "foo=1,bar=2"))

    def test_goes_on(self):
        self.assertEqual(self.state("foo=1,bar=2"), "foo=1,bar=2")
        self.assertEqual(self.state(), "")

    def test_name(self):
        for name in ("trace-state", "trace.state"):
            self.assertEqual(self.assert_goes_on(("traceparent", QUIET), (name, "foo=1")).state, "")
        for name in ("TraceState", "TrAcEsTaTe", "TRACESTATE"):
            self.assertEqual(self.assert_goes_on(("traceparent", QUIET), (name, "foo=1")).state, "foo=1")

    def test_empty(self):
        self.assertEqual(self.state(""), "")
        self.assertEqual(self.state("foo=1", ""), "foo=1")
        self.assertEqual(self.state("", "foo=1"), "foo=1")
        self.assertEqual(self.state(",foo=1, ,", "\t,"), "foo=1")

    def test_lines_are_joined(self):
        self.assertEqual(self.state("foo=1,bar=2", "rojo=1,congo=2", "baz=3"), "foo=1,bar=2,rojo=1,congo=2,baz=3")

    def test_twice(self):
        for lines in (["foo=1,foo=1"], ["foo=1,foo=2"], ["foo=1", "foo=1"], ["foo=1", "foo=2"]):
            self.assertEqual(self.state(*lines), "", lines)

    def test_all_characters(self):
        key = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
        value = "".join(chr(c) for c in range(0x20, 0x7f) if chr(c) not in ",=")
        for member in (f"{key}={value}", f"{key}@a-z0-9_-*/={value}"):
            self.assertEqual(self.state(member), member)

    def test_blanks(self):
        for line in ("foo=1 \t , \t bar=2, \t baz=3", "foo=1\t \t,\t \tbar=2,\t \tbaz=3"):
            self.assertEqual(self.state(line), "foo=1,bar=2,baz=3")
        for line in (" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"):
            self.assertEqual(self.state(line), "foo=1")

    def test_malformed(self):
        for line in ("foo =1", "FOO=1", "foo.bar=1", "foo@=1,bar=2", "@foo=1,bar=2", "foo@@bar=1,bar=2",
                     "foo@bar@baz=1,bar=2", "foo=bar=baz", "foo=,bar=3", "foo", "=1"):
            self.assertEqual(self.state(line), "", line)

    def test_members(self):
        members = [f"bar{i:02}={i:02}" for i in range(1, 34)]
        lines = [",".join(members[i:i + 10]) for i in (0, 10, 20)]
        self.assertEqual(self.state(*lines, ",".join(members[30:32])), ",".join(members[:32]))
        self.assertEqual(self.state(*lines, ",".join(members[30:33])), "")

    def test_lengths(self):
        for member, good in (("z" * 256 + "=1", True), ("z" * 257 + "=1", False), ("t" * 241 + "@" + "v" * 14 + "=1", True),
                             ("t" * 242 + "@v=1", False), ("t@" + "v" * 15 + "=1", False), ("a=" + "v" * 256, True),
                             ("a=" + "v" * 257, False)):
            self.assertEqual(self.state("foo=1", member), f"foo=1,{member}" if good else "", member)
        whole = "a=" + "v" * 252 + ",b=" + "w" * 255
        self.assertEqual(len(whole), 512)
        self.assertEqual(self.state(whole), whole)

    def test_too_long(self):
        """Whole members go, those of over 128 characters first."""
        long = [f"l{i}=" + "v" * 200 for i in range(6)]
        self.assertEqual(self.state(*long, "foo=1"), ",".join([*long[:4], "foo=1"]))

    def test_several_calls(self):
        for one in self.ask(("traceparent", QUIET), ("tracestate", "foo=1"), count=3):
            self.assertEqual((one.trace, one.state), (TRACE, "foo=1"))


class Baggage(Case):
    def baggage(self, *lines):
        return self.ask(*(("baggage", line) for line in lines)).baggage

    def test_goes_on(self):
        self.assertEqual(self.baggage(), "")
        self.assertEqual(self.baggage("userId=alice,serverNode=DF%2028"), "userId=alice,serverNode=DF%2028")
        self.assertEqual(self.baggage("a = 1 ; p ; q = 2", "b=2"), "a=1;p;q=2,b=2")
        self.assertEqual(self.baggage("a=1,b=\u00e4,c=3"), "a=1,c=3")
        seen = self.assert_goes_on(("traceparent", SAMPLED), ("tracestate", "foo=1"), ("Baggage", "a=1"))
        self.assertEqual((seen.state, seen.baggage), ("foo=1", "a=1"))

    def test_limits(self):
        members = [f"key{i}=value" for i in range(70)]
        self.assertEqual(self.baggage(",".join(members)), ",".join(members[:64]))
        long = "a=" + "v" * 8190
        self.assertEqual(self.baggage(long), long)
        self.assertEqual(self.baggage(long + "v", "b=2"), "b=2")


class OnlyBaggage(Case):
    environment = {"OTEL_PROPAGATORS": "baggage"}

    def test_no_traceparent(self):
        url = self.callbacks.url()
        status, _ = post(self.service, json.dumps([{"url": url}]).encode(),
                         [("traceparent", SAMPLED), ("tracestate", "foo=1"), ("baggage", "a=1")])
        self.assertEqual(status, 200)
        self.assertEqual([self.callbacks.lines(url, name) for name in ("traceparent", "tracestate", "baggage")],
                         [[[]], [[]], [["a=1"]]])


class OnlyTraceContext(Case):
    environment = {"OTEL_PROPAGATORS": "tracecontext"}

    def test_no_baggage(self):
        seen = self.assert_goes_on(("traceparent", SAMPLED), ("tracestate", "foo=1"), ("baggage", "a=1"))
        self.assertEqual((seen.state, seen.baggage), ("foo=1", ""))


class Bodies(Case):
    def test_arguments_are_posted(self):
        urls = [self.callbacks.url() for _ in range(6)]
        values = [[], None, {"a": [1, "\u00e4"]}, "text", 5]
        items = [{"url": url, "arguments": value} for url, value in zip(urls, values)] + [{"url": urls[5]}]
        self.assertEqual(post(self.service, json.dumps(items).encode())[0], 200)
        self.assertEqual([self.callbacks.kept[urlsplit(url).path][0][1] for url in urls], [*values, []])

    def test_calls_itself(self):
        """Through the service three times, from many callers at once: the trace goes on."""
        def one(number):
            url = self.callbacks.url()
            inner = [{"url": url, "arguments": []}]
            for _ in range(2):
                inner = [{"url": self.service.url + "/test", "arguments": inner}]
            status, _ = post(self.service, json.dumps(inner).encode(),
                             [("traceparent", f"00-{number:032x}-{PARENT}-01"), ("tracestate", f"foo={number}"),
                              ("baggage", f"n={number}")])
            seen = Seen(self.callbacks, url)
            return status, seen.trace, seen.state, seen.baggage
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            for number, answer in enumerate(pool.map(one, range(1, 37)), 1):
                self.assertEqual(answer, (200, f"{number:032x}", f"foo={number}", f"n={number}"))

    def test_refused(self):
        for body in (b"", b"no json", b"[", b"{}", b"null", b"5", b'"http://x"', b"[5]", b'[{"arguments":[]}]',
                     b'[{"url":5}]', b'[{"url":null}]', b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe[]", b"[]]"):
            status, answer = post(self.service, body)
            self.assertEqual((status, list(answer)), (400, ["error"]), body[:20])
        self.assertEqual(post(self.service, b"[]"), (200, []))

    def test_unreachable(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        for url in (f"http://127.0.0.1:{port}/", "nonsense", "", "http://", "file:///etc/passwd", "http://127.0.0.1:99999/"):
            good = self.callbacks.url()
            status, answer = post(self.service, json.dumps([{"url": good}, {"url": url}, {"url": good}]).encode())
            self.assertEqual((status, answer), (424, {"error": "no answer", "url": url}))
            self.assertEqual(len(self.callbacks.lines(good, "traceparent")), 1)

    def test_too_long(self):
        status, _ = post(self.service, b"[" + b" " * (1 << 20) + b"]")
        self.assertEqual(status, 413)

    def test_other_paths(self):
        self.assertEqual(post(self.service, b"[]", path="/other")[0], 404)
        self.assertEqual(self.service.get("/test")[0], 404)


class Spans(unittest.TestCase):
    def test_headers_name_the_spans(self):
        """What the callbacks were told are the call's ids, and the unsampled are not there."""
        with Callbacks() as callbacks, Receiver([BIN + "/span_dump"]) as receiver:
            urls = [callbacks.url() for _ in range(2)]
            with Service([BIN + "/trace_context_service", "0"], receiver.environment()) as service:
                for traceparent in (SAMPLED, QUIET):
                    status, _ = post(service, json.dumps([{"url": url} for url in urls]).encode(),
                                     [("traceparent", traceparent)])
                    self.assertEqual(status, 200)
            spans = receiver.spans()
        told = [lines[0][0].split("-")[2] for lines in (callbacks.lines(url, "traceparent") for url in urls)]
        calls = [span for span in spans if span["type"] == HTTP]
        server, = (span for span in spans if span["type"] == ENDPOINT)
        self.assertEqual({span["trace"] for span in spans}, {TRACE})
        self.assertEqual([span["id"] for span in calls], told)
        self.assertEqual({span["parent"] for span in calls}, {server["id"]})
        self.assertEqual(server["parent"], PARENT)


if __name__ == "__main__":
    unittest.main()
