"""The loss of distributions over tag sequences, beside sums over every sequence written down."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from oracles import SCALES, SCHEMES, BruteForceCRF
from torch import Tensor

from tagger.errors import DataError
from tagger.model.crf import CRF, SoftTags
from tagger.model.softmax import Softmax

Distribution = dict[tuple[int, ...], float]  # tag sequences and their probabilities


def draw_chain(K: int, constraints, seed: int, dtype: torch.dtype = torch.float64) -> CRF:
    torch.manual_seed(seed)
    crf = CRF(K, constraints=constraints).to(dtype)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return crf


def write_down(crf: CRF, emissions: Tensor, constraints) -> BruteForceCRF:
    """The chain of one sentence, emissions (T, K), with all its sequences."""
    scores = (
        each.detach().double() for each in (crf.start_transitions, crf.transitions, crf.end_transitions)
    )
    return BruteForceCRF(emissions.detach().double(), *scores, constraints)


def mix(*oracles: BruteForceCRF) -> Distribution:
    """The mean of several chains, which as a rule is no chain."""
    mean: Distribution = {}
    for oracle in oracles:
        for path, probability in zip(oracle.paths, oracle.probabilities, strict=True):
            mean[path] = mean.get(path, 0.0) + probability / len(oracles)
    return mean


def soften(distributions: list[Distribution], T: int, K: int) -> SoftTags:
    """Count tags and moves; NaN in the padding, which must not matter, and every move a row of its own."""
    marginals = torch.full((T, len(distributions), K), math.nan, dtype=torch.float64)
    rows: list[tuple[int, int, float]] = []
    for b, distribution in enumerate(distributions):
        length = len(next(iter(distribution)))
        marginals[:length, b] = 0.0
        for path, probability in distribution.items():
            for t, k in enumerate(path):
                marginals[t, b, k] += probability
            rows += [(b, i * K + j, probability) for i, j in itertools.pairwise(path)]
    owners, moves, counts = zip(*rows, strict=True) if rows else ((), (), ())
    return SoftTags(
        marginals, torch.tensor(owners).long(), torch.tensor(moves).long(), torch.tensor(counts).double()
    )


def cross_entropy(distribution: Distribution, oracle: BruteForceCRF) -> float:
    found = dict(zip(oracle.paths, oracle.probabilities, strict=True))
    scores = dict(zip(oracle.paths, oracle.scores, strict=True))
    assert found.keys() >= distribution.keys()
    return math.fsum(q * (oracle.log_z - scores[path]) for path, q in distribution.items())


@pytest.fixture(params=["free", "BIOES", "BMES"])
def scheme(request) -> str:
    return request.param


@pytest.fixture(params=SCALES.values(), ids=SCALES)
def scale(request) -> float:
    return request.param


LENGTHS = {"free": (1, 4, 3), "BIOES": (1, 4, 3), "BMES": (2, 5, 4)}


def make(
    scheme: str, scale: float, dtype: torch.dtype
) -> tuple[CRF, Tensor, Tensor, list[Distribution], list]:
    """A student, its emissions and lengths, the mean of two teachers, and the student written down."""
    K, constraints = SCHEMES[scheme]
    lengths = LENGTHS[scheme]
    students, *teachers = (
        (draw_chain(K, constraints, seed, dtype), torch.randn(max(lengths), 3, K, dtype=dtype))
        for seed in range(3)
    )
    crf, emissions = students[0], students[1] * scale
    taught = [
        mix(*(write_down(chain, scores[:n, b], constraints) for chain, scores in teachers))
        for b, n in enumerate(lengths)
    ]
    oracles = [write_down(crf, emissions[:n, b], constraints) for b, n in enumerate(lengths)]
    return crf, emissions, torch.tensor(lengths), taught, oracles


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_and_gradient_are_those_of_enumeration(scheme: str, scale: float, dtype: torch.dtype) -> None:
    """Each sentence with a weight of its own, so that none can hide behind another."""
    crf, emissions, lengths, taught, oracles = make(scheme, scale, dtype)
    soft = soften(taught, len(emissions), crf.num_tags)
    weights = torch.tensor([0.5, -2.0, 3.0], dtype=dtype)
    emissions.requires_grad_()
    losses = crf.cross_entropy(emissions, soft, lengths)
    expected = [cross_entropy(q, oracle) for q, oracle in zip(taught, oracles, strict=True)]
    assert losses.tolist() == pytest.approx(expected, rel=1e-4, abs=1e-4)

    (losses * weights).sum().backward()
    by_move = np.zeros((crf.num_tags, crf.num_tags))
    by_start, by_end = np.zeros(crf.num_tags), np.zeros(crf.num_tags)
    assert emissions.grad is not None
    for b, (q, oracle) in enumerate(zip(taught, oracles, strict=True)):
        own = soften([dict(zip(oracle.paths, oracle.probabilities, strict=True))], oracle.T, oracle.K)
        other = soften([q], oracle.T, oracle.K)
        difference = float(weights[b]) * (own.marginals - other.marginals)[:, 0]
        assert torch.allclose(emissions.grad[: oracle.T, b].double(), difference, rtol=1e-4, atol=1e-4)
        assert not emissions.grad[oracle.T :, b].any()
        by_start += difference[0].numpy()
        by_end += difference[-1].numpy()
        for sign, each in ((1, own), (-1, other)):
            np.add.at(by_move.reshape(-1), each.moves.numpy(), sign * float(weights[b]) * each.counts.numpy())
    for parameter, wanted in (
        (crf.start_transitions, by_start),
        (crf.transitions, by_move),
        (crf.end_transitions, by_end),
    ):
        assert parameter.grad is not None
        assert np.allclose(parameter.grad.numpy(), wanted, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("kind", ["free", "BIOES"])
@pytest.mark.parametrize("size", [1.0, 60.0, 1000.0])
def test_gradcheck(kind: str, size: float) -> None:
    crf, emissions, lengths, taught, _ = make(kind, 1.0, torch.float64)
    soft = soften(taught, len(emissions), crf.num_tags)

    def loss(emissions: Tensor, *_parameters: Tensor) -> Tensor:
        return crf.cross_entropy(emissions * size, soft, lengths)

    assert torch.autograd.gradcheck(
        loss, (emissions.requires_grad_(), *crf.parameters()), eps=1e-7 if size > 1 else 1e-6
    )


def test_gold_tags_are_the_distribution_that_is_sure_of_them(scheme: str, scale: float) -> None:
    crf, emissions, lengths, _, oracles = make(scheme, scale, torch.float64)
    tags = torch.full(emissions.shape[:2], 0)
    for b, oracle in enumerate(oracles):
        tags[: oracle.T, b] = torch.tensor(oracle.paths[min(5, len(oracle.paths) - 1)])
    emissions.requires_grad_()
    inputs = (emissions, *crf.parameters())
    answers = []
    for losses in (
        crf.cross_entropy(emissions, SoftTags.of_gold(tags, lengths, crf.num_tags), lengths),
        crf.negative_log_likelihood(emissions, tags, lengths),
    ):
        answers.append((losses, *torch.autograd.grad(losses.sum(), inputs)))
    for found, expected in zip(*answers, strict=True):
        assert torch.allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_sets_are_the_divergence_from_the_chains_own_posterior_within_them() -> None:
    """-log p(S) = H(r, p) - H(r) for r = p within S, and the gradient is that of H(r, p) at a fixed r."""
    K, constraints = SCHEMES["BIOES"]
    crf, emissions, lengths, _, _ = make("BIOES", 1.0, torch.float64)
    torch.manual_seed(5)
    sets = torch.rand(emissions.shape) < 0.5
    sets[..., 0] = True  # O, so that some sequence is left
    emissions.requires_grad_()
    within = []
    for b, n in enumerate(lengths.tolist()):
        parts = (each.detach() for each in (crf.start_transitions, crf.transitions, crf.end_transitions))
        oracle = BruteForceCRF(emissions[:n, b].detach(), *parts, constraints, sets[:n, b])
        within.append(dict(zip(oracle.paths, oracle.probabilities, strict=True)))
    entropies = [-math.fsum(p * math.log(p) for p in q.values()) for q in within]
    soft = crf.cross_entropy(emissions, soften(within, len(emissions), K), lengths)
    partial = crf.negative_log_likelihood(emissions, None, lengths, sets)
    assert partial.tolist() == pytest.approx((soft.detach().numpy() - entropies).tolist())
    inputs = (emissions, *crf.parameters())
    pairs = zip(*(torch.autograd.grad(each.sum(), inputs) for each in (soft, partial)), strict=True)
    assert all(torch.allclose(one, other) for one, other in pairs)


def test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn() -> None:
    crf, emissions, lengths, _, oracles = make("BIOES", 1.0, torch.float64)
    own = [dict(zip(oracle.paths, oracle.probabilities, strict=True)) for oracle in oracles]
    losses = crf.cross_entropy(emissions.requires_grad_(), soften(own, len(emissions), crf.num_tags), lengths)
    entropies = [-math.fsum(p * math.log(p) for p in q.values()) for q in own]
    assert losses.tolist() == pytest.approx(entropies)
    (gradient,) = torch.autograd.grad(losses.sum(), emissions)
    assert gradient.abs().max() < 1e-12


def test_forbidden_moves_are_refused() -> None:
    K, constraints = SCHEMES["BIOES"]
    crf = draw_chain(K, constraints, 0)
    soft = SoftTags.of_gold(torch.tensor([[0, 0], [0, 2]]), torch.tensor([2, 2]), K)  # O I-X
    with pytest.raises(DataError, match=r"soft tags of sentence 1 .* a move that the constraints forbid"):
        crf.cross_entropy(torch.zeros(2, 2, K), soft, torch.tensor([2, 2]))


def test_second_derivative_is_refused() -> None:
    crf, emissions, lengths, taught, _ = make("free", 1.0, torch.float64)
    loss = crf.cross_entropy(
        emissions.requires_grad_(), soften(taught, len(emissions), crf.num_tags), lengths
    ).sum()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(loss, emissions, create_graph=True)


def test_without_memory_between_tags_it_is_a_sum_over_tokens() -> None:
    torch.manual_seed(0)
    emissions, lengths = torch.randn(4, 2, 3), torch.tensor([4, 2])
    q = torch.rand(4, 2, 3).softmax(-1)
    nothing = torch.empty(0, dtype=torch.int64)
    losses = Softmax(3).cross_entropy(emissions, SoftTags(q, nothing, nothing, torch.empty(0)), lengths)
    by_token = -(q * emissions.log_softmax(-1)).sum(-1)
    assert losses.tolist() == pytest.approx([by_token[:, 0].sum().item(), by_token[:2, 1].sum().item()])
