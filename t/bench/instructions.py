# SPDX-License-Identifier: Apache-2.0
"""Instructions that httpd runs for one request of a static file, counted by callgrind: with nothing of billing on its
way, with the same org expression and the same header set by core modules, and gated.

    python3 -m bench.instructions [REQUESTS]        (in t/; needs a build, or ATTUNE_MODULE)

One httpd (-X) serves all of them. Counted is what its workers do inside ap_run_process_connection, so neither the start
nor work beside requests; a dump of callgrind's, which begins a new count, is had by asking for what does not exist. A
count without requests between two dumps is taken off, so what is left belongs to the requests, reading and logging
included. The same run gives the same figures within a few instructions, however busy the machine.

glibc's string functions take a longer way for a string that lies across the end of a page, which costs up to one percent
of a request, and what lies there follows from all that was put into the request's pool before. So each place is counted
with User-Agents of several lengths, and what is told is the median over them."""
import re
import socket
import sys

from harness import stripe_events
from harness.accounts import Account
from harness.httpd import binary
from harness.processes import Process
from harness.scratch import Scratch
from harness.site import CATALOGUE, Site
from harness.waiting import wait_for

from .context import SETTINGS, Context
from .row import Sample, at_most, pick

BEYOND = "instructions a gate adds to a request of a static file, beyond the same org expression and header"
IN_ALL = "instructions a gate adds to a request of a static file, in all"
ROWS = (BEYOND, IN_ALL)

MARK = "ap_send_error_response"  # of httpd's; runs for errors alone
PLACES = {"ungated": "open", "core": "core", "gated": "gate"}
ORG = "acme"
WARM_UP = 20
PADDINGS = range(0, 180, 20)  # bytes
PATIENCE_SECONDS = 120

# The org comes from the environment for every place, as an authentication module would have set it. Sign-in itself is
# left out: it would only make the whole greater and the share of a gate smaller.
SITE = CATALOGUE + f"""
SetEnvIf Request_URI . SITE_ORG={ORG}
<Location "/">
    BillingOrg "%{{reqenv:SITE_ORG}}"
</Location>
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
</BillingFeature>
<Location "/core">
    Header setifempty Cache-Control private "expr=%{{reqenv:SITE_ORG}} != ''"
</Location>
<Location "/gate">
    BillingRequireFeature trucking.dispatch
</Location>
"""

REQUEST = """GET /{place}/page.html HTTP/1.1\r
Host: localhost\r
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0{padding}\r
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r
Accept-Language: en-US,en;q=0.5\r
Accept-Encoding: gzip, deflate, br\r
Sec-Fetch-Dest: document\r
Sec-Fetch-Mode: navigate\r
Sec-Fetch-Site: none\r
\r
"""


class CountedSite(Site):
    """Runs below callgrind, in one process."""

    def start(self):
        self._counts = self.root / "counts"
        position = self.log.position()
        self._process = Process(
            self.scratch, ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self._counts}", "--collect-atstart=no",
                           "--toggle-collect=ap_run_process_connection", f"--dump-before={MARK}", binary(), "-X",
                           "-f", self.root / "httpd.conf"],
            environment={**self._environment, "LD_BIND_NOW": "1"}, output=self._console)
        wait_for(lambda: self._lives(position) and self._answers(), PATIENCE_SECONDS,
                 lambda: f"an answer; httpd said:\n{self.said(position)}")
        return self

    def count(self, place, requests, padding=0):
        """Instructions of so many requests over one connection, and of the two marks around them."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS) as connection:
            stream = connection.makefile("rb")
            self._ask(connection, stream, "none", 404, padding)
            for _ in range(requests):
                self._ask(connection, stream, place, 200, padding)
            self._ask(connection, stream, "none", 404, padding)
        return self._last_count()

    @staticmethod
    def _ask(connection, stream, place, expected, padding):
        connection.sendall(REQUEST.format(place=place, padding="-" * padding).encode())
        status = int(stream.readline().split()[1])
        headers = iter(stream.readline, b"\r\n")
        length = next(int(line.split(b":")[1]) for line in list(headers) if line.lower().startswith(b"content-length:"))
        stream.read(length)
        if status != expected:
            raise RuntimeError(f"/{place}/page.html was answered with {status}, not {expected}")

    def _last_count(self):
        """What callgrind wrote when the last mark came by: before its answer, so it is there."""
        last = max(self.root.glob("counts.*"), key=lambda path: int(path.suffix[1:]))
        return int(re.search(r"^(?:summary|totals): (\d+)", last.read_text(), re.MULTILINE)[1])


def rows(context):
    figures = _figures(_serve(context), pick(100, 20))
    ungated, core, gated = (figures[name] for name in PLACES)
    common = {"command": "cd t && python3 -m bench.instructions",
              "note": f"callgrind counts {ungated.median:,.0f} ungated, {core.median:,.0f} with core modules' expression and "
                      f"header, {gated.median:,.0f} gated. A round is one length of User-Agent."}
    beyond, in_all = _added(gated, core), _added(gated, ungated)
    return [at_most(BEYOND, beyond.median, "%", 2, peer=f"core modules add {_added(core, ungated).median:.2f} %",
                    spread=beyond.spread, **common),
            at_most(IN_ALL, in_all.median, "%", 6, spread=in_all.spread, **common)]


def measure(requests=100):
    """Instructions for a request, one figure per padding: {"ungated": Sample, "core": …, "gated": …}."""
    with Scratch(Account.choose()) as scratch:
        context = Context(scratch)
        try:
            with context.stage():
                return _figures(_serve(context), requests)
        finally:
            context.close()


def _serve(context):
    server = CountedSite(context.scratch, SETTINGS + SITE, workspace=context.workspace, sign_in=None,
                         database=context.cluster.conninfo(context.database()), without=("BillingStripeSecretKey",))
    context.until_stage_ends(server.remove)
    for place in PLACES.values():
        server.write(f"htdocs/{place}/page.html", "x" * 2000)
    server.start()
    server.deliver(stripe_events.subscription_event("created", sub="sub_bench", customer="cus_bench", org=ORG))
    return server


def _figures(server, requests):
    for place in PLACES.values():
        server.count(place, WARM_UP)
    counts = {name: [] for name in PLACES}
    for padding in PADDINGS:
        marks = server.count("none", 0, padding)
        for name, place in PLACES.items():
            counts[name].append((server.count(place, requests, padding) - marks) / requests)
    return {name: Sample(tuple(values)) for name, values in counts.items()}


def _added(more, less):
    """By how many percent."""
    return Sample(tuple((ratio - 1) * 100 for ratio in more.over(less).values))


def main(words):
    figures = measure(int(words[0]) if words else 100)
    for name, counts in figures.items():
        added = _added(counts, figures["ungated"])
        print(f"{name:8} {counts.median:10,.0f} instructions per request  {added.median:+8.2f} %, "
              f"{added.spread[0]:.2f} to {added.spread[1]:.2f}")
    print(f"a gate beyond core modules: {_added(figures['gated'], figures['core']).median:+.2f} %")


if __name__ == "__main__":
    main(sys.argv[1:])
