"""Files spoilt in known ways come back as they were, and what is sound stays, byte for byte."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tagger
from tagger.errors import DataError
from tagger.text.conll import read_corpus
from tagger.text.mending import MENDINGS, Mended, find_near_types, mend_file
from tagger.text.mending.characters import mend_tag, mend_word
from tagger.text.mending.tags import find_meanings
from tagger.text.schemes import Scheme

DATA = Path(__file__).parents[2] / "data"
SHARED = Path(__file__).parents[3] / "shared" / "data"
SOUND = "EU B-ORG\nrejects O\nGerman B-MISC\ncall O\n\nAda B-PER\nLovelace I-PER\nleft O\n\n" * 10


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mend(text: str, **options: object) -> tuple[str, Mended]:
    """Return what becomes of the text of a file, and the changes."""
    Path("in.conll").write_text(text, encoding="utf-8", newline="")
    mended = tagger.mend("in.conll", "out.conll", **options)
    return Path("out.conll").read_bytes().decode("utf-8"), mended


@pytest.mark.parametrize("separator", [" ", "\t"])
@pytest.mark.parametrize(
    ("good", "bad", "kind", "line"),
    [
        ("rejects O", "rejects\t O", "separator", 2),
        ("rejects O", "rejects\u00a0O", "separator", 2),
        ("rejects O", "rejects o", "outside", 2),
        ("rejects O", "rejects 0", "outside", 2),
        ("rejects O", "rejects \u041e", "character", 2),
        ("EU B-ORG", "EU B-Org", "type", 1),
        ("EU B-ORG", "EU b-ORG", "spelling", 1),
        ("EU B-ORG", "EU B_ORG", "spelling", 1),
        ("EU B-ORG", "EU B\u2013ORG", "character", 1),
        ("EU B-ORG", "EU \u0412-ORG", "character", 1),
        ("EU B-ORG", "EU B-ORG\u200b", "character", 1),
        ("EU B-ORG", "EU I-ORG", "sequence", 1),
        ("Ada B-PER\nLovelace I-PER", "Ad\u0430 B-PER\nLovelace I-PER", "word", 6),
        ("call O\n\nAda", "call O\n\u00a0\nAda", "separator", 5),
    ],
)
def test_one_slip_is_mended_and_told(separator: str, good: str, bad: str, kind: str, line: int) -> None:
    sound = SOUND.replace(" ", separator)
    good, bad = (each.replace(" ", separator) if "\t" not in each else each for each in (good, bad))
    good = good.replace(" ", separator)
    assert good in sound
    out, mended = mend(sound.replace(good, bad, 1))
    assert out == sound
    assert [(change.line, change.kind) for change in mended.changes] == [(line, kind)]
    assert set(mended.counts) <= MENDINGS.keys()


def test_several_slips_in_a_row() -> None:
    out, mended = mend(SOUND.replace("rejects O", "rejects\u00a0o", 1))
    assert out == SOUND
    assert [change.kind for change in mended.changes] == ["separator", "outside"]


def test_a_first_row_that_is_at_fault_doesnt_decide() -> None:
    sound = SOUND.replace(" ", "\t")
    assert mend(sound.replace("\t", " ", 1))[0] == sound


def test_other_columns_comments_and_line_ends_stay() -> None:
    sound = "# a comment, which stays\r\n-DOCSTART- -X- O\r\n\r\n" + SOUND.replace(" ", "  x ").replace(
        "\n", "\r\n"
    )
    assert mend(sound) == (sound, mend(sound)[1])
    out, mended = mend(sound.replace("rejects  x O", "rejects  x o", 1))
    assert out == sound
    assert [change.line for change in mended.changes] == [5]


def test_conllu() -> None:
    row = "{}\t{}\t_\t{}\t_\t_\t0\troot\t_\t{}"
    rows = [
        "# text = Paris is",
        row.format(1, "Paris", "PROPN", "NER=B-LOC"),
        "2-3\tis\t" + "\t".join("_" * 8),
    ]
    sound = "\n".join([*rows, row.format(2, "is", "AUX", "_"), ""]) + "\n"
    text = sound * 20
    spoilt = text.replace("Paris", "P\u0430ris", 2).replace("AUX", "Aux", 1)
    out, mended = mend(spoilt)
    assert out == text
    assert [change.kind for change in mended.changes] == ["word", "type"]
    spoilt = text.replace("NER=B-LOC", "NER=B-Loc", 1)
    assert mend(spoilt, tag_column="MISC:NER")[0] == text


def test_what_is_doubtful_stays() -> None:
    """Types a letter apart, a row with too few columns, and a Greek letter that is meant."""
    text = SOUND.replace("B-ORG", "B-OGR", 1) + "alone\n\n\u03bcm O\n"
    out, mended = mend(text)
    assert (out, mended.changes) == (text, ())


def test_a_scheme_in_which_spans_may_begin_inside() -> None:
    text = "Ada I-PER\nleft O\n\n" * 10 + "Ada I-PER\nLi B-PER\n"
    assert mend(text)[1].changes == ()
    assert mend(text, scheme="IOB2")[0] == text.replace("I-PER", "B-PER")


def test_words_are_known_by_the_letters_that_most_of_them_have() -> None:
    assert mend_word("\u0421\u0421\u0421\u0420") == "\u0421\u0421\u0421\u0420"  # all Cyrillic
    assert mend_word("M\u043e\u0441\u043a\u0432\u0430") == "\u041c\u043e\u0441\u043a\u0432\u0430"
    assert mend_word("\u0394x") == "\u0394x"
    assert mend_tag("B-\u041b\u0418\u0426\u041e") == "B-\u041b\u0418\u0426\u041e"  # a type in Cyrillic


def test_near_types() -> None:
    def near(**types: int) -> list[tuple[str, str, bool]]:
        return [(each.name, each.likely, each.is_sure) for each in find_near_types(types)]

    assert near(PER=40, Per=1) == [("Per", "PER", True)]
    assert near(PER=1, Per=1) == []
    assert near(PER=40, Per=30) == []
    assert near(LOC=100, LCO=1, LO=1, LOCC=1, LUC=1) == [
        ("LCO", "LOC", False),
        ("LOCC", "LOC", False),
        ("LUC", "LOC", False),
    ]
    assert near(NN=1000, NNS=600, NNP=900, NNPS=40) == []


def test_bare_labels() -> None:
    meant = find_meanings({"NOUN": 50, "noun": 1, "O": 1, "o": 1}, Scheme.BARE)
    assert {tag: meaning.tag for tag, meaning in meant.items()} == {"noun": "NOUN"}


@pytest.mark.parametrize(
    "path",
    [
        DATA / "english" / "train.conll",
        DATA / "chinese" / "train.conll",
        SHARED / "wnut17" / "wnut17train.conll",
        SHARED / "ud-en-ewt" / "en_ewt-ud-dev.conllu",
        SHARED / "resume-zh" / "dev.char.bmes",
    ],
    ids=lambda path: path.name,
)
def test_real_corpora_hold_little_to_mend(path: Path) -> None:
    if not path.exists():
        pytest.skip("needs the corpora beside the checkout")
    found = tagger.mend(path, "out")
    assert len(found.changes) <= 2
    before, after = read_corpus(path), read_corpus("out")
    changed = sum(
        one.tags != other.tags for one, other in zip(before.sentences, after.sentences, strict=True)
    )
    assert changed <= len(found.changes)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_spoilt_in_many_places(seed: int, slips: int) -> None:
    draw = random.Random(seed)
    sound = [row.replace(" ", "\t") for row in (SOUND * 4).splitlines()]
    spoilt = sound.copy()
    for place in draw.sample([i for i, row in enumerate(sound) if row], slips):
        word, tag = spoilt[place].split("\t")
        ways = [f"{word} {tag}", f"{word}\t\t{tag}", f"{word}\u3000{tag}"]
        ways += [f"{word}\to", f"{word}\t0"] if tag == "O" else [f"{word}\t{tag[:2]}{tag[2:].title()}"]
        ways += [f"{word}\tI{tag[1:]}"] if tag[0] == "B" else []
        spoilt[place] = draw.choice(ways)
    assert mend("\n".join(spoilt) + "\n", scheme="IOB2")[0] == "\n".join(sound) + "\n"


@settings(max_examples=60)
@given(st.text(st.sampled_from("aO0B-PER \t\n\r\u00a0\u200b\ufeff#\u0430\u041e\u2013"), max_size=60))
def test_any_text_is_mended_or_refused_and_no_row_is_lost(text: str) -> None:
    Path("in.conll").write_text(text, encoding="utf-8", newline="")
    try:
        found = mend_file("in.conll", "out.conll")
    except DataError:
        return
    rows = [Path(name).read_bytes().decode("utf-8-sig").count("\n") for name in ("in.conll", "out.conll")]
    assert rows[0] == rows[1]
    again = mend_file("out.conll", "again.conll", scheme=found.scheme)
    assert [change for change in again.changes if change.kind not in ("type", "sequence")] == []


def test_what_are_no_columns() -> None:
    Path("x.csv").write_text("Word,Tag\nAda,B-PER\nmet,O\n", encoding="utf-8")
    with pytest.raises(DataError, match="found CSV, expected columns to mend"):
        tagger.mend("x.csv", "out")
    Path("x.json").write_text('{"text": "Ada met Li.", "label": [[0, 3, "PER"]]}\n', encoding="utf-8")
    with pytest.raises(DataError, match="found JSON, expected columns"):
        tagger.mend("x.json", "out")
    Path("x.pos").write_text("Ada/NN met/VB Li/NN ./.\n" * 30, encoding="utf-8")
    with pytest.raises(DataError, match="found lines of words"):
        tagger.mend("x.pos", "out")
    Path("x.conll").write_text("\n\n", encoding="utf-8")
    with pytest.raises(DataError, match="found no sentence"):
        tagger.mend("x.conll", "out")
    Path("x.conll").write_text(SOUND, encoding="utf-8")
    with pytest.raises(DataError, match="is also read"):
        tagger.mend("x.conll", "x.conll")
