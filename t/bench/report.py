# SPDX-License-Identifier: Apache-2.0
"""RESULTS.md and its charts; and the rows as they are printed."""
import re

from harness.workspace import TOP

FOLDER = TOP / "t/bench"
RESULTS = FOLDER / "RESULTS.md"
LIMITS = FOLDER / "limits.md"

HEAD = """# Results

`make bench` measured this and wrote it; nothing here is written by hand but the last section, which is
[limits.md](limits.md). What is compared was measured in turns, round by round, in one run on one machine; a figure is the
median of its rounds, and beside it stand the lowest and the highest. A ratio is the median of the rounds' ratios.
"""


def line(row):
    """For people at a terminal."""
    mark = "reached" if row.reached else "NOT REACHED"
    return (f"{row.name}: {figure(row.value, row.unit)}{_span(row)}, to reach {row.target_text}: {mark}"
            + (f"\n    beside it: {row.peer}" + _ratio_words(row) if row.peer else "")
            + (f"\n    {row.note}" if row.note else ""))


def write(rows, charts, machine):
    for chart in charts:
        (FOLDER / f"{chart.name}.svg").write_text(chart.svg)
    RESULTS.write_text("\n".join([HEAD, *_table(rows), *_details(rows), *_pictures(charts), *_machine(machine),
                                  *_limits(rows)]))


def figure(value, unit):
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f} {unit}".rstrip()


def limits():
    """Name of a row to what its limit is: the text below its heading in limits.md."""
    parts = re.split(r"^### (.*)\n", LIMITS.read_text(), flags=re.M)
    return {name.strip(): text.strip() for name, text in zip(parts[1::2], parts[2::2])}


def _span(row):
    return f" ({figure(row.spread[0], '')} to {figure(row.spread[1], '')})" if row.spread else ""


def _ratio_words(row):
    return f", ratio {figure(row.ratio, '')}" if row.ratio is not None else ""


def _cell(text):
    return text.replace("|", "\\|")


def _table(rows):
    yield "| what | measured | rounds | to reach | reached |"
    yield "|---|---|---|---|---|"
    for row in rows:
        spread = f"{figure(row.spread[0], '')} to {figure(row.spread[1], '')}" if row.spread else ""
        yield (f"| {_cell(row.name)} | {figure(row.value, row.unit)} | {spread} | {_cell(row.target_text)} | "
               f"{'yes' if row.reached else '**no**'} |")
    yield ""


def _details(rows):
    yield "## What stood beside it, and how to measure it alone\n"
    for row in rows:
        yield f"**{row.name}**\n"
        if row.peer:
            yield f"- Beside it: {row.peer}{_ratio_words(row)}."
        if row.note:
            yield f"- {row.note}"
        yield f"- `{row.command}`\n"


def _pictures(charts):
    for chart in charts:
        yield f"![{chart.title}. {chart.alternative}]({chart.name}.svg)\n"


def _machine(machine):
    yield "## The machine\n"
    yield "| | |\n|---|---|"
    for what, value in machine:
        yield f"| {what} | {_cell(value)} |"
    yield ""


def _limits(rows):
    missed = [row for row in rows if not row.reached]
    if missed:
        known = limits()
        yield "## What was not reached, and why\n"
        for row in missed:
            yield f"### {row.name}\n\n{known.get(row.name, 'Not known yet.')}\n"
