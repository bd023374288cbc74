# SPDX-License-Identifier: Apache-2.0
# Decodes Stripe's forms: a[b][0][c]=v and a[]=v become nested dicts and lists of text.
import re
from urllib.parse import unquote_to_bytes

from .errors import invalid

MAX_PAIRS = 1000
MAX_DEPTH = 8
NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")


def decode(raw):
    """`raw` is a query or a body. The result holds dicts, lists (from a[]=) and str; a dict with keys 0, 1, 2 is
    an array to whom the schema asks for one."""
    result = {}
    pairs = [pair for pair in raw.split("&") if pair]
    if len(pairs) > MAX_PAIRS:
        raise invalid(f"Too many parameters: at most {MAX_PAIRS} are accepted.")
    for pair in pairs:
        name, _, value = pair.partition("=")
        name, value = _unquote(name), _unquote(value)
        match = NAME.match(name)
        if not match:
            raise invalid(f"Invalid parameter name: {name!r}", param=name)
        path = [match[1]] + re.findall(r"\[([^\[\]]*)\]", match[2])
        if len(path) > MAX_DEPTH:
            raise invalid(f"Parameter nested too deeply: {name!r}", param=name)
        _put(result, path, value, name)
    return result


def _unquote(text):
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError:
        raise invalid("Invalid UTF-8 in the request.") from None


def _put(container, path, value, name):
    for step, following in zip(path, path[1:]):
        if not isinstance(container, dict):
            raise invalid(f"Invalid parameter: {name!r} is given both as a value and as an object", param=name)
        container = container.setdefault(step, [] if following == "" else {})
    if path[-1] == "" and isinstance(container, list):
        container.append(value)
    elif isinstance(container, dict) and path[-1] != "" and not isinstance(container.get(path[-1]), (dict, list)):
        container[path[-1]] = value
    else:
        raise invalid(f"Invalid parameter: {name!r} is given both as a value and as an object", param=name)
