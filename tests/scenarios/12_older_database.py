#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A database that an older weir has filled is brought up to date at the start, and all of it can be read as before; one
that a newer weir has made is refused with a sentence."""
import pathlib
import subprocess
import sys
import unittest

from collector import Collector, Load, eventually
from postgres import Postgres

MIGRATIONS = sorted((pathlib.Path(__file__).resolve().parents[2] / "collector/store/migrations").glob("*.sql"))
SPANS_A_REQUEST = 8
# What a table of the older schema holds, out of the newer one that has been moved aside.
FILL = """
DO $$
DECLARE t record; c text;
BEGIN
    PERFORM weir.make_partition(day) FROM (SELECT DISTINCT day FROM later.fragment) d;
    FOR t IN SELECT table_name AS name FROM information_schema.tables JOIN pg_class ON relname = table_name
             AND relnamespace = 'weir'::regnamespace
             WHERE table_schema = 'weir' AND table_type = 'BASE TABLE' AND NOT relispartition
             AND table_name <> 'migration' LOOP
        SELECT string_agg(quote_ident(column_name), ',') INTO c FROM information_schema.columns
            WHERE table_schema = 'weir' AND table_name = t.name;
        EXECUTE format('INSERT INTO weir.%1$I (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM later.%1$I ON CONFLICT DO NOTHING',
                       t.name, c);
    END LOOP;
    FOR t IN SELECT table_name AS name, column_name AS of FROM information_schema.columns
             WHERE table_schema = 'weir' AND is_identity = 'YES' LOOP
        EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), (SELECT max(%I) FROM weir.%I))',
                       'weir.' || t.name, t.of, t.of, t.name);
    END LOOP;
    -- before migration 4 a trace that came was pending at once
    IF to_regclass('weir.arrival') IS NULL THEN
        INSERT INTO weir.pending SELECT encode(substring(traces FROM n FOR 16), 'hex')::uuid, received_ns, received_ns,
            received_ns, 1 FROM later.arrival, generate_series(1, length(traces), 16) n ON CONFLICT DO NOTHING;
    END IF;
END $$;
DROP SCHEMA later CASCADE;
"""


def make_older(postgres, version):
    """The same data in the schema that weir had with this many migrations."""
    steps = ["ALTER SCHEMA weir RENAME TO later", "CREATE SCHEMA weir",
             "CREATE TABLE weir.migration (number int PRIMARY KEY, name text NOT NULL,"
             " applied_at timestamptz NOT NULL DEFAULT now())"]
    for number, path in enumerate(MIGRATIONS[:version], 1):
        steps += [path.read_text(encoding="utf-8"), f"INSERT INTO weir.migration VALUES ({number}, '{path.stem}')"]
    postgres.sql(";\n".join(steps + [FILL]))


class OlderDatabase(unittest.TestCase):
    def setUp(self):
        self.postgres = Postgres()
        self.postgres.__enter__()
        self.addCleanup(self.postgres.__exit__)

    def send(self, collector, requests):
        with Load(BIN, collector.nng, threads=1, requests=requests) as load:
            eventually(lambda: load.stats()["created"] == requests * SPANS_A_REQUEST, "all requests are made")
            self.assertEqual(load.finish(10000)["dropped"], 0)

    def analysed(self, collector, requests):
        eventually(lambda: collector.json("/status")["requests"] == requests, f"{requests} requests are analysed")

    def read(self, collector):
        findings = collector.json("/findings")["findings"]
        return (collector.json("/requests")["requests"], findings,
                [collector.json("/trace/" + trace) for trace in findings[0]["trace_ids"]])

    def test_every_older_schema(self):
        for version in range(1, len(MIGRATIONS)):
            with self.subTest(version=version):
                self.check(version)
                self.postgres.sql("SET client_min_messages = warning; DROP SCHEMA weir CASCADE")

    def check(self, version):
        with Collector(BIN, dsn=self.postgres.dsn) as collector:
            self.send(collector, 20)
            self.analysed(collector, 20)
            before = self.read(collector)
        with Collector(BIN, dsn=self.postgres.dsn, options=("--quiet-ms", "600000")) as collector:
            self.send(collector, 3)  # not analysed yet when the older weir stops
        make_older(self.postgres, version)
        spans = self.postgres.sql("SELECT sum(stored) FROM weir.producer")
        with Collector(BIN, dsn=self.postgres.dsn, options=("--quiet-ms", "600000")) as collector:
            self.assertEqual(self.postgres.sql("SELECT max(number) FROM weir.migration"), str(len(MIGRATIONS)))
            self.assertEqual(self.read(collector), before)
            self.assertEqual(str(collector.json("/status")["spans"]), spans)
        with Collector(BIN, dsn=self.postgres.dsn) as collector:
            self.analysed(collector, 23)
            self.send(collector, 2)
            self.analysed(collector, 25)
            (row,) = collector.json("/requests")["requests"]
            self.assertEqual((row["count"], row["calls"]["db"]), (25, before[0][0]["calls"]["db"]))

    def test_a_newer_one_is_refused(self):
        with Collector(BIN, dsn=self.postgres.dsn):
            pass
        newest = len(MIGRATIONS) + 1
        self.postgres.sql(f"INSERT INTO weir.migration (number, name) VALUES ({newest}, 'of a later weir')")
        run = subprocess.run([BIN + "/weir-collector", "--postgres", self.postgres.dsn, "--http", "127.0.0.1:0", "--listen",
                              "tcp://127.0.0.1:0"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        (line,) = run.stderr.splitlines()
        self.assertIn(f"made by a newer weir: it is at migration {newest}, this one knows {newest - 1}", line)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
