#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dashboard_test.py BIN_FOLDER: the dashboard's two stages answer the same, and make the calls that the case study says."""
import json
import os
import signal
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

from support import DB, EXAMPLES, Receiver, Service, by_trace, counts, expected, run_usage
from postgres import Postgres

BIN = sys.argv.pop(1)

BEFORE = {
    "SELECT id, name, joined_on FROM merchants WHERE id = ?": 1,
    "SELECT id, placed_on, total_cents FROM orders WHERE merchant_id = ?": 1,
    "SELECT id, name, price_cents FROM products WHERE merchant_id = ? ORDER BY id": 1,
    "SELECT rating, comment FROM reviews WHERE product_id = ?": 200,
    "SELECT quantity, price_cents FROM order_items WHERE product_id = ?": 200,
    "SELECT id, name FROM customers WHERE merchant_id = ?": 1,
    "SELECT id, total_cents FROM orders WHERE customer_id = ?": 3000,
    "SELECT quantity, reorder_level FROM stock WHERE product_id = ?": 200,
}


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = cls.enterClassContext(Postgres())
        receiver = cls.enterClassContext(Receiver([BIN + "/span_dump"]))
        cls.answers = {}
        for stage in ("before", "joined"):
            command = [BIN + "/dashboard", "--stage", stage, "--db", cls.postgres.dsn, "--port", "0", "--setup"]
            with Service(command, receiver.environment()) as service:  # leaving it checks a clean stop
                cls.answers[stage] = {merchant: service.get(f"/api/dashboard/{merchant}")
                                      for merchant in (1, 2, 13, 21, 22, 23, 24)}
                cls.answers[stage]["junk"] = service.get("/api/dashboard/1%27--")
                with ThreadPoolExecutor(8) as pool:  # all workers at once
                    cls.answers[stage]["crowd"] = list(pool.map(
                        service.get, [f"/api/dashboard/{merchant}" for merchant in (2, 13, 21, 22) * 6]))
        cls.spans = receiver.spans()

    def requests(self, stage):
        return list(by_trace(self.spans, stage).values())

    def largest(self, stage):
        return max(self.requests(stage), key=len)

    def test_stages_answer_the_same(self):
        self.assertEqual(self.answers["before"], self.answers["joined"])

    def test_a_crowd_gets_the_same(self):
        for stage, answers in self.answers.items():
            self.assertEqual(answers["crowd"], [answers[merchant] for merchant in (2, 13, 21, 22)] * 6, stage)

    def test_merchant_1_has_the_case_studys_size(self):
        status, text = self.answers["before"][1]
        answer = json.loads(text)
        self.assertEqual(status, 200)
        self.assertEqual(answer["orders"]["count"], 15000)
        self.assertEqual(len(answer["products"]), 200)
        self.assertEqual(sum(product["reviews"] for product in answer["products"]), 8000)
        self.assertEqual(answer["customers"]["count"], 3000)
        self.assertEqual(sum(product["sold_cents"] for product in answer["products"]),
                         answer["orders"]["revenue_cents"])
        self.assertTrue(0 < len(answer["low_stock"]) < 200)

    def test_numbers_are_those_of_the_tables(self):
        """Against SQL that neither stage uses."""
        answer = json.loads(self.answers["joined"][1][1])
        product = answer["products"][17]
        self.assertEqual(self.postgres.sql(f"SELECT sum(rating) FROM dashboard.reviews WHERE product_id = {product['id']}"),
                         str(round(product["rating"] * product["reviews"])))
        self.assertEqual(self.postgres.sql(
            f"SELECT sum(quantity) FROM dashboard.order_items WHERE product_id = {product['id']}"),
            str(product["units_sold"]))
        best = answer["customers"]["top"][0]
        self.assertEqual(self.postgres.sql("SELECT max(spent) FROM (SELECT sum(total_cents) AS spent FROM dashboard.orders "
                                           "WHERE merchant_id = 1 GROUP BY customer_id) s"), str(best["spent_cents"]))

    def test_unknown_merchants_are_not_found(self):
        self.assertEqual(self.answers["before"][24][0], 404)
        self.assertEqual(self.answers["before"]["junk"][0], 404)

    def test_before_makes_3604_queries(self):
        self.assertEqual(counts(self.largest("before")), BEFORE)
        self.assertEqual(sum(BEFORE.values()), expected("dashboard")["stages"]["before"]["calls"]["db"])

    def test_reviews_and_order_items_come_in_turn(self):
        order = [span["text"].split(" FROM ")[1].split(" ")[0] for span in self.largest("before") if span["type"] == DB]
        self.assertEqual(order[:3], ["merchants", "orders", "products"])
        self.assertEqual(order[3:403], ["reviews", "order_items"] * 200)
        self.assertEqual(order[403], "customers")
        self.assertEqual(order[404:3404], ["orders"] * 3000)
        self.assertEqual(order[3404:], ["stock"] * 200)

    def test_joined_makes_5_queries(self):
        found = counts(self.largest("joined"))
        self.assertEqual(sum(found.values()), 5)
        self.assertEqual(expected("dashboard")["stages"]["joined"]["calls"]["db"], 5)
        self.assertEqual(set(found.values()), {1})

    def test_every_request_has_its_endpoint(self):
        for stage in ("before", "joined"):
            for request in self.requests(stage):
                endpoints = [span["text"] for span in request if span["type"] == 1]
                self.assertEqual(endpoints, ["GET /api/dashboard/{merchant_id}"])

    def test_rows_are_counted(self):
        orders = [span for span in self.largest("before") if span["text"].startswith("SELECT id, placed_on")]
        self.assertEqual(orders[0]["rows"], 15000)


