#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody's Postgres is stopped, and killed, and comes back while services send: the collector stays, batches
are acknowledged out of its spool, and everything is stored once and counted."""
import sys
import unittest

from collector import Collector, Load, assert_adds_up, eventually
from postgres import Postgres


class DatabaseRestart(unittest.TestCase):
    def restart_under_load(self, end):
        with Postgres({"fsync": "on"}) as postgres, Collector(BIN, dsn=postgres.dsn) as collector:
            with Load(BIN, collector.nng, threads=2, rate=200) as load:
                for _ in range(2):
                    before = load.stats()["acknowledged"]
                    eventually(lambda: load.stats()["acknowledged"] > before + 500, "spans flow")
                    end(postgres)
                    created = load.stats()["created"]
                    eventually(lambda: load.stats()["acknowledged"] > created + 300, "the spool acknowledges")
                    self.assertEqual(collector.get("/healthz")[0], 200)
                    self.assertEqual(collector.get("/readyz")[0], 503)
                    self.assertIn("problem  database", collector.weir("doctor").stdout)
                    status = collector.json("/status")
                    self.assertTrue(status["database_away"])
                    self.assertGreater(status["spool"]["batches"], 0)
                    self.assertIn("acknowledged and not in the", collector.weir("status").stdout)
                    postgres.start()
                before = load.stats()["acknowledged"]
                eventually(lambda: load.stats()["acknowledged"] > before + 500, "spans flow again")
                stats = load.finish(20000)
            assert_adds_up(stats)
            self.assertEqual((stats["dropped"], stats["in_flight"]), (0, 0))
            collector.settle()
            self.assertEqual(collector.spans(), (stats["created"], stats["created"]))
            eventually(lambda: collector.json("/status")["traces_pending"] == 0, "all traces are analysed")
            (row,) = collector.json("/requests")["requests"]
            self.assertEqual((row["count"], row["calls"]["db"]), (stats["created"] // 8, 6))
            self.assertGreater(collector.counter("spool_batches_kept"), 0)
            self.assertEqual(collector.counter("batches_retried"), 0)
            self.assertEqual(collector.counter("spool_batches_drained"), collector.counter("spool_batches_kept"))

    def test_stopped_and_started(self):
        self.restart_under_load(Postgres.stop)

    def test_killed_and_started(self):
        self.restart_under_load(Postgres.kill)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
