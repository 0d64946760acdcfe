"""Column files of other tools, from the command line: CSV, blanks as tokens, numbers as tags, mixed-up columns."""

from __future__ import annotations

import json

import pytest
from commands import TINY

KLUE = "## t-{0}\t<이:PS> 감독\n이\tB-PS\n \tO\n감\tO\n독\tO\n\n"
CSV = "Sentence #,Word,POS,Tag\n" + "".join(
    f'Sentence: {number},Ada,NNP,B-per\n,",",",",O\n,left,VBD,O\n' for number in range(8)
)


@pytest.fixture
def corpus(tmp_path):
    def write(name: str, text: str, encoding: str = "utf-8") -> str:
        (tmp_path / name).write_text(text, encoding=encoding, newline="")
        return name

    return write


def test_csv_is_trained_on_evaluated_and_scored(run, corpus):
    name = corpus("kaggle.csv", CSV)
    said = "token is Word, tag Tag"
    done = run("train", name, "--dev", name, "-o", "m", *TINY)
    assert done.code == 0 and said in done.err
    done = run("evaluate", "m", name, "--json")
    assert done.code == 0 and json.loads(done.out)["tokens"] == 24 and said in done.err
    done = run("score", name, corpus("other.csv", CSV.replace("B-per", "O", 4)), "--json")
    assert json.loads(done.out)["micro"]["recall"] == 0.5


def test_blanks_as_tokens_are_kept_from_training_on(run, corpus):
    name = corpus("klue.tsv", "".join(KLUE.format(number) for number in range(8)))
    assert "klue.tsv:3: found an empty token" in run("train", name, "-o", "m", *TINY).error
    assert run("check", name).code == 1
    assert "--blank-tokens keep or skip reads such rows" in run("check", name).out
    done = run("train", name, "--dev", name, "-o", "m", "--blank-tokens", "keep", *TINY)
    assert done.code == 0 and "8 lines with a blank as token, kept (first: line 3)" in done.err
    assert json.loads(run("evaluate", "m", name, "--json").out)["tokens"] == 32
    assert json.loads(run("evaluate", "m", name, "--json", "--blank-tokens", "skip").out)["tokens"] == 24
    assert json.loads(run("check", name, "--json", "--blank-tokens", "skip").out)["files"][0]["tokens"] == 24


def test_skipped_blanks_are_not_written(run, corpus):
    name = corpus("klue.tsv", KLUE.format(1))
    assert run("convert", name, "-", "--input-format", "conll", "--blank-tokens", "skip").out == (
        "# t-1 <이:PS> 감독\n이\tB-PS\n감\tO\n독\tO\n\n"
    )
    done = run("convert", name, "o.conll", "--blank-tokens", "keep", "--to", "BIOES")
    assert done.code == 0


def test_numbers_get_names(run, corpus):
    name = corpus("x.conll", "Ada\t1\nLi\t2\nmet\t0\n")
    done = run("convert", name, "-", "--tag-names", "O,B-PER,I-PER", "--to", "BIOES")
    assert done.out == "Ada\tB-PER\nLi\tE-PER\nmet\tO\n"
    assert "x.conll:2: found tag '2', expected a number below 2" in (
        run("convert", name, "-", "--tag-names", "O,B-PER").error
    )
    done = run("check", name)
    assert done.code == 0 and "--tag-names O,B-PER,..." in done.out
    assert "IOB2" in run("check", name, "--tag-names", "O,B-PER,I-PER").out
    for names in ("O,,B-PER", "", "O,B PER", "O,B\tPER"):  # the row of such a tag could not be read again
        done = run("convert", name, "-", "--tag-names", names)
        assert done.code == 2 and not done.out and "found the tag" in done.err


def test_training_on_mixed_up_columns_warns_with_the_options_to_say(run, corpus):
    name = corpus("mit.bio", "B-ACTOR\tsteve\nI-ACTOR\tmcqueen\nO\tplayed\n\n" * 4)
    done = run("train", name, "--dev", name, "-o", "m", *TINY)
    assert "warning: mit.bio: the tokens in column 0 are tags such as 'B-ACTOR'" in done.err
    assert "say --token-column 1 --tag-column 0 if tags come first (line 1)" in done.err
    assert run("check", name).code == 1
    assert run("check", name, "--token-column", "1", "--tag-column", "0").code == 0


@pytest.mark.parametrize("command", ["check", "train", "convert", "predict", "pretrain", "evaluate", "score"])
@pytest.mark.parametrize("name", ["base64", "rot13", "zlib", "punycode", "undefined", "idna", "utf-99"])
def test_a_codec_that_is_none_of_text_is_a_wrong_value(run, command, name):
    done = run(command, "a", "b", "--encoding", name)
    assert done.code == 2
    assert "Traceback" not in done.err and f"found '{name}'" in " ".join(done.err.split())


def test_utf_16_is_told_by_its_mark(run, corpus):
    name = corpus("x.conll", "Ada\tB-PER\n", "utf-16")
    assert run("check", name).code == 0
    assert run("convert", name, "-", "--to", "BIOES").out == "Ada\tS-PER\n"
    assert "x.conll:1: is not valid utf-16: UTF-16 stream does not start with BOM" in (
        run("convert", corpus("x.conll", "Ada\tB-PER\n"), "-", "--encoding", "utf-16").error
    )
