#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service without a collector, or with one that hangs, works on as before and ends within its deadline.

No time is measured here: a service that waited for its collector would not answer within the (generous) deadlines of the
pipes, since the collector never comes back.
"""
import signal
import socket
import sys
import unittest

from collector import Collector, DataFolder, Load, assert_adds_up, eventually


class CollectorAbsent(unittest.TestCase):
    def load_goes_on_and_ends(self, load, acknowledged):
        before = load.stats()["created"]
        eventually(lambda: load.stats()["created"] > before + 100000, "the service works on")
        stats = load.finish(500)
        assert_adds_up(stats)
        self.assertEqual(stats["in_flight"], 0)
        self.assertEqual(stats["acknowledged"], acknowledged)
        self.assertGreater(stats["dropped"], 0)
        self.assertIn("deadline", stats["status"])

    def test_nobody_listens(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, not listening: connecting is refused
            with Load(BIN, "tcp://127.0.0.1:%d" % taken.getsockname()[1]) as load:
                self.load_goes_on_and_ends(load, acknowledged=0)

    def test_somebody_listens_and_never_speaks(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            with Load(BIN, "tcp://127.0.0.1:%d" % silent.getsockname()[1]) as load:
                self.load_goes_on_and_ends(load, acknowledged=0)

    def test_the_collector_is_stopped_in_mid_load(self):
        with DataFolder() as folder, Collector(BIN, folder) as collector:
            with Load(BIN, collector.nng, rate=200) as load:
                eventually(lambda: load.stats()["acknowledged"] > 500, "spans flow")
                collector.signal(signal.SIGSTOP)
                try:
                    before = load.stats()["created"]
                    eventually(lambda: load.stats()["created"] > before + 3000, "the service works on")
                    stats = load.finish(500)
                finally:
                    collector.signal(signal.SIGCONT)
            assert_adds_up(stats)
            self.assertEqual(stats["in_flight"], 0)
            self.assertGreater(stats["dropped"], 0)
            # What was on its way may be stored without the service knowing; never the other way round.
            eventually(lambda: collector.spans()[1] >= stats["acknowledged"],
                       "what was acknowledged is stored")


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
