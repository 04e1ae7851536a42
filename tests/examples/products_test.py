#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""products_test.py BIN_FOLDER: the listing's two stages answer the same, make the calls that the case study says, and
their traces go on in inventory and pricing."""
import json
import sys
import unittest

from support import ENDPOINT, HTTP, Receiver, Service, by_trace, counts, expected, run_usage
from postgres import Postgres

BIN = sys.argv.pop(1)

QUERIES = {
    "SELECT id, name, category_id FROM products ORDER BY id LIMIT ? OFFSET ?": 1,
    "SELECT product_id, count(*), sum(rating) FROM reviews WHERE product_id = ANY(?) GROUP BY product_id": 1,
    "SELECT id, name FROM categories WHERE id = ANY(?)": 1,
}
CALLS = {
    "before": {**QUERIES, "GET /stock/{id}": 50, "POST /prices": 1},
    "bulk": {**QUERIES, "POST /stock/bulk": 1, "POST /prices": 1},
}


class Products(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        postgres = cls.enterClassContext(Postgres())
        receiver = cls.enterClassContext(Receiver([BIN + "/span_dump"]))
        environment = receiver.environment()
        cls.answers = {}
        with Service([BIN + "/inventory"], environment) as inventory, Service([BIN + "/pricing"], environment) as pricing:
            cls.hosts = {inventory.url.split("//")[1]: "inventory", pricing.url.split("//")[1]: "pricing"}
            for stage in ("before", "bulk"):
                with Service([BIN + "/products", "--stage", stage, "--db", postgres.dsn, "--inventory", inventory.url,
                              "--pricing", pricing.url], environment) as service:
                    cls.answers[stage] = {page: service.get(f"/api/products?page={page}")
                                          for page in (1, 3, 10, 11, 0, "x")}
                    cls.answers[stage]["none"] = service.get("/api/products")
            cls.bad_bodies = [inventory.get("/stock/bulk", body) for body in ("", "[]", '{"ids":3}', "{" * 2000)]
            cls.bad_bodies.append(pricing.get("/prices", "no json"))
            cls.strange = inventory.get("/stock/bulk", '{"ids":[-9223372036854775808,null,"x"]}')
        cls.spans = receiver.spans()

    def requests(self, stage):
        """Those that listed something; the page behind the last asks nobody."""
        return [spans for spans in by_trace(self.spans, stage).values() if any(s["type"] == HTTP for s in spans)]

    def test_stages_answer_the_same(self):
        self.assertEqual(self.answers["before"], self.answers["bulk"])
        self.assertEqual(self.answers["before"][1], self.answers["before"]["none"])

    def test_pages_differ_and_are_full(self):
        pages = [json.loads(self.answers["bulk"][page][1])["products"] for page in (1, 3, 10)]
        ids = [product["id"] for page in pages for product in page]
        self.assertEqual(len(set(ids)), 150)
        self.assertTrue(all(product["category"] and product["price_cents"] >= 100 for product in pages[1]))

    def test_wrong_pages(self):
        self.assertEqual(self.answers["bulk"][0][0], 400)
        self.assertEqual(self.answers["bulk"]["x"][0], 400)
        self.assertEqual(json.loads(self.answers["bulk"][11][1]), {"page": 11, "products": []})

    def test_calls_of_each_stage(self):
        for stage, calls in CALLS.items():
            self.assertEqual(len(self.requests(stage)), 4)
            for request in self.requests(stage):
                self.assertEqual(counts(request), calls)
            said = expected("products")["stages"][stage]["calls"]
            self.assertEqual(said["db"], 3)
            self.assertEqual(said["http"], sum(calls.values()) - 3)

    def test_traces_go_on_in_the_other_services(self):
        for stage, inventory_requests in (("before", 50), ("bulk", 1)):
            for request in self.requests(stage):
                by_id = {span["id"]: span for span in request}
                endpoints = [span for span in request if span["type"] == ENDPOINT and span["service"] != "products"]
                self.assertEqual(sum(span["service"] == "inventory" for span in endpoints), inventory_requests)
                self.assertEqual(sum(span["service"] == "pricing" for span in endpoints), 1)
                for span in endpoints:
                    caller = by_id[span["parent"]]
                    self.assertEqual((caller["type"], self.hosts[caller["system"]]), (HTTP, span["service"]))

    def test_inputs_come_from_the_product_query(self):
        for stage in CALLS:
            for request in self.requests(stage):
                for span in request:
                    if span["type"] == HTTP or "ANY" in span["text"]:
                        loop = span["text"].startswith("GET")  # beyond the 32nd call of a loop no links are sent
                        self.assertTrue(span["links"] > 0 or loop, span)
                linked = [s for s in request if s["text"] == "GET /stock/{id}" and s["links"] > 0]
                self.assertEqual(len(linked), 32 if stage == "before" else 0)

    def test_bodies_that_ask_for_nothing_are_refused(self):
        self.assertEqual([status for status, _ in self.bad_bodies], [400] * len(self.bad_bodies))
        self.assertEqual(self.strange[0], 200)


class Failures(unittest.TestCase):
    def test_a_service_that_is_away_is_502(self):
        with Postgres() as postgres, Service([BIN + "/products", "--stage", "bulk", "--db", postgres.dsn, "--inventory",
                                              "http://127.0.0.1:1", "--pricing", "http://127.0.0.1:1"]) as service:
            self.assertEqual(service.get("/api/products")[0], 502)

    def test_wrong_options_are_usage(self):
        for command in (["products"], ["products", "--stage", "x"], ["inventory", "--port"], ["pricing", "more"]):
            run = run_usage([BIN + "/" + command[0]] + command[1:])
            self.assertEqual((run.returncode, run.stdout), (2, ""))
            self.assertIn("usage: " + command[0], run.stderr)


if __name__ == "__main__":
    unittest.main()
