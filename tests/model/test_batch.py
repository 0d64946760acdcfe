"""Batches: every token once and in its place, documents apart, order by seed and epoch alone."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.config import EmbeddingConfig
from tagger.model.batch import Choices, collate, encode, group, shuffled_batches, sorted_batches
from tagger.runtime.features import Bigrams
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.windows import OVERLAP
from tagger.text import features
from tagger.text.conll import Sentence
from tagger.text.vocab import PAD, UNKNOWN

TAGS = ("O", "B-X", "I-X", "E-X", "S-X")
WORDS = [first + second for first in "abcde" for second in "uvwxyz"]  # no digits: those are all one


def make_sentences(lengths, documents=None) -> list[Sentence]:
    """Sentences of which no two tokens of a run of 30 are the same."""
    count = iter(range(sum(lengths)))
    return [
        Sentence(
            tuple(WORDS[next(count) % len(WORDS)] for _ in range(length)),
            document=documents[i] if documents else 0,
        )
        for i, length in enumerate(lengths)
    ]


def make_corpus(sentences, tags=None, **embedding):
    # Known twice, so that bigrams and affixes are known too; the last word is left unknown.
    known = [Sentence(sentence.tokens) for sentence in sentences if WORDS[-1] not in sentence.tokens] or [
        Sentence((WORDS[0],))
    ]
    lexicon = Lexicon.build(known * 2, TAGS, EmbeddingConfig(bigram_dim=3, **embedding))
    return lexicon, encode(sentences, lexicon, None if tags is None else Choices.of(tags))


sizes = st.lists(st.integers(1, 40), min_size=1, max_size=25)


@st.composite
def corpora(draw):
    lengths = draw(sizes)
    steps = draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    return make_sentences(lengths, np.cumsum(steps).tolist())


@given(corpora(), st.integers(1, 6), st.integers(16, 60), st.none() | st.integers(0, 99))
def test_groups_cut_the_corpus_without_gap_and_keep_documents_apart(sentences, context, max_tokens, seed):
    _, corpus = make_corpus(sentences)
    generator = None if seed is None else np.random.default_rng(seed)
    groups = group(corpus, context, max_tokens, generator)
    assert [number for item in groups for number in range(item.start, item.stop)] == list(
        range(len(sentences))
    )
    for item in groups:
        held = sentences[item.start : item.stop]
        assert item.tokens == sum(map(len, held))
        assert 1 <= len(held) <= context
        assert len({sentence.document for sentence in held}) == 1
        assert len(held) == 1 or item.tokens <= max_tokens


@given(corpora(), st.integers(1, 8), st.integers(0, 99))
def test_shuffled_batches_hold_every_group_once(sentences, batch_sentences, seed):
    _, corpus = make_corpus(sentences)
    groups = group(corpus, 3, 64)
    found = shuffled_batches(groups, batch_sentences, np.random.default_rng(seed))
    assert sorted(item for part in found for item in part) == sorted(groups)
    for part in found:
        assert len(part) == 1 or sum(item.stop - item.start for item in part) <= batch_sentences


@given(corpora(), st.integers(10, 200))
def test_sorted_batches_hold_every_group_once_and_bound_their_size(sentences, batch_tokens):
    _, corpus = make_corpus(sentences)
    groups = group(corpus, 2, 64)
    found = list(sorted_batches(groups, batch_tokens))
    assert sorted(item for part in found for item in part) == sorted(groups)
    for part in found:
        assert len(part) == 1 or len(part) * max(item.tokens for item in part) <= batch_tokens


def check_batch(sentences, lexicon, corpus, batch, max_tokens) -> None:
    """Read each sentence back out of the windows."""
    T, R = batch.tokens.shape
    assert batch.window_lengths.shape == (R,)
    assert 1 <= int(batch.window_lengths.min()) <= int(batch.window_lengths.max()) == T
    held = [sentences[number] for number in batch.sentences]
    assert batch.lengths.tolist() == list(map(len, held))
    assert batch.num_tokens == sum(map(len, held))
    assert batch.places.shape == (max(map(len, held)), len(held))
    inside = torch.arange(T).unsqueeze(1) < batch.window_lengths
    assert torch.equal(batch.tokens != 0, inside)
    assert batch.forms["word"][0, 0] == PAD
    used = []
    for b, sentence in enumerate(held):
        places = batch.places[: len(sentence), b]
        used += places.tolist()
        assert set(batch.places[len(sentence) :, b].tolist()) <= {0}
        t, r = places // R, places % R
        assert bool((t < batch.window_lengths[r]).all())
        forms = batch.tokens[t, r]
        expected = lexicon.forms(sentence.tokens)
        for name in ("word", "shape", "affix"):
            assert batch.forms[name][forms].tolist() == expected.rows[name][1:].tolist()
        width = batch.forms["character"].shape[1]
        assert batch.forms["character"][forms].tolist() == [
            (row + [0] * width)[:width] for row in expected.rows["character"][1:].tolist()
        ]
        rows = lexicon.of(Bigrams).vocab.rows(features.bigrams(sentence.tokens))
        assert batch.local["bigram"][t, r].tolist() == [list(pair) for pair in itertools.pairwise(rows)]
    assert len(set(used)) == len(used) == batch.num_tokens
    assert int(batch.window_lengths.max()) <= max_tokens


@given(corpora(), st.integers(1, 4), st.integers(16, 70), st.integers(0, 99))
@settings(max_examples=60)
def test_every_token_of_every_sentence_is_encoded_once(sentences, context, max_tokens, seed):
    lexicon, corpus = make_corpus(sentences)
    generator = np.random.default_rng(seed)
    for part in shuffled_batches(group(corpus, context, max_tokens, generator), 6, generator):
        check_batch(sentences, lexicon, corpus, collate(corpus, part, max_tokens), max_tokens)


@pytest.mark.parametrize(
    ("length", "max_tokens"), [(10_000, 512), (513, 512), (512, 512), (100, 16), (999, 64)]
)
def test_a_sentence_beyond_the_limit_is_read_through_windows_that_overlap(length, max_tokens):
    sentences = make_sentences([5, length, 7])
    lexicon, corpus = make_corpus(sentences)
    groups = group(corpus, 5, max_tokens)
    assert all(item.stop - item.start == 1 for item in groups) or length + 5 <= max_tokens
    batch = collate(corpus, groups, max_tokens)
    check_batch(sentences, lexicon, corpus, batch, max_tokens)
    R = len(batch.window_lengths)
    b = batch.sentences.index(1)
    places = batch.places[:length, b]
    before, row = places // R, places % R
    after = batch.window_lengths[row] - 1 - before
    margin = min(OVERLAP, max_tokens // 4)
    to_start, to_end = torch.arange(length), length - 1 - torch.arange(length)
    assert bool((before >= torch.minimum(to_start, torch.tensor(margin))).all())
    assert bool((after >= torch.minimum(to_end, torch.tensor(margin))).all())


def test_the_word_that_training_lacks_is_unknown():
    sentences = make_sentences([29, 1])
    lexicon, corpus = make_corpus(sentences)
    batch = collate(corpus, group(corpus, 1, 64), 64)
    b = batch.sentences.index(1)
    R = len(batch.window_lengths)
    form = batch.tokens[batch.places[0, b] // R, batch.places[0, b] % R]
    assert batch.forms["word"][form, 0] == UNKNOWN
    assert WORDS[-1] not in lexicon.words


def test_nothing_padded_still_keeps_row_zero_for_padding():
    _, corpus = make_corpus(make_sentences([4]))
    batch = collate(corpus, group(corpus, 1, 64), 64)
    assert (int(batch.forms["word"][0, 0]), int(batch.forms["shape"][0]), int(batch.tokens.min())) == (
        PAD,
        PAD,
        1,
    )


def test_gold_tags_lie_at_their_tokens_and_open_ones_are_allowed():
    sentences = make_sentences([3, 2, 1])
    options = [[("O",), ("B-X",), ("E-X",)], [("O", "S-X"), ()], [("S-X",)]]
    _, corpus = make_corpus(sentences, options)
    groups = group(corpus, 1, 64)
    batch = collate(corpus, groups, 64)
    assert batch.tags.shape == (3, 3)
    expected = [{"O"}, {"B-X"}, {"E-X"}], [{"O", "S-X"}, set(TAGS)], [{"S-X"}]
    for b, number in enumerate(batch.sentences):
        for t, names in enumerate(expected[number]):
            assert {TAGS[k] for k in batch.allowed[t, b].nonzero().flatten()} == names
            assert TAGS[batch.tags[t, b]] in names
    whole = collate(corpus, [item for item in groups if item.start != 1], 64)
    assert whole.allowed is None
    assert whole.tags[: whole.lengths[0], 0].tolist() in ([0, 1, 3], [4])
    assert collate(encode(sentences, *_untagged(sentences)), groups, 64).tags is None


def _untagged(sentences):
    return make_corpus(sentences)[0], None


def test_a_tag_that_the_lexicon_lacks_is_the_callers_mistake():
    with pytest.raises(KeyError):
        make_corpus(make_sentences([1]), [[("B-Y",)]])


def test_a_batch_moves_between_devices_whole():
    sentences = make_sentences([2, 1])
    _, corpus = make_corpus(sentences, [[("O",), ()], [("O",)]])
    batch = collate(corpus, group(corpus, 2, 64), 64).to(torch.device("meta"))
    tensors = [*batch.forms.values(), *batch.local.values(), batch.tokens, batch.window_lengths]
    tensors += [batch.places, batch.lengths]
    assert {tensor.device.type for tensor in [*tensors, batch.tags, batch.allowed]} == {"meta"}


def test_a_sentence_of_a_million_tokens_is_laid_out_in_linear_time():
    times = []
    for length in (20_000, 200_000):
        _, corpus = make_corpus(make_sentences([length]))
        groups = group(corpus, 5, 512)
        began = time.perf_counter()
        collate(corpus, groups, 512)
        times.append(time.perf_counter() - began)
    assert times[1] < 40 * times[0] + 0.5
