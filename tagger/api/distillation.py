"""Teachers and a text -> a student's directory: `distill`. PyTorch is imported when a training begins, not before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.api.sources import CorpusSource, FilePath, check_path, describe_value, load, require_torch
from tagger.api.training import (
    TrainingResult,
    TrainingStoppedError,
    choose_settings,
    prepare_training,
    refuse_occupied,
    refuse_overwriting,
)
from tagger.config import Config
from tagger.errors import ConfigError
from tagger.text.raw import InputSettings, Note

if TYPE_CHECKING:
    from tagger.training.distillation.teaching import Lesson
    from tagger.training.start import Collected


@dataclass(frozen=True, slots=True)
class TextReading:
    """How the texts of a distillation are read; see `text.raw.InputSettings`."""

    format: str = "auto"
    language: str = "en"
    text_field: str | None = None


def distill(
    *,
    texts: Sequence[FilePath],
    teachers: Sequence[FilePath] | int,
    gold: CorpusSource,
    output: FilePath,
    dev: CorpusSource | None = None,
    test: CorpusSource | None = None,
    input_format: str = "auto",
    language: str = "en",
    text_field: str | None = None,
    config: Config | FilePath | None = None,
    resume: bool = False,
    overwrite: bool = False,
    on_fact: Callable[[Any], None] | None = None,
    stop: Callable[[], bool] | None = None,
    **changes: Any,
) -> TrainingResult:
    """Train a student on gold sentences and on raw text that teachers label, and write its directory.

    Args:
        texts: files of raw text, and folders, which stand for all files inside.
        teachers: directories of models with the types of `gold`; what they believe is averaged. Or a number: so many
            are trained on `gold` first, of seeds from `seed` upwards; they stay in the folder `teachers` of `output`.
        gold: sentences with their tags, which the student learns as ever.
        output: the student's directory.
        dev: chooses the best epoch; None: a tenth of `gold` is held out.
        test: the finished student is scored on it.
        input_format, language, text_field: how the texts are read, as by `tagger predict`.
        config, resume, overwrite, on_fact, stop, **changes: as of `train`; facts of the labelling (`TaughtFacts`)
            come before those of the run.

    Raises:
        DataError, ModelError, ConfigError, TrainingStoppedError: as of `train`; a teacher that has other types than
            `gold`, or cuts text otherwise than the others, is a ConfigError.

    >>> distill(
    ...     texts=["news.txt"], teachers=["models/one", "models/two"], gold="train.conll", output="models/student"
    ... )  # doctest: +SKIP
    """
    places = [] if isinstance(teachers, int) else _check_paths(teachers, "teachers")
    for each in places:
        refuse_overwriting(each, output, "output")
    refuse_occupied_by_student(
        output, resume=resume, overwrite=overwrite, seeds=teachers if isinstance(teachers, int) else None
    )
    chosen = choose_settings(config, changes)
    require_torch("distilling")
    from tagger.training.start import Start

    collected = prepare_training(gold, dev, test, chosen, Start())
    reading = TextReading(input_format, language, text_field)
    files = _check_paths(texts, "texts")
    run = (
        partial(run_with_seeds, collected, files, reading, seeds=teachers)
        if isinstance(teachers, int)
        else partial(run_distillation, collected, prepare_lessons(collected, files, places, reading))
    )
    return run(output=output, resume=resume, overwrite=overwrite, on_fact=on_fact, stop=stop)


def refuse_occupied_by_student(output: FilePath, *, resume: bool, overwrite: bool, seeds: int | None) -> None:
    """Refuse a directory whose student, or whose teachers of so many seeds, would be lost; see `refuse_occupied`."""
    refuse_occupied(output, resume=resume, overwrite=overwrite)
    if seeds is None:
        return
    from tagger.training.output import TEACHERS, check

    if isinstance(seeds, bool) or seeds < 1:
        raise ConfigError(f"found {describe_value(seeds)}, expected a number of seeds, 1 or more", "teachers")
    check(Path(check_path(output, "output")) / TEACHERS, resume=resume, overwrite=overwrite, several=True)


def prepare_lessons(
    collected: Collected,
    texts: Sequence[Path],
    teachers: Sequence[Path],
    reading: TextReading,
    note: Note | None = None,
) -> list[Lesson]:
    """Load the teachers, and see that the student can learn from them; errors as of `distill`.

    Args:
        collected: the student's corpora and settings.
        texts: files and folders.
        teachers: directories.
        reading: how the texts are read.
        note: called with what the user should know of how a text is read.
    """
    from tagger.training.data import list_tags
    from tagger.training.distillation.lessons import RawLesson
    from tagger.training.distillation.teaching import Teachers

    if not teachers:
        raise ConfigError("found none, expected the directory of a model", "--teacher")
    if not texts:
        raise ConfigError("found none, expected a file of raw text", "TEXT")
    data = collected.data
    taggers = [(str(each), load(each)) for each in teachers]
    found = Teachers(taggers, list_tags(data), data.config)
    first = found.taggers[0]
    settings = InputSettings(
        format=reading.format,
        encoding=data.config.corpus.encoding,
        language=reading.language,
        text_field=reading.text_field,
        known_abbreviations=first.known_abbreviations,
        tags=frozenset(first.types),
        cuts_words=first.model.task.cuts_words,
        reads_words=first.has_unspaced_words,
    )
    return [RawLesson(texts, settings, found, data.config.encoder.max_tokens, note)]


def run_with_seeds(
    collected: Collected,
    texts: Sequence[Path],
    reading: TextReading,
    *,
    seeds: int,
    output: FilePath,
    resume: bool = False,
    overwrite: bool = False,
    on_fact: Callable[[Any], None] | None = None,
    stop: Callable[[], bool] | None = None,
    note: Note | None = None,
) -> TrainingResult:
    """Train teachers of several seeds, and then a student of theirs; arguments and errors as of `distill`."""
    from tagger.training.distillation.lessons import find_texts
    from tagger.training.output import TEACHERS
    from tagger.training.repeat import Repeated, place_of, repeat

    find_texts(texts)  # before hours of training
    place = Path(check_path(output, "output")) / TEACHERS
    fact = None
    for fact in repeat(
        collected.data,
        place,
        seeds,
        keeps_all=True,
        resume=resume,
        overwrite=overwrite,
        stop=stop or _never,
    ):
        if on_fact is not None and not isinstance(fact, Repeated):
            on_fact(fact)
    if not isinstance(fact, Repeated):
        raise TrainingStoppedError(f"stopped as asked; everything is in {place}, and resume=True goes on")
    teachers = [place_of(place, trial.seed) for trial in fact.trials]
    lessons = prepare_lessons(collected, texts, teachers, reading, note)
    return run_distillation(
        collected, lessons, output=output, resume=resume, overwrite=overwrite, on_fact=on_fact, stop=stop
    )


def run_distillation(
    collected: Collected,
    lessons: Sequence[Lesson],
    *,
    output: FilePath,
    resume: bool = False,
    overwrite: bool = False,
    on_fact: Callable[[Any], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Label and train with what was read before; arguments and errors as of `distill`."""
    from tagger.training import run
    from tagger.training.distillation.distil import distil
    from tagger.training.distillation.teaching import TaughtFacts
    from tagger.training.recipes.labelled import FinishedLabeller

    place = Path(check_path(output, "output"))
    fact, taught, was_complete = None, None, False
    for fact in distil(
        collected.data,
        lessons,
        place,
        resume=resume,
        overwrite=overwrite,
        stop=stop or _never,
    ):
        was_complete = was_complete or isinstance(fact, run.Complete)
        if isinstance(fact, TaughtFacts):
            taught = fact
        if on_fact is not None:
            on_fact(fact)
    if isinstance(fact, FinishedLabeller):
        return TrainingResult(fact, None, was_complete, taught)
    raise TrainingStoppedError(f"stopped as asked; everything is in {place}, and resume=True goes on")


def _never() -> bool:
    return False


def _check_paths(paths: Sequence[FilePath], name: str) -> list[Path]:
    if isinstance(paths, str | PathLike):
        raise ConfigError(f"found {describe_value(paths)}, expected a list of paths", name)
    return [Path(check_path(each, name)) for each in paths]
