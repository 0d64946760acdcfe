"""Corpora whose tags have no prefixes, from end to end: types in runs (IO), labels among which `O` and `?` are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import TINY, Done, Run

from tagger.text.conll import read_corpus
from tagger.text.schemes import Scheme, tags_to_spans

TWEETS = """\
ikr !
smh G
he O
asked V
fir P
yo D
last A
name N
so P
he O
can V
add V
u O
. ,

it O
was V
fun A
! ,

they O
sing V
. ,
"""


@pytest.fixture
def io_corpus(ten_sentences) -> Path:
    """The ten sentences in IO: the two countries that touch are one span."""
    text = ten_sentences.read_text().replace(" B-", " ").replace(" I-", " ")
    path = ten_sentences.parent / "io.conll"
    path.write_text(text, encoding="utf-8")
    return path


def train(run: Run, *arguments: str) -> Done:
    done = run("train", *arguments[:1], "-o", "m", *TINY, *arguments[1:])
    assert done.code == 0, done.err
    return done


def test_a_model_of_io_finds_runs(run, io_corpus):
    done = train(run, "io.conll", "--dev", "io.conll", "--epochs", "80", "--hidden", "16")
    assert "scheme IO: the tags, such as LOC, PER, ORG, have no prefixes" in " ".join(done.err.split())
    assert ["train", "10", "50", "13"] in [line.split() for line in done.err.splitlines()]
    assert json.loads(run("inspect", "m", "--json").out)["scheme"] == "IO"
    found = run("predict", "m", "io.conll", "--input-format", "conll", "--format", "conll")
    Path("found.conll").write_text(found.out)
    predicted = read_corpus("found.conll", scheme=Scheme.IO)
    spans = [span for each in predicted.sentences for span in tags_to_spans(each.tags, Scheme.IO)]
    assert any(end - start > 1 for _, start, end in spans)
    lines = run("predict", "m", "io.conll", "--input-format", "conll", "--format", "jsonl").out.splitlines()
    assert sum(len(json.loads(line)["spans"]) for line in lines) == len(spans)
    evaluated = json.loads(run("evaluate", "m", "io.conll", "--json").out)
    scored = json.loads(run("score", "io.conll", "found.conll", "--json").out)
    assert evaluated["micro"] == scored["micro"]
    assert evaluated["micro"]["support"] == 13
    assert evaluated["micro"]["f1"] > 0.5


def test_corpora_with_and_without_prefixes_are_compared_by_their_spans(run, io_corpus):
    """In one there are two countries where in the other there is one span."""
    train(run, "io.conll", "--dev", "ten.conll")
    done = run("evaluate", "m", "ten.conll", "--json")
    assert "its tags are IOB2, the model's IO; their spans are compared" in done.err
    assert json.loads(done.out)["micro"]["support"] == 14
    scored = json.loads(run("score", "ten.conll", "io.conll", "--json").out)["types"]
    assert (scored["LOC"]["support"], scored["PER"]["f1"]) == (7, 1.0)
    assert scored["LOC"]["recall"] == 5 / 7
    assert scored["LOC"]["precision"] == 5 / 6


def test_a_model_of_spans_is_scored_on_io(run, io_corpus):
    train(run, "ten.conll", "--dev", "ten.conll")
    done = run("evaluate", "m", "io.conll", "--json")
    assert "its tags are IO, the model's IOB2; their spans are compared" in done.err
    assert json.loads(done.out)["micro"]["support"] == 13


def test_a_small_dev_file_has_the_scheme_of_the_training_corpus(run, io_corpus):
    Path("dev.conll").write_text("Ada X\nsang O\n")
    assert train(run, "io.conll", "--dev", "dev.conll").code == 0
    assert "expected to know whether O is outside" in run("check", "dev.conll").out
    assert "expected to know whether O is outside" not in run("check", "io.conll", "dev.conll").out


def test_training_asks_what_o_is(run):
    Path("a.conll").write_text("Ada X\nsang O\n\nTee Y\nsang O\n")
    assert (
        "a.conll:1: found tags without prefixes, such as X, Y, beside O"
        in run("train", "a.conll", "-o", "m").error
    )
    for scheme in ("IO", "BARE"):
        done = run("train", "a.conll", "-o", scheme, "--set", f"corpus.scheme={scheme}", *TINY)
        assert done.code == 0, done.err
        assert json.loads(run("inspect", scheme, "--json").out)["scheme"] == scheme


def test_o_is_learnt_and_counted_as_a_label_of_its_own(run):
    Path("tweets.conll").write_text(TWEETS)
    done = train(run, "tweets.conll", "--dev", "tweets.conll", "--epochs", "40")
    assert ["train", "3", "21", "21"] in [line.split() for line in done.err.splitlines()]
    facts = json.loads(run("evaluate", "m", "tweets.conll", "--json").out)
    assert facts["types"]["O"]["support"] == 5
    assert facts["micro"]["support"] == facts["tokens"] == 21
    assert facts["micro"]["f1"] == pytest.approx(facts["token_accuracy"])
    assert facts["types"]["O"]["f1"] > 0.5
    found = run("predict", "m", "tweets.conll", "--input-format", "conll", "--format", "conll").out
    assert "he\tO\n" in found
    page = run("evaluate", "m", "tweets.conll", "--report", "page.html")
    assert page.code == 0, page.err


def test_a_label_that_is_a_question_mark_is_refused_before_anything_is_learnt(run):
    Path("pos.conll").write_text("Quem PRO\nvem V\n? ?\n\nEla PRO\nvem V\n. .\n")
    expected = (
        "pos.conll:3: found 1 of 1 tokens tagged ? that are question marks, expected another label for them"
    )
    assert expected in run("train", "pos.conll", "-o", "m", *TINY).error
    assert not Path("m").exists()
    assert expected in run("score", "pos.conll", "pos.conll").error
    assert run("convert", "pos.conll", "new.conll", "--rename", "?=QUESTION").code == 0
    train(run, "new.conll", "--dev", "new.conll")
    assert json.loads(run("evaluate", "m", "new.conll", "--json").out)["types"]["QUESTION"]["support"] == 1


def test_one_file_with_two_columns_of_io(run):
    Path("both.conll").write_text("Ada X X\nLi X X\nsang O O\nin O O\nRome Y O\nand O O\nhome O O\n")
    scored = json.loads(run("score", "both.conll", "--json").out)
    assert (scored["micro"]["support"], scored["micro"]["recall"], scored["micro"]["precision"]) == (
        2,
        0.5,
        1.0,
    )


def test_brackets_with_one_that_can_not_be_read_are_refused_where_types_are_asked_for(run, tmp_path):
    (tmp_path / "x.conll").write_text("Ann (A0*\nLee *)\nis (V*V)\n\n")
    for scheme in ("auto", "IO"):
        asked = () if scheme == "auto" else ("--scheme", scheme)
        done = run("convert", "x.conll", "-", "--to", "IOB2", *asked)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith(
            "error: x.conll:3: tags such as '(V*V)' are brackets (CoNLL-2005, CoNLL-2012)"
        )


def test_why_types_of_names_are_spans_is_said(run, tmp_path):
    (tmp_path / "x.conll").write_text("Ann PER\nmet O\nOslo LOC\n\n")
    done = run("convert", "x.conll", "-", "--to", "IOB2")
    assert (done.code, done.out) == (0, "Ann B-PER\nmet O\nOslo B-LOC\n\n")
    assert "1 of 3 tokens are O, and the tags are types of names: a run is a span" in done.err
