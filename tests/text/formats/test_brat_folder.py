"""A folder that brat opens: its texts have the offsets of its annotations, its settings are what brat reads.

What brat reads is what `server/src/projectconfig.py` of brat 1.3 takes: a section in brackets, and names of
`[a-zA-Z0-9_-]+` on lines of their own.
"""

from __future__ import annotations

import io
import re

import pytest

from tagger.errors import DataError
from tagger.text.formats import FORMATS, CorpusSettings, LabelledSentence, LabelledSpan, read_corpus
from tagger.text.formats.brat_folder import copy_text, format_colours, format_types, write_settings
from tagger.text.formats.hues import HUES, find_hue
from tagger.text.schemes import Scheme, tags_to_spans

TYPES = [
    "PER",
    "work of art",
    "work_of_art",
    "a;b",
    "PRP$",
    "人名",
    "[entities]",
    "#x",
    "---",
    "-",
    "!N",
    "<x>=",
    "",
]


def sections(settings: str) -> dict[str, list[str]]:
    """Return the lines of each section as brat reads them: without comments and empty ones."""
    found: dict[str, list[str]] = {"": []}
    held = found[""]
    for line in settings.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.match(r"^\s*\[(.*)\]\s*$", line)
        if match:
            held = found.setdefault(match[1], [])
        else:
            held.append(line)
    return found


def test_types_are_those_that_brat_takes():
    found = sections(format_types(TYPES))
    assert found == {
        "": [],
        "entities": ["PER", "work_of_art", "a_b"],
        "relations": [],
        "events": [],
        "attributes": [],
    }
    assert "# Names of other than a-z" in format_types(TYPES)
    assert "人名" in format_types(TYPES)
    assert sections(format_types([]))["entities"] == []


def test_colours_and_labels_are_of_the_same_types():
    found = sections(format_colours(TYPES))
    assert found["labels"] == ["PER | PER", "work_of_art | work of art", "a_b | a;b"]
    rows = [line.split("\t") for line in found["drawing"]]
    assert [name for name, _ in rows] == ["SPAN_DEFAULT", "ARC_DEFAULT", "PER", "work_of_art", "a_b"]
    for name, drawing in rows[2:]:
        colour = re.match(r"bgColor:#([0-9a-f]{6}), fgColor:black, ", drawing)
        assert colour, name
        assert contrast_to_black(colour[1]) > 7  # WCAG's AAA


def contrast_to_black(colour: str) -> float:
    """Return the contrast of WCAG 2.1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05) / 0.05


def test_every_hue_is_light_enough():
    colours = format_colours(f"T{n}" for n in range(500))
    assert all(contrast_to_black(each) > 7 for each in re.findall("bgColor:#(.{6})", colours))
    assert {find_hue(f"T{n}") for n in range(500)} == set(HUES)


@pytest.mark.parametrize(
    "names", ["PER LOC ORG MISC", "PERSON LOCATION ORGANIZATION", "PERSON ORG GPE LOC DATE"]
)
def test_usual_types_stand_apart(names):
    places = sorted(HUES.index(find_hue(name)) for name in names.split())
    gaps = [
        (after - before) % len(HUES) for before, after in zip(places, [*places[1:], places[0]], strict=True)
    ]
    assert min(gaps) >= len(HUES) / len(gaps) / 2 - 1


def test_settings_that_are_there_stay(tmp_path):
    assert write_settings(tmp_path, ["PER"]) == []
    before = (tmp_path / "visual.conf").read_bytes()
    assert write_settings(tmp_path, ["PER"]) == []  # the same again
    (tmp_path / "annotation.conf").write_text("[entities]\nMine\n")
    assert write_settings(tmp_path, ["PER"]) == [tmp_path / "annotation.conf"]
    assert (tmp_path / "annotation.conf").read_text() == "[entities]\nMine\n"
    assert (tmp_path / "visual.conf").read_bytes() == before


def test_settings_that_can_not_be_read_are_an_error(tmp_path):
    (tmp_path / "visual.conf").mkdir()
    with pytest.raises(DataError, match=r"visual\.conf: cannot be read: Is a directory"):
        write_settings(tmp_path, ["PER"])


def sentence(start: int, text: str, space: str = "", doc: str = "d") -> LabelledSentence:
    spans = [
        LabelledSpan("X", start + at.start(), start + at.end(), at[0]) for at in re.finditer(r"\w+", text)
    ]
    tokens = [(span.start, span.end, "B-X") for span in spans]
    return LabelledSentence(
        doc=doc, start=start, end=start + len(text), text=text, tokens=tokens, spans=spans, space=space
    )


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        ([], ""),
        ([sentence(0, "", "\n "), sentence(2, "Li left.", " "), sentence(11, "Oh!", "\r\n")], "\n Li left. Oh!\r\n"),
        ([sentence(0, "Li", " "), sentence(5, "Oh")], "Li \n\nOh"),
        ([sentence(3, "Li")], "\n\n\nLi"),
        ([sentence(10**15, "Li"), sentence(10**15 + 3, "Oh")], "Li\nOh"),
        ([sentence(0, "Li"), sentence(10**9, "Oh")], "Li\nOh"),
        ([sentence(0, "Li left"), sentence(0, "Oh")], "Li left\nOh"),
        ([sentence(0, "\ufeffLi")], "\ufeff\ufeffLi"),
        ([sentence(0, "北京"), sentence(2, "人")], "北京人"),
    ],
)  # fmt: skip
def test_offsets_are_those_of_the_text_beside(tmp_path, sentences, expected):
    text = io.StringIO()
    moved = list(copy_text(sentences, text))
    assert text.getvalue() == expected
    content = (
        text.getvalue().removeprefix("\ufeff") if expected.startswith("\ufeff\ufeff") else text.getvalue()
    )
    for old, new in zip(sentences, moved, strict=True):
        assert [content[span.start : span.end] for span in new.spans] == [span.text for span in old.spans]


def test_a_folder_with_settings_is_read_back(tmp_path):
    (tmp_path / "in.conll").write_text("Ada B-PER\nLee I-PER\nsang O\n\nin O\nPeru B-LOC\n\n")
    corpus = read_corpus(str(tmp_path / "in.conll"), "conll", CorpusSettings(), print)
    FORMATS["brat"].write_files(corpus, tmp_path / "out", print)
    assert sections((tmp_path / "out" / "annotation.conf").read_text())["entities"] == ["LOC", "PER"]
    again = read_corpus(str(tmp_path / "out"), "brat", CorpusSettings(lines=True), print)
    assert [tags_to_spans(each.tags, Scheme.IOB2) for each in again.sentences] == [
        tags_to_spans(each.tags, Scheme.IOB2) for each in corpus.sentences
    ]
    noted: list[str] = []
    (tmp_path / "out" / "visual.conf").write_text("")
    FORMATS["brat"].write_files(corpus, tmp_path / "out", lambda *words: noted.append(" ".join(words)))
    assert noted == [
        f"file of settings for brat there already, left as it was {tmp_path / 'out' / 'visual.conf'}"
    ]
    FORMATS["brat"].write_files(corpus, tmp_path / "x.ann", print)  # a pair stands among other files
    assert not list(tmp_path.glob("*.conf"))
