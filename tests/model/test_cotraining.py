"""The language model beside the tagger against a loop over the words of each window."""

from dataclasses import replace

import pytest
import torch

from tagger.config import EncoderConfig
from tagger.model.batch import Batch
from tagger.model.cotraining import NeighbourPrediction

WINDOWS = [[1, 2, 1, 3, 2], [3, 1, 4], [2]]  # rows of the batch's distinct words
ROWS = torch.tensor([0, 7, 5, 2, 9])  # their rows in the table of words
HIDDEN, FORM, DIM = 3, 5, 4


def _batch() -> Batch:
    tokens = torch.nn.utils.rnn.pad_sequence([torch.tensor(window) for window in WINDOWS])
    nothing = torch.zeros(1, dtype=torch.int64)
    return Batch(
        forms={"word": torch.stack((ROWS, torch.ones_like(ROWS)), dim=1)},
        tokens=tokens,
        window_lengths=torch.tensor([len(window) for window in WINDOWS]),
        local={},
        followed=torch.tensor([0, 1, 3, 4, 6, 9]),  # places t * 3 + r
        places=nothing,
        lengths=nothing,
        tags=None,
        allowed=None,
        sentences=(),
    )


def _losses(model: NeighbourPrediction, states: torch.Tensor, forms: torch.Tensor | None) -> torch.Tensor:
    """Sum the losses word by word: the first half of a state predicts what follows, the second what went before."""
    table = model.output.weight
    words = forms @ table.T if forms is not None else table[ROWS]
    totals = [torch.zeros((), dtype=states.dtype) for _ in model.projections]
    for row, window in enumerate(WINDOWS):
        for step in range(len(window) - 1):
            pairs = [(states[step, row, :HIDDEN], window[step + 1])]
            pairs.append((states[step + 1, row, HIDDEN:], window[step]))
            for place, (project, (state, neighbour)) in enumerate(
                zip(model.projections, pairs, strict=False)
            ):
                scores = words @ torch.tanh(project(state))
                totals[place] = totals[place] - torch.log_softmax(scores, 0)[neighbour]
    return torch.stack(totals)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("scale", [1.0, 300.0])  # at 300 most probabilities are 0
@pytest.mark.parametrize("is_spelled", [True, False])
def test_losses_and_gradients_are_those_of_every_neighbour(directions, scale, is_spelled):
    torch.manual_seed(1)
    encoder = EncoderConfig(hidden=HIDDEN, directions=directions)
    model = NeighbourPrediction(10, FORM if is_spelled else 0, encoder, DIM).double()
    with torch.no_grad():
        model.output.weight.mul_(scale)
    batch = _batch()
    states = torch.randn(*batch.tokens.shape, directions * HIDDEN, dtype=torch.double, requires_grad=True)
    forms = None
    if is_spelled:
        forms = torch.randn(len(ROWS), FORM, dtype=torch.double, requires_grad=True)
    weights = torch.tensor([0.3, 2.0], dtype=torch.double)[:directions]
    found, expected = model(states, batch, forms), _losses(model, states, forms)
    torch.testing.assert_close(found, expected)
    inputs = [states, *model.parameters()] + [forms] * is_spelled
    for one, other in zip(
        torch.autograd.grad(found @ weights, inputs),
        torch.autograd.grad(expected @ weights, inputs),
        strict=True,
    ):
        torch.testing.assert_close(one.to_dense(), other.to_dense())


def test_windows_of_one_word_cost_nothing():
    model = NeighbourPrediction(10, FORM, EncoderConfig(hidden=HIDDEN, directions=2), DIM)
    batch = _batch()
    none = torch.empty(0, dtype=torch.int64)
    alone = replace(batch, tokens=batch.tokens[:1], window_lengths=torch.ones_like(none), followed=none)
    losses = model(torch.randn(1, 3, 2 * HIDDEN), alone, torch.randn(5, FORM))
    assert losses.tolist() == [0.0, 0.0]
