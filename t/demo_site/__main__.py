# SPDX-License-Identifier: Apache-2.0
"""t/demo: builds the module, starts what a site needs, and shows it."""
import argparse
import os
import signal
import sys

from harness.accounts import Account
from harness.check import Check, Selection, PLAIN_BUILD, StageFailed
from harness.scratch import Scratch
from harness.workspace import MODULE, Workspace

from .backend import Backend
from .stage import Stage
from .story import Story


def _interrupted(number, _):
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(0 if number == signal.SIGINT else 128 + number)


def main():
    parser = argparse.ArgumentParser(prog="t/demo", description="a sample site with billing, on loopback")
    parser.add_argument("--once", action="store_true", help="play the whole story unattended and exit")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    with Scratch(Account.choose()) as scratch:
        print("building …", flush=True)
        check = Check(scratch, Selection([]))
        try:
            check.prepare()
            os.environ["ATTUNE_MODULE"] = str(check.build(PLAIN_BUILD) / MODULE)
        except StageFailed as failed:
            print(f"t/demo: {failed} failed; what it said stands above", file=sys.stderr)
            return 1
        backend = Backend()
        stage = Stage(scratch, Workspace(scratch), backend, real_key=None if options.once else os.environ.get("STRIPE_SECRET_KEY"))
        try:
            stage.start()
            if options.once:
                return Story(stage).play()
            print(stage.invitation(), flush=True)
            while True:
                signal.pause()
        finally:
            stage.stop()
            backend.close()


if __name__ == "__main__":
    sys.exit(main())
