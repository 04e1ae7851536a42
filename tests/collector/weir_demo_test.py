# SPDX-License-Identifier: Apache-2.0
"""weir demo from start to end, all stages and the load: its findings are exactly those that examples/*/expected.json lists,
its counts exact, for a cache's hits and misses apart; nothing is left running, and its data can be read afterwards."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from serve_support import BIN, running_on, eventually

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples"
WEIR = BIN + "/weir"


def expected(service):
    return json.loads((EXAMPLES / service / "expected.json").read_text(encoding="utf-8"))


def without_address(label):
    """`GET inventory.localhost:4711 /x` → `GET inventory /x`"""
    return re.sub(r"(\w+)\.localhost(:\d+)?", r"\1", label)


def shape(finding):
    """What expected.json says of a finding."""
    return {"kind": finding["kind"], "endpoint": finding["endpoint"], "count": finding["count"],
            "operations": [without_address(operation["label"]) for operation in finding["operations"]],
            "source": finding["source"] and finding["source"]["label"], "confidence": finding["confidence"]}


def in_order(findings):
    return sorted(findings, key=lambda finding: json.dumps(finding, sort_keys=True))


def is_of_a_slow_moment(finding):
    """A cache's look-up is worth running beside something else only in a request in which a busy machine delayed it."""
    return (any(operation["type"] == "cache" for operation in finding["operations"])
            and 2 * finding["requests"] < finding["requests_seen"])


DEADLINE_S = 560
USERS = 100
WITH_LOAD = "WEIR_DEMO_WITHOUT_LOAD" not in os.environ  # a sanitized build serves no 100 users


class DemoTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weir-demo-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)

    def test_the_demo(self):
        full = ["--full"] if WITH_LOAD else []
        run = subprocess.run([WEIR, "demo", *full, "--json", "--data-dir", self.folder], capture_output=True, text=True,
                             timeout=DEADLINE_S, check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        studies = json.loads(run.stdout)["case_studies"]
        self.assertEqual([study["service"] for study in studies], ["dashboard", "products"])
        for study in studies:
            self.check_study(study)
        eventually(lambda: not running_on(self.folder), "no process left")
        report = subprocess.run([WEIR, "requests", "--json", "--service", "dashboard", "--data-dir", self.folder],
                                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual({row["version"] for row in json.loads(report.stdout)["requests"]},
                         set(expected("dashboard")["stages"]))

    def check_study(self, study):
        wanted = expected(study["service"])
        self.assertEqual(study["endpoint"], wanted["endpoint"])
        self.assertEqual([stage["stage"] for stage in study["stages"]], list(wanted["stages"]))
        for stage in study["stages"]:
            with self.subTest(service=study["service"], stage=stage["stage"]):
                self.check_stage(stage, wanted["stages"][stage["stage"]])
        first = study["stages"][0]["summary"]
        for prediction in study["predictions"]:
            self.assertGreater(prediction["findings"], 0)
            self.assertAlmostEqual(prediction["predicted_p50_ms"], prediction["before_p50_ms"] - prediction["saving_ms"])
        self.assertEqual(study["predictions"][0]["before_p50_ms"], first["p50_ms"])
        if WITH_LOAD:
            self.check_load(study)

    def check_stage(self, stage, want):
        summary, client = stage["summary"], stage["client"]
        self.assertEqual((summary["count"], summary["errors"]), (stage["sent"], 0))
        self.assertEqual(sum(times["count"] for times in client.values()), stage["sent"])
        findings = [finding for finding in stage["findings"] if not is_of_a_slow_moment(finding)]
        self.assertEqual(in_order(map(shape, findings)), in_order(want["findings"]))
        if "calls" in want:
            self.assertEqual(summary["calls"], want["calls"])
            self.assertEqual(summary["calls_min"], summary["calls_max"])
            self.assertEqual((list(client), summary["cache"]), (["either"], None))
            seen_by = stage["sent"]
        else:
            cache, misses = summary["cache"], {50: 7, 20: 3}[stage["sent"]]
            self.assertEqual((cache["hit"]["calls"], cache["miss"]["calls"]), (want["calls_hit"], want["calls_miss"]))
            self.assertEqual((cache["hit"]["count"], cache["part"]["count"], cache["miss"]["count"]),
                             (stage["sent"] - misses, 0, misses))
            self.assertEqual((client["hit"]["count"], client["miss"]["count"]), (stage["sent"] - misses, misses))
            seen_by = misses if want.get("findings_of") == "miss" else stage["sent"]
        for finding in findings:
            self.assertEqual((finding["requests"], finding["requests_seen"]), (seen_by, stage["sent"]))

    def check_load(self, study):
        load, last = study["load"], study["stages"][-1]
        self.assertEqual((load["stage"], load["users"]), (last["stage"], USERS))
        hits, misses = load["client"]["hit"]["count"], load["client"]["miss"]["count"]
        self.assertEqual((hits, misses), {"dashboard": (595, 105), "products": (290, 10)}[study["service"]])
        self.assertGreater(load["rate_per_s"], 0)
        asks_on_a_hit = last["summary"]["cache"]["hit"]["calls"]["db"] > 0
        self.assertEqual(load["database_hit_ms"] > 0, asks_on_a_hit)
        self.assertGreater(load["database_miss_ms"], 0)
        shared = (load["database_hit_ms"] * hits + load["database_miss_ms"] * misses) / (hits + misses)
        self.assertAlmostEqual(shared, load["database_ms"])

    def test_killed_it_leaves_nothing_running(self):
        process = subprocess.Popen([WEIR, "demo", "--data-dir", self.folder], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            eventually(lambda: any("redis-server" in command for command in running_on(self.folder)), "Redis runs")
            eventually(lambda: any("postgres" in command for command in running_on(self.folder)), "Postgres runs")
        finally:
            process.kill()
            process.wait()
        eventually(lambda: not running_on(self.folder), "no process left")

    def test_without_redis_it_says_what_to_install(self):
        empty = os.path.join(self.folder, "empty")
        os.mkdir(empty)
        run = subprocess.run([WEIR, "demo", "--data-dir", os.path.join(self.folder, "data")], capture_output=True, text=True,
                             timeout=60, check=False, env={**os.environ, "PATH": empty})
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn("install the package redis-server", run.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "data")))


if __name__ == "__main__":
    unittest.main()