class Options(unittest.TestCase):
    def test_wrong_ones_are_usage(self):
        for wrong in ([], ["--stage", "later", "--db", "x"], ["--stage", "before"],
                      ["--stage", "before", "--db", "x", "--port", "70000"], ["--stage", "before", "--db", "x", "more"]):
            run = run_usage([BIN + "/dashboard"] + wrong)
            self.assertEqual((run.returncode, run.stdout), (2, ""))
            self.assertIn("usage: dashboard", run.stderr)

    def test_a_database_out_of_reach_is_said(self):
        run = run_usage([BIN + "/dashboard", "--stage", "before", "--db", "host=/nonexistent", "--setup"])
        self.assertEqual(run.returncode, 1)
        self.assertIn("/nonexistent", run.stderr)

    def test_without_a_database_it_answers_503(self):
        with Service([BIN + "/dashboard", "--stage", "before", "--db", "host=/nonexistent"]) as service:
            self.assertEqual(service.get("/api/dashboard/1")[0], 503)

    def test_sigint_stops_it_too(self):
        service = Service([BIN + "/dashboard", "--stage", "before", "--db", "host=/nonexistent"])
        self.assertEqual(service.stop(signal.SIGINT), 0)

    def test_a_port_in_use_is_said(self):
        with Service([BIN + "/dashboard", "--stage", "before", "--db", "host=/nonexistent"]) as first:
            port = first.url.rsplit(":", 1)[1]
            run = run_usage([BIN + "/dashboard", "--stage", "before", "--db", "host=/nonexistent", "--port", port])
            self.assertEqual(run.returncode, 1)
            self.assertIn(f"127.0.0.1:{port}", run.stderr)


class SetupText(unittest.TestCase):
    def test_setup_is_idempotent(self):
        with Postgres() as postgres:
            for _ in range(2):
                with Service([BIN + "/dashboard", "--stage", "joined", "--db", postgres.dsn, "--setup"]):
                    self.assertEqual(postgres.sql("SELECT count(*) FROM dashboard.order_items"
                                                  " JOIN dashboard.orders o ON o.id = order_id WHERE merchant_id = 1"),
                                     "45000")

    def test_the_script_is_the_file(self):
        with open(os.path.join(EXAMPLES, "dashboard", "setup.sql"), "rb") as file, open(BIN + "/dashboard", "rb") as program:
            self.assertIn(file.read(), program.read())


if __name__ == "__main__":
    unittest.main()
