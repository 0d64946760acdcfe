"""`tagger distill`, `tagger train --distill`: what they say and print, mistakes, stopping and going on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from commands import TINY, Run

import tagger
from tagger.cli.progress import TrainingProgress
from tagger.runtime import directory as files
from tagger.runtime.wordclusters import WordClusters
from tagger.training.output import LABELS, TEACHERS

TEXT = "Anna flew to New York .\nLake Geneva froze over in May .\nA cold night .\n" * 5


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A folder for the teachers, which the first test trains and the others copy."""
    return tmp_path_factory.mktemp("teachers")


@pytest.fixture
def distill(run, ten_sentences, kept) -> Run:
    """Distil two teachers of ten sentences on fifteen lines of text."""
    for seed in ("1", "2"):
        name = f"t{seed}"
        if (kept / name).exists():
            shutil.copytree(kept / name, name)
        else:
            options = ("--dev", "ten.conll", "--seed", seed, *TINY)
            assert run("train", "ten.conll", "-o", name, *options).code == 0
            shutil.copytree(name, kept / name)
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    teachers = ("--teacher", "t1", "--teacher", "t2")

    def start(*arguments: str, texts: tuple[str, ...] = ("text.txt",), teachers: tuple[str, ...] = teachers):
        rest = ("--gold", "ten.conll", "--dev", "ten.conll", "-o", "m", "--input-format", "lines")
        return run("distill", *texts, *teachers, *rest, *TINY, *arguments)

    return start


def test_it_says_what_was_labelled_and_what_the_student_is_worth(distill):
    done = distill("--test", "ten.conll")
    assert done.code == 0
    assert "15 sentences, 85 tokens of text labelled by 2 teachers" in done.err
    assert "dev, epoch " in done.out
    assert "model written to m" in done.err
    assert files.load_model("m").types
    assert Path("m", LABELS).iterdir().__next__().name == "index.json"  # the labels themselves are gone


def test_json_says_how_much_was_labelled(distill, run):
    facts = json.loads(distill("--json", "--set", "distillation.min_tokens=5").out)
    assert facts["taught"] == {"sentences": 10, "tokens": 65, "left_out": 5, "agreement": None}
    assert facts["headline"]["part"] == "dev"
    assert json.loads(run("train", "ten.conll", "-o", "n", *TINY, "--json").out)["taught"] is None


def test_a_stopped_one_goes_on(distill, monkeypatch):
    assert distill().code == 0
    expected = Path("m", files.WEIGHTS).read_bytes()
    assert distill().error.startswith("m: holds a finished model")

    def interrupt(self, fact) -> None:
        raise KeyboardInterrupt

    for moment in ("teach", "step"):
        with monkeypatch.context() as patch:
            patch.setattr(TrainingProgress, moment, interrupt)
            assert distill("--overwrite").code == 130
        done = distill("--resume", "--overwrite")
        assert (done.code, "warning" in done.err) == (0, False)
        assert Path("m", files.WEIGHTS).read_bytes() == expected
    assert "m is finished already" in distill("--resume").err


def test_mistakes_are_one_line(distill, run):
    assert distill(texts=("none.txt",)).error.startswith("none.txt: cannot be read")
    assert distill(texts=("-",)).error.startswith("<stdin>: can be read only once")
    assert distill(teachers=("--teacher", "nowhere")).error.startswith("nowhere: ")
    Path("other.conll").write_text("Rome B-GPE\nfell O\n\n" * 4, encoding="utf-8")
    run("train", "other.conll", "-o", "t3", *TINY)
    assert distill(teachers=("--teacher", "t1", "--teacher", "t3")).error == (
        "--teacher: t3 finds GPE (IOB2), the gold corpus has LOC, ORG, PER (IOB2); expected teachers of the same "
        "types, trained on a corpus such as this"
    )
    Path("empty.txt").write_text("", encoding="utf-8")
    assert "found nothing to learn from" in distill(texts=("empty.txt",)).error
    assert not Path("m", files.WEIGHTS).exists()


def test_seeds_teach_a_student(train):
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    options = ("--dev", "ten.conll", "--seeds", "2", "--distill", "text.txt", "--input-format", "lines")
    done = train(*options)
    assert done.code == 0
    assert "15 sentences, 85 tokens of text labelled by 2 teachers" in done.err
    seeds = [Path("m", TEACHERS, f"seed-{seed}") for seed in (1, 2)]
    assert [files.load_model(each).config.seed for each in seeds] == [1, 2]
    before = Path("m", files.WEIGHTS).read_bytes()
    again = train(*options, "--resume")
    assert (again.code, "m is finished already" in again.err) == (0, True)
    assert Path("m", files.WEIGHTS).read_bytes() == before
    assert train(*options).error.startswith("m: holds a finished model")


@pytest.mark.slow
def test_the_library_does_the_same(distill):
    assert distill().code == 0
    tiny = {
        "epochs": 2,
        "hidden": 5,
        "workers": 1,
        "batch_sentences": 4,
        "word_dim": 4,
        "character_filters": 4,
    }
    result = tagger.distill(
        texts=["text.txt"],
        teachers=["t1", "t2"],
        gold="ten.conll",
        dev="ten.conll",
        output="n",
        input_format="lines",
        affix_dim=4,
        shape_dim=4,
        embedding__word_dim=4,
        **{name: value for name, value in tiny.items() if name != "word_dim"},
    )
    assert result.taught.as_dict() == {"sentences": 15, "tokens": 85, "left_out": 0, "agreement": None}
    assert Path("n", files.WEIGHTS).read_bytes() == Path("m", files.WEIGHTS).read_bytes()
    both = tagger.distill(
        texts=["text.txt"], teachers=2, gold="ten.conll", output="p", input_format="lines", epochs=1, hidden=4
    )
    assert both.directory == Path("p")
    with pytest.raises(tagger.ConfigError, match=r"teachers: found .*, expected a list of paths"):
        tagger.distill(texts=["text.txt"], teachers="t1", gold="ten.conll", output="q")


