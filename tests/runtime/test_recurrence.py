"""The recurrence in numpy against PyTorch's cells, run over one window after the other."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.runtime import recurrence
from tagger.runtime.recurrence import Gates, PackedSteps, RecurrentLayer, advance, run, unpack_states

CELLS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
KINDS = sorted(CELLS)


def make_cells(kind, directions, size, hidden, scale=1.0, seed=1):
    torch.manual_seed(seed)
    cells = [CELLS[kind](size, hidden) for _ in range(directions)]
    for cell in cells:
        for weights in cell.parameters():
            weights.data.mul_(scale)
    return cells


def weights_of(cells):
    return [{name: each.detach().numpy() for name, each in cell.named_parameters()} for cell in cells]


def draw_tokens(lengths, size, scale=1.0, seed=1):
    return (np.random.default_rng(seed).standard_normal((sum(lengths), size)) * scale).astype(np.float32)


def run_numpy(kind, cells, lengths, tokens):
    layer = RecurrentLayer.of(kind, weights_of(cells))
    steps = PackedSteps.of(np.array(lengths, dtype=np.int64), len(cells))
    return unpack_states(run(layer, [Gates(tokens @ layer.inputs.T + layer.bias)], steps), steps)


def run_torch(cells, lengths, tokens):
    found = []
    with torch.no_grad():
        for window in torch.split(torch.from_numpy(tokens), list(lengths)):
            if len(window):
                outputs = [cells[0](window)[0]]
                if len(cells) == 2:
                    outputs.append(cells[1](window.flip(0))[0].flip(0))
                found.append(torch.cat(outputs, dim=-1))
    width = sum(cell.hidden_size for cell in cells)
    return torch.cat(found).numpy() if found else np.zeros((0, width), dtype=np.float32)


@pytest.fixture(params=["exp", "tanh"])
def road(request, monkeypatch):
    """Each of the two ways to compute the logistic function, whatever this processor's is."""
    factor, logistic = {
        "exp": (-1.0, recurrence._logistic_by_exp),
        "tanh": (0.5, recurrence._logistic_by_tanh),
    }[request.param]
    monkeypatch.setattr(recurrence, "FOLDED", factor)
    monkeypatch.setattr(recurrence, "logistic", logistic)


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    directions=st.integers(1, 2),
    size=st.integers(1, 7),
    hidden=st.integers(1, 9),
    lengths=st.lists(st.integers(0, 12), max_size=9),
    scale=st.sampled_from([0.3, 1.0, 4.0]),
    seed=st.integers(0, 2**16),
)
def test_states_are_those_of_pytorch(kind, directions, size, hidden, lengths, scale, seed):
    cells = make_cells(kind, directions, size, hidden, scale, seed)
    tokens = draw_tokens(lengths, size, seed=seed)
    found = run_numpy(kind, cells, lengths, tokens)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, run_torch(cells, lengths, tokens), atol=1e-5)


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_a_table_serve_several_tokens(kind):
    cells = make_cells(kind, 2, 5, 4)
    table = draw_tokens([6], 5)
    rows = np.array([3, 3, 0, 5, 1, 3, 2])
    lengths = np.array([2, 4, 1])
    layer = RecurrentLayer.of(kind, weights_of(cells))
    steps = PackedSteps.of(lengths, 2)
    found = run(layer, [Gates(table @ layer.inputs.T + layer.bias, rows)], steps)
    np.testing.assert_allclose(
        unpack_states(found, steps), run_torch(cells, lengths.tolist(), table[rows]), atol=1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_states_do_not_depend_on_a_windows_company(kind):
    lengths = [9, 1, 30, 17, 9, 2, 24, 0, 45]
    cells = make_cells(kind, 2, 24, 32)
    tokens = draw_tokens(lengths, 24)
    together = run_numpy(kind, cells, lengths, tokens)
    start = 0
    for length in lengths:
        alone = run_numpy(kind, cells, [length], tokens[start : start + length])
        np.testing.assert_allclose(together[start : start + length], alone, rtol=0, atol=1e-6)
        start += length


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e3, 1e30])
@pytest.mark.usefixtures("road")
def test_extreme_gates_neither_warn_nor_lose_the_result(kind, scale):
    lengths = [5, 3]
    cells = make_cells(kind, 2, 4, 6)
    tokens = draw_tokens(lengths, 4, scale)
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        layer = RecurrentLayer.of(kind, weights_of(cells))
        steps = PackedSteps.of(np.array(lengths), 2)
        found = unpack_states(run(layer, [Gates(tokens @ layer.inputs.T + layer.bias)], steps), steps)
    np.testing.assert_allclose(found, run_torch(cells, lengths, tokens), atol=1e-4)


@pytest.mark.parametrize(
    ("factor", "logistic"),
    [
        (-1.0, recurrence._logistic_by_exp),
        (0.5, recurrence._logistic_by_tanh),
        (recurrence.FOLDED, recurrence.logistic),
    ],
)
def test_the_logistic_function_reaches_its_limits(factor, logistic):
    values = np.array([-1e30, -200.0, -1.0, 0.0, 1.0, 200.0, 1e30], dtype=np.float32)
    found = values * np.float32(factor)
    with np.errstate(over="ignore"):
        logistic(found)
    np.testing.assert_allclose(found, torch.sigmoid(torch.from_numpy(values)).numpy(), atol=1e-7)


def test_steps_of_a_worked_example():
    steps = PackedSteps.of(
        np.array([1, 3, 2]), 2
    )  # tokens 0 | 1 2 3 | 4 5; the longest window comes first in a step
    assert steps.counts == [3, 2, 1]
    assert steps.orders.tolist() == [[1, 4, 0, 2, 5, 3], [3, 5, 0, 2, 4, 1]]
    assert [order[place].tolist() for order, place in zip(steps.orders, steps.places, strict=True)] == [
        list(range(6))
    ] * 2


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 2))
def test_steps_read_every_token_once_and_never_widen(lengths, directions):
    steps = PackedSteps.of(np.array(lengths, dtype=np.int64), directions)
    assert sum(steps.counts) == sum(lengths)
    assert sorted(steps.counts, reverse=True) == steps.counts
    assert steps.orders.shape == steps.places.shape == (directions, sum(lengths))
    for order, place in zip(steps.orders, steps.places, strict=True):
        assert order[place].tolist() == list(range(sum(lengths)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("directions", [1, 2])
def test_reading_on_step_by_step_is_reading_at_once(kind, directions):
    cells = make_cells(kind, directions, 5, 4)
    tokens = draw_tokens([6], 5).reshape(3, 2, 5)  # three steps of two windows
    layer = RecurrentLayer.of(kind, weights_of(cells))
    state = None
    for step in tokens:
        state = advance(layer, step @ layer.inputs.T + layer.bias, state)
    for d, cell in enumerate(cells):
        with torch.no_grad():
            expected = cell(torch.from_numpy(tokens))[0][-1].numpy()
        np.testing.assert_allclose(state.hidden[d], expected, atol=1e-5)
