"""A recurrent layer in numpy: LSTM, GRU or Elman network, both directions at once, over windows of unequal length.

The formulas are those of `model.encoder`, in PyTorch's conventions (two biases; the GRU's hidden bias inside the
product with its reset gate). What makes them fast on a CPU:

- The gates' inputs `W x_t + b` come from the caller, who computes each distinct row once and looks the rest up.
- Windows are read side by side, the longest first, so that those which still run at step t are the first ones: the
  rows of a step lie side by side (the layout of packed sequences), and no padding is computed.
- The gates with a logistic function s stand before the one with a hyperbolic tangent, in every matrix, and are
  multiplied by what the quickest way to compute s asks for: by -1 for `s(a) = 1 / (1 + exp(-a))`, by 1/2 for
  `s(a) = (1 + tanh(a / 2)) / 2`. s is then three calls in place over all of them.
- Both directions share each call. In steps of a few rows the calls cost more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
CellKind = Literal["lstm", "gru", "rnn"]

# PyTorch's order of the gates is i, f, g, o (LSTM) and r, z, n (GRU). Ours: which of them, and how many are logistic.
GATES: dict[str, tuple[tuple[int, ...], int]] = {
    "lstm": ((0, 1, 3, 2), 3),
    "gru": ((0, 1, 2), 2),
    "rnn": ((0,), 0),
}


def _has_fast_tanh() -> bool:
    """Return whether numpy's tanh outruns exp and a division: with AVX-512 it does, not with AVX2."""
    try:
        from numpy.lib.introspect import opt_func_info
    except ImportError:  # before numpy 2.1
        return False
    found = opt_func_info(func_name="^tanh$", signature="^float32$")
    return any(each["current"] in ("X86_V4", "AVX512_SKX") for each in found.get("tanh", {}).values())


def _logistic_by_exp(folded: Floats) -> None:
    np.exp(folded, out=folded)
    folded += 1.0
    np.divide(1.0, folded, out=folded)  # twice as fast as np.reciprocal


def _logistic_by_tanh(folded: Floats) -> None:
    np.tanh(folded, out=folded)
    folded += 1.0
    folded *= 0.5


# `logistic(x)` puts s(a) in the place of x = FOLDED * a.
FOLDED, logistic = (0.5, _logistic_by_tanh) if _has_fast_tanh() else (-1.0, _logistic_by_exp)


@dataclass(frozen=True, slots=True)
class RecurrentLayer:
    """The weights of one layer, its gates reordered and some of them multiplied; see the module.

    Attributes:
        kind: lstm, gru or rnn, with G = 4, 3 or 1 gates.
        inputs: (directions * G * H, D) input weights.
        bias: (directions * G * H,), what is added to their product.
        recurrent: (directions, H, G * H), which the previous states are multiplied by.
        hidden_bias: (directions, 1, H), what a GRU adds inside the product with its reset gate; zeros otherwise.
    """

    kind: CellKind
    inputs: Floats
    bias: Floats
    recurrent: Floats
    hidden_bias: Floats

    @classmethod
    def of(cls, kind: CellKind, directions: Sequence[Mapping[str, NDArray[np.float32]]]) -> RecurrentLayer:
        """Take the weights of PyTorch's modules.

        Args:
            kind: of the cells.
            directions: for each direction `weight_ih_l0` (G * H, D), `weight_hh_l0` (G * H, H), `bias_ih_l0` and
                `bias_hh_l0` (G * H,).
        """
        order, logistic = GATES[kind]
        factors = np.array([FOLDED] * logistic + [1.0] * (len(order) - logistic), dtype=np.float32)

        def arranged(name: str) -> Floats:
            """Return the weights of all directions, (directions, G, H, ...)."""
            found = np.stack([np.asarray(each[name], dtype=np.float32) for each in directions])
            gates = found.reshape(len(directions), len(order), -1, *found.shape[2:])[:, list(order)]
            return gates * factors.reshape(-1, *[1] * (gates.ndim - 2))

        inputs, recurrent = arranged("weight_ih_l0"), arranged("weight_hh_l0")
        bias, hidden_bias = arranged("bias_ih_l0"), arranged("bias_hh_l0")
        inside = np.zeros_like(hidden_bias[:, -1:])
        if kind == "gru":
            inside = hidden_bias[:, -1:].copy()
            hidden_bias[:, -1:] = 0.0
        D, G, H = bias.shape
        return cls(
            kind,
            inputs.reshape(D * G * H, -1),
            (bias + hidden_bias).reshape(-1),
            np.ascontiguousarray(recurrent.reshape(D, G * H, H).transpose(0, 2, 1)),
            inside,
        )

    @property
    def hidden(self) -> int:
        """H, the size of a state."""
        return int(self.recurrent.shape[1])


