#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program is started with variables, and what a collector has stored of it is looked at: sampling, limits, names."""
import unittest
import sys

from collector import Collector, eventually
from postgres import Postgres
from traced import Traced

TRACE = "4bf92f3577b34da6a3ce929d0e0e47"  # two digits of the trace id are left to each case
SPAN = "00f067aa0ba902b7"


class Settings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        postgres = cls.enterClassContext(Postgres())
        cls.collector = cls.enterClassContext(Collector(BIN, dsn=postgres.dsn))

    def start(self, **variables):
        return self.enterContext(Traced(BIN, WEIR_ENDPOINT=self.collector.nng, **variables))

    def traces(self, service):
        return [name for name in self.collector.sql(
            "SELECT DISTINCT replace(trace_id::text, '-', '') FROM weir.fragment f JOIN weir.resource r USING (resource_id)"
            f" WHERE r.service_name = '{service}'").split("\n") if name]

    def spans(self, trace_id):
        return self.collector.json("/trace/" + trace_id)["spans"]

    # ---- sampling ----

    def test_a_ratio(self):
        traced = self.start(OTEL_SERVICE_NAME="ratio", OTEL_TRACES_SAMPLER="parentbased_traceidratio",
                            OTEL_TRACES_SAMPLER_ARG="0.25")
        traced.ask("many 400")
        seen = [traced.request() for _ in range(100)]
        stats = traced.finish()
        kept = stats["created"] // 2
        self.assertEqual(kept + stats["sampled_away"], 500)
        self.assertEqual(stats["sampled_away"], stats["sampled_away_by_sampler"])
        self.assertTrue(60 < kept < 190, kept)  # 125, and 4 standard deviations of 9.7 and more
        for trace_id, flags, state in seen:
            sampled = int(trace_id[18:], 16) >= 0xc0000000000000
            self.assertEqual((flags, state), ("03", "ot=th:c") if sampled else ("02", ""))
        stored = self.traces("ratio")
        self.assertEqual(len(stored), kept)
        for trace_id in stored:
            self.assertGreaterEqual(int(trace_id[18:], 16), 0xc0000000000000)
        spans = self.spans(stored[0])
        self.assertEqual([(span["sampling_threshold"], span["weight"]) for span in spans], [("c", 4.0)] * 2)

    def test_parents(self):
        """What callers say with real headers, and what goes on and is stored."""
        cases = [  # flags, tracestate, trace id's end; tracestate that goes on, flags, threshold that is stored
            ("01", None, "01", "", "01", None),
            ("01", "ot=th:8", "02", "ot=th:8", "01", "8"),                     # the trace id's end is 0xce…, more than 8
            ("03", "other=1,ot=rv:80000000000000;th:8", "03", "other=1,ot=rv:80000000000000;th:8", "03", "8"),
            ("01", "ot=rv:7fffffffffffff;th:8,other=1", "04", "ot=rv:7fffffffffffff,other=1", "01", None),
            ("01", "ot=th:f", "05", "", "01", None),                           # sampled against its threshold
            ("01", "ot=th:0", "06", "ot=th:0", "01", None),                    # one for one
            ("00", "ot=th:f", "07", "ot=th:f", "00", False),                   # not sampled, and its threshold says so
            ("00", "ot=th:8", "08", "", "00", False),                          # nor this, against its threshold
            ("00", "ot=th:8;x:1,a=b", "09", "ot=x:1,a=b", "00", False),
        ]
        traced = self.start(OTEL_SERVICE_NAME="parents", OTEL_TRACES_SAMPLER="parentbased_always_off")
        for flags, state, end, state_on, flags_on, _ in cases:
            with self.subTest(state):
                seen = traced.request(f"00-{TRACE}{end}-{SPAN}-{flags}", state)
                self.assertEqual(seen, (TRACE + end, flags_on, state_on))
        self.assertEqual(traced.request()[1], "02")  # begun here: off
        stats = traced.finish()
        self.assertEqual((stats["sampled_away_by_caller"], stats["sampled_away_by_sampler"]), (3, 1))
        self.assertEqual(sorted(self.traces("parents")), [TRACE + case[2] for case in cases if case[5] is not False])
        for _, state, end, _, _, threshold in cases:
            if threshold is not False:
                with self.subTest(state):
                    self.assertEqual({span["sampling_threshold"] for span in self.spans(TRACE + end)}, {threshold})

    def test_a_ratio_that_heeds_no_parent(self):
        traced = self.start(OTEL_SERVICE_NAME="alone", OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.5")
        parent = f"00-{TRACE}{{}}-{SPAN}-{{}}"
        self.assertEqual(traced.request(parent.format("11", "00"), "ot=th:f,a=b"), (TRACE + "11", "01", "ot=th:8,a=b"))
        self.assertEqual(traced.request(parent.format("12", "01"), "ot=rv:7fffffffffffff;th:0"),
                         (TRACE + "12", "00", "ot=rv:7fffffffffffff"))
        self.assertEqual(traced.finish()["sampled_away_by_sampler"], 1)
        self.assertEqual(self.traces("alone"), [TRACE + "11"])

    def test_a_rate_limit(self):
        traced = self.start(OTEL_SERVICE_NAME="limited", WEIR_SAMPLE_RATE_LIMIT="40")
        traced.ask("many 20000")  # takes well below a second
        self.assertRegex(traced.request()[2], "|ot=th:.*")
        stats = traced.finish()
        kept = stats["created"] // 2
        self.assertEqual(kept + stats["sampled_away_by_rate_limit"], 20001)
        self.assertGreaterEqual(kept, 35)
        stored = self.traces("limited")
        self.assertEqual(len(stored), kept)
        weights = [self.spans(trace_id)[0]["weight"] for trace_id in stored[:200]]
        self.assertTrue(all(weight >= 1 for weight in weights))
        self.assertIn(16.0, weights)  # the second phase of a window

    def test_by_default_nothing_is_added(self):
        traced = self.start(OTEL_SERVICE_NAME="default")
        _, flags, state = traced.request()
        self.assertEqual((flags, state), ("03", ""))
        self.assertEqual(traced.begin, {"status": "done", "warnings": ""})
        self.assertEqual(traced.finish()["sampled_away"], 0)
        self.assertEqual(traced.errors(), "")

    # ---- the rest ----

    def test_off(self):
        for variables in ({"OTEL_SDK_DISABLED": "True"}, {"OTEL_TRACES_EXPORTER": "none", "WEIR_ENDPOINT": ""}):
            with Traced(BIN, **{"WEIR_ENDPOINT": self.collector.nng, **variables}) as traced:
                self.assertIn("disabled", traced.begin["status"])
                self.assertEqual(traced.ask("many 10")["created"], 0)
        traced = self.start(OTEL_SERVICE_NAME="off", OTEL_TRACES_SAMPLER="always_off")
        self.assertEqual(traced.ask("many 10")["sampled_away_by_sampler"], 10)
        self.assertEqual(traced.finish()["created"], 0)
        self.assertEqual(self.traces("off"), [])

    def test_names_and_limits(self):
        traced = self.start(OTEL_SERVICE_NAME="", OTEL_RESOURCE_ATTRIBUTES="service.name=named,service.version=1%2C5",
                            OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="1", OTEL_BSP_SCHEDULE_DELAY="10")
        self.assertEqual(traced.ask("many 1")["attributes_dropped"], 1)
        traced.finish()
        (trace_id,) = self.traces("named")
        (inner,) = [span for span in self.spans(trace_id) if span["name"] == "inner"]
        self.assertEqual(inner["attributes"], {"traced.number": 0})
        traced = self.start(OTEL_SERVICE_NAME="short", OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT="6")
        traced.ask("many 1")
        traced.finish()
        (trace_id,) = self.traces("short")
        (inner,) = [span for span in self.spans(trace_id) if span["name"] == "inner"]
        self.assertEqual(inner["attributes"], {"traced.number": 0, "traced.text": "a text"})

    def test_propagators(self):
        traced = self.start(OTEL_SERVICE_NAME="propagators", OTEL_PROPAGATORS="none")
        self.assertEqual(traced.request(f"00-{TRACE}21-{SPAN}-00"), (None, None, ""))
        self.assertEqual(traced.finish()["created"], 2)  # the parent is not looked at
        eventually(lambda: len(self.traces("propagators")) == 1, "the trace is stored")

    def test_warnings(self):
        wrong = {"OTEL_TRACES_SAMPLER": "sometimes", "WEIR_EXPORT_INTERVAL": "soon", "OTEL_PROPAGATORS": "b3"}
        for log, is_printed in ((None, False), ("warn", True)):
            traced = self.start(OTEL_SERVICE_NAME="warned", **wrong, **({"WEIR_LOG": log} if log else {}))
            self.assertEqual(traced.begin["status"], "done")
            self.assertEqual(len(traced.begin["warnings"].strip().split("\n")), 3)
            traced.finish()
            errors = traced.errors()
            for word in wrong.values():
                self.assertIn(word, traced.begin["warnings"])
                self.assertEqual(word in errors, is_printed)


if __name__ == "__main__":
    BIN = sys.argv.pop(1)
    unittest.main()
