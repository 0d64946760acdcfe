"""The Triton kernels, interpreted on the CPU, beside the road of operators in double precision; and compiled."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from interpreted import interpreting
from oracles import SCHEMES
from torch import Tensor

from tagger.errors import DataError
from tagger.model.crf import CRF, kernels
from tagger.model.crf.kernels.faults import FORBIDDEN_GOLD, Faults
from tagger.text.schemes import Constraints

BIOES = SCHEMES["BIOES"][1]
FOLDER = Path(kernels.__file__).parent


@pytest.fixture
def kernel() -> Iterator[None]:
    with interpreting():
        yield


def make_crf(K: int, dtype: torch.dtype, constraints: Constraints | None = None) -> CRF:
    crf = CRF(K, constraints=constraints).to(dtype)
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return crf


def by_operators(crf: CRF, ask: Callable[[CRF], Tensor | None]) -> list[Tensor]:
    """Return the answer, and the gradients that asking left behind, in double precision without a kernel."""
    twin = copy.deepcopy(crf).double()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "apply_to", lambda emissions: False)
        return answers(twin, ask)


def answers(crf: CRF, ask: Callable[[CRF], Tensor | None]) -> list[Tensor]:
    crf.zero_grad()
    answer = ask(crf)
    found = [answer] + [parameter.grad for parameter in crf.parameters()]
    return [each.detach().double() for each in found if each is not None]


def same(found: list[Tensor], expected: list[Tensor], relative: float, absolute: float) -> bool:
    pairs = zip(found, expected, strict=True)
    return all(torch.allclose(one, other, rtol=relative, atol=absolute) for one, other in pairs)


def random_constraints(K: int, density: float) -> Constraints:
    """Return constraints that always leave the sequence of zeros."""
    masks = [torch.rand(shape) < density for shape in ((K,), (K, K), (K,))]
    for mask in masks:
        mask[(0,) * mask.dim()] = True
    return Constraints(*(mask.numpy() for mask in masks))


# Beside operators, in double precision.


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("constrained", [False, True], ids=["free", "constrained"])
@pytest.mark.parametrize(
    ("K", "scale"),
    [
        (2, 1000.0),
        (17, 1.0),
        *(
            pytest.param(K, scale, marks=pytest.mark.slow)
            for K in (1, 2, 16, 17, 33, 64, 128)
            for scale in (1.0, 60.0, 1000.0)
        ),
    ],
)
def test_losses_gradients_marginals_and_best_tags_of_ragged_batches(
    K: int, scale: float, constrained: bool
) -> None:
    torch.manual_seed(K)
    T, B = 9, 5
    crf = make_crf(K, torch.float64, random_constraints(K, 0.5) if constrained else None)
    scores = torch.randn(T, B, K, dtype=torch.float64) * scale
    lengths, weights = torch.tensor([9, 1, 2, 7, 4]), torch.tensor([0.5, -2.0, 3.0, 0.0, 1.0])
    sets = torch.rand(T, B, K) < 0.5
    sets[..., 0] = True
    gold = torch.zeros(T, B, dtype=torch.int64) if constrained else torch.randint(K, (T, B))

    def loss(tags: Tensor | None, allowed: Tensor | None) -> Callable[[CRF], Tensor]:
        def ask(crf: CRF) -> Tensor:
            emissions = scores.clone().requires_grad_()
            losses = crf.negative_log_likelihood(emissions, tags, lengths, allowed)
            (losses * weights).sum().backward()
            assert emissions.grad is not None
            return torch.cat((losses, emissions.grad.view(-1)))

        return ask

    questions: list[Callable[[CRF], Tensor]] = [
        loss(gold, None),
        loss(None, sets),
        lambda crf: crf.marginals(scores, lengths),
        lambda crf: crf.marginals(scores, lengths, sets),
        lambda crf: crf.posterior(scores, lengths, temperature=3.0).log_z,
        lambda crf: crf.viterbi(scores, lengths),
        lambda crf: crf.viterbi(scores, lengths, sets),
    ]
    for ask in questions:
        assert same(answers(crf, ask), by_operators(crf, ask), 1e-10, 1e-10)


@pytest.mark.usefixtures("kernel")
@pytest.mark.slow
def test_log_z_of_ten_thousand_tokens() -> None:
    torch.manual_seed(0)
    crf, lengths = make_crf(5, torch.float32, BIOES), torch.tensor([10_000])
    scores, tags = torch.randn(10_000, 1, 5), torch.zeros(10_000, 1, dtype=torch.int64)

    def ask(crf: CRF) -> Tensor:
        with torch.no_grad():
            return crf.negative_log_likelihood(scores.to(crf.transitions.dtype), tags, lengths)

    assert same(answers(crf, ask), by_operators(crf, ask), 1e-7, 0)


@pytest.mark.usefixtures("kernel")
@pytest.mark.slow
def test_a_long_sentence_whose_scores_lie_far_apart() -> None:
    torch.manual_seed(0)
    crf, lengths = make_crf(5, torch.float32, BIOES), torch.tensor([1_000])
    scores = torch.randn(1_000, 1, 5) * 300

    def ask(crf: CRF) -> Tensor:
        emissions = scores.to(crf.transitions.dtype).detach().requires_grad_()
        tags = crf.viterbi(emissions.detach(), lengths)
        losses = crf.negative_log_likelihood(emissions, tags, lengths)
        losses.sum().backward()
        assert emissions.grad is not None
        return torch.cat((tags.view(-1), losses, emissions.grad.view(-1)))

    assert same(answers(crf, ask), by_operators(crf, ask), 1e-5, 1e-6)


@pytest.mark.usefixtures("kernel")
@pytest.mark.slow
@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_gradient_is_that_of_finite_differences(scale: float, partial: bool) -> None:
    torch.manual_seed(1)
    crf, lengths = make_crf(5, torch.float64, BIOES), torch.tensor([3, 1])
    tags, sets = torch.tensor([[1, 4], [2, 0], [3, 0]]), torch.ones(3, 2, 5, dtype=torch.bool)
    sets[0, 0, 2:] = False
    emissions = torch.randn(3, 2, 5, dtype=torch.float64, requires_grad=True)

    def loss(emissions: Tensor, *_parameters: Tensor) -> Tensor:
        known = (None, lengths, sets) if partial else (tags, lengths)
        return crf.negative_log_likelihood(emissions * scale, *known)

    assert torch.autograd.gradcheck(loss, (emissions, *crf.parameters()), eps=1e-7 if scale > 1 else 1e-6)


@pytest.mark.usefixtures("kernel")
def test_each_sentence_takes_its_own_road() -> None:
    """The first sentence's scores lie far apart, the second's don't; both are right, and told apart."""
    from tagger.model.crf.kernels.launches import KernelBatch, KernelChain, run_forward

    torch.manual_seed(0)
    crf, lengths = make_crf(5, torch.float64, BIOES), torch.tensor([6, 6])
    scores = torch.randn(6, 2, 5, dtype=torch.float64)
    scores[:, 0] *= 1000
    chain = KernelChain.of(
        crf.start_transitions, crf.transitions, crf.end_transitions, crf.possible, crf.exponent
    )
    alphas = run_forward(KernelBatch(scores, lengths), chain)
    assert alphas.roads.tolist() == [1, 0]
    assert same(
        [alphas.log_z], by_operators(crf, lambda crf: crf.posterior(scores, lengths).log_z)[:1], 1e-12, 0
    )


