# SPDX-License-Identifier: Apache-2.0
"""The program with settings of tests/scenarios/traced.c, under variables of one's own and none of the caller's.

    with Traced(bin, OTEL_TRACES_SAMPLER="always_off") as traced:
        traced.begin["status"], traced.ask("many 100")["created"], traced.errors()
"""
import json
import os
import select
import subprocess

from process import DEADLINE_S


class Traced:
    def __init__(self, bin_folder, **variables):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "WEIR_"))}
        self.process = subprocess.Popen([os.path.join(bin_folder, "../tests/traced")], env={**inherited, **variables},
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.begin = self._line()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def _line(self):
        assert select.select([self.process.stdout], [], [], DEADLINE_S)[0], "no answer"
        return json.loads(self.process.stdout.readline())

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._line()

    def request(self, traceparent=None, tracestate=None):
        """(trace id, flags, tracestate) that calls go out with."""
        out = self.ask(f"request {traceparent or '-'} {tracestate or '-'}")
        parts = out["traceparent"].split("-")
        return (parts[1], parts[3], out["tracestate"]) if len(parts) == 4 else (None, None, out["tracestate"])

    def finish(self):
        """Stats when all is delivered; the process has ended with status 0."""
        stats = self.ask("finish 20000")
        assert self.process.wait(DEADLINE_S) == 0
        return stats

    def errors(self):
        """What it wrote to stderr in all; it has ended."""
        return self.process.stderr.read()
