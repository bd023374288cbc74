# SPDX-License-Identifier: Apache-2.0
"""What is measured, in the order of the report. Each module has ROWS, the names of its rows, and rows(context), which
measures them and gives a row.Row for each, in that order."""
import importlib

MODULES = ("decision", "instructions", "gates", "ofrep", "webhook", "scale")


def modules():
    """Name to module. One that cannot be had is an error."""
    return {name: importlib.import_module(f"bench.{name}") for name in MODULES}


def row_names():
    return [row for module in modules().values() for row in module.ROWS]
