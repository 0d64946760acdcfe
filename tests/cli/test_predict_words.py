"""`tagger predict` with models that cut words or tag them: forms in and out, line by line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy_models import make_model, make_word_model

from tagger.runtime import directory as files

TEXT = "\n我爱  北京。他来了New York。\r\n\r\n　第二行　全角\t制表\n👩‍👩‍👧好\n\n\n"


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, str]:
    made = {
        "words": make_word_model(),
        "joint": make_word_model("NN", "VV"),
        "pos": make_model("BARE"),
        "names": make_model(),
    }
    found = {}
    for name, model in made.items():
        directory = tmp_path_factory.mktemp(name)
        files.save_model(directory, model)
        found[name] = str(directory)
    return found


@pytest.fixture
def predict(run, models):
    def command(model: str, *arguments: str, **inputs: str):
        for name, content in inputs.items():
            Path(name).write_text(content, encoding="utf-8", newline="")
        return run("predict", models[model], *arguments)

    return command


def find_words(lines: str) -> list[str]:
    """Return the words of sentences in JSON; the toy model may draw some across blanks, which end words."""
    return [
        word
        for line in lines.splitlines()
        for span in json.loads(line)["spans"]
        for word in span["text"].split()
    ]


@pytest.mark.parametrize("model", ["words", "joint"])
def test_lines_stay_lines_and_words_are_those_of_jsonl(predict, model):
    done = predict(model, "x", x=TEXT)
    assert (done.code, done.err) == (0, "")
    words = find_words(predict(model, "x", "--format", "jsonl").out)
    assert predict(model, "x", "--format", "segmented").out.split() == words
    assert [item.rpartition("/")[0] or item for item in done.out.split()] == words
    assert done.out.count("\n") == TEXT.count("\n")
    bare = done.out.replace("/NN", "").replace("/VV", "")
    for line, other in zip(TEXT.split("\n"), bare.split("\n"), strict=True):
        assert "".join(line.split()) == "".join(other.split())
    assert predict(model, "x", "--workers", "2").out == done.out
    predict(model, "x", "-o", "out")
    assert Path("out").read_bytes().decode() == done.out


def test_the_form_of_input_is_told_by_looking(predict):
    tagged = "Ada/NOUN met/VERB\n\nLi/NOUN ./NOUN\n"
    done = predict("pos", "x", "--format", "segmented", x=tagged)
    assert done.out == "Ada met\n\nLi .\n"
    assert "x: read as words with tags, which are left out (wordpos)" in done.err
    done = predict("words", "x", x="我/PN 爱/VV 他/PN 我/PN 爱/VV 他/PN 我/PN 爱/VV\n")
    assert done.out.replace(" ", "") == "我爱他我爱他我爱\n"
    assert len(done.out.split()) >= 8
    done = predict("pos", "x", "--format", "segmented", "--input-format", "segmented", x="a　b c\n")
    assert done.out == "a　b c\n"


def test_blanks_of_segmented_text_are_told_of(predict):
    done = predict("words", "x", x="我爱 他\n他们 也 爱 我\n" * 10)
    assert "x: segmented text, as it seems, whose blanks stay ends of words" in done.err
    assert predict("words", "x", x="我爱他，他们也爱我。 他来 了\n").err == ""


def test_words_across_blanks_are_told_of(predict):
    done = predict("words", "x", "--words-across-blanks", x="我爱 他")
    assert "a word with blanks inside is written as several" in done.err
    assert predict("words", "x", "--words-across-blanks", "--format", "jsonl").err == ""


def test_tokens_that_are_given_are_no_text_with_blanks(predict):
    text = "我爱他我爱他我爱"
    words = predict("words", "x", "--input-format", "lines", x=text + "\n").out.split()
    characters = "".join(f"{character}\tS\n" for character in text)
    found = predict("words", "y.conll", "--format", "conll", **{"y.conll": characters}).out.split()
    assert found[::2] == list(text)
    assert [tag for tag in found[1::2] if tag in "BS"] == ["S" if len(word) == 1 else "B" for word in words]
    assert predict("words", "y.conll").out.split() == words
    assert predict("words", "z.conll", **{"z.conll": "我爱他\tPN\n我爱他我爱\tVV\n"}).out.split() == words
    tokens = json.dumps({"tokens": list(text)})
    options = ("--format", "segmented", "--input-format", "jsonl")
    assert predict("words", "t", *options, t=tokens).out.split() == words


def test_conllu_is_filled_and_kept(predict):
    multiword = "# sent_id = 1\n1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_\n"
    words = "1\tde\t_\tADP\tX\t_\t2\tx\t_\tA=b\n2\tle\t_\t_\t_\t_\t0\troot\t_\t_\n\n"
    rows = multiword + words
    done = predict("pos", "x", "--format", "conllu", x=rows * 3)
    tags = [tag for line in predict("pos", "x").out.splitlines() for _, _, tag in json.loads(line)["tokens"]]
    found = [line.split("\t") for line in done.out.split("\n")]
    assert [fields[3] for fields in found if fields[0].isdigit()] == tags
    expected = [line.split("\t") for line in (rows * 3).split("\n")]
    for fields, before in zip(found, expected, strict=True):
        if fields[0].isdigit():
            fields[3] = before[3] = ""
    assert found == expected
    done = predict("names", "x", "--format", "conllu", "--output-column", "XPOS")
    assert done.code == 0
    assert predict("pos", "y", "--format", "conllu", y="Ada met.").out.splitlines()[2] == "# text = Ada met."


def test_wrong_usage_is_said(predict):
    done = predict("pos", "x", "--output-column", "XPOS", x="a")
    assert done.code == 2
    assert "only CoNLL-U has such columns" in done.err
    done = predict("words", "x", "--format", "wordpos", x="我")
    assert (done.code, done.err) == (
        1, "error: found words without tags, expected some to write behind them; choose segmented\n",
    )  # fmt: skip
    assert json.loads(predict("words", "x", "--nbest", "2").out)["nbest"]


def test_spans_without_types_have_names(predict):
    done = predict("words", "x", "--format", "jsonl", x="我爱北京")
    assert {span["type"] for span in json.loads(done.out)["spans"]} == {"word"}
    assert "<word>" in predict("words", "x", "--format", "inline").out
    assert "<>" not in predict("words", "x", "--format", "inline").out


def test_an_answer_does_not_wait_for_the_next_line(models):
    command = [sys.executable, "-m", "tagger", "predict", models["words"], "--input-format", "lines"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for line in ("我爱北京\n", "\n", "他来了\n"):
            process.stdin.write(line)
            process.stdin.flush()
            assert process.stdout.readline().replace(" ", "") == line
        process.stdin.close()
        assert process.stdout.read() == ""
