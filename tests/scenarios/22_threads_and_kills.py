#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sixteen threads make spans while their collector is killed and restarted: every span that was created is acknowledged or
counted as dropped, exactly, and what was acknowledged is in Postgres, once.

50,000 spans a thread; WEIR_FULL=1 plays a million a thread (in a release build, some two minutes).
"""
import os
import sys
import unittest

from collector import Collector, DataFolder, Load, assert_adds_up, eventually

FULL = os.environ.get("WEIR_FULL") == "1"
THREADS = 16
SPANS_OF_A_REQUEST = 8
REQUESTS = (1_000_000 if FULL else 50_000) // SPANS_OF_A_REQUEST  # of a thread
RATE = 2000  # requests a second, of a thread
CREATED = THREADS * REQUESTS * SPANS_OF_A_REQUEST
KILLS = 12 if FULL else 3
DEADLINE_S = 600 if FULL else 120


class ThreadsAndKills(unittest.TestCase):
    def test_created_is_acknowledged_or_dropped(self):
        with DataFolder() as folder:
            collector = Collector(BIN, folder)
            endpoint = collector.nng
            with Load(BIN, endpoint, threads=THREADS, rate=RATE, requests=REQUESTS) as load:
                for kill in range(1, KILLS + 1):
                    eventually(lambda: load.stats()["created"] >= CREATED * kill // (KILLS + 1), "spans are made", DEADLINE_S)
                    before = load.stats()["acknowledged"]
                    eventually(lambda: load.stats()["acknowledged"] > before, f"spans flow before kill {kill}")
                    collector.kill()
                    assert_adds_up(load.stats())
                    collector = Collector(BIN, folder, listen=endpoint)
                eventually(lambda: load.stats()["created"] == CREATED, "all spans are made", DEADLINE_S)
                stats = load.finish(60000, DEADLINE_S)
            assert_adds_up(stats)
            self.assertEqual((stats["created"], stats["in_flight"]), (CREATED, 0))
            self.assertEqual(stats["created"], stats["acknowledged"] + stats["dropped"])
            self.assertGreater(stats["acknowledged"], 0)
            (producer,) = collector.json("/status")["producers"]
            self.assertEqual(sum(producer["dropped"].values()), stats["dropped"])
            self.assertEqual(producer["stored"], stats["acknowledged"])
            total, distinct = collector.spans()
            self.assertEqual((total, distinct), (stats["acknowledged"], stats["acknowledged"]))
            print(f"{stats} stored: {total}")
            collector.__exit__(None, None, None)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
