# SPDX-License-Identifier: Apache-2.0
"""A person clicks through the demonstration: signs in, meets the gate, pays in Checkout, and the gate is open."""
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from demo_site.backend import Backend
from demo_site.stage import Stage

# The background services of a browser only look for hosts that a test machine does not reach.
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--window-size=1000,800")


@pytest.fixture
def stage(scratch, workspace):
    backend = Backend()
    made = Stage(scratch, workspace, backend.port)
    made.start()
    yield made
    made.httpd.assert_clean_log()
    made.stop()
    backend.close()


@pytest.fixture
def browser():
    options = webdriver.ChromeOptions()
    for argument in ARGUMENTS:
        options.add_argument(argument)
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    yield driver
    driver.quit()


def until(browser, condition, what):
    return WebDriverWait(browser, 30).until(condition, what)


def test_a_person_pays_and_the_gate_opens(stage, browser):
    browser.get(stage.url + "/")
    browser.find_element(By.CSS_SELECTOR, "button[value=alice]").click()
    until(browser, lambda page: page.title == "Freight with Friends", "to be signed in")
    browser.get(stage.url + "/dispatch/")
    assert browser.title == "A subscription is needed"
    browser.find_element(By.LINK_TEXT, "Billing").click()
    until(browser, lambda page: '"none"' in page.find_element(By.ID, "summary").text, "the summary")
    browser.find_element(By.ID, "buy").click()
    until(browser, lambda page: page.current_url.startswith(stage.stripe.url), "Checkout")
    browser.find_element(By.ID, "pay").click()
    until(browser, lambda page: page.current_url.startswith(stage.url), "to be back")
    until(browser, lambda page: '"active"' in page.find_element(By.ID, "summary").text, "the summary to say active")
    browser.get(stage.url + "/dispatch/")
    assert browser.title == "The dispatch board"
    browser.get(stage.url + "/billing")
    browser.find_element(By.ID, "manage").click()
    until(browser, lambda page: page.current_url.startswith(stage.stripe.url), "the portal")


def test_a_declined_card_opens_nothing(stage, browser):
    browser.get(stage.url + "/")
    browser.find_element(By.CSS_SELECTOR, "button[value=carol]").click()
    browser.get(stage.url + "/billing")
    browser.find_element(By.ID, "buy").click()
    until(browser, lambda page: page.current_url.startswith(stage.stripe.url), "Checkout")
    browser.find_element(By.ID, "decline").click()
    until(browser, lambda page: "declined" in page.find_element(By.TAG_NAME, "body").text, "to be told")
    browser.get(stage.url + "/dispatch/")
    assert browser.title == "A subscription is needed"
