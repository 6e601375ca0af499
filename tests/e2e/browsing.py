"""A headless Chromium for tests, and what they ask of it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from e2e.serving import PATIENCE_S

PROGRAMS = ("chromium", "chromedriver")
T = TypeVar("T")


@contextmanager
def browsing() -> Iterator[webdriver.Chrome]:
    """A browser of its own."""
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000"):
        options.add_argument(flag)
    options.binary_location = str(shutil.which("chromium"))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_page_load_timeout(PATIENCE_S)
    driver.set_script_timeout(PATIENCE_S)
    try:
        yield driver
    finally:
        driver.quit()


def wait(driver: webdriver.Chrome, condition: Callable[[webdriver.Chrome], T]) -> T:
    """What the condition finds as soon as it finds something."""
    # htmx may swap an element between its being found and its being read: look again.
    ignored = [StaleElementReferenceException]
    return WebDriverWait(driver, PATIENCE_S, poll_frequency=0.3, ignored_exceptions=ignored).until(condition)


def grey_levels(driver: webdriver.Chrome) -> int:
    """How many grey levels the viewer of the page has drawn."""
    wait(driver, lambda d: d.find_element(By.CSS_SELECTOR, "[data-viewer]").get_attribute("data-ready"))
    return int(
        driver.execute_script(
            "const c = document.querySelector('canvas'),"
            " d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            "return new Set(d.filter((_, k) => k % 4 == 0)).size"
        )
    )


def complaints(driver: webdriver.Chrome) -> list[dict[str, object]]:
    """What the content security policy blocked and which scripts failed."""
    return [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
