#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spans to a file (OTLP JSON lines) and to standard error: what stands there, and what becomes of spans when it cannot."""
import fcntl
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

from one_of_each import DEADLINE_S, Service
from process import eventually

HERE = os.path.dirname(os.path.abspath(__file__))


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text == "" or text.endswith("\n"), "the last line is whole"
    return [json.loads(line) for line in text.splitlines()]


def spans_of(path):
    """Each with its scope's name; every line is one TracesData with one resource."""
    spans = []
    for line in lines_of(path):
        assert list(line) == ["resourceSpans"] and len(line["resourceSpans"]) == 1
        for scope in line["resourceSpans"][0]["scopeSpans"]:
            spans += [{"scope": scope["scope"]["name"], **span} for span in scope["spans"]]
    return spans


def readable(line):
    """A line of a file as text: a line a member, attributes by their names."""
    def attributes(of):
        for attribute in of.pop("attributes", []):
            (kind, value), = attribute["value"].items()
            yield f"    {attribute['key']} = {kind} {json.dumps(value, ensure_ascii=False)}"

    (resource_spans,) = json.loads(line)["resourceSpans"]
    lines = ["resource", *attributes(resource_spans["resource"])]
    for scope in resource_spans["scopeSpans"]:
        lines.append(f"scope {json.dumps(scope['scope'])}")
        for span in scope["spans"]:
            own = list(attributes(span))
            links = [entry for link in span.pop("links", []) for entry in
                     (f"    link {link['traceId']} {link['spanId']}", *("    " + of for of in attributes(link)))]
            lines += [f"  span {json.dumps(span)}", *own, *links]
    return "\n".join([*lines, f"schema {resource_spans['schemaUrl']}", ""])


class Golden:
    """Ids, times, hashes and numbers of the process become the same in every run. WEIR_UPDATE_GOLDEN=1 writes the file."""

    def __init__(self):
        self.ids = {}

    def id(self, match):
        return self.ids.setdefault(match.group(), f"#{len(self.ids) + 1}")

    def settle(self, text):
        text = re.sub(r'(weir\.(?:input|answer)\.hash = stringValue ")[0-9a-f]{16}"', r'\1HASH"', text)
        text = re.sub(r'(UnixNano": ")\d+', r"\1TIME", text)
        text = re.sub(r'((?:process\.pid|code\.line\.number) = intValue ")\d+', r"\1NUMBER", text)
        text = re.sub(r"\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b", self.id, text)
        text = re.sub(r"(?m)^\d\d:\d\d:\d\d\.\d{6}", "TIME", text)
        text = re.sub(r"(?m)^(TIME shop \w+) +[\d.]+ (?:ns|us|ms|s ) ", r"\1 SPELL ", text)
        text = re.sub(r"[\w/.-]*/(one_of_each\.c)", r"\1", text)
        return re.sub(r"(at one_of_each\.c:)\d+", r"\1NUMBER", text)

    def check(self, test, name, text):
        path = os.path.join(HERE, "golden", name)
        text = self.settle(text)
        if os.environ.get("WEIR_UPDATE_GOLDEN"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            test.assertEqual(text, file.read())


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="weir-file-")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "spans.jsonl")

    def test_what_stands_there(self):
        with Service(BIN, "file:" + self.path, WEIR_EXPORT_INTERVAL="60000") as service:
            service.tell("request")
            self.assertEqual(service.finish()["acknowledged"], 8)
        self.assertEqual(len(lines_of(self.path)), 1)
        with open(self.path, encoding="utf-8") as file:
            Golden().check(self, "file.txt", readable(file.read()))

    def test_a_path_that_is_written_as_a_url(self):
        with Service(BIN, "file://" + self.path) as service:
            service.tell("request")
            self.assertEqual(service.finish()["acknowledged"], 8)
        self.assertEqual(len(spans_of(self.path)), 8)

    def test_endpoints_that_are_none(self):
        for endpoint in ("file:", "file://host/path", "file://", "stderr", "stderr:/dev/null", "nothing:at-all"):
            with Service(BIN, endpoint) as service:
                self.assertIn("WEIR_ENDPOINT", service.init, endpoint)

    def test_several_processes_append_whole_lines(self):
        """What is there before ends in the middle of a line, as after a crash."""
        with open(self.path, "w", encoding="ascii") as file:
            file.write('{"resourceSpans":[{"resou')
        services = [Service(BIN, "file:" + self.path, WEIR_EXPORT_INTERVAL="1") for _ in range(3)]
        for _ in range(20):
            for service in services:
                service.tell("spans 200")
        children = [service.ask("fork") for service in services]
        for service in services:
            self.assertEqual(service.finish()["acknowledged"], 4000)
            service.__exit__()
        self.assertEqual([child["acknowledged"] for child in children], [1, 1, 1])
        with open(self.path, encoding="utf-8") as file:
            broken, *whole = file.read().splitlines()
        self.assertEqual(broken, '{"resourceSpans":[{"resou')
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("\n".join(whole) + "\n")
        spans = spans_of(self.path)
        self.assertEqual(len({span["spanId"] for span in spans}), 3 * 4000 + 3)
        self.assertEqual(len(spans), 3 * 4000 + 3)

    def test_a_file_that_was_moved_is_made_anew(self):
        with Service(BIN, "file:" + self.path) as service:
            service.tell("spans 1")
            eventually(lambda: service.ask("stats")["acknowledged"] == 1, "the first is written")
            os.rename(self.path, self.path + ".1")
            service.tell("spans 1")
            self.assertEqual(service.finish()["acknowledged"], 2)
        self.assertEqual((len(spans_of(self.path)), len(spans_of(self.path + ".1"))), (1, 1))

    def test_a_full_disk(self):
        """The file may not grow: nothing of a line stays behind, spans wait, and go when there is room."""
        with Service(BIN, "file:" + self.path) as service:
            service.tell("spans 1")
            eventually(lambda: service.ask("stats")["acknowledged"] == 1, "the first is written")
            size = os.path.getsize(self.path)
            resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
            service.tell("spans 5")
            eventually(lambda: service.ask("stats")["resent"] >= 2, "it is tried again")
            self.assertEqual(os.path.getsize(self.path), size)
            resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            stats = service.finish()
            self.assertEqual((stats["acknowledged"], stats["dropped"]), (6, 0))
        self.assertEqual(len(spans_of(self.path)), 6)

    def test_a_disk_that_stays_full(self):
        with Service(BIN, "file:/dev/full") as service:
            service.tell("spans 5")
            stats = service.finish(300)
            self.assertEqual((stats["acknowledged"], stats["at_shutdown"]), (0, 5))

    def test_a_folder_that_is_made_later(self):
        path = os.path.join(os.path.dirname(self.path), "later", "spans")
        with Service(BIN, "file:" + path) as service:
            service.tell("spans 5")
            eventually(lambda: service.ask("stats")["resent"] >= 1, "it is tried again")
            os.mkdir(os.path.dirname(path))
            self.assertEqual(service.finish()["acknowledged"], 5)

    def test_somebody_else_has_it_locked(self):
        with open(self.path, "w", encoding="ascii") as holder, Service(BIN, "file:" + self.path) as service:
            fcntl.flock(holder, fcntl.LOCK_EX)
            service.tell("spans 5")
            eventually(lambda: service.ask("stats")["resent"] >= 1, "it is tried again")
            fcntl.flock(holder, fcntl.LOCK_UN)
            self.assertEqual(service.finish()["acknowledged"], 5)

    def test_a_pipe(self):
        """Without a reader spans wait; a reader that goes away in the middle kills nobody."""
        os.mkfifo(self.path)
        with Service(BIN, "file:" + self.path) as service:
            service.tell("spans 500")
            eventually(lambda: service.ask("stats")["resent"] >= 1, "it is tried again")
            first = os.open(self.path, os.O_RDONLY)
            self.assertTrue(os.read(first, 10))
            before = service.ask("stats")["resent"]
            os.close(first)
            eventually(lambda: service.ask("stats")["resent"] > before, "it has seen that nobody reads")
            with open(self.path + ".read", "wb") as file, subprocess.Popen(["cat", self.path], stdout=file) as second:
                self.assertEqual(service.finish()["acknowledged"], 500)
                self.assertEqual(second.wait(DEADLINE_S), 0)
        with open(self.path + ".read", encoding="utf-8") as file:
            broken, *whole = file.read().splitlines(keepends=True)
        self.assertRaises(ValueError, json.loads, broken)
        with open(self.path + ".read", "w", encoding="utf-8") as file:
            file.writelines(line for line in whole if line.strip())
        spans = {span["spanId"] for span in spans_of(self.path + ".read")}
        self.assertEqual(len(spans), 500)

    def test_a_pipe_that_nobody_empties(self):
        os.mkfifo(self.path)
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        with Service(BIN, "file:" + self.path) as service:
            service.tell("spans 5000")
            service.tell("stats")
            stats = json.loads(service.line())
            self.assertEqual(service.finish(300)["at_shutdown"], 5000 - stats["acknowledged"])
        os.close(reader)


