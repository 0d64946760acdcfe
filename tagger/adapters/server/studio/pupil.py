"""A model that learns from annotations beside the server, and takes the place of the one that serves.

A run is commands of `tagger` in processes of their own, with little priority: `convert` makes corpora of what was
annotated, `train --from` goes on from the model that the server was started with, and `evaluate` scores the model
that serves on the texts that neither has learnt from. The new one takes its place unless it is worse there. It is
moved into `models/` below the folder under the next number, in one rename; a server that starts takes the highest.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tagger.adapters.server.logs import log, log_failure, log_warning
from tagger.adapters.server.shelf import ServedModel, Shelf
from tagger.adapters.server.studio.journal import Annotated, Journal, write_lesson
from tagger.errors import ConfigError, ModelError, TaggerError
from tagger.runtime.directory import WEIGHTS
from tagger.runtime.reports import read_scores
from tagger.text.output import sync_directory, write_text

_MODELS = "models"
_RUN = "run-"  # begins the name of a folder of a run at work
_NICENESS = 10
_SHOWN = 300  # characters of what a command said
_WITHOUT_TORCH = "training needs PyTorch, which isn't installed: pip install 'tagger[train]'"


class RunFailedError(Exception):
    """A command of a run failed."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a model learns from, and when.

    Attributes:
        journal: the annotations.
        base: the model that every run begins with.
        corpus: a corpus to learn from beside the annotations; None: there is none.
        every: annotations after which a run begins by itself; None: never.
    """

    journal: Journal
    base: Path
    corpus: Path | None = None
    every: int | None = None


class Pupil:
    """Trains a model, a run at a time.

    Args:
        lessons: what it learns from.
        shelf: where the model serves, the only one.
        put: puts a new model in its place.

    Attributes:
        journal: the annotations.
    """

    def __init__(self, lessons: Lessons, shelf: Shelf, put: Callable[[ServedModel], None]) -> None:
        self.journal = lessons.journal
        self._lessons = lessons
        self._shelf = shelf
        self._put = put
        self._wanted = asyncio.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ending = False

    def ask(self) -> None:
        """Let a run begin, as soon as the one at work has ended.

        Raises:
            ConfigError: PyTorch isn't installed.
        """
        if not _can_train():
            raise ConfigError(_WITHOUT_TORCH)
        self._wanted.set()

    def count(self) -> None:
        """Let a run begin if enough annotations have come since the last one."""
        every = self._lessons.every
        if every is not None and self.journal.unlearnt >= every and _can_train():
            self.ask()

    async def work(self) -> None:
        """Run whenever it is asked for, for ever; a run that was cut short begins anew."""
        for stale in self.journal.folder.glob(f"{_RUN}*"):
            shutil.rmtree(stale, ignore_errors=True)
        if not _can_train():
            log_warning("annotations are kept, and nothing learns from them", error=_WITHOUT_TORCH)
        elif self.journal.is_interrupted:
            self._wanted.set()
        self.count()
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                await self._run()
        finally:
            self._is_ending = True
            if self._process is not None:
                self._process.kill()  # the run is begun again when the server is

    async def _run(self) -> None:
        learnt, held_out = self.journal.split()
        if not learnt:
            log_warning("nothing to learn from yet", annotations=len(self.journal))
            return
        await asyncio.to_thread(self.journal.begin_run)
        log("training begins", texts=len(learnt), held_out=len(held_out))
        outcome = "failed"
        try:
            with tempfile.TemporaryDirectory(prefix=_RUN, dir=self.journal.folder) as folder:
                outcome = await self._train(Path(folder), learnt, held_out)
        except (RunFailedError, TaggerError) as error:
            log_warning("training failed; the model stays", error=str(error))
        except OSError as error:
            log_warning("training failed; the model stays", error=error.strerror)
        except Exception as error:  # the next one is asked for all the same
            log_failure("training failed; the model stays", error)
        await asyncio.to_thread(self.journal.end_run, outcome)

    async def _train(self, folder: Path, learnt: Sequence[Annotated], held_out: Sequence[Annotated]) -> str:
        """Return what became of a new model: `taken`, or `worse`."""
        served = self._shelf.find(None)
        parts = [await self._convert(folder, "annotated", learnt, served)]
        if self._lessons.corpus is not None:
            parts.append(folder / "corpus.conll")
            await self._call("convert", str(self._lessons.corpus), str(parts[-1]), "--to", "IOB2")
        corpus, made = folder / "train.conll", folder / "model"
        await asyncio.to_thread(_concatenate, parts, corpus)
        dev = await self._convert(folder, "held-out", held_out, served) if held_out else None
        beside = [] if dev is None else ["--dev", str(dev)]
        await self._call(
            "train", str(corpus), *beside, "--from", str(self._lessons.base), "--output", str(made)
        )
        if dev is not None:
            old = json.loads(await self._call("evaluate", str(served.directory), str(dev), "--json"))
            before, after = float(old["micro"]["f1"]), _find_f1(made)
            log("compared on what was held out", before=round(before, 4), after=round(after, 4))
            if after < before:
                log("the model stays, the new one is worse")
                return "worse"
        await self._take(made, served)
        return "taken"

    async def _take(self, made: Path, served: ServedModel) -> None:
        """Move a new model to its place, and let it serve."""
        models = self.journal.folder / _MODELS
        models.mkdir(exist_ok=True)
        place = models / f"{_number(find_newest(self.journal.folder)) + 1:06d}"
        model = await asyncio.to_thread(ServedModel.read, served.name, made)
        made.rename(place)
        sync_directory(models)
        self._put(replace(model, directory=place))
        log("a new model serves", model=model.version, directory=str(place))
        for old in models.iterdir():
            if old != place:
                shutil.rmtree(old, ignore_errors=True)

    async def _convert(
        self, folder: Path, name: str, annotated: Sequence[Annotated], served: ServedModel
    ) -> Path:
        """Write texts as a corpus, cut as the model's corpus was."""
        source, made = folder / f"{name}.jsonl", folder / f"{name}.conll"
        await asyncio.to_thread(write_text, source, write_lesson(annotated))
        mode = served.tagger.model.config.corpus.mode
        cut = ["--tokens", mode] if mode in ("words", "characters") else []
        reading = ("--to", "IOB2", "--misaligned", "split", "--offsets", "codepoints", *cut)
        await self._call("convert", str(source), str(made), *reading)
        return made

    async def _call(self, *arguments: str) -> str:
        """Run a command of tagger, and return what it prints; errors as of `_call_here`."""
        return await asyncio.to_thread(self._call_here, arguments)

    def _call_here(self, arguments: Sequence[str]) -> str:
        """Run a command of tagger and wait for it, in a thread: event loops hand sockets on to what they start.

        Raises:
            RunFailedError: it failed.
        """
        command = [sys.executable, "-m", "tagger", *arguments]
        if os.name == "posix":
            command = ["nice", "-n", str(_NICENESS), *command]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(command, stdin=nothing, stdout=pipe, stderr=pipe) as process:
            self._process = process
            if self._is_ending:
                process.kill()
            printed, said = process.communicate()
        self._process = None
        if process.returncode:
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise RunFailedError(f"tagger {arguments[0]}: {last[:_SHOWN]}")
        return printed.decode()


def _can_train() -> bool:
    return find_spec("torch") is not None  # to import it would stop the server for seconds


def find_newest(folder: Path) -> Path | None:
    """Return the newest model that was trained on the annotations of a folder; None: there is none."""
    found = [each for each in (folder / _MODELS).glob("[0-9]*") if (each / WEIGHTS).is_file()]
    return max(found, key=_number, default=None)


def _number(model: Path | None) -> int:
    return int(model.name) if model is not None and model.name.isdecimal() else 0


def _find_f1(model: Path) -> float:
    """Return the F1 on dev that a run has written beside its model."""
    scores: Any = read_scores(model)
    try:
        return float(scores["dev"]["micro"]["f1"])
    except (KeyError, TypeError, ValueError):
        raise ModelError("has no scores on dev", model) from None


def _concatenate(parts: Sequence[Path], whole: Path) -> None:
    with whole.open("wb") as stream:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, stream)
            stream.write(b"\n")
