# SPDX-License-Identifier: Apache-2.0
# What an object was before: the previous_attributes of an *.updated event.


def previous_attributes(before, after):
    """Only what differs. Objects are looked into, lists are given whole, as Stripe does; a member that came new was
    null before."""
    previous = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and new:
            previous[key] = previous_attributes(old, new)
        else:
            previous[key] = old
    return {key: previous[key] for key in sorted(previous)}
