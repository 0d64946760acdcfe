"""A whole distillation: the lessons are labelled, a student learns from them, and the labels go."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagger.runtime import directory as files
from tagger.runtime.softlabels import SoftLabels
from tagger.scoring import Scores
from tagger.text.raw import Words
from tagger.training import output, run
from tagger.training.data import Corpora
from tagger.training.distillation.shards import SoftCorpus, clear_shards, read_index
from tagger.training.distillation.teaching import Cut, Lesson, TaughtFacts, teach
from tagger.training.recipes.distilled import DistilledRecipe
from tagger.training.recipes.labelled import FinishedLabeller
from tagger.training.run import Fact


@dataclass(frozen=True, slots=True)
class StoppedTeaching:
    """The caller asked to stop before the student began; what is labelled is kept."""

    directory: Path


class _Lessons:
    """Several lessons, one after the other."""

    def __init__(self, lessons: Sequence[Lesson], settings: str) -> None:
        self._lessons = lessons
        self._current = lessons[0]
        parts = [settings, *(each.identity for each in lessons)]
        self.identity = hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def parts(self) -> Iterator[Cut]:
        base = 0
        for lesson in self._lessons:
            self._current, last = lesson, base
            for sentences, documents in lesson.parts():
                numbers = [base + number for number in documents]
                last = max(last, *numbers)
                yield sentences, numbers
            base = last + 1

    def label(self, sentences: Sequence[Words], documents: Sequence[int]) -> SoftLabels:
        return self._current.label(sentences, documents)

    def agree(self) -> dict[str, Any] | None:
        return next(filter(None, (lesson.agree() for lesson in self._lessons)), None)


def distil(
    data: Corpora,
    lessons: Sequence[Lesson],
    directory: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Fact[Scores] | TaughtFacts | StoppedTeaching]:
    """Label texts, train a student on them and on gold sentences, and write its directory; facts on the way.

    Arguments and errors as of `run.train`. While it runs the labels lie in a folder beside the run. Where a run goes
    on they are read again, if the texts and whoever labels them are the same.
    """
    settings = data.config.distillation
    files.prepare_directory(directory)
    folder = directory / output.LABELS
    with files.locked(directory):
        output.find_place(directory, resume=resume, overwrite=overwrite)
        if not resume:
            clear_shards(folder)
        lesson = _Lessons(lessons, repr(settings))
        text = read_index(folder)
        is_known = text is not None and text.identity == lesson.identity
        if text is None or not is_known or not (text.is_there or _is_done(directory, data)):
            folder.mkdir(parents=True, exist_ok=True)
            text = yield from _teach(lesson, folder, data, stop)
    if text is None:
        yield StoppedTeaching(directory)
        return
    recipe = DistilledRecipe(data, text)
    for fact in run.train(recipe, directory, resume=resume, overwrite=overwrite, stop=stop):
        if isinstance(fact, FinishedLabeller):
            clear_shards(folder, keeps_index=True)
        yield fact


def _teach(
    lesson: Lesson, folder: Path, data: Corpora, stop: Callable[[], bool]
) -> Generator[TaughtFacts, None, SoftCorpus | None]:
    """Pass the facts of the labelling on, and return what was labelled; None where it was stopped."""
    has_pairs = data.config.embedding.bigram_dim > 0
    for fact in teach(lesson, folder, data.config.distillation, bigrams_too=has_pairs, stop=stop):
        if isinstance(fact, SoftCorpus):
            return fact
        yield fact
    return None


def _is_done(directory: Path, data: Corpora) -> bool:
    """Tell whether a directory holds a finished model of as many epochs, so that nothing is learnt any more."""
    if not output.is_finished(directory):
        return False
    return files.load_model(directory).config.training.epochs >= data.config.training.epochs
