"""Interrupted runs: what is saved between two facts goes on with the same bits; what is wrong is one error."""

from __future__ import annotations

import json
import os
import random

import pytest
import torch
from training_runs import are_same, begin, tensors_of

from tagger.errors import ModelError
from tagger.model.building import export_weights
from tagger.runtime.tensors import write_tensors
from tagger.training import loop, output, state


def advance(data, steps: int):
    """A run after some facts, its recipe, and the generator that goes on with it."""
    run, recipe = begin(data)
    facts = loop.train(run, recipe)
    for _ in range(steps):
        next(facts)
    return run, recipe, facts


@pytest.mark.parametrize("average", [0.9, 0.0])
def test_a_run_saved_between_any_two_facts_goes_on_with_the_same_bits(read_tiny, tmp_path, average):
    data = read_tiny(**{"training.average": average})
    whole, _, facts = advance(data, 0)
    total = len(list(facts))
    expected = tensors_of(whole)
    for steps in range(total):
        run, recipe, _ = advance(data, steps)
        state.save_run(tmp_path, run, recipe.identity())
        other, same_recipe, facts = advance(data, 0)
        state.load_run(tmp_path, other, same_recipe.identity())
        for name in state.Run.__slots__:
            if name not in ("network", "averaged", "optimizer", "echoes"):
                assert getattr(other, name) == getattr(run, name)
        assert len(list(facts)) == total - steps
        assert are_same(tensors_of(other), expected), steps


def test_a_checkpoint_of_other_settings_or_corpora_is_refused(read_tiny, tmp_path):
    data = read_tiny()
    run, recipe, _ = advance(data, 2)
    state.save_run(tmp_path, run, recipe.identity())
    other = begin(read_tiny(**{"training.learning_rate": 0.5}))[1].identity()
    rare = begin(read_tiny(**{"embedding.min_count": 2}))[1].identity()
    for identity, expected in (
        (other, "the settings are not those of the interrupted run"),
        (rare, "the settings are not those of the interrupted run"),
        (
            recipe.identity() | {"training sentences": b"other"},
            "the training sentences are not those of the interrupted run",
        ),
        (recipe.identity() | {"corpora": b"other"}, "the corpora are not those of the interrupted run"),
    ):
        with pytest.raises(ModelError, match=f"{expected}; give the same files and options again"):
            state.load_run(tmp_path, begin(data)[0], identity)


def test_a_damaged_checkpoint_is_named(read_tiny, tmp_path):
    data = read_tiny()
    run, recipe, _ = advance(data, 2)
    state.save_run(tmp_path, run, recipe.identity())
    (path,) = (tmp_path / output.CHECKPOINT).iterdir()
    content = path.read_bytes()
    draw = random.Random(0)
    place = content.index(b'\\"batch\\"')
    for at in (place + 12, place, *(draw.randrange(len(content)) for _ in range(30))):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(ModelError, match=str(path)):
            state.load_run(tmp_path, begin(data)[0], recipe.identity())


def test_a_checkpoint_of_another_tagger_is_named(read_tiny, tmp_path):
    data = read_tiny()
    run, recipe, _ = advance(data, 1)
    state.save_run(tmp_path, run, recipe.identity())
    fresh, _ = begin(data)
    fresh.network.labeler.emission = torch.nn.Linear(10, 99)
    with pytest.raises(
        ModelError, match=r"was written by another version of tagger \(.*; start anew with --overwrite"
    ):
        state.load_run(tmp_path, fresh, recipe.identity())


def test_a_checkpoint_of_before_the_one_road_is_named(read_tiny, tmp_path):
    data = read_tiny()
    run, recipe = begin(data)
    (tmp_path / output.CHECKPOINT).mkdir()
    weights = export_weights(run.network.labeler)
    tensors = {f"labeler.{name}": value for name, value in weights.items()}
    write_tensors(tmp_path / output.CHECKPOINT / "state.safetensors", tensors, {}, {"place": "{}"})
    assert output.has_run(tmp_path)
    with pytest.raises(
        ModelError,
        match=r"another version of tagger \(run format 1, expected 2\); start anew with --overwrite",
    ):
        state.load_run(tmp_path, run, recipe.identity())


def test_a_checkpoint_of_absurd_size_is_not_read(read_tiny, tmp_path):
    """20 GB without a block on the disk; then a header that asks for a table of that size."""
    data = read_tiny()
    run, recipe, _ = advance(data, 1)
    state.save_run(tmp_path, run, recipe.identity())
    path = tmp_path / output.CHECKPOINT / output.STATE
    content = path.read_bytes()
    os.truncate(path, 20 << 30)
    with pytest.raises(ModelError, match="is not a whole safetensors file"):
        state.load_run(tmp_path, begin(data)[0], recipe.identity())
    size = int.from_bytes(content[:8], "little")
    facts = json.loads(content[8 : 8 + size])["__metadata__"]
    table = {"dtype": "F32", "shape": [1, 5 << 30], "data_offsets": [0, 20 << 30]}
    header = json.dumps({"__metadata__": facts, "network.x": table}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, 8 + len(header) + (20 << 30))
    with pytest.raises(ModelError, match=r"was written by another version of tagger .*--overwrite"):
        state.load_run(tmp_path, begin(data)[0], recipe.identity())


def test_discarding_a_run_leaves_nothing_of_it(read_tiny, tmp_path):
    run, recipe, _ = advance(read_tiny(), 1)
    assert not output.has_run(tmp_path)
    output.discard_run(tmp_path)
    state.save_run(tmp_path, run, recipe.identity())
    assert output.has_run(tmp_path)
    output.discard_run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ten.conll"]
