"""`tagger pretrain`, `tagger generate` and `tagger train --lm` end to end: files in, directories and words out."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from commands import Run

from tagger import cli
from tagger.cli.progress import TrainingProgress
from tagger.runtime.directory import WEIGHTS, load_language_model, load_model
from tagger.runtime.tensors import Array, select_prefixed
from tagger.training import rehearsal
from tagger.training.loop import StepFacts

SMALL = (
    "--hidden", "16", "--projection", "8", "--held-out", "0.1", "--workers", "1",
    "--set", "model.character_filters=4", "--set", "model.character_dim=4",
)  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a text, the language model made of it, and a labelled corpus."""
    folder = tmp_path_factory.mktemp("language")
    draw = random.Random(1)
    verbs, names, places = ("saw", "met"), ("Ada", "Bob", "Eve"), ("Rome", "Oslo")
    text, rows = [], []
    for _ in range(150):
        name, verb, place = draw.choice(names), draw.choice(verbs), draw.choice(places)
        text.append(f"{name} {verb} it in {place} .")
        rows.append(f"{name} B-PER\n{verb} O\nit O\nin O\n{place} B-LOC\n. O\n")
    (folder / "text.txt").write_text("\n".join(text) + "\n", encoding="utf-8")
    (folder / "train.conll").write_text("\n".join(rows[:40]), encoding="utf-8")
    patch = pytest.MonkeyPatch()
    patch.setattr(
        sys, "argv",
        ["tagger", "pretrain", str(folder / "text.txt"), "-o", str(folder / "lm"), "--input-format", "tokens",
         "--epochs", "30", "--learning-rate", "0.02", "--dropout", "0", "--batch-tokens", "256", *SMALL],
    )  # fmt: skip
    cli.main.__globals__["app"](standalone_mode=False)
    patch.undo()
    return folder


def test_pretrain_writes_a_directory(files: Path) -> None:
    assert {path.name for path in (files / "lm").iterdir() if not path.name.startswith(".")} == {
        "README.md", "config.toml", "history.jsonl", "model.safetensors", "scores.json", "training.html",
        "vocab.json",
    }  # fmt: skip
    scores = json.loads((files / "lm" / "scores.json").read_text(encoding="utf-8"))
    # Three names, two verbs and two places are 12 sentences of 7 predictions: at best 12 ** (1 / 7) = 1.43.
    assert 1.4 < scores["perplexity"]["forward"] < 2.0
    assert "tagger train TRAIN --lm DIRECTORY" in (files / "lm" / "README.md").read_text(encoding="utf-8")


def test_pretrain_prints_json_and_replaces_nothing_unasked(files: Path, run: Run, tmp_path: Path) -> None:
    where = ("--output", tmp_path / "lm", "--input-format", "lines")
    arguments = ("pretrain", files / "text.txt", *where, "--epochs", 1)
    code, out, err = run(*arguments, *SMALL, "--json")
    assert code == 0
    facts = {"perplexity", "epochs", "best_epoch", "seconds", "tokens_per_second"}
    assert set(json.loads(out)) == facts | {"schema", "tagger"}
    assert "held out" in err
    before = (tmp_path / "lm" / WEIGHTS).read_bytes()
    code, _, err = run(*arguments, *SMALL)
    assert code == 1
    assert "lm: holds a finished model, expected a directory without one; add --overwrite" in err
    assert "held out" not in err  # nothing was read
    code, again, err = run(*arguments, *SMALL, "--resume", "--json")
    assert code == 0
    assert "lm is finished already, epoch 1 of 1 is kept" in err
    assert json.loads(again)["perplexity"] == json.loads(out)["perplexity"]
    code, _, err = run(*arguments, *SMALL, "--seed", 2, "--resume")
    assert code == 1
    assert "holds a finished model of other settings (seed)" in err
    assert (tmp_path / "lm" / WEIGHTS).read_bytes() == before
    code, _, err = run(*arguments[:-1], 3, *SMALL, "--resume")
    assert code == 0
    assert "1 epoch done before; goes on from the model of epoch 1" in err
    assert len((tmp_path / "lm" / "history.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    assert run(*arguments, *SMALL, "--seed", 2, "--overwrite")[0] == 0
    assert (tmp_path / "lm" / WEIGHTS).read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.txt",), "missing.txt: cannot be read: No such file or directory"),
        (("-",), "<stdin>: can be read only once, and every epoch reads the text; give a file"),
    ],
)
def test_pretrain_says_what_is_wrong(
    files: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(files)
    code, out, err = run("pretrain", *arguments, "--output", tmp_path / "lm")
    assert (code, out) == (1, "")
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--input-format", "html"), "'--input-format': found 'html', expected 'auto', 'text', 'lines'"),
        (("--set", "model.hiden=3"), "for --set: model.hiden: no such setting; did you mean model.hidden?"),
        (("--encoding", "klingon"), "'--encoding': found 'klingon', expected a text encoding"),
        (("--target", "encoder", "--set", "model.hidden=8"), "did you mean encoder.hidden?"),
        (("--target", "encoder", "--unit", "syllables"), "'--unit': found 'syllables', expected 'words' or"),
        (("--layers", "99"), "'--layers': found 99, expected less than or equal to 4"),
        (("--layers", "5"), "Invalid value: model.layers: found 5, expected less than or equal to 4"),
    ],
)
def test_a_bad_value_is_wrong_usage(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = run("pretrain", "none.txt", "--output", tmp_path / "lm", *arguments)
    assert (code, out) == (2, "")
    assert message in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "lm").exists()


