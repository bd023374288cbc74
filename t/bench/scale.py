# SPDX-License-Identifier: Apache-2.0
"""A million orgs: what they cost in memory and at a start; and how long a change takes to be seen."""
import json
import subprocess
import time

from harness import client, stripe_events
from harness.cluster import binary
from harness.site import token

from . import stacks
from .row import Sample, at_most, pick

LOCAL = "a change in every child of this node: answers of before, after the 2xx"
FAST = "a change on another node, BillingCacheRefresh 100ms"
USUAL = "a change on another node, as it is by default"
MEMORY = "shared memory for each org"
WARM = "1,000,000 orgs read into shared memory at a start"
ROWS = (LOCAL, FAST, USUAL, MEMORY, WARM)
COMMAND = "make bench NAMES=scale"
READ = "ATB0501"
CHILDREN = 4

GATED = stacks.CATALOGUE + stacks.OPEN_WEBHOOK + """
LogLevel attune_billing:info
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
</BillingFeature>
<Location "/gated">
    BillingRequireFeature trucking.dispatch
</Location>
"""

FILL = """
INSERT INTO billing.org (org_id, created_at) SELECT 'org-' || n, now() FROM generate_series(1, {count}) n;
INSERT INTO billing.link (org_id, livemode, provider, customer_id, subscription_id, status, price_ids, period_end)
    SELECT 'org-' || n, false, 'stripe', NULL, NULL, 'active', '{{price_founding_monthly}}', now() + interval '20 days'
      FROM generate_series(1, {count}) n;
VACUUM ANALYZE;
"""

# What a start reads, as the plainest client reads it.
COPY = ("COPY (SELECT o.*, l.* FROM billing.link l JOIN billing.org o ON o.org_id = l.org_id ORDER BY l.org_id, l.livemode)"
        " TO STDOUT")


def rows(context):
    return [_local(context), _other_node(context, FAST, 250, "BillingCacheRefresh 100ms\n", pick(40, 5)),
            _other_node(context, USUAL, 1200, "", pick(15, 3)), _memory(context), _warm(context)]


def _node(context, database, config="", **options):
    site = context.site(GATED + config, database=context.cluster.conninfo(database), **options)
    site.write("htdocs/gated/page.html", stacks.PAGE)
    return site


def _subscribe(site, org):
    event = stripe_events.subscription_event("created", sub=f"sub_{org}", customer=f"cus_{org}", org=org, status="active")
    answer = site.deliver(event)
    assert answer.status == 200 and answer.json["outcome"] == "applied", answer


def _open(site, org):
    return client.request(site.port, "GET", stacks.GATED, headers=token(org_id=org, role="owner")).status == 200


def _local(context):
    """Each org is known as one that has not paid, to all children, before its event comes."""
    site = _node(context, context.database(), f"StartServers {CHILDREN}\nServerLimit {CHILDREN}\n")
    orgs, looks, wrong = pick(200, 20), 3 * CHILDREN, 0
    for number in range(orgs):
        org = f"local-{number}"
        assert not any([_open(site, org) for _ in range(looks)])
        _subscribe(site, org)
        wrong += sum(not _open(site, org) for _ in range(looks))
    return at_most(LOCAL, wrong, "", 0, command=COMMAND,
                   note=f"{orgs} orgs, each asked for {looks} times over connections of its own on {CHILDREN} children.")


def _other_node(context, name, target, config, rounds):
    database = context.database()
    here, there = _node(context, database, config), _node(context, database, config)
    delays = []
    for number in range(rounds):
        org = f"other-{number}"
        assert not _open(there, org)
        _subscribe(here, org)
        told = time.monotonic()
        while not _open(there, org):
            assert time.monotonic() < told + 30
        delays.append((time.monotonic() - told) * 1000)
    sample = Sample(tuple(delays))
    return at_most(name, max(delays), "ms", target, spread=sample.spread, command=COMMAND,
                   note=f"The longest of {rounds} changes, from the 2xx here to the first right answer there; the median is "
                        f"{sample.median:.0f} ms.")


def _memory(context):
    orgs = 1_000_000
    said = json.loads(context.output([context.tool("decision_bench"), orgs, 1]))
    return at_most(MEMORY, said["bytes"] / orgs, "bytes", 256, command=f"t/bench/decision_bench {orgs} 1",
                   note=f"A table for {orgs:,} orgs takes {said['bytes']:,} bytes.")


def _warm(context):
    count, database = pick(1_000_000, 50_000), context.database()
    context.cluster.psql(FILL.format(count=count), database, timeout=600)
    site = _node(context, database, f"BillingCacheOrgs {count}\n", start=False)
    starts, copies = [], []
    for _ in range(pick(5, 2)):
        position, began = site.log.position(), time.monotonic()
        site.start().log.wait_for(READ, position, timeout=120)
        starts.append(time.monotonic() - began)
        site.kill()
        began = time.monotonic()
        subprocess.run([binary("psql"), "-qc", COPY, context.cluster.superuser_conninfo(database)],
                       stdout=subprocess.DEVNULL, check=True)
        copies.append(time.monotonic() - began)
    start, copy = Sample(tuple(starts)), Sample(tuple(copies))
    return at_most(WARM, start.median, "s", 5, spread=start.spread, command=COMMAND, ratio=start.over(copy).median,
                   peer=f"psql copying the same rows out: {copy.median:.1f} s",
                   note=f"{count:,} orgs, from the start of httpd, which takes part of it. From what the last stop saved the "
                        f"gates of all of them answer after {_saved(site).median:.1f} s, and nothing is read anew.")


def _saved(site):
    """Seconds from the start of httpd to the first answer of a gate, by what the stop before has saved."""
    position, times = site.log.position(), []
    site.start().log.wait_for(READ, position, timeout=120)
    for _ in range(pick(3, 1)):
        site.stop()
        position, began = site.log.position(), time.monotonic()
        site.start()
        assert _open(site, "org-7")
        times.append(time.monotonic() - began)
        assert not site.log.count(READ, position)
    return Sample(tuple(times))