def test_labels_from_elsewhere_are_learnt_from_and_compared(distill):
    spans = [
        {"start": 0, "end": 4, "label": "PER", "score": 0.9},
        {"start": 13, "end": 21, "label": "LOC", "score": 0.2},
    ]
    record = {"text": "Anna flew to New York .", "entities": spans}
    Path("silver.jsonl").write_text((json.dumps(record) + "\n") * 3, encoding="utf-8")
    done = distill("--silver", "silver.jsonl", texts=())
    assert done.code == 0
    assert "3 sentences, 18 tokens of text labelled by 2 teachers" in done.err
    assert "labels from elsewhere, and the teachers" in done.err
    facts = json.loads(distill("--silver", "silver.jsonl", "--overwrite", "--json").out)["taught"]
    assert facts["sentences"] == 18
    assert facts["agreement"]["types"]["PER"]["silver"] == 3
    assert facts["agreement"]["types"].get("LOC", {"silver": 0})["silver"] == 0  # its score is too low
    alone = distill("--silver", "silver.jsonl", "--overwrite", texts=(), teachers=())
    assert (alone.code, "with labels from elsewhere" in alone.err) == (0, True)
    assert distill("--overwrite", texts=()).error.startswith("TEXT: found none, expected a file of raw text")
    assert distill("--overwrite", teachers=()).error.startswith(
        "--teacher: found none, expected the directory"
    )


@pytest.mark.slow
def test_a_student_begins_with_what_a_training_begins_with(distill, train, run):
    Path("text.txt").write_text(TEXT, encoding="utf-8")
    pretrain = ("pretrain", "text.txt", "--input-format", "tokens")
    assert run(*pretrain, "--target", "clusters", "-o", "words", "--classes", "4").code == 0
    sizes = ("--hidden", "5", "--set", "embedding.word_dim=4", "--set", "embedding.character_filters=4")
    sizes += ("--set", "embedding.affix_dim=4", "--set", "embedding.shape_dim=4", "--epochs", "1")
    assert run(*pretrain, "--target", "encoder", "-o", "encoder", *sizes, "--held-out", "0.2").code == 0
    tried = "the encoder was tried: after 1 epoch dev is at "
    given = ("--clusters", "words", "--init-encoder", "encoder", "--epochs", "4")
    done = distill(*given)
    assert (done.code, tried in done.err) == (0, True), done.err
    assert [tree.name for tree in files.load_model("m").lexicon.of(WordClusters).trees] == ["words"]
    together = train(*given, "--seeds", "2", "--distill", "text.txt", "--input-format", "lines", "-o", "n")
    assert (together.code, together.err.count(tried)) == (0, 1), "one trial, for the teachers and the student"
    assert files.load_model(Path("n", TEACHERS, "seed-2")).lexicon.of(WordClusters).trees
    assert distill("--vectors", "v.txt", "--init-encoder", "encoder", "--overwrite").code == 2


def test_several_processes_of_a_launcher_are_refused(distill, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        tagger.ConfigError, match="distill: found 2 processes, as torchrun starts them; a student"
    ):
        tagger.distill(texts=["text.txt"], teachers=["t1"], gold="ten.conll", output="m")
    assert not Path("m").exists()


def test_without_gold_the_labels_from_elsewhere_are_all_there_is(train, run):
    spans = [
        {"start": 0, "end": 4, "label": "PER", "score": 0.9},
        {"start": 13, "end": 21, "label": "LOC", "score": 0.8},
    ]
    record = {"text": "Anna flew to New York .", "entities": spans}
    Path("silver.jsonl").write_text((json.dumps(record) + "\n") * 20, encoding="utf-8")
    facts = json.loads(run("distill", "--silver", "silver.jsonl", "-o", "m", *TINY, "--json").out)
    assert facts["taught"]["sentences"] == 18  # a tenth is held out
    assert facts["dev"]["tokens"] == 12
    assert files.load_model("m").types == ["LOC", "PER"]
    record["entities"].append({"start": 5, "end": 9, "label": "VERB", "score": 0.1})
    Path("more.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    both = ("--silver", "silver.jsonl", "--silver", "more.jsonl", "--dev", "ten.conll")
    done = run("distill", *both, "-o", "n", *TINY)
    assert done.code == 0
    assert "of which no span has score enough (--min-score)" in " ".join(done.err.split())
    assert files.load_model("n").types == ["LOC", "PER"]  # nobody is sure of a verb
    chinese = {"text": "他住在北京", "spans": [{"start": 3, "end": 5, "label": "LOC"}]}
    Path("zh.jsonl").write_text((json.dumps(chinese) + "\n") * 9, encoding="utf-8")
    assert run("distill", "--silver", "zh.jsonl", "-o", "zh", *TINY).code == 0
    assert files.load_model("zh").config.corpus.mode == "characters"
    assert run("distill", "text.txt", "--teacher", "m", "-o", "o").error.startswith("--gold: found none")
    record["entities"] = [*spans, {"start": 11, "end": 12, "label": "LOC"}]
    Path("dev.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    done = run("distill", *both[:2], "--dev", "dev.jsonl", "--test", "dev.jsonl", "-o", "o", *TINY)
    assert done.code == 0
