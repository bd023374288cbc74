# SPDX-License-Identifier: Apache-2.0
"""One measured promise, and how two things are compared on a machine that is not quiet."""
import dataclasses
import os
import statistics


def quick():
    """make bench QUICK=1: the same rows from less data, to see that all of it works. Nothing to quote."""
    return os.environ.get("QUICK", "") not in ("", "0")


def pick(full, small):
    """How much of something: `full`, or `small` in a quick run."""
    return small if quick() else full


@dataclasses.dataclass(frozen=True)
class Sample:
    """One figure per round."""
    values: tuple

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def spread(self):
        """(lowest, highest)"""
        return min(self.values), max(self.values)

    def over(self, other):
        """The ratios, round by round: what slows the machine down for a round slows both."""
        return Sample(tuple(mine / theirs for mine, theirs in zip(self.values, other.values, strict=True)))

    def minus(self, other):
        return Sample(tuple(mine - theirs for mine, theirs in zip(self.values, other.values, strict=True)))


def interleave(rounds, *measures):
    """Calls every measure (no arguments, one figure) once a round, forwards and backwards in turn, so that a drift of
    the machine favours none. One Sample for each, in their order."""
    figures = [[] for _ in measures]
    for number in range(rounds):
        order = list(enumerate(measures))
        for index, measure in order if number % 2 == 0 else reversed(order):
            figures[index].append(measure())
    return [Sample(tuple(each)) for each in figures]


@dataclasses.dataclass(frozen=True)
class Row:
    name: str                # as in the module's ROWS
    value: float
    unit: str                # "ns", "ms", "%", "/s", "x" for a ratio
    target_text: str         # "<= 100 ns"
    reached: bool
    peer: str = ""           # what was measured beside it, with its own figure: "shmcb 2,100 ns"
    ratio: float = None      # value : peer's, where there is one
    spread: tuple = None     # (lowest, highest) of the rounds, in `unit`
    command: str = ""        # what measured it, to be run alone
    note: str = ""


def at_most(name, value, unit, target, **rest):
    return Row(name, value, unit, f"<= {target:g} {unit}".rstrip(), value <= target, **rest)


def at_least(name, value, unit, target, **rest):
    return Row(name, value, unit, f">= {target:g} {unit}".rstrip(), value >= target, **rest)
