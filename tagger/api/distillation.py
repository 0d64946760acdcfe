"""Teachers and a text -> a student's directory: `distill`. PyTorch is imported when a training begins, not before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tagger.api.sources import (
    CorpusSource,
    FilePath,
    check_path,
    check_paths,
    choose_settings,
    describe_value,
    load,
    require_torch,
)
from tagger.api.training import (
    TrainingResult,
    TrainingStoppedError,
    choose_start,
    find_start,
    prepare_training,
    refuse_occupied,
    refuse_overwriting,
)
from tagger.config import Config
from tagger.errors import ConfigError, DataError
from tagger.text.conll import Corpus
from tagger.text.counting import count_of
from tagger.text.raw import InputSettings, Note

if TYPE_CHECKING:
    from tagger.training.data import Corpora
    from tagger.training.distillation.teaching import Lesson, Teachers
    from tagger.training.start import Collected, Start


@dataclass(frozen=True, slots=True)
class TextReading:
    """How the texts of a distillation are read; see `text.raw.InputSettings`."""

    format: str = "auto"
    language: str = "en"
    text_field: str | None = None


def distill(
    *,
    texts: Sequence[FilePath] = (),
    teachers: Sequence[FilePath] | int = (),
    silver: Sequence[FilePath] = (),
    gold: CorpusSource | None = None,
    output: FilePath,
    dev: CorpusSource | None = None,
    test: CorpusSource | None = None,
    input_format: str = "auto",
    language: str = "en",
    text_field: str | None = None,
    config: Config | FilePath | None = None,
    init_encoder: FilePath | None = None,
    vectors: FilePath | None = None,
    vectors_all: bool = False,
    lm: FilePath | None = None,
    gazetteers: Sequence[FilePath] = (),
    clusters: Sequence[FilePath] = (),
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
        silver: corpora that something else labelled, in any format that `tagger convert` reads: JSON of GLiNER,
            Hugging Face pipelines, Prodigy, Label Studio's predictions and others, or columns. Spans with a score
            below `min_score` are taken for unknown, and other scores, if none leaves 0 to 1, for probabilities. With
            teachers, these say what is unknown, and how far they agree is counted.
        gold: sentences with their tags, which the student learns as ever; None: `silver` is all that has labels.
        output: the student's directory.
        dev: chooses the best epoch; None: a tenth of `gold`, or without that of `silver`, is held out.
        test: the finished student is scored on it.
        input_format, language, text_field: how the texts are read, as by `tagger predict`.
        init_encoder, vectors, vectors_all, lm, gazetteers, clusters: what the student begins with, as of `train`; and
            the teachers, where they are trained first.
        config, resume, overwrite, on_fact, stop, **changes: as of `train`; facts of the labelling (`TaughtFacts`)
            come before those of the run.

    Raises:
        DataError, ModelError, ConfigError, TrainingStoppedError: as of `train`; a teacher that has other types than
            `gold`, or cuts text otherwise than the others, is a ConfigError.

    >>> distill(
    ...     texts=["news.txt"], teachers=["models/one", "models/two"], gold="train.conll", output="models/student"
    ... )  # doctest: +SKIP
    """
    places = [] if isinstance(teachers, int) else check_paths(teachers, "teachers")
    for each in places:
        refuse_overwriting(each, output, "output")
    refuse_occupied_by_student(
        output, resume=resume, overwrite=overwrite, seeds=teachers if isinstance(teachers, int) else None
    )
    chosen = choose_settings(config, changes)
    require_torch("distilling")
    files, labelled = check_paths(texts, "texts"), check_paths(silver, "silver")
    if isinstance(teachers, int) and gold is None:
        raise ConfigError("found none, expected a corpus from which the teachers learn", "gold")
    start = find_start(None, init_encoder, vectors, vectors_all, lm, gazetteers, clusters)
    pupil = prepare_pupil(gold, labelled, dev, test, chosen, start, output)
    reading = TextReading(input_format, language, text_field)
    run = (
        partial(run_with_seeds, pupil.collected, files, reading, seeds=teachers, silver=pupil.silver)
        if isinstance(teachers, int)
        else partial(
            run_distillation,
            pupil.collected,
            prepare_lessons(pupil.collected, files, places, reading, silver=pupil.silver),
        )
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


class StudentCorpora(NamedTuple):
    """What a student learns from beside raw text.

    Attributes:
        collected: its corpora; without gold the training corpus is what the others say.
        silver: labels from elsewhere.
    """

    collected: Collected
    silver: Sequence[Corpus]


def prepare_pupil(
    gold: CorpusSource | None,
    silver: Sequence[Path],
    dev: CorpusSource | None,
    test: CorpusSource | None,
    chosen: Config,
    start: Start,
    output: FilePath,
    note: Note | None = None,
) -> StudentCorpora:
    """Read the corpora of a student, and what something else labelled; arguments and errors as of `distill`.

    Args:
        start: what the student begins with.
        note: called with what is odd about the labels.
    """
    from tagger.training.distillation.silver import split_off_dev, unite

    if gold is not None:
        collected = prepare_training(gold, dev, test, chosen, start, output)
        return StudentCorpora(collected, _read_labels(silver, collected.data.config, note))
    if not silver:
        raise ConfigError(
            "found none, expected a corpus with gold tags, or labels from elsewhere (--silver)", "--gold"
        )
    corpora = _read_labels(silver, chosen, note)
    if dev is None:
        corpora, dev = split_off_dev(corpora, chosen)
    whole = unite(corpora, chosen.distillation.min_score)
    collected = prepare_training(whole, dev, test, chosen, start, output)
    data, plain = (
        each if each is None else replace(each, is_taught=True) for each in (collected.data, collected.plain)
    )
    assert data is not None
    return StudentCorpora(collected._replace(data=data, plain=plain), corpora)


def prepare_lessons(
    collected: Collected,
    texts: Sequence[Path],
    teachers: Sequence[Path],
    reading: TextReading,
    note: Note | None = None,
    *,
    silver: Sequence[Corpus] = (),
) -> list[Lesson]:
    """Load the teachers, and see that the student can learn from them; errors as of `distill`.

    Args:
        collected: the student's corpora and settings.
        texts: files and folders.
        teachers: directories.
        reading: how the texts are read.
        note: called with what the user should know of how a text is read.
        silver: what something else labelled.
    """
    from tagger.training.data import list_tags
    from tagger.training.distillation.lessons import RawLesson
    from tagger.training.distillation.teaching import Teachers

    if not texts and not silver:
        raise ConfigError("found none, expected a file of raw text, or of labels (--silver)", "TEXT")
    if not teachers and (texts or not silver):
        raise ConfigError("found none, expected the directory of a model that labels the text", "--teacher")
    data = collected.data
    tags = list_tags(data)
    found = Teachers([(str(each), load(each)) for each in teachers], tags, data.config) if teachers else None
    lessons: list[Lesson] = [_make_lesson(silver, data, tags, found, note)] if silver else []
    if found is None or not texts:
        return lessons
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
    return [*lessons, RawLesson(texts, settings, found, data.config.encoder.max_tokens, note)]


def _read_labels(paths: Sequence[Path], config: Config, note: Note | None) -> list[Corpus]:
    """Read what something else labelled; what is odd about it is said."""
    from tagger.text.formats import guess_format, read_corpus
    from tagger.text.formats.annotated import part_texts
    from tagger.text.formats.corpus import CorpusSettings, Misaligned
    from tagger.text.tokenizer import Mode, has_unspaced_words

    faults: list[DataError] = []

    def read(mode: Mode) -> list[Corpus]:
        faults.clear()
        settings = CorpusSettings(
            encoding=config.corpus.encoding, mode=mode, misaligned=Misaligned.UNKNOWN, is_silver=True
        )
        return [
            part_texts(read_corpus(path, guess_format(str(path)), settings, faults.append)) for path in paths
        ]

    chosen = config.corpus.mode
    corpora = read(Mode.WORDS if chosen == "auto" else Mode(chosen))
    sentences = (each for corpus in corpora for each in corpus.sentences)
    if chosen == "auto" and has_unspaced_words(token for each in sentences for token in each.tokens):
        corpora = read(Mode.CHARACTERS)
    said = [f"{corpus.path}: {warning}" for corpus in corpora for warning in corpus.warnings]
    if faults:
        found = f"{count_of(len(faults), 'span')} of {', '.join(map(str, paths))}"
        said.append(f"{found} fit no tokens, whose tags are taken for unknown; the first is {faults[0]}")
    if note is not None:
        for fact in said:
            note(fact)
    return corpora


def _make_lesson(
    silver: Sequence[Corpus],
    data: Corpora,
    tags: Sequence[str],
    teachers: Teachers | None,
    note: Note | None,
) -> Lesson:
    """Return what is learnt from labels from elsewhere; what is odd about them is said."""
    from tagger.training.distillation.silver import SilverLesson

    lesson = SilverLesson(silver, tags, data.train.scheme, data.config.distillation.min_score, teachers)
    said = [lesson.describe_strange(has_gold=not data.is_taught)]
    if not lesson.are_probabilities:
        said.append("scores of --silver leave 0 to 1: no probabilities, so they only tell what is unknown")
    if note is not None:
        for fact in filter(None, said):
            note(fact)
    return lesson


def run_with_seeds(
    collected: Collected,
    texts: Sequence[Path],
    reading: TextReading,
    *,
    seeds: int,
    output: FilePath,
    silver: Sequence[Corpus] = (),
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

    _refuse_launchers()
    find_texts(texts)  # before hours of training
    student = Path(check_path(output, "output"))
    data = choose_start(collected, student, resume=resume, on_fact=on_fact, stop=stop or _never)
    collected = collected._replace(data=data, plain=None)
    place = student / TEACHERS
    fact = None
    for fact in repeat(
        data,
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
    lessons = prepare_lessons(collected, texts, teachers, reading, note, silver=silver)
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
    _refuse_launchers()
    fact, taught, was_complete = None, None, False
    data = choose_start(collected, place, resume=resume, on_fact=on_fact, stop=stop or _never)
    for fact in distil(
        data,
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


def _refuse_launchers() -> None:
    """Refuse to be one of several processes: each would label the same text into the same files.

    Raises:
        ConfigError: a launcher started several.
    """
    from tagger.training.launch import find_launch

    launch = find_launch()
    if launch is not None:
        raise ConfigError(
            f"found {launch.size} processes, as torchrun starts them; a student is trained by one, with --workers, "
            "and its teachers beforehand by as many as you like",
            "distill",
        )


def _never() -> bool:
    return False
