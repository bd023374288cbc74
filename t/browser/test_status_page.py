# SPDX-License-Identifier: Apache-2.0
"""A person's way through the billing status page in Chromium, from nothing bought to a subscription that ended, and while
the provider or the database is away."""
import pytest
from browser_support import browser, clients, sign_in  # noqa: F401
from harness.site import ALICE, BOB

from demo_site.backend import Backend
from demo_site.stage import Stage


@pytest.fixture(scope="module")
def stage(scratch, workspace):
    backend = Backend()
    made = Stage(scratch, workspace, backend)
    made.start()
    yield made
    made.stop()
    backend.close()


def turn(stage, action, **change):
    (subscription,) = stage.stripe.get("state/subscription")["subscription"]
    stage.stripe.post(f"subscriptions/{subscription}/{action}", **change)


def test_the_whole_story_of_a_subscription(stage, browser):
    page = stage.url + "/billing"
    sign_in(browser, stage, ALICE)

    browser.get(stage.url + "/dispatch/")
    assert browser.title == "A subscription is needed"
    browser.press("Billing")
    browser.until_text("It was about trucking.dispatch.")
    assert "You have no subscription yet." in browser.text
    browser.hold("page-none")

    browser.press("Subscribe to Founding member")
    browser.until(lambda: browser.url.startswith(stage.stripe.url), "Checkout")
    browser.get(page)
    browser.until_text("Continue the checkout")
    browser.hold("page-open-checkout")
    browser.press("Continue the checkout")
    stage.stripe.post("faults", on="webhook", kind="hold", times=None)
    stage.stripe.post("faults", on="api", kind="drop", path="/v1/checkout/sessions", times=None)
    browser.click("#pay")
    browser.until_text("Your payment is being confirmed")
    assert "Subscribe" not in browser.text
    browser.hold("page-confirming")
    stage.stripe.delete("faults")
    stage.stripe.post("deliver")
    browser.until_text("Your payment is confirmed.")
    assert "Your plan is Founding member." in browser.text
    browser.hold("page-paid")

    browser.get(page)
    browser.hold("page-active")
    browser.press("Manage billing")
    browser.until(lambda: browser.url.startswith(stage.stripe.url), "the portal")
    for action, change, name, words in (
            ("status", {"status": "past_due"}, "past-due", "The last payment failed."),
            ("status", {"status": "active"}, "active-again", "It renews on"),
            ("cancel-at-period-end", {}, "ending", "ends on"),
            ("cancel", {}, "canceled", "Your subscription has ended.")):
        turn(stage, action, **change)
        browser.get(page)
        browser.until_text(words)
        browser.hold(f"page-{name}")

    sign_in(browser, stage, BOB)
    browser.get(page)
    browser.until_text("who is owner or admin")
    assert not browser.driver.find_elements("css selector", "form")
    assert browser.complaints() == []


def test_while_the_provider_is_away(stage, browser):
    stage.stripe.post("faults", on="api", kind="drop", path="", times=None)
    sign_in(browser, stage, ALICE)
    browser.get(stage.url + "/billing")
    browser.press("Subscribe to Founding member")
    browser.until_text("Nothing was charged.")
    browser.hold("page-provider-away")
    stage.stripe.delete("faults")
    browser.press("Back to billing")
    browser.until_text("Your subscription has ended.")


def test_while_the_database_is_away(stage, browser):
    """What is known goes on being shown, and said to be old; an org that nobody knows yet is told so."""
    sign_in(browser, stage, ALICE)
    browser.get(stage.url + "/billing")
    browser.until_text("Your subscription has ended.")
    stage.cluster.stop()
    browser.get(stage.url + "/billing")
    assert "Your subscription has ended." in browser.text
    browser.press("Subscribe to Founding member")
    browser.until_text("cannot be")
    browser.hold("page-database-away")
    stage.cluster.start()
