# SPDX-License-Identifier: Apache-2.0
"""weir load against a real server: what it asks and how often, what it says of answers, refusals and silence."""
import collections
import contextlib
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import unittest

WEIR = os.environ["WEIR_BIN"] + "/weir"
DEADLINE_S = 60


class Server(http.server.ThreadingHTTPServer):
    """Answers 200, or /status/N with N; /silent/… never, /gate/… once `gate` opens. Counts what is asked, and how much at
    the same time."""
    request_queue_size = 200
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.asked = []
        self.active = self.most_active = 0
        self.gate, self.closing = threading.Event(), threading.Event()
        self.arrived = threading.Semaphore(0)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self):
        self.gate.set()
        self.closing.set()
        self.shutdown()
        self.thread.join()
        self.server_close()

    @contextlib.contextmanager
    def counted(self, path):
        with self.lock:
            self.asked.append(path)
            self.active += 1
            self.most_active = max(self.most_active, self.active)
        self.arrived.release()
        try:
            yield
        finally:
            with self.lock:
                self.active -= 1


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment an answer: the second of two would wait for the first's acknowledgement

    def do_GET(self):
        with self.server.counted(self.path):
            kind, _, rest = self.path[1:].partition("/")
            if kind == "silent":
                self.server.closing.wait(DEADLINE_S)
                self.close_connection = True
                return
            if kind == "cut":
                self.close_connection = True
                return
            if kind == "gate":
                self.server.gate.wait(DEADLINE_S)
            self.send_response(int(rest) if kind == "status" else 200)
            if self.path == "/status/302":
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


def weir_load(*arguments, env=None):
    return subprocess.run([WEIR, "load", *arguments], capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                          env={**os.environ, **(env or {})})


class LoadTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.stop)

    def load(self, path, *arguments, status=0, env=None):
        run = weir_load(self.server.url + path, "--json", *arguments, env=env)
        self.assertEqual((run.returncode, run.stderr), (status, ""))
        return json.loads(run.stdout)

    def test_every_id_in_turn_and_exactly_so_often(self):
        said = self.load("/a/{1-20}", "-n", "50", "-c", "4")
        self.assertEqual((said["done"], said["failed"], said["statuses"], said["errors"]), (50, 0, {"200": 50}, {}))
        self.assertEqual(said["body_bytes"], 50 * 5)
        asked = collections.Counter(self.server.asked)
        self.assertEqual(asked, {f"/a/{i}": 3 if i <= 10 else 2 for i in range(1, 21)})
        self.assertEqual((said["all"]["count"], said["fresh"]["count"], said["asked_before"]["count"]), (50, 20, 30))
        self.assertLessEqual(self.server.most_active, 4)
        times = said["all"]
        self.assertTrue(0 < times["p50_ms"] <= times["p95_ms"] <= times["p99_ms"] <= times["max_ms"])

    def test_one_after_another_by_default(self):
        self.load("/a/{1-3}", "-n", "6")
        self.assertEqual(self.server.asked, ["/a/1", "/a/2", "/a/3"] * 2)
        self.assertEqual(self.server.most_active, 1)

    def test_the_hit_rate_is_exact_for_any_concurrency(self):
        for concurrency in ("1", "7", "100"):
            self.server.asked.clear()
            said = self.load("/a/{1-40}", "-n", "200", "-c", concurrency, "--hit-rate", "0.85")
            self.assertEqual((said["asked_before"]["count"], said["fresh"]["count"]), (170, 30))
            self.assertEqual(len(set(self.server.asked)), 30)
            self.assertEqual(len(self.server.asked), 200)

    def test_the_same_seed_asks_the_same(self):
        order = []
        for seed in ("5", "5", "6"):
            self.server.asked.clear()
            self.load("/a/{1-40}", "-n", "100", "--hit-rate", "0.85", "--seed", seed)
            order.append(list(self.server.asked))
        self.assertEqual(order[0], order[1])
        self.assertNotEqual(order[0], order[2])

    def test_an_id_is_asked_again_only_once_it_was_answered(self):
        """With the answer to the first held back, no repeat goes out; only the fresh ones do."""
        process = subprocess.Popen([WEIR, "load", self.server.url + "/gate/{1-40}", "-n", "40", "-c", "40", "--hit-rate",
                                    "0.9", "--json"], stdout=subprocess.PIPE, text=True)
        for _ in range(4):
            self.assertTrue(self.server.arrived.acquire(timeout=DEADLINE_S))
        self.server.gate.set()
        said = json.loads(process.communicate(timeout=DEADLINE_S)[0])
        self.assertEqual(len(set(self.server.asked[:4])), 4, self.server.asked)
        self.assertEqual((said["asked_before"]["count"], said["fresh"]["count"]), (36, 4))
        self.assertEqual(process.returncode, 0)

    def test_warmed_ids_are_not_measured_and_are_asked_before(self):
        said = self.load("/a/{1-13}", "-n", "10", "-c", "2", "--hit-rate", "1", "--warm", "3")
        self.assertEqual((said["done"], said["asked_before"]["count"], said["fresh"]["count"]), (10, 10, 0))
        self.assertEqual(sorted(self.server.asked[:3]), ["/a/1", "/a/2", "/a/3"])
        self.assertEqual((len(self.server.asked), len(set(self.server.asked))), (13, 3))

    def test_warming_that_fails_measures_nothing(self):
        run = weir_load(self.server.url + "/status/{500-520}", "-n", "10", "--hit-rate", "0.5", "--warm", "2")
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn("2 of the 2 requests to warm ids failed", run.stderr)

    def test_all_users_are_at_work_at_once(self):
        process = subprocess.Popen([WEIR, "load", self.server.url + "/gate/x", "-n", "30", "-c", "30"],
                                   stdout=subprocess.DEVNULL)
        for _ in range(30):
            self.assertTrue(self.server.arrived.acquire(timeout=DEADLINE_S))
        self.server.gate.set()
        self.assertEqual(process.wait(DEADLINE_S), 0)
        self.assertEqual(self.server.most_active, 30)

    def test_ramp_up_begins_with_one_and_ends_with_all(self):
        process = subprocess.Popen([WEIR, "load", self.server.url + "/gate/x", "-n", "4", "-c", "4", "--ramp-up", "0.4",
                                    "--json"], stdout=subprocess.PIPE, text=True)
        for _ in range(4):
            self.assertTrue(self.server.arrived.acquire(timeout=DEADLINE_S))
        self.server.gate.set()
        said = json.loads(process.communicate(timeout=DEADLINE_S)[0])
        self.assertGreaterEqual(said["elapsed_ms"], 300)  # the fourth begins after three quarters of it

    def test_a_user_thinks_between_an_answer_and_the_next_request(self):
        said = self.load("/a", "-n", "3", "--think", "0.15")
        self.assertEqual(said["done"], 3)
        self.assertGreaterEqual(said["elapsed_ms"], 300)

    def test_failures_are_counted_by_what_they_are(self):
        run = weir_load(*(self.server.url + path for path in ("/status/200", "/status/404", "/status/503", "/cut/1")), "-n",
                        "8", "--json")
        said = json.loads(run.stdout)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(said["statuses"], {"200": 2, "404": 2, "503": 2})
        self.assertEqual((said["done"], said["failed"], said["all"]["count"]), (8, 6, 2))
        self.assertEqual(sum(said["errors"].values()), 2)
        text = weir_load(self.server.url + "/status/404", "-n", "3")
        self.assertEqual(text.returncode, 1)
        self.assertIn("3: 3 with status 404", text.stdout)

    def test_silence_is_given_up(self):
        said = self.load("/silent/{1-2}", "-n", "2", "-c", "2", "--timeout", "0.2", status=1)
        self.assertEqual((said["errors"], said["statuses"]), ({"Timeout was reached": 2}, {}))
        self.assertEqual(said["all"], {"count": 0})

    def test_nobody_there(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))  # and does not listen
            run = weir_load(f"http://127.0.0.1:{bound.getsockname()[1]}/", "-n", "3")
        self.assertEqual(run.returncode, 1)
        self.assertIn("3 without an answer", run.stdout)

    def test_aims_at_nothing_but_what_is_named(self):
        """No redirect is followed, no proxy is asked, no pattern of hosts is taken."""
        said = self.load("/status/302", "-n", "2", env={"http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"})
        self.assertEqual((said["statuses"], said["failed"]), ({"302": 2}, 0))
        self.assertEqual(self.server.asked, ["/status/302"] * 2)
        for url in ("127.0.0.1", "http://127.0.0.{1-9}/", "ftp://h/", "file:///etc/passwd"):
            run = weir_load(url)
            self.assertEqual((run.returncode, run.stdout), (2, ""), url)
            self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)

    def test_bad_numbers_are_refused(self):
        for option in (["-n", "0"], ["-n", "1.5"], ["-n", "x"], ["-c", "0"], ["-c", "10001"], ["--hit-rate", "1.1"],
                       ["--hit-rate", "-1"], ["--timeout", "0"], ["--timeout", "nan"], ["--ramp-up", "inf"],
                       ["--seed", "0x1"], ["--warm", "2"], ["-n"], ["-x"], ["-n5"]):
            run = weir_load(self.server.url + "/", *option)
            self.assertEqual((run.returncode, run.stdout), (2, ""), option)
        self.assertEqual(weir_load().returncode, 2)
        self.assertEqual(self.server.asked, [])

    def test_too_few_ids_for_the_mix(self):
        run = weir_load(self.server.url + "/{1-14}", "-n", "100", "--hit-rate", "0.85")
        self.assertEqual(run.returncode, 1)
        self.assertIn("15 ids are needed", run.stderr)
        self.assertEqual(self.server.asked, [])

    def test_interrupted_it_prints_what_was_measured(self):
        process = subprocess.Popen([WEIR, "load", self.server.url + "/a", self.server.url + "/silent/x", "-n", "100", "--json"],
                                   stdout=subprocess.PIPE, text=True)
        for _ in range(2):
            self.assertTrue(self.server.arrived.acquire(timeout=DEADLINE_S))
        process.send_signal(signal.SIGINT)
        said = json.loads(process.communicate(timeout=DEADLINE_S)[0])
        self.assertEqual((said["interrupted"], said["done"], said["failed"]), (True, 1, 0))
        self.assertEqual(process.returncode, -signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
