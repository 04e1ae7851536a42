#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spans of old days go while a service sends, reports stay, what comes too late is refused and counted, and a service with
too many names gets some of them folded."""
import os
import subprocess
import sys
import time
import unittest

from collector import Collector, Load, assert_adds_up, eventually
from postgres import Postgres
from sp import REFUSED, STORED, Peer, Span, spans_batch

DAY_NS = 86400 * 10**9
NOTHING_LEFT = "all its spans are of days that are no longer kept"


def request(producer, sequence, days_ago, names=("GET /old",)):
    """A trace of one request for each name, that began so many days ago."""
    start_ns = time.time_ns() - days_ago * DAY_NS
    spans = [Span(producer << 20 | sequence << 10 | i + 1, 0, 2, 1, "", name, start_ns + i * 10**6, 10**6)
             for i, name in enumerate(names)]
    return spans_batch("shop", producer, sequence, os.urandom(16), spans)


class Keeping(unittest.TestCase):
    def setUp(self):
        self.postgres = self.enterContext(Postgres())

    def collector(self, *options):
        return self.enterContext(Collector(BIN, dsn=self.postgres.dsn, options=("--forget-interval-ms", "50", *options)))

    def ask(self, collector, *batch, **more):
        with Peer(collector.nng) as peer:
            return peer.ask(1, request(*batch, **more))

    def endpoints(self, collector):
        return {row["endpoint"]: row["count"] for row in collector.json("/requests")["requests"]}

    def test_an_old_day_goes_while_spans_come(self):
        collector = self.collector("--keep-spans-days", "30", "--keep-reports-days", "60")
        self.assertEqual(self.ask(collector, 7, 1, 5)[0], STORED)
        eventually(lambda: self.endpoints(collector) == {"GET /old": 1}, "the old request is analysed")
        trace = self.postgres.sql("SELECT replace(trace_id::text, '-', '') FROM weir.contribution")
        self.assertEqual(collector.get("/trace/" + trace)[0], 200)
        with Load(BIN, collector.nng, threads=2, rate=200) as load:
            eventually(lambda: load.stats()["acknowledged"] > 100, "spans come")
            shorter = self.collector("--keep-spans-days", "2", "--keep-reports-days", "60")
            eventually(lambda: shorter.counter("days_forgotten") == 1, "the day is dropped")
            stats = load.finish(30000)
        assert_adds_up(stats)
        self.assertEqual(stats["dropped"], 0)
        self.assertEqual(collector.get("/trace/" + trace)[0], 404)
        self.assertEqual(self.endpoints(collector)["GET /old"], 1)  # the report goes on

        status, reason, _ = self.ask(collector, 7, 2, 5)
        self.assertEqual((status, reason), (REFUSED, NOTHING_LEFT))
        self.assertEqual(self.ask(collector, 7, 3, 1)[0], STORED)
        self.assertEqual(self.ask(collector, 7, 1, 5)[0], STORED)  # sent again: it was, in time
        self.assertEqual(collector.counter("spans_refused_late"), 1)
        self.assertIn("no longer kept", collector.weir("doctor").stdout)

    def test_the_database_stays_as_large_as_it_may_be(self):
        collector = self.collector("--keep-spans-bytes-max", "1")
        for sequence, days_ago in enumerate((3, 2, 1, 0), 1):
            status = self.ask(collector, 7, sequence, days_ago)[0]
            self.assertIn(status, (STORED, REFUSED) if days_ago else (STORED,))
        eventually(lambda: self.postgres.sql("SELECT count(*) FROM weir.day WHERE day < current_date") == "0",
                   "all days but the present are gone")
        self.assertEqual(self.postgres.sql("SELECT count(*) FROM weir.span"), "1")

    def test_too_many_names_are_one(self):
        collector = self.collector("--operations-max", "10", "--endpoints-max", "5")
        self.assertEqual(self.ask(collector, 7, 1, 0, names=[f"GET /user/{i}" for i in range(50)])[0], STORED)
        eventually(lambda: sum(self.endpoints(collector).values()) == 50, "all requests are analysed")
        endpoints = self.endpoints(collector)
        self.assertEqual(len(endpoints), 6)
        self.assertEqual(endpoints["(other endpoints)"], 45)
        self.assertEqual(collector.counter("operations_folded"), 40)
        self.assertIn("(other operations)", collector.weir("doctor").stdout)

    def test_settings_that_contradict_each_other(self):
        for options, says in ((("--keep-spans-days", "10", "--keep-reports-days", "5"), "--keep-reports-days"),
                              (("--keep-batches-days", "3"), "--spool-age-max-s"),
                              (("--operations-max", "0"), "operations_max")):
            run = subprocess.run([BIN + "/weir-collector", "--postgres", self.postgres.dsn, *options],
                                 capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 2)
            self.assertIn(says, run.stderr)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
