#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A short storm of kills, and an outage of some seconds' worth of load (kill_storm.py has the long ones)."""
import random
import sys
import unittest

import kill_storm


class Kills(unittest.TestCase):
    def test_whatever_is_killed_nothing_is_lost_or_stored_twice(self):
        seed = random.SystemRandom().getrandbits(32)
        with self.subTest(seed=seed):
            killed, _ = kill_storm.storm(BIN, 6, 2000, random.Random(seed))
            self.assertEqual(sum(killed.values()), 6)

    def test_an_outage_with_a_kill_in_its_middle(self):
        kept, *_ = kill_storm.outage(BIN, 40000)
        self.assertGreater(kept["batches"], 0)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
