"""The page at `/`: one self-contained file, which talks to the server that gave it and to nobody else.

It has a text box, the spans drawn as one types, and what there is to know about each model. All its addresses are
relative, so that it works behind a path too.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from tagger.text.escape import forbid_requests


@cache
def page() -> str:
    """Return the page as HTML; it forbids itself any request but to its own server, and any script but its own."""
    style, script, body = (_read(f"page.{ending}") for ending in ("css", "js", "html"))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{forbid_requests(style, script, asks_its_server=True)}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>tagger</title>\n<style>{style}</style>\n</head>\n<body>\n{body}"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
