"""The language model beside the tagger against a loop over the words of each window."""

from dataclasses import replace

import pytest
import torch

from tagger.config import EncoderConfig
from tagger.model.batch import Batch, FormRows
from tagger.model.cotraining import NeighbourPrediction

WINDOWS = [[1, 2, 1, 3, 2], [3, 1, 4], [2]]  # rows of the batch's distinct words
HIDDEN, DIM = 3, 4


def _batch() -> Batch:
    tokens = torch.nn.utils.rnn.pad_sequence([torch.tensor(window) for window in WINDOWS])
    rows = torch.tensor([0, 7, 5, 2, 9])
    nothing = torch.zeros(1, dtype=torch.int64)
    return Batch(
        forms=FormRows(rows, nothing, nothing, nothing, nothing),
        tokens=tokens,
        window_lengths=torch.tensor([len(window) for window in WINDOWS]),
        bigrams=None,
        places=nothing,
        lengths=nothing,
        tags=None,
        allowed=None,
        sentences=(),
    )


def _loss(model: NeighbourPrediction, states: torch.Tensor, batch: Batch, turn: int | None) -> torch.Tensor:
    """Sum the losses word by word; of each pair of words, in time order, `turn` counts who predicts whom."""
    words = model.output(batch.forms.words)
    total = torch.zeros((), dtype=states.dtype)
    for step in range(len(states) - 1):
        for row, window in enumerate(WINDOWS):
            if step + 1 >= len(window):
                continue
            if turn in (None, 0):
                scores = words @ torch.tanh(model.projections[0](states[step, row, :HIDDEN]))
                total = total - torch.log_softmax(scores, 0)[window[step + 1]]
            else:
                scores = words @ torch.tanh(model.projections[1](states[step + 1, row, HIDDEN:]))
                total = total - torch.log_softmax(scores, 0)[window[step]]
            turn = None if turn is None else 1 - turn
    return total


@pytest.mark.parametrize("directions", [1, 2])
def test_it_is_the_loss_of_every_neighbour_or_twice_that_of_every_other(directions):
    torch.manual_seed(1)
    encoder = EncoderConfig(hidden=HIDDEN, directions=directions)
    model = NeighbourPrediction(10, encoder, DIM).double()
    batch = _batch()
    states = torch.randn(*batch.tokens.shape, directions * HIDDEN, dtype=torch.double)

    expected = _loss(model, states, batch, None if directions == 1 else 0)
    torch.testing.assert_close(model(states, batch), directions * expected)


def test_over_many_draws_each_direction_predicts_every_word():
    torch.manual_seed(1)
    model = NeighbourPrediction(10, EncoderConfig(hidden=HIDDEN, directions=2), DIM).double()
    batch = _batch()
    states = torch.randn(*batch.tokens.shape, 2 * HIDDEN, dtype=torch.double)

    with torch.no_grad():
        found = {round(float(model(states, batch, torch.Generator().manual_seed(n))), 9) for n in range(20)}
        assert found == {round(2 * float(_loss(model, states, batch, turn)), 9) for turn in (0, 1)}


def test_windows_of_one_word_cost_nothing():
    model = NeighbourPrediction(10, EncoderConfig(hidden=HIDDEN, directions=2), DIM)
    batch = _batch()
    alone = replace(batch, tokens=batch.tokens[:1], window_lengths=torch.ones(3, dtype=torch.int64))
    loss = model(torch.randn(1, 3, 2 * HIDDEN), alone)
    assert float(loss.detach()) == 0.0
