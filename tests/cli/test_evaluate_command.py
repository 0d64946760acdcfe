"""`tagger evaluate` end to end: the contract, files that differ from the training corpus, and every fault."""

from __future__ import annotations

import json
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from training_runs import fit

from tagger import cli, config
from tagger.cli.messages import list_counts
from tagger.config import Config
from tagger.runtime import directory as files
from tagger.runtime.evaluation import label_sentences
from tagger.runtime.tagger import Tagger
from tagger.scoring import score
from tagger.text.conll import read_corpus
from tagger.text.schemes import Scheme, convert
from tagger.training.data import read_corpora

PARTS = {"micro", "macro", "types", "token_accuracy", "sentences", "tokens", "seconds", "tokens_per_second"}
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A model that has learnt a little from the shipped English corpus, and its directory."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("evaluate")
    rows = (ROOT / "data" / "english" / "train.conll").read_text(encoding="utf-8").split("\n\n")[:120]
    (folder / "train.conll").write_text("\n\n".join(rows) + "\n", encoding="utf-8")
    small = {"encoder.hidden": 16, "training.epochs": 3, "training.workers": 1, "training.batch_sentences": 8}
    settings = config.override(Config(), {**small, "training.learning_rate": 0.02})
    path = folder / "train.conll"
    list(fit(read_corpora(path, path, None, settings), folder / "m"))
    return folder


