"""A disk that fails at the n-th call, and a process that dies there, for n = 1, 2, ... until a run succeeds.

Whatever happens, the model of a finished epoch loads, and the resumed run ends with the bits of one that nothing
disturbed. Death is simulated within the process: from the n-th call on nothing reaches the disk, clean-up neither.
`test_a_killed_process_goes_on` does it to a real process.
"""

from __future__ import annotations

import errno
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from toy_models import TINY_SIZES
from training_runs import bits, fit, fit_whole, pretrain

from tagger.config import PretrainConfig, TextEncoderConfig, override
from tagger.errors import DataError, ModelError
from tagger.runtime import directory as files
from tagger.training import run
from tagger.training.loop import EpochFacts
from tagger.training.pretrained import load_text_encoder


class Death(BaseException):
    """The process is gone."""


class Disk:
    """Counts the calls that change the disk, and lets one of them fail.

    Args:
        fault: number of the call at which something happens, counted from 1.
        dies: whether the process dies there; else the call fails, and those after it succeed.
        after: whether it dies after the call has done its work instead of before.
    """

    CALLS = ("mkdir", "fsync", "chmod", "replace", "unlink", "rmdir")

    def __init__(self, patch: pytest.MonkeyPatch, fault: int, *, dies: bool, after: bool = False) -> None:
        self.calls = 0
        self.fault = fault
        self.dies = dies
        self.after = after
        self.log: list[str] = []
        for name in self.CALLS:
            patch.setattr(os, name, self._watch(name, getattr(os, name)))
        opened, file_of = os.open, os.fdopen
        making = self._watch("open", opened)

        def open_(path: Any, flags: int, *rest: Any, **options: Any) -> int:
            return (making if flags & os.O_CREAT else opened)(path, flags, *rest, **options)

        def fdopen(*arguments: Any, **options: Any) -> Any:
            return File(file_of(*arguments, **options), self)

        plain = io.open

        def plain_open(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
            if isinstance(file, int) or not set(mode) & set("wax+"):
                return plain(file, mode, *rest, **options)
            self.meet("open")
            return File(plain(file, mode, *rest, **options), self)

        patch.setattr(io, "open", plain_open)
        patch.setattr(os, "open", open_)
        patch.setattr(os, "fdopen", fdopen)

    def _watch(self, name: str, call: Any) -> Any:
        def watched(*arguments: Any, **options: Any) -> Any:
            self.meet(name, before=not self.after)
            done = call(*arguments, **options)
            if self.dies and self.after and self.calls == self.fault:
                raise Death
            return done

        return watched

    def meet(self, name: str, *, before: bool = True) -> None:
        """Count a call; fail, or be dead."""
        self.calls += 1
        self.log.append(name)
        if self.dies:
            if self.calls > self.fault or (self.calls == self.fault and before):
                raise Death
        elif self.calls == self.fault:
            raise OSError(errno.ENOSPC, "No space left on device")


class File:
    """A file whose writes are calls of the disk; one that fails leaves half of its content behind."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self._file = file
        self._disk = disk

    def __enter__(self) -> File:
        return self

    def __exit__(self, *arguments: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, content: bytes) -> int:
        try:
            self._disk.meet("write")
        except BaseException:
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            raise
        return int(self._file.write(content))


def weights_of_epochs(train, directory: Path) -> set[bytes]:
    """The weights that a run saves on its way, and at its end."""
    found = set()
    for fact in train(directory):
        if isinstance(fact, EpochFacts):
            found.add((directory / files.WEIGHTS).read_bytes())
    return found | {(directory / files.WEIGHTS).read_bytes()}


@pytest.fixture
def quick(read_tiny):
    """A run with several checkpoints on its way."""
    return partial(fit, read_tiny(**{"training.epochs": 1, "training.batch_sentences": 5}))


@pytest.fixture(params=["lm", "encoder"])
def quick_pretraining(request, tmp_path):
    """The same of what learns from raw text, and what loads it."""
    path = tmp_path / "text.txt"
    path.write_text("a b c d\nb c d a\nc a b\n" * 20, encoding="utf-8")
    if request.param == "encoder":
        settings = TINY_SIZES | {
            "text.format": "tokens",
            "training.epochs": 1,
            "training.batch_sentences": 30,
        }
        return partial(pretrain_in, [path], override(TextEncoderConfig(), settings)), load_text_encoder
    sizes = {"model.character_dim": 4, "model.character_filters": 4, "model.hidden": 8, "model.projection": 8}
    settings = sizes | {"text.format": "tokens", "training.epochs": 1, "training.workers": 1}
    return partial(pretrain_in, [path], override(PretrainConfig(), settings)), files.load_language_model


def pretrain_in(paths, config, directory: Path, **options):
    return pretrain(paths, directory, config, **options)


@pytest.fixture
def old_model(read_tiny, tmp_path) -> Path:
    """A directory with a model of other settings and tables."""
    directory = tmp_path / "old"
    fit_whole(read_tiny(**{"encoder.hidden": 6, "embedding.min_count": 2, "training.epochs": 1}), directory)
    return directory


KINDS = pytest.mark.parametrize("kind", ["fails", "dies before", "dies after"])


@KINDS
def test_a_fault_at_some_calls(quick, old_model, tmp_path, monkeypatch, kind):
    """As below, at every ninth call."""
    first = {"fails": 3, "dies before": 6, "dies after": 9}[kind]
    let_calls_fail(quick, old_model, tmp_path, monkeypatch, kind, range(first, 1000, 9))


@KINDS
def test_a_fault_at_some_calls_of_pretraining(quick_pretraining, tmp_path, monkeypatch, kind):
    train, load = quick_pretraining
    first = {"fails": 3, "dies before": 6, "dies after": 9}[kind]
    let_calls_fail(train, tmp_path / "none", tmp_path, monkeypatch, kind, range(first, 1000, 9), load)


@pytest.mark.slow
@KINDS
@pytest.mark.parametrize("over", ["nothing", "an old model"])
def test_a_fault_at_any_call(quick, old_model, tmp_path, monkeypatch, kind, over):
    place = old_model if over == "an old model" else tmp_path / "none"
    let_calls_fail(quick, place, tmp_path, monkeypatch, kind, range(1, 1000))


def let_calls_fail(
    train,
    old_model: Path,
    tmp_path: Path,
    monkeypatch,
    kind: str,
    numbers: range,
    load=files.load_model,
) -> None:
    monkeypatch.setattr(run, "CHECKPOINT_SECONDS", 0.0)
    good = weights_of_epochs(train, tmp_path / "whole")
    expected = bits(tmp_path / "whole")
    if old_model.exists():
        good.add((old_model / files.WEIGHTS).read_bytes())
    for number in numbers:
        directory = tmp_path / str(number)
        if old_model.exists():
            shutil.copytree(old_model, directory)
        with monkeypatch.context() as patch:
            disk = Disk(patch, number, dies=kind != "fails", after=kind == "dies after")
            try:
                list(train(directory, overwrite=True))
            except Death:
                assert kind != "fails"
            except DataError as error:
                assert kind == "fails"
                assert "No space left on device" in str(error)
                assert str(directory) in str(error)
        if disk.calls < number:
            break
        check_last_good_model(load, directory, good, not old_model.exists())
        list(train(directory, resume=True, overwrite=True))
        assert bits(directory) == expected, (number, disk.log[-3:])
        assert not [path for path in directory.rglob("*") if path.name.startswith(".")], disk.log[-3:]
    assert disk.calls > 50


def check_last_good_model(load, directory: Path, good: set[bytes], may_lack: bool) -> None:
    try:
        load(directory)
    except ModelError as error:
        assert may_lack  # there was no model before, and there is none yet
        assert not (directory / files.WEIGHTS).exists()
        assert "is missing" in str(error) or "does not exist" in str(error)
    else:
        assert (directory / files.WEIGHTS).read_bytes() in good


@pytest.mark.slow
@pytest.mark.parametrize("limit", [100, 2_000, 10_000, 30_000])
def test_a_disk_that_is_really_too_small(limit, ten_sentences, tmp_path):
    """The kernel refuses to let a file grow beyond the limit."""
    resource = pytest.importorskip("resource")
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from tagger.config import Config, override\n"
        "from tagger.errors import DataError\n"
        "from tagger.training import run\n"
        "from tagger.training.data import read_corpora\n"
        "from tagger.training.recipes import labelled\n"
        "small = override(Config(), {'encoder.hidden': 4, 'training.epochs': 1, 'training.workers': 1})\n"
        "data = read_corpora(Path(sys.argv[1]), None, None, small)\n"
        "limit = int(sys.argv[3])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        "try: list(run.train(labelled.prepare(data), Path(sys.argv[2])))\n"
        "except DataError as error: print(error)\n"
    )
    assert resource
    directory = tmp_path / "m"
    done = subprocess.run(
        [sys.executable, "-c", script, ten_sentences, directory, str(limit)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert "cannot be written: File too large; nothing was replaced" in done.stdout, done.stderr
    assert not (directory / files.WEIGHTS).exists()
    assert not [
        path for path in directory.rglob("*") if path.name.startswith(".") and "next" not in path.name
    ]


KILLED = """
import sys
from pathlib import Path
from tagger.config import Config, override
from tagger.training import run
from tagger.training.data import read_corpora
from tagger.training.recipes import labelled
run.CHECKPOINT_SECONDS = 0.0
settings = override(Config(), {'encoder.hidden': 8, 'training.epochs': 6, 'training.batch_sentences': 2,
                               'training.workers': 2, 'encoder.context': 1})
data = read_corpora(Path(sys.argv[1]), Path(sys.argv[1]), None, settings)
print('ready', flush=True)
for fact in run.train(labelled.prepare(data), Path(sys.argv[2]), resume=True):
    pass
"""


@pytest.mark.slow
def test_a_killed_process_goes_on(ten_sentences, tmp_path):
    """SIGKILL at random moments, again and again, until a run gets through."""

    def start(directory: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", KILLED, str(ten_sentences), str(directory)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")

    with start(tmp_path / "whole") as whole:
        assert whole.stdout.readline() == "ready\n"
        began = time.perf_counter()
        assert whole.wait() == 0
        seconds = time.perf_counter() - began
    draw = random.Random(0)
    for kills in range(100):
        with start(tmp_path / "killed") as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(draw.uniform(0.1, 0.6) * seconds if kills < 12 else 2 * seconds)
            is_done = process.poll() is not None
            process.send_signal(signal.SIGKILL)
        if is_done:
            break
        if (tmp_path / "killed" / files.WEIGHTS).exists():
            files.load_model(tmp_path / "killed")
    assert process.returncode == 0
    assert kills > 1
    assert bits(tmp_path / "killed") == bits(tmp_path / "whole")
