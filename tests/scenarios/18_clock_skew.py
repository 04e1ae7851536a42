#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two services whose clocks are minutes apart: their trace is shown as one, with a note; counts are right; status and
doctor say whose clock is off."""
import sys
import time
import unittest

import sp
from collector import Collector, eventually
from postgres import Postgres

S = 1_000_000_000
SERVER, CLIENT = 2, 3  # kinds
ENDPOINT, HTTP = 1, 3  # types of operation
REQUESTS = 5


class ClockSkew(unittest.TestCase):
    def send(self, back_ahead_ns):
        """So many requests of `front`, each with a call to `back`, whose clock is ahead by so much (or behind)."""
        now_ns = time.time_ns()
        with sp.Peer(self.collector.nng) as peer:
            for i in range(1, REQUESTS + 1):
                front = [sp.Span(1, 0, SERVER, ENDPOINT, "", "GET /page", now_ns - S, S // 2),
                         sp.Span(2, 1, CLIENT, HTTP, "back", "GET /part", now_ns - S + 1000, S // 4)]
                back = [sp.Span(3, 2, SERVER, ENDPOINT, "", "GET /part", now_ns - S + 2000 + back_ahead_ns, S // 5)]
                for producer, service, spans in ((11, "front", front), (12, "back", back)):
                    body = sp.spans_batch(service, producer, i, i.to_bytes(16, "big"), spans)
                    self.assertEqual(peer.ask(i, body)[0], sp.STORED)

    def check(self, back_ahead_ns, clock):
        postgres = self.enterContext(Postgres())
        self.collector = self.enterContext(Collector(BIN, dsn=postgres.dsn))
        self.send(back_ahead_ns)
        eventually(lambda: self.collector.json("/status")["requests"] == 2 * REQUESTS, "all requests are analysed")
        rows = {row["service"]: (row["count"], row["calls"]["http"], row["p50_ms"] or row["max_ms"])
                for row in self.collector.json("/requests")["requests"]}
        self.assertEqual(rows, {"front": (REQUESTS, 1, 500), "back": (REQUESTS, 0, 200)})
        trace = f"{1:032x}"
        self.assertTrue(self.collector.json("/trace/" + trace)["complete"])
        text = self.collector.weir("trace", trace).stdout
        self.assertIn("back: GET /part", text)
        self.assertIn("clocks differ", text)
        clocks = {p["service"]: p["clock"] for p in self.collector.json("/status")["producers"]}
        self.assertEqual(clocks, {"front": "fine", "back": clock})
        self.assertRegex(self.collector.weir("status").stdout, "back: its (clock|spans)")
        self.assertRegex(self.collector.weir("doctor").stdout, "problem +clock +.*back")

    def test_ahead(self):
        self.check(7 * 60 * S, "ahead")

    def test_behind(self):
        self.check(-7 * 60 * S, "late")


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
