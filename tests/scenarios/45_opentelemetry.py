#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Spans to an OpenTelemetry backend: what arrives, what each answer does to a batch, and that a backend that is bad or gone
harms nobody. Time is only measured where the other side has asked for it, and only as too early."""
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

from one_of_each import Service
from otlp import Answer, OtlpServer, failure, in_seconds, partial_success

KINDS = {"internal": 1, "server": 2, "client": 3}


def by_name(spans):
    return {span["name"]: span for span in spans}


class WhatArrives(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with OtlpServer() as server, Service(BIN, server.url) as service:
            service.tell("request")
            cls.stats = service.finish()
            cls.spans = by_name(server.wait_spans(8))
            cls.requests = server.requests

    def span(self, name, kind, **wanted):
        """Exactly these attributes, but for where in the source it is and hashes, which are checked for their form."""
        span = self.spans[name]
        self.assertEqual(span["kind"], KINDS[kind])
        attributes = dict(span["attributes"])
        self.assertTrue(attributes.pop("code.file.path").endswith("one_of_each.c"))
        self.assertGreater(attributes.pop("code.line.number"), 0)
        self.assertIn(attributes.pop("code.function.name"), ("query", "insert", "http", "cache", "work", "request"))
        for key in ("weir.input.hash", "weir.answer.hash"):
            self.assertRegex(attributes.pop(key, "0" * 16), "^[0-9a-f]{16}$")
        self.assertEqual(attributes, {key.replace("__", "."): value for key, value in wanted.items()})
        return span

    def test_all_of_it_is_acknowledged(self):
        self.assertEqual(self.stats["acknowledged"], 8)
        self.assertEqual(self.stats["status"], "done")
        self.assertEqual({path for path, *_ in self.requests}, {"/v1/traces"})

    def test_the_resource_and_the_scope(self):
        span = self.spans["work"]
        resource = span["resource"]
        self.assertEqual(resource["service.name"], "shop")
        self.assertEqual(resource["telemetry.sdk.name"], "weir")
        self.assertIsInstance(resource["process.pid"], int)
        self.assertEqual(span["scope"][1], "weir")

    def test_the_request(self):
        span = self.span("GET /items/{id}", "server", http__request__method="GET", http__route="/items/{id}",
                         http__response__status_code=500, error__type="500")
        self.assertEqual((span["status"], span["parent_span_id"]), (2, ""))
        self.assertEqual(span["flags"] & 0x300, 0x100)  # known not to be remote
        for other in self.spans.values():
            self.assertEqual(other["trace_id"], span["trace_id"])
            self.assertLessEqual(span["start"], other["start"])
            self.assertLessEqual(other["end"], span["end"])
            if other is not span:
                self.assertEqual(other["parent_span_id"], span["span_id"])

    def test_a_query(self):
        self.span("SELECT items", "client", db__system__name="postgresql", db__query__summary="SELECT items",
                  db__query__text="SELECT name FROM shop.items WHERE owner = ? AND city = ?", db__response__returned_rows=3,
                  weir__operation__type="db", weir__connection=7, weir__input__count=2)

    def test_a_write_that_failed_after_a_query_that_it_needed(self):
        query = self.spans["SELECT items"]
        span = self.span("INSERT visits", "client", db__system__name="postgresql", db__query__summary="INSERT visits",
                         db__query__text="INSERT INTO visits (who) VALUES (?)", weir__rows=1, error__type="23505",
                         weir__operation__type="db", weir__connection=7, weir__input__count=1)
        self.assertEqual(span["status"], 2)
        self.assertEqual([(link["trace_id"], link["span_id"]) for link in span["links"]],
                         [(span["trace_id"], query["span_id"])])
        link = span["links"][0]["attributes"]
        self.assertIn(link.pop("weir.link.kind"), ("sequence", "value"))
        self.assertEqual(link, {"weir.link.column": 0, "weir.link.row": 1})

    def test_http_calls(self):
        self.span("POST /stock/{id}?full={}", "client", http__request__method="POST",
                  url__template="/stock/{id}?full={}", server__address="inventory", server__port=8081,
                  http__response__status_code=200, weir__operation__type="http", weir__input__count=2,
                  weir__unread=[self.spans["SELECT items"]["span_id"]])
        self.span("HTTP /pot", "client", http__request__method="_OTHER", http__request__method_original="BREW",
                  url__template="/pot", server__address="::1", http__response__status_code=200, weir__operation__type="http")

    def test_a_cache_look_up_and_a_connection(self):
        self.span("GET price:{}", "client", db__system__name="redis", db__operation__name="GET",
                  db__query__text="GET price:{}", weir__operation__type="cache", weir__connection=7, weir__input__count=1)
        self.span("connect to postgresql", "client", db__system__name="postgresql", weir__operation__type="connect",
                  weir__connection=7)

    def test_plain_attributes(self):
        self.span("work", "internal", app__int=-5, app__double=0.1, app__endless=float("inf"), app__bool=True,
                  app__text="a \"b\"\n\x1b[31mröt?")

    def test_no_literal_leaves_the_process(self):
        self.assertNotIn("secret", repr(self.spans))


class Answers(unittest.TestCase):
    """Eight spans; what the server does with them first, and what comes of it."""

    def deliver(self, *answers, finish_ms=20000, **environment):
        with OtlpServer() as server:
            server.answers = list(answers)
            with Service(BIN, server.url, **environment) as service:
                service.tell("request")
                server.wait_requests(1)
                stats = service.finish(finish_ms)
            self.assertFalse(server.unexpected, server.unexpected)
            return stats, server

    def sent_again(self, *answers):
        stats, server = self.deliver(*answers)
        self.assertEqual((stats["acknowledged"], stats["dropped"]), (8, 0))
        self.assertEqual(len(by_name(server.spans)), 8)
        self.assertGreaterEqual(stats["resent"], len(answers))
        ids = [[span["span_id"] for span in spans] for *_, spans in server.requests[:len(answers) + 1]]
        self.assertEqual(ids, [ids[0]] * len(ids), "the same batch again")
        return server

    def test_what_is_worth_trying_again(self):
        self.sent_again(Answer(429), Answer(502), Answer(503, body=failure("busy")), Answer(504))

    def test_a_connection_that_closes_without_an_answer(self):
        self.sent_again(Answer(close=True), Answer(close=True))

    def test_retry_after_in_seconds(self):
        server = self.sent_again(Answer(503, {"Retry-After": "1"}))
        self.assertGreaterEqual(server.requests[1][2] - server.requests[0][2], 0.99)

    def test_retry_after_as_a_date(self):
        server = self.sent_again(Answer(429, {"Retry-After": in_seconds(3)}))
        self.assertGreaterEqual(server.requests[1][2] - server.requests[0][2], 0.99)

    def test_nonsense_in_retry_after(self):
        self.sent_again(Answer(503, {"Retry-After": "soon"}), Answer(503, {"Retry-After": "-5"}))

    def test_a_retry_after_beyond_the_deadline_is_not_waited_for(self):
        stats, server = self.deliver(Answer(503, {"Retry-After": "3600"}), finish_ms=600000)
        self.assertEqual((stats["acknowledged"], stats["at_shutdown"]), (0, 8))
        self.assertEqual(len(server.requests), 1)

    def refused(self, answer):
        stats, server = self.deliver(answer)
        first = len(server.requests[0][3])
        self.assertEqual((stats["acknowledged"], stats["refused"], stats["resent"]), (8 - first, first, 0))
        self.assertIn("dropped", stats["status"])

    def test_what_is_never_sent_again(self):
        for status in (400, 401, 404, 408, 413, 500, 501):
            with self.subTest(status):
                self.refused(Answer(status, body=failure("no")))

    def test_redirects_are_not_followed(self):
        with OtlpServer() as elsewhere:
            self.refused(Answer(307, {"Location": elsewhere.url + "/v1/traces"}))
            self.assertEqual(elsewhere.requests, [])

    def test_partial_success(self):
        stats, server = self.deliver(Answer(200, body=partial_success(1, "too long")))
        self.assertEqual((stats["acknowledged"], stats["refused"], stats["resent"]), (7, 1, 0))
        self.assertIn("dropped", stats["status"])

    def test_a_partial_success_that_rejects_more_than_there_is(self):
        stats, server = self.deliver(Answer(200, body=partial_success(1 << 40, "all and more")))
        first = len(server.requests[0][3])
        self.assertEqual((stats["acknowledged"], stats["refused"]), (8 - first, first))

    def test_a_warning_rejects_nothing(self):
        stats, _ = self.deliver(Answer(200, body=partial_success(0, "old attribute names")))
        self.assertEqual((stats["acknowledged"], stats["dropped"]), (8, 0))

    def test_answers_that_are_none_of_otlp(self):
        for answer in (Answer(200, {"Content-Type": "text/html"}, b"<html>fine</html>"), Answer(204),
                       Answer(200, body=b"x" * (1 << 20))):
            stats, _ = self.deliver(answer)
            self.assertEqual((stats["acknowledged"], stats["dropped"]), (8, 0))

    def test_a_timeout_is_tried_again(self):
        stats, server = self.deliver(Answer(hang=True), OTEL_EXPORTER_OTLP_TIMEOUT="200")
        self.assertEqual((stats["acknowledged"], stats["dropped"]), (8, 0))
        self.assertGreaterEqual(stats["resent"], 1)


class Settings(unittest.TestCase):
    def test_opentelemetrys_own(self):
        with OtlpServer() as server:
            with Service(BIN, "", OTEL_EXPORTER_OTLP_ENDPOINT=server.url + "/base/",
                         OTEL_EXPORTER_OTLP_HEADERS="api-key=a%20b,content-type=text/plain",
                         OTEL_EXPORTER_OTLP_COMPRESSION="gzip") as service:
                service.tell("request")
                self.assertEqual(service.finish()["acknowledged"], 8)
            path, headers, _, _ = server.requests[0]
            self.assertEqual(path, "/base/v1/traces")
            self.assertEqual(headers["api-key"], "a b")
            self.assertEqual(headers["Content-Encoding"], "gzip")
            self.assertEqual(headers["Content-Type"], "application/x-protobuf")
            self.assertRegex(headers["User-Agent"], "^weir/")

    def test_a_companion_that_is_not_there_is_told(self):
        """A libweir without its neighbour, and no other in the places where the loader looks."""
        library = os.path.join(BIN, "../lib")
        with tempfile.TemporaryDirectory(prefix="weir-alone-") as folder:
            os.mkdir(folder + "/bin")
            os.mkdir(folder + "/tests")
            os.mkdir(folder + "/lib")
            shutil.copy(os.path.join(BIN, "../tests/one_of_each"), folder + "/tests")
            shutil.copy(library + "/libweir.so.0", folder + "/lib")
            with Service(folder + "/bin", "http://127.0.0.1:1", LD_LIBRARY_PATH=folder + "/lib") as service:
                self.assertIn("libweir-otlp.so.0", service.init)
                self.assertEqual(service.ask("stats")["created"], 0)

    def test_endpoints_that_are_none(self):
        for endpoint in ("http://", "http://a b/", "https://:99999/"):
            with Service(BIN, endpoint) as service:
                self.assertIn("WEIR_ENDPOINT", service.init, endpoint)


class BadBackends(unittest.TestCase):
    """No backend keeps a program from working, or from ending."""

    def lost_at_shutdown(self, endpoint, **environment):
        with Service(BIN, endpoint, **environment) as service:
            service.tell("request")
            stats = service.finish(300)
            self.assertEqual((stats["acknowledged"], stats["at_shutdown"]), (0, 8))
            self.assertIn("deadline", stats["status"])

    def test_nobody_listens(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.lost_at_shutdown("http://127.0.0.1:%d" % taken.getsockname()[1])

    def test_somebody_listens_and_never_answers(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            self.lost_at_shutdown("http://127.0.0.1:%d" % silent.getsockname()[1])
            self.lost_at_shutdown("https://127.0.0.1:%d" % silent.getsockname()[1])
            self.lost_at_shutdown("http://127.0.0.1:%d" % silent.getsockname()[1], OTEL_EXPORTER_OTLP_TIMEOUT="0")

    def test_a_backend_that_hangs_with_the_request(self):
        with OtlpServer() as server:
            server.answers = [Answer(hang=True)] * 3
            self.lost_at_shutdown(server.url)

    def test_a_backend_that_talks_tls_to_nobody(self):
        with OtlpServer() as server:
            self.lost_at_shutdown(server.url.replace("http:", "https:"))

    def test_return_from_main_while_the_backend_hangs(self):
        with OtlpServer() as server:
            server.answers = [Answer(hang=True)] * 3
            with Service(BIN, server.url, WEIR_SHUTDOWN_TIMEOUT="300") as service:
                service.tell("request")
                server.wait_requests(1)
                service.process.stdin.close()
                self.assertEqual(service.process.wait(30), 0)
                service.process.stdin = None

    def test_what_is_left_at_the_return_from_main_is_delivered(self):
        with OtlpServer() as server, Service(BIN, server.url, WEIR_EXPORT_INTERVAL="60000") as service:
            service.tell("request")
            service.ask("stats")
            service.process.stdin.close()
            self.assertEqual(service.process.wait(30), 0)
            service.process.stdin = None
            self.assertEqual(len(server.wait_spans(8)), 8)

    def test_a_backend_that_comes_back(self):
        with OtlpServer() as first:
            port = first.port
        with Service(BIN, f"http://127.0.0.1:{port}") as service:
            service.tell("request")
            with OtlpServer(port) as second:
                second.wait_spans(8)
                stats = service.finish()
                self.assertEqual((stats["acknowledged"], stats["dropped"]), (8, 0))


class Tls(unittest.TestCase):
    """A certificate that only who is told to trusts, for the server and for a client that must show one."""

    # A leak sanitizer looks after OpenSSL has taken its tables apart, and finds what they led to.
    EXITS = {"ASAN_OPTIONS": "detect_leaks=0"}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="weir-tls-")
        cls.addClassCleanup(folder.cleanup)
        cls.key, cls.certificate = folder.name + "/key.pem", folder.name + "/certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", cls.key, "-out", cls.certificate, "-days", "2", "-subj", "/CN=weir-test",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)

    def server(self, asks_for_client=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if asks_for_client:
            context.load_verify_locations(self.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        return OtlpServer(tls=context)

    def delivered(self, server, finish_ms=20000, **environment):
        with Service(BIN, server.url, **environment) as service:
            service.tell("request")
            return service.finish(finish_ms)["acknowledged"]

    def test_a_server_that_is_trusted(self):
        with self.server() as server:
            self.assertEqual(self.delivered(server, OTEL_EXPORTER_OTLP_CERTIFICATE=self.certificate), 8)
            self.assertEqual(len(server.spans), 8)

    def test_a_server_that_is_not(self):
        with self.server() as server:
            self.assertEqual(self.delivered(server, 500), 0)
            self.assertEqual(server.requests, [])

    def test_a_client_that_shows_who_it_is(self):
        with self.server(asks_for_client=True) as server:
            self.assertEqual(self.delivered(server, 500, OTEL_EXPORTER_OTLP_CERTIFICATE=self.certificate), 0)
            self.assertEqual(self.delivered(server, OTEL_EXPORTER_OTLP_CERTIFICATE=self.certificate,
                                            OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=self.certificate,
                                            OTEL_EXPORTER_OTLP_CLIENT_KEY=self.key), 8)

    def test_forks_and_exit(self):
        with self.server() as server:
            with Service(BIN, server.url, OTEL_EXPORTER_OTLP_CERTIFICATE=self.certificate,
                         WEIR_SHUTDOWN_TIMEOUT="20000", **self.EXITS) as service:
                service.tell("request")
                server.wait_spans(8)
                for _ in range(5):
                    self.assertEqual(service.ask("fork")["acknowledged"], 1)
                service.tell("request")
                service.process.stdin.close()  # the rest goes in exit
                self.assertEqual(service.process.wait(30), 0)
                service.process.stdin = None
            self.assertEqual(len(server.wait_spans(21)), 21)

    def test_exit_in_the_middle_of_a_handshake(self):
        """The deadline passes anywhere in it; what the TLS library does at exit must not meet what it still does."""
        with self.server() as server:
            for timeout_ms in range(0, 60, 3):
                with Service(BIN, server.url, OTEL_EXPORTER_OTLP_CERTIFICATE=self.certificate,
                             WEIR_SHUTDOWN_TIMEOUT=str(timeout_ms), **self.EXITS) as service:
                    service.tell("request")
                    service.process.stdin.close()
                    self.assertEqual(service.process.wait(30), 0, f"timeout {timeout_ms} ms")
                    service.process.stdin = None


class Forks(unittest.TestCase):
    def test_parent_and_child_deliver_each_its_own(self):
        with OtlpServer() as server, Service(BIN, server.url) as service:
            service.tell("request")
            server.wait_spans(8)
            for _ in range(5):
                child = service.ask("fork")
                self.assertEqual((child["created"], child["acknowledged"], child["dropped"]), (1, 1, 0))
            service.tell("request")
            stats = service.finish()
            self.assertEqual((stats["acknowledged"], stats["dropped"]), (16, 0))
            names = [span["name"] for span in server.wait_spans(21)]
            self.assertEqual(names.count("in the child"), 5)
            self.assertEqual(len(names), 21)

    def test_a_child_whose_parent_waits_for_an_answer(self):
        with OtlpServer() as server:
            server.answers = [Answer(hang=True)]
            with Service(BIN, server.url) as service:
                service.tell("spans 1")
                server.wait_requests(1)
                child = service.ask("fork")
                self.assertEqual((child["created"], child["acknowledged"]), (1, 1))


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