class StandardError(unittest.TestCase):
    def test_what_stands_there(self):
        with Service(BIN, "stderr:", stderr=subprocess.PIPE) as service:
            service.tell("request")
            self.assertEqual(service.finish()["acknowledged"], 8)
            Golden().check(self, "stderr.txt", service.process.stderr.read())

    def test_opentelemetrys_console_is_the_same(self):
        with Service(BIN, "", stderr=subprocess.PIPE, OTEL_TRACES_EXPORTER="console") as service:
            service.tell("spans 3")
            self.assertEqual(service.finish()["acknowledged"], 3)
            self.assertEqual(len(service.process.stderr.read().splitlines()), 3)

    def test_many_spans_are_many_lines(self):
        with Service(BIN, "stderr:", stderr=subprocess.PIPE) as service:
            service.tell("spans 2000")
            service.tell("finish 20000")
            lines = [service.process.stderr.readline() for _ in range(2000)]
            self.assertTrue(all(re.match(r"\d\d:\d\d:\d\d\.\d{6} shop internal +[\d.]+ [num]?s +one of many ", line)
                                and line.endswith("\n") for line in lines))
            self.assertEqual(json.loads(service.line())["acknowledged"], 2000)

    def test_a_reader_that_has_stopped(self):
        """The pipe fills, and the program ends within its deadline; what was not written is dropped and counted."""
        with Service(BIN, "stderr:", stderr=subprocess.PIPE) as service:
            service.tell("spans 5000")
            stats = service.finish(300)
            self.assertGreater(stats["dropped"], 0)
            written = len(service.process.stderr.read().splitlines())
            self.assertEqual(stats["acknowledged"], written)

    def test_a_reader_that_has_gone(self):
        read, write = os.pipe()
        with Service(BIN, "stderr:", stderr=write) as service:
            os.close(write)
            os.close(read)
            service.tell("spans 5")
            stats = service.finish()
            self.assertEqual((stats["acknowledged"], stats["refused"]), (0, 5))


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    unittest.main()
