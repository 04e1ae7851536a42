#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""context_examples_test.py BIN_FOLDER: spans of other threads, of jobs and of an event loop hang where they belong; and
docs/libweir.md shows the examples as they are."""
import os
import re
import subprocess
import sys
import unittest

from support import DB, ENDPOINT, EXAMPLES, SPAN, Receiver

BIN = sys.argv.pop(1)


def run(example):
    with Receiver([BIN + "/span_dump"]) as receiver:
        output = subprocess.run([f"{BIN}/context_{example}"], env={**os.environ, **receiver.environment()}, check=True,
                                stdout=subprocess.PIPE, text=True, timeout=60).stdout
        return int(output), receiver.spans()


def named(spans, text):
    return [span for span in spans if span["text"] == text]


class Examples(unittest.TestCase):
    def assert_children(self, spans, parents):
        """Each has one of these for its parent, in its trace."""
        of = {parent["id"]: parent for parent in parents}
        for span in spans:
            self.assertEqual(span["trace"], of[span["parent"]]["trace"])

    def test_threads(self):
        answer, spans = run("threads")
        self.assertEqual(answer, 999 * 1000 // 2)
        request, = named(spans, "GET /sum")
        parts = named(spans, "add up a part")
        self.assertEqual([part["parent"] for part in parts], [request["id"]] * 2)
        self.assertEqual(len(spans), 3)

    def test_queue(self):
        done, spans = run("queue")
        requests, jobs, batches = (named(spans, text) for text in ("POST /jobs", "do a job", "do jobs"))
        self.assertEqual((done, len(requests), len(jobs)), (6, 6, 6))
        self.assert_children(jobs, requests)
        self.assertEqual(len({job["parent"] for job in jobs}), 6)
        self.assertEqual({batch["parent"] for batch in batches}, {"0" * 16})
        self.assertEqual(len(spans), 12 + len(batches))

    def test_event_loop(self):
        answered, spans = run("event_loop")
        requests = named(spans, "GET /items/{id}")
        calls = [span for span in spans if span["type"] == DB]
        renders = [span for span in spans if span["type"] == SPAN]
        self.assertEqual([answered, len(requests), len(calls), len(renders)], [200] * 4)
        for children in (calls, renders):
            self.assert_children(children, requests)
            self.assertEqual(len({span["parent"] for span in children}), 200)
        self.assertEqual({span["type"] for span in requests}, {ENDPOINT})

    def test_manual_quotes_them(self):
        with open(os.path.join(EXAMPLES, "..", "docs", "libweir.md"), encoding="utf-8") as file:
            manual = file.read()
        for example in ("threads", "queue", "event_loop"):
            with open(os.path.join(EXAMPLES, "context", example + ".c"), encoding="utf-8") as file:
                quote = re.search(r"/\* doc: .*? \*/\n(.*?)/\* doc: end \*/", file.read(), re.DOTALL).group(1)
            indented = "".join("    " + line if line.strip() else line for line in quote.splitlines(True))
            self.assertIn(indented, manual, f"docs/libweir.md does not show examples/context/{example}.c as it is")


if __name__ == "__main__":
    unittest.main()
