# SPDX-License-Identifier: Apache-2.0
"""weir demo from start to end: its findings are exactly those that examples/*/expected.json lists, its counts exact, nothing
is left running, and its data can be read afterwards."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from serve_support import BIN, running_on, wait_until

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


class DemoTest(unittest.TestCase):
    def test_the_demo(self):
        folder = tempfile.mkdtemp(prefix="weir-demo-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        os.chmod(folder, 0o755)
        run = subprocess.run([WEIR, "demo", "--json", "--data-dir", folder], capture_output=True, text=True,
                             timeout=280, check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        studies = json.loads(run.stdout)["case_studies"]
        self.assertEqual([study["service"] for study in studies], ["dashboard", "products"])
        for study in studies:
            self.check_study(study)
        wait_until(lambda: not running_on(folder), "no process left")
        report = subprocess.run([WEIR, "requests", "--json", "--service", "dashboard", "--data-dir", folder],
                                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual([row["version"] for row in json.loads(report.stdout)["requests"]], ["before", "joined"])

    def check_study(self, study):
        wanted = expected(study["service"])
        self.assertEqual(study["endpoint"], wanted["endpoint"])
        self.assertEqual([stage["stage"] for stage in study["stages"]], list(wanted["stages"]))
        for stage in study["stages"]:
            want = wanted["stages"][stage["stage"]]
            self.assertEqual(stage["summary"]["count"], stage["sent"])
            self.assertEqual(stage["summary"]["errors"], 0)
            self.assertEqual(stage["summary"]["calls"], want["calls"])
            self.assertEqual(stage["summary"]["calls_min"], stage["summary"]["calls_max"])
            self.assertEqual(in_order(map(shape, stage["findings"])), in_order(want["findings"]), stage["stage"])
            for finding in stage["findings"]:
                self.assertEqual((finding["requests"], finding["requests_seen"]), (stage["sent"], stage["sent"]))
        prediction = study["prediction"]
        self.assertEqual(prediction["before_p50_ms"], study["stages"][0]["summary"]["p50_ms"])
        self.assertEqual(prediction["measured_p50_ms"], study["stages"][1]["summary"]["p50_ms"])
        self.assertLess(prediction["predicted_p50_ms"], prediction["before_p50_ms"])


if __name__ == "__main__":
    unittest.main()
