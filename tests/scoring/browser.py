"""One window of a real browser, for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browsers import start_browser

KEYS = {"Right": "ArrowRight", "Down": "ArrowDown"}


class Browser:
    """One window; scripts are bodies of functions, as in a page's console."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._messages: list[str] = []
        page.on("console", lambda message: self._messages.append(message.text))
        page.on("pageerror", lambda error: self._messages.append(str(error)))

    def open(self, path: Path, address: str = "") -> None:
        """Open a file, at a place of it if an address such as `#errors` is given."""
        self._page.goto("about:blank")
        self._page.goto(path.as_uri() + address)

    def run(self, script: str, *arguments: object) -> Any:
        """Run the body of a function in the page and return what it returns."""
        call = "(values) => (function () { " + script + " }).apply(null, values)"
        return self._page.evaluate(call, list(arguments))

    def wait_for(self, script: str) -> None:
        """Wait until the body of a function returns something true: what a link does comes after the click."""
        self._page.wait_for_function("() => { " + script + " }", timeout=10_000)

    def press(self, *keys: str) -> None:
        """Press keys one after another, whatever has the focus."""
        for key in keys:
            self._page.keyboard.press(KEYS.get(key, key))

    def click(self, selector: str) -> None:
        self._page.click(selector)

    def messages(self) -> list[str]:
        """Return what the console has got since the last call: errors and violations of the policy."""
        found, self._messages[:] = [*self._messages], []
        return found

    def prefer(self, theme: str) -> None:
        """Make the system's theme light or dark."""
        self._page.emulate_media(color_scheme=theme)

    def resize(self, width: int, height: int) -> None:
        """Make the page as wide as a telephone."""
        self._page.set_viewport_size({"width": width, "height": height})


@contextmanager
def start(width: int = 1200, height: int = 900) -> Iterator[Browser]:
    """Start a headless browser and end it; skip the test where there is none."""
    with start_browser() as running:
        yield Browser(running.new_page(viewport={"width": width, "height": height}))
