"""Where tests find a browser: the one of this machine; nothing is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# A container's users may not make name spaces, nor is there a GPU.
SWITCHES = ("--no-sandbox", "--disable-gpu")


def find_browser() -> str | None:
    """Return the path of Chromium or Chrome; None where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def start_browser() -> Iterator[Any]:
    """Start Chromium, driven by Playwright, and end it; skip the test where one of them is missing."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = find_browser()
    if path is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=list(SWITCHES))
        yield browser
        browser.close()
