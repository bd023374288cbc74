# SPDX-License-Identifier: Apache-2.0
"""Events by webhook: signed, verified, stored, applied and committed with fsync, beside pgbench with the same statements,
beside @supabase/stripe-sync-engine in Node, and where very many are stored already."""
import itertools
import json
import re
import shutil
import subprocess

from harness import stripe_events, stripe_sign
from harness.clients import node_of
from harness.cluster import binary
from harness.ports import reserve_port
from harness.processes import Process
from harness.site import CATALOGUE, WEBHOOK, WEBHOOK_SECRET
from harness.waiting import wait_for

from . import stacks
from .load import load, raw_request, request_file
from .row import at_least, at_most, interleave, pick

SYNC = "webhook events/s: against @supabase/stripe-sync-engine on the same PostgreSQL"
PGBENCH = "webhook events/s: against pgbench running the same statements"
P99 = "webhook p99 at 1,000 events/s"
STORED = "webhook events/s with 10,000,000 stored events: against an empty table"
ROWS = (SYNC, PGBENCH, P99, STORED)
COMMAND = "make bench NAMES=webhook"
CONNECTIONS = 16
TOKEN = "tokn8kt"
CONFIG = CATALOGUE + stacks.OPEN_WEBHOOK
# Each run of pgbench takes ids that none before it used.
_RUNS = itertools.count(1)

# As many as there would be after years: small bodies, since they lie out of line and are not read again.
FILL = """
INSERT INTO billing.org (org_id) SELECT 'stored-' || n FROM generate_series(1, 10000) n;
INSERT INTO billing.event (provider, event_id, type, api_version, created, livemode, org_id, customer_id, subscription_id,
                           outcome, shown_status, body, received_at)
    SELECT 'stripe', 'evt_stored' || n, 'customer.subscription.updated', '2026-10-28.endive', at, false,
           'stored-' || n % 10000 + 1, 'cus_stored' || n % 10000, 'sub_stored' || n % 10000, 'applied', 'active', '{{}}', at
      FROM (SELECT n, now() - n * interval '1 second' AS at FROM generate_series(1, {count}) n) events;
VACUUM ANALYZE;
"""


def rows(context):
    events = _Events(context)
    name, filled = context.database(), context.database()
    ours, peer, script = _site(context, name), _sync_engine(context), _pgbench_script(context)
    count = pick(6_000, 1_200)
    _settle(context, events, (ours.port, WEBHOOK), (peer, "/"))
    rate, theirs, limit = interleave(pick(9, 3), lambda: events.rate(ours.port, WEBHOOK, count),
                                     lambda: events.rate(peer, "/", pick(1_500, 300)),
                                     lambda: _pgbench(context, name, script, count))
    p99 = interleave(pick(5, 2), lambda: events.p99(ours.port))[0]
    stored = pick(10_000_000, 100_000)
    context.cluster.psql(FILL.format(count=stored), filled, timeout=1200)
    many = _site(context, filled)
    _settle(context, events, (many.port, WEBHOOK), (ours.port, WEBHOOK))
    full, empty = interleave(pick(9, 3), lambda: events.rate(many.port, WEBHOOK, count),
                             lambda: events.rate(ours.port, WEBHOOK, count))
    return [_ratio(SYNC, 5, rate, theirs, "@supabase/stripe-sync-engine",
                   "A subscription event of an org that is new each time, over 16 connections. The peer verifies, upserts "
                   "the subscription and its items, and keeps neither the event nor what follows from it."),
            _ratio(PGBENCH, 0.6, rate, limit, "pgbench",
                   "pgbench sends what one such event was seen to send, prepared once, as 16 clients."),
            at_most(P99, p99.median, "ms", 10, spread=p99.spread, command=COMMAND,
                    note="Open loop: an event's time counts from when it was due. Each is committed with fsync."),
            _ratio(STORED, 0.9, full, empty, "the table without them",
                   f"{stored:,} events of 10,000 orgs were stored here before.")]


def _settle(context, events, *servers):
    """A table that nobody has analyzed yet makes PostgreSQL guess; autovacuum sees to that within a minute or so."""
    for port, path in servers:
        events.rate(port, path, 600)
    for (name,) in context.cluster.psql("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"):
        context.cluster.psql("ANALYZE", name)


