"""Debian's Chromium without a window, for tests and pictures of pages: it draws in software and asks no network."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
PACKAGES = "chromium and chromium-driver"  # Debian's
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # containers run it as root
    "--disable-dev-shm-usage",  # where /dev/shm is small
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",  # WebGL without a GPU: SwiftShader
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


def why_absent() -> str:
    """Why no browser can be driven here, empty where one can."""
    missing = [str(path) for path in (BROWSER, DRIVER) if not path.exists()]
    return f"{' and '.join(missing)} not found: install the Debian packages {PACKAGES}" if missing else ""


@contextmanager
def browser(*, width: int = 1300, height: int = 1000) -> Iterator[Any]:
    """A selenium driver of a new, empty Chromium with a window of this size in px; it ends with the block.

    The driver's path is named, so that selenium fetches none.
    """
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:  # it may still be writing there
        for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
        try:
            yield driver
        finally:
            driver.quit()


def requests_of(driver: Any) -> list[str]:
    """The addresses that were asked for since the last call."""
    lines = (json.loads(line["message"])["message"] for line in driver.get_log("performance"))
    return [line["params"]["request"]["url"] for line in lines if line["method"] == "Network.requestWillBeSent"]


def complaints_of(driver: Any) -> list[str]:
    """What the console held since the last call that is no mere talk."""
    return [line["message"] for line in driver.get_log("browser") if line["level"] in ("SEVERE", "WARNING")]
