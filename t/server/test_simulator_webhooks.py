# SPDX-License-Identifier: Apache-2.0
# The simulator's webhooks: signatures, order, retries, faults of deliveries, and the list of events.
import json
import random

import pytest
from simulator_support import (MONTHLY, SECRET, Receiver, _driver, customer_of, error_of, receiver,  # noqa: F401
                               signed_well, sim, subscription_of)
from stripe_simulator import signature
from stripe_simulator.driver import Driver
from stripe_simulator.errors import ControlError


def ids_of(events):
    return [event["id"] for event in events]


# Signatures


def test_every_delivery_is_signed_over_its_bytes(sim, receiver):
    subscription_of(sim, email="ü@example.org")
    assert len(receiver.bodies) > 5
    for body, headers in zip(receiver.bodies, receiver.headers):
        assert signed_well(headers["Stripe-Signature"], body)
        assert not signed_well(headers["Stripe-Signature"], body + b" ")
        assert headers["Content-Type"] == "application/json; charset=utf-8"
    # As Stripe lays it out: two spaces, an empty array over three lines, text as it is.
    assert b'\n  "object": "event",\n' in receiver.bodies[0]
    assert b'"preferred_locales": [\n\n      ],' in receiver.bodies[0]
    assert "ü@example.org".encode() in receiver.bodies[0]


@pytest.mark.parametrize("style", [style for style in signature.STYLES if style not in ("good", "rolled", "old")])
def test_bad_signatures_on_demand(sim, receiver, style):
    sim.post("faults", on="webhook", kind="signature", signature=style)
    customer_of(sim)
    customer_of(sim)
    sim.post("settle")
    header = receiver.headers[0]["Stripe-Signature"]
    assert header is None if style == "missing" else not signed_well(header, receiver.bodies[0])
    assert signed_well(receiver.headers[1]["Stripe-Signature"], receiver.bodies[1])


def test_rolled_and_old_signatures(sim, receiver):
    for style in ("rolled", "old"):
        sim.post("faults", on="webhook", kind="signature", signature=style)
        customer_of(sim)
    sim.post("settle")
    rolled, old = (headers["Stripe-Signature"] for headers in receiver.headers)
    assert rolled.count("v1=") == 2 and signed_well(rolled, receiver.bodies[0])
    assert signed_well(old, receiver.bodies[1])
    assert int(rolled[2:12]) - int(old[2:12]) in range(595, 606)


def test_raw_deliveries(sim, receiver):
    thin = json.dumps({"id": "evt_1", "object": "v2.core.event", "type": "v1.invoice.paid", "created": "2026-10-29"})
    assert sim.post("raw", body=thin)[0]["status"] == 200
    sim.post("raw", body="not json", signature="wrong")
    assert receiver.bodies == [thin.encode(), b"not json"]
    assert signed_well(receiver.headers[0]["Stripe-Signature"], receiver.bodies[0])
    assert not signed_well(receiver.headers[1]["Stripe-Signature"], receiver.bodies[1])


# Endpoints


def test_endpoints_choose_their_events_and_versions(sim, receiver):
    other = Receiver()
    added = sim.post("webhooks", url=other.url, secret="whsec_other", api_version="2024-06-20",
                     enabled_events=["customer.subscription.created", "invoice.paid"])
    subscription = subscription_of(sim)
    assert other.types == ["customer.subscription.created", "invoice.paid"]
    old, new = other.events[0], next(event for event in receiver.events if event["id"] == other.events[0]["id"])
    assert signed_well(other.headers[0]["Stripe-Signature"], other.bodies[0], "whsec_other")
    assert (old["api_version"], new["api_version"]) == ("2024-06-20", "2026-10-28.endive")
    item = new["data"]["object"]["items"]["data"][0]
    assert old["data"]["object"]["current_period_end"] == item["current_period_end"]
    assert "current_period_end" not in old["data"]["object"]["items"]["data"][0]
    assert "current_period_end" not in new["data"]["object"]
    invoice = other.events[1]["data"]["object"]
    assert (invoice["subscription"], invoice["paid"]) == (subscription["id"], True)
    assert invoice["lines"]["data"][0]["price"]["id"] == "price_monthly"
    assert "parent" not in invoice
    sim.delete(f"webhooks/{added['id']}")
    other.forget()
    customer_of(sim)
    sim.post("settle")
    assert other.types == []
    other.close()


