"""The whole network: what batching, padding and windows may not change, and decoding against brute force."""

from __future__ import annotations

import random

import pytest
import torch
from oracles import BruteForceCRF

from tagger import config
from tagger.config import Config
from tagger.model.batch import Choices, collate, encode, group
from tagger.model.building import build_labeler
from tagger.model.encoder import locked_dropout
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.trained import inner_tags
from tagger.runtime.windows import Group
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme, allowed

WORDS = ("Anna", "saw", "Rome", "in", "1999", ".", "Bert", "x-ray", "of")
TAGS = tuple(inner_tags(["PER"], Scheme.IOB2))


def make_sentences(lengths, documents=None, seed: int = 0) -> list[Sentence]:
    draw = random.Random(seed)
    documents = documents or [0] * len(lengths)
    return [
        Sentence(tuple(draw.choices(WORDS, k=length)), document=document)
        for length, document in zip(lengths, documents, strict=True)
    ]


def make_options(sentences, partial: bool = False) -> list[list[tuple[str, ...]]]:
    """Gold tags that BIOES allows: spans of two tokens, spans of one, and if wanted tokens whose tag is open."""
    patterns = [["B-PER", "E-PER", "O"], ["O", "S-PER"], ["S-PER"]]
    found = []
    for number, sentence in enumerate(sentences):
        tags = (patterns[number % 3] * len(sentence))[: len(sentence)]
        if tags[-1] == "B-PER":
            tags[-1] = "S-PER"
        found.append([() if partial and t % 3 == 1 else (tag,) for t, tag in enumerate(tags)])
    return found


def build(sentences, options=None, dtype=torch.float64, **changes):
    named = {"embedding.bigram_dim": 4, "encoder.hidden": 6, "embedding.word_dim": 8, **changes}
    settings = config.override(Config(), {"corpus.scheme": "IOB2", "corpus.mode": "words", **named})
    lexicon = Lexicon.build(make_sentences([9] * 9, seed=1), TAGS, settings.embedding)
    torch.manual_seed(settings.seed)
    labeler = build_labeler(lexicon, settings).to(dtype)
    return labeler, encode(sentences, lexicon, options and Choices.of(options)), settings


def loss_of(labeler, batch, generator=None) -> torch.Tensor:
    """Return the negative log-likelihood of the gold tags, summed over the batch."""
    scores = labeler(batch, generator)
    return labeler.decoder.negative_log_likelihood(scores, batch.tags, batch.lengths, batch.allowed).sum()


@torch.no_grad()
def best_tags(labeler, batch) -> torch.Tensor:
    return labeler.decoder.viterbi(labeler(batch), batch.lengths)


def emissions_of(labeler, corpus, groups, max_tokens: int = 512) -> dict[int, torch.Tensor]:
    batch = collate(corpus, groups, max_tokens)
    scores = labeler(batch)
    return {number: scores[: batch.lengths[b], b] for b, number in enumerate(batch.sentences)}


DECODERS = pytest.mark.parametrize("decoder", ["crf", "softmax"])


@DECODERS
@pytest.mark.parametrize("partial", [False, True])
def test_the_loss_of_a_batch_is_the_sum_of_its_sentences(decoder, partial):
    sentences = make_sentences([5, 1, 9, 3, 3, 7])
    options = make_options(sentences, partial)
    labeler, corpus, _ = build(sentences, options, **{"decoder.kind": decoder})
    groups = group(corpus, 1, 64)
    total = loss_of(labeler, collate(corpus, groups, 64))
    alone = [loss_of(labeler, collate(corpus, [item], 64)) for item in groups]
    torch.testing.assert_close(total, torch.stack(alone).sum())
    shuffled = loss_of(labeler, collate(corpus, [groups[i] for i in (3, 5, 0, 1, 4, 2)], 64))
    torch.testing.assert_close(shuffled, total)
    parameters = list(labeler.parameters())
    whole = torch.autograd.grad(total, parameters)
    parts = [torch.autograd.grad(loss, parameters) for loss in alone]
    for gradient, *others in zip(whole, *parts, strict=True):
        summed = sum(other.to_dense() for other in others)
        torch.testing.assert_close(gradient.to_dense(), summed)


def test_a_sentence_is_encoded_alike_in_any_company():
    sentences = make_sentences([4, 12, 1, 6])
    labeler, corpus, _ = build(sentences)
    groups = group(corpus, 1, 64)
    together = emissions_of(labeler, corpus, groups)
    for item in groups:
        torch.testing.assert_close(emissions_of(labeler, corpus, [item])[item.start], together[item.start])


def test_neighbours_of_a_document_are_context_and_other_documents_are_not():
    sentences = make_sentences([4, 5, 3], documents=[0, 0, 1])
    labeler, corpus, _ = build(sentences)
    alone = emissions_of(labeler, corpus, group(corpus, 1, 64))
    in_context = emissions_of(labeler, corpus, group(corpus, 5, 64))
    assert not torch.allclose(alone[0], in_context[0])
    assert not torch.allclose(alone[1], in_context[1])
    torch.testing.assert_close(alone[2], in_context[2])


