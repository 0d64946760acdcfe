"""The recipe of a labeller: its batches, and the objective that is no part of what is saved."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_runs import begin, fit_whole

from tagger.errors import DataError
from tagger.model.building import build_labeler
from tagger.model.crf.kernels.faults import FORBIDDEN_GOLD
from tagger.runtime import directory as files
from tagger.training.recipes import labelled


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone(read_tiny):
    settings = {"training.batch_sentences": 1, "encoder.context": 1}
    _, recipe = begin(read_tiny(seed=3, **settings))
    orders = {epoch: list(recipe.batches(recipe.corpus, epoch, 0, 1)) for epoch in (4, 0, 7)}
    torch.manual_seed(99)
    np.random.seed(99)
    for epoch, order in orders.items():
        assert list(recipe.batches(recipe.corpus, epoch, 0, 1)) == order
    assert orders[0] != orders[4] != orders[7]
    _, other = begin(read_tiny(seed=4, **settings))
    assert list(other.batches(other.corpus, 0, 0, 1)) != orders[0]


def test_short_sentences_share_a_step_while_an_epoch_keeps_its_steps(read_tiny, monkeypatch):
    def count(**changes: int) -> tuple[int, int]:
        """Return the sentences of a step, and the steps of an epoch."""
        changes = {f"training.{name}": value for name, value in changes.items()}
        _, recipe = begin(read_tiny(**{"encoder.context": 1, "training.batch_sentences": 1} | changes))
        return recipe.batch_sentences, len(recipe.batches(recipe.corpus, 0, 0, 1))

    assert count() == (1, 10)  # ten sentences are far from 400 steps
    monkeypatch.setattr(labelled, "LEAST_STEPS", 2)
    assert count() == (5, 2)
    assert count(batch_sentences=7) == (7, 2)
    assert count(batch_tokens=0) == (1, 10)


def test_a_recipe_draws_the_weights_that_the_network_alone_would_have_and_leaves_the_generator_alone(
    read_tiny,
):
    data = read_tiny()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    recipe = labelled.prepare(data)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(data.config.seed)
        expected = build_labeler(recipe.lexicon, data.config).state_dict()
    found = recipe.learner.network.labeler.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_what_stands_beside_the_labeller_is_trained_and_thrown_away(read_tiny, tmp_path):
    data = read_tiny()
    run, recipe = begin(data)
    names = [name for name, _ in recipe.learner.network.named_parameters()]
    beside = [name for name in names if name.startswith("neighbours.")]
    assert beside and names[-len(beside) :] == beside, "its parameters come last"
    fit_whole(data, tmp_path / "m")
    kept = files.load_model(tmp_path / "m").weights
    assert kept.keys() == run.network.labeler.state_dict().keys()


def test_one_chunk_is_all_the_text(read_tiny):
    _, recipe = begin(read_tiny())
    assert list(recipe.chunks(0, 0)) == [recipe.corpus]
    assert list(recipe.chunks(0, 1)) == []


def test_what_a_gpu_found_wrong_with_the_last_batch_is_told_before_dev_is_measured(read_tiny):
    run, recipe = begin(read_tiny())
    recipe.learner.network.labeler.decoder._faults._last = (
        torch.tensor([FORBIDDEN_GOLD]),
        torch.tensor([1]),
        None,
    )
    with pytest.raises(DataError, match="gold tags of sentence 0 of the batch"):
        recipe.measure(run.averaged)
    recipe.measure(run.averaged)  # told once
