# SPDX-License-Identifier: Apache-2.0
"""What a gate costs the server: beside the same server without, and beside other gates."""
import math
import statistics

from . import stacks
from .row import at_least, interleave, pick
from .svg import Bar, bar_chart

RATE = "requests/s gated against ungated, same server"
COST = {"mod_authz_dbd": "cost added to a request: mod_authz_dbd's against the gate's",
        "a mod_lua gate": "cost added to a request: a mod_lua gate's against the gate's",
        "nginx, auth_request to Node": "cost added to a request: nginx auth_request's to a Node gate against the gate's"}
ROWS = (RATE, *COST.values())
COMMAND = "make bench NAMES=gates"


def rows(context):
    ours = stacks.attune(context)
    result = [_rate(context, ours)]
    every = [ours, stacks.authz_dbd(context), stacks.lua(context), stacks.nginx(context)]
    count = pick(4_000, 1_500)
    added = dict(zip((stack.name for stack in every),
                     interleave(pick(25, 5), *(_each(stack.added, context, count) for stack in every))))
    context.charts.append(_chart(context, every))
    return result + [_cost(name, added[ours.name], added[name]) for name in COST]


def _each(measure, *arguments):
    return lambda: measure(*arguments)


def _rate(context, stack):
    seconds = pick(0.5, 0.3)
    free, gated = interleave(pick(60, 6), *(_each(stack.rate, context, path, seconds)
                                            for path in (stacks.FREE, stacks.GATED)))
    ratio = gated.over(free)
    return at_least(RATE, ratio.median, "", 0.98, spread=ratio.spread, command=COMMAND,
                    peer=f"ungated {free.median:,.0f}/s, gated {gated.median:,.0f}/s",
                    note=f"{len(ratio.values)} rounds of {seconds} s each way, 16 connections kept alive, a file of "
                         f"{len(stacks.PAGE)} bytes, {len(stacks.ORGS)} orgs signed in by password.")


def _cost(name, ours, peer):
    # What cannot be told from nothing counts as much as this run can tell: the error of its median.
    error = 1.25 * statistics.stdev(ours.values) / math.sqrt(len(ours.values))
    return at_least(COST[name], peer.median / max(ours.median, error), "x", 10, command=COMMAND,
                    peer=f"{name} adds {_words(peer)}",
                    note=f"The gate adds {_words(ours)}. It is the time of a gated request less that of an ungated one of "
                         "the same server, taking turns request by request on one connection. Rates and processor times "
                         "vary more from round to round than a gate costs.")


def _words(sample):
    low, high = sample.spread
    return f"{sample.median:.2f} µs (rounds: {low:.2f} to {high:.2f})"


def _chart(context, every):
    seconds = pick(0.5, 0.2)
    samples = interleave(pick(9, 2), *(_each(stack.rate, context, path, seconds)
                                       for stack in every for path in (stacks.GATED, stacks.FREE)))
    bars = [Bar(stack.name, samples[2 * index].median, samples[2 * index + 1].median, 0 if index == 0 else 2)
            for index, stack in enumerate(every)]
    words = "; ".join(f"{bar.label}: {bar.value:,.0f}, ungated {bar.twin:,.0f}" for bar in bars)
    return bar_chart("gates", "Requests/s behind each gate (outlined: the same server ungated)",
                     "requests/s, 16 connections", bars, f"Requests per second. {words}.")
