#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spans over a Unix socket; and two collectors on one database, of which one is killed in mid-load: the other takes over,
and every acknowledged span is there once."""
import os
import sys
import unittest

from collector import Collector, DataFolder, Load, assert_adds_up, eventually
from postgres import Postgres


class OtherWaysIn(unittest.TestCase):
    def assert_all_stored_once(self, collector, stats):
        assert_adds_up(stats)
        self.assertEqual((stats["in_flight"], stats["dropped"]), (0, 0))
        self.assertEqual(collector.spans(), (stats["acknowledged"], stats["acknowledged"]))

    def test_a_unix_socket(self):
        with DataFolder() as folder:
            endpoint = "ipc://" + os.path.join(os.path.dirname(folder), "nng")
            with Collector(BIN, folder, listen=endpoint) as collector:
                self.assertEqual(collector.nng, endpoint)
                with Load(BIN, endpoint, requests=200) as load:
                    eventually(lambda: load.stats()["created"] == 200 * 2 * 8, "all requests are made")
                    stats = load.finish(10000)
                self.assertEqual(stats["acknowledged"], stats["created"])
                self.assert_all_stored_once(collector, stats)

    def test_another_collector_takes_over(self):
        with Postgres() as postgres:
            collectors = [Collector(BIN, dsn=postgres.dsn) for _ in range(2)]
            with Load(BIN, ",".join(collector.nng for collector in collectors), rate=200) as load:
                eventually(lambda: load.stats()["acknowledged"] > 500, "spans flow")
                busy = next(i for i, collector in enumerate(collectors) if collector.counter("batches_stored"))
                collectors[busy].kill()
                before = load.stats()["acknowledged"]
                eventually(lambda: load.stats()["acknowledged"] > before + 500, "spans flow to the other")
                stats = load.finish(10000)
            with collectors[1 - busy] as left:
                self.assertGreater(left.counter("batches_stored"), 0)
                self.assert_all_stored_once(left, stats)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
