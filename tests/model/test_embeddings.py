"""Embeddings against plain tensor operations; padding, dropout of words, and what a step touches."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from tagger import config
from tagger.config import Config
from tagger.errors import ConfigError
from tagger.model.batch import collate, encode, group
from tagger.model.embeddings import TokenEmbedding
from tagger.model.features import CharacterCNN
from tagger.runtime.lexicon import Lexicon
from tagger.text.conll import Sentence
from tagger.text.vocab import PAD, UNKNOWN

SENTENCES = [
    Sentence(("Anna", "saw", "Paris", "in", "1999", ".")),
    Sentence(("Rome", "saw", "a", "rare", "bird")),
    Sentence(("extraordinarily", "saw", ".")),
] * 2
SIZES = {"word": 10, "affix": 7, "shape": 5, "character": 6, "bigram": 3}


def make(**changes):
    """An embedding of known sizes over the sentences, and a batch of all of them."""
    named = {f"embedding.{name}_dim": size for name, size in SIZES.items() if name != "character"}
    settings = config.override(
        Config(), {**named, "embedding.character_filters": SIZES["character"], **changes}
    )
    lexicon = Lexicon.build(SENTENCES, ("O",), settings.embedding)
    corpus = encode(SENTENCES, lexicon, None)
    torch.manual_seed(0)
    embedding = TokenEmbedding(lexicon, settings.training)
    return embedding, lexicon, collate(corpus, group(corpus, 1, 64), 64)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5])
def test_the_convolution_is_a_convolution_and_its_maximum(width):
    torch.manual_seed(width)
    cnn = CharacterCNN(alphabet=9, dim=4, filters=5, width=width)
    torch.nn.init.normal_(cnn.bias)
    words = torch.tensor([[2, 3, 4, 5], [6, 0, 0, 0], [7, 8, 0, 0]])
    table = cnn.embedding.detach().clone()
    table[PAD] = 0
    kernel = cnn.weight.permute(2, 1, 0)  # (F, D, W) as conv1d wants it
    for row, word in enumerate(words):
        letters = table[word[word != PAD]].T.unsqueeze(0)  # (1, D, C)
        padded = functional.pad(letters, (width // 2, width - 1 - width // 2))
        expected = functional.conv1d(padded, kernel, cnn.bias).amax(-1)[0]
        torch.testing.assert_close(cnn(words)[row], expected)


def test_padding_of_words_changes_nothing_and_gets_no_gradient():
    torch.manual_seed(0)
    cnn = CharacterCNN(alphabet=9, dim=4, filters=5, width=3)
    words = torch.tensor([[2, 3, 4], [5, 0, 0], [0, 0, 0]])
    wider = functional.pad(words, (0, 6))
    assert torch.equal(cnn(words), cnn(wider))
    assert bool(cnn(wider).isfinite().all())
    (gradient,) = torch.autograd.grad(cnn(wider)[:2].square().sum(), [cnn.embedding])
    assert not gradient[PAD].any()
    assert gradient[2].any()


def test_features_stand_side_by_side_in_a_fixed_order():
    embedding, _, batch = make()
    found = embedding(batch)
    assert embedding.size == 10 + 7 + 5 + 6 + 2 * 3 == found.shape[-1]
    assert found.shape[:2] == batch.tokens.shape
    for t, r in ((0, 0), (1, 2), (4, 3)):
        form = batch.forms
        i = batch.tokens[t, r]
        expected = [
            embedding.word.weight[form["word"][i, 0]],
            embedding.affix.weight[form["affix"][i][form["affix"][i] != PAD]].sum(0),
            embedding.shape.weight[form["shape"][i]],
            embedding.character(form["character"][i : i + 1])[0],
            *embedding.bigram.weight[batch.local["bigram"][t, r]],
        ]
        torch.testing.assert_close(found[t, r], torch.cat(expected))


@pytest.mark.parametrize("off", SIZES)
def test_each_feature_can_be_switched_off(off):
    field = "embedding.character_filters" if off == "character" else f"embedding.{off}_dim"
    embedding, _, batch = make(**{field: 0})
    assert not hasattr(embedding, off)
    full = sum(SIZES.values()) + SIZES["bigram"]
    assert embedding(batch).shape[-1] == embedding.size == full - SIZES[off] * (2 if off == "bigram" else 1)


def test_bigrams_can_stand_alone():
    off = {f"embedding.{name}": 0 for name in ("word_dim", "affix_dim", "shape_dim", "character_filters")}
    embedding, _, batch = make(**off)
    expected = embedding.bigram.weight[batch.local["bigram"]].flatten(2)
    for generator in (None, torch.Generator().manual_seed(1)):
        torch.testing.assert_close(embedding(batch, generator), expected)


def test_everything_off_is_an_error():
    changes = dict.fromkeys((f"embedding.{name}_dim" for name in SIZES if name != "character"), 0)
    with pytest.raises(ConfigError, match="every feature is switched off"):
        make(**changes, **{"embedding.character_filters": 0})


def test_padding_rows_are_zero_and_get_no_gradient():
    embedding, _, batch = make()
    names = ("word", "affix", "shape", "bigram")
    tables = [getattr(embedding, name).weight for name in names]
    assert not any(bool(table[PAD].any()) for table in tables)
    gradients = torch.autograd.grad(embedding(batch).square().sum(), tables)
    for name, gradient in zip(names, gradients, strict=True):
        assert gradient.is_sparse, name
        touched = gradient.coalesce()
        assert not touched.to_dense()[PAD].any(), name
        assert touched.to_dense().any(), name


def test_a_step_touches_only_the_rows_of_the_batch():
    embedding, _, batch = make()
    (gradient,) = torch.autograd.grad(embedding(batch).sum(), [embedding.word.weight])
    touched = set(gradient.coalesce()._indices()[0].tolist())
    assert touched <= set(batch.forms["word"][:, 0].tolist())


def replaced(embedding, batch, seeds: int = 400):
    """How often each form's word was turned into `<unk>`."""
    rows = batch.forms["word"]
    counts = torch.zeros(len(rows))
    (words,) = (each for each in embedding.features if each.name == "word")
    for seed in range(seeds):
        counts += words.drop(rows, torch.Generator().manual_seed(seed))[:, 0] == UNKNOWN
    return counts / seeds


