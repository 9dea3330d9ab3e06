# SPDX-License-Identifier: Apache-2.0
"""The figures as a table: a row each, a column each speaker, and the floor where it has such a figure."""

from bench.bgp import late

# Figure, what it is, what of the floor it stands beside.
ROWS = [
    ("fill-fib", "all, to the FIB (s)", "add-nhid"),
    ("fill-sink", "all, to the second peer (s)", None),
    ("fill-cpu", "all, processor (s)", None),
    ("fill-answer", "all, longest answer to another (ms)", None),
    ("peak", "peak memory (MiB)", None),
    ("peak-a-prefix", "peak memory a prefix (octets)", None),
    ("churn-fib", "10 % changed, to the FIB (s)", None),
    ("churn-sink", "10 % changed, to the second peer (s)", None),
    ("churn-cpu", "10 % changed, processor (s)", None),
    ("churn-answer", "10 % changed, longest answer to another (ms)", None),
    ("single-new-fib", "one more, to the FIB (ms, median)", "single"),
    ("single-new-fib-worst", "one more, to the FIB (ms, worst)", None),
    ("single-new-sink", "one more, to the second peer (ms, median)", None),
    ("single-gone-fib", "one less, to the FIB (ms, median)", None),
    ("single-gone-sink", "one less, to the second peer (ms, median)", None),
    ("withdraw-fib", "all withdrawn, to the FIB (s)", "delete-nhid"),
    ("withdraw-sink", "all withdrawn, to the second peer (s)", None),
    ("withdraw-cpu", "all withdrawn, processor (s)", None),
    ("withdraw-answer", "all withdrawn, longest answer to another (ms)", None),
    ("peak-two", "peak memory with two feeds (MiB)", None),
    ("failover-fib", "failover, to the FIB (s)", "replace-object"),
    ("failover-sink", "failover, to the second peer (s)", None),
    ("failover-cpu", "failover, processor (s)", None),
    ("failover-answer", "failover, longest answer to another (ms)", None),
    ("ecmp-loss-fib", "one of two equal ways lost, to the FIB (s)", "delete-member"),
    ("ecmp-loss-cpu", "one of two equal ways lost, processor (s)", None),
    ("ecmp-loss-answer", "one of two equal ways lost, longest answer to another (ms)", None),
]
ROWS += late.ROWS
MILLI = {"single"}


def shown(value):
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


def table(size, columns):
    speakers = [c for c in columns if c != "floor"]
    floor = columns.get("floor", {})
    lines = [f"| {size:,} prefixes | floor | {' | '.join(speakers)} |", "|---" * (2 + len(speakers)) + "|"]
    for key, text, below in ROWS:
        values = [columns[s].get(key) for s in speakers]
        base = floor.get(below) if below else None
        if base is not None and below in MILLI:
            base *= 1000
        if base is None and all(v is None for v in values):
            continue
        cells = [shown(v) + (f" ({v / base:.1f})" if v is not None and base and base >= 0.005 else "") for v in values]
        lines.append(f"| {text} | {shown(base)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def markdown(tables):
    return "\n" + "\n".join(table(size, columns) for size, columns in tables.items())