def test_a_dry_run_estimates_and_writes_nothing(
    files: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "STEPS_SECONDS", 0.05)
    arguments = (
        "pretrain",
        files / "text.txt",
        "--output",
        tmp_path / "lm",
        "--input-format",
        "lines",
        *SMALL,
    )
    code, out, err = run(*arguments, "--dry-run")
    assert code == 0, err
    assert "to learn from" in err
    for shown in ("parameters", "tokens/s, 1 worker", "(15 epochs)"):
        assert shown in out
    code, out, _ = run(*arguments, "--dry-run", "--json")
    assert {"parameters", "peak_bytes", "tokens_per_second", "seconds"} <= set(json.loads(out))
    assert not (tmp_path / "lm").exists()


def test_ctrl_c_saves_and_the_same_command_goes_on_to_the_same_bits(
    files: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("pretrain", files / "text.txt", "--input-format", "lines", "--epochs", 2, *SMALL, "--output")
    assert run(*arguments, tmp_path / "whole")[0] == 0
    steps: list[None] = []
    step = TrainingProgress.step

    def watched(self: TrainingProgress, fact: StepFacts) -> None:
        step(self, fact)
        steps.append(None)
        if len(steps) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingProgress, "step", watched)
        code, out, err = run(*arguments, tmp_path / "parts")
    assert (code, out) == (130, "")
    assert "everything is saved. Go on with the same command and --resume" in " ".join(err.split())
    code, _, err = run(*arguments, tmp_path / "parts", "--resume")
    assert code == 0
    assert "resumed at " in err
    assert (tmp_path / "whole" / WEIGHTS).read_bytes() == (tmp_path / "parts" / WEIGHTS).read_bytes()


