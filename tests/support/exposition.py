# SPDX-License-Identifier: Apache-2.0
"""A strict reader of Prometheus' text format 0.0.4: each family has HELP and TYPE once and before its samples, which stand
together; names, labels and values are well formed; nothing comes twice; histograms only grow and end in +Inf = count."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
VALUE = re.compile(r"[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|Inf)|NaN")


def _family_of(name, families):
    for suffix in ("", "_bucket", "_sum", "_count"):
        base = name[:-len(suffix)] if suffix and name.endswith(suffix) else name
        if base in families and (not suffix or families[base] == "histogram"):
            return base
    raise ValueError(f"{name} has no TYPE")


def _check_histogram(family, samples):
    buckets = [(labels["le"], value) for (name, labels, value) in samples if name == family + "_bucket"]
    bounds = [float(bound) for bound, _ in buckets]
    counts = [value for _, value in buckets]
    (count,) = [value for (name, _, value) in samples if name == family + "_count"]
    (_,) = [value for (name, _, value) in samples if name == family + "_sum"]
    if bounds != sorted(set(bounds)) or bounds[-1] != float("inf") or counts != sorted(counts) or counts[-1] != count:
        raise ValueError(f"{family} is no histogram: {buckets}, {count}")


def parse(text):
    """{(name, ((label, value), …)): value}"""
    if not text.endswith("\n"):
        raise ValueError("the last line does not end")
    families, helped, values, by_family, order = {}, set(), {}, {}, []
    for line in text[:-1].split("\n"):
        head = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        if head:
            what, name, rest = head.groups()
            known = helped if what == "HELP" else families
            if name in known or name in by_family:
                raise ValueError(f"{what} of {name} again or too late")
            if what == "HELP":
                helped.add(name)
            elif rest in ("counter", "gauge", "histogram") and name in helped:
                families[name] = rest
            else:
                raise ValueError(line)
            continue
        match = SAMPLE.fullmatch(line)
        if not match or not VALUE.fullmatch(match.groups()[-1]):
            raise ValueError(f"no sample: {line!r}")
        name, labels, value = match.group(1), dict(re.findall(LABEL, match.group(2) or "")), float(match.groups()[-1])
        family = _family_of(name, families)
        if family not in by_family:
            order.append(family)
        elif order[-1] != family:
            raise ValueError(f"samples of {family} do not stand together")
        key = (name, tuple(sorted(labels.items())))
        if key in values or (families[family] == "counter" and (value < 0 or not family.endswith("_total"))):
            raise ValueError(f"twice, or no counter: {line}")
        values[key] = value
        by_family.setdefault(family, []).append((name, labels, value))
    if set(families) != set(by_family) or helped != set(families):
        raise ValueError("a family without samples")
    for family, kind in families.items():
        if kind == "histogram":
            _check_histogram(family, by_family[family])
    return values
