# SPDX-License-Identifier: Apache-2.0
"""The weir program: exit statuses, help, what it prints to a terminal and to a pipe, and collectors of its own."""
import fcntl
import http.server
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest
import urllib.parse

from serve_support import BIN, TRAFFIC, Collector, Postgres, Service, running_on, eventually
import sp  # noqa: I001 (serve_support says where)

WEIR = BIN + "/weir"
NOWHERE = "http://127.0.0.1:1"  # tcpmux: nobody listens there
COMMANDS = ["report", "requests", "findings", "trace", "profile", "status", "doctor", "watch", "load", "import", "demo", "help"]
ENDPOINT = "GET /shop/{id}"
HIDDEN = ["WEIR_URL", "WEIR_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER",
          "OTEL_TRACES_SAMPLER", "PAGER", "LESS", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LC_ALL", "LANG", "LC_CTYPE"]


def environment(**changes):
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {**kept, "LC_ALL": "C.UTF-8", "TERM": "xterm", "WEIR_PAGER": "", **changes}


def weir(*arguments, env=None):
    return subprocess.run([WEIR, *arguments], env=env or environment(), capture_output=True, text=True, timeout=120,
                          check=False)


def on_terminal(columns, *arguments, env=None, rows=40):
    """Runs weir with a terminal of so many columns as standard output; returns what it wrote."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen([WEIR, *arguments], env=env or environment(), stdout=secondary,
                               stdin=subprocess.DEVNULL)
    os.close(secondary)
    written = b""
    while True:
        try:
            piece = os.read(primary, 65536)
        except OSError:  # EIO: the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(primary)
    assert process.wait(60) == 0
    return written.decode("utf-8").replace("\r\n", "\n")


def without_colour(text):
    return re.sub("\033\\[[0-9;]*m", "", text)


def without_age(text):
    """Two answers may come on two sides of a second, and lines then break elsewhere."""
    return re.sub("just now|[0-9]+ \\w+ ago", "(age)", " ".join(text.split()))


class UsageTest(unittest.TestCase):
    """Needs no collector."""

    def one_line(self, run, status):
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertEqual(run.stdout, "")
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
        self.assertTrue(run.stderr.startswith("weir: "), run.stderr)
        return run.stderr

    def test_help(self):
        whole = weir("--help")
        self.assertEqual((whole.returncode, whole.stderr), (0, ""))
        self.assertEqual(whole.stdout, weir("help").stdout)
        for command in COMMANDS:
            self.assertIn(f"  {command} ", whole.stdout)
            run = weir(command, "--help")
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertIn("\nExample: weir " + command, run.stdout)
            self.assertEqual(run.stdout, weir("help", command).stdout)
            self.assertEqual(run.stdout, weir(command, "-h").stdout)

    def test_version(self):
        self.assertRegex(weir("--version").stdout, r"^weir \d+\.\d+\.\d+\n$")
        self.one_line(weir("--version", "report"), 2)  # the program's, which does not go with a command
        self.one_line(weir("report", "--version"), 2)  # the service's, which needs a value

    def test_wrong_usage(self):
        for arguments in [[], ["nothing"], ["report", "extra"], ["report", "--nothing"], ["report", "-x"],
                          ["report", "--url"], ["report", "--json=1"], ["report", "--slowest", "GET /"], ["trace"],
                          ["trace", "1" * 32, "--slowest", "GET /"], ["trace", "xyz"], ["trace", "../status"],
                          ["trace", "1" * 32, "--service", "x"], ["trace", "1" * 32, "2" * 32],
                          ["profile"], ["profile", "GET /", "--trace", "1" * 32], ["profile", "GET /", "GET /x"],
                          ["profile", "--endpoint", "GET /"],
                                                    ["report", "--width", "wide"], ["report", "--width", "59"],
                          ["report", "--width", "1001"], ["report", "--colour", "green"],
                          ["report", "--url", NOWHERE, "--data-dir", "/tmp"], ["help", "nothing"],
                          ["demo", "--url", NOWHERE], ["watch", "demo"], ["watch", "nothing"], ["watch", "trace"],
                          ["watch", "report", "--trace", "1" * 32], ["watch", "status", "extra"],
                          ["watch", "--interval", "0"], ["watch", "--interval", "soon"], ["watch", "--no-pager"], ["--json"], ["1", "2", "3", "4", "5", "6"]]:
            self.one_line(weir(*arguments), 2)

    def test_collector_out_of_reach(self):
        for run in [weir("report", "--url", NOWHERE), weir("status", env=environment(WEIR_URL=NOWHERE)),
                    weir("--url=" + NOWHERE, "findings"), weir("watch", "--url", NOWHERE)]:
            said = self.one_line(run, 3)
            self.assertIn(NOWHERE, said)
            self.assertIn("start weir-collector", said)

    def test_bad_urls(self):
        for url in ["file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http://[::1", "127.0.0.1:1"]:
            self.one_line(weir("report", "--url", url), 3)

    def test_something_else_on_the_port(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
        server.RequestHandlerClass.log_message = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}"
            self.assertIn("no weir-collector", self.one_line(weir("report", "--url", url), 3))
        finally:
            server.shutdown()
            server.server_close()

    def test_a_proxy_is_not_asked(self):
        said = self.one_line(weir("report", "--url", NOWHERE, env=environment(http_proxy="http://127.0.0.1:2")), 3)
        self.assertIn("port 1 ", said)

    def test_data_dir_without_data(self):
        with tempfile.TemporaryDirectory() as folder:
            self.one_line(weir("report", "--data-dir", folder), 1)
            self.one_line(weir("report", "--data-dir", folder + "/none"), 1)
            self.assertEqual(os.listdir(folder), [])

    def test_demo_leaves_other_directories_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "precious").write_text("data", encoding="ascii")
            self.assertIn("not empty", self.one_line(weir("demo", "--data-dir", folder), 1))
            self.assertEqual(os.listdir(folder), ["precious"])
            self.one_line(weir("demo", "--data-dir", folder + "/precious"), 1)
            os.symlink(folder, folder + "/weir-demo")  # a mark that is a link is no mark
            self.one_line(weir("demo", "--data-dir", folder), 1)
            self.assertEqual(sorted(os.listdir(folder)), ["precious", "weir-demo"])


class AnswerTest(unittest.TestCase):
    """Against a running collector with 24 requests in it."""

    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres()
        cls.postgres.__enter__()
        cls.addClassCleanup(cls.postgres.__exit__)
        cls.collector = Collector("--postgres", cls.postgres.dsn)
        cls.addClassCleanup(cls.collector.stop)
        subprocess.run([TRAFFIC, "24"], check=True, timeout=60, stdout=subprocess.DEVNULL,
                       env={**os.environ, "WEIR_ENDPOINT": cls.collector.nng, "OTEL_SERVICE_NAME": "shop"})
        eventually(lambda: cls.collector.json("/status")["requests"] == 25, "all analysed")

    def ask(self, *arguments, **changes):
        return weir(*arguments, env=environment(WEIR_URL=self.collector.url, **changes))

    def test_prints_what_curl_gets(self):
        for command in ["report", "requests", "findings", "status"]:
            run = self.ask(command)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertTrue(run.stdout)
            if command != "status":  # which counts the requests that we make
                self.assertEqual(without_age(run.stdout),
                                 without_age(self.collector.ask("/" + command)[2].decode("utf-8")))
            self.assertIsInstance(json.loads(self.ask(command, "--json").stdout), dict)

    def test_traces(self):
        slowest = self.ask("trace", "--slowest", ENDPOINT, "--json")
        trace_id = json.loads(slowest.stdout)["trace_id"]
        self.assertEqual(json.loads(self.ask("trace", trace_id, "--json").stdout)["trace_id"], trace_id)
        self.assertEqual(self.ask("trace", trace_id).returncode, 0)
        self.assertEqual(len(json.loads(self.ask("findings", "--trace", trace_id, "--json").stdout)["findings"]), 1)
        self.assertEqual(len(json.loads(self.ask("findings", "--endpoint", ENDPOINT, "--json").stdout)["findings"]), 1)

    def test_profiles(self):
        run = self.ask("profile", ENDPOINT)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual(run.stdout,
                         self.collector.ask("/profile?endpoint=" + urllib.parse.quote(ENDPOINT))[2].decode("utf-8"))
        profile, = json.loads(self.ask("profile", ENDPOINT, "--since", "1h", "--service", "shop", "--json").stdout)["profiles"]
        self.assertEqual(profile["requests"], 24)
        trace_id = json.loads(self.ask("trace", "--slowest", ENDPOINT, "--json").stdout)["trace_id"]
        profile, = json.loads(self.ask("profile", "--trace", trace_id, "--json").stdout)["profiles"]
        self.assertEqual((profile["requests"], profile["calls"]["db"]), (1, 9))
        self.assertEqual(self.ask("profile", "--trace", trace_id, "--service", "shop").returncode, 2)
        self.assertEqual(self.ask("profile", "--trace", "12").returncode, 2)

    def test_version_behind_a_command_is_the_services(self):
        for arguments in [["report"], ["requests"], ["findings"], ["profile", ENDPOINT], ["trace", "--slowest", ENDPOINT]]:
            for option in ["--version", "--service-version"]:
                run = self.ask(*arguments, option, "9")
                self.assertEqual((run.returncode, run.stdout), (1, ""), arguments)

    def test_nothing_found(self):
        for arguments in [["profile", "GET /none"], ["profile", "--trace", "1" * 32], ["trace", "1" * 32], ["trace", "--slowest", "GET /none"], ["findings", "--trace", "1" * 32],
                          ["findings", "--endpoint", "GET /none"], ["report", "--service", "none", "--json"]]:
            run = self.ask(*arguments)
            self.assertEqual((run.returncode, run.stdout), (1, ""), arguments)
            self.assertEqual(len(run.stderr.splitlines()), 1)
            self.assertNotIn("{", run.stderr)

    def test_bad_values_are_usage(self):
        self.assertEqual(self.ask("report", "--since", "yesterday").returncode, 2)
        self.assertEqual(self.ask("findings", "--trace", "12").returncode, 2)

    def test_url_forms(self):
        for url in [self.collector.url + "/", self.collector.url.removeprefix("http://")]:
            self.assertEqual(weir("report", "--url", url).returncode, 0, url)

    def test_fits_the_terminal(self):
        for columns in (60, 80, 132):
            shown = without_colour(on_terminal(columns, "report", "--url", self.collector.url))
            self.assertLessEqual(max(map(len, shown.splitlines())), columns)
        narrow = without_colour(on_terminal(20, "report", "--url", self.collector.url))
        self.assertLessEqual(max(map(len, narrow.splitlines())), 60)
        piped = self.ask("report", COLUMNS="70").stdout
        self.assertLessEqual(max(map(len, piped.splitlines())), 70)
        self.assertEqual(without_age(self.ask("report", "--width", "70").stdout), without_age(piped))

    def test_colours_only_on_a_terminal(self):
        url = ["--url", self.collector.url]
        self.assertIn("\033[", on_terminal(100, "report", *url))
        self.assertNotIn("\033", on_terminal(100, "report", *url, env=environment(NO_COLOR="1")))
        self.assertNotIn("\033", on_terminal(100, "report", *url, env=environment(TERM="dumb")))
        self.assertNotIn("\033", on_terminal(100, "report", *url, "--colour", "never"))
        self.assertNotIn("\033", self.ask("report").stdout)
        self.assertIn("\033[", self.ask("report", CLICOLOR_FORCE="1").stdout)
        self.assertIn("\033[", self.ask("report", "--colour=always").stdout)

    def test_a_pager_where_the_screen_is_too_small(self):
        def paged(*arguments, rows=3, **changes):
            shown = on_terminal(100, "findings", "--url", self.collector.url, *arguments, rows=rows,
                                env=environment(**{"WEIR_PAGER": "sed 's/^/paged: /'", **changes}))
            lines = shown.splitlines()
            return bool(lines) and all(line.startswith("paged: ") for line in lines)

        answer = self.ask("findings", "--width", "100").stdout
        self.assertTrue(paged())
        self.assertFalse(paged(rows=200))
        self.assertFalse(paged(rows=len(answer.splitlines()) + 1))  # and a row for the prompt
        self.assertTrue(paged(rows=len(answer.splitlines())))
        self.assertFalse(paged("--no-pager"))
        self.assertFalse(paged(TERM="dumb"))
        self.assertFalse(paged(WEIR_PAGER=""))
        self.assertTrue(paged(PAGER="false"))  # WEIR_PAGER wins
        self.assertNotIn("paged", self.ask("findings", WEIR_PAGER="sed 's/^/paged: /'").stdout)  # a pipe
        whole = on_terminal(100, "findings", "--url", self.collector.url, "--colour", "never", rows=3,
                            env=environment(WEIR_PAGER="no-such-pager 2>/dev/null"))
        self.assertEqual(whole, answer)
        self.assertIn("FRX", on_terminal(100, "findings", "--url", self.collector.url, rows=3,
                                         env=environment(WEIR_PAGER="cat >/dev/null; echo $LESS")))
        leaves_early = environment(WEIR_PAGER="head -1")
        self.assertEqual(len(on_terminal(100, "findings", "--url", self.collector.url, rows=3,
                                         env=leaves_early).splitlines()), 1)

    def test_ascii_where_the_locale_is(self):
        arguments = ["trace", "--slowest", ENDPOINT]
        self.assertFalse(self.ask(*arguments).stdout.isascii())
        self.assertTrue(self.ask(*arguments, "--ascii").stdout.isascii())
        self.assertTrue(self.ask(*arguments, LC_ALL="C").stdout.isascii())

    def test_a_closed_pipe_is_quiet(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        run = subprocess.run([WEIR, "report", "--url", self.collector.url], stdout=write_end, stderr=subprocess.PIPE,
                             text=True, timeout=60, check=False)
        os.close(write_end)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            run = subprocess.run([WEIR, "report", "--url", self.collector.url], stdout=full, stderr=subprocess.PIPE,
                                 text=True, timeout=60, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertIn("No space left", run.stderr)


class DoctorTest(unittest.TestCase):
    """weir doctor: each check, well and not."""

    def ask(self, *arguments, url=None, **changes):
        """{check: [line, …]} of those that found a problem, and all of them."""
        run = weir("doctor", "--json", "--url", url or self.collector.url, *arguments, env=environment(**changes))
        self.assertEqual(run.stderr, "")
        answer = json.loads(run.stdout)
        problems = {}
        for line in answer["checks"]:
            self.assertEqual(line["state"] == "problem", bool(line["remedy"]), line)
            if line["state"] == "problem":
                problems.setdefault(line["check"], []).append(line["says"])
        self.assertEqual((answer["ok"], run.returncode), (not problems, 1 if problems else 0))
        return problems, [line["check"] for line in answer["checks"]]

    def start(self):
        self.postgres = Postgres()
        self.postgres.__enter__()
        self.addCleanup(self.postgres.__exit__)
        self.collector = Collector("--postgres", self.postgres.dsn)
        self.addCleanup(self.collector.stop)

    def send(self, *batches):
        with sp.Peer(self.collector.nng) as peer:
            return [peer.ask(i, body) for i, body in enumerate(batches)]

    def test_without_a_collector(self):
        problems, checks = self.ask(url=NOWHERE, WEIR_ENDPOINT="tcp://127.0.0.1:1")
        self.assertEqual(list(problems), ["collector", "environment"])
        self.assertEqual(checks, ["collector", "environment"])
        self.assertIn("nothing answers", problems["collector"][0])
        self.assertIn("tcp://127.0.0.1:1", problems["environment"][0])

    def test_something_else_at_the_url(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
        server.RequestHandlerClass.log_message = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            problems, _ = self.ask(url=f"http://127.0.0.1:{server.server_address[1]}")
            self.assertIn("SimpleHTTP", problems["collector"][0])
        finally:
            server.shutdown()
            server.server_close()

    def test_a_service_and_its_collector(self):
        self.start()
        here = {"WEIR_ENDPOINT": self.collector.nng}
        problems, _ = self.ask(**here)
        self.assertEqual(list(problems), ["services"])
        subprocess.run([TRAFFIC, "2"], check=True, timeout=60, stdout=subprocess.DEVNULL,
                       env={**os.environ, **here, "OTEL_SERVICE_NAME": "shop"})
        problems, checks = self.ask(**here)
        self.assertEqual(problems, {})
        self.assertEqual(checks, ["collector", "database", "address", "environment", "services", "refused", "dropped",
                                  "sampled",
                                  "analysis", "clock"])
        self.assertEqual(self.ask("--service", "shop", **here)[0], {})
        self.assertIn("has never sent", self.ask("--service", "other", **here)[0]["services"][0])
        text = weir("doctor", "--url", self.collector.url, env=environment(**here))
        self.assertEqual((text.returncode, len(text.stdout.splitlines())), (0, len(checks)))

    def test_several_addresses(self):
        with tempfile.TemporaryDirectory() as folder, Postgres() as postgres, \
                Collector("--postgres", postgres.dsn, "--listen", f"ipc://{folder}/socket") as self.collector:
            first, second = self.collector.nng.split(",")
            problems, checks = self.ask(WEIR_ENDPOINT=f"{second}, {first}")
            self.assertEqual((list(problems), checks.count("address"), checks.count("environment")), (["services"], 2, 2))
            with Service([BIN + "/weir-collector", "--http", "127.0.0.1:0", "--listen", "tcp://0.0.0.0:0", "--postgres",
                          postgres.dsn]) as everywhere:
                listen, url = everywhere.ready.split()[2:5:2]
                run = weir("doctor", "--url", url, env=environment(WEIR_ENDPOINT="tcp://127.0.0.1:1"))
                self.assertRegex(run.stdout, f"ok +address +{listen} takes spans")
                self.assertIn(listen.replace("tcp://0.0.0.0", "export WEIR_ENDPOINT=tcp://127.0.0.1"), run.stdout)
            os.unlink(folder + "/socket")
            self.assertIn(second, self.ask(WEIR_ENDPOINT=first)[0]["address"][0])

    def test_a_collector_that_hangs(self):
        self.start()
        self.collector.process.send_signal(signal.SIGSTOP)
        try:
            self.assertIn("nothing answers", self.ask()[0]["collector"][0])
        finally:
            self.collector.process.send_signal(signal.SIGCONT)

    def test_the_environment(self):
        self.start()
        self.assertIn("libweir's default", self.ask()[0]["environment"][0])
        self.assertIn("no address", self.ask(WEIR_ENDPOINT="http://127.0.0.1:1")[0]["environment"][0])
        self.assertIn("no spans are taken", self.ask(WEIR_ENDPOINT="ipc:///nowhere")[0]["environment"][0])
        disabled = self.ask(WEIR_ENDPOINT=self.collector.nng, OTEL_SDK_DISABLED="True")[0]["environment"]
        self.assertIn("makes no spans", disabled[0])
        silent = self.ask(WEIR_ENDPOINT=self.collector.nng, OTEL_TRACES_SAMPLER="Always_Off")[0]["environment"]
        self.assertIn("OTEL_TRACES_SAMPLER=always_off", silent[0])
        for name, value in (("OTEL_TRACES_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "otlp"),
                            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
                            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1")):
            [elsewhere] = self.ask(**{name: value})[0]["environment"]
            self.assertIn(f"{name}={value}: a service started from here", elsewhere)
            self.assertNotIn("environment", self.ask(WEIR_ENDPOINT=self.collector.nng, **{name: value})[0])
        self.assertNotIn("environment", self.ask(OTEL_EXPORTER_OTLP_ENDPOINT=self.collector.url)[0])
        for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "WEIR_ENDPOINT"):
            [said] = self.ask(**{name: "http://me:secret@127.0.0.1:1/@"})[0]["environment"]
            self.assertIn("http://...@127.0.0.1:1/@", said)
            self.assertNotIn("secret", said)
        both = {"OTEL_TRACES_EXPORTER": "weir", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
        self.assertIn("libweir's default", self.ask(**both)[0]["environment"][0])
        local = self.collector.nng.replace("127.0.0.1", "localhost")
        self.assertNotIn("environment", self.ask(WEIR_ENDPOINT=f"{self.collector.nng}, {local}")[0])
        with Collector("--postgres", self.postgres.dsn) as other:
            self.assertIn("another collector", self.ask(WEIR_ENDPOINT=other.nng)[0]["environment"][0])

    def test_the_address_for_spans_taken_for_the_url(self):
        self.start()
        problems, _ = self.ask(url=self.collector.nng.replace("tcp", "http"))
        self.assertIn("where spans are sent to", problems["collector"][0])

    def test_refused_and_clock(self):
        self.start()
        now_ns = time.time_ns()
        answers = self.send(sp.batch(1, 1, start_ns=now_ns + 600_000_000_000), sp.batch(2, 1, start_ns=now_ns),
                            b"\x99rubbish", sp.batch(3, 1, version=99))
        self.assertEqual([answer[0] for answer in answers], [sp.STORED, sp.STORED, sp.REFUSED, sp.REFUSED])
        problems, _ = self.ask(WEIR_ENDPOINT=self.collector.nng)
        self.assertEqual(len(problems["refused"]), 3)  # malformed, newer, and the last one's reason
        self.assertIn("version", problems["refused"][-1])
        self.assertEqual(len(problems["clock"]), 1)
        self.assertRegex(problems["clock"][0], "ahead .* by (9|10) min$")
        self.send(sp.batch(1, 2, start_ns=now_ns), sp.batch(2, 2, start_ns=now_ns - 600_000_000_000))
        problems, _ = self.ask(WEIR_ENDPOINT=self.collector.nng)
        self.assertRegex(problems["clock"][0], "^spans were old .* by 10 min$")

    def test_the_database_is_away(self):
        self.start()
        self.postgres.stop()
        problems, checks = self.ask(WEIR_ENDPOINT=self.collector.nng)
        self.assertEqual((list(problems), checks), (["database"], ["collector", "database", "environment"]))


class WatchTest(unittest.TestCase):
    """weir watch, in place and below one another."""

    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres()
        cls.postgres.__enter__()
        cls.addClassCleanup(cls.postgres.__exit__)

    def setUp(self):
        self.collector = Collector("--postgres", self.postgres.dsn)
        self.addCleanup(self.collector.stop)

    def start(self, *arguments, **streams):
        process = subprocess.Popen([WEIR, "watch", *arguments, "--url", self.collector.url, "--interval", "0.1"],
                                   env=environment(), **{"stdin": subprocess.DEVNULL, **streams})
        self.addCleanup(process.wait, 60)
        self.addCleanup(process.kill)
        return process

    def on_terminal(self, rows=50):
        """(process, terminal): a session of its own, so that Ctrl-C typed there becomes a signal."""
        primary, secondary = pty.openpty()
        fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 100, 0, 0))
        process = self.start("status", stdin=secondary, stdout=secondary, stderr=secondary, start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(secondary)
        self.addCleanup(os.close, primary)
        return process, primary

    def read_until(self, terminal, text, count=1):
        seen = b""
        while seen.count(text) < count:
            self.assertTrue(select.select([terminal], [], [], 60)[0], seen)
            seen += os.read(terminal, 65536)
        return seen

    def test_in_place(self):
        for key in b"q", b"\x03":  # q, Ctrl-C
            process, terminal = self.on_terminal()
            seen = self.read_until(terminal, b"\033[J", 3)
            self.assertTrue(seen.startswith(b"\033[?1049h"))
            self.assertEqual(seen.count(b"q ends"), 3)
            os.write(terminal, key)
            self.read_until(terminal, b"\033[?1049l")  # the screen is given back
            self.assertEqual(process.wait(60), 0)

    def test_signals(self):
        for how in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            process, terminal = self.on_terminal()
            self.read_until(terminal, b"\033[J")
            process.send_signal(how)
            self.read_until(terminal, b"\033[?1049l")
            self.assertEqual(process.wait(60), 0)

    def test_cut_where_the_screen_ends(self):
        _, terminal = self.on_terminal(rows=6)
        frame = self.read_until(terminal, b"\033[J")
        self.assertEqual(frame.count(b"\n"), 5)
        self.assertIn(b"more lines than the screen has", frame)

    def test_a_collector_that_goes_away_is_waited_for(self):
        process, terminal = self.on_terminal()
        self.read_until(terminal, b"weir-collector ")
        self.collector.stop()
        self.read_until(terminal, b"no collector at")
        again = Service([BIN + "/weir-collector", "--http", self.collector.url.removeprefix("http://"), "--listen",
                         "tcp://127.0.0.1:0", "--postgres", self.postgres.dsn])
        self.addCleanup(again.stop)
        self.read_until(terminal, b"weir-collector ")
        os.write(terminal, b"q")
        self.assertEqual(process.wait(60), 0)

    def test_below_one_another(self):
        process = self.start("requests", "--json", stdout=subprocess.PIPE, text=True)
        for _ in range(3):
            self.assertEqual(json.loads(process.stdout.readline()), {"requests": []})
        process.stdout.close()  # nobody reads any more
        self.assertEqual(process.wait(60), 0)
        process = self.start(stdout=subprocess.PIPE)
        seen = self.read_until(process.stdout.fileno(), b"weir report at ", 3)
        self.assertNotIn(b"\033", seen)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0)
        process.stdout.close()


class OwnCollectorTest(unittest.TestCase):
    """--data-dir: a collector for the time of the command, and nothing left of it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weir-cli-")
        os.chmod(self.folder, 0o755)  # Postgres runs as another user when we are root
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def fill(self):
        with Collector("--data-dir", self.folder) as collector:
            subprocess.run([TRAFFIC, "1"], check=True, timeout=60, stdout=subprocess.DEVNULL,
                           env={**os.environ, "WEIR_ENDPOINT": collector.nng, "OTEL_SERVICE_NAME": "shop"})
            eventually(lambda: collector.json("/status")["requests"] == 2, "all analysed")

    def test_reads_what_an_earlier_collector_kept(self):
        self.fill()
        run = weir("requests", "--json", "--data-dir", self.folder)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertIn(ENDPOINT, [row["endpoint"] for row in json.loads(run.stdout)["requests"]])
        eventually(lambda: not running_on(self.folder), "no process left")

    def test_a_directory_in_use(self):
        with Collector("--data-dir", self.folder):
            run = weir("report", "--data-dir", self.folder)
            self.assertEqual((run.returncode, run.stdout), (3, ""))
            self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
            self.assertIn("another collector", run.stderr)

    def interrupt_demo(self, how):
        process = subprocess.Popen([WEIR, "demo", "--data-dir", self.folder], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, env=environment())
        eventually(lambda: process.poll() is not None or "inventory" in services_of(process.pid), "the demo's services")
        process.send_signal(how)
        said = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, -how)
        eventually(lambda: not running_on(self.folder), "no process left")
        return said

    def test_an_interrupted_demo_leaves_nothing_running(self):
        self.assertIn("interrupted", self.interrupt_demo(signal.SIGINT))
        self.interrupt_demo(signal.SIGKILL)
        self.assertIn("interrupted", self.interrupt_demo(signal.SIGTERM))  # on its own directory it starts anew


def services_of(parent):
    """The names of a process's children."""
    names = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = pathlib.Path("/proc", pid, "stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)
        except OSError:
            continue
        if int(fields[1].split()[1]) == parent:
            names.append(fields[0].split("(", 1)[1])
    return names


if __name__ == "__main__":
    unittest.main()
