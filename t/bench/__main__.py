# SPDX-License-Identifier: Apache-2.0
"""Measures, prints, and writes RESULTS.md where all of it was measured in full. See t/bench/run."""
import argparse
import contextlib
import os
import signal
import sys
import time
import traceback

from harness.accounts import Account
from harness.scratch import ROOT_VARIABLE, Scratch

from . import machine, registry, report
from .context import Context
from .row import quick


def measure(context, name, module):
    """The module's rows, printed; None where it failed."""
    started = time.monotonic()
    print(f"== {name}", flush=True)
    try:
        with context.stage():
            rows = list(module.rows(context))
        names = tuple(row.name for row in rows)
        assert names == tuple(module.ROWS), f"ROWS of {name} promises {module.ROWS}, measured was {names}"
    except Exception:  # whatever it was, the others are measured all the same
        traceback.print_exc()
        return None
    for row in rows:
        print(report.line(row), flush=True)
    print(f"== {name}: {time.monotonic() - started:.1f} s", flush=True)
    return rows


def main():
    modules = registry.modules()
    parser = argparse.ArgumentParser(prog="t/bench/run", description="measures all, or what is named")
    parser.add_argument("names", nargs="*", choices=[*modules, []], metavar="NAME", help=", ".join(modules))
    chosen = parser.parse_args().names or list(modules)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    os.umask(0o022)
    where = machine.description()
    with Scratch(Account.choose()) as scratch, contextlib.closing(Context(scratch)) as context:
        os.environ[ROOT_VARIABLE] = str(scratch.path)
        measured = {name: measure(context, name, modules[name]) for name in chosen}
        charts = context.charts
    failed = [name for name, rows in measured.items() if rows is None]
    if failed:
        print(f"failed: {', '.join(failed)}")
    elif quick() or chosen != list(modules):
        print("RESULTS.md is left as it is: only a full run writes it")
    else:
        report.write([row for rows in measured.values() for row in rows], charts, where)
        print(f"written: {report.RESULTS}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
