# SPDX-License-Identifier: Apache-2.0
"""The service of tests/scenarios/one_of_each.c, and what it said."""
import json
import os
import select
import subprocess

DEADLINE_S = 60


class Service:
    def __init__(self, folder, endpoint, stderr=None, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("WEIR_", "OTEL_"))}
        self.process = subprocess.Popen(
            [os.path.join(folder, "../tests/one_of_each")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=stderr, text=True, bufsize=1, cwd="/",
            env={**clean, "OTEL_SERVICE_NAME": "shop", "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=one,host.name=here",
                 "WEIR_EXPORT_INTERVAL": "5", "WEIR_HASH_KEY": "test", "WEIR_ENDPOINT": endpoint, **environment})
        self.init = self.line()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    def line(self, deadline_s=DEADLINE_S):
        assert select.select([self.process.stdout], [], [], deadline_s)[0], f"silent for {deadline_s} s"
        return self.process.stdout.readline().rstrip("\n")

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ask(self, command, deadline_s=DEADLINE_S):
        """Stats, which always add up."""
        self.tell(command)
        stats = json.loads(self.line(deadline_s))
        assert stats["created"] == stats["acknowledged"] + stats["dropped"] + stats["in_flight"], stats
        return stats

    def finish(self, timeout_ms=20000):
        stats = self.ask(f"finish {timeout_ms}")
        assert self.process.wait(DEADLINE_S) == 0
        assert stats["in_flight"] == 0, stats
        return stats
