# SPDX-License-Identifier: Apache-2.0
"""An operator's way through the operators' pages in Chromium."""
import pytest
from browser_support import browser, clients, sign_in  # noqa: F401
from harness import stripe_events, stripe_sign
from harness.site import ALICE, CAROL, WEBHOOK

from demo_site.backend import Backend
from demo_site.stage import OPERATOR, WEBHOOK_SECRET, Stage


@pytest.fixture(scope="module")
def stage(scratch, workspace):
    backend = Backend()
    made = Stage(scratch, workspace, backend)
    made.start()
    for org, status in (("acme", "active"), ("initech", "past_due"), ("no org", "active")):
        event = stripe_events.subscription_event("created", sub=f"sub_{org[:4]}", customer=f"cus_{org[:4]}", org=org,
                                                 status=status, price="price_founding_monthly")
        assert stripe_sign.deliver(made.httpd.port, WEBHOOK, event, WEBHOOK_SECRET).status == 200
    for path in ("/reports/", "/dispatch/"):
        made.httpd.get(path, headers=made.sign_in(CAROL))
    yield made
    made.stop()
    backend.close()


def test_an_operator_looks_and_acts(stage, browser):
    sign_in(browser, stage, OPERATOR)
    browser.get(stage.url + "/billing-admin/")
    assert "1 event is dead." in browser.text
    browser.hold("operators-health")
    browser.press("Look at dead events")
    browser.until_text("no valid org id")
    browser.hold("operators-events")
    browser.click("tbody a")
    browser.press("Replay")
    browser.until_text("dead again")
    browser.hold("operators-event")
    browser.press("Orgs")
    browser.until_text("Org id, or how it begins")
    browser.hold("operators-orgs")
    browser.press("acme")
    browser.until_text("No overrides.")
    browser.driver.find_element("css selector", "#effect").send_keys("Refuse trucking.dispatch")
    browser.driver.find_element("css selector", "#note").send_keys("while they move")
    browser.press("Add override")
    browser.until_text("The override is in force")
    assert "while they move" in browser.text
    browser.hold("operators-org")
    browser.click("a[aria-label='Explain trucking.dispatch']")
    browser.until_text("Denied: role not accepted.")
    browser.find("#role").send_keys("owner")
    browser.press("Explain it")
    browser.until_text("Denied: an override.")
    browser.hold("operators-explain")
    browser.press("Shadow report")
    browser.until_text("Orgs: 1. Requests that would have been denied: 1.")
    browser.hold("operators-shadow")
    browser.press("Grandfather these orgs")
    browser.until_text("1 org will be granted the feature")
    browser.hold("operators-grandfather")
    browser.press("Grandfather 1 org")
    browser.until_text("The orgs have their grants.")
    browser.press("Undo")
    browser.until_text("The batch was undone")
    assert browser.complaints() == []


def test_an_operator_acts_without_scripts(stage, browser):
    browser.without_scripts()
    sign_in(browser, stage, OPERATOR)
    browser.get(stage.url + "/billing-admin/")
    browser.press("Orgs")
    browser.press("initech")
    browser.until_text("No overrides.")
    browser.find("#effect").send_keys("Grant trucking.dispatch")
    browser.find("#note").send_keys("a pilot")
    browser.press("Add override")
    browser.until_text("The override is in force")
    browser.click("a[aria-label='Explain trucking.dispatch']")
    browser.find("#role").send_keys("owner")
    browser.press("Explain it")
    browser.until_text("Allowed: an override.")
    browser.press("Orgs")
    browser.press("initech")
    browser.press("End")
    browser.until_text("The override is gone.")
    browser.until_text("No overrides.")


def test_nobody_else_gets_in(stage, browser):
    sign_in(browser, stage, ALICE)
    browser.get(stage.url + "/billing-admin/page/orgs")
    assert "Unauthorized" in browser.text
    assert "initech" not in browser.text