def test_a_full_disk_is_one_line(
    files: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    code, out, err = run(
        "pretrain", files / "text.txt", "--output", tmp_path / "lm", "--input-format", "lines", "--epochs", 1, *SMALL
    )  # fmt: skip
    assert (code, out) == (1, "")
    assert err.endswith(": cannot be written: No space left on device; nothing was replaced\n")


ENCODER = (
    "--target", "encoder", "--hidden", "8", "--held-out", "0.1", "--epochs", "2", "--input-format", "tokens",
    "--set", "embedding.character_filters=4", "--set", "embedding.word_dim=8",
)  # fmt: skip


def test_an_encoder_is_pretrained_and_a_labeler_begins_with_it(files: Path, run: Run, tmp_path: Path) -> None:
    encoder = tmp_path / "encoder"
    code, out, err = run("pretrain", files / "text.txt", "--output", encoder, *ENCODER)
    assert code == 0
    assert out.startswith("perplexity of held-out text: ")
    assert (
        "the embeddings and the encoder of a labeller over words: LSTM of 1 layer x 2 directions x 8 units"
        in " ".join(err.split())
    )
    assert f"use it: tagger train TRAIN --init-encoder {encoder}" in err.replace("\n", "")
    arguments = ("train", files / "train.conll", "--epochs", "2", "--init-encoder", encoder)
    code, out, err = run(*arguments, "--output", tmp_path / "model", "--json")
    assert code == 0
    assert "it knows 100.00 % of the corpus's 10 distinct words" in " ".join(err.split())
    assert json.loads(out)["dev"]["micro"]["support"] > 0
    code, out, _ = run("predict", tmp_path / "model", files / "text.txt", "--format", "conll")
    assert code == 0
    assert out.splitlines()[0].startswith(("Ada", "Bob", "Eve"))
    code, _, _ = run(*arguments, "--output", tmp_path / "dry", "--dry-run")
    assert code == 0
    assert not (tmp_path / "dry").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--projection", "8"), "--projection: is a setting of language models; leave it out with"),
    ],
)
def test_an_encoder_has_settings_of_its_own(
    files: Path, run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = run("pretrain", files / "text.txt", "-o", tmp_path / "e", *ENCODER, *arguments)
    assert (code, out) == (2, "")
    assert message in " ".join(err.replace("│", " ").split())
    assert not (tmp_path / "e").exists()


def test_what_an_encoder_does_not_go_with(files: Path, run: Run, tmp_path: Path) -> None:
    run("pretrain", files / "text.txt", "--output", tmp_path / "encoder", *ENCODER)
    train = ("train", files / "train.conll", "--output", tmp_path / "m", "--init-encoder")
    wrong = {
        (
            files / "lm",
        ): "holds a language model; expected an encoder, as `tagger pretrain TEXT --target encoder",
        (
            tmp_path / "encoder",
            "--set",
            "embedding.shape_dim=9",
        ): "embedding.shape_dim: found 9, but the encoder of --init-encoder has",
    }
    for arguments, message in wrong.items():
        code, out, err = run(*train, *arguments)
        assert (code, out) == (1, "")
        assert message in err
    code, _, err = run(
        "train", files / "train.conll", "--output", tmp_path / "m", "--lm", tmp_path / "encoder"
    )
    assert code == 1
    assert "holds an encoder; expected a language model, as `tagger pretrain TEXT --output DIR` writes" in err


def test_bytes_that_are_no_text_are_placed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(b"one\ntwo\n\xff\n")
    code, _, err = run("pretrain", tmp_path / "text.txt", "--output", tmp_path / "lm")
    assert code == 1
    assert "text.txt:3: byte 0xff at offset 8 is not valid utf-8; save the file as UTF-8" in err


def test_one_bad_file_is_reported_and_the_others_are_learnt_from(
    files: Path, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "texts").mkdir()
    text = (files / "text.txt").read_text(encoding="utf-8")
    objects = "".join(json.dumps({"text": line}) + "\n" for line in text.splitlines())
    (tmp_path / "texts" / "a.jsonl").write_text(objects, encoding="utf-8")
    (tmp_path / "texts" / "b.jpg").write_bytes(b"\xff\xd8")
    done = run("pretrain", "texts", "none", "-o", "lm", "--dry-run", *SMALL)
    assert done.code == 1
    assert [line.partition(";")[0] for line in done.err.splitlines()[:3]] == [
        "error: none: cannot be read: No such file or directory",
        "warning: texts/a.jsonl: read as JSON (jsonl)",
        "error: texts/b.jpg:1: byte 0xff at offset 0 is not valid utf-8",
    ]
    assert done.out  # what a run would take
    assert run("pretrain", "texts", "-o", "lm", "--dry-run", "--fail-fast", *SMALL).error.startswith(
        "texts/b.jpg:1"
    )
    assert run("pretrain", "texts/b.jpg", "-o", "lm", "--dry-run").error.startswith(
        "texts/b.jpg:1: byte 0xff"
    )


def test_json_gives_the_words_of_its_texts(files: Path, run: Run, tmp_path: Path) -> None:
    text = (files / "text.txt").read_text(encoding="utf-8")
    objects = "".join(json.dumps({"a": {"b": line}}) + "\n" for line in text.splitlines())
    (tmp_path / "x.txt").write_text(objects, encoding="utf-8")
    given = ("-o", "lm", "--dry-run", *SMALL)
    found = run("pretrain", "x.txt", "--text-field", "a.b", *given).err.splitlines()
    assert found[0] == "warning: x.txt: read as JSON (jsonl); --input-format text reads it as running text"
    assert (
        found[1:]
        == run("pretrain", str(files / "text.txt"), "--input-format", "lines", *given).err.splitlines()
    )
    assert run("pretrain", "x.txt", *given).error.startswith("x.txt:1: found no text (keys: 'a')")


def test_a_pipe_can_not_be_learnt_from(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert run("pretrain", "pipe", "-o", "lm").error == (
        "pipe: can be read only once, and every epoch reads the text; give a file"
    )


def test_the_next_words_come_with_probabilities(files: Path, run: Run) -> None:
    code, out, _ = run("generate", files / "lm", "Ada met it in", "--next", 2)
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert {word for _, word in rows} == {"Rome", "Oslo"}
    assert sum(float(probability) for probability, _ in rows) == pytest.approx(1, abs=0.1)
    _, out, _ = run("generate", files / "lm", "Ada met it in Rome .", "--next", 1)
    assert out.split(maxsplit=1)[1] == "<end of sentence>\n"


def test_a_text_is_continued_as_the_seed_says(files: Path, run: Run) -> None:
    texts = [
        run("generate", files / "lm", "Eve", "--words", 30, "--seed", seed, "--json")[1] for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]
    text = json.loads(texts[0])["text"]
    assert text.startswith("Eve ")
    assert len(text.split()) == 31
    _, likeliest, _ = run("generate", files / "lm", "Eve", "--words", 5, "--temperature", 0)
    assert likeliest.split()[2:4] == ["it", "in"]
    _, first, _ = run("generate", files / "lm", "Eve", "--words", 5, "--top-k", 1, "--seed", 7)
    assert first == likeliest


def test_a_prompt_may_be_empty(files: Path, run: Run) -> None:
    code, out, _ = run("generate", files / "lm", "--words", 1, "--top-k", 3)
    assert code == 0
    assert out.strip() in {"Ada", "Bob", "Eve"}


def encoder_of(weights: Mapping[str, Array], prefix: str = "") -> dict[str, Array]:
    """Return those of a model's weights that read text in both directions."""
    return select_prefixed(weights, f"{prefix}encoder.")


def test_a_labeler_with_a_language_model_stands_alone(files: Path, run: Run, tmp_path: Path) -> None:
    arguments = ("train", files / "train.conll", "--epochs", 2, "--workers", 1, "--hidden", 8, "--json")
    code, _, err = run(*arguments, "--lm", files / "lm", "--output", tmp_path / "model")
    assert code == 0, err
    model = load_model(tmp_path / "model")
    frozen = encoder_of(load_language_model(files / "lm").weights)
    found = encoder_of(model.weights, "embedding.contextual.")
    assert frozen and found.keys() == frozen.keys()
    assert all(np.array_equal(found[name], value) for name, value in frozen.items())
    assert model.weights["embedding.contextual.mix.weights"].any()
    code, again, _ = run("evaluate", tmp_path / "model", files / "train.conll", "--json")
    assert code == 0
    assert 0 <= json.loads(again)["micro"]["f1"] <= 1


def test_a_finetuned_language_model_changes(files: Path, run: Run, tmp_path: Path) -> None:
    arguments = ("train", files / "train.conll", "--epochs", 1, "--workers", 1, "--hidden", 8, "--json")
    code, _, err = run(*arguments, "--lm", files / "lm", "--lm-finetune", "--output", tmp_path / "model")
    assert code == 0, err
    found = encoder_of(load_model(tmp_path / "model").weights, "embedding.contextual.")
    before = encoder_of(load_language_model(files / "lm").weights)
    assert not np.array_equal(found["boundary"], before["boundary"])


def test_a_language_model_of_another_unit_is_refused(files: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "zh.conll").write_text("北 B-LOC\n京 E-LOC\n\n东 B-LOC\n京 E-LOC\n" * 5, encoding="utf-8")
    code, _, err = run("train", tmp_path / "zh.conll", "--lm", files / "lm", "--output", tmp_path / "model")
    assert code == 1
    assert "--lm: found a language model of words, but the tokens of the corpus are characters" in err


def test_characters_are_read_and_written_without_blanks(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "zh.txt"
    text.write_text("我在北京大学。\n他在东京大学。\n" * 60, encoding="utf-8")
    code, _, err = run(
        "pretrain", text, "--output", tmp_path / "lm", "--unit", "characters", "--input-format", "lines",
        "--epochs", 15, "--learning-rate", 0.02, "--dropout", 0, "--batch-tokens", 256, *SMALL,
    )  # fmt: skip
    assert code == 0, err
    _, out, _ = run("generate", tmp_path / "lm", "我在", "--words", 5, "--temperature", 0)
    assert out == "我在北京大学。\n"


def test_a_labeler_with_a_language_model_is_continued_with_it(files: Path, run: Run, tmp_path: Path) -> None:
    arguments = ("train", files / "train.conll", "--epochs", 1, "--workers", 1)
    assert run(*arguments, "--hidden", 8, "--lm", files / "lm", "--output", tmp_path / "old")[0] == 0
    code, _, err = run(*arguments, "--from", tmp_path / "old", "--output", tmp_path / "new")
    assert code == 0, err
    old, new = (load_model(tmp_path / name) for name in ("old", "new"))
    assert old.config.lm.used and new.config.lm.used
    frozen = [encoder_of(each.weights, "embedding.contextual.") for each in (old, new)]
    assert frozen[0] and all(np.array_equal(frozen[1][name], value) for name, value in frozen[0].items())


def test_an_encoder_may_have_more_layers_than_a_language_model(run: Run, tmp_path: Path) -> None:
    code, _, err = run("pretrain", "none.txt", "-o", tmp_path / "e", "--target", "encoder", "--layers", 6)
    assert code == 1
    assert "none.txt: cannot be read" in err
