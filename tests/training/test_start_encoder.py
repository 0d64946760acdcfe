"""An encoder that learnt from raw text: a labeler begins by reading as it does, and goes on from there."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from toy_models import TINY_SIZES
from training_runs import begin, fit, pretrain

from tagger.config import Config, TextEncoderConfig, override
from tagger.errors import ConfigError, ModelError
from tagger.model.batch import collate, encode, group
from tagger.runtime import directory as files
from tagger.runtime.lexicon import Lexicon
from tagger.text.conll import Sentence
from tagger.training.data import Corpora, read_corpora
from tagger.training.pretrained import TrainedTextEncoder, load_text_encoder, restore_text_encoder
from tagger.training.start import add_gazetteers, add_vectors, adopt_settings, begin_with_encoder

SIZES = TINY_SIZES | {"embedding.bigram_dim": 3}
TEXT = (("Anna", "met", "Omar", "in", "Peru", "."), ("The", "ferry", "ran", "late", "."), ("Peru", "rates"))


def make_encoder(folder: Path, **changes: Any) -> TrainedTextEncoder:
    """Pretrain a tiny encoder on three sentences, many times over."""
    path = folder / "text.txt"
    path.write_text("\n".join(" ".join(words) for words in TEXT * 12) + "\n", encoding="utf-8")
    settings = {"text.format": "tokens", "text.held_out": 0.1, "training.epochs": 2} | SIZES | changes
    for _ in pretrain([path], folder / "encoder", override(TextEncoderConfig(), settings)):
        pass
    return load_text_encoder(folder / "encoder")


@pytest.fixture
def encoder(tmp_path: Path) -> TrainedTextEncoder:
    return make_encoder(tmp_path)


def read(path: Path, encoder: TrainedTextEncoder, **changes: Any) -> Corpora:
    chosen = {"training.epochs": 2, "training.batch_sentences": 4} | changes
    settings = adopt_settings(override(Config(), chosen), encoder)
    return begin_with_encoder(read_corpora(path, path, None, settings), encoder)[0]


def states(network: Any, lexicon: Lexicon, sentences: tuple[tuple[str, ...], ...]) -> torch.Tensor:
    """Return what the encoder of a network makes of sentences, no feature dropped."""
    corpus = encode([Sentence(words, document=i) for i, words in enumerate(sentences)], lexicon, None)
    batch = collate(corpus, group(corpus, 1, 512), 512)
    with torch.inference_mode():
        found: torch.Tensor = network.encoder(network.embedding(batch), batch.window_lengths)
    return torch.cat([found[:length, row] for row, length in enumerate(batch.window_lengths.tolist())])


def test_before_its_first_step_a_labeler_reads_text_as_the_encoder_does(
    ten_sentences: Path, encoder: TrainedTextEncoder
) -> None:
    run, model = begin(read(ten_sentences, encoder))
    network = restore_text_encoder(encoder)
    assert len(model.lexicon.words) > len(encoder.lexicon.words), "the corpus has words of its own"
    expected = states(network, encoder.lexicon, TEXT)
    assert_close(states(run.network.labeler, model.lexicon, TEXT), expected)
    assert_close(states(run.averaged.labeler, model.lexicon, TEXT), expected)
    strange = tuple(s.tokens for s in read(ten_sentences, encoder).train.sentences)
    assert_close(
        states(run.network.labeler, model.lexicon, strange),
        states(network, encoder.lexicon, strange),
    )


def test_a_gazetteer_joins_without_disturbing_what_was_learnt(
    ten_sentences: Path, encoder: TrainedTextEncoder, tmp_path: Path
) -> None:
    (tmp_path / "names.txt").write_text("Anna\nPeru\n", encoding="utf-8")
    data = add_gazetteers(read(ten_sentences, encoder), [tmp_path / "names.txt"])
    run, model = begin(data)
    expected = states(restore_text_encoder(encoder), encoder.lexicon, TEXT)
    assert not torch.allclose(states(run.network.labeler, model.lexicon, TEXT), expected), (
        "its marks have weights"
    )
    with torch.no_grad():
        torch.nn.init.zeros_(run.network.labeler.get_parameter("embedding.marks.0.weight"))
    assert_close(states(run.network.labeler, model.lexicon, TEXT), expected)


def test_the_prediction_of_neighbours_goes_on_too(ten_sentences: Path, encoder: TrainedTextEncoder) -> None:
    run, _ = begin(read(ten_sentences, encoder))
    assert run.network.neighbours is not None
    own = run.network.neighbours.output.weight
    learnt = torch.from_numpy(encoder.weights["neighbours.output.weight"])
    assert torch.equal(own[: len(learnt)], learnt)
    without, _ = begin(read(ten_sentences, encoder, **{"training.language_weight": 0.0}))
    assert without.network.neighbours is None


def test_resumed_ends_with_the_bits_of_uninterrupted(
    ten_sentences: Path, encoder: TrainedTextEncoder, tmp_path: Path
) -> None:
    data = read(ten_sentences, encoder)
    list(fit(data, tmp_path / "whole"))
    count = itertools.count(1)
    list(fit(data, tmp_path / "parts", stop=lambda: next(count) == 4))
    list(fit(data, tmp_path / "parts", resume=True))
    whole, parts = (files.load_model(tmp_path / name).weights for name in ("whole", "parts"))
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)
    assert "learnt from raw text first" in (tmp_path / "whole" / files.CARD).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"encoder.hidden": 6},
            "encoder.hidden: found 6, but the encoder of --init-encoder has 5; leave the",
        ),
        ({"embedding.lowercase": False}, "embedding.lowercase: found False, but .* has True"),
        ({"training.language_dim": 64}, "training.language_dim: found 64, but .* has 4"),
    ],
)
def test_how_it_is_built_can_not_change(
    encoder: TrainedTextEncoder, changes: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        adopt_settings(override(Config(), changes), encoder)


def test_what_was_not_learnt_from_text_may_be_chosen(
    ten_sentences: Path, encoder: TrainedTextEncoder
) -> None:
    data = read(
        ten_sentences, encoder, **{"encoder.context": 1, "decoder.kind": "softmax", "encoder.hidden": 5}
    )
    assert (data.config.encoder.context, data.config.decoder.kind) == (1, "softmax")
    assert data.config.encoder.hidden == 5


def test_how_much_of_the_corpus_it_knows(ten_sentences: Path, encoder: TrainedTextEncoder) -> None:
    settings = adopt_settings(Config(), encoder)
    data = read_corpora(ten_sentences, ten_sentences, None, settings)
    words = {token.lower() for sentence in data.train.sentences for token in sentence.tokens}
    words = {"".join("0" if each.isdigit() else each for each in word) for word in words}
    text = {word.lower() for words in TEXT for word in words}
    assert begin_with_encoder(data, encoder)[1] == (len(words), len(words & text))


def test_characters_are_no_words(ten_sentences: Path, tmp_path: Path) -> None:
    encoder = make_encoder(tmp_path, **{"text.unit": "characters", "text.format": "lines"})
    with pytest.raises(
        ConfigError, match="found an encoder of characters, but the tokens of the corpus are words"
    ):
        read(ten_sentences, encoder)


def test_vectors_are_refused(ten_sentences: Path, encoder: TrainedTextEncoder, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--vectors: the encoder of --init-encoder brings its own"):
        add_vectors(read(ten_sentences, encoder), tmp_path / "vectors.txt")


def test_directories_of_other_kinds_say_so(
    ten_sentences: Path, encoder: TrainedTextEncoder, tmp_path: Path
) -> None:
    list(fit(read(ten_sentences, encoder), tmp_path / "labeler"))
    with pytest.raises(
        ModelError, match="holds a labeller; expected an encoder, as `tagger pretrain TEXT --target"
    ):
        load_text_encoder(tmp_path / "labeler")
    with pytest.raises(
        ModelError, match="holds an encoder; expected a labeller, as `tagger train --output DIR` writes"
    ):
        files.load_model(tmp_path / "encoder")
    with pytest.raises(ModelError, match="nowhere: does not exist; expected the directory of an encoder"):
        load_text_encoder(tmp_path / "nowhere")


def test_weights_that_do_not_fit_are_refused(encoder: TrainedTextEncoder, tmp_path: Path) -> None:
    weights = dict(encoder.weights)
    weights.pop("neighbours.output.weight")
    belongings = files.render_belongings(encoder.config, encoder.lexicon)
    files.write_model(tmp_path / "encoder", belongings, weights)
    with pytest.raises(ModelError, match=r"doesn't fit config.toml and vocab.json: neighbours.output.weight"):
        load_text_encoder(tmp_path / "encoder")
