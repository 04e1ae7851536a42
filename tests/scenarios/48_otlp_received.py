#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spans of other SDKs, by OTLP and Zipkin: how they are sent, what they become, and that libweir's own find the same way back."""
import gzip
import json
import sys
import threading
import time
import unittest

import one_of_each
from collector import Collector, DataFolder, eventually
from otlp_send import (JSON, PROTOBUF, Connection, field, json_request, new_id, post, request, span)
from postgres import Postgres
from service import Service

TRACES, ZIPKIN = "/v1/traces", "/api/v2/spans"


def setUpModule():
    global collector
    folder = unittest.enterModuleContext(DataFolder())
    collector = unittest.enterModuleContext(Collector(BIN, folder))


def stored(trace, count=1):
    """The spans of a trace, once there are so many."""
    def look():
        status, text = collector.get(f"/trace/{trace.hex()}?format=json")
        spans = json.loads(text)["spans"] if status == 200 else []
        return spans if len(spans) >= count else None
    return eventually(look, f"{count} spans of {trace.hex()} are stored")


def send(*spans, service="shop", **more):
    status, _, body = post(collector.url, TRACES, request(service, list(spans)), **more)
    assert (status, body) == (200, b""), (status, body)
    return {s["name"]: s for s in stored(spans[0]["trace"], len(spans))}


def one(**more):
    return next(iter(send(span(**more)).values()))


class Sending(unittest.TestCase):
    def accepted(self, body_of=request, kind=PROTOBUF, **how):
        s = span("sent")
        status, headers, body = post(collector.url, TRACES, body_of("shop", [s]), kind, **how)
        self.assertEqual((status, headers["content-type"], body), (200, kind, b"{}" if kind == JSON else b""))
        self.assertEqual(stored(s["trace"])[0]["name"], "sent")

    def test_protobuf(self):
        self.accepted()

    def test_json(self):
        self.accepted(json_request, JSON)

    def test_gzip(self):
        self.accepted(compressed=True)
        self.accepted(json_request, JSON, compressed=True)

    def test_chunks_of_any_size(self):
        self.accepted(chunked=1)
        self.accepted(chunked=100000)
        self.accepted(json_request, JSON, compressed=True, chunked=7)

    def test_gzip_of_two_members(self):
        s = span("sent")
        body = request("shop", [s])
        status, *_ = post(collector.url, TRACES, gzip.compress(body[:40]) + gzip.compress(body[40:]),
                          headers=["Content-Encoding: gzip"])
        self.assertEqual(status, 200)
        stored(s["trace"])

    def test_a_type_with_parameters_and_in_capitals(self):
        body = json_request("shop", [span()])
        self.assertEqual(post(collector.url, TRACES, body, "Application/JSON; charset=utf-8")[0], 200)

    def test_expect_100_continue(self):
        body = request("shop", [span()])
        with Connection(collector.url) as connection:
            connection.send(f"POST {TRACES} HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\n"
                            f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
            self.assertEqual(connection.answer()[0], 100)
            connection.send(body)
            self.assertEqual(connection.answer()[0], 200)

    def test_many_over_one_connection(self):
        spans = [span() for _ in range(20)]
        with Connection(collector.url) as connection:
            for number, s in enumerate(spans):
                status, *_ = connection.post(TRACES, request("shop", [s]), chunked=50 if number % 2 else 0)
                self.assertEqual(status, 200)
        for s in spans:
            stored(s["trace"])

    def test_an_empty_request(self):
        self.assertEqual(post(collector.url, TRACES, b"")[::2], (200, b""))
        self.assertEqual(post(collector.url, TRACES, b"{}", JSON)[::2], (200, b"{}"))

    def test_more_spans_than_a_batch_has(self):
        spans = [span(trace=new_id(16), id=new_id(8)) for _ in range(20000)]
        before = collector.counter("spans_stored")
        self.assertEqual(post(collector.url, TRACES, request("shop", spans), compressed=True)[0], 200)
        self.assertGreaterEqual(collector.counter("spans_stored") - before, 20000)

    def test_what_cannot_be_stored_is_a_partial_success(self):
        good = span()
        spans = [span(id=b"\0" * 8), good, span(trace=b"short"), span(start=0)]
        status, _, body = post(collector.url, TRACES, request("shop", spans))
        self.assertEqual((status, body), (200, field(1, field(1, 3) + field(2, "a span id is zero"))))
        status, _, body = post(collector.url, TRACES, json_request("shop", spans), JSON)
        self.assertEqual((status, json.loads(body)), (
            200, {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "a span id is zero"}}))
        stored(good["trace"])

    def test_many_resources_in_one_post(self):
        spans = {f"service-{n}": span(f"of {n}", kind=2) for n in range(300)}
        body = b"".join(request(service, [s]) for service, s in spans.items())
        self.assertEqual(post(collector.url, TRACES, body)[::2], (200, b""))
        for service in ("service-0", "service-299"):
            self.assertEqual(stored(spans[service]["trace"])[0]["service"], service)


