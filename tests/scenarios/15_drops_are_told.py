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
                acknowledged = load.stats()["acknowledged"]
                eventually(lambda: load.stats()["acknowledged"] > acknowledged + 1000, "further batches are sent")
                stats = load.finish(10000)
            assert_adds_up(stats)
            (producer,) = collector.json("/status")["producers"]
            told = sum(producer["dropped"].values())
            self.assertEqual(told, stats["dropped"])  # also those that no span followed
            self.assertGreater(producer["dropped"]["ring_full"], 0)
            self.assertEqual(producer["stored"], stats["acknowledged"])
            eventually(lambda: "GET /load/{id}" in collector.weir("report").stdout, "the report has the endpoint")
            self.assertIn("dropped", collector.weir("report").stdout)
            self.assertIn("ring full", collector.weir("status").stdout)

    def test_a_service_that_is_idle_again(self):
        """Its last drops do not wait for its next span."""
        with DataFolder() as folder, Collector(BIN, folder) as collector:
            with Load(BIN, collector.nng, requests=5000, environment={"WEIR_RING_BYTES": "16384"}) as load:
                eventually(lambda: load.stats()["created"] == 5000 * 2 * 8 and not load.stats()["in_flight"], "it is done")
                dropped = load.stats()["dropped"]
                self.assertGreater(dropped, 0)
                eventually(lambda: [sum(producer["dropped"].values()) for producer in
                                    collector.json("/status")["producers"]] == [dropped], "all drops are told")
                assert_adds_up(load.finish(10000))


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
