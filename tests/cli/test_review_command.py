"""`tagger review` from end to end: suspects found, ids accepted, mistakes told in a line."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

import tagger
from tagger.scoring.review import LabelDoubt
from tagger.text.conll import pack_corpus
from tagger.text.decisions import Decision, find_state, spell_id
from tagger.text.schemes import Span

TINY = (
    "--folds",
    "2",
    "--epochs",
    "1",
    "--workers",
    "1",
    "--set=encoder.hidden=5",
    "--set=embedding.word_dim=4",
)


def find_id(path: str | Path, *decision: object) -> str:
    return spell_id(Decision(*decision), find_state(pack_corpus(path)))


@pytest.fixture
def anna(ten_sentences: Path) -> str:
    """The id that makes a place of Anna Keller."""
    return find_id(ten_sentences, 0, 0, 2, (Span("LOC", 0, 2),))


@pytest.mark.slow
def test_suspects_are_printed_and_what_is_accepted_is_written(run, ten_sentences: Path) -> None:
    done = run("review", "ten.conll", *TINY, "--json", "--report", "r.html")
    assert done.code == 0, done.err
    suspects = [json.loads(line) for line in done.out.splitlines()]
    assert len(suspects) > 3
    chances = [each["probability"] for each in suspects]
    assert chances == sorted(chances, reverse=True)
    page = Path("r.html").read_text(encoding="utf-8")
    assert all(each["id"] in page for each in suspects)

    ids = ",".join(each["id"] for each in suspects)
    done = run("review", "ten.conll", "--accept", ids, "-o", "new.conll")
    assert (done.code, done.out) == (0, "")
    assert f"{len(suspects)} proposals carried out" in done.err
    old, new = (Path(name).read_text(encoding="utf-8").splitlines() for name in ("ten.conll", "new.conll"))
    places = {line for each in suspects for line in range(each["line"], each["end_line"] + 1)}
    changed = {number for number, pair in enumerate(zip(old, new, strict=True), 1) if pair[0] != pair[1]}
    assert changed
    assert changed <= places

    again = run("review", "new.conll", "--accept", ids, "-o", "newer.conll")
    assert again.code == 1
    assert "is of another corpus, or of another state of this one" in again.err
    assert not Path("newer.conll").exists()

    found = tagger.review("ten.conll", folds=2, workers=1, epochs=1, hidden=5, embedding__word_dim=4)
    assert [each.as_dict("ten.conll") for each in found.suspects] == suspects


def test_the_list_for_people(run, ten_sentences: Path, monkeypatch) -> None:
    loc, org = Span("LOC", 0, 1), Span("ORG", 0, 1)
    doubts = [LabelDoubt(3, 0, 1, (loc,), (org,), 0.1, 0.9), LabelDoubt(0, 0, 2, (), (), 0.2, 0.7)]
    doubts[1] = doubts[1]._replace(gold=(Span("PER", 0, 2),), found=(Span("PER", 0, 1),))
    monkeypatch.setattr("tagger.training.folds.judge_folds", lambda *given, **others: doubts)
    done = run("review", "ten.conll")
    assert done.code == 0
    peru, anna = (find_id(ten_sentences, *each[:3], each.found) for each in doubts)
    assert done.out.splitlines() == [
        f"0.9000  ten.conll:23  Peru: LOC -> ORG  {peru}",
        "        [[Peru]] Brazil and Chile signed .",
        f"0.7778  ten.conll:3-4  Anna Keller: PER -> [Anna]PER Keller  {anna}",
        "        [[Anna Keller]] flew to New York .",
        "2 suspects among 14 spans in 10 sentences",
    ]
    limited = run("review", "ten.conll", "--limit", "1", "-q").out.splitlines()
    assert limited[:2] == done.out.splitlines()[:2]
    assert limited[2].endswith("the surest 1 are listed (--limit 0: all)")


def test_ids_come_from_the_command_line_a_file_or_a_pipe(run, ten_sentences, anna, monkeypatch) -> None:
    Path("a.ids").write_text(f"# a remark\n{anna}  # line 3: Anna Keller\n\n", encoding="utf-8")
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(f"{anna}\n{anna}".encode())))
    )
    old = ten_sentences.read_bytes()
    for number, ids in enumerate((anna, f"{anna}, {anna}", "@a.ids", "-")):
        done = run("review", "ten.conll", "--accept", ids, "-o", f"{number}.conll")
        assert done.code == 0, done.err
        assert "1 proposal carried out, 1 sentence changed" in done.err
        expected = old.replace(b"Anna B-PER\nKeller I-PER", b"Anna B-LOC\nKeller I-LOC")
        assert Path(f"{number}.conll").read_bytes() == expected != old


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--accept", "{id}"), 2, "--accept and --output go together"),
        (("-o", "b.conll"), 2, "--accept and --output go together"),
        (("--accept", "{id}", "-o", "b.conll", "--json"), 2, "nothing is reviewed"),
        (("--accept", " , ", "-o", "b.conll"), 2, "found no id in"),
        (("--accept", "@missing", "-o", "b.conll"), 1, "missing"),
        (("--accept", "17", "-o", "b.conll"), 1, "found '17', expected an id as `tagger review` prints it"),
        (("--accept", "{id}0", "-o", "b.conll"), 1, "expected an id"),
        (("--accept", "{id}", "-o", "ten.conll"), 1, "is also read"),
        (("--accept", "{id}", "-o", "b.conll", "--scheme", "IOB1"), 1, "or it is read with other options"),
        (("--folds", "1"), 2, "greater than or equal to 2"),
        (("--folds", "99"), 1, "folds: found 99, but the corpus has 10 distinct sentences"),
        (("--report", "ten.conll"), 1, "is also read"),
    ],
)
def test_mistakes(run, ten_sentences, anna, arguments, code, message) -> None:
    done = run("review", "ten.conll", *(each.replace("{id}", anna) for each in arguments))
    assert done.code == code
    words = " ".join(done.err.replace("│", " ").split())
    assert message in words, words
    assert "Traceback" not in done.err
    assert not Path("b.conll").exists()
