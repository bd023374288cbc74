# SPDX-License-Identifier: Apache-2.0
"""Verify: what is stored is held against what the provider says; drift is told, and mended where that is asked for."""
import concurrent.futures
import itertools

import pytest

from harness.waiting import wait_for
from operate_support import owner, start_account, start_node, subscribe


@pytest.fixture(scope="module")
def stripe():
    with start_account() as driver:
        yield driver
        assert driver.get("state")["bugs"] == []


@pytest.fixture(scope="module")
def node(cluster, database, stripe, module_site):
    return start_node(module_site, stripe, cluster, database)


numbers = itertools.count(1)


class Payer:
    """An org of the test's own that pays, and what verify says of it."""

    def __init__(self, node, stripe):
        self.node = node
        self.org = f"org{next(numbers):02d}"
        self.subscription = subscribe(stripe, self.org)
        stripe.advance("1m")

    def plant(self, table, assignment):
        """Changes a row as a hand at psql would."""
        self.node.sql(f"update billing.{table} set {assignment} where org_id = '{self.org}'")

    def verify(self, **body):
        """The differences of this org: what -> (here, there, repair)."""
        report = self.node.answer("POST", "/verify", body)
        assert report["complete"] and not report["unreachable"]
        return {entry["what"]: (entry["here"], entry["there"], entry["repair"]) for entry in report["drift"]
                if entry["org"] == self.org}

    def board(self):
        return self.node.board(owner(self.org))


@pytest.fixture
def payer(node, stripe):
    made = Payer(node, stripe)
    yield made
    stripe.delete("faults")


def test_no_drift_where_there_is_none(node, payer):
    report = node.answer("POST", "/verify")
    assert report == {"livemode": False, "checked": 1, "unreachable": 0, "repaired": 0, "driftCount": 0, "drift": [],
                      "complete": True, "next": None}


def test_health_tells_what_came_of_the_last_round_through_the_orgs(node, payer):
    payer.plant("subscription", "status = 'past_due'")
    payer.verify()
    first = node.health()["lastVerify"]
    assert first["complete"] and first["endedAt"] and len(first["drift"]) == first["driftCount"] > 0
    assert (payer.org, "status") in [(entry["org"], entry["what"]) for entry in first["drift"]]
    # As if that call had ended early, before the first org: one that goes on from there adds to it.
    node.sql("""update billing.sweep set verify_report = verify_report::jsonb || '{"complete": false, "next": "aaa"}'""")
    node.answer("POST", "/verify", {"after": "aaa"})
    both = node.health()["lastVerify"]
    assert both["complete"] and both["drift"] == 2 * first["drift"]
    assert [both[count] for count in ("checked", "driftCount")] == [2 * first[count] for count in ("checked", "driftCount")]
    node.answer("POST", "/verify", {"repair": True})
    mended = node.health()["lastVerify"]
    assert (mended["checked"], mended["driftCount"]) == (first["checked"], first["driftCount"]) and mended["repaired"]


@pytest.mark.parametrize("assignment, what, here, there", [
    ("status = 'past_due'", "status", "past_due", "active"),
    ("raw_status = 'unpaid'", "providerStatus", "unpaid", "active"),
    ("price_ids = '{price_other,price_more}'", "prices", "price_other price_more", "price_founding_monthly"),
    ("cancel_at = '2030-01-01T00:00:00Z'", "cancelAt", "2030-01-01T00:00:00Z", None),
])
def test_a_planted_difference_is_told_and_mended(payer, assignment, what, here, there):
    payer.plant("subscription", assignment)
    assert payer.verify() == {what: (here, there, None)}
    assert payer.verify() == {what: (here, there, None)}, "telling changes nothing"
    assert payer.verify(repair=True) == {what: (here, there, "applied")}
    assert payer.verify() == {}
    assert payer.board() == {200}


def test_a_period_end_that_is_wrong_is_told(payer):
    payer.plant("subscription", "period_end = period_end + interval '1 day'")
    assert list(payer.verify(repair=True)) == ["currentPeriodEnd"]
    assert payer.verify() == {}


def test_a_link_that_does_not_follow_from_its_subscription_is_mended_in_every_child(payer):
    payer.plant("link", "status = 'canceled', version = version + 1, changed = pg_current_xact_id()")
    assert payer.verify() == {"link.status": ("canceled", "active", None)}
    assert payer.verify(repair=True) == {"link.status": ("canceled", "active", "applied")}
    assert payer.board() == {200}
    assert payer.verify() == {}


