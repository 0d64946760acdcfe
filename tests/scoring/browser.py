"""A real browser for tests: chromium, driven over the WebDriver protocol with nothing but the standard library."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browsers import SWITCHES, find_browser

KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Tab": "\ue004",
    "Right": "\ue014",
    "Down": "\ue015",
    "Space": " ",
}


def find_programs() -> tuple[str, str] | None:
    """Return the paths of the browser and its driver, None where one of them is missing."""
    browser = find_browser()
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser:
    """One window."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, path: Path) -> None:
        _call(f"{self._session}/url", {"url": path.as_uri()})
        self._wait_for_frame()  # on a busy machine keys that come before the first frame are lost

    def run(self, script: str, *arguments: object) -> Any:
        """Run the body of a function in the page and return what it returns."""
        return _call(f"{self._session}/execute/sync", {"script": script, "args": arguments})

    def press(self, *keys: str) -> None:
        """Press keys one after another, whatever has the focus."""
        actions = [
            {"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")
        ]
        _call(f"{self._session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})
        self._wait_for_frame()

    def click(self, selector: str) -> None:
        element = _call(f"{self._session}/element", {"using": "css selector", "value": selector})
        _call(f"{self._session}/element/{next(iter(element.values()))}/click", {})

    def _wait_for_frame(self) -> None:
        script = "requestAnimationFrame(() => requestAnimationFrame(arguments[arguments.length - 1]))"
        _call(f"{self._session}/execute/async", {"script": script, "args": []})

    def messages(self) -> list[str]:
        """Return what the console has got since the last call: errors and violations of the policy."""
        return [entry["message"] for entry in _call(f"{self._session}/se/log", {"type": "browser"})]

    def prefer(self, theme: str) -> None:
        """Make the system's theme light or dark."""
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self._command("Emulation.setEmulatedMedia", features=features)

    def resize(self, width: int, height: int) -> None:
        """Make the page as wide as a telephone."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._command("Emulation.setDeviceMetricsOverride", **size)

    def _command(self, name: str, **parameters: object) -> None:
        _call(f"{self._session}/goog/cdp/execute", {"cmd": name, "params": parameters})

    def save_picture(self, path: Path) -> None:
        path.write_bytes(b64decode(_call(f"{self._session}/screenshot")))


@contextmanager
def start(width: int = 1200, height: int = 900) -> Iterator[Browser]:
    """Start a headless browser and end it."""
    programs = find_programs()
    assert programs is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(
        [programs[1], f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_ready(address)
        options = {
            "binary": programs[0],
            "args": ["--headless=new", *SWITCHES, f"--window-size={width},{height}"],
        }
        wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        session = _call(f"{address}/session", {"capabilities": wanted})["sessionId"]
        yield Browser(f"{address}/session/{session}")
        urllib.request.urlopen(
            urllib.request.Request(f"{address}/session/{session}", method="DELETE"), timeout=30
        ).close()
    finally:
        driver.terminate()
        driver.wait(timeout=10)


def _wait_until_ready(address: str) -> None:
    for _ in range(100):
        try:
            if _call(f"{address}/status")["ready"]:
                return
        except urllib.error.URLError:
            time.sleep(0.1)
    raise RuntimeError("chromedriver did not start")


def _call(url: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(error.read().decode()) from error
