#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""weir import: traces that other tools have written, months old, find their way into reports whatever wrote them; what cannot be
read or stored is said, with the place, and costs nothing else."""
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest

import one_of_each
from collector import Collector, DataFolder, eventually
from otlp_send import json_request, new_id, span

DAY_NS = 86400 * 10**9
CALLS = 12


def months_ago():
    return time.time_ns() - 70 * DAY_NS


def setUpModule():
    global collector
    folder = unittest.enterModuleContext(DataFolder())
    collector = unittest.enterModuleContext(Collector(BIN, folder))


# ---- one slow request, a loop of queries, as each tool writes it ----


def plain_trace(start):
    """[(id, parent, name, kind, start, ns, attributes)]"""
    root = new_id(8)
    spans = [(root, b"", "GET /orders", 2, start, 400 * 10**6, {"http.request.method": "GET", "http.route": "/orders"})]
    for i in range(CALLS):
        spans.append((new_id(8), root, "SELECT items", 3, start + (5 + 30 * i) * 10**6, 25 * 10**6,
                      {"db.system": "postgresql", "db.statement": "SELECT * FROM items WHERE order_id = $1"}))
    return new_id(16), spans


def as_otlp(service, start=None):
    trace, spans = plain_trace(start or months_ago())
    return trace, json_request(service, [
        span(name=name, trace=trace, id=id, parent=parent, kind=kind, start=at, ns=ns, attributes=attributes)
        for id, parent, name, kind, at, ns, attributes in spans])


def as_jaeger(service, start=None):
    trace, spans = plain_trace(start or months_ago())
    kinds = {2: "server", 3: "client"}

    def one(id, parent, name, kind, at, ns, attributes):
        tags = [{"key": k, "type": "string", "value": v} for k, v in attributes.items()]
        tags.append({"key": "span.kind", "type": "string", "value": kinds[kind]})
        references = [{"refType": "CHILD_OF", "traceID": trace.hex(), "spanID": parent.hex()}] if parent else []
        return {"traceID": trace.hex(), "spanID": id.hex(), "operationName": name, "references": references,
                "startTime": at // 1000, "duration": ns // 1000, "tags": tags, "processID": "p1", "warnings": None,
                "logs": [{"timestamp": at // 1000, "fields": [{"key": "event", "type": "string", "value": "begun"}]}]}

    return trace, {"traceID": trace.hex(), "spans": [one(*s) for s in spans],
                   "processes": {"p1": {"serviceName": service, "tags": []}}}


def as_zipkin(service, start=None):
    trace, spans = plain_trace(start or months_ago())
    kinds = {2: "SERVER", 3: "CLIENT"}
    return trace, [{"traceId": trace.hex(), "id": id.hex(), **({"parentId": parent.hex()} if parent else {}), "name": name,
                    "kind": kinds[kind], "timestamp": at // 1000, "duration": ns // 1000, "tags": attributes,
                    "localEndpoint": {"serviceName": service}}
                   for id, parent, name, kind, at, ns, attributes in spans]


# ---- running it ----


def run(*arguments, stdin=b"", url=True):
    run = subprocess.run([os.path.join(BIN, "weir"), "import", *arguments, *(["--url", collector.url] if url else [])],
                         input=stdin, capture_output=True, check=False, timeout=100)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="weir-import-"))
        self.service = self.id().rsplit(".", 1)[1]

    def file(self, content, name="traces"):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as to:
            to.write(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    def assert_imported(self, *traces, files, stdin=b""):
        """All of it is stored, and reported as the slow loop it is."""
        status, out, err = run(*files, stdin=stdin)
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn(f"{len(traces) * (CALLS + 1)} spans of {len(traces)} trace", out)
        self.assertIn(f"1 service: {self.service}\n", out)
        for trace in traces:
            spans = collector.json(f"/trace/{trace.hex()}")["spans"]
            self.assertEqual(len(spans), CALLS + 1)
        next_command = out.split("Next: ")[1].split()
        self.assertEqual(next_command[:2], ["weir", "report"])
        report = subprocess.run([os.path.join(BIN, "weir"), *next_command[1:-1], collector.url, "--service", self.service],
                                capture_output=True, text=True, check=True).stdout
        self.assertIn("GET /orders", report)
        self.assertIn("items by order", report)
        self.assertIn(f"{CALLS} times in one request", report)


class Formats(Case):
    def test_otlp(self):
        trace, text = as_otlp(self.service)
        self.assert_imported(trace, files=[self.file(text)])

    def test_otlp_indented(self):
        trace, text = as_otlp(self.service)
        self.assert_imported(trace, files=[self.file(json.dumps(json.loads(text), indent=1).encode())])

    def test_the_collectors_lines_compressed(self):
        (one, first), (two, second) = as_otlp(self.service), as_otlp(self.service)
        self.assert_imported(one, two, files=[self.file(gzip.compress(first + b"\n" + second + b"\n"))])

    def test_jaeger(self):
        (one, first), (two, second) = as_jaeger(self.service), as_jaeger(self.service)
        self.assert_imported(one, two, files=[self.file({"data": [first, second], "total": 0, "errors": None})])

    def test_one_trace_of_jaeger(self):
        trace, value = as_jaeger(self.service)
        self.assert_imported(trace, files=[self.file(value)])

    def test_zipkin(self):
        trace, spans = as_zipkin(self.service)
        self.assert_imported(trace, files=[self.file(spans)])

    def test_zipkin_by_traces(self):
        (one, first), (two, second) = as_zipkin(self.service), as_zipkin(self.service)
        self.assert_imported(one, two, files=[self.file([first, second])])

    def test_zipkin_lines(self):
        trace, spans = as_zipkin(self.service)
        self.assert_imported(trace, files=[self.file("\n".join(map(json.dumps, spans)).encode())])

    def test_standard_input_and_files_of_different_formats(self):
        (one, otlp), (two, jaeger), (three, zipkin) = (make(self.service) for make in (as_otlp, as_jaeger, as_zipkin))
        self.assert_imported(one, two, three, files=["-", self.file(jaeger, "a"), self.file(zipkin, "b")], stdin=otlp)

    def test_what_weir_writes_itself(self):
        path = os.path.join(self.folder, "spans.jsonl")
        with one_of_each.Service(BIN, "file:" + path, OTEL_SERVICE_NAME=self.service) as service:
            service.tell("request")
            self.assertEqual(service.finish()["acknowledged"], 8)
        status, out, err = run(path)
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn("8 spans of 1 trace", out)


class Large(Case):
    def test_more_than_a_post(self):
        traces = [as_jaeger(self.service)[1] for _ in range(1500)]
        path = self.file({"data": traces})
        self.assertGreater(os.path.getsize(path), 8 << 20)
        before = collector.counter("posts_received")
        status, out, err = run(path)
        self.assertEqual((status, err), (0, ""), out)
        self.assertIn(f"{1500 * (CALLS + 1):,} spans of 1,500 traces", out)
        self.assertGreater(collector.counter("posts_received"), before + 1)

    def test_memory_stays_the_same(self):
        """More comes through standard input than there is room for in the address space."""
        with open(BIN + "/weir", "rb") as program:
            if b"__asan_init" in program.read():
                self.skipTest("a sanitizer reserves all of the address space")
        line = as_otlp(self.service)[1].replace(b'{"scopeSpans"', b'{"padding":"' + b"x" * (1 << 20) + b'","scopeSpans"')
        room_kib, lines = 100 << 10, 120
        weir = subprocess.Popen(["bash", "-c", f"ulimit -v {room_kib}; exec {BIN}/weir import - --url {collector.url}"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(lines):
            weir.stdin.write(line + b"\n")
        out, err = weir.communicate(timeout=100)
        self.assertEqual((weir.returncode, err), (0, b""))
        self.assertIn(f"{lines * (CALLS + 1):,} spans of 1 trace".encode(), out)

    def test_a_file_that_is_imported_again(self):
        """Its spans are known for the same."""
        trace, text = as_otlp(self.service)
        for _ in range(2):
            self.assert_imported(trace, files=[self.file(text)])
        answer = collector.json("/requests?service=" + self.service)
        self.assertEqual([row["count"] for row in answer["requests"] if row["service"] == self.service], [1], answer)


class Problems(Case):
    def test_a_line_that_a_crash_cut_short(self):
        (one, first), (two, second) = as_otlp(self.service), as_otlp(self.service)
        path = self.file(first + b"\n" + first[:len(first) // 2] + b"\n" + second + b"\n")
        status, out, err = run(path)
        self.assertEqual(status, 1)
        self.assertIn(f"weir: {path}:2: it ends in the middle of a value; that line was left out\n", err)
        self.assertIn(f"{2 * (CALLS + 1)} spans of 2 traces", out)
        for trace in (one, two):
            self.assertEqual(len(collector.json(f"/trace/{trace.hex()}")["spans"]), CALLS + 1)

    def test_a_gzip_that_is_cut_short(self):
        packed = gzip.compress(b"\n".join(as_otlp(self.service)[1] for _ in range(50)))
        status, _, err = run(self.file(packed[:len(packed) // 2]))
        self.assertEqual(status, 1)
        self.assertIn("its gzip is cut short", err)

    def test_files_that_are_none(self):
        for content, said in ((b"", "there is no trace in it"), (b"hello", ":1: this is no JSON of traces"),
                              (b'{"a":1}', ":1: this object is of none of the formats"),
                              (b"[]", "there is no trace in it"), (b"[[[[[[[[[]", "nested too deeply"),
                              (b'{"resourceSpans":[{]}', "at byte"), (b"\x00\xff" * 500, "this is no JSON"),
                              (b'{"data":[\n{"traceID":"a","spans":[{}],"processes":5}]}', "1 spans were refused"),
                              (b'{"resourceMetrics":[]}', "metrics or logs")):
            path = self.file(content)
            status, _, err = run(path)
            self.assertEqual(status, 1, content)
            self.assertIn(said, err, content)
        status, _, err = run(self.folder + "/absent")
        self.assertEqual((status, err), (1, f"weir: {self.folder}/absent cannot be read: No such file or directory\n"))

    def test_spans_that_the_collector_refuses_are_counted(self):
        trace, spans = as_zipkin(self.service)
        spans[3]["id"] = "0000000000000000"
        status, out, err = run(self.file(spans))
        self.assertEqual(status, 1)
        self.assertIn("weir: 1 spans were refused:\n", err)
        self.assertIn(f"{CALLS} spans of 1 trace", out)

    def test_usage(self):
        self.assertEqual(run()[0], 2)
        self.assertEqual(run("x", "--since", "1h")[0], 2)

    def test_no_collector(self):
        path = self.file(as_otlp(self.service)[1])
        status, _, err = run(path, "--url", "http://127.0.0.1:1", url=False)
        self.assertEqual(status, 3)
        self.assertIn("start weir-collector", err)


class Alone(Case):
    def test_a_directory_that_is_made(self):
        trace, value = as_jaeger(self.service)
        with DataFolder() as folder:
            status, out, err = run(self.file(value), "--data-dir", folder, url=False)
            self.assertEqual((status, err), (0, ""), out)
            self.assertIn(f"--data-dir '{folder}'", out)
            report = subprocess.run([os.path.join(BIN, "weir"), "report", "--data-dir", folder], capture_output=True,
                                    text=True, check=True).stdout
            self.assertIn("GET /orders", report)

    def test_days_that_the_collector_has_dropped(self):
        with DataFolder() as folder, Collector(BIN, folder, options=["--keep-spans-days", "2",
                                                                     "--forget-interval-ms", "100"]) as forgetful:
            first = self.file(as_otlp(self.service)[1], "a")
            run(first, "--url", forgetful.url, url=False)
            eventually(lambda: forgetful.counter("days_forgotten") > 0, "the day is dropped")
            status, _, err = run(self.file(as_otlp(self.service)[1], "b"), "--url", forgetful.url, url=False)
            self.assertEqual(status, 1)
            self.assertIn("days that", err)
            self.assertIn("--data-dir", err)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
