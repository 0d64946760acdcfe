"""Labelled sentences -> a model directory. PyTorch is imported when a training begins, not before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.api.sources import (
    CorpusSource,
    FilePath,
    check_path,
    check_paths,
    choose_settings,
    describe_value,
    make_corpus,
    require_torch,
)
from tagger.config import Config
from tagger.errors import ConfigError, TaggerError
from tagger.scoring import Scores
from tagger.text.conll import Corpus
from tagger.text.objects import describe
from tagger.text.schemes import Scheme, parse_scheme
from tagger.text.schemes.tags import is_writable
from tagger.text.spool import find_room

if TYPE_CHECKING:
    from tagger.training.data import Corpora
    from tagger.training.distillation.teaching import TaughtFacts
    from tagger.training.recipes.labelled import FinishedLabeller
    from tagger.training.repeat import Repeated
    from tagger.training.start import Collected, Start


class TrainingStoppedError(TaggerError):
    """The caller asked to stop; everything is saved, and `resume=True` goes on."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a training came to.

    Attributes:
        finished: the run whose model is kept.
        seeds: all runs, where there were several; else None.
        was_complete: whether it was finished before and nothing was trained, as with `resume`.
        taught: how much text teachers labelled for it, where they did; None also where it was complete.
    """

    finished: FinishedLabeller
    seeds: Repeated | None = None
    was_complete: bool = False
    taught: TaughtFacts | None = None

    @property
    def directory(self) -> Path:
        """Where the model is, for `load`."""
        return self.finished.directory

    @property
    def dev(self) -> Scores:
        """The model's scores on dev, which chose it."""
        return self.finished.dev.scores

    @property
    def test(self) -> Scores | None:
        """Its scores on the test corpus, if there is one."""
        return None if self.finished.test is None else self.finished.test.scores

    @property
    def best_epoch(self) -> float:
        """The epoch whose model is kept, counted from 1; with `eval_steps` a fraction within one."""
        return self.finished.best_epoch

    @property
    def epochs(self) -> float:
        """Epochs completed; a fraction where patience ended one."""
        return self.finished.epochs

    @property
    def seconds(self) -> float:
        """Of training and scoring; of the last part alone, where it was resumed."""
        return self.finished.seconds

    def __repr__(self) -> str:
        scores = [f"dev {self.dev.headline_name} {100 * self.dev.headline[1]:.2f}"]
        if self.test is not None:
            scores.append(f"test {100 * self.test.headline[1]:.2f}")
        return f"TrainingResult({str(self.directory)!r}, {', '.join(scores)}, {self.seconds:.0f} s)"

    def as_dict(self) -> dict[str, Any]:
        """Return what `tagger train --json` prints.

        `dev` and `test`, and what several seeds came to in `repeated`, mean the same whatever was asked for. Beside
        them stand the scores on test, else on dev (`headline` says which), and the keys of `repeated`, as scripts
        know them from before.
        """
        part = "dev" if self.finished.test is None else "test"
        headline = self.finished.dev if self.finished.test is None else self.finished.test
        measure, value = headline.scores.headline
        repeated = None if self.seeds is None else self.seeds.as_dict()
        facts = {
            **headline.scores.as_dict(),
            **self.finished.as_dict(),
            **(repeated or {}),
            "headline": {"part": part, "measure": measure, "value": value},
            "repeated": repeated,
            "taught": None if self.taught is None else self.taught.as_dict(),
        }
        return describe("training", facts)


