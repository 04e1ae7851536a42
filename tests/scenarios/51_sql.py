#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SQL is an interface: the views show what was stored, to a role that may read them and nothing else; every query of the
Grafana dashboard runs and finds something; docs/sql.md names every column. A user who may make no role does without."""
import json
import os
import pathlib
import re
import sys
import time
import unittest

from collector import Collector, eventually
from postgres import Postgres
from sp import STORED, Peer, Span, spans_batch

ROOT = pathlib.Path(__file__).resolve().parents[2]
VIEWS = ("span", "request", "call", "finding", "day")
CALLS = 20
MS = 10**6


def n_plus_one():
    """A request of 1 query and then 20 of one kind, one after another."""
    now = time.time_ns() - 10**9
    spans = [Span(1, 0, 2, 1, "", "GET /cart/{id}", now, 100 * MS),
             Span(2, 1, 3, 2, "postgresql", "SELECT id FROM items WHERE cart = ?", now + MS, 2 * MS)]
    spans += [Span(3 + i, 1, 3, 2, "postgresql", "SELECT * FROM item WHERE id = ?", now + (4 + 4 * i) * MS, 3 * MS)
              for i in range(CALLS)]
    return spans_batch("shop", 7, 1, os.urandom(16), spans)


def dashboard_queries():
    """(title, SQL) with Grafana's macros written out as its Postgres data source does."""
    dashboard = json.loads((ROOT / "share/grafana/weir.json").read_text())
    queries = [(panel["title"], target["rawSql"]) for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [(variable["name"], variable["query"]) for variable in dashboard["templating"]["list"]]
    for title, sql in queries:
        sql = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 BETWEEN now() - interval '1 hour' AND now()", sql)
        sql = re.sub(r"\$__timeGroup\((\w+), '1m'\)", r"date_trunc('minute', \1)", sql)
        sql = sql.replace("$__timeFrom()", "(now() - interval '1 hour')").replace("$__timeTo()", "now()")
        assert "$__" not in sql, sql
        for service in ("all", "shop"):
            yield title, sql.replace("$service", service)


class Sql(unittest.TestCase):
    def setUp(self):
        self.postgres = self.enterContext(Postgres())

    def reader(self, sql):
        return self.postgres.sql(f"SET ROLE weir_reader; {sql}")

    def fill(self, dsn=None):
        collector = self.enterContext(Collector(BIN, dsn=dsn or self.postgres.dsn))
        with Peer(collector.nng) as peer:
            self.assertEqual(peer.ask(1, n_plus_one())[0], STORED)
        eventually(lambda: collector.json("/requests")["requests"], "the request is analysed")
        return collector

    def test_views_for_a_role_that_may_read_them_alone(self):
        self.fill()
        self.assertEqual(self.reader("SELECT count(*), count(DISTINCT operation), sum(duration_ms)::int FROM weir.span"),
                         f"{CALLS + 2}|3|{100 + 2 + 3 * CALLS}")
        self.assertEqual(self.reader("SELECT service, endpoint, duration_ms::int, db_calls, error, weight FROM weir.request"),
                         f"shop|GET /cart/{{id}}|100|{CALLS + 1}|f|1")
        self.assertEqual(self.reader("SELECT type, system, count(*), max(start) < now() FROM weir.call GROUP BY 1, 2"),
                         f"db|postgresql|{CALLS + 1}|t")
        self.assertEqual(self.reader("SELECT service, endpoint, operation, calls, saving_ms > 0 FROM weir.finding"
                                     " WHERE kind = 'n_plus_one_query'"),
                         f"shop|GET /cart/{{id}}|SELECT * FROM item WHERE id = ?|{CALLS}|t")
        self.assertEqual(self.reader("SELECT count(*) FROM weir.day WHERE bytes > 0"), "1")
        for denied in ("SELECT * FROM weir.fragment", "SELECT * FROM weir.contribution", "SELECT * FROM weir.operation",
                       "DELETE FROM weir.batch", "SELECT weir.forget_days(current_date)"):
            with self.assertRaisesRegex(RuntimeError, "permission denied"):
                self.reader(denied)

    def test_every_query_of_the_dashboard(self):
        self.fill()
        titles = set()
        for title, sql in dashboard_queries():
            with self.subTest(title):
                self.assertNotEqual(self.reader(sql), "")
                titles.add(title)
        self.assertGreaterEqual(len(titles), 7)

    def test_the_manual_names_every_column(self):
        self.fill()
        manual = (ROOT / "docs/sql.md").read_text()
        for view in VIEWS:
            section = manual.split(f"## weir.{view}\n")[1].split("\n## ")[0]
            named = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
            columns = self.postgres.sql("SELECT column_name FROM information_schema.columns WHERE table_schema = 'weir'"
                                        f" AND table_name = '{view}' ORDER BY ordinal_position").split()
            self.assertEqual(named, columns, view)

    def test_a_user_who_may_make_no_role(self):
        self.postgres.sql("CREATE ROLE plain LOGIN")
        self.postgres.sql("CREATE DATABASE plain OWNER plain")
        collector = self.fill(self.postgres.dsn.replace("user=postgres dbname=postgres", "user=plain dbname=plain"))
        self.assertEqual(self.postgres.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'weir_reader'"), "0")
        self.assertEqual(collector.sql("SELECT count(*) FROM weir.call"), str(CALLS + 1))


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