def test_an_account_of_an_older_version_tells_of_renewals_in_the_older_way():
    told = Receiver()
    with Driver.start("--api-version", "2024-06-20", "--price", MONTHLY, "--webhook", told.url,
                      "--secret", SECRET) as old:
        subscription = subscription_of(old)
        assert old.api("GET", f"subscriptions/{subscription['id']}").body["current_period_end"]
        told.forget()
        old.advance("31d")
        renewal = told.events[0]
        assert renewal["data"]["previous_attributes"]["current_period_end"] == (
            renewal["data"]["object"]["current_period_start"])
        assert old.api("GET", "events", {"limit": 1}).body["data"][0]["api_version"] == "2024-06-20"
        newest = old.api("GET", f"subscriptions/{subscription['id']}", version="2026-10-28.endive").body
        assert "current_period_end" not in newest
    told.close()


def test_refused_endpoints(sim):
    for url, secret in (("ftp://x", SECRET), ("http://127.0.0.1:1/", "secret")):
        with pytest.raises(ControlError):
            sim.post("webhooks", url=url, secret=secret)


# Order, retries, faults


def test_deliveries_keep_their_order_and_carry_their_cause(sim, receiver):
    made = [customer_of(sim)["id"] for _ in range(50)]
    sim.post("settle")
    assert [event["data"]["object"]["id"] for event in receiver.events] == made
    assert ids_of(receiver.events) == ids_of(sim.get("events"))
    reply = sim.api("POST", "customers", idempotency_key="k-9")
    sim.post("settle")
    assert receiver.events[-1]["request"] == {"id": reply.headers["Request-Id"], "idempotency_key": "k-9"}


def test_failed_deliveries_come_again_by_the_clock(sim, receiver):
    receiver.answers = [500, 302]
    customer = customer_of(sim)
    sim.post("settle")
    undelivered = sim.api("GET", "events", {"delivery_success": False}).body["data"]
    assert [event["pending_webhooks"] for event in undelivered] == [1]
    sim.advance("5m")
    sim.advance("1h")
    assert ids_of(receiver.events) == [undelivered[0]["id"]] * 3
    assert len({headers["Stripe-Signature"] for headers in receiver.headers}) >= 1
    assert sim.api("GET", "events", {"delivery_success": False}).body["data"] == []
    assert [delivery["status"] for delivery in sim.get("deliveries")] == [500, 302, 200]
    assert sim.api("GET", "events").body["data"][0]["data"]["object"]["id"] == customer["id"]
    sim.advance("1d")
    assert len(receiver.bodies) == 3


def test_retries_end(sim, receiver):
    receiver.answers = [500] * 9
    customer_of(sim)
    sim.advance("10d")
    assert len(receiver.bodies) == 4
    sim.post("redeliver", failed=True)
    assert len(receiver.bodies) == 5


def test_an_endpoint_that_is_away(sim):
    sim.post("webhooks", url="http://127.0.0.1:9/none", secret=SECRET)
    customer_of(sim)
    sim.post("settle")
    (delivery,) = sim.get("deliveries")
    assert delivery["status"] is None and "ConnectionRefused" in delivery["error"]


def test_late_and_shuffled(sim, receiver):
    sim.post("faults", on="webhook", kind="hold", times=None)
    for _ in range(8):
        customer_of(sim)
    sim.post("settle")
    assert receiver.bodies == []
    made = ids_of(sim.get("events"))
    released = sim.post("deliver", order="shuffled", seed=3)["released"]
    assert ids_of(receiver.events) == released
    assert sorted(released) == sorted(made) and released != made
    wanted = list(made)
    random.Random(3).shuffle(wanted)
    assert released == wanted
    for _ in range(3):
        customer_of(sim)
    backwards = sim.post("deliver", order="reversed", count=2)["released"]
    assert backwards == ids_of(sim.get("events"))[8:10][::-1]
    assert sim.get("state")["held"] == 1


def test_twice_lost_and_cut(sim, receiver):
    for kind in ("twice", "lose", "cut"):
        sim.post("faults", on="webhook", kind=kind)
        customer_of(sim)
        sim.post("settle")
    receiver.wait_for(3)
    twice, lost, cut = sim.get("events")
    assert [body and json.loads(body)["id"] for body in receiver.bodies] == [twice["id"], twice["id"], None]
    undelivered = sim.api("GET", "events", {"delivery_success": False}).body["data"]
    assert ids_of(undelivered) == [cut["id"], lost["id"]]
    sim.advance("5m")
    assert ids_of(receiver.events)[2:] == [cut["id"]]


