"""Names in tables: cut in the middle to the width there is, one line each, wide characters counted twice."""

from __future__ import annotations

import io
from unicodedata import east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from tagger.cli.cells import Name, WhereItFits, shorten
from tagger.cli.tables import plain_table

LONG = {
    "latin": "PeopleAndFiguresOfTheLiteratureOfTheWorldAndOfItsHistory",
    "wide": "北京" * 30,
    "latin too": "PeopleAndFiguresOfTheLiteratureOfTheWorldAndOfItsFuture",
}


def cells(text: str) -> int:
    """Count the cells of Latin letters and Chinese characters by Unicode's own table."""
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in text)


def draw(drawn: RenderableType, width: int) -> list[str]:
    """Return the lines that a terminal of so many cells shows."""
    console = Console(file=io.StringIO(), width=width)
    console.print(drawn)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@given(st.text(alphabet="abcdefgh北京上海", max_size=40), st.integers(1, 40))
def test_a_name_is_cut_to_its_room_and_keeps_both_ends(text: str, width: int) -> None:
    short = shorten(text, width)
    assert cells(short) <= width
    if cells(text) <= width:
        assert short == text
    else:
        before, after = short.split("…")
        assert text.startswith(before) and text.endswith(after)
        assert cells(short) >= width - 2  # half a wide character at most is lost on either side


@pytest.mark.parametrize("width", [60, 80, 200])
def test_each_name_has_a_line_of_its_own(width: int) -> None:
    table = plain_table("type", "precision", "recall", "F1", "support")
    for name in LONG.values():
        table.add_row(Name(name), "100.00", "100.00", "100.00", "1,234,567")
    lines = draw(table, width)
    rows = [line for line in lines if "1,234,567" in line]
    assert len(rows) == len(LONG)
    assert max(map(cells, lines)) <= width
    assert all("100.00" in row and row.split()[0] not in ("100.00", "") for row in rows)
    assert rows[0] != rows[2]  # though both begin alike
    if width == 200:
        assert all(name in row for name, row in zip(LONG.values(), rows, strict=True))


def test_names_are_no_markup_and_control_nothing() -> None:
    assert draw(Name("[bold]\x1b[31m"), 40) == ["[bold]\\x1b[31m"]


def test_a_wide_table_gives_way() -> None:
    table = plain_table("gold", *map(Name, LONG.values()))
    table.add_row(Name("one"), "1", "2", "3")
    assert draw(WhereItFits(table, "a list"), 80) == ["a list"]
    assert "…" not in "".join(draw(WhereItFits(table, "a list"), 200))
