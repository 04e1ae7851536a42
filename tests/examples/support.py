# SPDX-License-Identifier: Apache-2.0
"""What the tests of the examples share: where things are, and the spans that a service has sent."""
import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples")
sys.path.insert(0, os.path.join(HERE, "..", "support"))
os.environ["OTEL_SDK_DISABLED"] = "true"  # a collector that happens to run here is no business of tests

from service import Service  # noqa: E402

SPAN, ENDPOINT, DB, HTTP, CACHE, CONNECT = range(6)


class Receiver(Service):
    """The program span_dump: a plain nng socket that takes what services send."""

    def environment(self):
        return {"WEIR_ENDPOINT": self.url, "OTEL_SDK_DISABLED": "false"}

    def spans(self):
        """Stops it and returns what came. Stop the services first: their shutdown sends what is left."""
        self.process.send_signal(signal.SIGTERM)
        text, _ = self.process.communicate(timeout=60)
        return [json.loads(line) for line in text.splitlines()]


def expected(example):
    with open(os.path.join(EXAMPLES, example, "expected.json"), encoding="utf-8") as file:
        return json.load(file)


def by_trace(spans, version):
    """Traces of one stage: {trace id: spans}, without those that are no request (a connect, for one)."""
    traces = {}
    for span in spans:
        traces.setdefault(span["trace"], []).append(span)
    return {trace: members for trace, members in traces.items()
            if any(s["type"] == ENDPOINT and s["version"] == version for s in members)}


def counts(spans, types=(DB, HTTP, CACHE)):
    """{operation text: calls} of calls of these types, HTTP without its host."""
    found = {}
    for span in spans:
        if span["type"] in types:
            found[span["text"]] = found.get(span["text"], 0) + 1
    return found


def calls(spans):
    """As expected.json counts them."""
    return {name: sum(span["type"] == kind for span in spans) for name, kind in (("db", DB), ("http", HTTP), ("cache", CACHE))}


def run_usage(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False)
