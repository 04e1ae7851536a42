#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the service to the reader: events, links and what an error says; and of a sampled service a report of the whole."""
import os
import subprocess
import sys
import unittest

from collector import Collector, DataFolder, eventually

REQUESTS = 1000
DEVIATION = (REQUESTS * 3) ** 0.5  # of the estimate: each request is kept with 1/4, and counts 4


class EventsAndSampling(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = DataFolder()
        cls.collector = Collector(BIN, cls.folder.__enter__())
        cls.whole = cls.serve("whole")
        cls.part = cls.serve("part", OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.25")
        eventually(lambda: cls.collector.json("/status")["traces_pending"] == 0, "all traces are analysed")
        eventually(lambda: len(cls.collector.json("/requests")["requests"]) == 2, "both services are in the report")

    @classmethod
    def tearDownClass(cls):
        cls.collector.__exit__(None, None, None)
        cls.folder.__exit__(None, None, None)

    @classmethod
    def serve(cls, service, **environment):
        run = subprocess.run([os.path.join(os.path.dirname(BIN), "tests", "eventful"), str(REQUESTS)],
                             env={**os.environ, "WEIR_ENDPOINT": cls.collector.nng, "OTEL_SERVICE_NAME": service,
                                  **environment}, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
        created, sampled_away = map(int, run.stdout.split())
        return {"created": created, "sampled_away": sampled_away}

    def row(self, service):
        return next(row for row in self.collector.json("/requests")["requests"] if row["service"] == service)

    def near(self, estimate, truth, deviation=DEVIATION):
        self.assertLess(abs(estimate - truth), 6 * deviation)

    def test_the_whole_is_exact(self):
        row = self.row("whole")
        self.assertEqual((row["count"], row["recorded"], row["errors"]), (REQUESTS, REQUESTS, (REQUESTS + 2) // 3))
        self.assertEqual(self.whole["sampled_away"], 0)

    def test_the_sample_is_a_report_of_the_whole(self):
        row = self.row("part")
        self.assertEqual(row["recorded"] + self.part["sampled_away"], REQUESTS)
        self.assertEqual(row["count"], 4 * row["recorded"])
        self.near(row["count"], REQUESTS)
        self.near(row["errors"], REQUESTS / 3)
        text = self.collector.weir("report").stdout
        self.assertIn("estimated from", text)

    def test_findings_are_of_the_whole(self):
        for service in ("whole", "part"):
            (finding,) = [f for f in self.collector.json("/findings")["findings"] if f["service"] == service]
            share = finding["requests"] / finding["requests_seen"]
            self.assertLess(abs(share - 0.5), 6 * 0.5 / finding["recorded"] ** 0.5)
        self.assertLess(finding["recorded"], finding["requests"])

    def test_who_sampled_away_is_told(self):
        producers = {producer["service"]: producer for producer in self.collector.json("/status")["producers"]}
        self.assertEqual(producers["part"]["sampled_away"]["by_sampler"], self.part["sampled_away"])
        self.assertEqual(producers["whole"]["sampled_away_total"], 0)
        self.assertIn("by the sampler", self.collector.weir("status").stdout)
        self.assertIn("sampled away by the service's sampler", self.collector.weir("doctor").stdout)

    def test_a_trace_has_its_events_and_links(self):
        trace = [f for f in self.collector.json("/findings")["findings"] if f["service"] == "part"][0]["trace_ids"][0]
        spans = self.collector.json("/trace/" + trace)["spans"]
        request, call = spans[0], spans[1]
        self.assertEqual([event["name"] for event in request["events"]], ["started"])
        self.assertEqual(request["events"][0]["attributes"]["number"] % 2, 0)
        (link,) = request["span_links"]
        self.assertEqual((link["trace_id"], link["span_id"], link["attributes"]),
                         ("cafe" + "0" * 28, "beef" + "0" * 12, {"queue": "mail"}))
        self.assertEqual((request["weight"], request["sampling_threshold"]), (4.0, "c"))
        self.assertEqual([event["name"] for event in call["events"]], ["sent"])
        for span in spans:
            for event in span["events"]:
                self.assertTrue(0 <= event["time_ns"] - span["start_ns"] <= span["duration_ns"])
        text = self.collector.weir("trace", trace).stdout
        for part in ("stands for 4 like it", "• started", "linked to trace cafe", "number=", "6 events: sent ×6"):
            self.assertIn(part, text)

    def test_an_error_says_what_happened(self):
        slowest = self.collector.sql("SELECT trace_id FROM weir.request WHERE error LIMIT 1").replace("-", "")
        (request, *_) = self.collector.json("/trace/" + slowest)["spans"]
        self.assertEqual((request["status"], request["status_message"]), ("error", "the bank did not answer"))
        self.assertIn("failed: timeout, the bank did not answer", self.collector.weir("trace", slowest).stdout)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
