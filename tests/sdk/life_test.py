#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a service's spans however it ends, forks, is interrupted, or loses its descriptors or its collector: the
table in docs/libweir.md, row by row. Each test's first line is the row that it pins; the last test holds the two together.

Real processes (tests/sdk/hosts) against a plain nng REP socket in another, and against servers that are no collectors.
No time is measured: a process that waited too long would not end before the deadline of its test.
"""
import contextlib
import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import unittest

from nng_peer import NngPeer
from process import Process, eventually, is_alive

NEVER = "3600000"  # milliseconds: what is sent so late is not sent at all
OK, TIMEOUT, DROPPED = 0, 6, 8
SANITIZERS = ""  # that everything is built with
UNDER = os.environ.get("WEIR_UNDER", "").split()  # what runs each host: scripts/valgrind


def row(text):
    """Marks a test with its row of the table."""

    def mark(test):
        test.row = text
        return test

    return mark


def not_in_tsan(test):
    """GCC 12's thread sanitizer keeps the parent's threads in its books: the child's first thread that gets the address of
    one of them is its end ("dup thread with used id"). What runs in it is what runs in the parent."""

    def skip(self):
        if "thread" in SANITIZERS:
            self.skipTest("the thread sanitizer does not follow a fork")
        test(self)

    return skip


def not_in_asan(test):
    """GCC 12's address sanitizer does not hold its allocator's locks around a fork: where another thread has one just then,
    the child's exporter waits for ever in SizeClassAllocator64::GetFromAllocator. For children that are made while others
    allocate; where the parent's exporter sleeps, nobody does."""

    def skip(self):
        if "address" in SANITIZERS:
            self.skipTest("the address sanitizer's allocator may stay locked in the child")
        test(self)

    return skip


