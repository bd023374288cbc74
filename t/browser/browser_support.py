# SPDX-License-Identifier: Apache-2.0
"""A real Chromium, what it finds of axe's rules, and pictures for people to look at."""
import base64
import contextlib
import os
import pathlib

import pytest
from harness.clients import clients  # noqa: F401
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

# The background services of a browser only look for hosts that a test machine does not reach.
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--window-size=1000,800")

# Where pictures of the pages go; without it none are made.
PICTURES = os.environ.get("ATTUNE_PICTURES")
WHILE_IT_LOADS = (NoSuchElementException, StaleElementReferenceException)
DESKTOP, PHONE = (1000, 800), (360, 740)


class Browser:
    """Chromium with what tests ask of it."""

    def __init__(self, driver, axe):
        self.driver, self._axe = driver, axe

    def get(self, url):
        self.driver.get(url)

    @property
    def url(self):
        return self.driver.current_url

    @property
    def title(self):
        return self.driver.title

    @property
    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector):
        self.find(selector).click()

    def press(self, label):
        """The button or link that says so, once it is there."""
        path = f"//*[self::button or self::a][normalize-space()='{label}']"
        self.until(lambda: self.driver.find_element(By.XPATH, path), label).click()

    def until(self, condition, what):
        try:
            return WebDriverWait(self.driver, 20, ignored_exceptions=WHILE_IT_LOADS).until(lambda _: condition())
        except TimeoutException:
            pytest.fail(f"waited in vain for {what}; {self.url} says: {self.text} {self.complaints()}")

    def until_text(self, text):
        self.until(lambda: text in self.text, f"the page to say: {text}")

    def without_scripts(self):
        """From now on no page's script runs."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        self.get("data:text/html,<title>none ran</title><script>document.title = 'one ran'</script>")
        assert self.title == "none ran"

    @contextlib.contextmanager
    def turned(self, size=DESKTOP, dark=False):
        """Of another size, or in the dark."""
        self._turn(size, dark)
        yield
        self._turn(DESKTOP, False)

    def _turn(self, size, dark):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                         # A colour that is on its way to another is neither.
                         {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def hold(self, name):
        """Nothing that axe finds, in light and dark, and on a phone nothing that runs out of it."""
        for dark in (False, True):
            with self.turned(dark=dark):
                self._hold_axe(name)
                self.picture(f"{name}-{'dark' if dark else 'light'}")
        with self.turned(PHONE):
            width = self.driver.execute_script("return document.documentElement.scrollWidth")
            assert width <= PHONE[0], f"{name} is {width} wide on a phone"
            self.picture(f"{name}-phone")

    def _hold_axe(self, name):
        # As an extension would: the page's own policy lets nothing in.
        self.driver.execute_script(self._axe)
        found = self.driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        assert found["violations"] == [], (name, [(one["id"], one["help"], [node["html"] for node in one["nodes"]])
                                                  for one in found["violations"]])

    def picture(self, name):
        if PICTURES:
            height = self.driver.execute_script("return document.documentElement.scrollHeight")
            width = self.driver.execute_script("return window.innerWidth")
            shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {
                "captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}})
            pathlib.Path(PICTURES, f"{name}.png").write_bytes(base64.b64decode(shot["data"]))

    def complaints(self):
        """What the console says of scripts that failed and policies that were broken. Answers that are meant to be errors
        are told there, too."""
        return [line["message"] for line in self.driver.get_log("browser")
                if line["level"] == "SEVERE" and "Failed to load resource" not in line["message"]]


def sign_in(browser, stage, person):
    browser.get(stage.url + "/sign-out")
    browser.get(stage.url + "/sign-in")
    browser.click(f"button[value={person.name}]")
    browser.until(lambda: browser.title == "Freight with Friends", "to be signed in")


@pytest.fixture
def browser(clients):
    options = webdriver.ChromeOptions()
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ARGUMENTS:
        options.add_argument(argument)
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    axe = (clients / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    yield Browser(driver, axe)
    driver.quit()