@pytest.mark.slow
@pytest.mark.usefixtures("kernel")
def test_sums_over_many_parts_are_the_same_bits_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from tagger.model.crf.kernels import launches

    torch.manual_seed(0)
    crf, lengths = make_crf(3, torch.float32), torch.tensor([40, 3, 17, 1, 40, 20, 11])
    emissions, tags = torch.randn(40, 7, 3), torch.randint(3, (40, 7))

    def ask(crf: CRF) -> Tensor:
        losses = crf.negative_log_likelihood(emissions.to(crf.transitions.dtype), tags, lengths)
        losses.sum().backward()
        return losses

    first, again = answers(crf, ask), answers(crf, ask)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    for programs, part in ((1, 32), (3, 4), (500, 4)):
        monkeypatch.setattr(launches, "_PROGRAMS", programs)
        monkeypatch.setattr(launches, "_PART", part)
        assert same(answers(crf, ask), by_operators(crf, ask), 1e-5, 1e-5)


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_scores_are_widened_and_gradients_come_back_as_narrow(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    crf, lengths = make_crf(4, torch.float32), torch.tensor([5, 3])
    scores, tags = torch.randn(5, 2, 4).to(dtype), torch.randint(4, (5, 2))
    rows = scores.transpose(0, 1).contiguous().transpose(0, 1)  # batch-major memory

    def ask(crf: CRF) -> Tensor:
        wide = crf.transitions.dtype == torch.float64
        emissions = (rows.double() if wide else rows).detach().requires_grad_()
        losses = crf.negative_log_likelihood(emissions, tags, lengths)
        losses.sum().backward()
        assert emissions.grad is not None and emissions.grad.dtype == emissions.dtype
        assert losses.dtype == torch.promote_types(emissions.dtype, torch.float32)
        return emissions.grad

    tolerance = 1e-3 if dtype == torch.float16 else 1e-5
    found, expected = answers(crf, ask), by_operators(crf, ask)
    assert same(found[:1], expected[:1], tolerance, tolerance)
    assert same(found[1:], expected[1:], 1e-5, 1e-5)


@pytest.mark.usefixtures("kernel")
def test_what_the_padding_holds_does_not_matter() -> None:
    torch.manual_seed(0)
    crf, lengths = make_crf(5, torch.float32, BIOES), torch.tensor([4, 1])
    emissions, tags = torch.randn(4, 2, 5), torch.zeros(4, 2, dtype=torch.int64)
    clean = crf.negative_log_likelihood(emissions, tags, lengths)
    emissions[1:, 1], tags[1:, 1] = torch.nan, -100
    dirty = emissions.clone().requires_grad_()
    losses = crf.negative_log_likelihood(dirty, tags, lengths)
    losses.sum().backward()
    assert torch.equal(losses, clean)
    assert dirty.grad is not None and not dirty.grad[1:, 1].any()
    assert crf.viterbi(emissions, lengths)[1:, 1].tolist() == [0, 0, 0]


# What is wrong with a sentence.


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("number", [torch.nan, torch.inf])
def test_a_score_that_is_no_number_is_seen_in_the_loss_and_in_the_gradient(number: float) -> None:
    crf, lengths = make_crf(5, torch.float32, BIOES), torch.tensor([3, 3])
    emissions = torch.randn(3, 2, 5)
    emissions[1, 1, 2] = number
    losses = crf.negative_log_likelihood(
        emissions.requires_grad_(), torch.zeros(3, 2, dtype=torch.int64), lengths
    )
    losses.sum().backward()
    assert losses.isnan().tolist() == [False, True]
    assert emissions.grad is not None and emissions.grad[:, 1].isnan().any()
    assert crf.transitions.grad is not None and crf.transitions.grad.isnan().any()


@pytest.mark.usefixtures("kernel")
def test_a_faulty_sentence_has_an_infinite_loss_and_no_gradient() -> None:
    """As long as nobody has looked, a step goes on: it must not spoil the parameters."""
    from tagger.model.crf.kernels.loss import KernelLikelihood

    torch.manual_seed(0)
    crf, lengths = make_crf(5, torch.float64, BIOES), torch.tensor([2, 3])
    scores, tags = torch.randn(3, 2, 5, dtype=torch.float64), torch.tensor([[4, 1], [0, 0], [0, 0]])  # B-X O
    sets = torch.nn.functional.one_hot(tags, 5).bool()
    chain = crf.start_transitions, crf.transitions, crf.end_transitions
    for known, fault in (((tags, None), 1), ((None, sets), 2)):
        emissions = scores.clone().requires_grad_()
        crf.zero_grad()
        losses, faults = KernelLikelihood.apply(
            emissions, *chain, crf.possible, crf.exponent, lengths, *known
        )
        losses.sum().backward()
        assert faults.tolist() == [0, fault]
        assert losses.isinf().tolist() == [False, True]
        assert emissions.grad is not None and not emissions.grad[:, 1].any()

        def alone(crf: CRF) -> Tensor:
            loss = crf.negative_log_likelihood(scores[:, :1], tags[:, :1], lengths[:1])
            loss.sum().backward()
            return loss

        assert same(answers_of(losses[:1], crf), by_operators(crf, alone), 1e-10, 1e-12)


def answers_of(answer: Tensor, crf: CRF) -> list[Tensor]:
    return [
        answer.detach(),
        *(parameter.grad for parameter in crf.parameters() if parameter.grad is not None),
    ]


def test_faults_of_a_batch_are_told_when_the_next_one_comes() -> None:
    class Arrival:
        """Stands for the event of a copy from the device."""

        waits = 0

        def synchronize(self) -> None:
            self.waits += 1

    faults, arrival = Faults(), Arrival()
    faults.look()
    faults._last = torch.tensor([0, FORBIDDEN_GOLD]), torch.tensor([3, 4]), arrival
    with pytest.raises(DataError, match=r"gold tags of sentence 1 of the last batch .* repair them"):
        faults.note(torch.tensor([0]), torch.tensor([1]))
    assert arrival.waits == 1
    faults.note(torch.tensor([0]), torch.tensor([1]))  # told once
    with pytest.raises(
        DataError, match=r"sentence 0 of the batch .*, of 7 tokens, has no possible tag sequence"
    ):
        faults.note(torch.tensor([2]), torch.tensor([7]))


def test_a_module_with_findings_is_copied_and_pickled_without_them() -> None:
    crf = CRF(3)
    crf._faults._last = torch.tensor([1]), torch.tensor([1]), None
    for twin in (copy.deepcopy(crf), pickle.loads(pickle.dumps(crf))):
        twin.raise_faults()


# Where the kernels apply.


def test_without_a_gpu_the_usual_road_is_taken_and_triton_is_not_imported() -> None:
    code = """
import sys, torch
from tagger.model.crf import CRF
crf, emissions, lengths = CRF(3), torch.zeros(2, 1, 3), torch.tensor([2])
crf.negative_log_likelihood(emissions, torch.zeros(2, 1, dtype=torch.int64), lengths).sum().backward()
crf.viterbi(emissions, lengths), crf.marginals(emissions, lengths)
assert "triton" not in sys.modules and "tagger.model.crf.kernels.launches" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_device_on_which_triton_fails_takes_the_usual_road(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "find_spec", lambda name: None)
    kernels.obstacle.cache_clear()
    assert kernels.obstacle(torch.device("cuda")) == "Triton isn't installed"
    monkeypatch.undo()
    kernels.obstacle.cache_clear()
    if not torch.cuda.is_available():
        assert "Triton" in (kernels.obstacle(torch.device("cuda")) or "")
    kernels.obstacle.cache_clear()


@pytest.mark.usefixtures("kernel")
def test_more_tags_than_fit_take_the_usual_road() -> None:
    assert kernels.apply_to(torch.zeros(1, 1, 128))
    assert not kernels.apply_to(torch.zeros(1, 1, 129))
    assert not kernels.apply_to(torch.zeros(1, 1, 3, dtype=torch.int64))


# Compiled: the interpreter takes much that a device doesn't.


@pytest.mark.slow
@pytest.mark.parametrize("capability", [80, 90])
def test_every_kernel_compiles_for_devices_without_spilling_what_a_step_needs(capability: int) -> None:
    pytest.importorskip("triton")
    script = Path(__file__).parent.parent / "compiled.py"
    finished = subprocess.run(
        [sys.executable, script, str(capability)], capture_output=True, text=True, check=False
    )
    if finished.returncode == 77:
        pytest.skip(finished.stdout.strip())
    assert finished.returncode == 0, finished.stderr
    rows = [line.split() for line in finished.stdout.splitlines()]
    assert len(rows) >= 50
    spilled = {" ".join(row[:-1]): int(row[-1]) for row in rows if int(row[-1])}
    assert all(bytes_ <= 200 for bytes_ in spilled.values()), spilled
    assert all(" KP=128" in name for name in spilled), spilled
