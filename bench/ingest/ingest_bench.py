#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Durable ingest through the whole collector, against its floor: a real collector on a throwaway Postgres with fsync on,
fed over SP by ingest_load; the floor (ingest_floor) runs on the same Postgres, before and after, and its better run counts.

    ingest_bench.py BIN [--only NAME,...] [--quiet-ms MS] [--option=--NAME=VALUE]...
    ingest_bench.py BIN --table-spans 10000000    fills a table, and compares the rate there with that of the empty one

One line a case: rate, ratio to its floor, CPU a span in the collector and in the Postgres process that stores, disk a
span with index, the longest time without an answer. Traces are not analysed meanwhile, but in the case `analysis`. The
normal run takes about a minute; --option goes to the collector.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/support"))
from collector import Collector  # noqa: E402
from postgres import Postgres  # noqa: E402

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
WAL_FILES = 64
ANALYSIS = "analysis"
NEVER_MS = "100000000"  # traces are not analysed while this is measured
GIVEN = {"fsync": "on", "shared_buffers": "128MB", "max_wal_size": "4GB", "checkpoint_timeout": "30min", "min_wal_size": "2GB"}


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


class Bench:
    def __init__(self, folder, postgres):
        self.bin, self.postgres = folder, postgres

    def floor(self, kind, trace_spans, rows):
        run = subprocess.run([os.path.join(self.bin, "ingest_floor"), self.postgres.dsn, kind, str(trace_spans), str(rows)],
                             stdout=subprocess.PIPE, text=True, check=True)
        return float(run.stdout)

    def load(self, collector, spans, **options):
        """Runs the load; (rate, collector's CPU a span, storing backend's CPU a span, all of Postgres' CPU a span) in
        spans a second and microseconds."""
        command = [os.path.join(self.bin, "ingest_load"), "--url", collector.nng, "--spans", str(spans)]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-")] + ([] if value is True else [str(value)])
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "packed\n"
            before = self.cpu(collector)
            result = json.loads(process.stdout.readline())
            after = self.cpu(collector)
        assert process.returncode == 0 and result["refused"] == 0, result
        spans = result["spans"]
        used = [(b - a) / spans * 1e6 for a, b in zip(before, after)]
        return spans / result["seconds"], used, result

    def cpu(self, collector):
        """CPU seconds of the collector, of the backend that stores, and of the one that analysis uses."""
        pids = dict(line.split("|") for line in self.postgres.sql(
            "SELECT application_name, max(pid) FROM pg_stat_activity WHERE application_name LIKE 'weir-collector%'"
            " GROUP BY 1").splitlines())
        return [cpu_s(collector.process.pid)] + [
            cpu_s(pids[name]) if name in pids else 0.0 for name in ("weir-collector ingest", "weir-collector analysis")]

    def disk(self, spans):
        return float(self.postgres.sql(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'weir.fragment'::regclass")) / spans

    def age(self):
        """A server that has run for a while writes its log into files that are there; a new one would have to make each."""
        self.postgres.sql(";".join("SELECT pg_logical_emit_message(true, 'weir', 'bench'); SELECT pg_switch_wal()"
                                   for _ in range(WAL_FILES)))
        self.postgres.sql("CHECKPOINT")

    def clean(self):
        self.postgres.sql("DROP SCHEMA IF EXISTS weir CASCADE")
        self.postgres.sql("CHECKPOINT")


# Sixteen producers with a batch of 4,096 spans under way each, as busy services send them, unless said otherwise.
# name: (spans, load's options, kind of floor, goal of the ratio, goal of bytes a span)
INTERLEAVED = {"trace_spans": 8, "interleave": 500, "producers": 4, "batch_spans": 512}
CASES = {
    "8 spans": (1_200_000, {"trace_spans": 8}, "plain", 1.4, 60),
    "3600 spans": (1_440_000, {"trace_spans": 3600, "batch_spans": 3600}, "plain", 2.0, 30),
    "1 span": (400_000, {"trace_spans": 1}, "indexed", 0.9, None),
    "8 in 512s": (600_000, {"trace_spans": 8, "batch_spans": 512}, "plain", None, None),
    "8 hashed": (800_000, {"trace_spans": 8, "hashes": True}, "plain", None, None),
    "3600 hashed": (1_440_000, {"trace_spans": 3600, "batch_spans": 3600, "hashes": True}, "plain", None, None),
    "500 interleaved": (200_000, INTERLEAVED, "plain", None, None),
    "  8 pipelined": (400_000, {**INTERLEAVED, "pipeline": 8}, "plain", None, None),
    "  4096 a batch": (400_000, {**INTERLEAVED, "batch_spans": 4096}, "plain", None, None),
}


def measure(bench, name, quiet_ms=NEVER_MS, collector_options=()):
    spans, options, kind, goal, bytes_goal = CASES[name]
    bench.clean()
    floor = bench.floor(kind, options["trace_spans"], 300_000)
    with Collector(bench.bin, dsn=bench.postgres.dsn, options=["--quiet-ms", quiet_ms, *collector_options]) as collector:
        bench.load(collector, 50_000, **{**options, "seed": 1})  # dictionaries and partitions are there, memory is warm
        bench.postgres.sql("TRUNCATE weir.fragment")
        rate, cpu, result = bench.load(collector, spans, **options)
        disk = bench.disk(spans)
    floor = max(floor, bench.floor(kind, options["trace_spans"], 300_000))
    print(f"{name:<16} {rate / 1e6:6.2f} M spans/s  floor {floor / 1e6:5.2f}  ratio {rate / floor:5.2f}"
          f"{f'  goal {goal}' if goal else '          '}  CPU us: collector {cpu[0]:5.2f}, Postgres {cpu[1]:5.2f}, analysis"
          f" {cpu[2]:5.2f}  {disk:6.1f} bytes{f'  goal {bytes_goal}' if bytes_goal else ''}"
          f"  gap {result['longest_gap_ms']:.0f} ms", flush=True)
    return rate / floor


def measure_full_table(bench, spans):
    """The rate of an empty table against that of one with so many spans in it."""
    _, options, *_ = CASES["8 spans"]
    probe = 800_000
    bench.clean()
    with Collector(bench.bin, dsn=bench.postgres.dsn, options=["--quiet-ms", NEVER_MS]) as collector:
        bench.load(collector, 50_000, **options)
        bench.postgres.sql("CHECKPOINT")
        empty = max(bench.load(collector, probe, **options)[0] for _ in range(2))
        filled = 2 * probe
        while filled < spans:
            filled += bench.load(collector, 2_000_000, **options)[2]["spans"]
        bench.postgres.sql("CHECKPOINT")
        full = max(bench.load(collector, probe, **options)[0] for _ in range(2))
    print(f"8 spans, empty table {empty / 1e6:.2f} M spans/s, one of {filled / 1e6:.1f} M spans {full / 1e6:.2f}, ratio"
          f" {full / empty:.2f}  goal 0.7", flush=True)


def measure_analysis(bench, spans=400_000):
    """Analysis beside ingest, then what is left of it alone: what keeps up, and what each costs the other."""
    bench.clean()
    with Collector(bench.bin, dsn=bench.postgres.dsn, options=["--quiet-ms", "500"]) as collector:
        rate, cpu, _ = bench.load(collector, spans, trace_spans=8)
        before, left = bench.cpu(collector), collector.json("/status")["traces_pending"]
        began, analysed = time.monotonic(), collector.counter("traces_analysed")
        while collector.json("/status")["traces_pending"]:
            time.sleep(0.05)
        seconds = time.monotonic() - began
        after = bench.cpu(collector)
        alone = collector.counter("traces_analysed") - analysed
    used = [(b - a) / alone * 1e6 for a, b in zip(before, after)]
    print(f"8 spans, analysed beside: {rate / 1e6:5.2f} M spans/s, CPU us a span: collector {cpu[0]:.2f}, Postgres {cpu[1]:.2f},"
          f" analysis {cpu[2]:.2f}; then {left} traces waited: {alone / seconds:,.0f} traces/s"
          f" ({alone * 8 / seconds:,.0f} spans/s), CPU us a trace: collector {used[0]:.0f}, Postgres {used[2]:.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--only", default=",".join([*CASES, ANALYSIS]))
    parser.add_argument("--table-spans", type=int, default=0)
    parser.add_argument("--quiet-ms", default=NEVER_MS)
    parser.add_argument("--option", action="append", default=[])
    arguments = parser.parse_args()
    with Postgres(GIVEN) as postgres:
        bench = Bench(arguments.bin, postgres)
        bench.age()
        if arguments.table_spans:
            measure_full_table(bench, arguments.table_spans)
            return
        for name in arguments.only.split(","):
            if name == ANALYSIS:
                measure_analysis(bench)
            else:
                measure(bench, name, arguments.quiet_ms, arguments.option)


if __name__ == "__main__":
    main()
