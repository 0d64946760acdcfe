"""A tagger beside gold labels: a labelled corpus read as the model reads it, labelled, compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from os import PathLike

from tagger import scoring
from tagger.config import Config
from tagger.errors import DataError
from tagger.runtime.questions import Labelling
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.scoring import Interval, Scores
from tagger.text import schemes
from tagger.text.conll import Columns, Corpus, Sentence, UntypedWordsError, drop_types
from tagger.text.formats.annotated import read_labelled
from tagger.text.marks import parse_feature_columns
from tagger.text.schemes import Scheme, Span, Task, parse_task


def find_columns(config: Config) -> Columns:
    """Return the columns that the settings name."""
    features = tuple(each.column for each in parse_feature_columns(config.embedding.feature_columns))
    return Columns(
        token=config.corpus.token_column,
        tag=config.corpus.tag_column,
        features=features,
        blank_tokens=config.corpus.blank_tokens,
        task=parse_task(config.corpus.task),
        compounds=config.corpus.compounds,
    )


def read_gold(path: str | PathLike[str], scheme: Scheme, *, columns: Columns, encoding: str) -> Corpus:
    """Read a corpus to score a model on, in the model's scheme or, where its tags are of none such, in its own."""
    try:
        return read_labelled(path, columns=columns, scheme=scheme, encoding=encoding)
    except DataError:
        with suppress(DataError):
            found = read_labelled(path, columns=columns, encoding=encoding)
            if Scheme.BARE not in (scheme, found.scheme):
                note = f"its tags are {found.scheme}, the model's {scheme}; their spans are compared"
                return replace(found, warnings=(*found.warnings, note))
        raise


def read_gold_for(
    task: Task, path: str | PathLike[str], scheme: Scheme, *, columns: Columns, encoding: str
) -> Corpus:
    """Read a corpus as a model's task needs it; words alone where a model of words with types finds none."""
    try:
        return read_gold(path, scheme, columns=replace(columns, task=task), encoding=encoding)
    except UntypedWordsError:
        if task is not Task.JOINT:
            raise
        return read_gold(path, scheme, columns=replace(columns, task=Task.WORDS), encoding=encoding)


def fit_tags(tags: Sequence[str], model: TrainedModel, gold: Corpus) -> tuple[str, ...]:
    """Return a model's tags in the scheme of a gold corpus, without types where that has none."""
    converted = tuple(schemes.convert(tags, model.scheme, gold.scheme))
    has_more = gold.task is Task.WORDS and model.task is Task.JOINT
    return drop_types(converted, gold.scheme) if has_more else converted


def label_sentences(
    tagger: Tagger,
    sentences: Sequence[Sentence],
    *,
    min_confidence: float | None = None,
    confidences: bool = True,
    expected_spans: bool = False,
    on_labelled: Callable[[int, int], None] | None = None,
) -> list[Labelling]:
    """Label the sentences of a corpus, whose documents and feature columns it gives.

    Args:
        tagger: labels them.
        sentences: their tags aren't looked at.
        min_confidence: names below it are left out; None: as the model has it.
        confidences: False: don't compute the probability of spans.
        expected_spans: whether to say how many spans each is expected to have.
        on_labelled: called with how many tokens are labelled and how many there are, first with none, now and then.
    """
    whole = sum(map(len, sentences))
    done = 0

    def note_part(tokens: int) -> None:
        nonlocal done
        done += tokens
        if on_labelled is not None:
            on_labelled(done, whole)

    note_part(0)
    return tagger.predict_tokens(
        [sentence.tokens for sentence in sentences],
        documents=[sentence.document for sentence in sentences],
        features=[sentence.features for sentence in sentences] if tagger.feature_columns else None,
        min_confidence=min_confidence,
        confidences=confidences,
        expected_spans=expected_spans,
        on_part=note_part,
    )


def weigh_spans(
    tagger: Tagger, sentences: Sequence[Sentence], spans: Sequence[Sequence[Span]]
) -> list[list[float | None]]:
    """Return how probable a tagger finds given spans of the sentences of a corpus; None: it can't say."""
    return tagger.weigh(
        [sentence.tokens for sentence in sentences],
        spans,
        documents=[sentence.document for sentence in sentences],
        features=[sentence.features for sentence in sentences] if tagger.feature_columns else None,
    )


def score_tagger(tagger: Tagger, corpus: Corpus, training: AbstractSet[str] | None = None) -> Scores:
    """Score a tagger on a labelled corpus; types that it doesn't know count as missed.

    Args:
        tagger: labels its tokens.
        corpus: with gold tags.
        training: the words that training had (`scoring.collect_surfaces`), if that is known.
    """
    found = label_sentences(tagger, corpus.sentences, confidences=False)
    return compare_tags(corpus, (each.tags for each in found), tagger.model.scheme, training)


def bound_headline(corpus: Corpus, predicted: Iterable[Sequence[str]], scheme: Scheme) -> Interval:
    """Return the 95 % interval of the headline of `compare_tags`: how far another sample of sentences would lie."""
    gold = [sentence.tags for sentence in corpus.sentences]
    rows = scoring.RowCounts()
    for pair, gold_tags, found in scoring.read_pairs(
        gold, predicted, corpus.scheme, scheme, task=corpus.task
    ):
        rows.add(pair, *scoring.count_right_tags(gold_tags, found))
    return rows.headline_interval(scheme)


def compare_tags(
    corpus: Corpus,
    predicted: Iterable[Sequence[str]],
    scheme: Scheme,
    training: AbstractSet[str] | None = None,
) -> Scores:
    """Score tags in a model's scheme on a labelled corpus."""
    return scoring.score(
        [sentence.tags for sentence in corpus.sentences],
        predicted,
        corpus.scheme,
        scheme,
        task=corpus.task,
        tokens=(sentence.tokens for sentence in corpus.sentences),
        training=training,
    )
