"""The gradient of a batch: what PyTorch says of the loss itself, and the same in halves."""

from __future__ import annotations

import pytest
import torch
from training_runs import CALM, begin

from tagger.model.batch import collate
from tagger.runtime.windows import Group
from tagger.training.workers.gradient import GradientComputer, GradientTask


def begin_computing(data):
    _, recipe = begin(data)
    compute = GradientComputer(recipe.learner)
    compute.begin(recipe.corpus)
    return recipe.learner.network, recipe.corpus, recipe.batches(recipe.corpus, 0, 0, 1), compute


def make_task(groups, place=(1, 0, 0), progress: float = 0.0, **changes) -> GradientTask:
    sentences = sum(item.stop - item.start for item in groups)
    tokens = sum(item.tokens for item in groups)
    return GradientTask(groups, place, 1 / sentences, tokens, (progress, 0.0), **changes)


def loss_of_tags(labeler, batch):
    return labeler.decoder.negative_log_likelihood(
        labeler(batch), batch.tags, batch.lengths, batch.allowed
    ).sum()


def test_it_is_that_of_the_mean_loss_of_a_sentence(read_tiny):
    network, corpus, batches, compute = begin_computing(read_tiny(**CALM))
    groups = batches[0]
    sentences = sum(item.stop - item.start for item in groups)
    found = compute(make_task(groups))
    expected = loss_of_tags(network.labeler, collate(corpus, groups, 512))
    assert found.loss == pytest.approx(expected.item())
    gradients = torch.autograd.grad(expected / sentences, list(network.parameters()))
    for one, other in zip(found.values, gradients, strict=True):
        torch.testing.assert_close(one.to_dense(), other.to_dense())


def test_halves_make_one_and_the_same_gradient(read_tiny):
    _, _, batches, compute = begin_computing(read_tiny(**CALM, **{"encoder.context": 1}))
    for groups in batches[:2]:
        whole = compute(make_task(groups))
        halves = compute(make_task(groups, is_halved=True))
        assert whole.loss == pytest.approx(halves.loss)
        for one, other in zip(whole.values, halves.values, strict=True):
            torch.testing.assert_close(one.to_dense(), other.to_dense())


@pytest.mark.parametrize("has_table", [False, True])
def test_the_language_model_fades_and_then_rests(read_tiny, has_table):
    changes = {"training.language_weight": 0.3, "training.language_share": 0.5}
    if has_table:
        changes |= {"embedding.affix_dim": 0, "embedding.character_filters": 0}
    network, corpus, batches, compute = begin_computing(read_tiny(**CALM | changes))
    names = [name for name, _ in network.named_parameters()]
    batch = collate(corpus, batches[0], 512)
    sentences = sum(item.stop - item.start for item in batches[0])
    labeler = network.labeler
    own = loss_of_tags(labeler, batch)
    forms = labeler.embedding.embed_forms(batch.forms)
    beside = network.neighbours(labeler.encode(batch), batch, forms).sum()
    for progress, weight in ((0.0, 0.3), (0.25, 0.15), (0.5, 0.0), (0.9, 0.0)):
        found = dict(zip(names, compute(make_task(batches[0], progress=progress)).values, strict=True))
        expected = torch.autograd.grad(
            (own + weight * beside) / sentences, list(network.parameters()), retain_graph=True
        )
        for name, gradient in zip(names, expected, strict=True):
            torch.testing.assert_close(found[name].to_dense(), gradient.to_dense())
            if name == "neighbours.output.weight":
                assert found[name].is_sparse == has_table
                if weight == 0.0:
                    assert (found[name]._nnz() if has_table else found[name].count_nonzero()) == 0


def test_the_place_seeds_the_dropout(read_tiny):
    _, _, batches, compute = begin_computing(read_tiny())
    losses = [compute(make_task(batches[0], place)).loss for place in ((1, 0, 0), (1, 0, 0), (1, 0, 1))]
    assert losses[0] == losses[1] != losses[2]


def test_what_is_prepared_changes_nothing_and_its_faults_are_told_when_it_is_wanted(read_tiny):
    _, _, batches, compute = begin_computing(read_tiny())
    tasks = [make_task(groups, (1, 0, number)) for number, groups in enumerate(batches[:2])]
    expected = [compute(task).loss for task in tasks]
    compute.prepare(tasks[0])
    assert compute(tasks[0]).loss == expected[0]
    compute.prepare(tasks[0])
    assert compute(tasks[1]).loss == expected[1]  # another one is wanted after all
    broken = tasks[0]._replace(items=[Group(900, 901, 3)])
    compute.prepare(broken)
    with pytest.raises(IndexError):
        compute(broken)
