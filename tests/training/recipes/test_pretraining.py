"""Pretraining: what it reads, that it learns, that it can be killed, and the baseline it is measured beside."""

from __future__ import annotations

import importlib.util
import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toy_models import TINY_SIZES
from training_runs import are_same, prepare_pretraining, pretrain, stop_at, tensors_of

from tagger.config import PretrainConfig, TextEncoderConfig, override
from tagger.errors import ConfigError, DataError, ModelError
from tagger.runtime import directory as files
from tagger.runtime.features import Bigrams
from tagger.training import loop, output, rehearsal, state
from tagger.training.loop import EpochFacts, StepFacts
from tagger.training.pretrained import load_text_encoder
from tagger.training.recipes.encoder import EncoderTask
from tagger.training.recipes.lm import LanguageTask
from tagger.training.recipes.pretraining import FinishedPretraining, Perplexities
from tagger.training.run import Stopped
from tagger.training.workers.gradient import GradientComputer, GradientTask, add_up

ROOT = Path(__file__).parents[3]
SMALL: dict[str, Any] = {
    "model.common": 4,
    "text.format": "tokens",
    "text.held_out": 0.1,
    "model.character_dim": 4,
    "model.character_filters": 4,
    "model.hidden": 16,
    "model.projection": 8,
    "training.epochs": 2,
    "training.batch_tokens": 128,
    "training.chunk_sentences": 70,
    "training.max_tokens": 16,
    "training.workers": 1,
}


def _config(**changes: Any) -> PretrainConfig:
    return override(
        PretrainConfig(), SMALL | {name.replace("__", "."): value for name, value in changes.items()}
    )


TINY: dict[str, Any] = TINY_SIZES | {
    "text.format": "tokens",
    "text.held_out": 0.1,
    "encoder.max_tokens": 16,
    "training.epochs": 2,
    "training.batch_sentences": 16,
    "training.chunk_sentences": 70,
}


def _encoder_config(**changes: Any) -> TextEncoderConfig:
    return override(
        TextEncoderConfig(), TINY | {name.replace("__", "."): value for name, value in changes.items()}
    )