@dataclass(frozen=True, slots=True)
class PackedSteps:
    """In which order the N tokens of windows are read: step after step, in each step the longest windows first.

    Attributes:
        counts: (T,) windows that run at each step; they never rise.
        orders: (directions, N) which token each packed row reads.
        places: (directions, N) in which packed row each token is read: the inverse.
    """

    counts: list[int]
    orders: Ints
    places: Ints

    @classmethod
    def of(cls, lengths: Ints, directions: int) -> PackedSteps:
        """Lay out windows of any lengths, their tokens one after the other; a second direction begins at the ends."""
        running = np.sort(lengths)
        counts = len(lengths) - np.searchsorted(
            running, np.arange(running[-1] if len(running) else 0), "right"
        )
        firsts = np.cumsum(counts) - counts  # (T,) the packed row where each step begins
        ranks = np.empty(len(lengths), dtype=np.int64)
        ranks[np.argsort(-lengths, kind="stable")] = np.arange(len(lengths))
        ends = np.repeat(np.cumsum(lengths), lengths)
        tokens = np.arange(len(ends))
        after = ends - 1 - tokens  # (N,) tokens of the window after each token
        before = np.repeat(lengths, lengths) - 1 - after
        rank = np.repeat(ranks, lengths)
        places = np.stack([firsts[steps] + rank for steps in (before, after)[:directions]])
        orders = np.empty_like(places)
        np.put_along_axis(orders, places, np.broadcast_to(tokens, places.shape), 1)
        return cls(counts.tolist(), orders, places)


class Gates(NamedTuple):
    """What a part of the inputs adds to the gates.

    Attributes:
        values: (V, directions * G * H), of all parts together `x @ layer.inputs.T + layer.bias`.
        rows: (N,) which row of them belongs to each token; None: its own.
    """

    values: Floats
    rows: Ints | None = None


def run(layer: RecurrentLayer, parts: Sequence[Gates], steps: PackedSteps) -> Floats:
    """Return the state of every token in packed order, (directions, N, H).

    Args:
        layer: the weights.
        parts: what the inputs add to the gates; they are summed where they are needed, in the cache.
        steps: the order of reading.
    """
    D, _, width = layer.recurrent.shape
    # A table is seen as one row for each direction, so that one look-up serves all of them without a copy.
    sources = [
        (
            part.values.reshape(-1, width),
            (steps.orders if part.rows is None else part.rows[steps.orders]) * D + np.arange(D)[:, None],
        )
        for part in parts
    ]
    return run_packed(layer, sources, steps.counts)