def train(
    *,
    train: CorpusSource,
    output: FilePath,
    dev: CorpusSource | None = None,
    test: CorpusSource | None = None,
    config: Config | FilePath | None = None,
    base: FilePath | None = None,
    init_encoder: FilePath | None = None,
    vectors: FilePath | None = None,
    vectors_all: bool = False,
    lm: FilePath | None = None,
    gazetteers: Sequence[FilePath] = (),
    clusters: Sequence[FilePath] = (),
    seeds: int = 1,
    resume: bool = False,
    overwrite: bool = False,
    on_fact: Callable[[Any], None] | None = None,
    stop: Callable[[], bool] | None = None,
    **changes: Any,
) -> TrainingResult:
    """Train a model on labelled sentences and write its directory.

    In a script that torchrun starts several times the processes train together, see `docs/guides/scale.md`: the first
    alone writes, and all return the same result.

    Args:
        train: what it learns from.
        output: the model's directory; it is made where it is absent.
        dev: chooses the best epoch; None: a tenth of `train` is held out.
        test: the finished model is scored on it.
        config: settings, or a TOML file of them.
        base: a model's directory to continue with (`--from`); its words and types are kept.
        init_encoder, lm: directories that `tagger pretrain` wrote.
        vectors, vectors_all: a file of word vectors; whether to keep those of words the corpora don't have.
        gazetteers: files with a name a line.
        clusters: directories of word classes that `tagger pretrain` wrote, or files of them.
        seeds: train this many, from `seed` upwards, and keep the best by dev.
        resume: go on where a run with the same arguments stopped. A finished run is told as it is, or goes on from
            its model if `epochs` is higher.
        overwrite: replace the model that `output` holds, which stays until the new one is finished.
        on_fact: is called with each fact of the run as it comes: `Started`, `StepFacts` after each step,
            `EpochFacts` with the dev scores after each measurement, at last a `FinishedLabeller` (see
            `training.run.Fact`).
        stop: is asked after each step; True saves everything and raises `TrainingStoppedError`.
        **changes: settings by name, as `epochs=5`, `encoder="gru"`, `training__clip_norm=1.0`; `tagger config`
            lists them.

    Raises:
        DataError: a file is at fault, or the directory can't be written.
        ModelError: a model to begin with is.
        ConfigError: an argument or a setting is not what it should be, or PyTorch is missing.
        TrainingStoppedError: `stop` said so.

    >>> pairs = [(["Ada", "met", "Li"], ["B-PER", "O", "B-PER"]), (["It", "rains"], ["O", "O"])] * 20
    >>> result = train(train=pairs, dev=pairs, output="model", epochs=4, hidden=8)  # doctest: +SKIP
    >>> result.dev.micro.f1  # doctest: +SKIP
    1.0
    """
    refuse_overwriting(base, output, "output")
    refuse_occupied(output, resume=resume, overwrite=overwrite, seeds=seeds)
    chosen = choose_settings(config, changes)
    require_torch("training")
    from tagger.training.workers.peers import joined

    start = find_start(base, init_encoder, vectors, vectors_all, lm, gazetteers, clusters)
    with joined():
        prepared = prepare_training(train, dev, test, chosen, start, output)
        return run_training(
            prepared, output, seeds=seeds, resume=resume, overwrite=overwrite, on_fact=on_fact, stop=stop
        )


def prepare_training(
    train: CorpusSource,
    dev: CorpusSource | None,
    test: CorpusSource | None,
    chosen: Config,
    start: Start,
    output: FilePath,
) -> Collected:
    """Read all that a training needs, and write nothing; corpora and errors as of `train`.

    Args:
        chosen: the settings.
        start: the files and directories that the run starts from.
        output: where the model will go; what memory isn't to hold meanwhile lies beside it, in files without a name.
    """
    from tagger.training.start import collect

    wanted = None if chosen.corpus.scheme == "auto" else parse_scheme(chosen.corpus.scheme)
    learned = _find_source(train, wanted, chosen, "train")
    likely = learned.scheme if isinstance(learned, Corpus) else wanted
    held_out, tested = (
        None if each is None else _find_source(each, likely, chosen, name)
        for each, name in ((dev, "dev"), (test, "test"))
    )
    return collect(learned, held_out, tested, chosen, start, find_room(Path(check_path(output, "output"))))


