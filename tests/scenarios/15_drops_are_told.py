#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spans that come faster than a small ring can take them are dropped, counted, and told in status and report."""
import sys
import unittest

from collector import Collector, DataFolder, Load, assert_adds_up, eventually


class DropsAreTold(unittest.TestCase):
    def test_a_ring_that_is_too_small(self):
        with DataFolder() as folder, Collector(BIN, folder) as collector:
            with Load(BIN, collector.nng, environment={"WEIR_RING_BYTES": "16384"}) as load:
                eventually(lambda: load.stats()["dropped"] > 1000, "spans are dropped")
                dropped = load.stats()["dropped"]  # some of these are told with the next batch
                acknowledged = load.stats()["acknowledged"]
                eventually(lambda: load.stats()["acknowledged"] > acknowledged + 1000, "further batches are sent")
                stats = load.finish(10000)
            assert_adds_up(stats)
            (producer,) = collector.json("/status")["producers"]
            told = sum(producer["dropped"].values())
            self.assertGreaterEqual(told, dropped)
            self.assertLessEqual(told, stats["dropped"])
            self.assertGreater(producer["dropped"]["ring_full"], 0)
            self.assertEqual(producer["stored"], stats["acknowledged"])
            eventually(lambda: "GET /load/{id}" in collector.weir("report").stdout, "the report has the endpoint")
            self.assertIn("dropped", collector.weir("report").stdout)
            self.assertIn("ring full", collector.weir("status").stdout)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
