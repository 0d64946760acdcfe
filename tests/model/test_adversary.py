"""The worst step: its length, its direction against other steps, and the loss that is taken there."""

from __future__ import annotations

import pytest
import torch
from test_labeler import build, make_options, make_sentences

from tagger.model.adversary import worst_step
from tagger.model.batch import collate, group


def lay_out(**changes):
    sentences = make_sentences([5, 9, 2, 7])
    labeler, corpus, _ = build(sentences, make_options(sentences), **changes)
    return labeler, collate(corpus, group(corpus.examples, 1, 64), 64)


def read(labeler, batch):
    """Return the encoder's input and the loss of the tags as a function of it, without dropout."""

    def loss(inputs):
        states = labeler.encoder(inputs, batch.window_lengths)
        emissions = labeler.emissions(states, batch)
        return labeler.decoder.negative_log_likelihood(
            emissions, batch.tags, batch.lengths, batch.allowed
        ).sum()

    return labeler.embedding(batch).detach().requires_grad_(), loss


def test_every_window_moves_by_the_size_in_the_mean_and_padding_stays():
    labeler, batch = lay_out()
    inputs, loss = read(labeler, batch)
    step = worst_step(loss(inputs), inputs, batch.window_lengths, 0.25)
    for r, length in enumerate(batch.window_lengths.tolist()):
        norms = step[:, r].norm(dim=-1)
        assert norms[:length].square().mean().sqrt().item() == pytest.approx(0.25)
        assert (norms[length:] == 0).all()


def test_no_other_step_of_that_length_costs_more():
    labeler, batch = lay_out()
    inputs, loss = read(labeler, batch)
    before = loss(inputs)
    step = worst_step(before, inputs, batch.window_lengths, 1e-4)
    risen = loss(inputs + step) - before
    generator = torch.Generator().manual_seed(1)
    for _ in range(200):
        other = torch.randn(step.shape, generator=generator, dtype=step.dtype) * (step != 0)
        other *= step.norm(dim=(0, 2), keepdim=True) / other.norm(dim=(0, 2), keepdim=True)
        assert loss(inputs + other) - before < risen


def test_a_window_that_no_loss_depends_on_stays_where_it_is():
    inputs = torch.randn(3, 2, 4, requires_grad=True)
    step = worst_step(inputs[:, 0].square().sum(), inputs, torch.tensor([3, 2]), 1.0)
    assert step[:, 0].norm().item() == pytest.approx(3**0.5)
    assert (step[:, 1] == 0).all()


def test_half_of_the_loss_is_taken_there():
    labeler, batch = lay_out(**{"training.adversarial_step": 0.5, "training.language_weight": 0.0})
    inputs, loss = read(labeler, batch)
    here = loss(inputs)
    (gradient,) = torch.autograd.grad(here, inputs, retain_graph=True)
    scales = [
        0.5 / gradient[:, r].norm() * length**0.5 for r, length in enumerate(batch.window_lengths.tolist())
    ]
    moved = torch.stack([gradient[:, r] * scale for r, scale in enumerate(scales)], dim=1)
    there = loss(inputs + moved)
    found = labeler.objective(batch)
    torch.testing.assert_close(found.tags, here)
    torch.testing.assert_close(found.total, (here + there) / 2)
    assert there > here
    emission = labeler.emission.weight
    torch.testing.assert_close(
        torch.autograd.grad(found.total, emission)[0],
        (torch.autograd.grad(here, emission)[0] + torch.autograd.grad(there, emission)[0]) / 2,
    )


def test_features_that_are_all_frozen_can_be_moved_from():
    labeler, batch = lay_out(**{"training.adversarial_step": 0.5})
    labeler.embedding.requires_grad_(False)
    found = labeler.objective(batch)
    assert found.total > found.tags
    torch.autograd.grad(found.total, list(labeler.encoder.parameters()))
