"""The gradient of a batch: what PyTorch says of the loss itself, and the same in halves."""

from __future__ import annotations

import pytest
import torch

from tagger.model.batch import Group, collate
from tagger.training import fit, loop
from tagger.training.data import encode_training
from tagger.training.workers.gradient import GradientComputer, Task

CALM = {
    f"training.{name}": 0.0
    for name in ("input_dropout", "output_dropout", "word_dropout", "unknown_strength")
} | {"training.language_weight": 0.0, "training.character_dropout": 0.0}


def begin(data):
    run, model = fit.begin(data)
    corpus = encode_training(data, model.lexicon)
    batches = loop.epoch_batches(corpus, data.config, 0)
    return run.labeler, corpus, batches, GradientComputer(run.labeler, corpus, data.config.encoder.max_tokens)


def test_it_is_that_of_the_mean_loss_of_a_sentence(read_tiny):
    labeler, corpus, batches, compute = begin(read_tiny(**CALM))
    groups = batches[0]
    sentences = sum(item.stop - item.start for item in groups)
    found = compute(Task(groups, (1, 0, 0), 0.0))
    expected = labeler.loss(collate(corpus, groups, 512))
    assert found.loss == pytest.approx(expected.item())
    assert found.tokens == sum(item.tokens for item in groups)
    gradients = torch.autograd.grad(expected / sentences, list(labeler.parameters()))
    for one, other in zip(found.values, gradients, strict=True):
        torch.testing.assert_close(one.to_dense(), other.to_dense())


def test_halves_make_one_and_the_same_gradient(read_tiny):
    _, _, batches, compute = begin(read_tiny(**CALM, **{"encoder.context": 1}))
    for groups in batches[:2]:
        whole = compute(Task(groups, (1, 0, 0), 0.0))
        halves = compute(Task(groups, (1, 0, 0), 0.0, is_halved=True))
        assert (whole.loss, whole.tokens) == (pytest.approx(halves.loss), halves.tokens)
        for one, other in zip(whole.values, halves.values, strict=True):
            torch.testing.assert_close(one.to_dense(), other.to_dense())


@pytest.mark.parametrize("has_table", [False, True])
def test_the_language_model_fades_and_then_rests(read_tiny, has_table):
    changes = {"training.language_weight": 0.3, "training.language_share": 0.5}
    if has_table:
        changes |= {"embedding.affix_dim": 0, "embedding.character_filters": 0}
    labeler, corpus, batches, compute = begin(read_tiny(**CALM | changes))
    names = [name for name, _ in labeler.named_parameters()]
    batch = collate(corpus, batches[0], 512)
    sentences = sum(item.stop - item.start for item in batches[0])
    own = labeler.loss(batch)
    forms = labeler.embedding.embed_forms(batch.forms)
    beside = labeler.neighbours(labeler.encode(batch), batch, forms).sum()
    for progress, weight in ((0.0, 0.3), (0.25, 0.15), (0.5, 0.0), (0.9, 0.0)):
        found = dict(zip(names, compute(Task(batches[0], (1, 0, 0), progress)).values, strict=True))
        expected = torch.autograd.grad(
            (own + weight * beside) / sentences, list(labeler.parameters()), retain_graph=True
        )
        for name, gradient in zip(names, expected, strict=True):
            torch.testing.assert_close(found[name].to_dense(), gradient.to_dense())
            if name == "neighbours.output.weight":
                assert found[name].is_sparse == has_table
                if weight == 0.0:
                    assert (found[name]._nnz() if has_table else found[name].count_nonzero()) == 0


def test_the_place_seeds_the_dropout(read_tiny):
    _, _, batches, compute = begin(read_tiny())
    losses = [compute(Task(batches[0], place, 0.0)).loss for place in ((1, 0, 0), (1, 0, 0), (1, 0, 1))]
    assert losses[0] == losses[1] != losses[2]


def test_what_is_prepared_changes_nothing_and_its_faults_are_told_when_it_is_wanted(read_tiny):
    _, _, batches, compute = begin(read_tiny())
    tasks = [Task(groups, (1, 0, number), 0.0) for number, groups in enumerate(batches[:2])]
    expected = [compute(task).loss for task in tasks]
    compute.prepare(tasks[0])
    assert compute(tasks[0]).loss == expected[0]
    compute.prepare(tasks[0])
    assert compute(tasks[1]).loss == expected[1]  # another one is wanted after all
    broken = tasks[0]._replace(groups=[Group(900, 901, 3)])
    compute.prepare(broken)
    with pytest.raises(IndexError):
        compute(broken)
