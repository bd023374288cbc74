# SPDX-License-Identifier: Apache-2.0
"""The main job, end to end: a signed event opens a gated path, another closes it."""
from harness import stripe_events
from harness.site import ALICE, API, BOB, CAROL, CATALOGUE

GATED = CATALOGUE + """
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
    BillingRoles owner dispatcher
</BillingFeature>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
"""

def test_a_signed_event_opens_a_gated_path_and_another_closes_it(site, cluster, database):
    server = site(GATED, database=cluster.conninfo(database))
    server.write("htdocs/dispatch/index.html", "the board")
    shut = server.get("/dispatch/", headers=server.who(ALICE))

    assert shut.status == 402
    assert shut.header("content-type") == "application/problem+json"

    s = server.get(API + "/summary", headers=server.who(ALICE))

    created = stripe_events.subscription_event("created", sub="sub_1", customer="cus_1", org="acme", status="active")
    answer = server.deliver(created)

    assert answer.json == {"received": True, "outcome": "applied"}
    for _ in range(10):
        assert server.get("/dispatch/", headers=server.who(ALICE)).text == "the board"
    s = server.get(API + "/summary", headers=server.who(ALICE))

    assert server.deliver(created).json["outcome"] == "duplicate"
    assert server.get("/dispatch/", headers=server.who(CAROL)).status == 402
    deleted = stripe_events.subscription_event("deleted", sub="sub_1", customer="cus_1", org="acme", status="canceled")
    assert server.deliver(deleted).json["outcome"] == "applied"
    assert server.get("/dispatch/", headers=server.who(BOB)).status == 402

