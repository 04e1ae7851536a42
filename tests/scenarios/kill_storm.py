#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills at random moments under load: the collector, its Postgres, both, again and again, with and without a spool to drain.
Whatever was acknowledged is stored, once. By hand, as long as you like; ctest runs a short one (21_kills.py).

    kill_storm.py BIN [--kills 100] [--seed N] [--rate SPANS_A_SECOND]
    kill_storm.py BIN --outage-spans N     Postgres stopped while so many spans come, the collector killed in the middle
"""
import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
from collector import Collector, DataFolder, eventually  # noqa: E402
from postgres import Postgres  # noqa: E402

BATCH_SPANS = 64
PRODUCERS = 8
LONG_S = 600


class Sender:
    """ingest_load, which sends each batch until it is acknowledged."""

    def __init__(self, folder, url, spans, rate):
        self.spans = spans
        self.process = subprocess.Popen(
            [os.path.join(folder, "ingest_load"), "--url", url, "--spans", str(spans), "--rate", str(rate), "--patient",
             "--producers", str(PRODUCERS), "--batch-spans", str(BATCH_SPANS)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "packed\n"

    def is_done(self):
        return self.process.poll() is not None

    def result(self):
        line = self.process.stdout.readline()
        assert self.process.wait(LONG_S) == 0
        return json.loads(line)


def check_stored_once(sql, spans, batches):
    """All batches were acknowledged in the end, so all must be there; none twice."""
    assert sql("SELECT count(*) FROM weir.batch") == str(batches), sql("SELECT count(*) FROM weir.batch")
    assert sql("SELECT sum(cardinality(operation_id)) FROM weir.fragment") == str(spans)
    assert sql("SELECT sum(stored) FROM weir.producer") == str(spans)
    # a span of this load is known by its trace, operation and start
    distinct = sql("SELECT count(DISTINCT (trace_id, operation_id, start_ns)) FROM (SELECT trace_id, unnest(operation_id) AS"
                   " operation_id, start_ns + unnest(coalesce(start_offset_ns::bigint[], start_offset_long_ns)) AS start_ns"
                   " FROM weir.fragment) s")
    assert distinct == str(spans), (distinct, spans)


def postgres_pid(folder):
    with open(os.path.join(folder, "postgres", "postmaster.pid"), encoding="ascii") as file:
        return int(file.readline())


def kill_postgres(folder):
    try:
        os.kill(postgres_pid(folder), signal.SIGKILL)
        return True
    except (OSError, ValueError):
        return False  # it is just starting


def storm(binary, kills, rate, generator):
    """Returns what was killed and how the load went."""
    killed = {"collector": 0, "Postgres": 0, "both": 0}
    with DataFolder() as folder:
        collector = Collector(binary, folder)
        url = collector.nng
        sender = Sender(binary, url, int(rate * (kills * 0.9 + 3)), rate)
        while sum(killed.values()) < kills:
            time.sleep(generator.uniform(0, 0.5))  # any moment, not a condition
            what = generator.choice(list(killed))
            if what != "collector" and not kill_postgres(folder):
                continue
            if what != "Postgres":
                collector.kill()
                collector = Collector(binary, folder, listen=url)
            killed[what] += 1
        result = sender.result()
        collector.settle()
        eventually(lambda: collector.json("/status")["database_away"] is False, "Postgres is back")
        check_stored_once(collector.sql, result["spans"], result["batches"])
        status = collector.stop()
    assert status == 0, status
    return killed, result


def outage(binary, spans):
    """A real Postgres stopped; the collector killed half way; all of it drained after."""
    with Postgres({"fsync": "on"}) as postgres:
        collector = Collector(binary, dsn=postgres.dsn, options=["--spool-bytes-max", str(4 << 30)])
        url = collector.nng
        first = Sender(binary, url, spans // 2, 0)
        postgres.stop()
        first_result = first.result()
        kept = collector.json("/status")["spool"]
        collector.kill()
        postgres.start()
        collector = Collector(binary, dsn=postgres.dsn, listen=url, options=["--spool-bytes-max", str(4 << 30)])
        postgres.stop()
        second_result = Sender(binary, url, spans // 2, 0).result()
        postgres.start()
        began = time.monotonic()
        eventually(collector.is_settled, "the spool is drained", LONG_S)
        drained_s = time.monotonic() - began
        check_stored_once(postgres.sql, first_result["spans"] + second_result["spans"],
                          first_result["batches"] + second_result["batches"])
        assert collector.stop() == 0
    return kept, first_result, second_result, drained_s


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rate", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--outage-spans", type=int, default=0)
    arguments = parser.parse_args()
    began = time.monotonic()
    if arguments.outage_spans:
        kept, first, second, drained_s = outage(arguments.bin, arguments.outage_spans)
        print(f"{first['spans'] + second['spans']} spans acknowledged out of the spool, of the first half"
              f" {kept['batches']} batches in {kept['bytes']} bytes on disk; drained in {drained_s:.1f} s; stored once")
        return
    print(f"seed {arguments.seed}", flush=True)
    killed, result = storm(arguments.bin, arguments.kills, arguments.rate, random.Random(arguments.seed))
    print(f"killed: {killed}; {result['spans']} spans in {result['batches']} batches acknowledged, {result['resent']} batches"
          f" sent again after a lost connection, {result['retried']} told to come again, longest gap"
          f" {result['longest_gap_ms'] / 1000:.1f} s; all stored once; {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
