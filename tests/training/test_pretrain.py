"""Pretraining: what it reads, that it learns, that it can be killed, and the baseline it is measured beside."""

from __future__ import annotations

import importlib.util
import itertools
import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from toy_models import TINY_SIZES

from tagger.config import PretrainConfig, TextEncoderConfig, override
from tagger.errors import ConfigError, DataError, ModelError
from tagger.runtime.features import Bigrams
from tagger.training import checkpoint, language, pretrain, text_encoder
from tagger.training.pretrain import EpochFacts, Finished, StepFacts, Stopped
from tagger.training.pretrain.encoder import EncoderTask
from tagger.training.pretrain.language import LanguageTask

ROOT = Path(__file__).parents[2]
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


def _directory(tmp_path: Path, name: str) -> Path:
    checkpoint.prepare_directory(tmp_path / name)
    return tmp_path / name


def _weights(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / checkpoint.WEIGHTS)


def _same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_survey_counts_what_is_learnt_from_and_keeps_what_is_held_out(text: Path) -> None:
    source, found, task = pretrain.read([text], _config())
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
    source, found, _ = pretrain.read([text], make())
    whole = list(source.chunks(70))
    assert [len(chunk) for chunk in whole] == [70, 70, found.sentences - 140]
    assert [words for chunk in whole for words in chunk] == list(source.sentences(held_out=False))
    assert list(source.chunks(70, first=2)) == whole[2:]