@pytest.fixture
def run(trained, monkeypatch, capsys, tmp_path):
    shutil.copytree(trained, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("COLUMNS", "80")

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tagger", "evaluate", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return (code, *capsys.readouterr())

    return command


def test_names_are_left_out_as_the_model_has_it_or_as_asked(run) -> None:
    model = files.load_model("m")
    found = label_sentences(Tagger(model), read_corpus("train.conll").sentences, min_confidence=0.0)
    confidences = sorted(span.confidence for each in found for span in each.spans)
    # Amid the widest gap: a model holds its least confidence in single precision, which may round it up.
    below, above = max(pairwise(confidences), key=lambda pair: pair[1] - pair[0])
    asked = (below + above) / 2
    counts = [
        facts_of(run, "m", "train.conll", "--min-confidence", least)["calibration"]["count"]
        for least in (0, asked)
    ]
    assert counts == [len(confidences), sum(value >= asked for value in confidences)]
    files.save_model(Path("m"), model.with_fitted(min_confidence=asked))
    assert facts_of(run, "m", "train.conll")["calibration"]["count"] == counts[1]
    code, _, err = run("m", "train.conll", "--min-confidence", "1.5")
    assert code == 2 and "min-confidence" in err


def test_seqeval_speaks_of_the_same_spans(run, monkeypatch) -> None:
    pytest.importorskip("seqeval")
    facts = facts_of(run, "m", "train.conll", "--seqeval")
    for key, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert facts["seqeval"]["micro avg"][theirs] == pytest.approx(facts["micro"][key])
    assert "seqeval's report on the same spans:" in run("m", "train.conll", "--seqeval")[1]
    monkeypatch.setitem(sys.modules, "seqeval", None)
    code, out, err = run("m", "train.conll", "--seqeval")
    assert (code, out) == (1, "")
    assert err.endswith("install it: pip install 'tagger[train]'\n")


def facts_of(run, *arguments: str) -> dict:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def error_of(run, *arguments: str) -> str:
    code, out, err = run(*arguments)
    assert (code, out) == (1, "")
    assert "Traceback" not in err
    (line,) = (line for line in err.splitlines() if line.startswith("error: "))
    return line.removeprefix("error: ")


def rewrite(path: str, row) -> None:
    """Write the training corpus anew, each token as `row(token, tag)` has it."""
    sentences = read_corpus("train.conll").sentences
    blocks = ["\n".join(map(row, each.tokens, each.tags)) for each in sentences]
    Path(path).write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def test_json_holds_what_the_contract_says(run):
    facts = facts_of(run, "m", "train.conll")
    assert set(facts) >= PARTS
    model = files.load_model("m")
    corpus = read_corpus("train.conll")
    tags = [each.tags for each in label_sentences(Tagger(model), corpus.sentences)]
    expected = score([sentence.tags for sentence in corpus.sentences], tags, Scheme.IOB2).as_dict()
    assert {name: facts[name] for name in expected} == json.loads(json.dumps(expected))
    assert facts["micro"]["f1"] > 0.1
    assert facts["seconds"] > 0 < facts["tokens_per_second"]


def test_a_table_for_people(run):
    code, out, err = run("m", "train.conll")
    assert code == 0
    assert err in (
        "",
        "next: --errors 10 lists the most frequent mistakes, --report FILE.html draws them all\n",
    )
    assert run("m", "train.conll", "--quiet")[2] == ""
    assert "precision" in out
    assert "micro" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_a_file_of_another_scheme_is_compared_by_its_spans(run):
    expected = facts_of(run, "m", "train.conll")
    sentences = read_corpus("train.conll").sentences
    blocks = [
        "\n".join(map(" ".join, zip(each.tokens, convert(each.tags, Scheme.IOB2, Scheme.BIOES), strict=True)))
        for each in sentences
    ]
    Path("bioes.conll").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    code, out, err = run("m", "bioes.conll", "--json")
    assert code == 0
    assert "warning: bioes.conll: its tags are BIOES, the model's IOB2; their spans are compared" in err
    for name in ("micro", "macro", "types"):
        assert json.loads(out)[name] == expected[name]
    assert facts_of(run, "m", "bioes.conll", "--scheme", "bioes")["micro"] == expected["micro"]


def test_a_file_with_other_columns(run):
    expected = facts_of(run, "m", "train.conll")
    rewrite("swapped.conll", lambda token, tag: f"x\t{tag}\t{token}")
    found = facts_of(run, "m", "swapped.conll", "--token-column", "2", "--tag-column", "1")
    assert found["micro"] == expected["micro"]
    assert "found tag" in error_of(run, "m", "swapped.conll")


def test_a_file_in_another_encoding(run):
    Path("x.conll").write_bytes("café O\nZoë B-PER\n".encode("latin-1"))
    assert error_of(run, "m", "x.conll").startswith("x.conll:1: ")
    assert facts_of(run, "m", "x.conll", "--encoding", "latin-1")["tokens"] == 2


def test_types_the_model_does_not_know_are_said_and_count_as_missed(run):
    Path("new.conll").write_text("Anna B-PER\nate O\nSushi B-FOOD\n\nTea B-FOOD\n", encoding="utf-8")
    code, out, err = run("m", "new.conll", "--json")
    assert code == 0
    assert "warning: new.conll: types that the model doesn't know, counted as missed: FOOD (2)" in err
    missed = json.loads(out)["types"]["FOOD"]
    assert (missed["support"], missed["recall"]) == (2, 0.0)


def test_words_and_characters_never_seen_are_no_fault(run):
    Path("new.conll").write_text(
        "北京 B-LOC\n\u200b\U0001f600 O\n" + "x" * 100_000 + " O\n", encoding="utf-8"
    )
    assert facts_of(run, "m", "new.conll")["tokens"] == 3


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "bad.conll:1: found no sentence"),
        (b"\n\n \n", "bad.conll:1: found no sentence"),
        (b"a O\nb\n", "bad.conll:2: found 1 column, line 1 has 2"),
        (b"a\n", "bad.conll:1: found 1 column"),
        (b"a O\nb Q-X\n", "bad.conll:2: found tag 'Q-X', expected O, B-TYPE or I-TYPE (IOB2)"),
        (b"a O\nb TREE\n", "bad.conll:2: found tag 'TREE', expected O, B-TYPE or I-TYPE (IOB2)"),
        (b"a O\n\xff O\n", "bad.conll:2: "),
    ],
)
def test_a_bad_file_is_one_line(run, content, expected):
    Path("bad.conll").write_bytes(content)
    assert error_of(run, "m", "bad.conll").startswith(expected)


def test_a_bad_model_is_one_line(run):
    assert error_of(run, "none", "train.conll").startswith(
        "none: does not exist; expected the directory of a labeller, as `tagger train --output DIR` writes"
    )
    assert error_of(run, "train.conll", "train.conll").startswith(
        "train.conll: is a file; expected the directory of a labeller, as `tagger train --output DIR` writes"
    )
    assert error_of(run, "m", "none.conll").startswith("none.conll: ")
    Path("m", files.VOCAB).unlink()
    assert error_of(run, "m", "train.conll").startswith("m/vocab.json: is missing")


def test_wrong_usage_is_exit_code_2(run):
    for arguments in ([], ["m"], ["m", "train.conll", "--nonsense"]):
        code, _, err = run(*arguments)
        assert code == 2
        assert "Usage: " in err


def test_of_many_strange_types_the_most_frequent_are_named() -> None:
    counts = {f"T{number:02}": 1 for number in range(30)} | {"T29": 5}
    said = list_counts(counts)
    assert said.startswith("T29 (5), T00 (1), ")
    assert said.endswith(" and 10 more")
