# SPDX-License-Identifier: Apache-2.0
"""Back from Checkout: the success page comes before the webhook, or the webhook never comes."""
import pytest
from harness.site import API, token
from harness.waiting import wait_for
from node_support import AWAY, own_cluster
from shop_support import (_module_shop, module_stripe, new_org, open_shop, org, own_shop, problem, shop,  # noqa: F401
                          start_stripe)


def sessions_asked(shop, since):
    return len(shop.requests(since, "GET", "/v1/checkout/sessions/"))


def begin(shop, org):
    """A session that was opened a while ago, and an org whose webhooks do not come."""
    assert shop.buy(org).status == 200
    shop.age(org, "1 minute")
    return shop.open_session(org)


def test_return_before_the_webhook(shop, org):
    session = begin(shop, org)
    shop.hold_webhooks()
    shop.pay(session)
    summary = shop.summary(org)
    assert summary["subscription"]["status"] == "active"
    assert summary["subscription"]["planKey"] == "founding_monthly"
    assert summary["pendingCheckout"] is None and summary["actions"]["checkout"] is False
    for _ in range(8):
        assert shop.may_dispatch(org)
    shop.release_webhooks()
    after = shop.summary(org)
    assert after["subscription"] == summary["subscription"]
    assert shop.checkouts(org) == ["complete"]


def test_return_asks_the_provider_seldom(shop, org):
    """However often the page asks us, and however many have it open."""
    session = begin(shop, org)
    shop.hold_webhooks()
    since = shop.last_request()
    for _ in range(40):
        assert shop.summary(org)["pendingCheckout"]["url"] == session["url"]
    assert sessions_asked(shop, since) == 1
    shop.age(org, "3 seconds")
    shop.pay(session)
    assert shop.summary(org)["subscription"]["status"] == "active"
    asked = shop.last_request()
    for _ in range(20):
        shop.summary(org)
    assert shop.requests(asked) == []


def test_return_asks_more_seldom_the_longer_nobody_pays(shop, org):
    shop.buy(org)
    shop.age(org, "10 hours")
    shop.summary(org)
    since = shop.last_request()
    shop.age(org, "15 minutes")
    shop.summary(org)
    assert sessions_asked(shop, since) == 0
    shop.age(org, "10 minutes")
    shop.summary(org)
    assert sessions_asked(shop, since) == 1


def test_return_without_a_checkout_asks_nobody(shop, org):
    since = shop.last_request()
    assert shop.summary(org)["pendingCheckout"] is None
    assert shop.requests(since) == []


def test_return_does_not_believe_the_address(shop):
    """The page says success and names somebody's paid session: only what we reserved for this org counts."""
    payer, pretender = new_org(), new_org()
    session = begin(shop, payer)
    shop.hold_webhooks()
    shop.pay(session)
    since = shop.last_request()
    reply = shop.server.get(f"{API}/summary?checkout=success&session_id={session['id']}",
                            headers=token(org_id=pretender, role="owner"))
    assert reply.json["subscription"]["status"] == "none"
    assert shop.requests(since) == []
    begin(shop, pretender)
    reply = shop.server.get(f"{API}/summary?checkout=success&session_id={session['id']}",
                            headers=token(org_id=pretender, role="owner"))
    assert reply.json["subscription"]["status"] == "none" and not shop.may_dispatch(pretender)
    assert shop.summary(payer)["subscription"]["status"] == "active"


def test_return_when_the_webhook_never_comes(shop, org):
    shop.stripe.post("faults", on="webhook", kind="lose", times=None)
    session = begin(shop, org)
    shop.pay(session)
    assert shop.summary(org)["subscription"]["status"] == "active"
    # What our row says of its time does not matter.
    late = new_org()
    shop.pay(begin(shop, late))
    shop.age(late, "2 days")
    assert shop.summary(late)["subscription"]["status"] == "active"
    problem(shop.buy(late), 409, "already_subscribed")


def test_return_while_the_provider_cannot_be_asked(own_shop, org):
    shop = own_shop()
    session = begin(shop, org)
    shop.hold_webhooks()
    shop.pay(session)
    shop.fault("answer", "/v1/", status=500, times=None)
    assert shop.summary(org)["subscription"]["status"] == "none"
    shop.heal()
    shop.hold_webhooks()

    def active():
        shop.age(org, "1 minute")
        return shop.summary(org)["subscription"]["status"] == "active"
    wait_for(active, what="the provider to be asked again")


def test_return_after_giving_up(shop, org):
    """Cancelled there: the session can still be paid, and the page shows it."""
    session = begin(shop, org)
    summary = shop.summary(org)
    assert summary["pendingCheckout"]["url"] == session["url"]
    assert summary["actions"]["checkout"] is True


def test_return_a_session_that_has_expired_is_not_shown(shop, org):
    session = begin(shop, org)
    shop.hold_webhooks()
    shop.stripe.post(f"checkout/{session['id']}/expire")
    assert shop.summary(org)["pendingCheckout"] is None
    assert shop.checkouts(org) == ["expired"]


@pytest.mark.parametrize("told", [True, False], ids=["webhook", "no-webhook"])
@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_return_with_a_payment_that_takes_days(own_shop, org, told, outcome):
    """A bank debit: the session is complete, the money is not here, and neither is access nor a second session."""
    shop = own_shop()
    shop.stripe.post("settings", delayed_status="incomplete")
    session = begin(shop, org)
    if not told:
        shop.hold_webhooks()
    shop.pay(session, **{"async": True})
    for _ in range(3):
        summary = shop.summary(org)
        assert summary["subscription"]["status"] == "none" and summary["pendingCheckout"] is None
        assert not shop.may_dispatch(org)
        problem(shop.buy(org), 409, "already_subscribed")
        shop.age(org, "1 minute")
    shop.stripe.post(f"checkout/{session['id']}/async", outcome=outcome)
    shop.release_webhooks()
    if outcome == "succeeded":
        assert shop.may_dispatch(org) and shop.checkouts(org) == ["complete"]
        return
    # Without webhooks we had settled by the subscription alone, which speaks for itself.
    assert not shop.may_dispatch(org) and shop.checkouts(org) == (["failed"] if told else ["complete"])
    # The incomplete subscription is open until Stripe gives it up.
    problem(shop.buy(org), 409, "already_subscribed")
    shop.stripe.advance("24h")
    assert shop.subscriptions(org)[0]["status"] == "incomplete_expired"
    assert shop.sql(f"SELECT ended FROM billing.subscription WHERE org_id = '{org}'") == [["t"]]


def test_return_while_the_database_hangs(site, scratch, workspace, org):
    """What is known is shown, with its age; nobody waits for what was bought. On a cluster of its own: it is no
    fault of the file's other server, and in a child that starts meanwhile mod_dbd complains as well."""
    with own_cluster(scratch, workspace) as cluster, start_stripe() as stripe:
        shop = open_shop(site, cluster, "attune", stripe)
        shop.server.allow(*AWAY)
        session = begin(shop, org)
        assert shop.summary(org)["pendingCheckout"]["url"] == session["url"]
        cluster.freeze()
        for _ in range(8):
            summary = shop.summary(org)
            assert summary["subscription"]["status"] == "none" and summary["pendingCheckout"] is None
        cluster.thaw()
        wait_for(lambda: shop.summary(org)["pendingCheckout"], what="the database to be asked again")