@both_targets
def test_long_sentences_are_cut(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "long.txt"
    path.write_text(" ".join("abc"[i % 3] for i in range(100)) + "\n" + "a b\n" * 30, encoding="utf-8")
    source, *_ = pretrain.read([path], make())
    lengths = [len(words) for words, _ in source.labelled()]
    assert lengths == [16] * 6 + [4] + [2] * 30


def test_it_learns_the_language(text: Path, tmp_path: Path) -> None:
    settings = _config(training__epochs=25, training__dropout=0.0, training__learning_rate=0.02)
    *facts, last = pretrain.pretrain([text], _directory(tmp_path, "lm"), settings)
    assert isinstance(last, Finished)
    epochs = [fact for fact in facts if isinstance(fact, EpochFacts)]
    assert len(epochs) == 25
    # Two outcomes within a sentence, about ten for its first word, and it may end anywhere: far below 11.
    assert last.forward < 4.5 < epochs[0].forward
    assert last.backward is not None
    assert last.backward < 4.5
    trained = language.load(last.directory)
    _, found, task = pretrain.read([text], settings)
    forward, backward = pretrain.measure(task, trained.model, found.held_out)
    assert (forward, backward) == pytest.approx((last.forward, last.backward))


@both_targets
@pytest.mark.parametrize("steps", [3, 20])
def test_resumed_ends_with_the_bits_of_uninterrupted(
    text: Path, tmp_path: Path, make: Make, steps: int
) -> None:
    whole, parts = _directory(tmp_path, "whole"), _directory(tmp_path, "parts")
    *_, end = pretrain.pretrain([text], whole, make())
    count = itertools.count(1)
    *_, stopped = pretrain.pretrain([text], parts, make(), stop=lambda: next(count) == steps)
    assert isinstance(stopped, Stopped)
    *_, finished = pretrain.pretrain([text], parts, make(), resume=True)
    assert isinstance(end, Finished)
    assert isinstance(finished, Finished)
    assert _same(_weights(whole), _weights(parts))
    assert (finished.forward, finished.epochs, finished.best_epoch) == (
        end.forward,
        end.epochs,
        end.best_epoch,
    )
    assert not checkpoint.has_run(parts)
    assert len((parts / checkpoint.HISTORY).read_text(encoding="utf-8").splitlines()) == 2


@both_targets
@pytest.mark.parametrize("workers", [1, 2])
def test_the_seed_alone_decides_the_bits(text: Path, tmp_path: Path, make: Make, workers: int) -> None:
    directories = [_directory(tmp_path, name) for name in "abc"]
    for directory, seed in zip(directories, (1, 1, 2), strict=True):
        for _ in pretrain.pretrain([text], directory, make(seed=seed, training__workers=workers)):
            pass
    first, same, other = map(_weights, directories)
    assert _same(first, same)
    assert not _same(first, other)


@both_targets
def test_progress_rises_to_one(text: Path, tmp_path: Path, make: Make) -> None:
    facts = list(pretrain.pretrain([text], _directory(tmp_path, "lm"), make()))
    progress = [fact.progress for fact in facts if isinstance(fact, StepFacts)]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


@both_targets
def test_another_text_is_no_continuation(text: Path, tmp_path: Path, make: Make) -> None:
    directory = _directory(tmp_path, "lm")
    for _ in pretrain.pretrain([text], directory, make(), stop=lambda: True):
        pass
    lines = text.read_text(encoding="utf-8").splitlines()
    text.write_text("\n".join(reversed(lines)) + "\n", encoding="utf-8")
    with pytest.raises(ModelError, match="the settings or the text are not those of the interrupted run"):
        list(pretrain.pretrain([text], directory, make(), resume=True))


def test_the_standard_input_is_refused() -> None:
    with pytest.raises(DataError, match=r"<stdin>: can be read only once.*give a file"):
        pretrain.read([Path("-")], _config())


def test_too_little_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("one sentence\n", encoding="utf-8")
    with pytest.raises(DataError, match="found 1 sentence, too few to hold some out"):
        pretrain.read([path], _config())


@pytest.mark.parametrize(
    ("make", "load"), [(_config, language.load), (_encoder_config, text_encoder.load)], ids=["lm", "encoder"]
)
@pytest.mark.parametrize("name", [checkpoint.CONFIG, checkpoint.VOCAB, checkpoint.WEIGHTS])
def test_one_altered_byte_is_found(
    text: Path, tmp_path: Path, make: Make, load: Callable[[Path], object], name: str
) -> None:
    directory = _directory(tmp_path, "lm")
    for _ in pretrain.pretrain([text], directory, make(training__epochs=1)):
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
    *_, last = pretrain.pretrain([text], _directory(tmp_path, "encoder"), settings)
    assert isinstance(last, Finished)
    assert last.backward is not None
    # One of two words follows another: a perplexity of 2, or little more, where chance gives ten.
    assert 1.9 < last.forward < 2.4
    assert 1.9 < last.backward < 2.4


def test_one_direction_has_one_perplexity(text: Path, tmp_path: Path) -> None:
    directory = _directory(tmp_path, "encoder")
    *_, last = pretrain.pretrain([text], directory, _encoder_config(encoder__directions=1))
    assert isinstance(last, Finished)
    assert last.backward is None
    assert "forward;" in (directory / checkpoint.CARD).read_text(encoding="utf-8")
    page = (directory / checkpoint.CURVES).read_text(encoding="utf-8")
    assert "forward" in page
    assert "backward" not in page


def test_neighbouring_sentences_of_running_text_are_read_together(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("One is here. Two are there. Three went home.\n" * 60, encoding="utf-8")
    sizes = {}
    for form in ("text", "lines"):
        _, found, task = pretrain.read([path], _encoder_config(text__format=form, encoder__max_tokens=64))
        chunk = task.encode(found.held_out)
        groups = [each for batch in task.batches(chunk, None) for each in batch]
        sizes[form] = max(each.stop - each.start for each in groups)
    assert sizes == {"text": 3, "lines": 1}


def test_the_commonest_words_have_rows(text: Path) -> None:
    _, found, task = pretrain.read([text], _encoder_config(text__vocabulary=10))
    assert task.words == 10
    text.write_text(text.read_text(encoding="utf-8") + "rare\n", encoding="utf-8")
    _, found, task = pretrain.read([text], _encoder_config(text__vocabulary=10))
    assert found.counts["rare"] == 1
    assert not task.knows("rare")
    assert task.knows("WD"), "words that differ in case are one"


def test_raw_text_has_no_columns(text: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"embedding.feature_columns: found UPOS, but raw text has no columns"
    ):
        pretrain.read([text], _encoder_config(embedding__feature_columns=["UPOS"]))


def test_characters_bring_their_bigrams(tmp_path: Path) -> None:
    path = tmp_path / "zh.txt"
    path.write_text("\u4eba\u6c11\u94f6\u884c\n" * 30, encoding="utf-8")
    _, found, task = pretrain.read([path], _encoder_config(text__unit="characters", text__format="lines"))
    assert isinstance(task, EncoderTask)
    assert task.config.embedding.bigram_dim == 64
    assert "\u4eba\u6c11" in task.lexicon.of(Bigrams).vocab
    assert found.pairs["\u4eba\u6c11"] == found.sentences


def test_a_labeler_is_no_language_model(tmp_path: Path) -> None:
    files = {checkpoint.CONFIG: b"\n[decoder]\n", checkpoint.VOCAB: b"{}"}
    checkpoint.write_model(tmp_path, files, {"weight": torch.zeros(1)})
    with pytest.raises(ModelError, match="holds a labeler; expected a language model"):
        language.load(tmp_path)


def test_a_language_model_of_an_older_version_is_refused(tmp_path: Path) -> None:
    tables = {"speller": {"symbols": ["a"], "longest": 20}, "words": ["\n"], "counts": [1], "unknown": 0}
    content = {checkpoint.CONFIG: b"", checkpoint.VOCAB: json.dumps(tables).encode()}
    checkpoint.write_model(tmp_path, content, {"weight": torch.zeros(1)})
    with pytest.raises(
        ModelError, match="older version of tagger wrote it, so pretrain the language model again"
    ):
        language.load(tmp_path)


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
