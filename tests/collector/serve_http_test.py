# SPDX-License-Identifier: Apache-2.0
"""The HTTP side of the real daemon, on a real Postgres: what every page answers, and what bad requests get."""
import json
import os
import socket
import subprocess
import unittest
import urllib.parse

from serve_support import BIN, TRAFFIC, Collector, Postgres, eventually

REQUESTS, CACHED = 24, 20
ENDPOINT = "GET /shop/{id}"
PAGES = ["/", "/report", "/requests", "/findings", "/status"]


def quoted(text):
    return urllib.parse.quote(text, safe="")


class HttpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres()
        cls.postgres.__enter__()
        cls.addClassCleanup(cls.postgres.__exit__)
        cls.collector = Collector("--postgres", cls.postgres.dsn)
        cls.addClassCleanup(cls.collector.stop)
        environment = {**os.environ, "WEIR_ENDPOINT": cls.collector.nng, "OTEL_SERVICE_NAME": "shop",
                       "OTEL_RESOURCE_ATTRIBUTES": "service.version=1.0"}
        run = subprocess.run([TRAFFIC, str(REQUESTS), str(CACHED)], env=environment, capture_output=True, text=True,
                             check=True, timeout=60)
        cls.hostile_id = run.stdout.strip()
        eventually(lambda: cls.json("/status")["requests"] == REQUESTS + CACHED + 1, "all requests analysed")

    @classmethod
    def json(cls, path):
        return cls.collector.json(path)

    def text(self, path, status=200):
        got, headers, body = self.collector.ask(path)
        self.assertEqual(got, status, f"{path}: {body}")
        self.assertEqual(headers["Content-Type"], "text/plain; charset=utf-8")
        self.assertEqual(headers["Cache-Control"], "no-store")
        return body.decode("utf-8")

    def error(self, path, status):
        """One line of text, and the same as JSON."""
        text = self.text(path, status)
        self.assertEqual(text.splitlines()[0].isprintable(), True)
        got, _, body = self.collector.ask(path, {"Accept": "application/json"})
        self.assertEqual(got, status)
        self.assertEqual(list(json.loads(body)), ["error"])
        return text

    def raw(self, request):
        """Sends bytes as they are; returns the first line of what comes back."""
        with socket.create_connection((self.collector.host, self.collector.port), timeout=30) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").readline().decode("latin-1").strip()

    # ---- pages ----

    def test_every_page_as_text_and_as_json(self):
        for page in PAGES:
            self.assertTrue(self.text(page).endswith("\n"), page)
            self.assertIsInstance(self.json(page), dict, page)
            status, headers, _ = self.collector.ask(page + "?format=json")
            self.assertEqual((status, headers["Content-Type"]), (200, "application/json; charset=utf-8"))
        self.assertEqual(self.text("/healthz"), "ok\n")
        self.assertEqual(self.text("/readyz"), "ready\n")

    def test_format_wins_over_accept(self):
        _, headers, _ = self.collector.ask("/requests?format=text", {"Accept": "application/json"})
        self.assertIn("text/plain", headers["Content-Type"])

    def test_requests_are_counted_exactly(self):
        found = {row["endpoint"]: row for row in self.json("/requests")["requests"]}
        self.assertEqual(found[ENDPOINT]["count"], REQUESTS)
        self.assertEqual(found[ENDPOINT]["service"], "shop")
        self.assertEqual(found[ENDPOINT]["version"], "1.0")
        self.assertEqual(found[ENDPOINT]["calls"], {"db": 9, "http": 0, "cache": 0})

    def test_filters(self):
        for query in [f"endpoint={quoted(ENDPOINT)}", f"endpoint={quoted('shop:' + ENDPOINT)}", "service=shop&version=1.0",
                      "since=1h", "until=0s"]:
            endpoints = [row["endpoint"] for row in self.json("/requests?" + query)["requests"]]
            self.assertIn(ENDPOINT, endpoints, query)
        self.assertEqual(len(self.json(f"/requests?endpoint={quoted(ENDPOINT)}")["requests"]), 1)
        self.assertEqual(self.json("/requests?until=1h")["requests"], [])
        for page in ["/report", "/requests", "/findings"]:
            self.assertIn("No request began in this time.", self.text(page + "?until=1h"))
        for query in ["endpoint=GET%20/nothing", "service=nobody", "version=9", "service=%27%3B--"]:
            self.error("/requests?" + query, 404)
            self.error("/findings?" + query, 404)
            if "endpoint" in query:
                self.error("/profile?" + query, 404)

    def test_findings_and_those_of_one_trace_agree(self):
        whole = self.json(f"/findings?endpoint={quoted(ENDPOINT)}")["findings"]
        self.assertEqual([(f["kind"], f["count"], f["requests"]) for f in whole], [("n_plus_one_query", 8, REQUESTS)])
        one = self.json("/findings?trace=" + whole[0]["trace_ids"][0])["findings"]
        self.assertEqual([(f["kind"], f["count"], f["requests"]) for f in one], [("n_plus_one_query", 8, 1)])
        self.assertEqual(one[0]["operations"][0]["label"], whole[0]["operations"][0]["label"])

    def test_trace_by_id_and_the_slowest(self):
        trace_id = self.json(f"/findings?endpoint={quoted(ENDPOINT)}")["findings"][0]["trace_ids"][0]
        trace = self.json("/trace/" + trace_id)
        self.assertEqual((trace["trace_id"], len(trace["spans"])), (trace_id, 10))
        self.assertEqual(self.json("/trace/" + trace_id.upper())["trace_id"], trace_id)
        slowest = self.json("/trace?slowest=" + quoted(ENDPOINT))
        longest = max(span["duration_ns"] for span in slowest["spans"])
        summary = self.json(f"/requests?endpoint={quoted(ENDPOINT)}")["requests"][0]
        self.assertAlmostEqual(longest / 1e6, summary["max_ms"], places=3)
        self.assertIn("reviews", self.text("/trace/" + trace_id))

    def profile(self, query):
        return self.json("/profile?" + query)["profiles"]

    def test_a_profile_adds_up(self):
        profile, = self.profile("endpoint=" + quoted(ENDPOINT))
        summary = self.json(f"/requests?endpoint={quoted(ENDPOINT)}")["requests"][0]
        self.assertEqual((profile["service"], profile["version"], profile["endpoint"]), ("shop", "1.0", ENDPOINT))
        self.assertEqual((profile["requests"], profile["requests_seen"]), (REQUESTS, REQUESTS))
        for field in ["p50_ms", "p95_ms", "max_ms"]:
            self.assertEqual(profile[field], summary[field])
        self.assertEqual(profile["calls"], {"db": REQUESTS * 9, "http": 0, "cache": 0})
        rows = {row["label"]: row for row in profile["operations"]}
        loop, source = rows["reviews by item"], rows["items by shop"]
        self.assertEqual((loop["calls"], loop["calls_per_request"], loop["rows"]), (REQUESTS * 8, 8, REQUESTS * 8))
        self.assertEqual((source["calls"], source["rows"]), (REQUESTS, REQUESTS * 8))
        self.assertEqual([row["label"] for row in profile["operations"] if row["is_request"]], [ENDPOINT])
        self.assertAlmostEqual(sum(row["self_ms"] for row in profile["operations"]), profile["total_ms"], places=3)
        self.assertAlmostEqual(profile["operations"][-1]["cumulative_share"], 1, places=6)
        selfs = [row["self_ms"] for row in profile["operations"]]
        self.assertEqual(selfs, sorted(selfs, reverse=True))
        component, = profile["components"]
        self.assertEqual((component["is_request"], component["queries_per_request"]), (True, 9))
        self.assertIsNone(profile["cache"])
        self.assertIn("reviews by item", self.text("/profile?endpoint=" + quoted(ENDPOINT)))

    def test_the_profile_of_one_trace(self):
        slowest = self.json("/trace?slowest=" + quoted(ENDPOINT))
        profile, = self.profile("trace=" + slowest["trace_id"])
        self.assertEqual((profile["requests"], profile["endpoint"], profile["calls"]["db"]), (1, ENDPOINT, 9))
        self.assertEqual(profile["total_ms"], max(span["duration_ns"] for span in slowest["spans"]) / 1e6)

    def test_requests_that_share_a_trace_are_told_apart(self):
        cached = "endpoint=" + quoted("GET /cached/{id}")
        profile, = self.profile(cached)
        self.assertEqual((profile["requests"], profile["calls"]), (CACHED, {"db": CACHED // 4, "http": 0, "cache": CACHED}))
        trace_id = self.json("/trace?slowest=" + quoted("GET /cached/{id}"))["trace_id"]
        pair, = self.profile("trace=" + trace_id)
        self.assertEqual((pair["requests"], pair["calls"]["cache"]), (2, 2))
        own, = [row for row in profile["operations"] if row["is_request"]]
        self.assertEqual((own["calls"], own["calls_per_request"]), (CACHED, 1))

    def test_profiles_are_filtered(self):
        endpoint = "endpoint=" + quoted("shop:" + ENDPOINT)
        for query in ["&since=1h", "&until=0s", "&service=shop", "&version=1.0"]:
            self.assertEqual(self.profile(endpoint + query)[0]["requests"], REQUESTS)
        for query in ["&until=1h", "&service=nobody", "&version=2"]:
            self.error("/profile?" + endpoint + query, 404)

    def test_a_cached_endpoint_is_shown_split(self):
        cached = "endpoint=" + quoted("GET /cached/{id}")
        summary = self.json("/requests?" + cached)["requests"][0]["cache"]
        self.assertEqual(summary, self.profile(cached)[0]["cache"])
        self.assertEqual((summary["hit"]["count"], summary["part"]["count"], summary["miss"]["count"]), (15, 0, 5))
        self.assertEqual(summary["hit"]["calls"], {"db": 0, "http": 0, "cache": 1})
        self.assertEqual(summary["miss"]["calls"], {"db": 1, "http": 0, "cache": 1})
        component = {row["label"]: row for row in self.profile(cached)[0]["components"]}["load price"]
        self.assertEqual(component["calls"], {"db": 5, "http": 0, "cache": 0})
        for page in ["/report?", "/profile?"]:
            self.assertIn("15 of 20 requests hit (75 %)", self.text(page + cached + "&width=200"))

    def test_the_report_begins_with_what_saves_most(self):
        savings = [row["saving_total_ms"] for row in self.json("/report")["endpoints"]]
        self.assertEqual(savings, sorted(savings, reverse=True))
        self.assertGreater(savings[0], 0)
        self.assertIn("once for each row of “items by shop”", " ".join(self.text("/report?width=200").split()))

    def test_status_tells_what_was_sent(self):
        status = self.json("/status")
        spans = REQUESTS * 10 + CACHED * 2 + CACHED // 4 * 2 + 3
        self.assertEqual(status["spans"], spans)
        producer = [p for p in status["producers"] if p["service"] == "shop"][0]
        self.assertEqual((producer["created"], producer["stored"], producer["dropped_total"]), (spans, spans, 0))
        self.assertEqual(status["http"], self.collector.url)
        self.assertNotIn("password", json.dumps(status))

    def test_width_and_ascii_and_colour(self):
        for page in ["/report", "/requests", "/findings", "/status", "/trace?slowest=" + quoted(ENDPOINT),
                     "/profile?endpoint=" + quoted(ENDPOINT)]:
            joint = "&" if "?" in page else "?"
            for width in (60, 80, 100, 200):
                longest = max(len(line) for line in self.text(f"{page}{joint}width={width}").splitlines())
                self.assertLessEqual(longest, width, page)
            self.assertTrue(self.text(f"{page}{joint}ascii=1").isascii(), page)
            self.assertNotIn("\033", self.text(page))
        self.assertIn("\033[", self.text("/report?colour=1"))

    def test_hostile_names_are_shown_harmlessly(self):
        for page in ["/report", "/requests", "/findings", "/status", f"/trace/{self.hostile_id}",
                     f"/profile?trace={self.hostile_id}"]:
            for character in self.text(page):
                self.assertTrue(character == "\n" or (character >= " " and not "\x7f" <= character <= "\x9f"
                                                      and character != "\u202e"), f"{page}: {character!r}")
            self.json(page)
        self.assertNotIn("\nready:", self.text(f"/trace/{self.hostile_id}"))

    # ---- what bad requests get ----

    def test_unknown_pages(self):
        for path in ["/nothing", "/trace/", "/report/", "//report", "/../etc/passwd", "/%1b[31m"]:
            self.assertIn(self.collector.ask(path)[0], (400, 404), path)
        self.assertIn("/findings", self.text("/nothing", 404))

    def test_bad_parameters(self):
        for query in ["width=59", "width=x", "formt=json", "format=xml", "colour=2", "endpoint=", "since=soon",
                      "width=80&width=90", "service=%ff", "service=a%00b", "trace=12", "service=" + "x" * 5000]:
            self.error("/report?" + query if not query.startswith("trace") else "/findings?" + query, 400)
        self.error("/trace", 400)
        self.error("/healthz?width=80", 400)
        self.error("/report?%1b[31m=1", 400)
        self.error(f"/findings?trace={self.hostile_id}&service=shop", 400)
        self.error(f"/profile?trace={self.hostile_id}&since=1h", 400)
        self.error("/profile", 400)
        self.error("/profile?service=shop", 400)

    def test_bad_and_unknown_trace_ids(self):
        self.error("/trace/" + "0" * 31 + "1", 404)
        self.error("/findings?trace=" + "0" * 31 + "1", 404)
        self.error("/profile?trace=" + "0" * 31 + "1", 404)
        for bad in ["0" * 32, "xyz", "0" * 31, "g" * 32, "0" * 33, "%27"]:
            self.error("/trace/" + bad, 400)
        self.error("/trace?slowest=GET%20/nothing", 404)

    def test_only_get_and_head(self):
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]:
            status, headers, _ = self.collector.ask("/report", method=method)
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"), method)
        status, headers, body = self.collector.ask("/report", method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["Content-Length"]), 0)

    def test_lengths_that_contradict_each_other(self):
        head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
        for lengths in [b"Content-Length: 5\r\nContent-Length: 6\r\n", b"Content-Length: 0\r\nContent-Length: 30\r\n",
                        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 5, 6\r\n",
                        b"Content-Length: +5\r\n", b"Content-Length: -1\r\n"]:
            self.assertIn(" 400 ", self.raw(head + lengths + b"\r\nhello") + " ", lengths)
        self.assertIn(" 200 ", self.raw(head + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello") + " ")
        self.assertIn(" 413 ", self.raw(head + b"Content-Length: 100000000\r\n\r\n") + " ")
        self.assertIn(" 413 ", self.raw(head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n") + " ")

    def test_a_refused_body_is_not_read_as_the_next_request(self):
        smuggled = b"GET /report HTTP/1.1\r\nHost: x\r\n\r\n"
        request = (b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(smuggled)) + smuggled
        with socket.create_connection((self.collector.host, self.collector.port), timeout=30) as connection:
            connection.sendall(request)
            answer = connection.makefile("rb").read()
        self.assertEqual(answer.count(b"HTTP/1.1"), 1, answer)
        self.assertIn(b" 405 ", answer.splitlines()[0] + b" ")

    def test_garbage_and_giant_headers(self):
        for garbage in [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100000 + b"\r\n\r\n"]:
            try:
                self.raw(garbage)
            except OSError:  # it may have hung up by now
                pass
        self.assertEqual(self.text("/healthz"), "ok\n")

    def test_many_idle_connections_do_not_stop_an_answer(self):
        idle = [socket.create_connection((self.collector.host, self.collector.port)) for _ in range(50)]
        try:
            self.assertEqual(self.text("/healthz"), "ok\n")
        finally:
            for connection in idle:
                connection.close()

    # ---- the daemon around it ----

    def test_port_in_use(self):
        run = subprocess.run([BIN + "/weir-collector", "--postgres", self.postgres.dsn, "--http",
                              f"127.0.0.1:{self.collector.port}", "--listen", "tcp://127.0.0.1:0"],
                             capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn("in use", run.stderr.splitlines()[-1])
        self.assertEqual(run.stdout, "")

    def test_postgres_away_and_back(self):
        with Postgres() as postgres, Collector("--postgres", postgres.dsn) as collector:
            self.assertEqual(collector.ask("/readyz")[0], 200)
            postgres.stop()
            for page in ["/report", "/findings", "/readyz", "/trace/" + "1" * 32,
                         "/profile?endpoint=x", "/profile?trace=" + "1" * 32]:
                status, headers, body = collector.ask(page)
                self.assertEqual((status, headers["Retry-After"]), (503, "1"), page)
                self.assertEqual(body.count(b"\n"), 1, body)
            self.assertEqual(collector.ask("/healthz")[0], 200)
            status, _, page = collector.ask("/status")
            self.assertEqual(status, 200)
            self.assertIn(b"away", page)
            postgres.start()
            eventually(lambda: collector.ask("/readyz")[0] == 200, "ready again")
            self.assertEqual(collector.stop(), 0)


if __name__ == "__main__":
    unittest.main()