def run_packed(
    layer: RecurrentLayer, sources: Sequence[tuple[Floats, Ints]], counts: Sequence[int]
) -> Floats:
    """Return the state of every packed row, (directions, N, H); as `run`, for gates of any layout.

    Args:
        layer: the weights.
        sources: tables (V, G * H) of what is added to the gates of one direction, and which row of them each packed
            row takes, (directions, N); what they say is summed.
        counts: (T,) rows of each step; none larger than the one before.
    """
    D, H, width = layer.recurrent.shape
    R = counts[0] if len(counts) else 0
    states = np.empty((D, sources[0][1].shape[1], H), dtype=np.float32)
    gates, product = np.empty(
        (2, D * R * width), dtype=np.float32
    )  # a step of fewer rows takes their beginnings
    cell = np.zeros((D, R, H), dtype=np.float32)
    previous, start = cell, 0
    step = _STEPS[layer.kind]
    # Beyond the range of single precision exp is infinite and the logistic function 0, as it should be.
    with np.errstate(over="ignore", under="ignore"):
        for count in counts:
            a = gates[: D * count * width].reshape(D, count, width)
            u = product[: D * count * width].reshape(D, count, width)
            for number, (table, read) in enumerate(sources):
                target = u if number else a
                table.take(  # "raise" writes through a copy
                    read[:, start : start + count], axis=0, out=target, mode="clip"
                )
                if number:
                    a += u
            if start:
                np.matmul(previous[:, :count], layer.recurrent, out=u)
            else:
                u.fill(0.0)
            state = states[:, start : start + count]
            step(a, u, previous[:, :count], cell[:, :count], layer.hidden_bias, state)
            previous, start = state, start + count
    return states


class CellState(NamedTuple):
    """What a layer remembers of R windows that it reads one step at a time.

    Attributes:
        hidden: (directions, R, H), its states.
        cell: (directions, R, H), what an LSTM keeps to itself.
    """

    hidden: Floats
    cell: Floats


def advance(layer: RecurrentLayer, gates: Floats, before: CellState | None) -> CellState:
    """Read one more token of each window.

    Args:
        layer: the weights.
        gates: (R, directions * G * H), what the tokens add to the gates; see `run`.
        before: what is remembered of the tokens before; None: there are none.
    """
    D, H, width = layer.recurrent.shape
    a = np.array(gates.reshape(-1, D, width).transpose(1, 0, 2), order="C")
    R = a.shape[1]
    hidden, cell = np.zeros((2, D, R, H), dtype=np.float32) if before is None else before
    cell = cell.copy()
    state = np.empty_like(cell)
    with np.errstate(over="ignore", under="ignore"):
        _STEPS[layer.kind](a, hidden @ layer.recurrent, hidden, cell, layer.hidden_bias, state)
    return CellState(state, cell)


def unpack_states(states: Floats, steps: PackedSteps) -> Floats:
    """Return the states of `run` in the order of the tokens, directions side by side: (N, directions * H)."""
    D, N, H = states.shape
    together = np.empty((N, D, H), dtype=np.float32)
    for d in range(D):
        together[:, d] = states[d].take(steps.places[d], axis=0)
    return together.reshape(N, D * H)


def _step_lstm(a: Floats, u: Floats, previous: Floats, cell: Floats, bias: Floats, state: Floats) -> None:
    """`c = f * c + i * g`, `h = o * tanh(c)`; the gates stand in the order i, f, o, g."""
    H = cell.shape[-1]
    a += u
    logistic(a[..., : 3 * H])
    i, f, o, g = a[..., :H], a[..., H : 2 * H], a[..., 2 * H : 3 * H], a[..., 3 * H :]
    np.tanh(g, out=g)
    g *= i
    cell *= f
    cell += g
    np.tanh(cell, out=state)
    state *= o


def _step_gru(a: Floats, u: Floats, previous: Floats, cell: Floats, bias: Floats, state: Floats) -> None:
    """`n = tanh(a_n + r * (u_n + c_n))`, `h = n + z * (h - n)`; the gates stand in the order r, z, n."""
    H = cell.shape[-1]
    n, u_n = a[..., 2 * H :], u[..., 2 * H :]
    logistics = a[..., : 2 * H]
    logistics += u[..., : 2 * H]
    logistic(logistics)
    u_n += bias
    u_n *= a[..., :H]
    n += u_n
    np.tanh(n, out=n)
    np.subtract(previous, n, out=state)
    state *= a[..., H : 2 * H]
    state += n


def _step_rnn(a: Floats, u: Floats, previous: Floats, cell: Floats, bias: Floats, state: Floats) -> None:
    """`h = tanh(a + u)`."""
    a += u
    np.tanh(a, out=state)


_STEPS = {"lstm": _step_lstm, "gru": _step_gru, "rnn": _step_rnn}