def test_a_subscription_that_nobody_told_of_is_found_and_mended(payer):
    payer.plant("link", "subscription_id = null, status = 'none', live_count = 0")
    payer.node.sql(f"delete from billing.subscription where org_id = '{payer.org}'")
    assert payer.verify() == {"subscription": (None, "active", None)}
    assert payer.verify(repair=True) == {"subscription": (None, "active", "applied")}
    assert payer.verify() == {}
    assert payer.board() == {200}


def test_a_subscription_that_the_provider_does_not_know_is_told(payer):
    payer.node.sql(f"""insert into billing.subscription (provider, livemode, subscription_id, org_id, raw_status,
                         base_status, status, ended, grace_over, created, price_ids, watermark, watermark_event)
                       values ('stripe', false, 'sub_ghost', '{payer.org}', 'active', 'active', 'active', false, false,
                         now() - interval '1 year', '{{}}', now() - interval '1 year', 'evt')""")
    assert payer.verify(repair=True) == {"subscription": ("active", None, None)}
    payer.node.sql("delete from billing.subscription where subscription_id = 'sub_ghost'")


def test_a_customer_that_is_gone_is_told_and_forgotten(node, stripe):
    node.sql("""insert into billing.org (org_id) values ('zoe');
                insert into billing.customer (provider, livemode, customer_id, org_id)
                values ('stripe', false, 'cus_ghost', 'zoe')""")
    stripe.post("faults", on="api", kind="answer", status=404, code="resource_missing", path="/v1/subscriptions", times=2)
    told, mended = (node.answer("POST", "/verify", {"after": "org99", "repair": repair}) for repair in (False, True))
    assert [(entry["what"], entry["here"], entry["there"]) for entry in told["drift"]] == [("customer", "cus_ghost", None)]
    assert (mended["repaired"], mended["drift"][0]["repair"]) == (1, "applied")
    assert node.answer("POST", "/verify", {"after": "org99"})["checked"] == 0


def test_an_end_that_nobody_told_of_closes_the_gate(payer, stripe):
    stripe.post("faults", on="webhook", kind="lose", times=None)
    stripe.post(f"customers/{payer.subscription['customer']}/delete")
    assert payer.verify()["status"] == ("active", "canceled", None)
    assert payer.board() == {200}
    payer.verify(repair=True)
    assert payer.verify() == {}
    assert payer.board() == {402}


def test_a_cursor_goes_on_where_an_answer_ended(node, payer, stripe):
    later = Payer(node, stripe)
    report = node.answer("POST", "/verify", {"after": payer.org})
    assert (report["checked"], report["complete"]) == (1, True)
    assert node.answer("POST", "/verify", {"after": later.org})["checked"] == 0


@pytest.mark.allowed_log("ATB0231")
def test_orgs_that_cannot_be_asked_about_are_counted_and_a_provider_that_is_away_is_left_alone(node, payer, stripe):
    for _ in range(4):
        Payer(node, stripe)
    fault = stripe.post("faults", on="api", kind="answer", status=500, should_retry=False, path="/v1/subscriptions",
                        times=None)
    report = node.answer("POST", "/verify", {"after": payer.org})
    assert (report["checked"], report["unreachable"], report["complete"]) == (0, 3, False)
    assert report["next"] == f"org{int(payer.org[3:]) + 3:02d}"
    stripe.delete(f"faults/{fault['id']}")


def test_an_event_that_comes_while_verify_asks_is_no_drift(payer, stripe):
    stripe.post("faults", on="api", kind="slow", seconds=1, path="/v1/subscriptions", times=1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        verifying = pool.submit(payer.node.answer, "POST", "/verify", {"after": f"org{int(payer.org[3:]) - 1:02d}"})
        wait_for(lambda: not [fault for fault in stripe.get("faults") if not fault["hits"]], 10, "the question")
        stripe.post(f"subscriptions/{payer.subscription['id']}/cancel-at-period-end")
        assert verifying.result()["drift"] == []


@pytest.mark.parametrize("body", [{"repair": "yes"}, {"repair": 1}, {"after": 7}, {"after": "no org"}, {"other": 1}])
def test_bad_bodies_are_refused(node, body):
    reply = node.call("POST", "/verify", body)
    assert reply.status == 400 and reply.json["code"] in ("invalid_member", "unknown_member")


def test_people_sign_in_first_and_other_sites_stay_out(node):
    assert node.call("POST", "/verify", {"repair": True}, Origin="https://evil.example").status == 403
    assert node.server.request("POST", "/operate/verify", headers={"Content-Type": "application/json"},
                               body=b"{}").status == 401
