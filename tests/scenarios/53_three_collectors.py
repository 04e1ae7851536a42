#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three collectors on one database, killed at random while services send: nothing acknowledged is lost or there twice, and what
they drew from it together is what one collector draws from the same spans."""
import os
import random
import sys
import unittest

from collector import Collector, Load, assert_adds_up, eventually
from postgres import Postgres

KILLS = 6
LATE = ("--quiet-without-root-ms", "2000", "--forget-interval-ms", "100")

# All traces are to be analysed anew, by whoever is there.
AGAIN = """TRUNCATE weir.contribution;
INSERT INTO weir.arrival (received_ns, traces)
    SELECT 1, string_agg(uuid_send(trace_id), '') FROM (SELECT trace_id, row_number() OVER () / 1000 AS part
        FROM (SELECT DISTINCT trace_id FROM weir.fragment) t) p GROUP BY part"""


class ThreeCollectors(unittest.TestCase):
    def setUp(self):
        self.postgres = self.enterContext(Postgres())
        seed = int(os.environ.get("WEIR_TEST_SEED", random.randrange(1 << 30)))
        print("WEIR_TEST_SEED =", seed, file=sys.stderr)
        self.random = random.Random(seed)

    def collector(self, listen="tcp://127.0.0.1:0"):
        return Collector(BIN, dsn=self.postgres.dsn, listen=listen, options=LATE)

    def report(self, collector):
        eventually(lambda: collector.json("/status")["traces_pending"] == 0, "all traces are analysed")
        findings = collector.json("/findings")["findings"]
        for finding in findings:
            finding.pop("trace_ids")  # a choice of many
        return collector.json("/requests"), findings

    def test_killed_at_random(self):
        collectors = [self.collector() for _ in range(3)]
        urls = [collector.nng for collector in collectors]
        loads = [Load(BIN, ",".join(urls[i:] + urls[:i]), threads=1, rate=100) for i in range(3)]
        for _ in range(KILLS):
            load = self.random.choice(loads)
            before = load.stats()["acknowledged"]
            eventually(lambda: load.stats()["acknowledged"] > before + 200, "spans flow")
            victim = self.random.randrange(3)
            collectors[victim].kill()
            collectors[victim] = self.collector(urls[victim])
        stats = [load.finish(30000) for load in loads]
        for one, load in zip(stats, loads):
            load.__exit__()
            assert_adds_up(one)
            self.assertEqual(one["in_flight"], 0)
        for collector in collectors:
            collector.settle()
        total, distinct = collectors[0].spans()
        self.assertEqual(total, distinct)
        self.assertEqual(total, sum(one["acknowledged"] for one in stats))
        together = self.report(collectors[0])
        self.assertEqual(self.report(collectors[1]), together)
        for collector in collectors:
            collector.__exit__(None, None, None)
        self.assertTrue(together[0]["requests"])
        self.postgres.sql(AGAIN)
        with self.collector() as alone:
            self.assertEqual(self.report(alone), together)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
