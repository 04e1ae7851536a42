#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main road: spans of a service under load are stored once, counted exactly, and read back by every command."""
import json
import sys
import unittest

from collector import Collector, DataFolder, Load, assert_adds_up, eventually

REQUESTS, THREADS, SPANS_A_REQUEST, CALLS_A_REQUEST = 300, 2, 8, 6


class SpansArrive(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = DataFolder()
        cls.collector = Collector(BIN, cls.folder.__enter__())
        with Load(BIN, cls.collector.nng, threads=THREADS, requests=REQUESTS) as load:
            eventually(lambda: load.stats()["created"] == REQUESTS * THREADS * SPANS_A_REQUEST, "all requests are made")
            cls.running = load.stats()
            cls.stats = load.finish(10000)
        eventually(lambda: cls.collector.json("/status")["traces_pending"] == 0, "all traces are analysed")

    @classmethod
    def tearDownClass(cls):
        cls.collector.__exit__(None, None, None)
        cls.folder.__exit__(None, None, None)

    def test_every_span_is_acknowledged(self):
        assert_adds_up(self.running)
        assert_adds_up(self.stats)
        self.assertEqual(self.stats["created"], REQUESTS * THREADS * SPANS_A_REQUEST)
        self.assertEqual(self.stats["acknowledged"], self.stats["created"])
        self.assertEqual(self.stats["status"], "done")

    def test_every_span_is_in_postgres_once(self):
        self.assertEqual(self.collector.spans(), (self.stats["created"], self.stats["created"]))

    def test_the_counts_of_a_request_are_exact(self):
        (row,) = self.collector.json("/requests")["requests"]
        self.assertEqual((row["service"], row["endpoint"], row["count"]), ("load", "GET /load/{id}", REQUESTS * THREADS))
        self.assertEqual(row["calls"], {"db": CALLS_A_REQUEST, "http": 0, "cache": 0})

    def test_the_loop_is_found_in_every_request(self):
        (finding,) = self.collector.json("/findings")["findings"]
        self.assertEqual((finding["kind"], finding["count"], finding["requests"]),
                         ("n_plus_one_query", CALLS_A_REQUEST, REQUESTS * THREADS))
        self.assertEqual(finding["call_site"]["function"], "query")

    def test_every_command_answers_in_text_and_json(self):
        trace = self.collector.json("/findings")["findings"][0]["trace_ids"][0]
        for command in (["report"], ["requests"], ["findings"], ["status"], ["trace", trace], ["findings", "--trace", trace],
                        ["trace", "--slowest", "GET /load/{id}"]):
            with self.subTest(command=command):
                text = self.collector.weir(*command)
                self.assertEqual((text.returncode, text.stderr), (0, ""))
                self.assertNotIn("\x1b", text.stdout)
                self.assertTrue(text.stdout)
                as_json = self.collector.weir(*command, "--json")
                self.assertEqual(as_json.returncode, 0)
                json.loads(as_json.stdout)

    def test_curl_gets_the_same_text_as_weir(self):
        status, text = self.collector.get("/requests?width=100")
        self.assertEqual(status, 200)
        self.assertIn("GET /load/{id}", text)
        self.assertIn("GET /load/{id}", self.collector.weir("requests").stdout)

    def test_a_trace_has_all_its_spans(self):
        trace = self.collector.json("/findings")["findings"][0]["trace_ids"][0]
        spans = self.collector.json("/trace/" + trace)["spans"]
        self.assertEqual(len(spans), SPANS_A_REQUEST)
        self.assertEqual({span["attributes"].get("load.word") for span in spans}, {None, "some text"})


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
