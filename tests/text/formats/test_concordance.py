"""Spans in their contexts, as CSV and as a workbook: read back by Python's csv and by openpyxl."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import ConfigError
from tagger.text.formats import FORMATS, LabelledSentence, LabelledSpan
from tagger.text.formats import workbook as workbooks
from tagger.text.formats.concordance import CUT, LONGEST_CONTEXT, disarm, find_hits

HEADER = ["file", "sentence", "left", "match", "right", "type", "confidence", "start", "end"]


def sentence(text: str, *spans: tuple[str, int, int], doc: str = "a.txt", start: int = 0) -> LabelledSentence:
    """Return a sentence whose tokens are what stands between blanks, or else single characters."""
    tokens, at = [], 0
    for word in text.split() if " " in text else text:
        at = text.index(word, at)
        tokens.append((start + at, start + at + len(word), "O"))
        at += len(word)
    found = [
        LabelledSpan(type_, start + first, start + last, text[first:last], 0.98765432)
        for type_, first, last in spans
    ]
    return LabelledSentence(
        doc=doc, start=start, end=start + len(text), text=text, tokens=tokens, spans=found
    )


def read_csv(sentences: Iterable[LabelledSentence]) -> list[list[str]]:
    written = "".join(FORMATS["csv"].format_sentences(sentences))
    assert written.encode("utf-8").startswith(b"\xef\xbb\xbf")  # Excel knows UTF-8 by that
    rows = list(csv.reader(io.StringIO(written.removeprefix("\ufeff"), newline="")))
    assert rows[0] == HEADER
    return rows[1:]


def save(sentences: Iterable[LabelledSentence]) -> bytes:
    pytest.importorskip("xlsxwriter")
    stream = io.BytesIO()
    FORMATS["xlsx"].save(sentences, stream)
    return stream.getvalue()


def read_xlsx(sentences: Iterable[LabelledSentence]) -> list[list[object]]:
    openpyxl = pytest.importorskip("openpyxl")
    unescape = (
        openpyxl.utils.escape.unescape
    )  # which openpyxl leaves to others in cells that bring their text
    book = openpyxl.load_workbook(io.BytesIO(save(sentences)))
    rows: list[list[object]] = []
    for sheet in book.worksheets:
        first, *others = sheet.iter_rows()
        assert [cell.value for cell in first] == HEADER
        assert sheet.freeze_panes == "A2"
        for row in others:
            assert all(cell.data_type in "sn" for cell in row), "a formula"
            rows.append([unescape(cell.value) if cell.data_type == "s" else cell.value for cell in row])
    return rows


ADA = sentence("Ada Lovelace met\n Li in Paris .", ("PER", 0, 12), ("LOC", 24, 29), start=100)


def test_a_row_holds_a_span_its_place_and_its_context():
    other = sentence("Li left .", ("PER", 0, 2), start=140)
    again = sentence("Li left .", ("PER", 0, 2), doc="b.txt")
    assert read_csv([ADA, other, again]) == [
        ["a.txt", "1", "", "Ada Lovelace", "met Li in Paris .", "PER", "0.987654", "100", "112"],
        ["a.txt", "1", "Ada Lovelace met Li in", "Paris", ".", "LOC", "0.987654", "124", "129"],
        ["a.txt", "2", "", "Li", "left .", "PER", "0.987654", "140", "142"],
        ["b.txt", "1", "", "Li", "left .", "PER", "0.987654", "0", "2"],
    ]
    assert read_xlsx([ADA]) == [
        ["a.txt", 1, None, "Ada Lovelace", "met Li in Paris .", "PER", 0.987654, 100, 112],
        ["a.txt", 1, "Ada Lovelace met Li in", "Paris", ".", "LOC", 0.987654, 124, 129],
    ]


def test_a_span_without_a_confidence_has_an_empty_cell():
    for value in (None, float("nan")):
        bare = sentence("Li left .", ("PER", 0, 2))
        bare = LabelledSentence(
            doc="a",
            start=0,
            end=9,
            text=bare.text,
            tokens=bare.tokens,
            spans=[bare.spans[0]._replace(confidence=value)],
        )
        assert read_csv([bare])[0][6] == ""
        assert read_xlsx([bare])[0][6] is None


def test_nothing_found_is_a_header():
    for sentences in ([], [sentence("nothing here")]):
        assert read_csv(sentences) == []
        assert read_xlsx(sentences) == []


def test_contexts_are_shortened_between_tokens():
    words = " ".join(f"word{n:02}" for n in range(40))
    at = words.index("word20")
    (row,) = read_csv([sentence(words, ("PER", at, at + 6))])
    assert row[2] == CUT + "".join(f" word{n}" for n in range(12, 20))
    assert row[4] == "".join(f"word{n} " for n in range(21, 29)) + CUT
    chinese = "北京" * 100
    (row,) = read_csv([sentence(chinese, ("LOC", 100, 102))])
    assert row[2] == f"{CUT} " + "北京" * 30
    assert row[4] == "北京" * 30 + f" {CUT}"


def test_a_token_that_no_cell_has_room_for_leaves_a_mark():
    text = f"{'x' * 90} Li {'y' * 90} z"
    (row,) = read_csv([sentence(text, ("PER", 91, 93))])
    assert (row[2], row[3], row[4]) == (CUT, "Li", CUT)


@given(st.text("ab \n北م", max_size=300), st.data())
@settings(max_examples=200, deadline=None)
def test_contexts_are_of_the_text(text, data):
    held = text.strip() or "a"
    whole = sentence(held)
    first = data.draw(st.integers(0, len(whole.tokens) - 1))
    last = data.draw(st.integers(first, min(first + 2, len(whole.tokens) - 1)))
    begin, end = whole.tokens[first][0], whole.tokens[last][1]
    (hit,) = find_hits([sentence(held, ("X", begin, end))])
    assert (hit.start, hit.end) == (begin, end)
    before, after = (" ".join(part.split()) for part in (held[:begin], held[end:]))
    assert before.endswith(hit.left.removeprefix(CUT).strip())
    assert after.startswith(hit.right.removesuffix(CUT).strip())
    assert max(len(hit.left), len(hit.right)) <= LONGEST_CONTEXT + 2
    assert hit.left == before or hit.left.startswith(CUT) or begin <= LONGEST_CONTEXT
    if len(before) <= LONGEST_CONTEXT and begin <= LONGEST_CONTEXT:
        assert hit.left == before


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠A1", "﹦1", '=HYPERLINK("http://x";"y")']


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula(text):
    bad = sentence(text, (text, 0, len(text)), doc=text)
    (row,) = read_csv([bad])
    assert (row[0], row[3], row[5]) == (f"'{text}",) * 3
    (cells,) = read_xlsx([bad])
    assert (cells[0], cells[3], cells[5]) == (text,) * 3
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(save([bad]))).read("xl/worksheets/sheet1.xml")


def test_what_stands_before_a_formula_hides_it_from_nobody():
    assert [disarm(text) for text in ("\t=1", "\r=1", "\n1", " =1", "\u3000＝1")] == [
        *("'\t=1", "'\r=1", "'\n1", "' =1", "'\u3000＝1")
    ]
    assert [disarm(text) for text in ("", "a=1", "1", "'=1", "北京", "—")] == [
        *("", "a=1", "1", "'=1", "北京", "—")
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('a "b", c;\n"d"', 'a "b", c; "d"'),
        ("\x00\x1b[31m", "␀␛[31m"),
        ("\ud800x", "\ufffdx"),
        ("\ufffe", "\ufffd"),
        ("_x0041_", "_x0041_"),
        ("http://example.org", "http://example.org"),
        ("مرحبا\u202e", "مرحبا\u202e"),
        ("</c><f>1</f>", "</c><f>1</f>"),
        ("007", "007"),
        ("{=1}", "{=1}"),
    ],
)
def test_cells_hold_what_stands_in_the_text(text, shown):
    odd = sentence(text, ("X", 0, len(text)), doc="a\tb")
    (row,) = read_csv([odd])
    (cells,) = read_xlsx([odd])
    assert (row[0], row[3]) == ("a␉b", shown)
    assert (cells[0], cells[3]) == ("a␉b", shown)


def test_a_sheet_that_is_full_is_followed_by_another(monkeypatch):
    monkeypatch.setattr(workbooks, "MOST_ROWS", 3)
    many = [sentence("Li left .", ("PER", 0, 2), start=10 * n) for n in range(5)]
    assert [row[7] for row in read_xlsx(many)] == [0, 10, 20, 30, 40]
    names = zipfile.ZipFile(io.BytesIO(save(many))).namelist()
    assert sum(name.startswith("xl/worksheets/sheet") for name in names) == 3


@pytest.mark.parametrize("length", [32_766, 32_767, 32_768, 100_000])
def test_a_cell_holds_what_excel_allows(length):
    (row,) = read_xlsx([sentence("a" * length, ("X", 0, length))])
    assert row[3] == ("a" * length if length <= 32_767 else "a" * 32_766 + CUT)
    (wide,) = read_xlsx([sentence("😀" * length, ("X", 0, length))])
    assert len(str(wide[3]).encode("utf-16-le")) // 2 <= 32_767
    assert str(wide[3]).endswith(CUT)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xlsxwriter", None)
    with pytest.raises(ConfigError, match=r"XlsxWriter, which isn't installed: pip install 'tagger\[xlsx\]'"):
        FORMATS["xlsx"].save([ADA], io.BytesIO())
