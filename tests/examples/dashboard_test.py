#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dashboard_test.py BIN_FOLDER: the dashboard's stages answer the same, make the calls that the case study says, and the
indexes change the plans."""
import json
import os
import re
import signal
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

from support import CACHE, DB, EXAMPLES, Receiver, Service, by_trace, calls, counts, expected, run_usage
from postgres import Postgres
from process import eventually
from redis import Redis

BIN = sys.argv.pop(1)

STAGES = ("before", "batched", "joined", "indexed", "cached")
MERCHANTS = (1, 2, 13, 21, 22, 23, 24, 500, 1000)
CROWD = (2, 13, 21, 22)

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

POSTGRES = None

INDEXES = {  # by table
    "orders": "orders_merchant_id",
    "products": "products_merchant_id",
    "customers": "customers_merchant_id",
    "order_items": "order_items_product_id",
    "reviews": "reviews_product_id",
    "stock": "stock_product_id",
}


def command(stage, dsn, *more):
    return [BIN + "/dashboard", "--stage", stage, "--db", dsn, *more]


def indexes(postgres):
    """The names of those of the six that are there."""
    names = postgres.sql("SELECT indexname FROM pg_indexes WHERE schemaname = 'dashboard'").split("\n")
    return sorted(set(names) & set(INDEXES.values()))


def setUpModule():
    """One database for all tests: making the data takes longest."""
    global POSTGRES
    POSTGRES = unittest.enterModuleContext(Postgres())


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = POSTGRES
        cls.redis = cls.enterClassContext(Redis())
        receiver = cls.enterClassContext(Receiver([BIN + "/span_dump"]))
        cls.answers, cls.indexes = {}, {}
        for stage in STAGES:
            more = ["--setup"] + (["--redis", cls.redis.socket] if stage == "cached" else [])
            with Service(command(stage, cls.postgres.dsn, *more), receiver.environment()) as service:
                cls.indexes[stage] = indexes(cls.postgres)
                cls.answers[stage] = cls.ask(service)
                if stage == "cached":
                    cls.answers["cached again"] = cls.ask(service)
                    cls.ttl_s = cls.redis.command("TTL", "dashboard:1")
                    cls.keys = sorted(cls.redis.command("KEYS", "*"))
        cls.spans = receiver.spans()

    @classmethod
    def ask(cls, service):
        answers = {merchant: service.get(f"/api/dashboard/{merchant}") for merchant in (*MERCHANTS, 1001)}
        answers["junk"] = service.get("/api/dashboard/1%27--")
        with ThreadPoolExecutor(8) as pool:  # all workers at once
            answers["crowd"] = list(pool.map(service.get, [f"/api/dashboard/{merchant}" for merchant in CROWD * 6]))
        return answers

    def requests(self, stage):
        return list(by_trace(self.spans, stage).values())

    def largest(self, stage):
        return max(self.requests(stage), key=len)

    def test_stages_answer_the_same(self):
        for stage, answers in self.answers.items():
            self.assertEqual(answers, self.answers["before"], stage)

    def test_a_crowd_gets_the_same(self):
        for stage, answers in self.answers.items():
            self.assertEqual(answers["crowd"], [answers[merchant] for merchant in CROWD] * 6, stage)

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
        """Against SQL that no stage uses."""
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

    def test_every_merchant_has_a_dashboard(self):
        for stage, answers in self.answers.items():
            self.assertEqual([answers[merchant][0] for merchant in MERCHANTS], [200] * len(MERCHANTS), stage)
            self.assertEqual(len({answers[merchant][1] for merchant in MERCHANTS}), len(MERCHANTS), stage)

    def test_unknown_merchants_are_not_found(self):
        for stage, answers in self.answers.items():
            self.assertEqual((answers[1001][0], answers["junk"][0]), (404, 404), stage)

    def test_each_stage_makes_the_calls_that_are_expected(self):
        stages = expected("dashboard")["stages"]
        self.assertEqual(tuple(stages), STAGES)
        for stage in STAGES[:-1]:
            self.assertEqual(calls(self.largest(stage)), stages[stage]["calls"])

    def test_before_makes_3604_queries(self):
        self.assertEqual(counts(self.largest("before")), BEFORE)
        self.assertEqual(sum(BEFORE.values()), 3604)

    def test_reviews_and_order_items_come_in_turn(self):
        order = [span["text"].split(" FROM ")[1].split(" ")[0] for span in self.largest("before") if span["type"] == DB]
        self.assertEqual(order[:3], ["merchants", "orders", "products"])
        self.assertEqual(order[3:403], ["reviews", "order_items"] * 200)
        self.assertEqual(order[403], "customers")
        self.assertEqual(order[404:3404], ["orders"] * 3000)
        self.assertEqual(order[3404:], ["stock"] * 200)

    def test_batched_asks_once_for_each_list(self):
        found = counts(self.largest("batched"))
        self.assertEqual(set(found.values()), {1})
        self.assertEqual(sum("= ANY(?" in text for text in found), 4)

    def test_indexed_makes_the_queries_of_joined(self):
        joined = counts(self.largest("joined"))
        self.assertEqual(set(joined.values()), {1})
        self.assertEqual(counts(self.largest("indexed")), joined)
        self.assertEqual(counts(self.largest("cached"), (DB,)), joined)

    def test_later_stages_make_as_many_for_every_merchant(self):
        for stage in ("batched", "joined", "indexed"):
            numbers = {calls(request)["db"] for request in self.requests(stage)} - {0, 1}  # not found: one or none
            self.assertEqual(numbers, {expected("dashboard")["stages"][stage]["calls"]["db"]})

    def test_cached_makes_a_look_up_on_a_hit_and_the_queries_on_a_miss(self):
        said = expected("dashboard")["stages"]["cached"]
        found = [calls(request) for request in self.requests("cached")]
        of_unknown = [{"db": 1, "http": 0, "cache": 1}] * 2 + [{"db": 0, "http": 0, "cache": 0}] * 2  # 1001, and junk
        hits, misses = found.count(said["calls_hit"]), found.count(said["calls_miss"])
        self.assertEqual(misses, len(MERCHANTS))
        self.assertEqual(hits, len(MERCHANTS) + 2 * 6 * len(CROWD))
        self.assertEqual(hits + misses + len(of_unknown), len(found))
        self.assertEqual(counts(self.largest("cached"), (CACHE,)), {"GET dashboard:{}": 1, "SETEX dashboard:{}": 1})

    def test_the_cache_keeps_answers_for_its_time(self):
        self.assertTrue(0 < self.ttl_s <= 120, self.ttl_s)
        self.assertEqual(self.keys, sorted(f"dashboard:{merchant}" for merchant in MERCHANTS))

    def test_every_request_has_its_endpoint(self):
        for stage in STAGES:
            for request in self.requests(stage):
                endpoints = [span["text"] for span in request if span["type"] == 1]
                self.assertEqual(endpoints, ["GET /api/dashboard/{merchant_id}"])

    def test_rows_are_counted(self):
        for stage in ("before", "batched"):
            orders = [span for span in self.largest(stage) if span["text"].startswith("SELECT id, placed_on")]
            self.assertEqual(orders[0]["rows"], 15000)

    def test_the_last_two_stages_have_the_six_indexes(self):
        for stage in STAGES:
            self.assertEqual(self.indexes[stage], sorted(INDEXES.values()) if stage in ("indexed", "cached") else [], stage)


class Plans(unittest.TestCase):
    """What the database did for the services' own statements, by auto_explain."""

    @classmethod
    def setUpClass(cls):
        cls.postgres = POSTGRES
        with Service(command("before", cls.postgres.dsn, "--setup")):
            pass
        cls.addClassCleanup(cls.postgres.sql, "ALTER DATABASE postgres RESET ALL")
        for name, value in (("log_min_duration", "0"), ("log_format", "json"), ("log_analyze", "on"), ("log_timing", "off")):
            cls.postgres.sql(f"LOAD 'auto_explain'; ALTER DATABASE postgres SET auto_explain.{name} = '{value}'")
        cls.postgres.sql("ALTER DATABASE postgres SET session_preload_libraries = 'auto_explain'")
        cls.scans = {stage: cls.scans_of(stage) for stage in ("joined", "indexed")}

    @classmethod
    def scans_of(cls, stage):
        """All nodes of plans that read a table or an index, for merchant 1."""
        with Service(command(stage, cls.postgres.dsn, "--setup")) as service:
            begin = os.path.getsize(cls.postgres.log)
            assert service.get("/api/dashboard/1")[0] == 200
        with open(cls.postgres.log, encoding="utf-8") as file:
            file.seek(begin)
            plans = [json.loads(text) for text in re.findall(r"plan:\n((?:\t.*\n)+)", file.read())]
        assert len(plans) == 5, len(plans)
        return [node for plan in plans for node in cls.nodes(plan["Plan"])
                if "Relation Name" in node or "Index Name" in node]

    @classmethod
    def nodes(cls, node):
        yield node
        for child in node.get("Plans", []):
            yield from cls.nodes(child)

    def rows_read(self, stage):
        return sum((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
                   for node in self.scans[stage] if node["Node Type"] != "Bitmap Index Scan")

    def test_joined_reads_all_of_the_six_tables(self):
        kinds = {}
        for node in self.scans["joined"]:
            kinds.setdefault(node["Relation Name"], set()).add(node["Node Type"])
        self.assertEqual(kinds, {**{table: {"Seq Scan"} for table in INDEXES}, "merchants": kinds["merchants"]})

    def test_indexed_reads_none_of_them_and_uses_each_index(self):
        self.assertNotIn("Seq Scan", {node["Node Type"] for node in self.scans["indexed"]
                                      if node.get("Relation Name") in INDEXES})
        used = {node["Index Name"] for node in self.scans["indexed"] if "Index Name" in node}
        self.assertEqual(used - {"merchants_pkey"}, set(INDEXES.values()))

    def test_indexed_reads_a_fifth_of_the_rows_or_less(self):
        self.assertLess(5 * self.rows_read("indexed"), self.rows_read("joined"))


class OneDatabase(unittest.TestCase):
    """Several services on it."""

    @classmethod
    def setUpClass(cls):
        cls.postgres = POSTGRES
        cls.redis = cls.enterClassContext(Redis())
        with Service(command("before", cls.postgres.dsn, "--setup")):
            cls.items = cls.count_items()

    @classmethod
    def count_items(cls):
        return cls.postgres.sql("SELECT count(*) FROM dashboard.order_items"
                                " JOIN dashboard.orders o ON o.id = order_id WHERE merchant_id = 1")

    def test_setup_is_idempotent(self):
        self.assertEqual(self.items, "45000")
        for stage in ("joined", "joined", "indexed", "indexed"):
            with Service(command(stage, self.postgres.dsn, "--setup")):
                self.assertEqual(self.count_items(), self.items)
                self.assertEqual(len(indexes(self.postgres)), 6 if stage == "indexed" else 0)

    def test_stages_that_need_it_otherwise_are_refused(self):
        for stage, other, there in (("joined", "indexed", 0), ("indexed", "before", 6)):
            with Service(command(stage, self.postgres.dsn, "--setup")) as service:
                run = run_usage(command(other, self.postgres.dsn, "--setup"))
                self.assertEqual((run.returncode, run.stdout), (1, ""))
                self.assertIn("runs on this database", run.stderr)
                self.assertEqual(len(indexes(self.postgres)), there)
                self.assertEqual(service.get("/api/dashboard/22")[0], 200)

    def test_stages_that_agree_run_side_by_side(self):
        for stage, other in (("before", "batched"), ("indexed", "cached")):
            with Service(command(stage, self.postgres.dsn, "--setup")) as one, \
                    Service(command(other, self.postgres.dsn, "--setup", "--redis", self.redis.socket)) as two:
                self.assertEqual(one.get("/api/dashboard/500"), two.get("/api/dashboard/500"))

    def test_a_crash_leaves_no_lock(self):
        service = Service(command("indexed", self.postgres.dsn, "--setup"))
        service.stop(signal.SIGKILL)
        eventually(lambda: run_until_ready(command("joined", self.postgres.dsn, "--setup")), "joined starts")


def run_until_ready(arguments):
    try:
        with Service(arguments):
            return True
    except RuntimeError:
        return False


class WithoutRedis(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = POSTGRES
        with Service(command("indexed", cls.postgres.dsn, "--setup")) as service:
            cls.wanted = service.get("/api/dashboard/2")

    def cached(self, redis, *more):
        return Service(command("cached", self.postgres.dsn, "--redis", redis, *more))

    def test_every_request_is_a_miss(self):
        with self.cached("/nonexistent/redis") as service, self.cached("127.0.0.1:1") as other:
            for _ in range(3):
                self.assertEqual(service.get("/api/dashboard/2"), self.wanted)
                self.assertEqual(other.get("/api/dashboard/2"), self.wanted)

    def test_it_may_crash_and_come_back(self):
        """Every worker has a connection of its own, and finds a new one."""
        with Redis() as redis, self.cached(redis.socket) as service, ThreadPoolExecutor(8) as pool:
            def crowd():
                self.assertEqual(list(pool.map(service.get, ["/api/dashboard/2"] * 48)), [self.wanted] * 48)

            def all_hit():
                before = redis.command("INFO", "stats")
                crowd()
                hits = [int(re.search(r"keyspace_hits:(\d+)", text)[1]) for text in (before, redis.command("INFO", "stats"))]
                return hits[1] - hits[0] == 48
            crowd()
            self.assertTrue(all_hit())
            redis.kill()
            crowd()
            redis.start()
            eventually(all_hit, "every worker's requests hit again")

    def test_what_is_no_answer_is_overwritten(self):
        with Redis() as redis, self.cached(redis.socket) as service:
            redis.command("LPUSH", "dashboard:2", "x")
            self.assertEqual(service.get("/api/dashboard/2"), self.wanted)
            self.assertEqual(redis.command("GET", "dashboard:2"), self.wanted[1])

    def test_what_is_kept_is_forgotten_in_time(self):
        with Redis() as redis, self.cached(redis.socket, "--cache-ttl", "1") as service:
            self.assertEqual(service.get("/api/dashboard/2"), self.wanted)
            self.assertEqual(redis.command("GET", "dashboard:2"), self.wanted[1])
            eventually(lambda: not redis.command("EXISTS", "dashboard:2"), "it is forgotten")
            self.assertEqual(service.get("/api/dashboard/2"), self.wanted)
            self.assertEqual(redis.command("EXISTS", "dashboard:2"), 1)


class Options(unittest.TestCase):
    def test_wrong_ones_are_usage(self):
        for wrong in ([], ["--stage", "later", "--db", "x"], ["--stage", "before"],
                      ["--stage", "before", "--db", "x", "--port", "70000"], ["--stage", "before", "--db", "x", "more"],
                      ["--stage", "cached", "--db", "x"], ["--stage", "cached", "--db", "x", "--redis", "6379"],
                      ["--stage", "cached", "--db", "x", "--redis", ":6379"],
                      ["--stage", "cached", "--db", "x", "--redis", "host:0"],
                      ["--stage", "cached", "--db", "x", "--redis", "/" + 108 * "x"],
                      ["--stage", "cached", "--db", "x", "--redis", "/x", "--cache-ttl", "0"]):
            run = run_usage([BIN + "/dashboard"] + wrong)
            self.assertEqual((run.returncode, run.stdout), (2, ""), wrong)
            self.assertIn("usage: dashboard", run.stderr)

    def test_a_database_out_of_reach_is_said(self):
        run = run_usage(command("before", "host=/nonexistent", "--setup"))
        self.assertEqual(run.returncode, 1)
        self.assertIn("/nonexistent", run.stderr)

    def test_without_a_database_it_answers_503(self):
        with Service(command("before", "host=/nonexistent")) as service:
            self.assertEqual(service.get("/api/dashboard/1")[0], 503)

    def test_sigint_stops_it_too(self):
        service = Service(command("before", "host=/nonexistent"))
        self.assertEqual(service.stop(signal.SIGINT), 0)

    def test_a_port_in_use_is_said(self):
        with Service(command("before", "host=/nonexistent")) as first:
            port = first.url.rsplit(":", 1)[1]
            run = run_usage(command("before", "host=/nonexistent", "--port", port))
            self.assertEqual(run.returncode, 1)
            self.assertIn(f"127.0.0.1:{port}", run.stderr)

    def test_the_scripts_are_the_files(self):
        with open(BIN + "/dashboard", "rb") as program:
            text = program.read()
        for name in ("setup.sql", "indexes.sql", "no_indexes.sql"):
            with open(os.path.join(EXAMPLES, "dashboard", name), "rb") as file:
                self.assertIn(file.read(), text)


if __name__ == "__main__":
    unittest.main()
