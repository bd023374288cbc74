# SPDX-License-Identifier: Apache-2.0
"""A person follows the demonstration's tour: meets the gate, pays in Checkout, and the gate is open."""
import pytest
from browser_support import browser, clients  # noqa: F401

from demo_site.backend import Backend
from demo_site.stage import Stage
from demo_site.tour import STEPS


@pytest.fixture
def stage(scratch, workspace):
    backend = Backend()
    made = Stage(scratch, workspace, backend)
    made.start()
    yield made
    made.httpd.assert_clean_log()
    made.stop()
    backend.close()


def follow(browser, stage, label):
    browser.get(stage.url + "/")
    browser.press(label)


def test_the_tour(stage, browser):
    browser.get(stage.url + "/")
    assert all(step.title in browser.text for step in STEPS)
    assert "BillingRequireFeature trucking.dispatch" in browser.text and "@" not in browser.text
    browser.hold("tour")
    follow(browser, stage, "Open the dispatch board as alice, owner at acme")
    browser.until(lambda: browser.title == "A subscription is needed", "the gate")
    browser.press("Billing")
    browser.until_text("You have no subscription yet.")
    follow(browser, stage, "Subscribe as alice")
    browser.press("Subscribe to Founding member")
    browser.until(lambda: browser.url.startswith(stage.stripe.url), "Checkout")
    browser.click("#pay")
    browser.until_text("Your payment is confirmed.")
    follow(browser, stage, "Open the board as bob, dispatcher")
    browser.until_text("Truck 7 to Fresno")
    follow(browser, stage, "Open the account page as alice")
    browser.until(lambda: browser.driver.find_elements("css selector", "attune-billing-status[kind=active]"), "the element")
    browser.hold("element")
    follow(browser, stage, "Open the reports as carol, owner at globex")
    browser.until_text("All trucks were on time.")
    assert browser.complaints() == []


def test_a_declined_card_opens_nothing(stage, browser):
    follow(browser, stage, "Subscribe as alice")
    browser.press("Subscribe to Founding member")
    browser.until(lambda: browser.url.startswith(stage.stripe.url), "Checkout")
    browser.click("#decline")
    browser.until_text("declined")
    browser.get(stage.url + "/dispatch/")
    assert browser.title == "A subscription is needed"
