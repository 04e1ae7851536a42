#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is acknowledged while Postgres is away or slow lies on disk, within its limits, and comes to Postgres once:
through kills of the collector, a full disk, damage, and batches that are sent again."""
import contextlib
import glob
import os
import subprocess
import sys
import unittest

from collector import Collector, eventually, spool_folder
from postgres import Postgres
from sp import RETRY, STORED, Peer, batch

SPANS = 50


class Spool(unittest.TestCase):
    def setUp(self):
        self.postgres = Postgres({"fsync": "on"})
        self.postgres.__enter__()
        self.addCleanup(self.postgres.__exit__)
        self.acknowledged = set()

    def collector(self, *options, **more):
        return Collector(BIN, dsn=self.postgres.dsn, options=options, **more)

    def send(self, peer, sequence, producer=7):
        status, reason, retry_ms = peer.ask(sequence, batch(producer, sequence, SPANS, trace=sequence))
        if status == STORED:
            self.acknowledged.add((producer, sequence))
        return status, reason, retry_ms

    def segments(self):
        return sorted(glob.glob(spool_folder(self.postgres.dsn) + "/*.spool"))

    def check(self, collector):
        """What was acknowledged is stored, once; nothing else is needed to be."""
        collector.settle()
        stored = {tuple(map(int, row.split("|"))) for row in
                  self.postgres.sql("SELECT producer, sequence FROM weir.batch").split()}
        self.assertEqual(self.acknowledged - stored, set())
        total, distinct = map(int, self.postgres.sql(
            "SELECT sum(cardinality(operation_id)), count(DISTINCT trace_id) FROM weir.fragment").split("|"))
        self.assertEqual((total, distinct), (SPANS * len(stored), len(stored)))

    @contextlib.contextmanager
    def outage(self):
        self.postgres.stop()
        yield
        self.postgres.start()

    def test_batches_are_acknowledged_while_postgres_is_away(self):
        with self.collector() as collector, Peer(collector.nng) as peer:
            self.assertEqual(self.send(peer, 1)[0], STORED)
            with self.outage():
                for sequence in range(2, 40):
                    self.assertEqual(self.send(peer, sequence)[0], STORED)
                self.assertEqual(self.send(peer, 5)[0], STORED)  # again: its answer may have been lost
                self.assertEqual(self.send(peer, 1)[0], STORED)  # and one that is in Postgres
                spool = collector.json("/status")["spool"]
                self.assertEqual(spool["batches"], 40)
                self.assertEqual(len(self.segments()), 1)
            self.check(collector)
            self.assertEqual(self.segments(), [])
            self.assertEqual(collector.counter("batches_duplicate"), 2)
            self.assertEqual(self.postgres.sql("SELECT stored FROM weir.producer"), str(39 * SPANS))

    def test_a_killed_collector_drains_after_its_restart(self):
        with self.collector() as collector, Peer(collector.nng) as peer:
            self.send(peer, 1)
            with self.outage():
                for sequence in range(2, 30):
                    self.assertEqual(self.send(peer, sequence)[0], STORED)
                collector.kill()
        self.assertEqual(len(self.segments()), 1)
        with self.collector() as collector:
            self.check(collector)
        self.assertEqual(len(self.acknowledged), 29)

    def test_killed_again_and_again_while_it_drains(self):
        """Each start reads its segments from their begin; what is stored already is known again."""
        with self.collector() as collector, Peer(collector.nng) as peer:
            self.postgres.stop()
            for sequence in range(1, 300):
                self.send(peer, sequence)
            self.postgres.start()
            collector.kill()
        for _ in range(3):
            with self.collector("--group-spans-max", "500") as collector:
                before = int(self.postgres.sql("SELECT count(*) FROM weir.batch"))
                eventually(lambda: int(self.postgres.sql("SELECT count(*) FROM weir.batch")) > before or
                           collector.is_settled(), "some are drained")
                collector.kill()
        with self.collector() as collector:
            self.check(collector)
        self.assertEqual(len(self.acknowledged), 299)

    def test_a_full_spool_says_when_to_come_again(self):
        with self.collector("--spool-bytes-max", "20000") as collector, Peer(collector.nng) as peer:
            self.send(peer, 1)
            with self.outage():
                sequence, answer = 2, self.send(peer, 2)
                while answer[0] == STORED:
                    sequence += 1
                    answer = self.send(peer, sequence)
                self.assertEqual(answer[0], RETRY)
                self.assertIn("the spool is full", answer[1])
                self.assertGreater(answer[2], 0)
                self.assertGreater(sequence, 5)
                self.assertGreater(collector.counter("spool_batches_sent_back"), 0)
            eventually(lambda: self.send(peer, sequence)[0] == STORED, "there is room again")
            self.check(collector)

    def test_a_full_disk_is_a_full_spool(self):
        """No file of the collector's may grow beyond 30 kB: what a full disk does, for any user."""
        limit = ("prlimit", "--fsize=30000")
        with self.collector(before=limit) as collector, Peer(collector.nng) as peer:
            self.send(peer, 1)
            with self.outage():
                answers = [self.send(peer, sequence)[0] for sequence in range(2, 120)]
                self.assertEqual(set(answers), {STORED, RETRY})
                self.assertTrue(all(os.path.getsize(path) <= 30000 for path in self.segments()))
            self.check(collector)
            self.assertEqual(collector.counter("spool_records_corrupt") + collector.counter("spool_ends_torn"), 0)

    def test_a_postgres_that_hangs_does_not_keep_senders_waiting(self):
        with self.collector("--spool-after-ms", "100") as collector, Peer(collector.nng) as peer:
            self.send(peer, 1)
            lock = subprocess.Popen([self.postgres.bin + "/psql", "-X", "-q", "-d", self.postgres.dsn], text=True,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            lock.stdin.write("BEGIN; LOCK TABLE weir.batch; SELECT 'locked';\n")
            lock.stdin.flush()
            while "locked" not in lock.stdout.readline():
                pass
            peer.send(2, batch(7, 2, SPANS, trace=2))  # this one hangs with Postgres, and is answered when that goes on
            eventually(lambda: self.postgres.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0", "it hangs")
            with Peer(collector.nng) as other:
                for sequence in range(3, 10):
                    self.assertEqual(self.send(other, sequence)[0], STORED)
            self.assertEqual(collector.counter("spool_batches_kept"), 7)
            lock.communicate("COMMIT;\n")
            self.assertEqual(peer.receive()[:2], (2, STORED))
            self.acknowledged.add((7, 2))
            self.check(collector)

    def test_damage_costs_only_what_is_damaged(self):
        with self.collector() as collector, Peer(collector.nng) as peer:
            self.send(peer, 1)
            self.postgres.stop()
            for sequence in range(2, 22):
                self.send(peer, sequence)
            collector.kill()
        (path,) = self.segments()
        size = os.path.getsize(path)
        with open(path, "r+b") as file:
            file.seek(size // 2)
            file.write(b"\xff\x00\xff")
            file.truncate(size - 11)
        self.postgres.start()
        with self.collector() as collector:
            collector.settle()
            eventually(lambda: self.segments() == [], "the segment is gone")
            self.assertEqual(collector.counter("spool_records_corrupt"), 1)
            self.assertEqual(collector.counter("spool_ends_torn"), 1)
            self.assertEqual(self.postgres.sql("SELECT count(*) FROM weir.batch"), "19")
            with Peer(collector.nng) as peer:
                self.assertEqual(self.send(peer, 100)[0], STORED)

    def test_without_a_spool_batches_are_sent_back(self):
        with self.collector("--spool-bytes-max", "0") as collector, Peer(collector.nng) as peer:
            self.assertEqual(self.send(peer, 1)[0], STORED)
            with self.outage():
                status, reason, retry_ms = self.send(peer, 2)
                self.assertEqual((status, reason), (RETRY, "Postgres is away"))
                self.assertGreater(retry_ms, 0)
                self.assertIsNone(collector.json("/status")["spool"])
            eventually(lambda: self.send(peer, 2)[0] == STORED, "it is taken again")
            self.check(collector)

    def test_two_collectors_on_one_machine_have_a_spool_each(self):
        with self.collector() as one, self.collector() as other:
            with self.outage():
                for producer, collector in ((1, one), (2, other)):
                    with Peer(collector.nng) as peer:
                        self.assertEqual(self.send(peer, producer, producer), (STORED, '', 0))
            one.settle()
            self.check(other)
            self.assertEqual([c.counter("spool_batches_drained") for c in (one, other)], [1, 1])


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
