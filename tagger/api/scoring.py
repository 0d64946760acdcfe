"""A model, or the answers of one, beside gold labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike

from tagger import config as settings
from tagger import scoring
from tagger.api.sources import (
    Column,
    CorpusSource,
    FilePath,
    find_corpus,
    find_scheme,
    find_task,
    load,
    make_corpus,
)
from tagger.errors import ConfigError
from tagger.runtime.evaluation import find_columns, fit_tags, label_sentences, read_gold_for, weigh_spans
from tagger.runtime.reports import read_words
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.scoring.answers import (
    AnswerColumns,
    Answers,
    analyse_answers,
    compare_answers,
    likely_scheme,
    match_all_answers,
    read_answers,
    read_word_list,
    report_answers_with_seqeval,
    surfaces_of,
)
from tagger.scoring.report import analyse
from tagger.scoring.result import ScoringResult
from tagger.text import schemes
from tagger.text.conll import BlankTokens, Compounds, Corpus, fit_corpus
from tagger.text.schemes import Scheme, Task


def evaluate(
    model: Tagger | FilePath,
    corpus: CorpusSource,
    *,
    training: CorpusSource | None = None,
    min_confidence: float | None = None,
    scheme: Scheme | str | None = None,
    token_column: Column | None = None,
    tag_column: Column | None = None,
    blank_tokens: BlankTokens | None = None,
    task: Task | str | None = None,
    compounds: Compounds | None = None,
    encoding: str | None = None,
    strict: bool = False,
    seqeval: bool = False,
    on_labelled: Callable[[int, int], None] | None = None,
) -> ScoringResult:
    """Label a corpus with a model and compare the result with its own labels, span by span.

    Args:
        model: a tagger, or its directory.
        corpus: with gold tags.
        training: the corpus that the model was trained on, or a file of its words, one a line: what is seen and
            unseen in it is scored apart. None: the words that lie beside a model of words or of parts of speech.
        min_confidence: leave out names that are less probable; None: what training chose, 0: nothing.
        scheme: of the corpus's tags; None: the model's, or what is found.
        token_column, tag_column, blank_tokens, compounds, encoding: of files; None: as in training.
        task: what a file is read for; `words` compares words alone where the model has types. None: the model's.
        strict: count only spans that the scheme spells out in full.
        seqeval: add what the package seqeval says of the same spans.
        on_labelled: called with how many tokens are labelled and how many there are, first with none, now and then.

    Raises:
        DataError: a file is at fault.
        ModelError: the model is.
        ConfigError: an argument is not what it should be.

    >>> result = evaluate("models/english", "test.conll")  # doctest: +SKIP
    >>> result.scores.micro.f1, result.scores.types["PER"].recall  # doctest: +SKIP
    (0.956, 0.962)
    """
    if seqeval:
        scoring.require_seqeval()
    tagger = model if isinstance(model, Tagger) else load(model)
    found = tagger.model
    changes = {
        "token_column": token_column,
        "tag_column": tag_column,
        "blank_tokens": blank_tokens,
        "compounds": compounds,
        "encoding": encoding,
    }
    chosen = settings.override(found.config, {f"corpus.{name}": value for name, value in changes.items()})
    wanted = _find_task(found, task)
    gold = _find_gold(corpus, found, wanted, chosen, find_scheme(scheme), "corpus")
    if gold.scheme is Scheme.IO and found.scheme.has_prefixes:
        gold = _spell_out(gold, found.scheme)
    surfaces = _read_training_words(training, gold, chosen.corpus.encoding)
    if surfaces is None and training is not None:
        words = Task.WORDS if wanted.cuts_words else wanted  # the types of words say nothing of what was seen
        surfaces = surfaces_of(_find_gold(training, found, words, chosen, None, "training"))
    elif surfaces is None and _scores_words(gold) and tagger.directory is not None:
        surfaces = read_words(tagger.directory)
    began = time.perf_counter()
    labellings = label_sentences(
        tagger, gold.sentences, min_confidence=min_confidence, on_labelled=on_labelled
    )
    seconds = time.perf_counter() - began
    tags = [fit_tags(each.tags, found, gold) for each in labellings]
    analysis = analyse(
        gold.sentences,
        tags,
        gold.scheme,
        strict=strict,
        confidences=None
        if strict or (gold.scheme is Scheme.IO and found.scheme is Scheme.BARE)  # several become one
        else [[span.confidence or 0.0 for span in each.spans] for each in labellings],
        training_surfaces=surfaces,
        task=gold.task,
        name=gold.path,
        system="" if tagger.directory is None else str(tagger.directory),
        weigh=partial(weigh_spans, tagger, gold.sentences) if gold.task is found.task else None,
    )
    answers = Answers(path=gold.path, tags=tuple(map(tuple, tags)), scheme=gold.scheme)
    report = report_answers_with_seqeval(gold, answers, strict=strict) if seqeval else None
    least = found.min_confidence if min_confidence is None else min_confidence
    return ScoringResult(gold, (answers,), (analysis,), (report,), None, seconds, least)


def score(
    gold: CorpusSource,
    predicted: CorpusSource | None = None,
    other: CorpusSource | None = None,
    *,
    training: CorpusSource | None = None,
    scheme: Scheme | str | None = None,
    predicted_scheme: Scheme | str | None = None,
    token_column: Column = 0,
    gold_column: Column | None = None,
    predicted_column: Column = -1,
    encoding: str = "utf-8",
    task: Task | str | None = None,
    compounds: Compounds = "open",
    strict: bool = False,
    seqeval: bool = False,
) -> ScoringResult:
    """Compare predicted labels with gold labels, span by span, as `conlleval` does.

    Args:
        gold: the right labels; a file may hold the predicted ones too, in its last column.
        predicted: the same tokens with predicted labels.
        other: those of a second system, compared with the first by approximate randomisation.
        training: the corpus that the system was trained on, or a file of its words, one a line: what is seen and
            unseen in it is scored apart.
        scheme, predicted_scheme: of the tags; None: found by looking.
        token_column, gold_column, predicted_column, encoding, compounds: of files.
        task: what files are read for; None: found by looking. Words are compared whatever the forms of the files,
            and without types where one of them has none.
        strict: count only spans that the scheme spells out in full.
        seqeval: add what the package seqeval says of the same spans.

    Raises:
        DataError: a file is faulty, or two don't hold the same tokens: the first place that differs.
        ConfigError: an argument is not what it should be.

    >>> tokens = ["Ada", "Lovelace", "left"]
    >>> result = score([(tokens, ["B-PER", "I-PER", "O"])], [(tokens, ["B-PER", "O", "O"])])
    >>> result.scores.micro.gold, result.scores.micro.predicted, result.scores.micro.correct
    (1, 1, 0)
    """
    if seqeval:
        scoring.require_seqeval()
    began = time.perf_counter()
    columns = AnswerColumns(
        token_column=token_column,
        gold_column=gold_column,
        predicted_column=predicted_column,
        scheme=find_scheme(scheme),
        predicted_scheme=find_scheme(predicted_scheme),
        encoding=encoding,
        task=find_task(task),
        compounds=compounds,
    )
    corpus, systems = _find_answers([gold, predicted, other], columns)
    surfaces = _read_training_words(training, corpus, encoding)
    if surfaces is None and training is not None:
        learned = columns.of_gold
        if corpus.task.cuts_words:
            learned = replace(learned, task=Task.WORDS)
        surfaces = surfaces_of(find_corpus(training, learned, columns.scheme, encoding, "training"))
    analyses = [analyse_answers(corpus, each, strict=strict, training_surfaces=surfaces) for each in systems]
    reports = [
        report_answers_with_seqeval(corpus, each, strict=strict) if seqeval else None for each in systems
    ]
    comparison = compare_answers(corpus, *systems, strict=strict) if len(systems) == 2 else None
    seconds = time.perf_counter() - began
    return ScoringResult(corpus, tuple(systems), tuple(analyses), tuple(reports), comparison, seconds)


def _find_answers(
    sources: Sequence[CorpusSource | None], columns: AnswerColumns
) -> tuple[Corpus, list[Answers]]:
    """Read gold and the answers of one or two systems."""
    given = [each for each in sources if each is not None]
    if all(isinstance(each, str | PathLike) for each in given):
        return read_answers([each for each in given if isinstance(each, str | PathLike)], columns)
    if len(given) == 1:
        raise ConfigError("found gold labels alone, expected predicted ones beside them", "predicted")
    corpus = find_corpus(given[0], columns.of_gold, columns.scheme, columns.encoding, "gold")
    wanted = columns.predicted_scheme or columns.scheme
    likely = likely_scheme(corpus.scheme)
    answered = [
        find_corpus(each, columns.of_answers, wanted, columns.encoding, name, likely)
        for name, each in zip(("predicted", "other"), given[1:], strict=False)
    ]
    if columns.task is not None:
        corpus, *answered = (fit_corpus(each, columns.task) for each in (corpus, *answered))
    return match_all_answers(corpus, answered, wanted)


def _scores_words(corpus: Corpus) -> bool:
    """Say whether words that training had are scored apart from others: words that tags make, or that have tags."""
    return corpus.task.cuts_words or corpus.scheme is Scheme.BARE


def _read_training_words(source: CorpusSource | None, gold: Corpus, encoding: str) -> frozenset[str] | None:
    """Return the words of a file that is no corpus but a list of them; None where it is no such file."""
    if isinstance(source, str | PathLike) and _scores_words(gold):
        return read_word_list(source, encoding)
    return None


def _spell_out(corpus: Corpus, scheme: Scheme) -> Corpus:
    """Return a corpus in a scheme that can say more: a name the model cuts in two must not be one again."""
    sentences = (
        replace(each, tags=tuple(schemes.convert(each.tags, corpus.scheme, scheme)))
        for each in corpus.sentences
    )
    return replace(corpus, sentences=tuple(sentences), scheme=scheme)


def _find_task(model: TrainedModel, task: Task | str | None) -> Task:
    """Return what a corpus is read for: what the model is for, or words without the types that it has."""
    wanted = find_task(task) or model.task
    if wanted is model.task or (model.task is Task.JOINT and wanted is Task.WORDS):
        return wanted
    possible = "words or joint" if model.task is Task.JOINT else str(model.task)
    raise ConfigError(f"found {wanted}, but the model is one of {model.task}; expected {possible}", "task")


def _find_gold(
    source: CorpusSource,
    model: TrainedModel,
    task: Task,
    chosen: settings.Config,
    scheme: Scheme | None,
    name: str,
) -> Corpus:
    """Return a labelled corpus in the scheme asked for, else in the model's or the one its tags are of."""
    columns, encoding = replace(find_columns(chosen), task=task), chosen.corpus.encoding
    if isinstance(source, Corpus):
        return fit_corpus(source, task)
    if scheme is not None:
        return fit_corpus(find_corpus(source, columns, scheme, encoding, name), task)
    if isinstance(source, str | PathLike):
        return fit_corpus(read_gold_for(task, source, model.scheme, columns=columns, encoding=encoding), task)
    return fit_corpus(make_corpus(source, model.scheme, name, is_strict=False), task)
