# SPDX-License-Identifier: Apache-2.0
"""Frequent statements are planned once for each connection; where the server does not keep the plan, all goes on without."""
import pytest
from harness import stripe_events
from harness.site import CATALOGUE, token

CONFIG = CATALOGUE + """
<BillingFeature trucking.dispatch>
    BillingEnforce enforce
</BillingFeature>
<Location "/dispatch">
    BillingRequireFeature trucking.dispatch
</Location>
"""
# As a pooler does that lends another server connection to each transaction.
FORGET = """
CREATE FUNCTION public.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NULL; END $$;
CREATE TRIGGER forget AFTER INSERT ON billing.event EXECUTE FUNCTION public.forget();
"""


@pytest.fixture
def server(site, cluster, database):
    made = site(CONFIG, database=cluster.conninfo(database), without=("BillingStripeSecretKey",))
    made.write("htdocs/dispatch/index.html", "the board")
    return made


def deliver(server, org):
    event = stripe_events.subscription_event("created", sub=f"sub_{org}", customer=f"cus_{org}", org=org, status="active")
    reply = server.deliver(event)
    assert reply.status == 200 and reply.json["outcome"] == "applied", reply
    return server.get("/dispatch/", headers=token(org_id=org, role="owner")).status


def test_a_server_that_forgets_its_plans(server, cluster, database):
    cluster.psql(FORGET, database)
    assert [deliver(server, f"forgotten-{number}") for number in range(12)] == [200] * 12


def test_a_schema_that_changes_under_a_plan(server, cluster, database):
    """"cached plan must not change result type": each connection goes on without."""
    assert [deliver(server, f"before-{number}") for number in range(6)] == [200] * 6
    cluster.psql("ALTER TABLE billing.org ALTER COLUMN app_type TYPE varchar(64)", database)
    try:
        assert [deliver(server, f"after-{number}") for number in range(12)] == [200] * 12
        for number in range(6):
            assert server.get("/dispatch/", headers=token(org_id=f"cold-{number}", role="owner")).status == 402
    finally:
        cluster.psql("ALTER TABLE billing.org ALTER COLUMN app_type TYPE text", database)
