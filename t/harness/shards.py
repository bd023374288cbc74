# SPDX-License-Identifier: Apache-2.0
"""Splits a run's tests by files into shares of about the same size, so that several runs beside each other do all."""
import collections


def choose_shard(items, index, count):
    """(the items of share `index` out of `count`, counted from 1; the others). The same for every run of a tree."""
    sizes = collections.Counter(str(item.path) for item in items)
    loads = [0] * count
    shares = {}
    for path, size in sorted(sizes.items(), key=lambda entry: (-entry[1], entry[0])):
        lightest = loads.index(min(loads))
        shares[path] = lightest
        loads[lightest] += size
    chosen = [item for item in items if shares[str(item.path)] == index - 1]
    left = [item for item in items if shares[str(item.path)] != index - 1]
    return chosen, left
