#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""products_test.py BIN_FOLDER: the listing's stages answer the same, make the calls that the case study says, and their
traces go on in inventory and pricing."""
import json
import sys
import unittest

from support import CACHE, DB, ENDPOINT, HTTP, Receiver, Service, by_trace, calls, counts, expected, run_usage
from postgres import Postgres
from process import eventually
from redis import Redis

BIN = sys.argv.pop(1)

STAGES = ("before", "bulk", "cached", "parallel")
PAGES = (1, 3, 10)

QUERIES = {
    "SELECT id, name, category_id FROM products ORDER BY id LIMIT ? OFFSET ?": 1,
    "SELECT product_id, count(*), sum(rating) FROM reviews WHERE product_id = ANY(?) GROUP BY product_id": 1,
    "SELECT id, name FROM categories WHERE id = ANY(?)": 1,
}
BULK = {"POST /stock/bulk": 1}


def command(stage, dsn, inventory, pricing, *more):
    return [BIN + "/products", "--stage", stage, "--db", dsn, "--inventory", inventory, "--pricing", pricing, *more]


class Products(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        postgres = cls.enterClassContext(Postgres())
        cls.redis = cls.enterClassContext(Redis())
        receiver = cls.enterClassContext(Receiver([BIN + "/span_dump"]))
        environment = receiver.environment()
        cls.answers, cls.kept, cls.ttl_s = {}, {}, {}
        with Service([BIN + "/inventory"], environment) as inventory, Service([BIN + "/pricing"], environment) as pricing:
            cls.hosts = {inventory.url.split("//")[1]: "inventory", pricing.url.split("//")[1]: "pricing"}
            for stage in STAGES:
                cls.redis.command("FLUSHALL")
                with Service(command(stage, postgres.dsn, inventory.url, pricing.url, "--redis", cls.redis.socket),
                             environment) as service:
                    cls.answers[stage] = {page: service.get(f"/api/products?page={page}")
                                          for page in (*PAGES, 11, 0, "x")}
                    cls.answers[stage]["none"] = service.get("/api/products")
                cls.kept[stage] = len(cls.redis.command("KEYS", "price:*"))
                cls.ttl_s[stage] = cls.redis.command("TTL", "price:4008")
            cls.bad_bodies = [inventory.get("/stock/bulk", body) for body in ("", "[]", '{"ids":3}', "{" * 2000)]
            cls.bad_bodies.append(pricing.get("/prices", "no json"))
            cls.strange = inventory.get("/stock/bulk", '{"ids":[-9223372036854775808,null,"x"]}')
        cls.spans = receiver.spans()

    def requests(self, stage):
        """Those that listed something; the page behind the last asks nobody."""
        return [spans for spans in by_trace(self.spans, stage).values() if any(s["type"] == HTTP for s in spans)]

    def misses(self, stage):
        return [spans for spans in self.requests(stage) if any(s["text"] == "POST /prices" for s in spans)]

    def hits(self, stage):
        misses = self.misses(stage)
        return [spans for spans in self.requests(stage) if spans not in misses]

    def test_stages_answer_the_same(self):
        for stage in STAGES:
            self.assertEqual(self.answers[stage], self.answers["before"], stage)
            self.assertEqual(self.answers[stage][1], self.answers[stage]["none"])  # where there is a cache, a hit

    def test_pages_differ_and_are_full(self):
        pages = [json.loads(self.answers["bulk"][page][1])["products"] for page in PAGES]
        ids = [product["id"] for page in pages for product in page]
        self.assertEqual(len(set(ids)), 150)
        self.assertTrue(all(product["category"] and product["price_cents"] >= 100 for product in pages[1]))

    def test_wrong_pages(self):
        for stage in STAGES:
            self.assertEqual(self.answers[stage][0][0], 400)
            self.assertEqual(self.answers[stage]["x"][0], 400)
            self.assertEqual(json.loads(self.answers[stage][11][1]), {"page": 11, "products": []})

    def test_calls_of_each_stage(self):
        stages = expected("products")["stages"]
        self.assertEqual(tuple(stages), STAGES)
        for stage, http in (("before", {"GET /stock/{id}": 50, "POST /prices": 1}), ("bulk", {**BULK, "POST /prices": 1})):
            self.assertEqual(len(self.requests(stage)), 4)
            for request in self.requests(stage):
                self.assertEqual(counts(request), {**QUERIES, **http})
                self.assertEqual(calls(request), stages[stage]["calls"])

    def test_calls_of_a_hit_and_of_a_miss(self):
        stages = expected("products")["stages"]
        for stage in ("cached", "parallel"):
            self.assertEqual((len(self.misses(stage)), len(self.hits(stage))), (3, 1))
            for request in self.misses(stage):
                self.assertEqual(counts(request, (DB, HTTP)), {**QUERIES, **BULK, "POST /prices": 1})
                self.assertEqual([span["text"].split(" ")[0] for span in request if span["type"] == CACHE], ["MGET", "EVAL"])
                self.assertEqual(calls(request), stages[stage]["calls_miss"])
            for request in self.hits(stage):
                self.assertEqual(counts(request), {**QUERIES, **BULK, "MGET price:{}": 1})
                self.assertEqual(calls(request), stages[stage]["calls_hit"])

    def test_prices_are_kept_for_their_time(self):
        self.assertEqual(self.kept, {"before": 0, "bulk": 0, "cached": 150, "parallel": 150})
        for stage in ("cached", "parallel"):
            self.assertTrue(0 < self.ttl_s[stage] <= 300, self.ttl_s)

    def test_only_parallel_asks_both_services_at_once(self):
        for stage in STAGES:
            for request in self.misses(stage):
                stock = [span for span in request if span["type"] == HTTP and "/stock/" in span["text"]]
                price = next(span for span in request if span["text"] == "POST /prices" and span["type"] == HTTP)
                last = max(span["end"] for span in stock)
                self.assertEqual(price["start"] < last and stock[0]["start"] < price["end"], stage == "parallel", stage)

    def test_traces_go_on_in_the_other_services(self):
        for stage in STAGES:
            for request in self.requests(stage):
                by_id = {span["id"]: span for span in request}
                endpoints = [span for span in request if span["type"] == ENDPOINT and span["service"] != "products"]
                self.assertEqual(sum(span["service"] == "inventory" for span in endpoints), 50 if stage == "before" else 1)
                self.assertEqual(sum(span["service"] == "pricing" for span in endpoints), request in self.misses(stage))
                for span in endpoints:
                    caller = by_id[span["parent"]]
                    self.assertEqual((caller["type"], self.hosts[caller["system"]]), (HTTP, span["service"]))

    def test_inputs_come_from_the_product_query(self):
        for stage in STAGES:
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


class Cache(unittest.TestCase):
    """The stages with a cache, where it does not know everything."""

    @classmethod
    def setUpClass(cls):
        cls.postgres = cls.enterClassContext(Postgres())
        cls.inventory = cls.enterClassContext(Service([BIN + "/inventory"]))
        cls.pricing = cls.enterClassContext(Service([BIN + "/pricing"]))
        with cls.service("bulk") as service:
            cls.wanted = service.get("/api/products?page=2")

    @classmethod
    def service(cls, stage, *more):
        return Service(command(stage, cls.postgres.dsn, cls.inventory.url, cls.pricing.url, *more))

    def test_only_missing_prices_are_asked_for(self):
        for stage in ("cached", "parallel"):
            with Redis() as redis, self.service(stage, "--redis", redis.socket) as service:
                service.get("/api/products?page=2")
                keys = sorted(redis.command("KEYS", "*"))
                redis.command("SET", keys[0], 1)  # no time to live: what is asked for again would get one
                redis.command("DEL", keys[1], keys[2])
                redis.command("SET", keys[2], "")  # no number
                products = json.loads(service.get("/api/products?page=2")[1])["products"]
                wanted = json.loads(self.wanted[1])["products"]
                index = next(i for i, product in enumerate(products) if f"price:{product['id']}" == keys[0])
                self.assertEqual(products[index]["price_cents"], 1)
                wanted[index]["price_cents"] = 1
                self.assertEqual(products, wanted)
                self.assertEqual(redis.command("TTL", keys[0]), -1)
                self.assertTrue(0 < redis.command("TTL", keys[1]) <= 300)
                self.assertTrue(0 < redis.command("TTL", keys[2]) <= 300)

    def test_without_redis_every_request_is_a_miss(self):
        for stage in ("cached", "parallel"):
            with self.service(stage, "--redis", "/nonexistent/redis") as service:
                self.assertEqual([service.get("/api/products?page=2") for _ in range(2)], [self.wanted] * 2)

    def test_prices_are_forgotten_in_time(self):
        with Redis() as redis, self.service("parallel", "--redis", redis.socket, "--cache-ttl", "1") as service:
            self.assertEqual(service.get("/api/products?page=2"), self.wanted)
            eventually(lambda: not redis.command("DBSIZE"), "they are forgotten")
            self.assertEqual(service.get("/api/products?page=2"), self.wanted)


class Failures(unittest.TestCase):
    def test_a_service_that_is_away_is_502(self):
        with Postgres() as postgres, Service([BIN + "/inventory"]) as inventory, Redis() as redis:
            for stage in STAGES:
                for stock in ("http://127.0.0.1:1", inventory.url):
                    with Service(command(stage, postgres.dsn, stock, "http://127.0.0.1:1", "--redis", redis.socket)) as service:
                        self.assertEqual([service.get("/api/products")[0] for _ in range(2)], [502, 502])
            self.assertEqual(redis.command("KEYS", "*"), [])

    def test_wrong_options_are_usage(self):
        for arguments in (["products"], ["products", "--stage", "x"], ["inventory", "--port"], ["pricing", "more"],
                          ["products", *command("cached", "x", "y", "z")[1:]],
                          ["products", *command("parallel", "x", "y", "z", "--redis", "r")[1:]],
                          ["products", *command("cached", "x", "y", "z", "--redis", "/r", "--cache-ttl", "x")[1:]]):
            run = run_usage([BIN + "/" + arguments[0]] + arguments[1:])
            self.assertEqual((run.returncode, run.stdout), (2, ""))
            self.assertIn("usage: " + arguments[0], run.stderr)


if __name__ == "__main__":
    unittest.main()
