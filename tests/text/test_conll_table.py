"""Blocks cut all at once, against a reader of this file that goes line by line and knows nothing of blocks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.text import conll

FIELDS = st.sampled_from(
    ["a", "the", "_", "é", "中", "👩🏽‍🚀", "\u2028", "\xa0", "\x00", "#t", "x y", "NER=B-X|g=h", "O"]
)
DAMAGED = st.sampled_from(
    ["", " ", " y", "x ", "#", "# x", "-DOCSTART-", "a-DOCSTART-", "\t", "1.", "٣", "0012"]
)
COMMENTS = st.sampled_from(["# text = é 中", "# newdoc id = 1", "#", "# c\td", "# x ", "#begin document (y)"])
IDS = st.sampled_from(["{0}", "{0}", "{0}7", "1{0}00", "{0}-{1}", "{0}.1"])
BLANKS = st.sampled_from(["", "", " ", "\t", " \t"])
BREAKS = st.sampled_from(["", "", "", "\n", " ", "\t", "# c", "-DOCSTART-", "-DOCSTART-\tO", "# newdoc"])


def kind_of(id_: str) -> str:
    """Say what a row of CoNLL-U is by its ID."""
    if id_.isdecimal():
        return "token"
    return "other" if re.fullmatch(r"\d+[-.]\d+", id_, re.ASCII) else "fault"


def read_naively(text: str, separator: str, width: int, token: int, tag: int):
    """Return sentences as (tokens, tags, lines, document, comments), and the lines of faults."""
    sentences, faults, comments, rows = [], [], [], []
    document, is_begun = 0, False
    is_conllu = width == 10 and separator == "\t"

    def is_fault(row: str, fields: list[str], before: int) -> bool:
        if len(fields) != width and (is_conllu or len(fields) <= max(token, tag)):
            return True
        return separator == " " and ("\t" in row or (before > 0 and len(fields) != before))

    before = 0  # columns of the row before in this sentence
    for number, row in enumerate([*text.split("\n"), ""], 1):
        row = row.rstrip(" \t")
        fields = row.split(separator) if separator == "\t" else [field for field in row.split(" ") if field]
        begins = row.startswith(("# ", "#\t", "##")) or row == "#"
        is_comment = begins or (row.startswith("#begin document") and not rows)
        if len(fields) == width:
            is_comment &= not rows and any(" " in field for field in fields[1:])
        is_boundary = row.startswith("-DOCSTART-") or "-DOCSTART-" in re.split("[ \t]", row)
        if is_comment or (is_conllu and row.startswith("#")):
            comments.append(row)
            if re.match(r"# ?newdoc|#begin document", row):
                document, is_begun = document + is_begun, True
        elif not row or is_boundary:
            if rows:
                lines, tokens, tags = zip(*rows, strict=True)
                sentences.append((tokens, tags, lines, document, comments))
                comments, rows, is_begun = [], [], True
            if row:
                document, is_begun = document + is_begun, True
            before = 0
        elif is_fault(row, fields, before if rows else 0):
            faults.append(number)
        elif is_conllu and kind_of(fields[0]) != "token":
            faults += [number] * (kind_of(fields[0]) == "fault")
        elif not fields[token].strip(" ") or not fields[tag].strip(" "):
            faults.append(number)
        else:
            before = len(fields)
            unknown = is_conllu and fields[tag] == "_"
            rows.append((number, fields[token], "?" if unknown else fields[tag]))
    return sentences, faults


def draw_row(draw, number: int, width: int, is_damaged: bool) -> list[str]:
    """Draw the fields of a row; of a damaged one a field is odd, missing or too many."""
    fields = [draw(FIELDS) for _ in range(width)]
    if width == 10:
        fields[0] = draw(IDS).format(number, number + 1)
    if is_damaged:
        place = draw(st.integers(0, width - 1))
        fields[place : place + draw(st.integers(0, 1))] = draw(st.lists(DAMAGED, max_size=1))
    return fields


@st.composite
def files(draw, separator: str, width: int, damage: int) -> str:
    """Draw a file whose first row is sound; of the others `damage` in a hundred are not."""
    rows = [["1" if width == 10 else "a", *["O"] * (width - 1)]]
    for _ in range(draw(st.integers(1, 5))):
        rows += [[comment] for comment in draw(st.lists(COMMENTS, max_size=2)) if width == 10]
        for number in range(1, draw(st.integers(1, 6)) + 1):
            is_damaged = draw(st.integers(1, 100)) <= damage
            fields = draw_row(draw, number, width, is_damaged)
            rows.append([field.replace(" ", "") for field in fields] if separator == " " else fields)
            if is_damaged:
                rows[-1][-1:] = [field + draw(BLANKS) for field in rows[-1][-1:]]
                rows += [[row] for row in draw(st.lists(BREAKS, max_size=1))]
        rows.append([])
    return "\n".join(separator.join(row) for row in rows)


@pytest.mark.parametrize("damage", [0, 15])
@pytest.mark.parametrize(
    ("separator", "width", "token", "tag"),
    [("\t", 10, 1, 3), ("\t", 7, 2, 6), ("\t", 2, 0, 1), (" ", 3, 0, 2)],
)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_blocks_read_as_a_naive_reader_reads_lines(
    tmp_path_factory, separator, width, token, tag, damage, data
):
    path = tmp_path_factory.mktemp("table") / "x"
    text = data.draw(files(separator, width, damage))
    path.write_text(text, encoding="utf-8", newline="")
    faults = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tagger.text.files.BLOCK", data.draw(st.sampled_from([1, 30, 1 << 18])))
        columns = conll.Columns(token=token, tag=tag)
        found = [
            (
                s.tokens,
                s.tags,
                tuple(map(s.line_of, range(len(s)))),
                s.document,
                [c.rstrip(" \t") for c in s.comments],
            )
            for s in conll.read_sentences(path, columns=columns, on_fault=faults.append)
        ]
    assert (found, [fault.line for fault in faults]) == read_naively(text, separator, width, token, tag)


def test_a_row_of_eight_columns_and_a_comment_are_no_row_of_ten(tmp_path):
    path = tmp_path / "x.conllu"
    path.write_text("1\ta" + "\t_" * 8 + "\n2\tb" + "\t_" * 6 + "\n# c\n", encoding="utf-8")
    faults = []
    (sentence,) = conll.read_sentences(path, on_fault=faults.append)
    assert (sentence.tokens, sentence.comments, [fault.line for fault in faults]) == (("a",), ("# c",), [2])


def test_a_document_boundary_is_no_token_whatever_column_it_is_in(tmp_path):
    path = tmp_path / "x.conllu"
    row = "\t_" * 7
    path.write_text(f"1\ta\ta{row}\n2\t-DOCSTART-\t_{row}\n3\tb\tb{row}\n", encoding="utf-8")
    assert [(s.tokens, s.document) for s in conll.read_sentences(path)] == [(("a",), 0), (("b",), 1)]


def test_lone_surrogates_do_not_stop_the_reader(tmp_path):
    path = tmp_path / "x"
    path.write_bytes("a\ud83d\tO\nb\tO\n".encode("utf-7", "surrogatepass"))
    (sentence,) = conll.read_sentences(path, encoding="utf-7")
    assert sentence.tokens == ("a\ud83d", "b")
