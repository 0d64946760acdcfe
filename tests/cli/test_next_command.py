"""`tagger next`, end to end on toy models: what is chosen, what is left out, and what other commands make of it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from toy_models import make_model, make_word_model, random_sentences

import tagger
from tagger.runtime import directory as files
from tagger.runtime.questions import Doubt
from tagger.runtime.tagger import load_tagger

FORMATS = ("jsonl", "conll", "conllu", "doccano", "labelstudio", "prodigy", "brat")


@pytest.fixture
def toy(run):
    """A model and a pool of 60 random sentences, a sentence a line."""
    files.prepare_directory(Path("m"))
    files.save_model(Path("m"), make_model())
    lines = [" ".join(each) for each in random_sentences(60)]
    Path("pool.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return lambda *arguments: run("next", "m", *arguments, "--input-format", "tokens")


def read_lines(done):
    assert done.code == 0, done
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.mark.parametrize("criterion", ["errors", "entropy"])
def test_the_most_doubtful_for_its_cost_comes_first(toy, criterion):
    found = read_lines(toy("pool.txt", "-n", "5", "--criterion", criterion))
    sentences = [line.split() for line in Path("pool.txt").read_text(encoding="utf-8").splitlines()]
    labelled = load_tagger("m").predict_tokens(sentences, doubt=Doubt(criterion))
    scores = [sum(each.doubts) / (1 + len(each.doubts) / 50) for each in labelled]
    best = max(range(len(scores)), key=scores.__getitem__)
    assert found[0]["text"] == " ".join(sentences[best])
    assert found[0]["facts"]["score"] == pytest.approx(scores[best], abs=1e-5)
    assert found[0]["facts"]["doubt"] == pytest.approx(sum(labelled[best].doubts), abs=1e-5)
    assert [each["facts"]["rank"] for each in found] == [1, 2, 3, 4, 5]
    values = [each["facts"]["score"] for each in found]
    assert values == sorted(values, reverse=True)
    assert [tag for *_, tag in found[0]["tokens"]] == labelled[best].tags
    assert set(found[0]["facts"]["reasons"]) <= set(sentences[best])


def test_what_is_printed_and_said(toy):
    done = toy("pool.txt", "-n", "3", "-o", "chosen.jsonl")
    assert (done.code, done.out) == (0, "")
    assert "3 sentences (" in done.err
    said, advice = done.err.splitlines()[-2:]
    assert said.endswith("-> chosen.jsonl")
    assert advice == "next: correct the labels in chosen.jsonl, and train with them added to the corpus"
    assert toy("pool.txt", "-n", "3", "-o", "chosen.jsonl", "--quiet").err == ""


def test_several_processes_choose_the_same(toy):
    one = toy("pool.txt", "-n", "9", "--workers", "1").out
    assert toy("pool.txt", "-n", "9", "--workers", "2").out == one


@pytest.mark.parametrize("format", FORMATS)
def test_what_was_chosen_is_read_back_and_left_out_next_time(toy, run, format):
    output = "chosen" if format == "brat" else f"chosen.{'json' if format == 'labelstudio' else format}"
    chosen = toy("pool.txt", "-n", "20", "--format", format, "-o", output)
    assert chosen.code == 0, chosen
    whole = ("--lines", "--tokens", "blanks") if format in ("doccano", "labelstudio", "brat") else ()
    if format == "labelstudio":
        whole += ("--unlabelled", "O")  # what a model says is a prediction, and nobody's label
    back = run("convert", output, "back.conll", "--input-format", format, "--to", "IOB2", *whole)
    assert back.code == 0, back
    sentences = tagger.read_corpus("back.conll").sentences
    assert len(sentences) == 20
    assert {each.document for each in sentences} == set(range(20))
    for labelled in ("back.conll", output):  # as other commands have it, and as it was written
        left = toy("pool.txt", "-n", "100", "--exclude", labelled)
        texts = {json.loads(line)["text"] for line in left.out.splitlines()}
        assert len(texts) == 40
        assert not texts & {" ".join(each.tokens) for each in sentences}
        assert "40 sentences (" in left.err
        assert "of 60, without 20 sentences labelled already" in left.err
        assert "100 sentences were wanted, and the pool has no more" in left.err


@pytest.mark.parametrize(
    ("format", "output", "given_back"),
    [
        ("doccano", "chosen.jsonl", "EXPORT.jsonl"),
        ("labelstudio", "chosen.json", "EXPORT.json"),
        ("prodigy", "chosen.jsonl", "EXPORT.jsonl"),
        ("brat", "chosen", "chosen"),
    ],
)
def test_the_advised_command_makes_rows_of_what_a_tool_gives_back(toy, run, format, output, given_back):
    done = toy("pool.txt", "-n", "9", "--input-format", "tokens", "--format", format, "-o", output)
    advice = done.err.splitlines()[-1]
    assert advice.startswith(
        f"next: correct {output} in its tool; tagger convert {given_back} LABELLED.conll"
    )
    words = shlex.split(advice.partition("; tagger ")[2].partition(" makes rows")[0])
    settled = ("--unlabelled", "O") if format == "labelstudio" else ()  # nobody has corrected it
    back = run(*(output if word == given_back else word for word in words), *settled)
    assert back.code == 0, back
    pool = {tuple(line.split()) for line in Path("pool.txt").read_text(encoding="utf-8").splitlines()}
    found = [each.tokens for each in tagger.read_corpus("LABELLED.conll").sentences]
    assert len(found) == 9
    assert set(found) <= pool


def test_running_text_is_cut_as_running_text(toy, run):
    Path("text.txt").write_text("Ada met Li, they say. It rained.", encoding="utf-8")
    done = run("next", "m", "text.txt", "-n", "2", "--format", "doccano", "-o", "chosen.jsonl")
    assert "; tagger convert EXPORT.jsonl LABELLED.conll makes rows of it" in done.err


def test_a_random_choice_has_a_seed_and_no_reason(toy):
    first, again, other = (
        read_lines(toy("pool.txt", "-n", "8", "--criterion", "random", "--seed", seed)) for seed in "112"
    )
    assert first == again != other
    assert first[0]["facts"] == {"rank": 1}


def test_json_is_what_python_returns(toy, run):
    facts = json.loads(toy("pool.txt", "-n", "4", "--json", "--quiet").out)
    text = Path("pool.txt").read_text(encoding="utf-8")
    assert len(facts["chosen"]) == 4
    for each in facts["chosen"]:
        assert text[each["start"] : each["end"]] == each["text"]
    text = "Ada met Li in New York. The mayor of Paris spoke! Trade on 3 May, 2019? Quito and Paris met."
    Path("text.txt").write_text(text, encoding="utf-8")
    found = tagger.choose_sentences("m", text, 4)
    again = json.loads(run("next", "m", "text.txt", "-n", "4", "--json").out)
    assert found.as_dict()["chosen"] == [{**each, "doc": "0"} for each in again["chosen"]]
    assert repr(found) == "<Selection of 4 of 4 sentences by errors>"
    other = tagger.choose_sentences("m", text, 4, exclude=[found.chosen[0].sentence.text.split()])
    assert (other.labelled, other.chosen[0].sentence) == (1, found.chosen[1].sentence)
    both = toy("pool.txt", "-n", "4", "--json", "--format", "conll", "-o", "x.conll")
    assert json.loads(both.out) == facts
    assert Path("x.conll").read_text(encoding="utf-8").startswith("# rank = 1\n# score = ")


def test_a_model_that_cuts_words_writes_lines_of_them(run):
    files.prepare_directory(Path("w"))
    files.save_model(Path("w"), make_word_model())
    Path("pool.txt").write_text("所有人生而自由\n在尊严和权利上\n一律平等\n", encoding="utf-8")
    done = run("next", "w", "pool.txt", "-n", "2", "--input-format", "lines")
    assert done.code == 0, done
    assert len(done.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.txt",), "none.txt"),
        (("empty.txt",), "the pool: found no sentence, expected some to choose from"),
        (("pool.txt", "--exclude", "none.conll"), "none.conll"),
        (("pool.txt", "-o", "pool.txt"), "pool.txt"),
    ],
)
def test_faults(toy, arguments, said):
    Path("empty.txt").write_text("\n", encoding="utf-8")
    assert said in toy(*arguments).error


@pytest.mark.parametrize(
    "arguments",
    [
        ("pool.txt", "-n", "0"),
        ("pool.txt", "--criterion", "doubt"),
        ("pool.txt", "--json", "--format", "conll"),
        ("-", "--exclude", "-"),
    ],
)
def test_wrong_usage(toy, arguments):
    assert toy(*arguments).code == 2


def test_a_file_that_cannot_be_read_among_others(toy):
    done = toy("pool.txt", "none.txt", "-n", "3")
    assert done.code == 1
    assert len(done.out.splitlines()) == 3
    assert "none.txt" in done.err


def test_all_labelled_already(toy):
    rows = Path("pool.txt").read_text(encoding="utf-8").replace("\n", "\n\n").replace(" ", "\n")
    Path("all.conll").write_text(rows.replace("\n", " O\n").replace("\n O\n", "\n\n"), encoding="utf-8")
    done = toy("pool.txt", "--exclude", "all.conll")
    assert (done.code, done.out) == (0, "")
    assert "the pool has no more" in done.err


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
@pytest.mark.parametrize("moment", ["goes through the pool", "has written all but the name"])
def test_a_kill_midway_leaves_the_file_of_before_and_the_next_run_writes_it_whole(toy, moment):
    assert toy("pool.txt", "-n", "5", "-o", "whole.jsonl").code == 0
    Path("chosen.jsonl").write_text("of before", encoding="utf-8")
    place = {
        "goes through the pool": "tagger.api.selection.Shortlist.add",
        "has written all but the name": "os.replace",
    }[moment]
    script = (
        "import os, pkgutil, signal, sys\n"
        "def die(*given, **options):\n"
        "    if 'os.replace' not in place or 'chosen.jsonl' in str(given[1]): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"place = {place!r}\n"
        "owner, _, name = place.rpartition('.')\n"
        "setattr(pkgutil.resolve_name(owner), name, die)\n"
        "from tagger.__main__ import main\n"
        "main()"
    )
    words = ["next", "m", "pool.txt", "-n", "5", "-o", "chosen.jsonl", "--input-format", "tokens"]
    environment = os.environ | {"PYTHONPATH": str(Path(tagger.__file__).parents[1])}
    killed = subprocess.run([sys.executable, "-c", script, *words], env=environment, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert Path("chosen.jsonl").read_text(encoding="utf-8") == "of before"
    assert toy("pool.txt", "-n", "5", "-o", "chosen.jsonl").code == 0
    assert Path("chosen.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()
