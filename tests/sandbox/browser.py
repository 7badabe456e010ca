"""Headless Chromium, Debian's, as a tester has it: by the keyboard, by clicks, in any width."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

__all__ = ["Browser", "browsing"]

# Git ignores the folder.
SCREENSHOTS = Path(__file__).parent.parent.parent / "screenshots"
PATIENCE = 30
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    # A name of another site that points to this machine: what an attacker's DNS server answers.
    "--host-resolver-rules=MAP attacker.example 127.0.0.1, MAP rebound.example 127.0.0.1",
    "--force-prefers-reduced-motion",
)


class Browser:
    """A window with one page."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        # The same address with another fragment is no new page.
        self.driver.get("about:blank")
        self.driver.get(url)

    def script(self, text: str, *values: object) -> Any:
        return self.driver.execute_script(text, *values)

    def script_async(self, text: str, *values: object) -> Any:
        """The last argument of the script is what it calls with its result."""
        return self.driver.execute_async_script(text, *values)

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Until ``condition`` holds; what it gave."""
        return WebDriverWait(self.driver, PATIENCE, 0.05).until(lambda _: condition())

    def find(self, css: str) -> WebElement:
        found: WebElement = self.wait(lambda: self.driver.find_elements(By.CSS_SELECTOR, css))[0]
        return found

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        """The text of the page's element, "" where it is not there; never that of an element just replaced."""
        found = self.script(
            "const found = document.querySelector(arguments[0]); return found && !found.closest('[hidden]')"
            " ? found.innerText : ''",
            css,
        )
        return str(found)

    def says(self, css: str, *words: str) -> str:
        """Wait until the element says all words; its text."""
        return str(self.wait(lambda: (found := self.text(css)) and all(word in found for word in words) and found))

    def click(self, css: str) -> None:
        """Click an element that may be replaced while it is looked for."""

        def clicked() -> bool:
            found = self.all(css)
            if not found:
                return False
            try:
                found[0].click()
            except StaleElementReferenceException:
                return False
            return True

        self.wait(clicked)

    def press(self, *keys: str) -> None:
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def tab_to(self, css: str, most: int = 60) -> None:
        """Press Tab until the element has the focus; AssertionError when it cannot be reached so."""
        for _ in range(most):
            self.press(Keys.TAB)
            if self.script("return document.activeElement.matches(arguments[0])", css):
                return
        raise AssertionError(f"{css} is not reached with {most} tabs")

    def resize(self, width: int, height: int) -> None:
        """The page's own width, which a window of a desktop cannot have below some hundred pixels."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def prefer(self, scheme: str) -> None:
        """``light`` or ``dark``, as the system says."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def picture(self, name: str) -> Path:
        """A screenshot, kept for whoever looks at it."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.driver.save_screenshot(str(path))
        return path

    def complaints(self) -> list[str]:
        """What Chromium wrote to the console since the last look: errors of scripts, and what the policy blocked.

        A line that only says which status an answer had is none: the page tells of a refusal itself.
        """
        lines = self.driver.execute("getLog", {"type": "browser"})["value"]
        severe = [line["message"] for line in lines if line["level"] == "SEVERE"]
        return [message for message in severe if "the server responded with a status of" not in message]


@contextmanager
def browsing(profile: Path, language: str = "zh-CN") -> Iterator[Browser]:
    """A browser with a profile of its own, which speaks a language."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--lang={language}", "--window-size=1280,900"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService("/usr/bin/chromedriver", env={**os.environ, "LANGUAGE": language[:2]})
    driver = webdriver.Chrome(options, service)
    try:
        driver.set_script_timeout(PATIENCE)
        yield Browser(driver)
    finally:
        driver.quit()
