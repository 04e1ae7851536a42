#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The private Postgres, driven through postgres_host: it starts as root and as an ordinary user, lives and dies with its
process however that dies, comes back after crashes, and says in one line why it cannot start.

    postgres_test.py POSTGRES_HOST [unittest arguments]
"""
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from postgres import binary_folder  # noqa: E402
from process import Process, eventually, is_alive, run  # noqa: E402

HOST = ""
ROOT = os.geteuid() == 0
ORDINARY_USER = "nobody"


class PostgresTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="weir-test-")
        os.chmod(self.folder, 0o755)
        self.data = os.path.join(self.folder, "data")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def host(self, data=None, **options):
        process = Process([HOST, data or self.data], **options)
        self.addCleanup(process.__exit__)
        return process

    def ready(self, process):
        return process.wait_line("ready:").split(" ", 1)[1]

    def error(self, data=None, **options):
        """Starts one that must fail, and gives the one line that it says."""
        status, said, errors = run([HOST, data or self.data], **options)
        self.assertEqual((status, said, len(errors)), (1, [], 1), errors)
        return errors[0]

    def sql(self, dsn, text):
        done = subprocess.run([binary_folder() + "/psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn,
                               "-c", text], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def server_pid(self, data=None):
        with open((data or self.data) + "/postgres/postmaster.pid", encoding="ascii") as file:
            return int(file.readline())

    def test_starts_keeps_and_stops(self):
        process = self.host()
        dsn = self.ready(process)
        server = self.server_pid()
        self.assertEqual(self.sql(dsn, "SELECT current_database(), pg_encoding_to_char(encoding), datcollate "
                                       "FROM pg_database WHERE datname = current_database()"), "weir|UTF8|C.UTF-8")
        self.assertEqual(self.sql(dsn, "SHOW listen_addresses"), "")
        self.assertEqual(self.sql(dsn, "SHOW fsync"), "on")
        self.sql(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        self.assertEqual(process.stop(), 0, process.error_lines)
        self.assertFalse(is_alive(server))
        again = self.host()
        self.assertEqual(self.sql(self.ready(again), "SELECT n FROM kept"), "7")
        self.assertEqual(again.stop(), 0)

    @unittest.skipUnless(ROOT, "needs root")
    def test_root_drops_its_rights(self):
        process = self.host()
        self.ready(process)
        owner = os.stat(f"/proc/{self.server_pid()}").st_uid
        self.assertNotEqual(owner, 0)
        self.assertEqual(os.stat(self.data + "/postgres").st_uid, owner)
        with open(f"/proc/{self.server_pid()}/status", encoding="ascii") as file:
            groups = [line for line in file if line.startswith("Groups:")][0].split()[1:]
        self.assertEqual(groups, [str(pwd.getpwuid(owner).pw_gid)])

    @unittest.skipUnless(ROOT, "needs root")
    def test_an_ordinary_user_can(self):
        os.mkdir(self.folder + "/home")
        shutil.chown(self.folder + "/home", ORDINARY_USER)
        data = self.folder + "/home/weir"
        process = self.host(data, user=ORDINARY_USER)
        dsn = self.ready(process)
        self.assertEqual(os.stat(f"/proc/{self.server_pid(data)}").st_uid, pwd.getpwnam(ORDINARY_USER).pw_uid)
        self.assertEqual(os.stat(data).st_mode & 0o777, 0o700)
        self.sql(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        self.assertEqual(process.stop(), 0, process.error_lines)
        as_root = self.host(data)  # root leaves the data with the user who has it
        self.assertEqual(self.sql(self.ready(as_root), "SELECT n FROM kept"), "7")
        self.assertEqual(os.stat(f"/proc/{self.server_pid(data)}").st_uid, pwd.getpwnam(ORDINARY_USER).pw_uid)

    @unittest.skipUnless(ROOT, "needs root")
    def test_what_an_ordinary_user_may_not(self):
        self.assertIn(f"cannot make the data directory {self.data}: Permission denied",
                      self.error(user=ORDINARY_USER))
        os.mkdir(self.data)
        self.assertIn(f"cannot write to the data directory {self.data}: Permission denied",
                      self.error(user=ORDINARY_USER))

    @unittest.skipUnless(ROOT, "needs root")
    def test_a_folder_that_its_user_cannot_enter(self):
        os.mkdir(self.folder + "/closed", 0o700)
        said = self.error(self.folder + "/closed/deep/data")
        self.assertIn(f"cannot enter {self.folder}/closed:", said)
        self.assertIn("--data-dir", said)

    def test_a_killed_process_takes_it_along(self):
        for _ in range(3):
            process = self.host()
            dsn = self.ready(process)
            server = self.server_pid()
            self.sql(dsn, "CREATE TABLE IF NOT EXISTS kept (n int); INSERT INTO kept VALUES (1)")
            process.process.send_signal(signal.SIGKILL)  # and the next one starts at once
            last = process
        after = self.host()
        self.assertEqual(self.sql(self.ready(after), "SELECT count(*) FROM kept"), "3")
        self.assertFalse(is_alive(server))
        server = self.server_pid()
        last.wait()
        after.stop(signal.SIGKILL)
        eventually(lambda: not is_alive(server), "the server has ended")

    def test_a_crash_is_repaired(self):
        process = self.host()
        dsn = self.ready(process)
        self.sql(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        for _ in range(3):
            crashed = self.server_pid()
            os.kill(crashed, signal.SIGKILL)

            def answers():
                done = subprocess.run([binary_folder() + "/psql", "-X", "-A", "-t", "-d", dsn, "-c",
                                       "SELECT n FROM kept"], capture_output=True, text=True, check=False)
                return done.stdout.strip() == "7" and self.server_pid() != crashed

            eventually(answers, "the server answers again")
        self.assertEqual(process.stop(), 0)
        self.assertTrue(any("ended by signal 9" in line for line in process.error_lines), process.error_lines)

    def test_a_stale_pid_file_of_a_living_stranger(self):
        process = self.host()
        self.ready(process)
        server = self.server_pid()
        pid_file = self.data + "/postgres/postmaster.pid"
        with open(pid_file, encoding="ascii") as file:
            text = file.read()
        owner = pwd.getpwuid(os.stat(self.data + "/postgres").st_uid).pw_name
        process.stop()
        self.assertFalse(is_alive(server))
        with Process(["sleep", "600"], user=owner) as stranger:
            with open(pid_file, "w", encoding="ascii") as file:
                file.write(text.replace(str(server), str(stranger.pid), 1))
            shutil.chown(pid_file, owner)
            self.ready(self.host())
            self.assertTrue(is_alive(stranger.pid))

    def test_two_on_one_directory(self):
        process = self.host()
        dsn = self.ready(process)
        self.assertIn(f"another collector is running on {self.data}", self.error())
        self.assertEqual(self.sql(dsn, "SELECT 1"), "1")

    def test_long_and_strange_paths(self):
        for name in ("x" * 120, "sp ace, comma's"):
            before = set(glob.glob("/tmp/weir-??????"))
            data = f"{self.folder}/{name}/data"
            process = self.host(data)
            dsn = self.ready(process)
            self.assertEqual(self.sql(dsn, "SELECT 1"), "1")
            socket = os.readlink(data + "/socket")
            self.assertEqual(os.stat(socket).st_mode & 0o777, 0o700)
            server = self.server_pid(data)
            process.stop(signal.SIGKILL)
            eventually(lambda: not is_alive(server), "the server has ended")
            again = self.host(data)
            self.ready(again)
            self.assertEqual(again.stop(), 0)
            self.assertEqual(set(glob.glob("/tmp/weir-??????")), before)

    def test_an_interrupted_beginning(self):
        process = self.host()
        eventually(lambda: glob.glob(self.data + "/postgres.new-*/PG_VERSION"), "initdb is at work")
        process.stop(signal.SIGKILL)
        second = self.host()
        self.assertEqual(self.sql(self.ready(second), "SELECT current_database()"), "weir")
        self.assertEqual(second.stop(), 0)
        self.ready(self.host())  # removes what the killed one's children left while the second tidied up
        self.assertEqual(glob.glob(self.data + "/postgres.new-*"), [])

    def test_no_server_installed(self):
        self.assertIn("WEIR_POSTGRES_BIN", self.error(environment={"WEIR_POSTGRES_BIN": self.folder}))

    def test_data_that_is_damaged(self):
        process = self.host()
        self.ready(process)
        process.stop()
        os.remove(self.data + "/postgres/global/pg_control")
        said = self.error()
        self.assertIn("does not start", said)
        self.assertIn("postgres.log", said)


if __name__ == "__main__":
    HOST = os.path.abspath(sys.argv.pop(1))
    unittest.main()
