#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hello_test.py BIN_FOLDER: the small example runs, and sends what it says."""
import os
import subprocess
import sys
import unittest

from support import CONNECT, DB, ENDPOINT, SPAN, Receiver, run_usage
from postgres import Postgres

BIN = sys.argv.pop(1)


class Hello(unittest.TestCase):
    def test_it_greets_each_guest(self):
        with Postgres() as postgres, Receiver([BIN + "/span_dump"]) as receiver:
            run = subprocess.run([BIN + "/hello", postgres.dsn], env={**os.environ, **receiver.environment()},
                                 stderr=subprocess.PIPE, text=True, timeout=60, check=False)
            spans = receiver.spans()
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        types = [span["type"] for span in spans]
        self.assertEqual([types.count(kind) for kind in (CONNECT, ENDPOINT, SPAN, DB)], [1, 1, 10, 11])

    def test_without_a_database_it_says_so(self):
        run = run_usage([BIN + "/hello", "host=/nonexistent"])
        self.assertEqual(run.returncode, 1)
        self.assertIn("/nonexistent", run.stderr)


if __name__ == "__main__":
    unittest.main()