Make = Callable[..., PretrainConfig | TextEncoderConfig]
both_targets = pytest.mark.parametrize("make", [_config, _encoder_config], ids=["lm", "encoder"])


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Sentences of a tiny language: each word is followed by one of two others."""
    draw = random.Random(1)
    lines = []
    for _ in range(200):
        word, words = draw.randrange(10), []
        for _ in range(draw.randrange(1, 12)):
            words.append("w" + "abcdefghij"[word])
            word = (word + draw.choice((1, 3))) % 10
        lines.append(" ".join(words))
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _weights(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / files.WEIGHTS)


def test_survey_counts_what_is_learnt_from_and_keeps_what_is_held_out(text: Path) -> None:
    recipe = prepare_pretraining([text], _config())
    source, found, task = recipe.source, recipe.survey, recipe.task
    learned = list(source.sentences(held_out=False))
    assert found.sentences == len(learned) == 200 - len(found.held_out)
    assert found.tokens == sum(map(len, learned))
    assert 5 <= len(found.held_out) <= 40
    assert list(source.sentences(held_out=True)) == list(found.held_out)
    assert isinstance(task, LanguageTask)
    tables = task.tables
    assert tables.counts[tables.words.items.index("wd")] == sum(words.count("wd") for words in learned)
    assert sum(tables.counts) + tables.unknown == found.tokens + found.sentences


@both_targets
def test_chunks_hold_every_sentence_once_and_can_begin_anywhere(text: Path, make: Make) -> None:
    recipe = prepare_pretraining([text], make())
    source, found = recipe.source, recipe.survey
    whole = list(source.chunks(70))
    assert [len(chunk) for chunk in whole] == [70, 70, found.sentences - 140]
    assert [words for chunk in whole for words in chunk] == list(source.sentences(held_out=False))
    assert list(source.chunks(70, first=2)) == whole[2:]


@both_targets
def test_long_sentences_are_cut(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "long.txt"
    path.write_text(" ".join("abc"[i % 3] for i in range(100)) + "\n" + "a b\n" * 30, encoding="utf-8")
    source = prepare_pretraining([path], make()).source
    lengths = [len(words) for words, _ in source.labelled()]
    assert lengths == [16] * 6 + [4] + [2] * 30


def test_it_learns_the_language(text: Path, tmp_path: Path) -> None:
    settings = _config(training__epochs=25, training__dropout=0.0, training__learning_rate=0.02)
    *facts, last = pretrain([text], tmp_path / "lm", settings)
    assert isinstance(last, FinishedPretraining)
    epochs = [fact for fact in facts if isinstance(fact, EpochFacts)]
    assert len(epochs) == 25
    # Two outcomes within a sentence, about ten for its first word, and it may end anywhere: far below 11.
    assert last.forward < 4.5 < epochs[0].dev.forward
    assert last.backward is not None
    assert last.backward < 4.5
    recipe = prepare_pretraining([text], settings)
    forward, backward = recipe.measure(recipe.task.load(last.directory))
    assert (forward, backward) == pytest.approx((last.forward, last.backward))


@both_targets
@pytest.mark.parametrize("steps", [3, 20])
def test_resumed_ends_with_the_bits_of_uninterrupted(
    text: Path, tmp_path: Path, make: Make, steps: int
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    *_, end = pretrain([text], whole, make())
    *_, stopped = pretrain([text], parts, make(), stop=stop_at(steps))
    assert isinstance(stopped, Stopped)
    *_, finished = pretrain([text], parts, make(), resume=True)
    assert isinstance(end, FinishedPretraining)
    assert isinstance(finished, FinishedPretraining)
    assert are_same(_weights(whole), _weights(parts))
    assert (finished.forward, finished.epochs, finished.best_epoch) == (
        end.forward,
        end.epochs,
        end.best_epoch,
    )
    assert not output.has_run(parts)
    assert len((parts / files.HISTORY).read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.slow
@both_targets
@pytest.mark.parametrize("workers", [1, 2])
def test_the_seed_alone_decides_the_bits(text: Path, tmp_path: Path, make: Make, workers: int) -> None:
    directories = [tmp_path / name for name in "abc"]
    for directory, seed in zip(directories, (1, 1, 2), strict=True):
        for _ in pretrain([text], directory, make(seed=seed, training__workers=workers)):
            pass
    first, same, other = map(_weights, directories)
    assert are_same(first, same)
    assert not are_same(first, other)


@both_targets
def test_progress_rises_to_one(text: Path, tmp_path: Path, make: Make) -> None:
    facts = list(pretrain([text], tmp_path / "lm", make()))
    progress = [fact.progress for fact in facts if isinstance(fact, StepFacts)]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


@both_targets
def test_patience_ends_training(text: Path, monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    recipe = prepare_pretraining([text], make(training__epochs=6, training__patience=2))
    found = iter([9.0, 5.0, 7.0, 6.0, 1.0, 1.0])
    monkeypatch.setattr(recipe, "measure", lambda network: Perplexities(next(found), None))
    run = state.begin(recipe.learner.network, recipe.settings)
    epochs = [fact for fact in loop.train(run, recipe) if isinstance(fact, EpochFacts)]
    assert [(fact.improved, fact.kept) for fact in epochs] == [(True, True), (True, True)] + [
        (False, False)
    ] * 2


@both_targets
def test_loading_and_building_leave_the_generator_of_the_caller_alone(
    text: Path, tmp_path: Path, make: Make
) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    recipe = prepare_pretraining([text], make())
    recipe.save(_made(tmp_path / "m"), recipe.learner.network)
    recipe.task.load(tmp_path / "m")
    assert torch.equal(torch.get_rng_state(), before)


@both_targets
def test_two_workers_sum_what_one_computes_part_by_part(text: Path, make: Make) -> None:
    data = make(training__epochs=1)
    together, alone = prepare_pretraining([text], data), prepare_pretraining([text], data)
    run = state.begin(together.learner.network, together.settings)
    facts = loop.train(run, together, 2)
    first = next(facts)
    assert isinstance(first, StepFacts)
    facts.close()  # type: ignore[attr-defined]
    by_hand = state.begin(alone.learner.network, alone.settings)
    chunk = next(alone.chunks(0, 0))
    batch = alone.batches(chunk, 0, 0, 2)[0]
    compute = GradientComputer(alone.learner)
    compute.begin(chunk)
    predictions = alone.task.count(chunk, batch)[1]
    parts = [
        compute(GradientTask(batch[part::2], (1, 0, 0, 0), 1 / predictions, 0, part=part, parts=2))
        for part in (0, 1)
    ]
    sums = [one + other for one, other in zip(parts[0].values, parts[1].values, strict=True)]
    by_hand.optimizer.step([each.coalesce() if each.is_sparse else each for each in sums], 0.0)
    found, expected = tensors_of(run), tensors_of(by_hand)
    assert are_same(found, expected)


@both_targets
def test_halves_are_the_parts_of_twice_as_many_workers(text: Path, make: Make) -> None:
    recipe = prepare_pretraining([text], make())
    chunk = next(recipe.chunks(0, 0))
    batch = recipe.batches(chunk, 0, 0, 1)[0]
    compute = GradientComputer(recipe.learner)
    compute.begin(chunk)
    halves = compute(GradientTask(batch, (1, 0, 0, 0), 1.0, 0, is_halved=True))
    parts = add_up(
        [compute(GradientTask(batch[part::2], (1, 0, 0, 0), 1.0, 0, part=part, parts=2)) for part in (0, 1)]
    )
    assert halves.loss == parts.loss
    for one, other in zip(halves.values, parts.values, strict=True):
        assert torch.equal(one.to_dense(), other.to_dense())


@both_targets
def test_a_rehearsal_tells_of_the_run_and_writes_nothing(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Make
) -> None:
    monkeypatch.setattr(rehearsal, "STEPS_SECONDS", 0.05)
    before = sorted(tmp_path.rglob("*"))
    found = rehearsal.rehearse(prepare_pretraining([text], make()))
    assert sorted(tmp_path.rglob("*")) == before
    started = next(pretrain([text], tmp_path / "m", make()))
    assert (found.parameters, found.workers) == (started.parameters, started.workers)
    assert found.steps > 1
    assert 0 < found.loss < 2 * math.log(12)


@both_targets
def test_another_text_is_no_continuation(text: Path, tmp_path: Path, make: Make) -> None:
    directory = tmp_path / "lm"
    for _ in pretrain([text], directory, make(), stop=lambda: True):
        pass
    lines = text.read_text(encoding="utf-8").splitlines()
    text.write_text("\n".join(reversed(lines)) + "\n", encoding="utf-8")
    with pytest.raises(
        ModelError, match=r"the (words of the text|texts) are not those of the interrupted run"
    ):
        list(pretrain([text], directory, make(), resume=True))


def test_the_standard_input_is_refused() -> None:
    with pytest.raises(DataError, match=r"<stdin>: can be read only once.*give a file"):
        prepare_pretraining([Path("-")], _config())


def test_too_little_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("one sentence\n", encoding="utf-8")
    with pytest.raises(DataError, match="found 1 sentence, too few to hold some out"):
        prepare_pretraining([path], _config())


@pytest.mark.parametrize(
    ("make", "load"),
    [(_config, files.load_language_model), (_encoder_config, load_text_encoder)],
    ids=["lm", "encoder"],
)
@pytest.mark.parametrize("name", [files.CONFIG, files.VOCAB, files.WEIGHTS])
def test_one_altered_byte_is_found(
    text: Path, tmp_path: Path, make: Make, load: Callable[[Path], object], name: str
) -> None:
    directory = tmp_path / "lm"
    for _ in pretrain([text], directory, make(training__epochs=1)):
        pass
    content = bytearray((directory / name).read_bytes())
    content[-5] ^= 1
    (directory / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        load(directory)


def test_an_encoder_learns_the_language(text: Path, tmp_path: Path) -> None:
    # Windows of several sentences would begin the next one by chance, so lines stay alone whatever the context.
    settings = _encoder_config(
        training__epochs=25, training__learning_rate=0.02, training__input_dropout=0.0, training__word_dropout=0.0,
        training__character_dropout=0.0, training__unknown_strength=0.0, encoder__context=5,
    )  # fmt: skip
    *_, last = pretrain([text], tmp_path / "encoder", settings)
    assert isinstance(last, FinishedPretraining)
    assert last.backward is not None
    # One of two words follows another: a perplexity of 2, or little more, where chance gives ten.
    assert 1.9 < last.forward < 2.4
    assert 1.9 < last.backward < 2.4


def test_one_direction_has_one_perplexity(text: Path, tmp_path: Path) -> None:
    directory = tmp_path / "encoder"
    *_, last = pretrain([text], directory, _encoder_config(encoder__directions=1))
    assert isinstance(last, FinishedPretraining)
    assert last.backward is None
    assert "forward;" in (directory / files.CARD).read_text(encoding="utf-8")
    page = (directory / files.CURVES).read_text(encoding="utf-8")
    assert "forward" in page
    assert "backward" not in page


def test_neighbouring_sentences_of_running_text_are_read_together(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("One is here. Two are there. Three went home.\n" * 60, encoding="utf-8")
    sizes = {}
    for form in ("text", "lines"):
        recipe = prepare_pretraining([path], _encoder_config(text__format=form, encoder__max_tokens=64))
        found, task = recipe.survey, recipe.task
        chunk = task.encode(found.held_out)
        groups = [each for batch in task.batches(chunk, None) for each in batch]
        sizes[form] = max(each.stop - each.start for each in groups)
    assert sizes == {"text": 3, "lines": 1}


def test_the_commonest_words_have_rows(text: Path) -> None:
    recipe = prepare_pretraining([text], _encoder_config(text__vocabulary=10))
    found, task = recipe.survey, recipe.task
    assert task.words == 10
    text.write_text(text.read_text(encoding="utf-8") + "rare\n", encoding="utf-8")
    recipe = prepare_pretraining([text], _encoder_config(text__vocabulary=10))
    found, task = recipe.survey, recipe.task
    assert found.counts["rare"] == 1
    assert not task.knows("rare")
    assert task.knows("WD"), "words that differ in case are one"


def test_raw_text_has_no_columns(text: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"embedding.feature_columns: found UPOS, but raw text has no columns"
    ):
        prepare_pretraining([text], _encoder_config(embedding__feature_columns=["UPOS"]))


def test_characters_bring_their_bigrams(tmp_path: Path) -> None:
    path = tmp_path / "zh.txt"
    path.write_text("\u4eba\u6c11\u94f6\u884c\n" * 30, encoding="utf-8")
    recipe = prepare_pretraining([path], _encoder_config(text__unit="characters", text__format="lines"))
    found, task = recipe.survey, recipe.task
    assert isinstance(task, EncoderTask)
    assert task.config.embedding.bigram_dim == 64
    assert "\u4eba\u6c11" in task.lexicon.of(Bigrams).vocab
    assert found.pairs["\u4eba\u6c11"] == found.sentences


def test_a_labeler_is_no_language_model(tmp_path: Path) -> None:
    content = {files.CONFIG: b"\n[decoder]\n", files.VOCAB: b"{}"}
    files.write_model(tmp_path, content, {"weight": np.zeros(1, np.float32)})
    with pytest.raises(ModelError, match="holds a labeller; expected a language model"):
        files.load_language_model(tmp_path)


def test_a_language_model_of_an_older_version_is_refused(tmp_path: Path) -> None:
    tables = {"speller": {"symbols": ["a"], "longest": 20}, "words": ["\n"], "counts": [1], "unknown": 0}
    content = {files.CONFIG: b"", files.VOCAB: json.dumps(tables).encode()}
    files.write_model(tmp_path, content, {"weight": np.zeros(1, np.float32)})
    with pytest.raises(
        ModelError, match="older version of tagger wrote it, so pretrain the language model again"
    ):
        files.load_language_model(tmp_path)


def _benchmark() -> ModuleType:
    path = ROOT / "benchmarks" / "perplexity.py"
    spec = importlib.util.spec_from_file_location("perplexity", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _random_sentences(count: int) -> Sequence[list[int]]:
    draw = random.Random(3)
    return [
        [min(draw.randrange(6), draw.randrange(6)) for _ in range(draw.randrange(8))] + [6]
        for _ in range(count)
    ]


def test_the_kneser_ney_baseline_is_a_distribution() -> None:
    trigram = _benchmark().KneserNey(_random_sentences(200), 9)
    for history in [(-1, -1), (-1, 0), (0, 1), (5, 5), (7, 8), (0, 7), (4, 0)]:
        chances = [trigram.probability(word, history) for word in range(9)]
        assert min(chances) > 0
        assert math.fsum(chances) == pytest.approx(1)


def test_the_kneser_ney_baseline_finds_the_order_of_words() -> None:
    cycle = [[0, 1, 2, 3, 4, 5] * 3 + [6]] * 20 + _random_sentences(20)
    trigram = _benchmark().KneserNey(cycle, 7)
    assert trigram.probability(3, (1, 2)) > 0.8
    assert trigram.perplexity([[0, 1, 2, 3, 4, 5, 0, 1, 2, 6]]) < 2.5