def test_faults_can_wait_for_a_type(sim, receiver):
    sim.post("faults", on="webhook", kind="lose", types=["invoice.paid"])
    subscription_of(sim)
    assert "invoice.paid" not in receiver.types
    assert "invoice.payment_succeeded" in receiver.types


def test_one_second_for_all(sim, receiver):
    sim.post("clock", freeze=True)
    subscription = subscription_of(sim)
    for _ in range(3):
        sim.post(f"subscriptions/{subscription['id']}/touch", description=None)
        sim.post(f"subscriptions/{subscription['id']}/metadata", metadata={"a": "1"})
    assert len({event["created"] for event in receiver.events}) == 1


def test_the_same_events_by_many_connections_at_once(sim, receiver):
    for _ in range(5):
        customer_of(sim)
    sim.post("settle")
    receiver.forget()
    assert sim.post("redeliver", threads=8, times=4, shuffle=1)["sent"] == 20
    assert sorted(ids_of(receiver.events)) == sorted(ids_of(sim.get("events")) * 4)


def test_events_that_nothing_caused(sim, receiver):
    subscription = subscription_of(sim)
    receiver.forget()
    sim.post("events", type="customer.subscription.updated", ref=subscription["id"], livemode=True, id="evt_chosen",
             created=1700000000, account="acct_other", previous_attributes={"status": "incomplete"})
    (event,) = receiver.events
    assert (event["id"], event["created"], event["livemode"], event["account"]) == (
        "evt_chosen", 1700000000, True, "acct_other")
    assert event["data"]["object"]["livemode"] is True
    sim.post("events", type="what.is.this", object={"a": 1}, times=2)
    assert receiver.types[1:] == ["what.is.this"] * 2
    assert receiver.events[1]["id"] != receiver.events[2]["id"]


def test_what_is_told_is_what_was(sim, receiver):
    """An event keeps its object as it was, whatever came after; fetching shows what is."""
    sim.post("faults", on="webhook", kind="hold", times=None)
    subscription = subscription_of(sim)
    sim.post(f"subscriptions/{subscription['id']}/cancel")
    sim.post("deliver")
    statuses = [event["data"]["object"]["status"] for event in receiver.events
                if event["type"].startswith("customer.subscription")]
    assert statuses == ["active", "canceled"]


# The list of events


def test_events_are_paged_in_both_directions(sim, receiver):
    for _ in range(10):
        customer_of(sim)
    everything = ids_of(sim.get("events"))[::-1]
    page = sim.api("GET", "events", {"limit": 4}).body
    assert (ids_of(page["data"]), page["has_more"]) == (everything[:4], True)
    page = sim.api("GET", "events", {"limit": 4, "starting_after": everything[3]}).body
    assert ids_of(page["data"]) == everything[4:8]
    page = sim.api("GET", "events", {"limit": 4, "ending_before": everything[9]}).body
    assert (ids_of(page["data"]), page["has_more"]) == (everything[5:9], True)
    page = sim.api("GET", "events", {"limit": 9, "ending_before": everything[2]}).body
    assert (ids_of(page["data"]), page["has_more"]) == (everything[:2], False)


def test_events_are_chosen_by_type_and_time(sim, receiver):
    customer = customer_of(sim)
    sim.advance("1h")
    subscription_of(sim, customer=customer["id"])
    moment = sim.get("clock")["now"] - 60
    later = sim.api("GET", "events", {"created": {"gte": moment}, "limit": 100}).body["data"]
    assert later and all(event["created"] >= moment for event in later)
    ids = lambda **params: {event["type"] for event in sim.api("GET", "events", params).body["data"]}  # noqa: E731
    assert ids(types=["invoice.paid", "customer.created"]) == {"invoice.paid", "customer.created"}
    assert ids(type="invoice.*") == {"invoice.created", "invoice.finalized", "invoice.paid",
                                     "invoice.payment_succeeded"}
    assert error_of(sim.api("GET", "events", {"types": ["a"] * 21}), 400)["param"] == "types"


def test_events_are_seen_for_thirty_days(sim):
    customer_of(sim)
    old = sim.api("GET", "events").body["data"][0]["id"]
    sim.advance("30d")
    assert sim.api("GET", f"events/{old}").status == 200
    sim.advance("1h")
    assert sim.api("GET", "events").body["data"] == []
    assert sim.api("GET", f"events/{old}").status == 404
    assert error_of(sim.api("GET", "events", {"ending_before": old}), 400)["code"] == "resource_missing"
