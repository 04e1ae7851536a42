#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One request through three services, each with its own libweir, is one trace: what each did is counted as its own, and the
waterfall shows all of it."""
import sys
import unittest

from collector import Collector, eventually
from postgres import Postgres
from service import Service

REQUESTS = 3


class TwoServices(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        postgres = cls.enterClassContext(Postgres())
        cls.collector = cls.enterClassContext(Collector(BIN, dsn=postgres.dsn))
        environment = {"WEIR_ENDPOINT": cls.collector.nng}
        with Service([BIN + "/inventory"], environment) as inventory, Service([BIN + "/pricing"], environment) as pricing, \
                Service([BIN + "/products", "--stage", "bulk", "--db", postgres.dsn, "--inventory", inventory.url,
                         "--pricing", pricing.url], environment) as products:
            for page in range(1, REQUESTS + 1):
                assert products.get(f"/api/products?page={page}")[0] == 200
        eventually(lambda: cls.counts() == {("products", "GET /api/products"): (REQUESTS, {"db": 3, "http": 2, "cache": 0}),
                                            ("inventory", "POST /stock/bulk"): (REQUESTS, {"db": 0, "http": 0, "cache": 0}),
                                            ("pricing", "POST /prices"): (REQUESTS, {"db": 0, "http": 0, "cache": 0})},
                   "each service's requests and calls are counted", deadline_s=20)
        cls.trace_id = cls.collector.json("/trace?slowest=GET%20/api/products")["trace_id"]

    @classmethod
    def counts(cls):
        return {(row["service"], row["endpoint"]): (row["count"], row["calls"])
                for row in cls.collector.json("/requests")["requests"]}

    def test_each_request_is_one_trace(self):
        self.assertEqual(self.collector.sql("SELECT count(DISTINCT trace_id) FROM weir.fragment"), str(REQUESTS))
        trace = self.collector.json("/trace/" + self.trace_id)
        self.assertTrue(trace["complete"])
        self.assertEqual({span["service"] for span in trace["spans"]}, {"products", "inventory", "pricing"})
        self.assertEqual(len([span for span in trace["spans"] if span["parent_span_id"] is None]), 1)

    def test_a_called_service_hangs_below_the_call(self):
        spans = {span["span_id"]: span for span in self.collector.json("/trace/" + self.trace_id)["spans"]}
        for name in ("inventory", "pricing"):
            (server,) = [s for s in spans.values() if s["service"] == name and s["kind"] == "server"]
            call = spans[server["parent_span_id"]]
            self.assertEqual((call["service"], call["kind"]), ("products", "client"))
            self.assertGreaterEqual(call["duration_ns"], server["duration_ns"])

    def test_the_waterfall_shows_all(self):
        text = self.collector.weir("trace", self.trace_id).stdout
        for name in ("GET /api/products", "inventory: POST /stock/bulk", "pricing: POST /prices"):
            self.assertIn(name, text)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