def _ratio(name, target, ours, peer, label, note):
    ratio = ours.over(peer)
    return at_least(name, ratio.median, "x", target, spread=ratio.spread, command=COMMAND,
                    peer=f"here {ours.median:,.0f}/s, {label} {peer.median:,.0f}/s", note=note)


class _Events:
    """Signed deliveries, each of an org, a customer and a subscription of its own."""

    def __init__(self, context):
        self._context, self._made = context, 0

    def rate(self, port, path, count):
        return load(self._context, port, self._file(path, count), connections=CONNECTIONS, once=True).rate

    def p99(self, port):
        rate, seconds = 1000, pick(5, 2)
        done = load(self._context, port, self._file(WEBHOOK, rate * seconds), connections=CONNECTIONS, rate=rate,
                    once=True)
        return done.time["p99"] / 1000

    def _file(self, path, count):
        requests = []
        for self._made in range(self._made + 1, self._made + count + 1):
            body = stripe_sign.encode(_event(f"w{self._made:08}"))
            requests.append(raw_request("POST", path, stripe_sign.headers(body, WEBHOOK_SECRET), body))
        return request_file(self._context, f"events-{path.count('/')}", requests)


def _event(word):
    return stripe_events.subscription_event("created", id=f"evt_{word}", sub=f"sub_{word}", customer=f"cus_{word}",
                                            org=f"org-{word}", status="active")


def _site(context, database):
    return context.site(CONFIG, sign_in=None, database=context.cluster.conninfo(database))


def _sync_engine(context):
    """Its port. It has a database of its own in the same PostgreSQL, and owns it."""
    folder, port = context.scratch.folder("sync"), reserve_port()
    shutil.copytree(stacks.PEERS / "sync", folder, dirs_exist_ok=True)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=300)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    words = dict(word.split("=", 1) for word in context.cluster.superuser_conninfo(context.database()).split())
    url = f"postgres://{words['user']}@/{words['dbname']}?host={words['host']}&port={words['port']}"
    process = Process(context.scratch, [node_of(folder), folder / "sync.cjs", port, url, WEBHOOK_SECRET],
                      output=folder / "sync.log")
    context.until_stage_ends(process.kill)
    wait_for(lambda: stacks.answers(port), 60, lambda: "sync.cjs: " + (folder / "sync.log").read_text())
    return port


# The same statements


def _pgbench_script(context):
    """What one event was seen to send, with another org, customer, subscription and event each time."""
    database = context.database()
    context.cluster.psql(f"ALTER DATABASE {database} SET log_statement = 'all'", database)
    site = _site(context, database)
    answer = site.deliver(json.dumps(_event(TOKEN)).encode())
    assert answer.status == 200 and answer.json["outcome"] == "applied", answer
    sent = re.findall(r"execute (?:<unnamed>|attune_\w+): (.*)\n.*DETAIL:  parameters: (.*)", context.cluster.log_tail(400))
    statements = [_filled_in(sql, parameters) for sql, parameters in sent if TOKEN in parameters]
    assert any("INSERT INTO billing.event" in sql for sql in statements), sent
    return context.scratch.write("webhook.pgbench", "\n".join(["\\set n :n + 1", "\\set id :client_id * 100000000 + :n",
                                                              *(f"{sql};" for sql in statements)]) + "\n")


def _filled_in(sql, parameters):
    values = dict(re.findall(r"\$(\d+) = (NULL|'(?:[^']|'')*')", parameters))
    filled = {number: "(" + value.replace(TOKEN, "' || :id || '") + ")" for number, value in values.items()}
    return re.sub(r"\$(\d+)", lambda found: filled[found[1]], sql)


def _pgbench(context, database, script, count):
    """Transactions per second."""
    output = context.output([binary("pgbench"), "-n", "-M", "prepared", "-c", CONNECTIONS, "-j", 2, "-t", count // CONNECTIONS,
                             "-D", f"n={next(_RUNS) * 1_000_000}", "-f", script,
                             context.cluster.conninfo(database)])
    return float(re.search(r"tps = ([\d.]+) \(without", output)[1])