def run_training(
    prepared: Collected,
    output: FilePath,
    *,
    seeds: int = 1,
    resume: bool = False,
    overwrite: bool = False,
    on_fact: Callable[[Any], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Train on what was read before; arguments and errors as of `train`."""
    from tagger.training import run
    from tagger.training.recipes import labelled
    from tagger.training.recipes.labelled import FinishedLabeller
    from tagger.training.repeat import Repeated, repeat
    from tagger.training.workers.peers import joined

    place = Path(check_path(output, "output"))
    options: dict[str, Any] = {"resume": resume, "overwrite": overwrite, "stop": stop or _never}
    fact, was_complete = None, False
    with joined() as peers:
        data = (
            choose_start(prepared, place, resume=resume, on_fact=on_fact, stop=options["stop"])
            if peers.is_alone
            else prepared.data
        )
        facts: Iterable[Any] = (
            run.train(labelled.prepare(data), place, peers=peers, **options)
            if seeds == 1
            else repeat(data, place, seeds, peers=peers, **options)
        )
        for fact in facts:
            was_complete = was_complete or isinstance(fact, run.Complete)
            if on_fact is not None:
                on_fact(fact)
    if isinstance(fact, Repeated):
        return TrainingResult(fact.best, fact, was_complete)
    if isinstance(fact, FinishedLabeller):
        return TrainingResult(fact, None, was_complete)
    raise TrainingStoppedError(f"stopped as asked; everything is in {place}, and resume=True goes on")


def choose_start(
    prepared: Collected,
    place: Path,
    *,
    resume: bool,
    on_fact: Callable[[Any], None] | None,
    stop: Callable[[], bool],
) -> Corpora:
    """Return what the run learns from, without its encoder where a trial says that it harms.

    Args:
        prepared: what was read.
        place: the directory of the run.
        resume, on_fact, stop: as of `train`.

    Raises:
        TrainingStoppedError: `stop` said so.
    """
    from tagger.training import trial

    if prepared.plain is None or not trial.count_epochs(prepared.data):
        return prepared.data
    fact: Any = None
    for fact in trial.try_out(prepared.data, prepared.plain, place, resume=resume, stop=stop):
        if on_fact is not None:
            on_fact(fact)
    if not isinstance(fact, trial.Tried):
        raise TrainingStoppedError("stopped as asked while the encoder was tried; resume=True tries it again")
    return prepared.data if fact.is_taken else prepared.plain


def find_start(
    base: FilePath | None,
    init_encoder: FilePath | None,
    vectors: FilePath | None,
    vectors_all: bool,
    lm: FilePath | None,
    gazetteers: Sequence[FilePath],
    clusters: Sequence[FilePath],
) -> Start:
    """Return what a run starts from; arguments as of `train`.

    Raises:
        ConfigError: one is no path, or no list of them.
    """
    from tagger.training.start import Start

    base, init_encoder, vectors, lm = (
        None if path is None else Path(check_path(path, name))
        for path, name in ((base, "base"), (init_encoder, "init_encoder"), (vectors, "vectors"), (lm, "lm"))
    )
    lists, trees = check_paths(gazetteers, "gazetteers"), check_paths(clusters, "clusters")
    return Start(base, init_encoder, vectors, vectors_all, lm, lists, trees)


def refuse_overwriting(base: FilePath | None, output: FilePath, name: str) -> None:
    """Refuse to write a model over the one that the run begins with.

    Raises:
        ConfigError: `output` is `base`; `name` is what the user calls it.
    """
    if (
        base is not None
        and Path(check_path(base, "base")).resolve() == Path(check_path(output, name)).resolve()
    ):
        raise ConfigError(
            f"found {output}, with which the run begins; choose another directory, or it couldn't be resumed",
            name,
        )


def refuse_occupied(output: FilePath, *, resume: bool, overwrite: bool, seeds: int = 1) -> None:
    """Refuse a directory whose model or unfinished run would be lost, before anything is read.

    Raises:
        DataError: it holds one.
    """
    from tagger.training.output import check

    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise ConfigError(f"found {describe_value(seeds)}, expected a number of seeds, 1 or more", "seeds")
    check(Path(check_path(output, "output")), resume=resume, overwrite=overwrite, several=seeds > 1)


def _never() -> bool:
    return False


def _find_source(source: CorpusSource, scheme: Scheme | None, chosen: Config, name: str) -> Path | Corpus:
    """Return a file's path, or a corpus in a scheme where its tags are of that."""
    if isinstance(source, str | PathLike):
        return Path(source)
    corpus = (
        source if isinstance(source, Corpus) else make_corpus(source, scheme, name, is_strict=name == "train")
    )
    strange = next((tag for row in corpus.sentences for tag in row.tags if not is_writable(tag)), None)
    if strange is not None:
        expected = "expected one without tabs, line ends and half characters, as a column file holds it"
        raise ConfigError(f"found the tag {strange!r}, {expected}", name)
    wanted = len(chosen.embedding.feature_columns)
    if any(len(sentence.features) != wanted for sentence in corpus.sentences):
        raise ConfigError(
            f"sentences have {len(corpus.sentences[0].features)} feature columns, but the settings name {wanted}; "
            "expected a file, or a corpus that was read with these columns",
            name,
        )
    return corpus
