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


def _loss(model: NeighbourPrediction, states: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Sum the losses word by word: the first half of a state predicts what follows, the second what went before."""
    words = model.output(batch.forms.words)
    total = torch.zeros((), dtype=states.dtype)
    for row, window in enumerate(WINDOWS):
        for step in range(len(window) - 1):
            pairs = [(states[step, row, :HIDDEN], window[step + 1])]
            pairs.append((states[step + 1, row, HIDDEN:], window[step]))
            for project, (state, neighbour) in zip(model.projections, pairs, strict=False):
                scores = words @ torch.tanh(project(state))
                total = total - torch.log_softmax(scores, 0)[neighbour]
    return total


@pytest.mark.parametrize("directions", [1, 2])
def test_it_is_the_loss_of_every_neighbour(directions):
    torch.manual_seed(1)
    encoder = EncoderConfig(hidden=HIDDEN, directions=directions)
    model = NeighbourPrediction(10, encoder, DIM).double()
    batch = _batch()
    states = torch.randn(*batch.tokens.shape, directions * HIDDEN, dtype=torch.double)
    torch.testing.assert_close(model(states, batch), _loss(model, states, batch))


def test_windows_of_one_word_cost_nothing():
    model = NeighbourPrediction(10, EncoderConfig(hidden=HIDDEN, directions=2), DIM)
    batch = _batch()
    alone = replace(batch, tokens=batch.tokens[:1], window_lengths=torch.ones(3, dtype=torch.int64))
    loss = model(torch.randn(1, 3, 2 * HIDDEN), alone)
    assert float(loss.detach()) == 0.0
