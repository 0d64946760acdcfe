"""Broken inputs for every reader of raw text: rows or a DataError, exact places, the same in any pieces."""

from __future__ import annotations

import random

import pytest

from tagger.errors import DataError
from tagger.text.files import TextPiece, read_pieces
from tagger.text.raw import InputSettings, Pause, Row, read_rows
from tagger.text.tokenizer import Mode, tokenize

SEEDS = {
    "text": "Ann Lee met Mr. Li in New\r\nYork. „So?“ 王伟任CEO。\n\n- an item\n3. Jan. 5\n",
    "lines": "Ann Lee\r\nNew York\r\n\n王 伟\n",
    "tokens": "Ann Lee .\n\nNew\u00a0York\tis\n",
    "conll": "-DOCSTART- O\n\nAnn\tB-PER\nLee\tI-PER\n\n# newdoc\n1-2\tx\n",
    "jsonl": '{"id": 1, "text": "Ann. Lee."}\n[{"text": "\\u00e9"}]\n{\n "tokens": ["a", "b"]\n}\n',
}
NOISE = [
    *(
        b"\xef\xbb\xbf",
        b"\x00",
        b"\xff",
        b"\r",
        b"\n",
        b"\n\n",
        b"\t",
        b"\x1b[31m",
        b"\xe2\x80\xa8",
        b"\xc2\x85",
    ),
    *(b"\xed\xa0\x80", b'"', b"{", b"[", b"]", b",", b":", b"\\u", b"\x1f\x8b", b". ", b" O\n", b"x" * 70),
]


def mutate(draw: random.Random, text: bytes) -> bytes:
    """Cut, repeat and mix what a reader expects with what none does."""
    data = bytearray(text * draw.randint(1, 4))
    for _ in range(draw.randint(0, 8)):
        at = draw.randrange(len(data) + 1)
        if draw.random() < 0.5:
            data[at:at] = draw.choice(NOISE)
        elif draw.random() < 0.5:
            data[at : at + draw.randint(0, 12)] = b""
        else:
            data[at : at + 1] = draw.randbytes(1)
    return bytes(data)


def outcome(path, settings, watch=None) -> list[Row] | str:
    """Return the rows of a file, or its fault."""
    try:
        found = read_rows(path, settings) if watch is None else read_rows(path, settings, watch)
        return [row for row in found if isinstance(row, Row)]
    except DataError as fault:
        return str(fault)


def cut_up(draw: random.Random):
    """Return what cuts texts into pieces with pauses between that end nothing, as a slow pipe does."""

    def watch(path, items):
        for item in items:
            if not isinstance(item, str | TextPiece):
                yield item
                continue
            text = item if isinstance(item, str) else item.text
            at = 0
            while at < len(text) or not at:
                size = draw.choice([1, 2, 5, 30, 400])
                piece = text[at : at + size]
                if piece or not text:
                    yield piece if isinstance(item, str) else item._replace(text=piece)
                yield Pause(is_quiet=False)
                at += size

    return watch


def assert_rows_are_in_their_text(path, rows: list[Row], form: str) -> None:
    reached = 0
    for row in rows:
        for mode in Mode:
            assert all(
                row.text[start:end].split() == [row.text[start:end]]
                for start, end in tokenize(row.text, mode)
            )
        if row.words is not None:
            assert all(row.text[at:].startswith(word) for word, at in zip(row.words, row.starts, strict=True))
    if form in ("text", "lines", "tokens"):
        text = "".join(piece.text for piece in read_pieces(path, "utf-8", "replace"))
        for row in rows:
            assert row.start == reached
            assert row.space.isspace() or not row.space
            reached += len(row.text + row.space)
        assert "".join(row.text + row.space for row in rows) == text


def join_space(rows: list[Row]) -> list[Row]:
    """Return the rows with all the white space that follows each, which may come in any number of pieces."""
    joined: list[Row] = []
    for row in rows:
        if joined and not row.text and row.document == joined[-1].document:
            joined[-1] = joined[-1]._replace(space=joined[-1].space + row.space)
        else:
            joined.append(row)
    return joined


def attack(path, form: str, number: int) -> None:
    draw = random.Random(f"{form} {number}")
    path.write_bytes(mutate(draw, SEEDS[draw.choice([form, form, form, *SEEDS])].encode()))
    errors = "strict" if form == "conll" or number % 2 else "replace"
    rows = outcome(path, InputSettings(format=form, errors=errors))
    if isinstance(rows, list):
        assert_rows_are_in_their_text(path, rows, form)
    else:
        assert rows.startswith(str(path))
    if form != "conll":
        again = outcome(path, InputSettings(format=form, errors=errors), cut_up(draw))
        assert (join_space(again) if isinstance(again, list) else again) == (
            join_space(rows) if isinstance(rows, list) else rows
        )
    told = outcome(path, InputSettings())  # told by content, which must hold some reader's rows
    assert isinstance(told, str) or told in [
        outcome(path, InputSettings(format=each)) for each in ("text", "wordpos", "conll", "jsonl")
    ]


@pytest.mark.parametrize("form", SEEDS)
def test_hundreds_of_broken_inputs(tmp_path, form):
    for number in range(300):
        attack(tmp_path / "x", form, number)


@pytest.mark.slow
@pytest.mark.parametrize("form", SEEDS)
def test_ten_thousand_broken_inputs(tmp_path, form):
    for number in range(300, 10_300):
        attack(tmp_path / "x", form, number)
