"""Strings made harmless: what is left is looked for with the targets' own readers, one character at a time."""

from __future__ import annotations

import json
import sys
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tagger.text import escape
from tagger.text.escape import escape_controls

EVERYTHING = "".join(map(chr, range(sys.maxunicode + 1)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 中 😀 [bold]\n\tx", "plain é 中 😀 [bold]\n\tx"),
        ("\x1b]52;c;x\x07", r"\x1b]52;c;x\x07"),
        ("a\x00\x7f\x9b\r", r"a\x00\x7f\x9b\r"),
        ("\u202ecba\u2069\u2028\ud800", r"\u202ecba\u2069\u2028\ud800"),
    ],
)
def test_controls_are_escaped(text, shown):
    assert escape_controls(text) == shown


def test_a_line_of_a_message_is_one_line_and_printable():
    shown = escape.escape_line(EVERYTHING)
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1
    assert escape.escape_line("é 中 😀") == "é 中 😀"


def test_running_text_keeps_what_a_terminal_does_not_obey():
    shown = escape_controls(EVERYTHING)
    left = {char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")}
    assert left == {"\t", "\n"}
    assert not {unicodedata.bidirectional(char) for char in shown} & {
        "LRO",
        "RLO",
        "LRE",
        "RLE",
        "PDF",
        "LRI",
        "RLI",
    }


def test_json_strings_are_one_line_and_come_back():
    quoted = escape.quote_json(EVERYTHING)
    assert json.loads(quoted) == EVERYTHING or json.loads(quoted).encode("utf-16", "surrogatepass") == (
        EVERYTHING.encode("utf-16", "surrogatepass")
    )
    assert len(quoted.splitlines()) == 1
    assert quoted.encode("utf-8")


class _Shown(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += "".join(value or "" for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("escaped", [escape.escape_html, escape.escape_html_text])
def test_html_holds_no_tag_of_the_text_and_no_control_character(escaped):
    text = "</p><script>alert(1)</script> & \" ' " + EVERYTHING[:0x2070] + "\ud800"
    for page in (f"<p>{escaped(text)}</p>", f'<p title="{escaped(text)}"></p>'):
        shown = _Shown(page)
        assert shown.tags == ["p"]
        assert {char for char in shown.text if unicodedata.category(char) in ("Cc", "Cs")} <= {"\t", "\n"}
        assert "</p><script>alert(1)</script> & \" ' " in shown.text


def test_running_text_in_html_keeps_its_length():
    text = "a\x00\x9b\n\u202e\ud800"
    assert len(escape.escape_html_text(text)) == len(text)


def test_no_command_renders_json_by_itself() -> None:
    package = Path(escape.__file__).parents[1]
    for room in ("cli", "scoring", "training/recipes"):
        for path in (package / room).rglob("*.py"):
            assert "json.dump" not in path.read_text(encoding="utf-8"), path


def test_a_line_end_of_two_characters_is_one_on_a_terminal():
    assert escape_controls("a,b\r\nc\rd\r\n") == "a,b\nc\\rd\n"
