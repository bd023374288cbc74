# SPDX-License-Identifier: Apache-2.0
# Metadata as it is changed by requests.
from .params import UNSET


def merge_metadata(obj, changes):
    """Adds and replaces; an empty value takes its key away, an empty text instead of an object takes all away."""
    if changes == UNSET:
        obj["metadata"] = {}
    for key, value in (changes or {}).items():
        if value == UNSET:
            obj["metadata"].pop(key, None)
        else:
            obj["metadata"][key] = value
