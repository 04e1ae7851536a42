#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service that stands still in mid-request sends the rest after its trace was analysed: the trace is analysed again, and
every count is that of the whole, never of both."""
import signal
import sys
import threading
import unittest

from collector import Collector, eventually
from postgres import Postgres
from service import Service

CALLS = 50  # of GET /stock/{id} in one request of the stage before


class LateSpans(unittest.TestCase):
    def setUp(self):
        postgres = self.enterContext(Postgres())
        self.collector = self.enterContext(Collector(BIN, dsn=postgres.dsn, options=("--quiet-without-root-ms", "500")))
        environment = {"WEIR_ENDPOINT": self.collector.nng}
        inventory, pricing = (self.enterContext(Service([BIN + name], environment)) for name in ("/inventory", "/pricing"))
        self.products = self.enterContext(
            Service([BIN + "/products", "--stage", "before", "--db", postgres.dsn, "--inventory", inventory.url,
                     "--pricing", pricing.url], environment))

    def counts(self):
        return {row["service"]: (row["count"], row["calls"]["db"], row["calls"]["http"])
                for row in self.collector.json("/requests")["requests"]}

    def calls_seen(self):
        """Calls of stock that are stored and analysed."""
        return self.counts().get("inventory", (0, 0, 0))[0]

    def fragments(self):
        return int(self.collector.sql("SELECT coalesce(sum(fragment_count), 0) FROM weir.contribution"))

    def test_the_rest_of_a_trace(self):
        asking = threading.Thread(target=self.products.get, args=("/api/products",))
        asking.start()
        try:
            eventually(lambda: int(self.collector.sql("SELECT count(*) FROM weir.span WHERE service = 'products'")) > 5,
                       "a part of the request has arrived")
            self.products.process.send_signal(signal.SIGSTOP)
            eventually(lambda: self.calls_seen() > 0 and self.collector.json("/status")["traces_pending"] == 0,
                       "what has come of the trace is analysed")
            early, early_fragments = self.calls_seen(), self.fragments()
        finally:
            self.products.process.send_signal(signal.SIGCONT)
            asking.join(60)
        self.assertLess(early, CALLS)
        eventually(lambda: self.counts().get("products") == (1, 3, CALLS + 1), "the whole request is counted", 20)
        self.assertEqual(self.counts(), {"products": (1, 3, CALLS + 1), "inventory": (CALLS, 0, 0), "pricing": (1, 0, 0)})
        self.assertGreater(self.fragments(), early_fragments)
        self.assertEqual(self.collector.sql("SELECT count(*) FROM weir.contribution"), "1")
        (finding,) = [f for f in self.collector.json("/findings")["findings"] if f["kind"] == "n_plus_one_http"]
        self.assertEqual((finding["count"], finding["requests"]), (CALLS, 1))


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