def test_the_limit_changes_nothing_for_sentences_below_it():
    sentences = make_sentences([60, 300, 20, 100])
    labeler, corpus, _ = build(sentences)
    groups = group(corpus, 1, 100)
    limited, free = (emissions_of(labeler, corpus, groups, limit) for limit in (100, 512))
    for number in (0, 2, 3):
        torch.testing.assert_close(limited[number], free[number])
    assert not torch.allclose(limited[1], free[1])
    torch.testing.assert_close(limited[1][:25], free[1][:25], atol=0.01, rtol=0)  # far from the first cut


@pytest.mark.parametrize("length", [17, 100, 333])
def test_windows_lay_every_token_in_its_place(length):
    """With recurrence switched off a token's scores depend on itself alone, so windows may not show at all."""
    sentences = make_sentences([length, 5])
    labeler, corpus, _ = build(sentences, **{"encoder.kind": "rnn"})
    for name, parameter in labeler.encoder.named_parameters():
        if "weight_hh" in name:
            torch.nn.init.zeros_(parameter)
    groups = [Group(0, 1, length), Group(1, 2, 5)]
    cut, whole = (emissions_of(labeler, corpus, groups, limit) for limit in (16, 512))
    for number in (0, 1):
        torch.testing.assert_close(cut[number], whole[number])


def test_decoding_finds_the_best_of_all_tag_sequences():
    sentences = make_sentences([4, 1, 5])
    labeler, corpus, _ = build(sentences)
    torch.nn.init.normal_(labeler.emission.weight, std=3)
    torch.nn.init.normal_(labeler.decoder.transitions)
    groups = group(corpus, 1, 64)
    best = best_tags(labeler, collate(corpus, groups, 64))
    crf = labeler.decoder
    scores = [each.detach().numpy() for each in (crf.start_transitions, crf.transitions, crf.end_transitions)]
    for number, emissions in emissions_of(labeler, corpus, groups).items():
        b = collate(corpus, groups, 64).sentences.index(number)
        expected = BruteForceCRF(emissions.detach().numpy(), *scores, allowed_by_scheme())
        assert tuple(best[: len(emissions), b].tolist()) == expected.paths[0]


def allowed_by_scheme():
    return tuple(allowed(TAGS, Scheme.BIOES))


@DECODERS
@pytest.mark.parametrize("partial", [False, True])
def test_no_number_is_read_that_nobody_wrote(decoder, partial):
    """Fresh memory is filled with NaN: whoever reads it shows."""
    sentences = make_sentences([5, 1, 9, 3])
    options = make_options(sentences, partial)
    labeler, corpus, _ = build(sentences, options, torch.float32, **{"decoder.kind": decoder})
    batch = collate(corpus, group(corpus, 2, 64), 64)

    def answers():
        objective = loss_of(labeler, batch, torch.Generator().manual_seed(0))
        gradients = torch.autograd.grad(objective, list(labeler.parameters()))
        # Without a chain the best tags are those of the highest scores: `runtime.chain` takes them.
        best = [best_tags(labeler, batch)] if decoder == "crf" else []
        return [objective, *gradients, labeler(batch), *best]

    calm = answers()
    torch.use_deterministic_algorithms(True)
    try:
        poisoned = answers()
    finally:
        torch.use_deterministic_algorithms(False)
    for one, other in zip(calm, poisoned, strict=True):
        assert bool(other.to_dense().isfinite().all())
        assert torch.equal(one.to_dense(), other.to_dense())


def test_a_gradient_descends():
    sentences = make_sentences([5, 4, 9, 3])
    labeler, corpus, _ = build(sentences, make_options(sentences))
    batch = collate(corpus, group(corpus, 1, 64), 64)
    loss = loss_of(labeler, batch)
    parameters = list(labeler.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    step = 1e-6
    predicted = 0.0
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            dense = gradient.to_dense()
            predicted += step * float(dense.square().sum())
            parameter -= step * dense
    assert float((loss - loss_of(labeler, batch)).detach()) == pytest.approx(predicted, rel=1e-2)


def test_dropout_is_locked_over_time_and_off_without_a_generator():
    states = torch.ones(7, 50, 40)
    dropped = locked_dropout(states, 0.3, torch.Generator().manual_seed(0))
    assert torch.equal(dropped, dropped[:1].expand_as(dropped))
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert float(dropped.mean()) == pytest.approx(1, abs=0.05)
    assert locked_dropout(states, 0.3, None) is states
    assert torch.equal(locked_dropout(states, 0.0, torch.Generator()), states)


def test_dropout_depends_on_the_generator_alone():
    sentences = make_sentences([5, 4])
    labeler, corpus, _ = build(sentences, make_options(sentences))
    batch = collate(corpus, group(corpus, 1, 64), 64)
    losses = [loss_of(labeler, batch, torch.Generator().manual_seed(seed)).item() for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]
    assert loss_of(labeler, batch).item() == loss_of(labeler, batch).item()
