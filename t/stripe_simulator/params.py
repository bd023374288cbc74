# SPDX-License-Identifier: Apache-2.0
# Holds decoded parameters against a schema, with Stripe's answers to what does not fit.
from .errors import invalid

UNSET = ""
CURRENCIES = frozenset("usd eur gbp cad aud chf sek nok dkk pln czk jpy mxn nzd brl".split())


def _refuse(message, param, code=None):
    return invalid(message, param=param, code=code)


def text(limit=5000, blank=False):
    def check(value, name, _version):
        if not isinstance(value, str):
            raise _refuse(f"Invalid string: {value}", name)
        if value == "" and not blank:
            raise _refuse(f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
                          f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request "
                          "or supply a non-empty value.", name, "parameter_invalid_empty")
        if len(value) > limit:
            raise _refuse(f"Invalid string: {value[:20]}...; must be at most {limit} characters", name)
        return value
    return check


def integer(low=None, high=None):
    def check(value, name, _version):
        try:
            if not isinstance(value, str) or len(value) > 20 or not value.lstrip("-").isascii():
                raise ValueError
            number = int(value)
        except ValueError:
            raise _refuse(f"Invalid integer: {value}", name, "parameter_invalid_integer") from None
        if low is not None and number < low:
            raise _refuse(f"This value must be greater than or equal to {low}.", name, "parameter_invalid_integer")
        if high is not None and number > high:
            raise _refuse(f"This value must be less than or equal to {high}.", name, "parameter_invalid_integer")
        return number
    return check


def boolean(value, name, _version):
    if value not in ("true", "false"):
        raise _refuse(f"Invalid boolean: {value}", name)
    return value == "true"


def decimal(value, name, _version):
    try:
        whole = int(value)
    except (TypeError, ValueError):
        raise _refuse(f"Invalid decimal: {value}; the simulator takes whole minor units", name) from None
    return str(whole)


def choice(*values):
    def check(value, name, _version):
        if value not in values:
            raise _refuse(f"Invalid {name}: must be one of {', '.join(values)}", name)
        return value
    return check


def currency(value, name, _version):
    lowered = value.lower() if isinstance(value, str) else ""
    if lowered not in CURRENCIES:
        raise _refuse(f"Invalid currency: {value}. Stripe currently supports these currencies: "
                      f"{', '.join(sorted(CURRENCIES))}", name)
    return lowered


def url(value, name, _version):
    if not isinstance(value, str) or not value.startswith(("http://", "https://")) or len(value) > 5000:
        raise _refuse("Not a valid URL", name, "url_invalid")
    return value


def metadata(value, name, _version):
    """An empty text as a value unsets that key; the whole as empty text unsets all."""
    if value == UNSET:
        return UNSET
    if not isinstance(value, dict):
        raise _refuse(f"Invalid object: {name}", name)
    if len(value) > 50:
        raise _refuse("Metadata can have up to 50 keys.", name)
    for key, entry in value.items():
        if not isinstance(entry, str):
            raise _refuse("Metadata values must be strings.", f"{name}[{key}]")
        if len(key) > 40:
            raise _refuse(f"Metadata keys can have up to 40 characters, but you passed in a key that is {len(key)} "
                          f"characters. Invalid key: {key}", name)
        if len(entry) > 500:
            raise _refuse(f"Metadata values can have up to 500 characters, but you passed in a value that is "
                          f"{len(entry)} characters. Invalid value: {entry}", f"{name}[{key}]")
    return value


def anything(value, _name, _version):
    """A parameter that Stripe has and the simulator accepts without acting on it."""
    return value


def unsettable(check):
    def wrapped(value, name, version):
        return UNSET if value == UNSET else check(value, name, version)
    return wrapped


def either(first, second):
    """Text goes to `first`, an object to `second`."""
    def check(value, name, version):
        return (second if isinstance(value, dict) else first)(value, name, version)
    return check


def until(removed, check):
    """A parameter that requests of API version `removed` and later no longer have."""
    def wrapped(value, name, version):
        if version[:10] >= removed:
            raise _unknown([name])
        return check(value, name, version)
    return wrapped


def array(check, limit=100):
    def checked(value, name, version):
        if isinstance(value, dict) and all(key.isdecimal() for key in value):
            entries = [value[key] for key in sorted(value, key=int)]
        elif isinstance(value, list):
            entries = value
        else:
            raise _refuse("Invalid array", name)
        if len(entries) > limit:
            raise _refuse(f"Array {name} exceeded maximum {limit} allowed elements.", name)
        return [check(entry, f"{name}[{index}]", version) for index, entry in enumerate(entries)]
    return checked


class Fields:
    """An object with named members; a name that ends in ! is required."""

    def __init__(self, members):
        self.members = {name.rstrip("!"): check for name, check in members.items()}
        self.required = [name[:-1] for name in members if name.endswith("!")]

    def __call__(self, value, name, version):
        if not isinstance(value, dict):
            raise _refuse("Invalid object", name)
        inside = (lambda key: f"{name}[{key}]") if name else (lambda key: key)
        unknown = [inside(key) for key in value if key not in self.members]
        if unknown:
            raise _unknown(unknown)
        for key in self.required:
            if key not in value:
                raise _refuse(f"Missing required param: {inside(key)}.", inside(key), "parameter_missing")
        return {key: self.members[key](entry, inside(key), version) for key, entry in value.items()}


def _unknown(names):
    return _refuse(f"Received unknown parameter{'s' if len(names) > 1 else ''}: {', '.join(names)}", names[0],
                   "parameter_unknown")
