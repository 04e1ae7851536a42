#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the collector, and of its Postgres, while services send: what was acknowledged is in Postgres, once."""
import os
import signal
import sys
import unittest

from collector import Collector, DataFolder, Load, assert_adds_up, eventually

KILLS = 4


def postgres_pid(folder):
    with open(os.path.join(folder, "postgres", "postmaster.pid"), encoding="ascii") as file:
        return int(file.readline())


class CollectorKilled(unittest.TestCase):
    def check_stored(self, collector, stats):
        assert_adds_up(stats)
        self.assertEqual(stats["in_flight"], 0)
        collector.settle()
        total, distinct = collector.spans()
        self.assertEqual(total, distinct)
        self.assertEqual(distinct, stats["acknowledged"])

    def test_kill_in_mid_load(self):
        with DataFolder() as folder:
            collector = Collector(BIN, folder)
            endpoint = collector.nng
            with Load(BIN, endpoint, threads=2, rate=400) as load:
                for kill in range(KILLS):
                    before = load.stats()["acknowledged"]
                    eventually(lambda: load.stats()["acknowledged"] > before + 500, f"spans flow before kill {kill}")
                    collector.kill()
                    assert_adds_up(load.stats())
                    collector = Collector(BIN, folder, listen=endpoint)
                stats = load.finish(20000)
            self.assertGreater(stats["acknowledged"], 500 * KILLS)
            self.check_stored(collector, stats)
            collector.__exit__(None, None, None)

    def test_postgres_killed_in_mid_load(self):
        with DataFolder() as folder, Collector(BIN, folder) as collector:
            with Load(BIN, collector.nng, threads=2, rate=400) as load:
                for kill in range(2):
                    before = load.stats()["acknowledged"]
                    eventually(lambda: load.stats()["acknowledged"] > before + 500, f"spans flow before kill {kill}")
                    os.kill(postgres_pid(folder), signal.SIGKILL)
                before = load.stats()["acknowledged"]
                eventually(lambda: load.stats()["acknowledged"] > before + 500, "spans flow again")
                stats = load.finish(20000)
            self.check_stored(collector, stats)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
