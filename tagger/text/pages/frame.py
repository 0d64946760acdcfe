"""What stands around the contents of a page: its head, its title and where it comes from, links to its parts.

The page forbids itself any request, and any script or style but its own (by checksum), so that a string that
slipped through the escaping could neither run nor call home. It reads without script; the script filters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import NamedTuple

from tagger.text.escape import escape_html, forbid_requests
from tagger.text.formats.hues import HUES
from tagger.version import __version__


class Chapter(NamedTuple):
    """A part of a page: the name by which an address reaches it, its title, and its HTML."""

    anchor: str
    title: str
    body: str

    def draw(self) -> str:
        """Return the part as HTML."""
        return f'<section id="{self.anchor}"><h2>{self.title}</h2>{self.body}</section>\n'


def open_page(
    subject: str,
    what: str,
    *,
    facts: Mapping[str, str],
    links: Iterable[tuple[str, str]] = (),
    skip: tuple[str, str] | None = None,
    figures: str = "",
    state: Mapping[str, str] | None = None,
) -> str:
    """Return a page up to where its contents begin.

    Args:
        subject: what the page is about, a corpus for instance.
        what: what is told of it.
        facts: where it comes from, by name; those that are empty are left out. Date and version are added.
        links: anchor and title of its parts.
        skip: anchor and wording of a link for those who read with the keyboard.
        figures: HTML that stands below the title.
        state: what the script has to know, by the names of the body's `data-` attributes.
    """
    style, script = _style(), _script()
    title = f"{escape_html(subject)}: {what}"
    attributes = "".join(f' data-{name}="{escape_html(value)}"' for name, value in (state or {}).items())
    jump = f'<a class="skip" href="#{skip[0]}">{skip[1]}</a>\n' if skip else ""
    anchors = "".join(f'<a href="#{anchor}">{heading}</a>' for anchor, heading in links)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{forbid_requests(style, script)}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body{attributes}>\n{jump}"
        f"<header><h1>{title}</h1>{_draw_origin(facts)}{figures}</header>\n"
        f'<nav aria-label="Sections">{anchors}'
        '<button type="button" id="theme" hidden>light / dark</button></nav>\n<main>\n'
    )


def close_page() -> str:
    """Return what follows the contents: the script."""
    return f"</main>\n<script>{_script()}</script>\n</body>\n</html>\n"


def find_date() -> str:
    """Return the day on which pages are made, `2026-11-28`: today's, in UTC.

    Where SOURCE_DATE_EPOCH holds seconds, their day is it, so that pages can be made again byte for byte
    (https://reproducible-builds.org/specs/source-date-epoch/).
    """
    try:
        moment = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "")), UTC)
    except (ValueError, OverflowError, OSError):
        moment = datetime.now(UTC)
    return moment.date().isoformat()


def _draw_origin(facts: Mapping[str, str]) -> str:
    known = {**facts, "date": find_date(), "version": f"tagger {__version__}"}
    items = "".join(
        f"<div><dt>{name}</dt><dd>{escape_html(value)}</dd></div>" for name, value in known.items() if value
    )
    return f'<dl class="origin">{items}</dl>'


@cache
def _style() -> str:
    return _read("page.css") + "".join(f".h{hue} {{ --hue: {hue}; }}\n" for hue in HUES)


@cache
def _script() -> str:
    return _read("page.js")


def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
