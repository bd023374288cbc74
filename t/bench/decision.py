# SPDX-License-Identifier: Apache-2.0
"""A gate's decision from shared memory, in the process that takes it."""
import json

from .row import Sample, at_most, pick
from .svg import Series, line_chart

SMALL, LARGE = 1_000, 1_000_000
NAMES = {orgs: f"a gate decision from shared memory, {orgs:,} orgs in random order" for orgs in (SMALL, LARGE)}
TARGETS = {SMALL: 100, LARGE: 300}
ROWS = tuple(NAMES.values())


def rows(context):
    counts = pick((100, 1_000, 10_000, 100_000, 1_000_000), (SMALL, LARGE))
    figures = {orgs: _measure(context, orgs) for orgs in counts}
    context.charts.append(_chart(figures))
    return [_row(orgs, figures[orgs]) for orgs in NAMES]


def _measure(context, orgs):
    said = json.loads(context.output([context.tool("decision_bench"), orgs, pick(60, 8)]))
    return {name: Sample(tuple(said[name])) for name in ("shared", "hash", "fetch")}


def _row(orgs, figures):
    shared, peer, fetch = figures["shared"], figures["hash"], figures["fetch"]
    return at_most(NAMES[orgs], shared.median, "ns", TARGETS[orgs], spread=shared.spread,
                   peer=f"the same from an apr_hash of the process, under a mutex: {peer.median:.0f} ns",
                   ratio=shared.over(peer).median, command=f"make t/bench/decision_bench && t/bench/decision_bench {orgs}",
                   note=f"One fetch from a random place of the same memory takes {fetch.median:.0f} ns here.")


def _chart(figures):
    series = [Series(label, tuple((orgs, sample[name].median) for orgs, sample in figures.items()))
              for name, label in (("shared", "a decision"), ("hash", "from an apr_hash"), ("fetch", "one random fetch"))]
    last = {name: sample.median for name, sample in figures[LARGE].items()}
    return line_chart("decision", "Time of a gate's decision", "orgs in the table", "nanoseconds", series,
                      f"With {LARGE:,} orgs a decision takes {last['shared']:.0f} ns, one from a hash of the process "
                      f"{last['hash']:.0f} ns, and one fetch from a random place of that memory {last['fetch']:.0f} ns.")
