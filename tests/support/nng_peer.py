# SPDX-License-Identifier: Apache-2.0
"""A plain nng REP socket in a process of its own (tests/sdk/nng_peer.c) that takes batches, and what came in them.

    with NngPeer(build + "/tests/nng_peer") as peer:
        ... peer.url ...
        peer.names()          # {"load items": 3}, each batch once
"""
import collections
import json
import signal

from process import Process


class NngPeer:
    def __init__(self, program, url="tcp://127.0.0.1:0", answer="stored"):
        self.process = Process([program, url, answer])
        self.url = self.process.wait_line("ready: ").split()[1]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.__exit__(*exception)

    def kill(self):
        """As a crash. What it said before is kept."""
        self.process.stop(signal.SIGKILL)

    def signal(self, number):
        self.process.process.send_signal(number)

    def batches(self):
        """By (producer, sequence); one that came again is the same. Its last line may just be in the making."""
        found = {}
        for line in list(self.process.lines):
            if line.startswith("{") and line.endswith("}"):
                batch = json.loads(line)
                found[batch["producer"], batch["sequence"]] = batch
        return found

    def spans(self):
        """[name, trace id, span id, parent's] of each."""
        return [span for batch in self.batches().values() for span in batch["spans"]]

    def names(self):
        return dict(collections.Counter(span[0] for span in self.spans()))
