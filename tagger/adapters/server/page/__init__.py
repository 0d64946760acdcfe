"""The two pages of a server, each one self-contained file, which talks to the server that gave it and to nobody else.

At `/` there is a text box, the spans drawn as one types, and what there is to know about each model; at `/docs` the
routes, to be read and tried. All their addresses are relative, so that they work behind a path too. Their scripts are
short files that see each other's names and run in the order in which they are listed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib import resources

from tagger.text.escape import forbid_requests
from tagger.text.formats.hues import HUES, SALT

_PAGE = (
    "common.js",
    "colours.js",
    "state.js",
    "asking.js",
    "drawing.js",
    "details.js",
    "copying.js",
    "controls.js",
    "facts.js",
    "markdown.js",
    "models.js",
)
_DOCS = ("common.js", "markdown.js", "docs.js")


@cache
def page() -> str:
    """Return the page at `/` as HTML."""
    return _assemble("tagger", "page", _PAGE, f"const HUES = {json.dumps(HUES)};\nconst SALT = {SALT};\n")


@cache
def docs() -> str:
    """Return the page at `/docs` as HTML; it asks for `openapi.json`."""
    return _assemble("tagger: requests", "docs", _DOCS)


def _assemble(title: str, name: str, scripts: Iterable[str], constants: str = "") -> str:
    """Return a page that forbids itself any request but to its own server, and any script but its own."""
    style = _read("common.css") + _read(f"{name}.css")
    script = '"use strict";\n(() => {\n' + constants + "".join(map(_read, scripts)) + "})();\n"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{forbid_requests(style, script, asks_its_server=True)}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n{_read(f'{name}.html')}"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