def test_words_are_dropped_only_with_a_generator_and_the_same_ones_with_the_same_seed():
    embedding, _, batch = make(**{"training.word_dropout": 0.5})
    calm = embedding(batch)
    assert torch.equal(calm, embedding(batch))
    one, again, other = (embedding(batch, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one, calm)


def test_rare_words_are_dropped_as_often_as_the_formula_says():
    changes = {"training.word_dropout": 0.1, "training.unknown_strength": 2.0}
    embedding, lexicon, batch = make(**changes)
    share = replaced(embedding, batch)
    words, counts = batch.forms["word"].unbind(1)
    saw, rare = (int((words == lexicon.words.row(word)).nonzero()[0]) for word in ("saw", "rare"))
    assert (counts[saw], counts[rare]) == (6, 2)
    for place in (saw, rare):
        expected = 1 - (1 - 2.0 / (2.0 + counts[place])) * (1 - 0.1)
        assert share[place] == pytest.approx(float(expected), abs=0.09)  # four standard errors
    assert share[0] == 0  # padding


def test_dropout_of_zero_drops_nothing():
    embedding, _, batch = make(
        **{"training.word_dropout": 0.0, "training.unknown_strength": 0.0, "training.character_dropout": 0.0}
    )
    assert torch.equal(embedding(batch, torch.Generator()), embedding(batch))


def test_hidden_characters_are_unknown_ones_and_padding_stays():
    embedding, _, batch = make(**{"training.character_dropout": 0.5})
    seen = []
    embedding.character.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    embedding.embed_forms(batch.forms)
    embedding.embed_forms(batch.forms, torch.Generator().manual_seed(0))
    assert torch.equal(seen[0], batch.forms["character"])
    hidden = seen[1] != batch.forms["character"]
    assert set(seen[1][hidden].tolist()) == {UNKNOWN}
    assert not hidden[batch.forms["character"] == PAD].any()
    assert 0.3 < hidden.sum() / (batch.forms["character"] != PAD).sum() < 0.7
