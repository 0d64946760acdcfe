"""What a labeller minimises: softmax-margin against a sum over every tag sequence; and the model that fades."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from oracles import BruteForceCRF
from toy_models import SMALL, WORDS

from tagger import config as settings
from tagger.config import Config
from tagger.model.batch import Batch, Choices, collate, encode, group
from tagger.model.building import build_labeler
from tagger.model.crf import CRF
from tagger.model.labeler import SequenceLabeler
from tagger.model.softmax import Softmax
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.trained import inner_tags
from tagger.runtime.wordclusters import WordClusters
from tagger.text.clusters import Clusters
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme
from tagger.training import objective
from tagger.training.margin import LARGEST_RECALL_COST, margins, recall_cost

T, B, K = 4, 3, 3
LENGTHS = [4, 2, 3]


def draw(seed: int):
    """A CRF of random scores, emissions, gold tags and costs, all in double precision."""
    torch.manual_seed(seed)
    crf = CRF(K).double()
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    emissions = torch.randn(T, B, K, dtype=torch.float64)
    costs = torch.rand(K, K, dtype=torch.float64) * 3
    return crf, emissions, torch.randint(K, (T, B)), costs.fill_diagonal_(0.0)


def brute(crf, emissions, sentence: int) -> BruteForceCRF:
    scores = (crf.start_transitions, crf.transitions, crf.end_transitions)
    return BruteForceCRF(
        emissions[: LENGTHS[sentence], sentence].numpy(), *(each.detach().numpy() for each in scores)
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_is_the_sum_over_all_sequences_with_their_costs(seed):
    crf, emissions, tags, costs = draw(seed)
    found = crf.negative_log_likelihood(emissions + margins(costs, tags), tags, torch.tensor(LENGTHS))
    for sentence, length in enumerate(LENGTHS):
        oracle = brute(crf, emissions, sentence)
        gold = tuple(tags[:length, sentence].tolist())

        def cost(path, gold=gold) -> float:
            return math.fsum(float(costs[right, wrong]) for right, wrong in zip(gold, path, strict=True))

        total = math.fsum(math.exp(oracle.score(path) + cost(path)) for path in oracle.paths)
        assert found[sentence].item() == pytest.approx(math.log(total) - oracle.score(gold), rel=1e-9)
        assert found[sentence].item() >= oracle.loss(gold) - 1e-9  # a bound on the likelihood's loss


@pytest.mark.parametrize("seed", range(3))
def test_sets_of_gold_tags_are_compared_with_the_cheapest_of_them(seed):
    crf, emissions, tags, costs = draw(seed)
    allowed = torch.rand(T, B, K) < 0.5
    allowed.scatter_(-1, tags.unsqueeze(-1), True)
    found = crf.negative_log_likelihood(
        emissions + margins(costs, tags, allowed), None, torch.tensor(LENGTHS), allowed
    )
    for sentence, length in enumerate(LENGTHS):
        oracle = brute(crf, emissions, sentence)
        inside = [np.flatnonzero(allowed[t, sentence].numpy()) for t in range(length)]

        def cost(path, inside=inside) -> float:
            return math.fsum(
                min(float(costs[g, k]) for g in held) for held, k in zip(inside, path, strict=True)
            )

        total = math.fsum(math.exp(oracle.score(path) + cost(path)) for path in oracle.paths)
        within = math.fsum(math.exp(oracle.score(path)) for path in itertools.product(*inside))
        assert found[sentence].item() == pytest.approx(math.log(total) - math.log(within), rel=1e-9)


def test_the_gradient_is_the_expectation_under_the_scores_with_costs():
    crf, emissions, tags, costs = draw(7)
    emissions.requires_grad_()
    lengths = torch.tensor(LENGTHS)
    crf.negative_log_likelihood(emissions + margins(costs, tags), tags, lengths).sum().backward()
    step = 1e-6
    for place in ((0, 0, 0), (1, 1, 2), (2, 2, 1)):
        moved = emissions.detach().clone()
        losses = []
        for sign in (1, -1):
            moved[place] += sign * step
            losses.append(
                crf.negative_log_likelihood(moved + margins(costs, tags), tags, lengths).sum().item()
            )
            moved[place] -= sign * step
        assert emissions.grad[place].item() == pytest.approx((losses[0] - losses[1]) / (2 * step), abs=1e-6)


def test_the_softmax_decoder_takes_costs_too():
    _, emissions, tags, costs = draw(1)
    found = Softmax(K).negative_log_likelihood(emissions + margins(costs, tags), tags, torch.tensor(LENGTHS))
    for sentence, length in enumerate(LENGTHS):
        expected = 0.0
        for t in range(length):
            row, gold = emissions[t, sentence], int(tags[t, sentence])
            expected += math.log(math.fsum(math.exp(row[k] + costs[gold, k]) for k in range(K))) - float(
                row[gold]
            )
        assert found[sentence].item() == pytest.approx(expected, rel=1e-9)


def calm(config: Config) -> Config:
    """Leave the language model beside the tagger out."""
    return settings.override(config, {"training.language_weight": 0.0})


def decode(labeler: SequenceLabeler, batch: Batch) -> torch.Tensor:
    """Return (T, B) rows of the best tags."""
    return labeler.decoder.viterbi(labeler(batch), batch.lengths)


def labeler_and_batch(scheme: str = "IOB2", **changes: object):
    config = settings.override(Config(), SMALL | {"corpus.scheme": scheme, "corpus.mode": "words"} | changes)
    tags = inner_tags(["LOC", "PER"], Scheme(scheme))
    sentences = [Sentence(tuple(WORDS[:4])), Sentence(tuple(WORDS[4:11]))]
    lexicon = Lexicon.build(sentences, tags, config.embedding)
    gold = [[[tags[(n + i) % 2 * 4]] for i in range(len(each))] for n, each in enumerate(sentences)]
    corpus = encode(sentences, lexicon, Choices.of(gold))
    return objective.build(lexicon, calm(config)), collate(corpus, group(corpus, 1, 64), 64), lexicon


def test_costs_of_nothing_change_nothing_and_costs_raise_the_loss():
    plain, batch, lexicon = labeler_and_batch()
    free, _, _ = labeler_and_batch(**{"training.costs": ["PER=0:0"]})
    dear, _, _ = labeler_and_batch(**{"training.costs": ["PER=2:1"]})
    assert plain.costs is None
    decoder, scores = plain.labeler.decoder, plain.labeler(batch)
    likelihood = decoder.negative_log_likelihood(scores, batch.tags, batch.lengths, batch.allowed).sum()
    assert torch.equal(plain(batch).told, likelihood)
    assert torch.equal(free(batch).told, likelihood)
    assert dear(batch).told > likelihood
    assert torch.equal(decode(dear.labeler, batch), decode(plain.labeler, batch))  # which knows no costs
    assert dear.state_dict().keys() == plain.state_dict().keys()
    assert dear.costs[lexicon.tags.index("S-PER"), lexicon.tags.index("O")] == 2.0


@pytest.mark.parametrize(
    ("share", "costs", "is_found"),
    [
        (0.42, [], False),
        (0.42, ["PER=4"], True),  # the threshold is 1 / 2 / (1 / 2 + 0.982) = 0.337
        (0.30, ["PER=4"], False),
        (0.42, ["PER=4:4"], False),
        (0.60, [], True),
        (0.60, ["PER=0:4"], False),  # the threshold is 0.663
        (0.60, ["PER=0:0.1"], True),  # the threshold is 0.512
        (0.60, ["LOC=0:4"], True),
    ],
)
def test_costs_move_the_share_from_which_on_a_type_is_found(share, costs, is_found):
    """One word, a name in so many of a hundred sentences: the formula of the module says what is learned of it."""
    config = settings.override(
        Config(), SMALL | {"corpus.scheme": "IOB2", "corpus.mode": "words", "training.costs": costs}
    )
    tags = inner_tags(["LOC", "PER"], Scheme.IOB2)
    sentences = [Sentence(("x",))] * 100
    lexicon = Lexicon.build(sentences, tags, config.embedding)
    gold = [[["S-PER" if number < 100 * share else "O"]] for number in range(100)]
    corpus = encode(sentences, lexicon, Choices.of(gold))
    batch = collate(corpus, group(corpus, 1, 16), 16)
    whole = objective.build(lexicon, calm(config))
    labeler = whole.labeler
    optimizer = torch.optim.Adam([labeler.emission.bias], lr=0.2)  # enough for a single word
    for _ in range(80):
        optimizer.zero_grad()
        (whole(batch).total / 100).backward()
        optimizer.step()
    assert tags[decode(labeler, batch)[0, 0]] == ("S-PER" if is_found else "O")


@pytest.mark.parametrize("f1", [0.75, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize("length", [1, 2])
def test_a_name_is_found_from_half_the_f1_on(f1, above, length):
    """A phrase, a name in so many of a hundred sentences: its tokens together cost what one name should."""
    share = f1 / 2 + (0.03 if above else -0.03)
    config = settings.override(Config(), SMALL | {"corpus.scheme": "IOB2", "corpus.mode": "words"})
    tags = inner_tags(["LOC", "PER"], Scheme.IOB2)
    sentences = [Sentence(("x",) * length)] * 100
    lexicon = Lexicon.build(sentences, tags, config.embedding)
    name = ["S-PER"] if length == 1 else ["B-PER", "E-PER"]
    gold = [[[tag] for tag in (name if number < 100 * share else ["O"] * length)] for number in range(100)]
    corpus = encode(sentences, lexicon, Choices.of(gold))
    batch = collate(corpus, group(corpus, 1, 16), 16)
    whole = objective.build(lexicon, calm(config), span_length=length)
    labeler = whole.labeler
    optimizer = torch.optim.Adam([labeler.emission.bias, *labeler.decoder.parameters()], lr=0.2)
    for _ in range(150):
        optimizer.zero_grad()
        (whole(batch, None, 0.0, recall_cost(f1)).told / 100).backward()
        optimizer.step()
    found = [tags[row] for row in decode(labeler, batch)[:, 0].tolist()]
    assert found == (name if above else ["O"] * length)


def test_no_cost_reaches_a_threshold_below_a_third():
    assert recall_cost(0.6) == recall_cost(-1.0) == LARGEST_RECALL_COST
    assert recall_cost(0.7) < LARGEST_RECALL_COST
    sigma = 1 / (1 + math.exp(-recall_cost(0.8)))
    assert 0.5 / (0.5 + sigma) == pytest.approx(0.4)


def test_a_type_with_costs_of_its_own_costs_nothing_more():
    labeler, batch, lexicon = labeler_and_batch(**{"training.costs": ["PER=0:0"]})
    assert labeler.shares is None, "only a run that trains has them"
    labeler = objective.build(lexicon, calm(labeler_config()), span_length=2.0)
    assert labeler.shares is not None
    assert labeler.shares[lexicon.tags.index("S-LOC"), 0] == 0.5
    assert not labeler.shares[lexicon.tags.index("S-PER")].any()
    assert labeler(batch, None, 0.0, 1.0).told > labeler(batch).told


def labeler_config() -> Config:
    changes = {"corpus.scheme": "IOB2", "corpus.mode": "words", "training.costs": ["PER=0:0"]}
    return settings.override(Config(), SMALL | changes)


def language_model_and_batch(*, is_spelled: bool = True, **changes: object):
    """An objective with the language model beside the tagger, and a batch of its sentences."""
    config = settings.override(Config(), SMALL | {"corpus.scheme": "IOB2", "corpus.mode": "words"} | changes)
    sentences = [Sentence(tuple(WORDS[:5])), Sentence(tuple(WORDS[5:9])), Sentence(tuple(WORDS[9:10]))]
    tags = inner_tags(["LOC", "PER"], Scheme.IOB2)
    lexicon = Lexicon.build(sentences, tags, config.embedding)
    corpus = encode(sentences, lexicon, Choices.of([["O"]] * len(each) for each in sentences))
    batch = collate(corpus, group(corpus, 1, 64), 64)
    return objective.build(lexicon, config, is_spelled=is_spelled), batch, lexicon, config


def test_the_language_model_beside_the_tagger_costs_something_and_is_no_part_of_it():
    whole, batch, lexicon, config = language_model_and_batch()
    loss = whole(batch)
    assert loss.total.item() > loss.told.item() > 0
    assert whole.labeler.state_dict().keys() == build_labeler(lexicon, config).state_dict().keys()


def test_the_language_model_fades_and_then_rests():
    whole, batch, *_ = language_model_and_batch(**{"training.language_share": 0.5})
    extra = [whole(batch, None, progress) for progress in (0.0, 0.25, 0.5, 0.9)]
    beside = [(loss.total - loss.told).item() for loss in extra]
    assert beside[1] == pytest.approx(beside[0] / 2, rel=1e-4)
    assert beside[2:] == [0.0, 0.0]
    assert [loss.is_partial for loss in extra] == [False, False, True, True]


@pytest.mark.parametrize("has_spelling", [True, False])
@pytest.mark.parametrize("is_spelled", [True, False])
def test_the_language_model_teaches_the_spelling_of_words_where_they_have_one(has_spelling, is_spelled):
    switched_off = {} if has_spelling else {"embedding.affix_dim": 0, "embedding.character_filters": 0}
    whole, batch, lexicon, config = language_model_and_batch(is_spelled=is_spelled, **switched_off)
    assert whole.neighbours is not None
    rows = len(whole.neighbours.output.weight)
    assert rows == (config.training.language_dim if has_spelling and is_spelled else len(lexicon.words))
    forms = whole.labeler.embedding.embed_forms(batch.forms)
    loss = whole.neighbours(torch.zeros_like(whole.labeler.encode(batch)), batch, forms).sum()
    learns = torch.autograd.grad(loss, forms, allow_unused=True)[0] is not None
    assert learns == (has_spelling and is_spelled)


def test_classes_of_words_do_not_tell_the_language_model_which_words_are_neighbours():
    config = settings.override(Config(), SMALL | {"corpus.scheme": "IOB2", "corpus.mode": "words"})
    sentences = [Sentence(tuple(WORDS[:5])), Sentence(tuple(WORDS[5:9]))]
    tree = Clusters("news", {word: f"{number:04b}" for number, word in enumerate(WORDS)})
    lexicon = Lexicon.build(sentences, ["O"], config.embedding, clusters=[tree])
    batch = collate(corpus := encode(sentences, lexicon, None), group(corpus, 1, 64), 64)
    whole = objective.build(lexicon, config)
    assert whole.neighbours is not None
    embedding = whole.labeler.embedding
    assert whole.neighbours.output.in_features == embedding.form_size - lexicon.of(WordClusters).size
    forms = embedding.embed_forms(batch.forms)
    states = torch.zeros_like(whole.labeler.encode(batch))
    loss = whole.neighbours(states, batch, forms[:, : embedding.spelled_size]).sum()
    gradient = torch.autograd.grad(loss, forms)[0]
    assert gradient[:, : embedding.spelled_size].any()
    assert not gradient[:, embedding.spelled_size :].any()