@contextlib.contextmanager
def server(serve):
    """Somebody who listens on a port and is no collector: serve(connection) for each, in a thread of its own."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=attend, args=(connection,), daemon=True).start()

        def attend(connection):
            with connection, contextlib.suppress(OSError):
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield "tcp://127.0.0.1:%d" % listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


class Life(unittest.TestCase):
    def setUp(self):
        self.peer = NngPeer(PEER)

    def tearDown(self):
        self.peer.__exit__(None, None, None)

    def start(self, family, *arguments, endpoint=None, exit_timeout=60000, interval=NEVER):
        environment = {"WEIR_ENDPOINT": endpoint or self.peer.url, "WEIR_SHUTDOWN_TIMEOUT": str(exit_timeout),
                       "WEIR_EXPORT_INTERVAL": "60000" if interval == NEVER else interval,
                       "OTEL_SERVICE_NAME": "host"}
        if family == "forking":  # the child's copy of what the parent's threads held is nobody's
            environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        environment["TSAN_OPTIONS"] = os.environ.get("TSAN_OPTIONS", "") + ":atexit_sleep_ms=0"
        if arguments[0] in ("handler_anywhere", "exit_during_shutdown"):  # which end before somebody's pthread_join
            environment["TSAN_OPTIONS"] += ":report_thread_leaks=0"
        return Process([*UNDER, os.path.join(HOSTS, "host_" + family), *arguments], environment=environment)

    def skip_under(self, why):
        if UNDER:
            self.skipTest(why)

    def play(self, family, *arguments, status=0, **options):
        """Runs a host to its end; what it reported, or None."""
        with self.start(family, *arguments, **options) as host:
            self.assertEqual(host.wait(), status, host.error_lines)
            return json.loads(host.lines[-1]) if host.lines and host.lines[-1].startswith("{") else None

    def assert_arrived(self, **names):
        """Exactly these, each once."""
        expected = {name.replace("_", " "): count for name, count in names.items()}

        def arrived():  # "first" is what a host begins with until it knows where the exporter is
            return {name: count for name, count in self.peer.names().items() if name != "first"}

        try:
            eventually(lambda: arrived() == expected, "they arrive", 10)
        except AssertionError:
            self.assertEqual(arrived(), expected)
        ids = [span[2] for span in self.peer.spans()]
        self.assertEqual(len(ids), len(set(ids)))

    def producers(self, name):
        return {batch["producer"] for batch in self.peer.batches().values() if name in [s[0] for s in batch["spans"]]}

    def traces(self, name):
        return {span[1] for span in self.peer.spans() if span[0] == name}


class Ending(Life):
    @row("calls `weir_shutdown(ms)`")
    def test_shutdown(self):
        stats = self.play("ending", "shutdown")
        self.assertEqual((stats["status"], stats["acknowledged"], stats["dropped"]), (OK, 5, 0))
        self.assert_arrived(last=5)

    @row("calls `weir_shutdown` in several threads, or `weir_init`")
    def test_several_threads_shut_down(self):
        stats = self.play("ending", "several_shutdown")
        self.assertEqual(stats["acknowledged"], 80)
        self.assert_arrived(of_a_thread=80)
        stats = self.play("ending", "several_begin")
        self.assertEqual((stats["in_flight"], stats["dropped"]), (0, 0))
        self.assert_arrived(of_a_thread=80, of_a_race=stats["acknowledged"])

    @row("returns from `main`, or calls `exit`, in any thread")
    def test_exit(self):
        for number, mode in enumerate(["return", "exit", "thread_exit", "main_last"], 1):
            self.play("ending", mode)
            self.assertEqual(self.peer.names()["last"], 5 * number, mode)
        stats = self.play("ending", "shutdown_after_exit")  # waits for nobody
        self.assertEqual((stats["status"], stats["acknowledged"]), (OK, 5))
        self.play("ending", "exit_during_shutdown")
        eventually(lambda: self.peer.names().get("many") == 4000, "all are delivered", 10)

    @row("calls `exit` in a signal handler")
    def test_exit_in_a_handler(self):
        with self.start("ending", "handler") as host:
            host.wait_line("ready")
            self.assertEqual(host.stop(signal.SIGTERM), 0)
        self.assert_arrived(last=5)
        for _ in range(20):  # wherever it hits: the end comes
            with self.start("ending", "handler_anywhere", exit_timeout=1000, interval="5") as host:
                host.wait_line("ready")
                self.assertEqual(host.stop(signal.SIGTERM), 0)

    @row("calls `_exit`, `_Exit` or `quick_exit`")
    def test_exit_at_once(self):
        self.play("ending", "_exit")
        self.play("ending", "quick_exit")
        self.assert_arrived()
        self.play("ending", "at_quick_exit")
        self.assert_arrived(last=5)

    @row("is killed, calls `abort`, crashes")
    def test_killed(self):
        self.play("ending", "abort", status=-signal.SIGABRT)
        self.play("ending", "kill", status=-signal.SIGKILL)
        with self.start("ending", "waits") as host:
            host.wait_line("ready")
            self.assertEqual(host.stop(signal.SIGTERM), -signal.SIGTERM)  # no handler: it is killed, too
        self.assert_arrived()

    @row("has a thread end, with spans open")
    def test_a_thread_ends(self):
        stats = self.play("ending", "threads")
        self.assertEqual((stats["status"], stats["acknowledged"]), (OK, 50))
        self.assert_arrived(of_a_thread=20, under_the_open_one=20, meanwhile=10)

    @row("calls `dlclose` on what uses weir")
    def test_unloaded(self):
        self.skip_under("glibc's dlopen reads words behind its strings")
        ways = [("shared", "end"), *((plugin, mode) for plugin in ("static", "stays") for mode in ("end", "go_on", "fork"))]
        for number, (plugin, mode) in enumerate(ways, 1):
            self.play("loading", mode, os.path.join(HOSTS, f"host_plugin_{plugin}.so"))
            self.assert_arrived(of_a_plugin=6 * number)


    @row("has no memory left for a thread's ring")
    def test_no_memory(self):
        if SANITIZERS or UNDER:
            self.skipTest("a sanitizer needs address space of its own")
        stats = self.play("ending", "without_memory")
        self.assertEqual((stats["status"], stats["acknowledged"], stats["dropped_no_memory"]), (DROPPED, 2, 5))
        self.assert_arrived(early=2)


class Forking(Life):
    @row("forks")
    @not_in_asan
    @not_in_tsan
    def test_fork(self):
        stats = self.play("forking", "before_any_span")
        self.assertEqual((stats["created"], stats["acknowledged"]), (2, 2))
        self.assert_arrived(child=3, parent=2)
        self.assertNotEqual(self.producers("child"), self.producers("parent"))
        self.assertFalse(self.traces("child") & self.traces("parent"))

    @not_in_asan
    @not_in_tsan
    def test_fork_handlers(self):
        """Handlers for fork that make a process' first spans meet weir's own, and are told in a handler."""
        self.play("forking", "fork_handlers")
        self.assert_arrived(child=3, grandchild=3)

    @row("forks with spans open, or not yet sent")
    @not_in_tsan
    def test_fork_in_the_midst(self):
        stats = self.play("forking", "open_spans")
        self.assertEqual((stats["status"], stats["acknowledged"], stats["dropped"]), (OK, 6, 0))
        self.assert_arrived(outer=1, before=4, inner=1, child=3)
        self.assertNotEqual(self.producers("child"), self.producers("inner"))
        self.assertFalse(self.traces("child") & self.traces("inner"))
        self.assertEqual({span[3] for span in self.peer.spans() if span[0] == "child"}, {"0" * 16})

    @row("forks from several threads, under load")
    @not_in_asan
    @not_in_tsan
    def test_fork_under_load(self):
        stats = self.play("forking", "under_load", interval="5")
        self.assertEqual((stats["in_flight"], stats["dropped_forked"]), (0, 0))
        names = self.peer.names()
        self.assertEqual((names["child"], names["forker"]), (90, 45))
        self.assertEqual(sum(names.values()), stats["acknowledged"] + 90)
        self.assertEqual(len(self.producers("child")), 45)
        self.assertEqual(len(self.traces("child")), 90)

    @row("forks while another thread is in `weir_init` or `weir_shutdown`")
    @not_in_asan
    @not_in_tsan
    def test_fork_during_shutdown(self):
        stats = self.play("forking", "during_shutdown", interval="5")
        self.assertEqual(self.peer.names()["child"], 60)
        self.assertEqual(self.peer.names().get("parent", 0), stats["acknowledged"])

    @row("forks, and the child makes no span")
    def test_child_without_spans(self):
        self.play("forking", "without_spans")
        self.assert_arrived(parent=2)
        self.assertEqual(len(self.peer.batches()), 1)

    @row("forks, and the child forks")
    @not_in_tsan
    def test_grandchildren(self):
        self.play("forking", "grandchildren")
        self.assert_arrived(parent=1, child=1, grandchild=1)
        self.assertEqual(len(self.producers("parent") | self.producers("child") | self.producers("grandchild")), 3)

    @row("forks, and the child can have no thread")
    @not_in_tsan
    def test_child_without_threads(self):
        stats = self.play("forking", "without_threads")
        self.assertEqual((stats["created"], stats["acknowledged"]), (1, 1))
        self.assert_arrived(parent=1)

    @row("becomes a daemon after `weir_init`")
    @not_in_tsan
    def test_daemon(self):
        with self.start("forking", "daemon") as host:
            self.assertEqual(host.wait(), 0, host.error_lines)
        self.assert_arrived(in_the_foreground=2, in_the_background=3)

    @row("calls `_Fork`, or `clone` itself")
    @not_in_tsan
    def test_bare_fork(self):
        stats = self.play("forking", "bare", exit_timeout=600000)
        self.assertEqual((stats["status"], stats["acknowledged"]), (OK, 2))
        self.assert_arrived(parent=2, new_child=3)

    @row("calls `vfork`, `posix_spawn`, `system`, `popen`")
    def test_spawn(self):
        self.skip_under("what runs it stands in /proc/self/exe")
        self.play("forking", "vfork")
        self.assert_arrived(parent=21)
        self.play("forking", "spawn", interval="5")
        self.assert_arrived(parent=41)

    @row("calls `exec`")
    def test_exec(self):
        self.skip_under("what runs it stands in /proc/self/exe")
        self.play("forking", "exec")
        self.assert_arrived()
        self.play("forking", "exec_after_shutdown")
        self.assert_arrived(last=3)


class Interrupted(Life):
    @row("gets signals, and makes spans in handlers")
    def test_storm(self):
        stats = self.play("signals", "storm", interval="5")
        self.assertEqual(stats["in_flight"], 0)
        self.assertEqual(sum(self.peer.names().values()), stats["acknowledged"])
        known = {"GET /storm/{id}", "inner", "in a handler"}
        self.assertLessEqual(set(self.peer.names()), known)  # nothing is torn
        self.play("signals", "storm_of_beginnings", interval="5")
        self.assertLessEqual(set(self.peer.names()), known)

    @row("forks in a signal handler")
    @not_in_asan
    @not_in_tsan
    def test_fork_in_a_handler(self):
        stats = self.play("signals", "forks", interval="5")
        self.assertEqual(stats["in_flight"], 0)
        self.assertEqual(self.peer.names()["child"], 20)


class Descriptors(Life):
    @row("closes descriptors that it does not know")
    def test_closed(self):
        if "thread" in SANITIZERS:
            self.skipTest("the thread sanitizer calls it a race, which it is")
        for sandbox in [], ["forbidden"]:
            stats = self.play("descriptors", "all", *sandbox, interval="5")
            self.assertEqual((stats["status"], stats["acknowledged"]), (OK, 600))
        self.assert_arrived(before=400, between=400, after=400)
        self.play("descriptors", "standard", interval="5")
        self.assertEqual(self.peer.names()["without stderr"], 10)


class NoCollector(Life):
    def play_without(self, endpoint):
        """Works on, and ends within its deadline; what it reported."""
        stats = self.play("ending", "without_peer", endpoint=endpoint, interval="5")
        self.assertEqual((stats["in_flight"], stats["acknowledged"]), (0, 0))
        self.play("ending", "exit_without_peer", endpoint=endpoint, exit_timeout=100, interval="5")
        return stats

    @row("has no collector: nobody listens, or no such host")
    def test_nobody(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, not listening: connecting is refused
            for endpoint in ("tcp://127.0.0.1:%d" % taken.getsockname()[1], "tcp://no-such-host.invalid:5140",
                             "ipc:///nowhere/nng"):
                stats = self.play_without(endpoint)
                self.assertEqual((stats["status"], stats["dropped_shutdown"]), (TIMEOUT, 10))

    @row("has a collector that hangs: it is stopped, or never answers")
    def test_hangs(self):
        self.peer.signal(signal.SIGSTOP)
        stats = self.play_without(self.peer.url)
        self.assertEqual((stats["status"], stats["dropped_shutdown"]), (TIMEOUT, 10))
        with NngPeer(PEER, answer="silent") as silent:
            stats = self.play_without(silent.url)
            self.assertEqual((stats["status"], stats["dropped_shutdown"]), (TIMEOUT, 10))
        with server(lambda connection: threading.Event().wait(60)) as url:
            stats = self.play_without(url)
            self.assertEqual((stats["status"], stats["dropped_shutdown"]), (TIMEOUT, 10))

    @row("has a collector that refuses")
    def test_refuses(self):
        with NngPeer(PEER, answer="refused") as refusing:
            stats = self.play("ending", "shutdown_unsettled", endpoint=refusing.url)
            self.assertEqual((stats["status"], stats["dropped_refused"], stats["acknowledged"]), (DROPPED, 10, 0))
            told = [batch["dropped"] for batch in refusing.batches().values()]
            self.assertEqual(max(told), 10)  # also what no span followed
        with NngPeer(PEER, answer="retry") as busy:
            stats = self.play_without(busy.url)
            self.assertEqual((stats["status"], stats["dropped_shutdown"]), (TIMEOUT, 10))

    @row("has something else at the collector's address")
    def test_garbage(self):
        hello = b"\0SP\0\0\x31\0\0"

        def answers(reply):
            def serve(connection):
                connection.sendall(hello)
                connection.recv(8)
                head = connection.recv(12, socket.MSG_WAITALL)
                size = struct.unpack(">Q", head[:8])[0]
                connection.recv(size - 4, socket.MSG_WAITALL)
                reply(connection, head[8:])

            return serve

        def drip(connection, _):
            with contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"\0")
                    threading.Event().wait(0.01)

        def flood(connection, _):
            with contextlib.suppress(OSError):
                while True:  # replies to what nobody asked
                    connection.sendall(struct.pack(">QI", 4, 0x80000001) * 1000)

        servers = [
            lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100),
            lambda connection: connection.sendall(b"\0SP\0\0\x10\0\0"),             # another protocol of nng's
            lambda connection: connection.sendall(hello[:5]),                       # and closes
            lambda connection: connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
            answers(lambda connection, identity: connection.sendall(struct.pack(">Q", 1 << 60))),
            answers(lambda connection, identity: connection.sendall(struct.pack(">Q", 2) + b"xx")),
            answers(lambda connection, identity: connection.sendall(struct.pack(">Q", 24) + identity + b"\xff" * 20)),
            answers(lambda connection, identity: connection.sendall(struct.pack(">Q", 50) + identity)),  # and closes
            answers(drip),
            answers(flood),
        ]
        for serve in servers:
            with server(serve) as url:
                stats = self.play_without(url)
                self.assertEqual((stats["status"], stats["dropped_shutdown"]), (TIMEOUT, 10))
        with NngPeer(PEER, answer="garbage") as peer:
            self.assertEqual(self.play_without(peer.url)["status"], TIMEOUT)

    @row("has its collector killed and restarted")
    def test_restarted(self):
        """What was said and not answered is sent again, under the same number: nothing twice, nothing lost."""
        batches = {}
        with self.start("ending", "steady", endpoint=self.peer.url, interval="2") as host:
            for _ in range(8):
                eventually(lambda: len(self.peer.batches()) >= 20, "batches come")
                self.peer.kill()
                batches.update(self.peer.batches())
                self.peer = NngPeer(PEER, url=self.peer.url)
            self.assertEqual(host.stop(signal.SIGTERM), 0)
            stats = json.loads(host.lines[-1])
        batches.update(self.peer.batches())
        self.assertEqual((stats["in_flight"], stats["dropped"]), (0, 0))
        spans = [span[2] for batch in batches.values() for span in batch["spans"]]
        self.assertEqual(len(spans), len(set(spans)))
        self.assertEqual(len(spans), stats["acknowledged"])
        numbers = sorted(number for _, number in batches)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))


class Table(unittest.TestCase):
    def test_every_row_is_a_test(self):
        with open(MANUAL, encoding="utf-8") as file:
            text = file.read().split("| a process that… |")[1].split("\n\n")[0]
        rows = re.findall(r"^\| ([^|]+) \|", text, re.M)
        families = Life.__subclasses__()
        tests = [test.row for family in families for test in vars(family).values() if hasattr(test, "row")]
        self.assertEqual(rows, tests)


if __name__ == "__main__":
    BUILD, MANUAL, SANITIZERS = sys.argv[1:4]
    PEER, HOSTS = os.path.join(BUILD, "nng_peer"), os.path.join(BUILD, "hosts")
    del sys.argv[1:4]
    unittest.main()
