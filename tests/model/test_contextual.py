"""The mix of a language model's layers in the encoder's windows: kept, read anew, or partly one and the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tagger.config import Config, EmbeddingConfig, LanguageModelConfig, PretrainConfig, override
from tagger.errors import ConfigError
from tagger.model.batch import EncodedCorpus, Example, collate, encode, group
from tagger.model.building import build_labeler
from tagger.model.contextual import LONGEST, remember
from tagger.model.labeler import SequenceLabeler
from tagger.runtime.lexicon import Lexicon
from tagger.text.conll import Sentence
from tagger.text.language import LanguageTables
from tagger.training.recipes.lm import build_language_model
from tagger.training.state import begin

SIZES = {"character_dim": 4, "character_filters": 3, "hidden": 7, "projection": 6, "min_count": 1}
WORDS = [
    ("the", "cat", "sat"),
    ("a", "dog"),
    ("the", "very", "long", "cat", "sat", "down"),
    ("a",),
    ("cat",) * 40,
]


def _build(finetune: bool = False) -> tuple[SequenceLabeler, EncodedCorpus]:
    pretraining = PretrainConfig(model=LanguageModelConfig(**SIZES))
    counts = {word: 2 for words in WORDS for word in words}
    tables = LanguageTables.build(counts, len(WORDS), pretraining.model)
    sentences = [Sentence(words, document=0) for words in WORDS]
    plain = Lexicon.build(sentences, ["X", "Y"], EmbeddingConfig(word_dim=4))
    lexicon = Lexicon.from_dict(
        plain.as_dict() | {"speller": tables.speller.as_dict()}, EmbeddingConfig(word_dim=4)
    )
    changes = {
        "corpus.scheme": "BARE",
        "embedding.word_dim": 4,
        "encoder.hidden": 5,
        "lm.used": True,
        "lm.finetune": finetune,
        "language_model": pretraining.model.model_dump(),
    }
    torch.manual_seed(0)
    labeler = build_labeler(lexicon, override(Config(), changes))
    model = build_language_model(tables, pretraining)
    assert labeler.embedding.contextual is not None
    labeler.embedding.contextual.encoder.load_state_dict(model.encoder.state_dict())
    return labeler, encode(sentences, lexicon, None)


def _alone(labeler: SequenceLabeler, corpus: EncodedCorpus, example: Example) -> torch.Tensor:
    """Return (T, D), the mix for a sentence that is a corpus of its own."""
    assert labeler.embedding.contextual is not None
    single = _with_sentences(corpus, [example.forms])
    found: torch.Tensor = labeler.embedding.contextual(collate(single, group(single, 1, 1000), 1000).language)
    return found[:, 0]


def _with_sentences(corpus: EncodedCorpus, sentences: Sequence[NDArray[Any]]) -> EncodedCorpus:
    """Return the corpus with other sentences, given as rows of its words."""
    starts = np.cumsum([0, *map(len, sentences)])
    documents = np.zeros(len(sentences), np.int64)
    return replace(corpus, tokens=np.concatenate(sentences), starts=starts, documents=documents)


@pytest.mark.parametrize("megabytes", [0, 1])
@pytest.mark.parametrize(("context", "max_tokens"), [(1, 100), (3, 100), (5, 20)])
def test_every_window_holds_its_tokens_layers(context: int, max_tokens: int, megabytes: int) -> None:
    labeler, corpus = _build()
    contextual = labeler.embedding.contextual
    assert contextual is not None
    kept = remember(contextual, corpus, megabytes)
    batch = collate(kept, group(corpus, context, max_tokens), max_tokens)
    found = contextual(batch.language)
    alone = [_alone(labeler, corpus, example) for example in corpus]
    flat = found.flatten(0, 1)[batch.places.flatten()].view(*batch.places.shape, -1)
    for column, number in enumerate(batch.sentences):
        torch.testing.assert_close(flat[: batch.lengths[column], column], alone[number])


def test_tokens_that_only_give_context_have_their_layers_too() -> None:
    labeler, corpus = _build()
    contextual = labeler.embedding.contextual
    assert contextual is not None
    long = _with_sentences(corpus, [corpus[4].forms])
    whole = contextual(collate(long, group(long, 1, 100), 100).language)[:, 0]
    batch = collate(long, group(long, 1, 16), 16)
    windows = contextual(batch.language)
    torch.testing.assert_close(windows[: batch.window_lengths[1], 1], whole[4:20])


def test_some_layers_kept_and_some_read_is_the_same() -> None:
    labeler, corpus = _build()
    contextual = labeler.embedding.contextual
    assert contextual is not None
    whole = remember(contextual, corpus, 1)
    assert whole.kept is not None
    partly = replace(corpus, kept=whole.kept._replace(starts=whole.kept.starts[:3]))
    groups = group(corpus, 3, 100)[::-1]
    one, other = (contextual(collate(each, groups, 100).language) for each in (whole, partly))
    torch.testing.assert_close(one, other)


def test_memory_is_bounded() -> None:
    labeler, corpus = _build()
    contextual = labeler.embedding.contextual
    assert contextual is not None
    many = _with_sentences(corpus, [example.forms for example in corpus] * 300)
    kept = remember(contextual, many, 1).kept
    assert kept is not None
    assert 0.9 * 2**20 < kept.layers.numel() * 4 <= 2**20
    assert len(kept.layers) == kept.starts[-1]
    nothing = remember(contextual, many, 0).kept
    assert nothing is not None
    assert len(nothing.starts) == 1


def test_a_sentence_of_any_length_is_read() -> None:
    labeler, corpus = _build()
    endless = _with_sentences(corpus, [np.full(3 * LONGEST + 5, 1)])
    batch = collate(endless, group(endless, 1, 512), 512)
    assert torch.isfinite(labeler(batch)).all()


def test_frozen_weights_are_no_business_of_the_optimiser() -> None:
    for finetune in (False, True):
        labeler, corpus = _build(finetune)
        run = begin(labeler, Config().training)
        trainable = {name: value for name, value in labeler.named_parameters() if value.requires_grad}
        assert any("contextual.encoder" in name for name in trainable) == finetune
        assert any("contextual.mix" in name for name in trainable)
        emissions = labeler(collate(corpus, group(corpus, 3, 100), 100))
        gradients = torch.autograd.grad(
            emissions.square().sum(), list(trainable.values()), materialize_grads=True
        )
        before = {name: value.clone() for name, value in labeler.named_parameters() if "contextual" in name}
        assert (
            run.optimizer.step([each.coalesce() if each.is_sparse else each for each in gradients], 0.1) > 0
        )
        changed = {
            name
            for name, value in labeler.named_parameters()
            if name in before and not value.equal(before[name])
        }
        assert changed == set(trainable) & set(before)


def test_settings_and_tables_must_agree() -> None:
    lexicon = Lexicon.build([Sentence(("a",))], ["X"], EmbeddingConfig())
    with pytest.raises(ConfigError, match=r"lm\.used: is set by --lm DIR"):
        build_labeler(lexicon, override(Config(), {"lm.used": True, "corpus.scheme": "BARE"}))
