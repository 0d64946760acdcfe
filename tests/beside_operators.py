"""The CRF beside its road of operators on the CPU, in double precision. As a program it compares a GPU with it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor

from tagger.model.crf import CRF, kernels
from tagger.text.schemes import Constraints

Question = Callable[[CRF], Tensor]


def make_crf(K: int, dtype: torch.dtype, constraints: Constraints | None = None) -> CRF:
    crf = CRF(K, constraints=constraints).to(dtype)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return crf


def by_operators(crf: CRF, ask: Question) -> list[Tensor]:
    """Return the answer, and the gradients that asking left behind, in double precision without a kernel."""
    twin = copy.deepcopy(crf).to("cpu", torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "apply_to", lambda emissions: False)
        return answers(twin, ask)


def answers(crf: CRF, ask: Question) -> list[Tensor]:
    crf.zero_grad()
    answer = ask(crf)
    found = [answer] + [parameter.grad for parameter in crf.parameters()]
    return [each.detach().to("cpu", torch.float64) for each in found if each is not None]


def same(found: list[Tensor], expected: list[Tensor], relative: float, absolute: float) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(torch.allclose(one, other, rtol=relative, atol=absolute) for one, other in pairs)


def compare(
    K: int, scale: float, constrained: bool, lengths: list[int], device: str = "cpu", tolerance: float = 1e-10
) -> None:
    """Ask for losses, gradients, marginals and best tags of a ragged batch, whose scores lie about `scale` apart."""
    torch.manual_seed(K)
    T, B = max(lengths), len(lengths)
    crf = make_crf(K, torch.float64, random_constraints(K, 0.5) if constrained else None).to(device)
    sizes, weights = torch.tensor(lengths), torch.randint(-2, 3, (B,)) / 2
    scores, sets = torch.randn(T, B, K, dtype=torch.float64) * scale, torch.rand(T, B, K) < 0.5
    sets[..., 0] = True
    gold = torch.zeros(T, B, dtype=torch.int64) if constrained else torch.randint(K, (T, B))

    def loss(crf: CRF, is_partial: bool) -> Tensor:
        at = crf.transitions.device
        emissions = scores.to(at, copy=True).requires_grad_()
        known = (None, sizes.to(at), sets.to(at)) if is_partial else (gold.to(at), sizes.to(at))
        losses = crf.negative_log_likelihood(emissions, *known)
        (losses * weights.to(at)).sum().backward()
        assert emissions.grad is not None
        return torch.cat((losses, emissions.grad.view(-1)))

    def batch(crf: CRF, *others: Tensor) -> list[Tensor]:
        return [tensor.to(crf.transitions.device) for tensor in (scores, sizes, *others)]

    questions: list[Question] = [
        lambda crf: loss(crf, is_partial=False),
        lambda crf: loss(crf, is_partial=True),
        lambda crf: crf.marginals(*batch(crf)),
        lambda crf: crf.marginals(*batch(crf, sets)),
        lambda crf: crf.posterior(*batch(crf), temperature=3.0).log_z,
        lambda crf: crf.viterbi(*batch(crf)),
        lambda crf: crf.viterbi(*batch(crf, sets)),
    ]
    for number, ask in enumerate(questions):
        found, expected = answers(crf, ask), by_operators(crf, ask)
        assert same(found, expected, tolerance, tolerance), (number, K, scale, constrained, lengths)


def random_constraints(K: int, density: float) -> Constraints:
    """Return constraints that always leave the sequence of zeros."""
    masks = [torch.rand(shape) < density for shape in ((K,), (K, K), (K,))]
    for mask in masks:
        mask[(0,) * mask.dim()] = True
    return Constraints(*(mask.numpy() for mask in masks))


if __name__ == "__main__":
    assert kernels.obstacle(torch.device("cuda")) is None, kernels.obstacle(torch.device("cuda"))
    for K, scale, constrained in product(
        (1, 2, 16, 17, 33, 64, 100, 128), (1.0, 60.0, 1000.0), (False, True)
    ):
        compare(K, scale, constrained, [1 + 13 * b % 40 for b in range(33)], "cuda", 1e-9)
    for scale in (1.0, 1000.0):
        compare(9, scale, True, [10_000, 9_999], "cuda", 1e-7)
