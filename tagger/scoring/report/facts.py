"""All facts about one set of predictions, frozen; the terminal and the page draw them.

`analyse` computes them from sentences, predicted tags and, where known, confidences and the spans of the
training corpus. How the facts are drawn and where the predictions come from is unknown here.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from tagger import scoring
from tagger.errors import DataError
from tagger.scoring import Kind
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme, Span, Task, tags_to_spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A gold span that was not found, a predicted span that is not gold, or both at once."""

    kind: Kind
    gold: Span | None
    predicted: Span | None
    confidence: float | None = None  # of the predicted span

    @property
    def place(self) -> tuple[int, int]:
        """The tokens concerned, half-open."""
        spans = [span for span in (self.gold, self.predicted) if span]
        return min(span.start for span in spans), max(span.end for span in spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongSentence:
    """A sentence with a mistake, and its spans on both sides."""

    sentence: Sentence
    gold: tuple[Span, ...]
    predicted: tuple[Span, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def tokens(self) -> tuple[str, ...]:
        return self.sentence.tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Confused:
    """One way of being wrong, how often it happened, and where: (index in `Analysis.wrong`, the mistake)."""

    kind: Kind
    gold: str | None
    predicted: str | None
    cases: tuple[tuple[int, Mistake], ...]

    @property
    def count(self) -> int:
        return len(self.cases)


Weigh = Callable[[Sequence[Sequence[Span]]], Sequence[Sequence[float | None]]]
"""How probable spans of each sentence are to whoever predicted; None: that can't be said."""

LENIENT, STRICT = "lenient", "strict"
"""The two readings of tags as spans: as conlleval reads them, and only what the scheme spells out in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What an analysis compares; the arguments of `analyse` say what each is."""

    sentences: Sequence[Sentence]
    predicted: Sequence[Sequence[str]]
    scheme: Scheme
    predicted_scheme: Scheme
    strict: bool
    confidences: Sequence[Sequence[float]] | None
    task: Task
    weigh: Weigh | None

    def read_pairs(self) -> Iterator[scoring.ReadPair]:
        """Yield the spans of both sides, sentence by sentence."""
        return scoring.read_pairs(
            [sentence.tags for sentence in self.sentences],
            self.predicted,
            self.scheme,
            self.predicted_scheme,
            strict=self.strict,
            task=self.task,
        )

    def read_confidences(self) -> Iterator[Mapping[Span, float]]:
        """Yield the probability of each predicted span, sentence by sentence; nothing where nobody knows."""
        if self.confidences is None:
            yield from ({} for _ in self.predicted)
            return
        if len(self.confidences) != len(self.predicted):
            raise DataError(
                f"confidences of {len(self.confidences)} sentences for {len(self.predicted)} sentences"
            )
        for index, (tags, probabilities) in enumerate(zip(self.predicted, self.confidences, strict=True)):
            spans = scoring.name_spans(tags_to_spans(tags, self.predicted_scheme), self.task)
            if len(spans) != len(probabilities):
                raise DataError(
                    f"sentence {index + 1} has {len(spans)} predicted spans and {len(probabilities)} confidences"
                )
            yield dict(zip(spans, probabilities, strict=True))


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """The facts of one evaluation.

    They are counts, so that they take the same memory however many sentences there are; the wrong sentences are
    looked up when they are asked for.

    Attributes:
        name: the gold file.
        system: what predicted, for titles.
        scheme: of the gold tags.
        readings: the scores of the spans as each way to read tags has them, `LENIENT` and `STRICT`.
        strict: which of the two all other facts are about.
        interval: that of `scores.headline`.
        compared: what the facts are about.
    """

    name: str
    system: str
    scheme: Scheme
    readings: Mapping[str, scoring.Scores]
    strict: bool
    interval: scoring.Interval
    type_intervals: Mapping[str, scoring.Interval]
    evaluation: scoring.Evaluation
    confusion: scoring.Confusion
    span_lengths: Mapping[str, scoring.Score]
    sentence_lengths: Mapping[str, scoring.Score]
    novelty: Mapping[str, scoring.Score] | None
    calibration: scoring.Calibration | None
    compared: Compared

    @property
    def task(self) -> Task:
        """What the gold tags are about."""
        return self.compared.task

    @property
    def covers_everything(self) -> bool:
        """Whether every token is part of a span, so that only the wrong ones are worth drawing."""
        return self.scheme is Scheme.BARE or self.task.cuts_words

    @property
    def reading(self) -> str:
        """The name of the reading that was asked for."""
        return STRICT if self.strict else LENIENT

    @property
    def scores(self) -> scoring.Scores:
        """The scores in the reading that was asked for."""
        return self.readings[self.reading]

    @cached_property
    def wrong(self) -> tuple[WrongSentence, ...]:
        """The sentences with a mistake, in the order of the file."""
        return tuple(_find_wrong(self.compared))

    @cached_property
    def missed(self) -> tuple[Mapping[Span, float], ...]:
        """For each wrong sentence, how probable its gold spans are that weren't found; empty where nobody can say."""
        if self.compared.weigh is None:
            return ({},) * len(self.wrong)
        missed = [
            [span for span in pair.pair.gold if span not in set(pair.pair.predicted)]
            for pair in self.compared.read_pairs()
        ]
        tables = [
            {span: value for span, value in zip(spans, values, strict=True) if value is not None}
            for spans, values in zip(missed, self.compared.weigh(missed), strict=True)
        ]
        pairs = zip(tables, self.compared.read_pairs(), strict=True)
        return tuple(table for table, pair in pairs if pair.pair.gold != pair.pair.predicted)

    def confusions(self) -> list[Confused]:
        """Return the ways of being wrong, the most frequent first."""
        groups: dict[tuple[Kind, str | None, str | None], list[tuple[int, Mistake]]] = {}
        for index, sentence in enumerate(self.wrong):
            for mistake in sentence.mistakes:
                gold = mistake.gold.type if mistake.gold else None
                predicted = mistake.predicted.type if mistake.predicted else None
                groups.setdefault((mistake.kind, gold, predicted), []).append((index, mistake))
        confused = [
            Confused(kind=kind, gold=gold, predicted=predicted, cases=tuple(cases))
            for (kind, gold, predicted), cases in groups.items()
        ]
        return sorted(confused, key=lambda each: -each.count)

    def as_dict(self) -> dict[str, object]:
        """Return all numbers (not the sentences) for `--json`, beside the contract of `Scores.as_dict`."""
        parts = {"span_length": self.span_lengths, "sentence_length": self.sentence_lengths}
        if self.novelty is not None:
            parts["novelty"] = self.novelty
        measure, value = self.scores.headline
        facts: dict[str, object] = {
            "task": self.task.value,
            "reading": self.reading,
            "readings": {name: scores.as_dict() for name, scores in self.readings.items()},
            "headline": {"measure": measure, "value": value, **self.interval._asdict()},
            "interval": list(self.interval),
            "type_intervals": {name: list(interval) for name, interval in self.type_intervals.items()},
            "matching": self.evaluation.as_dict(),
            "confusion": self.confusion.as_dict(),
            "parts": {
                part: {name: score.as_dict() for name, score in groups.items()}
                for part, groups in parts.items()
            },
        }
        return facts | ({"calibration": self.calibration.as_dict()} if self.calibration else {})


def analyse(
    sentences: Sequence[Sentence],
    predicted: Sequence[Sequence[str]],
    scheme: Scheme,
    *,
    predicted_scheme: Scheme | None = None,
    strict: bool = False,
    confidences: Sequence[Sequence[float]] | None = None,
    training_surfaces: AbstractSet[str] | None = None,
    task: Task = Task.LABELS,
    name: str = "",
    system: str = "",
    weigh: Weigh | None = None,
    resamples: int = scoring.RESAMPLES,
) -> Analysis:
    """Compute every fact about predicted tags.

    Args:
        sentences: tokens with gold tags.
        predicted: the predicted tags of each sentence.
        scheme: the scheme of the gold tags.
        predicted_scheme: the scheme of the predicted tags, where it is another one.
        strict: count only spans that are spelt out in full (see `scoring.score`).
        confidences: for each sentence, one probability per span of `schemes.tags_to_spans(predicted tags)`.
        training_surfaces: what `scoring.collect_surfaces` found in the training corpus.
        task: what the gold tags are about.
        name: the gold file, for titles and places.
        system: what predicted, for titles: a model, a file.
        weigh: how probable spans are to it; asked only when `Analysis.missed` is.
        resamples: how many resamples the intervals rest on.
    """
    compared = Compared(
        sentences=sentences,
        predicted=predicted,
        scheme=scheme,
        predicted_scheme=predicted_scheme or scheme,
        strict=strict,
        confidences=confidences,
        task=task,
        weigh=weigh,
    )
    spans, rows = scoring.SpanCounts(scheme, task, training_surfaces), scoring.RowCounts()
    matches, parts = scoring.MatchCounts(), scoring.PartCounts(training_surfaces, task)
    probabilities, came_true = array("d"), bytearray()
    for sentence, pair, table in _read(compared):
        counts = scoring.count_right_tags(pair.gold_tags, pair.predicted_tags)
        spans.add(pair.pair, sentence.tokens, *counts)
        rows.add(pair.pair, *counts)
        parts.add(pair.pair, sentence.tokens)
        found = scoring.align(pair.pair.gold, pair.pair.predicted)
        matches.add(found)
        for match in found if table else ():
            if (
                match.predicted and match.predicted in table
            ):  # `O` is a label where labels are bare, but no span
                probabilities.append(table[match.predicted])
                came_true.append(match.kind is Kind.CORRECT)
    asked = spans.scores()
    other = _score_otherwise(compared, asked, training_surfaces)
    return Analysis(
        name=name,
        system=system,
        scheme=scheme,
        readings={LENIENT: other, STRICT: asked} if strict else {LENIENT: asked, STRICT: other},
        strict=strict,
        interval=rows.headline_interval(scheme, resamples=resamples),
        type_intervals=rows.type_intervals(resamples=resamples),
        evaluation=matches.evaluation(),
        confusion=matches.confusion(),
        span_lengths=parts.span_lengths,
        sentence_lengths=parts.sentence_lengths,
        novelty=parts.novelty,
        calibration=None
        if confidences is None
        else scoring.calibrate(probabilities, [*map(bool, came_true)]),
        compared=compared,
    )


def _read(compared: Compared) -> Iterator[tuple[Sentence, scoring.ReadPair, Mapping[Span, float]]]:
    """Yield each sentence, its spans as they are to be read, and the probabilities of the predicted ones."""
    return zip(compared.sentences, compared.read_pairs(), compared.read_confidences(), strict=True)


def _score_otherwise(
    compared: Compared, asked: scoring.Scores, training_surfaces: AbstractSet[str] | None
) -> scoring.Scores:
    """Return the scores in the other reading; the same where a scheme has but one."""
    schemes = {compared.scheme, compared.predicted_scheme}
    if all(scoring.is_always_spelt_out(scheme) for scheme in schemes):
        return asked
    return scoring.score(
        [sentence.tags for sentence in compared.sentences],
        compared.predicted,
        compared.scheme,
        compared.predicted_scheme,
        strict=not compared.strict,
        task=compared.task,
        tokens=(sentence.tokens for sentence in compared.sentences),
        training=training_surfaces,
    )


def _find_wrong(compared: Compared) -> Iterator[WrongSentence]:
    for sentence, pair, table in _read(compared):
        if pair.pair.gold == pair.pair.predicted:
            continue
        mistakes = tuple(
            Mistake(
                kind=match.kind,
                gold=match.gold,
                predicted=match.predicted,
                confidence=table.get(match.predicted) if match.predicted else None,
            )
            for match in scoring.align(pair.pair.gold, pair.pair.predicted)
            if match.kind is not Kind.CORRECT
        )
        if mistakes:
            yield WrongSentence(
                sentence=sentence,
                gold=tuple(pair.pair.gold),
                predicted=tuple(pair.pair.predicted),
                mistakes=mistakes,
            )