class Refusing(unittest.TestCase):
    def refused(self, status, *arguments, **how):
        got, headers, body = post(collector.url, *arguments, **how)
        self.assertEqual(got, status, body)
        return headers, body

    def test_answers_are_in_the_requests_type(self):
        headers, body = self.refused(400, TRACES, b"\xff")
        self.assertEqual((headers["content-type"], body[:3]), (PROTOBUF, b"\x08\x03\x12"))
        headers, body = self.refused(400, TRACES, b"{", JSON)
        self.assertEqual((headers["content-type"], json.loads(body)["code"]), (JSON, 3))
        headers, body = self.refused(400, ZIPKIN, b"{}", JSON)
        self.assertEqual(headers["content-type"], "text/plain; charset=utf-8")

    def test_types_and_encodings(self):
        self.refused(415, TRACES, b"", "text/plain")
        self.refused(415, ZIPKIN, b"", PROTOBUF)
        headers, _ = self.refused(415, TRACES, b"", headers=["Content-Encoding: br"])
        self.assertEqual(headers["accept-encoding"], "gzip")

    def test_methods(self):
        with Connection(collector.url) as connection:
            connection.send(f"GET {TRACES} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            status, headers, _ = connection.answer()
            self.assertEqual((status, headers["allow"]), (405, "post"))

    def test_a_malformed_body_leaves_nothing_behind(self):
        s = span()
        before = collector.counter("spans_stored")
        self.refused(400, TRACES, request("shop", [s]) + b"\x0a\x05")
        self.refused(400, TRACES, json_request("shop", [s])[:-1], JSON)
        self.assertEqual(collector.counter("spans_stored"), before)


class Mapping(unittest.TestCase):
    """Attributes of today and of before give the same operation."""

    def operations(self, kind, *variants):
        spans = [one(kind=kind, attributes=variant) for variant in variants]
        found = {(s["system"], s["operation"]) for s in spans}
        self.assertEqual(len(found), 1, found)
        return found.pop()

    def test_queries(self):
        text = "SELECT * FROM item WHERE id = 'secret-5' AND n IN (1, 2)"
        self.assertEqual(self.operations(
            3, {"db.system": "postgresql", "db.statement": text}, {"db.system.name": "postgresql", "db.query.text": text}),
            ("postgresql", "SELECT * FROM item WHERE id = ? AND n IN (?)"))

    def test_mysql_strings(self):
        self.assertEqual(self.operations(3, {"db.system": "mysql", "db.statement": 'SELECT 1 FROM t WHERE a = "it\'s secret"'}),
                         ("mysql", "SELECT ? FROM t WHERE a = ?"))

    def test_what_is_no_sql(self):
        self.assertEqual(self.operations(3, {
            "db.system": "mongodb", "db.operation": "find", "db.mongodb.collection": "users",
            "db.statement": '{"find": "users", "filter": {"name": "secret"}}'}), ("mongodb", "find users"))

    def test_http_calls(self):
        self.assertEqual(self.operations(
            3, {"http.method": "GET", "http.url": "http://inventory:8081/stock/17?full=secret"},
            {"http.request.method": "GET", "url.full": "http://inventory:8081/stock/18?full=1"},
            {"http.method": "get", "net.peer.name": "inventory", "net.peer.port": 8081, "http.target": "/stock/9?full=2"},
            {"http.request.method": "GET", "server.address": "inventory", "server.port": 8081, "url.scheme": "http",
             "url.path": "/stock/4", "url.query": "full=3"}), ("inventory:8081", "GET /stock/{id}?full={}"))

    def test_cache_look_ups(self):
        self.assertEqual(self.operations(
            3, {"db.system": "redis", "db.statement": "GET price:17"},
            {"db.system.name": "redis", "db.query.text": "get price:18"},
            {"db.system.name": "redis", "db.query.text": "GET: price:19"}), ("redis", "GET price:{}"))
        self.assertEqual(self.operations(3, {"db.system": "redis", "db.statement": "SET price:17 secret word"}),
                         ("redis", "SET price:{}"))
        self.assertEqual(self.operations(3, {"db.system": "redis", "db.statement": "AUTH secret"}), ("redis", "AUTH"))

    def test_requests(self):
        self.assertEqual(self.operations(
            2, {"http.method": "GET", "http.route": "/items/{id}"},
            {"http.request.method": "GET", "url.path": "/items/17", "url.query": "q=secret"},
            {"http.method": "GET", "http.target": "/items/19?q=1"}), ("", "GET /items/{id}"))

    def test_nothing_secret_is_stored(self):
        secrets = {"db.query.parameter.0": "secret-p", "http.request.header.authorization": ["secret-h"],
                   "db.connection_string": "postgresql://u:secret@h", "db.statement.parameters": "('secret',)",
                   "url.full": "http://u:secret@h/secret-0123456789abcdef?x=secret", "db.system": "postgresql",
                   "db.statement": "SELECT 'secret'", "kept": "yes"}
        got = one(kind=3, attributes=secrets)
        self.assertNotIn("secret", json.dumps(got))
        self.assertEqual(got["attributes"]["kept"], "yes")

    def test_everything_else_of_a_span(self):
        trace, other = new_id(16), new_id(16)
        start = time.time_ns()
        got = one(name="work", trace=trace, start=start, status=2, message="broke", state="a=b,ot=th:c", flags=0x301,
                  attributes={"text": "t", "yes": True, "int": -5, "double": 0.5, "bytes": b"\xff", "list": [1, "a", None],
                              "map": {"k": {"l": 1}}, "code.function": "f", "code.filepath": "a.c", "code.lineno": 7},
                  events=[("exception", start + 5, {"exception.message": "no"})],
                  links=[(other, new_id(8), {"why": "because"})])
        attributes = got["attributes"]
        self.assertEqual((attributes["text"], attributes["yes"], attributes["int"], attributes["double"]), ("t", True, -5, 0.5))
        self.assertEqual(attributes["bytes"], "/w==")
        self.assertIn(attributes["list"], ([1, "a", None], '[1,"a",null]'))
        self.assertIn(attributes["map"], ({"k": {"l": 1}}, '{"k":{"l":1}}'))
        self.assertEqual(got["status"], "error")
        text = json.dumps(got)
        for part in ("broke", "exception.message", other.hex(), "because", "a.c"):
            self.assertIn(part, text)

    def test_an_end_before_the_start_is_kept_without_a_duration(self):
        got = one(ns=-1000)
        self.assertEqual((got["duration_ns"], got["attributes"]["weir.end_before_start_ns"]), (0, 1000))

    def test_a_loop_of_another_sdk_is_found(self):
        trace = new_id(16)
        root = span("GET /loop", trace, kind=2, ns=60_000_000, attributes={"http.method": "GET", "http.route": "/loop"})
        calls = [span("SELECT", trace, parent=root["id"], kind=3, start=root["start"] + n * 5_000_000, ns=4_000_000,
                      attributes={"db.system": "postgresql", "db.statement": f"SELECT * FROM item WHERE id = {n}"})
                 for n in range(10)]
        send(root, *calls, service="looper")
        found = eventually(lambda: collector.json(f"/findings?trace={trace.hex()}")["findings"], "a finding")
        self.assertEqual([(f["kind"], f["count"], f["endpoint"]) for f in found], [("n_plus_one_query", 10, "GET /loop")])

    def test_inputs(self):
        """The same input is told from another one; what is not known is not taken for the same."""
        trace = new_id(16)
        root = span("GET /twice", trace, kind=2, ns=60_000_000, attributes={"http.method": "GET", "http.route": "/twice"})

        def call(n, text, **more):
            return span(f"q{n}", trace, parent=root["id"], kind=3, start=root["start"] + n * 5_000_000, ns=4_000_000,
                        attributes={"db.system": "postgresql", "db.statement": text, **more})

        send(root, call(0, "SELECT a FROM t WHERE id = 1"), call(1, "SELECT a FROM t WHERE id = 1"),
             call(2, "SELECT b FROM u WHERE id = 1"), call(3, "SELECT b FROM u WHERE id = 2"),
             call(4, "SELECT c FROM v WHERE id = $1"), call(5, "SELECT c FROM v WHERE id = $1"),
             call(6, "SELECT d FROM w WHERE id = $1", **{"db.query.parameter.0": "x"}),
             call(7, "SELECT d FROM w WHERE id = $1", **{"db.query.parameter.0": "x"}), service="twice")
        found = eventually(lambda: collector.json(f"/findings?trace={trace.hex()}")["findings"], "findings")
        repeated = {json.dumps(f["operations"]) for f in found if f["kind"] == "repeated_call"}
        self.assertEqual(len(repeated), 2, found)
        self.assertTrue(all(any(table in text for text in repeated) for table in ("FROM t ", "FROM w ")), repeated)


class Zipkin(unittest.TestCase):
    def send(self, *spans):
        now = time.time_ns() // 1000
        status, _, body = post(collector.url, ZIPKIN, json.dumps(
            [{"timestamp": now, "duration": 1000, **s} for s in spans]).encode(), JSON)
        self.assertEqual((status, body), (202, b""))

    def test_two_services_that_share_an_id(self):
        trace, shared = new_id(16), new_id(8).hex()
        front, back = {"serviceName": "front"}, {"serviceName": "back"}
        self.send({"traceId": trace.hex(), "id": "0000000000000001", "name": "get /", "kind": "SERVER", "localEndpoint": front},
                  {"traceId": trace.hex(), "id": shared, "parentId": "0000000000000001", "name": "call", "kind": "CLIENT",
                   "localEndpoint": front, "remoteEndpoint": back, "tags": {"http.method": "GET", "http.path": "/b/7"}},
                  {"traceId": trace.hex(), "id": shared, "parentId": "0000000000000001", "name": "back", "kind": "SERVER",
                   "shared": True, "localEndpoint": back, "tags": {"http.method": "GET", "http.path": "/b/7"}},
                  {"traceId": trace.hex(), "id": "0000000000000009", "parentId": shared, "name": "inner", "localEndpoint": back,
                   "tags": {"error": "broke"}, "annotations": [{"timestamp": time.time_ns() // 1000, "value": "noted"}]})
        spans = {s["name"] + s["kind"] * (s["name"] != "inner"): s for s in stored(trace, 4)}
        self.assertEqual({s["service"] for s in spans.values()}, {"front", "back"})
        inner = spans["inner"]
        client = next(s for s in spans.values() if s["span_id"] == shared)
        server = next(s for s in spans.values() if s["kind"] == "server" and s["service"] == "back")
        self.assertEqual((server["parent_span_id"], inner["parent_span_id"]), (shared, server["span_id"]))
        self.assertEqual((client["system"], client["operation"]), ("back", "GET /b/{id}"))
        self.assertEqual(server["operation"], "GET /b/{id}")
        self.assertIn("noted", json.dumps(inner))

    def test_ids_of_64_bits(self):
        self.send({"traceId": "00000000000000ab", "id": "00000000000000cd", "name": "x", "localEndpoint": {"serviceName": "s"}})
        stored(bytes(15) + b"\xab")


class OurOwn(unittest.TestCase):
    """What libweir exports by OTLP is what it would have sent itself (but for the flag that it was sampled, which is OTLP's)."""

    def spans(self, endpoint, name):
        with one_of_each.Service(BIN, endpoint, OTEL_SERVICE_NAME=name) as service:
            service.tell("request")
            stats = service.finish()
            self.assertEqual((stats["acknowledged"], stats["dropped"]), (stats["created"], 0))
        traces = eventually(lambda: collector.sql(
            "SELECT DISTINCT encode(uuid_send(trace_id), 'hex') FROM weir.fragment f JOIN weir.resource r"
            f" ON r.resource_id = f.resource_id WHERE r.service_name = '{name}'"), "its traces")
        spans = [s for trace in traces.split() for s in collector.json(f"/trace/{trace}")["spans"]]
        names = {s["span_id"]: s["name"] for s in spans}
        return sorted((self.plain(s, names) for s in spans), key=lambda s: json.dumps(s, sort_keys=True))

    def plain(self, value, names):
        """Without what differs from run to run; ids as the names of their spans."""
        if isinstance(value, dict):
            return {k: self.plain(v, names) for k, v in value.items()
                    if k not in ("trace_id", "start_ns", "duration_ns", "service", "connection", "self_ns", "time_ns",
                                 "critical_ns", "version", "critical", "instance", "trace_flags")}
        if isinstance(value, list):
            return [self.plain(v, names) for v in value]
        return names.get(value, value) if isinstance(value, str) else value

    def test_a_request_with_one_of_each(self):
        self.maxDiff = None
        self.assertEqual(self.spans(collector.url, "by-otlp"), self.spans(collector.nng, "by-nng"))

    def findings(self, dsn, by, endpoint, *options):
        with Service([BIN + "/dashboard", "--stage", "before", "--db", dsn, *options],
                     {"WEIR_ENDPOINT": endpoint, "OTEL_SDK_DISABLED": "false"}) as service:
            for _ in range(2):
                self.assertEqual(service.get("/api/dashboard/2")[0], 200)
        eventually(lambda: any(r["service"] == "dashboard" and r["count"] == 2 for r in by.json("/requests")["requests"]),
                   "both requests are analysed")
        found = [f for f in by.json("/findings")["findings"] if f["service"] == "dashboard"]
        different = ("trace_ids", "saving_share")
        return sorted((self.without(f, different) for f in found), key=lambda f: json.dumps(f, sort_keys=True))

    def without(self, value, keys):
        if isinstance(value, dict):
            return {k: self.without(v, keys) for k, v in value.items() if k not in keys and not k.endswith(("_ms", "_ns"))}
        return [self.without(v, keys) for v in value] if isinstance(value, list) else value

    def test_the_case_study_gives_the_same_findings(self):
        self.maxDiff = None
        with Postgres() as postgres, DataFolder() as folder, Collector(BIN, folder) as other:
            by_nng = self.findings(postgres.dsn, other, other.nng, "--setup")
            by_otlp = self.findings(postgres.dsn, collector, collector.url)
        self.assertTrue(by_nng)
        self.assertEqual(by_otlp, by_nng)


class Durable(unittest.TestCase):
    def test_while_postgres_is_away_posts_are_spooled_and_without_a_spool_sent_back(self):
        with Postgres() as postgres, Collector(BIN, dsn=postgres.dsn) as kept:
            first, second = span("before"), span("while away")
            self.assertEqual(post(kept.url, TRACES, request("shop", [first]))[0], 200)
            postgres.stop()
            self.assertEqual(post(kept.url, TRACES, request("shop", [second]))[0], 200)
            self.assertEqual(kept.counter("spool_batches_kept"), 1)
            postgres.start()
            kept.settle()
            self.assertEqual(kept.spans(), (2, 2))
        with Postgres() as postgres, Collector(BIN, dsn=postgres.dsn, options=["--spool-bytes-max", "0"]) as kept:
            postgres.stop()
            status, headers, _ = post(kept.url, TRACES, request("shop", [span()]))
            self.assertEqual((status, headers["retry-after"]), (503, "1"))
            postgres.start()
            eventually(lambda: post(kept.url, TRACES, request("shop", [span()]))[0] == 200, "it is taken again")

    def test_a_collector_that_is_stopped_answers_or_closes(self):
        with DataFolder() as folder, Collector(BIN, folder) as other:
            def push():
                while True:
                    try:
                        if post(other.url, TRACES, request("shop", [span() for _ in range(500)]))[0] not in (200, 503):
                            return
                    except OSError:
                        return
            threads = [threading.Thread(target=push) for _ in range(4)]
            for thread in threads:
                thread.start()
            eventually(lambda: other.counter("posts_stored") > 10, "posts are coming")
            other.stop()
            for thread in threads:
                thread.join(30)
                self.assertFalse(thread.is_alive())


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
