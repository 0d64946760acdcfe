"""Event files hold the facts of a run, read back by TensorBoard's own reader; without the package there is advice."""

from __future__ import annotations

import json
import sys
import warnings

import pytest

from tagger.errors import ConfigError
from tagger.training import checkpoint
from tagger.training.events import FOLDER, EventLog
from tagger.training.fit import fit


def run(data, directory, **options) -> list:
    with EventLog(directory) as log:
        facts = []
        for fact in fit(data, directory, **options):
            log.add(fact)
            facts.append(fact)
    return facts


def test_without_the_package_the_command_to_install_it_is_given(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match=r"--tensorboard: .*pip install 'tagger\[tensorboard\]'"):
        EventLog(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def read():
    """Read the scalars of a seed: a list of (step, value) for each name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("tensorboard")
        accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def scalars(directory, seed) -> dict[str, list[tuple[int, float]]]:
        found = accumulator.EventAccumulator(str(directory / FOLDER / f"seed-{seed}"), {"scalars": 0})
        found.Reload()
        return {
            name: [(event.step, event.value) for event in found.Scalars(name)]
            for name in found.Tags()["scalars"]
        }

    return scalars


def test_the_files_hold_what_the_history_holds(read_tiny, tmp_path, read):
    run(read_tiny(seed=3), tmp_path)
    found = read(tmp_path, 3)
    lines = (tmp_path / checkpoint.HISTORY).read_text(encoding="utf-8").splitlines()
    history = [json.loads(line) for line in lines]
    for name, values in (
        ("epoch/loss", [each["loss"] for each in history]),
        ("dev/F1", [each["dev"]["micro"]["f1"] for each in history]),
        ("epoch/learning rate at its end", [each["learning_rate"] for each in history]),
    ):
        assert [step for step, _ in found[name]] == [1, 2, 3]
        assert [value for _, value in found[name]] == pytest.approx(values, rel=1e-6)
    steps = [step for step, _ in found["step/loss of the epoch so far"]]
    assert steps == sorted(set(steps))


def test_a_new_run_forgets_the_files_before_it_and_a_resumed_one_adds_to_them(read_tiny, tmp_path, read):
    run(read_tiny(), tmp_path)
    asked = iter([False, True, False])
    run(read_tiny(), tmp_path, stop=lambda: next(asked))
    assert "dev/F1" not in read(tmp_path, 1) or len(read(tmp_path, 1)["dev/F1"]) < 3
    run(read_tiny(), tmp_path, resume=True)
    assert [step for step, _ in read(tmp_path, 1)["dev/F1"]] == [1, 2, 3]
