# SPDX-License-Identifier: Apache-2.0
# The command line: python3 -m stripe_simulator --port N …
import argparse
import json
import signal
import sys

from . import api, catalogue
from .errors import ControlError
from .server import Server
from .settings import Settings
from .shapes import NEWEST
from .simulator import Simulator


def parse(arguments):
    parser = argparse.ArgumentParser(prog="stripe_simulator", description="A simulated Stripe account on loopback, "
                                     "for tests and demonstrations. See README.md beside it.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (one that is free)")
    parser.add_argument("--public-url", default="", help="what the pages' addresses begin with (http://127.0.0.1:PORT)")
    parser.add_argument("--seed", default="1", help="ids are the same in every run with the same seed (1)")
    parser.add_argument("--key", help="the one API key accepted (any test mode key)")
    parser.add_argument("--webhook", action="append", default=[], metavar="URL", help="endpoint; may be repeated")
    parser.add_argument("--secret", action="append", default=[], metavar="whsec_…", help="its secret, in that order")
    parser.add_argument("--price", action="append", default=[], metavar="ID=AMOUNT:CURRENCY:INTERVAL[:NAME]",
                        help="a price to begin with, such as price_founding=2900:usd:month:Founding member")
    parser.add_argument("--api-version", default=NEWEST, help=f"the account's version: the shape of events ({NEWEST})")
    parser.add_argument("--clock", type=int, metavar="SECONDS", help="the time to begin with (now)")
    parser.add_argument("--freeze", action="store_true", help="the clock moves only when it is turned")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=JSON", help="see settings.py")
    return parser.parse_args(arguments)


def build(options):
    """The simulator that the command line describes, and its server; raises ControlError."""
    if options.key and api.is_live(options.key):
        raise ControlError(api.LIVE_REFUSED)
    if len(options.webhook) != len(options.secret):
        raise ControlError("each --webhook needs its --secret")
    settings = Settings()
    wanted = {"api_version": options.api_version}
    for entry in options.setting:
        name, _, value = entry.partition("=")
        try:
            wanted[name] = json.loads(value)
        except json.JSONDecodeError:
            wanted[name] = value
    settings.change(wanted)
    sim = Simulator(settings, options.seed, options.clock, options.freeze)
    sim.key, sim.base_url = options.key, options.public_url.rstrip("/")
    server = Server(sim, port=options.port)
    with sim.lock:
        for specification in options.price:
            catalogue.price_from_text(sim, specification)
        for address, secret in zip(options.webhook, options.secret):
            sim.webhooks.add(address, secret)
    return sim, server


def main(arguments=None):
    options = parse(arguments)
    try:
        sim, server = build(options)
    except (ControlError, OSError) as problem:
        print(f"stripe_simulator: {problem}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    print(f"Stripe simulator at {sim.base_url}", flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        server.stopping.set()
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
