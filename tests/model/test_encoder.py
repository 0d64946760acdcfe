"""The encoder against its equations written out step by step, packed sequences, and what padding may not do."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tagger.config import EncoderConfig
from tagger.model.encoder import Encoder, mirrored_steps, reverse

KINDS = ("rnn", "lstm", "gru")
D, H = 5, 4


def build(kind: str, directions: int = 2, layers: int = 1, seed: int = 0) -> Encoder:
    torch.manual_seed(seed)
    encoder = Encoder(D, EncoderConfig(kind=kind, directions=directions, layers=layers, hidden=H)).double()
    for parameter in encoder.parameters():  # biases too, so that none can be forgotten
        nn.init.normal_(parameter, std=0.5)
    return encoder


def windows(lengths, seed: int = 0, pad: float = 1e3):
    """Random inputs (T, R, D) whose padding is far from harmless."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(max(lengths), len(lengths), D, generator=generator, dtype=torch.float64)
    for r, length in enumerate(lengths):
        inputs[length:, r] = pad
    return inputs, torch.tensor(lengths)


def elman(x, h, c, w, u, b, d):
    return torch.tanh(w @ x + b + u @ h + d), c


def lstm(x, h, c, w, u, b, d):
    i, f, g, o = (w @ x + b + u @ h + d).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru(x, h, c, w, u, b, d):
    (wr, wz, wn), (ur, uz, un) = (w @ x + b).chunk(3), (u @ h + d).chunk(3)
    r, z = torch.sigmoid(wr + ur), torch.sigmoid(wz + uz)
    n = torch.tanh(wn + r * un)
    return (1 - z) * n + z * h, c


EQUATIONS = {"rnn": elman, "lstm": lstm, "gru": gru}


def by_hand(encoder: Encoder, kind: str, sentence):
    """Encode one sentence (T, D) by the equations alone."""
    states = list(sentence)
    for layer in encoder.layers:
        outputs = []
        for direction, cell in enumerate(layer):
            w, u, b, d = (parameter.detach() for parameter in cell.parameters())
            h = c = torch.zeros(H, dtype=torch.float64)
            read = []
            for x in reversed(states) if direction else states:
                h, c = EQUATIONS[kind](x, h, c, w, u, b, d)
                read.append(h)
            outputs.append(read[::-1] if direction else read)
        states = [torch.cat(parts) for parts in zip(*outputs, strict=True)]
    return torch.stack(states)


@pytest.mark.parametrize(("kind", "directions", "layers"), [*itertools.product(KINDS, (1, 2), (1, 2, 3))])
def test_every_window_is_encoded_as_the_equations_say(kind, directions, layers):
    encoder = build(kind, directions, layers)
    inputs, lengths = windows([6, 1, 4, 2])
    encoded = encoder(inputs, lengths)
    assert encoded.shape == (6, 4, directions * H)
    assert encoder.size == directions * H
    for r, length in enumerate(lengths):
        torch.testing.assert_close(encoded[:length, r], by_hand(encoder, kind, inputs[:length, r]))


@pytest.mark.parametrize(("kind", "layers"), [*itertools.product(KINDS, (1, 2))])
def test_packed_sequences_give_the_same_states_and_gradients(kind, layers):
    encoder = build(kind, 2, layers)
    reference = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind](
        D, H, layers, bidirectional=True
    ).double()
    for depth, direction in itertools.product(range(layers), range(2)):
        suffix = f"_l{depth}" + "_reverse" * direction
        for name, parameter in encoder.layers[depth][direction].named_parameters():
            getattr(reference, name.removesuffix("_l0") + suffix).data.copy_(parameter.data)
    inputs, lengths = windows([3, 7, 7, 1])
    weight = torch.randn(7, 4, 2 * H, dtype=torch.float64)
    weight *= (torch.arange(7).unsqueeze(1) < lengths).unsqueeze(-1)
    ours = inputs.clone().requires_grad_()
    theirs = inputs.clone().requires_grad_()
    packed = pack_padded_sequence(theirs, lengths, enforce_sorted=False)
    expected, _ = pad_packed_sequence(reference(packed)[0])
    found = encoder(ours, lengths)
    torch.testing.assert_close(found * (weight != 0), expected * (weight != 0))
    (found * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    for depth, direction in itertools.product(range(layers), range(2)):
        suffix = f"_l{depth}" + "_reverse" * direction
        for name, parameter in encoder.layers[depth][direction].named_parameters():
            torch.testing.assert_close(
                parameter.grad, getattr(reference, name.removesuffix("_l0") + suffix).grad
            )


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind):
    encoder = build(kind)
    inputs, lengths = windows([3, 1, 5])
    wider = torch.cat([inputs, torch.full((4, 3, D), -7.0, dtype=torch.float64)])
    for pad in (0.0, float("nan")):
        other, _ = windows([3, 1, 5], pad=pad)
        for r, length in enumerate(lengths):
            expected = encoder(inputs, lengths)[:length, r]
            torch.testing.assert_close(encoder(wider, lengths)[:length, r], expected)
            torch.testing.assert_close(encoder(other, lengths)[:length, r], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_windows_changes_nothing(kind):
    encoder = build(kind, layers=2)
    inputs, lengths = windows([3, 1, 5, 5])
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(encoder(inputs[:, order], lengths[order]), encoder(inputs, lengths)[:, order])


@pytest.mark.parametrize("kind", KINDS)
def test_one_direction_cannot_see_ahead_and_two_can(kind):
    inputs, lengths = windows([5])
    changed = inputs.clone()
    changed[3] += 1
    for directions, sees in ((1, False), (2, True)):
        encoder = build(kind, directions)
        same = torch.equal(encoder(inputs, lengths)[2], encoder(changed, lengths)[2])
        assert same is not sees


def test_reversing_twice_changes_nothing_and_padding_stays():
    states, lengths = windows([4, 1, 3])
    mirror = mirrored_steps(lengths, 4)
    once = reverse(states, mirror)
    assert torch.equal(reverse(once, mirror), states)
    for r, length in enumerate(lengths):
        assert torch.equal(once[:length, r], states[:length, r].flip(0))
        assert torch.equal(once[length:, r], states[length:, r])
    assert torch.autograd.gradcheck(lambda given: reverse(given, mirror), states.requires_grad_())


@pytest.mark.parametrize("kind", KINDS)
def test_fresh_cells_are_orthogonal_and_remember(kind):
    torch.manual_seed(0)
    cell = Encoder(D, EncoderConfig(kind=kind, hidden=8)).layers[0][0]
    for block in cell.weight_hh_l0.detach().split(8):
        torch.testing.assert_close(block @ block.T, torch.eye(8), atol=1e-5, rtol=0)
    bias = (cell.bias_ih_l0 + cell.bias_hh_l0).detach()
    assert bias.tolist() == ([0.0] * 8 + [1.0] * 8 + [0.0] * 16 if kind == "lstm" else [0.0] * len(bias))
