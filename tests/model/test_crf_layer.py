"""The drop-in interface, beside pytorch-crf where it is installed; and what must not change an answer."""

from __future__ import annotations

import copy
import doctest
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tagger.model import crf as crf_package
from tagger.model.crf import CRF
from tagger.text.schemes import Scheme, allowed, violations

T, B, K = 7, 4, 5


@pytest.fixture
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Emissions (T, B, K), tags (T, B) and mask (T, B)."""
    torch.manual_seed(0)
    mask = torch.arange(T).unsqueeze(1) < torch.tensor([7, 1, 4, 6])
    return torch.randn(T, B, K), torch.randint(K, (T, B)), mask


# Beside pytorch-crf.


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("masked", ["bool", "uint8", "none"])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "token_mean"])
def test_equal_to_pytorch_crf(batch, batch_first: bool, masked: str, reduction: str) -> None:
    torchcrf = pytest.importorskip("torchcrf")
    ours, theirs = CRF(K, batch_first).double(), torchcrf.CRF(K, batch_first).double()
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    emissions, tags, mask = (value.transpose(0, 1) if batch_first else value for value in batch)
    masks = {
        "bool": (mask, mask),
        "uint8": (mask.to(torch.uint8), mask),
        "none": (None, torch.ones_like(mask)),
    }[masked]
    results, gradients = [], []
    for crf, crf_mask in zip((ours, theirs), masks, strict=True):  # bytes make theirs warn
        scores = emissions.double().detach().clone().requires_grad_()
        value = crf(scores, tags, mask=crf_mask, reduction=reduction)
        value.sum().backward()
        results.append(value.detach())
        parameters = (crf.start_transitions, crf.transitions, crf.end_transitions)
        gradients.append((scores.grad, *(parameter.grad for parameter in parameters)))
    torch.testing.assert_close(*results)
    torch.testing.assert_close(*gradients)
    assert ours.decode(emissions, masks[0]) == theirs.decode(emissions.double(), masks[1])


def test_a_float_layer_takes_double_emissions(batch) -> None:
    emissions, tags, mask = batch
    value = CRF(K)(emissions.double(), tags, mask)
    assert value.dtype == torch.float64


# Errors at the door.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emissions": torch.zeros(T, K)}, "emissions must have 3 dimensions, got 2"),
        ({"emissions": torch.zeros(T, B, K + 1)}, "last dimension of emissions must be 5, got 6"),
        (
            {"tags": torch.zeros(T - 1, B, dtype=torch.long)},
            r"emissions and tags must match, got \(7, 4\) and \(6, 4\)",
        ),
        (
            {"mask": torch.ones(T, B - 1, dtype=torch.bool)},
            r"emissions and mask must match, got \(7, 4\) and \(7, 3\)",
        ),
        ({"tags": torch.full((T, B), K)}, "tags must lie between 0 and 4, got 5 to 5"),
        ({"tags": torch.full((T, B), -1)}, "tags must lie between 0 and 4, got -1 to -1"),
        ({"mask": torch.zeros(T, B, dtype=torch.bool)}, "first time step must be on for every sentence"),
        ({"reduction": "average"}, "invalid reduction: average; expected one of none, sum, mean, token_mean"),
    ],
)
def test_errors_say_what_was_expected(batch, change: dict[str, object], message: str) -> None:
    arguments = dict(zip(("emissions", "tags", "mask"), batch, strict=True)) | change
    with pytest.raises(ValueError, match=message):
        CRF(K)(**arguments)


def test_a_mask_with_a_gap_is_refused(batch) -> None:
    emissions, tags, mask = batch
    mask = mask.clone()
    mask[2, 0] = False
    for ask in (lambda: CRF(K)(emissions, tags, mask), lambda: CRF(K).decode(emissions, mask)):
        with pytest.raises(ValueError, match="without a gap from the first token of a sentence to its last"):
            ask()


@pytest.mark.parametrize("num_tags", [0, -3])
def test_a_number_of_tags_below_one_is_refused(num_tags: int) -> None:
    with pytest.raises(ValueError, match=f"invalid number of tags: {num_tags}; expected at least 1"):
        CRF(num_tags)


def test_tags_in_the_padding_may_be_anything(batch) -> None:
    emissions, tags, mask = batch
    crf = CRF(K)
    changed = torch.where(mask, tags, -100)
    assert torch.equal(crf(emissions, changed, mask), crf(emissions, tags, mask))


# What must not change an answer.


def answers(crf: CRF, emissions: Tensor, tags: Tensor, lengths: Tensor) -> list[Tensor]:
    """Loss (B,), gradient, best tags, marginals and n-best tags, with the sentences in axis 1."""
    emissions = emissions.clone().requires_grad_()
    loss = crf.negative_log_likelihood(emissions, tags, lengths)
    loss.sum().backward()
    assert emissions.grad is not None
    best = crf.nbest(emissions, lengths, 3)
    posterior = crf.posterior(emissions, lengths)
    return [
        loss.detach().unsqueeze(0),
        emissions.grad,
        crf.viterbi(emissions, lengths),
        posterior.marginals,
        best.tags,
        posterior.of_scores(best.scores).t(),
    ]


def test_padding_has_no_influence(batch) -> None:
    emissions, tags, mask = batch
    crf, lengths = CRF(K), mask.sum(0)
    expected = answers(crf, emissions, tags, lengths)
    for garbage in (0.0, 1e9, -torch.inf, torch.nan):
        padded = torch.full((T + 3, B, K), garbage)
        padded[:T] = torch.where(mask.unsqueeze(-1), emissions, garbage)
        longer = torch.full((T + 3, B), 99)
        longer[:T] = torch.where(mask, tags, -5)
        for found, wanted in zip(answers(crf, padded, longer, lengths), expected, strict=True):
            torch.testing.assert_close(found[: len(wanted)], wanted)
            assert not found[len(wanted) :].any()


def test_order_and_company_of_sentences_have_no_influence(batch) -> None:
    emissions, tags, mask = batch
    crf, lengths = CRF(K), mask.sum(0)
    expected = answers(crf, emissions, tags, lengths)
    order = torch.tensor([2, 0, 3, 1])
    shuffled = answers(crf, emissions[:, order], tags[:, order], lengths[order])
    for found, wanted in zip(shuffled, expected, strict=True):
        torch.testing.assert_close(found, wanted[:, order])
    for b, length in enumerate(lengths.tolist()):
        alone = answers(crf, emissions[:length, b : b + 1], tags[:length, b : b + 1], lengths[b : b + 1])
        for found, wanted in zip(alone, expected, strict=True):
            torch.testing.assert_close(found, wanted[: len(found), b : b + 1])


TAGS = {
    Scheme.BIOES: ["O", "B-X", "I-X", "E-X", "S-X", "B-Y", "I-Y", "E-Y", "S-Y"],
    Scheme.IOB2: ["O", "B-X", "I-X", "B-Y", "I-Y"],
    Scheme.IOB1: ["O", "B-X", "I-X", "B-Y", "I-Y"],
    Scheme.BMES: ["B", "M", "E", "S"],
    Scheme.BILOU: ["O", "B-X", "I-X", "L-X", "U-X"],
}


@given(
    scheme=st.sampled_from(list(TAGS)),
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([0.0, 1.0, 30.0, 1000.0]),
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=4),
)
@settings(max_examples=100, deadline=None)
def test_whatever_the_weights_decoded_tags_are_valid(scheme, seed, scale, lengths) -> None:
    names = TAGS[scheme]
    torch.manual_seed(seed)
    crf = CRF(len(names), constraints=allowed(names, scheme))
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(torch.randn_like(parameter) * scale)
    emissions, sizes = torch.randn(max(lengths), len(lengths), len(names)) * scale, torch.tensor(lengths)
    sequences = [crf.viterbi(emissions, sizes), *crf.nbest(emissions, sizes, 3).tags.unbind(-1)]
    counts = crf.nbest(emissions, sizes, 3).counts
    for rank, tags in enumerate(sequences):
        for b, length in enumerate(lengths):
            if max(rank - 1, 0) < counts[b]:
                assert not violations([names[k] for k in tags[:length, b].tolist()], scheme)


def test_impossible_tags_have_no_probability_and_no_gradient() -> None:
    names = TAGS[Scheme.BIOES]
    crf = CRF(len(names), constraints=allowed(names, Scheme.BIOES))
    emissions, lengths = torch.randn(4, 2, len(names), requires_grad=True), torch.tensor([4, 2])
    assert not crf.marginals(emissions, lengths)[0, :, 2].any()
    crf.negative_log_likelihood(emissions, torch.zeros(4, 2, dtype=torch.long), lengths).sum().backward()
    possible = torch.from_numpy(allowed(names, Scheme.BIOES).transitions)
    assert not crf.transitions.grad[~possible].any()
    assert crf.transitions.grad[possible].any()


# Sizes and types.


def test_ten_thousand_tokens() -> None:
    """As precise as in double precision, whatever the sum of the scores."""
    torch.manual_seed(0)
    crf, lengths = CRF(5), torch.tensor([10_000, 9_999])
    emissions = torch.randn(10_000, 2, 5) + 10.0
    double = copy.deepcopy(crf).double()
    tags = crf.viterbi(emissions, lengths)
    assert torch.equal(tags, double.viterbi(emissions.double(), lengths))
    losses = crf.negative_log_likelihood(emissions, tags, lengths)
    torch.testing.assert_close(
        losses.double(),
        double.negative_log_likelihood(emissions.double(), tags, lengths),
        rtol=1e-5,
        atol=0.0,
    )


def test_a_thousand_tags() -> None:
    torch.manual_seed(0)
    crf, lengths = CRF(1000), torch.tensor([3, 2])
    emissions = torch.randn(3, 2, 1000) * 3
    marginals = crf.marginals(emissions, lengths)
    torch.testing.assert_close(marginals.sum(-1), torch.tensor([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]]))
    best = crf.nbest(emissions, lengths, 2)
    assert torch.equal(best.tags[..., 0], crf.viterbi(emissions, lengths))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(batch, dtype: torch.dtype) -> None:
    emissions, tags, mask = batch
    crf, halved = CRF(K), emissions.to(dtype).requires_grad_()
    value = crf(halved, tags, mask)
    torch.testing.assert_close(value, crf(halved.detach().float(), tags, mask))
    value.backward()
    assert halved.grad is not None and halved.grad.dtype == dtype
    assert crf.marginals(halved, mask.sum(0)).dtype == torch.float32


def test_autocast_does_not_blur_the_gradient(batch) -> None:
    emissions, tags, mask = batch
    crf = CRF(K)
    with torch.autocast("cpu", torch.bfloat16):
        crf(emissions, tags, mask).backward()
    blurred, crf.transitions.grad = crf.transitions.grad, None
    crf(emissions, tags, mask).backward()
    torch.testing.assert_close(blurred, crf.transitions.grad)


def test_nan_comes_out_as_nan(batch) -> None:
    """A loop that watches for a NaN loss must see it; other sentences keep theirs."""
    emissions, tags, mask = batch
    emissions[0, 2, 1] = torch.nan
    losses = -CRF(K)(emissions, tags, mask, reduction="none")
    assert losses.isnan().tolist() == [False, False, True, False]


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_everything_is_made_on_the_device_of_the_inputs(batch, scale: float) -> None:
    """Tensors that forget to name their device would end up on `meta` and could not be mixed with the others."""
    names = TAGS[Scheme.IOB2]
    emissions, _, mask = batch
    lengths, tags, order = mask.sum(0), torch.zeros(T, B, dtype=torch.long), torch.arange(B)
    crf = CRF(K, constraints=allowed(names, Scheme.IOB2))
    with torch.device("meta"):
        answers(crf, emissions * scale, tags, lengths)
        crf.negative_log_likelihood(emissions * scale, None, lengths, emissions > -3).sum().backward()
        crf(emissions, tags, mask)
        crf(emissions, tags)
        posterior, closing = crf.posterior(emissions, lengths), crf.possible[: K * K].view(K, K)
        posterior.spans(tags, order, lengths - 1, lengths, closing)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda crf: pickle.loads(pickle.dumps(crf))])
def test_copies_keep_the_constraints(copied) -> None:
    names = TAGS[Scheme.BIOES]
    crf = copied(CRF(len(names), constraints=allowed(names, Scheme.BIOES)))
    assert repr(crf) == "CRF(num_tags=9, batch_first=False, constrained=True)"
    assert list(crf.state_dict()) == ["start_transitions", "end_transitions", "transitions"]
    assert (crf.chain().transitions < -1e29).any()


def test_the_example_in_the_documentation_runs() -> None:
    result = doctest.testmod(crf_package)
    assert result.attempted > 5 and not result.failed
