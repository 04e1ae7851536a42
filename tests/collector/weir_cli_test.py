# SPDX-License-Identifier: Apache-2.0
"""The weir program: exit statuses, help, what it prints to a terminal and to a pipe, and collectors of its own."""
import fcntl
import http.server
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import unittest

from serve_support import BIN, TRAFFIC, Collector, Postgres, running_on, wait_until

WEIR = BIN + "/weir"
NOWHERE = "http://127.0.0.1:1"  # tcpmux: nobody listens there
COMMANDS = ["report", "requests", "findings", "trace", "status", "demo", "help"]
ENDPOINT = "GET /shop/{id}"
HIDDEN = ["WEIR_URL", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LC_ALL", "LANG", "LC_CTYPE"]


def environment(**changes):
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {**kept, "LC_ALL": "C.UTF-8", "TERM": "xterm", **changes}


def weir(*arguments, env=None):
    return subprocess.run([WEIR, *arguments], env=env or environment(), capture_output=True, text=True, timeout=120,
                          check=False)


def on_terminal(columns, *arguments, env=None):
    """Runs weir with a terminal of so many columns as standard output; returns what it wrote."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
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

    def test_wrong_usage(self):
        for arguments in [[], ["nothing"], ["report", "extra"], ["report", "--nothing"], ["report", "-x"],
                          ["report", "--url"], ["report", "--json=1"], ["report", "--slowest", "GET /"], ["trace"],
                          ["trace", "1" * 32, "--slowest", "GET /"], ["trace", "xyz"], ["trace", "../status"],
                          ["trace", "1" * 32, "--service", "x"], ["trace", "1" * 32, "2" * 32],
                          ["report", "--width", "wide"], ["report", "--width", "59"],
                          ["report", "--width", "1001"], ["report", "--colour", "green"],
                          ["report", "--url", NOWHERE, "--data-dir", "/tmp"], ["help", "nothing"],
                          ["demo", "--url", NOWHERE], ["--json"], ["1", "2", "3", "4", "5", "6"]]:
            self.one_line(weir(*arguments), 2)

    def test_collector_out_of_reach(self):
        for run in [weir("report", "--url", NOWHERE), weir("status", env=environment(WEIR_URL=NOWHERE)),
                    weir("--url=" + NOWHERE, "findings")]:
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
        wait_until(lambda: cls.collector.json("/status")["requests"] == 25, "all analysed")

    def ask(self, *arguments, **changes):
        return weir(*arguments, env=environment(WEIR_URL=self.collector.url, **changes))

    def test_prints_what_curl_gets(self):
        for command in ["report", "requests", "findings", "status"]:
            run = self.ask(command)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertTrue(run.stdout)
            if command != "status":  # which counts the requests that we make
                self.assertEqual(run.stdout, self.collector.ask("/" + command)[2].decode("utf-8"))
            self.assertIsInstance(json.loads(self.ask(command, "--json").stdout), dict)

    def test_traces(self):
        slowest = self.ask("trace", "--slowest", ENDPOINT, "--json")
        trace_id = json.loads(slowest.stdout)["trace_id"]
        self.assertEqual(json.loads(self.ask("trace", trace_id, "--json").stdout)["trace_id"], trace_id)
        self.assertEqual(self.ask("trace", trace_id).returncode, 0)
        self.assertEqual(len(json.loads(self.ask("findings", "--trace", trace_id, "--json").stdout)["findings"]), 1)
        self.assertEqual(len(json.loads(self.ask("findings", "--endpoint", ENDPOINT, "--json").stdout)["findings"]), 1)

    def test_nothing_found(self):
        for arguments in [["trace", "1" * 32], ["trace", "--slowest", "GET /none"], ["findings", "--trace", "1" * 32],
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
        self.assertEqual(self.ask("report", "--width", "70").stdout, piped)

    def test_colours_only_on_a_terminal(self):
        url = ["--url", self.collector.url]
        self.assertIn("\033[", on_terminal(100, "report", *url))
        self.assertNotIn("\033", on_terminal(100, "report", *url, env=environment(NO_COLOR="1")))
        self.assertNotIn("\033", on_terminal(100, "report", *url, env=environment(TERM="dumb")))
        self.assertNotIn("\033", on_terminal(100, "report", *url, "--colour", "never"))
        self.assertNotIn("\033", self.ask("report").stdout)
        self.assertIn("\033[", self.ask("report", CLICOLOR_FORCE="1").stdout)
        self.assertIn("\033[", self.ask("report", "--colour=always").stdout)

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
            wait_until(lambda: collector.json("/status")["requests"] == 2, "all analysed")

    def test_reads_what_an_earlier_collector_kept(self):
        self.fill()
        run = weir("requests", "--json", "--data-dir", self.folder)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertIn(ENDPOINT, [row["endpoint"] for row in json.loads(run.stdout)["requests"]])
        wait_until(lambda: not running_on(self.folder), "no process left")

    def test_a_directory_in_use(self):
        with Collector("--data-dir", self.folder):
            run = weir("report", "--data-dir", self.folder)
            self.assertEqual((run.returncode, run.stdout), (3, ""))
            self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)
            self.assertIn("another collector", run.stderr)

    def interrupt_demo(self, how):
        process = subprocess.Popen([WEIR, "demo", "--data-dir", self.folder], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, env=environment())
        wait_until(lambda: process.poll() is not None or "inventory" in services_of(process.pid), "the demo's services")
        process.send_signal(how)
        said = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, -how)
        wait_until(lambda: not running_on(self.folder), "no process left")
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
