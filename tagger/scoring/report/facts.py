"""All facts about one set of predictions, frozen; the terminal and the page draw them.

`analyse` computes them from sentences, predicted tags and, where known, confidences and the spans of the
training corpus. How the facts are drawn and where the predictions come from is unknown here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain

from tagger import scoring
from tagger.errors import DataError
from tagger.scoring import Kind, Match
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme, Span, tags_to_spans


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The facts of one evaluation; `interval` is that of `scores.headline`."""

    name: str
    scheme: Scheme
    scores: scoring.Scores
    interval: scoring.Interval
    type_intervals: Mapping[str, scoring.Interval]
    evaluation: scoring.Evaluation
    confusion: scoring.Confusion
    span_lengths: Mapping[str, scoring.Score]
    sentence_lengths: Mapping[str, scoring.Score]
    novelty: Mapping[str, scoring.Score] | None
    calibration: scoring.Calibration | None
    wrong: tuple[WrongSentence, ...]

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
        facts: dict[str, object] = {
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
    name: str = "",
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
        name: the gold file, for titles and places.
        resamples: how many resamples the intervals rest on.
    """
    gold = [sentence.tags for sentence in sentences]
    schemes = scheme, predicted_scheme
    scores = scoring.score(gold, predicted, *schemes, strict=strict)
    pairs = scoring.pair_spans(gold, predicted, *schemes, strict=strict)
    matches = scoring.align_all(pairs)
    confidence_of = _read_confidences(predicted, predicted_scheme or scheme, confidences)
    words = [sentence.tokens for sentence in sentences]
    return Analysis(
        name=name,
        scheme=scheme,
        scores=scores,
        interval=scoring.headline_interval(scores, pairs, gold, predicted, resamples=resamples),
        type_intervals={
            type_: scoring.bootstrap(counts, resamples=resamples)
            for type_, counts in scoring.count_spans_by_type(pairs).items()
        },
        evaluation=scoring.evaluate_matches(chain.from_iterable(matches)),
        confusion=scoring.count_confusions(chain.from_iterable(matches)),
        span_lengths=scoring.score_by_span_length(pairs),
        sentence_lengths=scoring.score_by_sentence_length(pairs),
        novelty=None
        if training_surfaces is None
        else scoring.score_by_novelty(pairs, words, training_surfaces),
        calibration=None if confidence_of is None else _calibrate(matches, confidence_of),
        wrong=tuple(_find_wrong(sentences, pairs, matches, confidence_of)),
    )


def _read_confidences(
    predicted: Sequence[Sequence[str]], scheme: Scheme, confidences: Sequence[Sequence[float]] | None
) -> list[dict[Span, float]] | None:
    """Give each predicted span of each sentence its probability."""
    if confidences is None:
        return None
    if len(confidences) != len(predicted):
        raise DataError(f"confidences of {len(confidences)} sentences for {len(predicted)} sentences")
    table = []
    for index, (tags, probabilities) in enumerate(zip(predicted, confidences, strict=True)):
        spans = tags_to_spans(tags, scheme)
        if len(spans) != len(probabilities):
            raise DataError(
                f"sentence {index + 1} has {len(spans)} predicted spans and {len(probabilities)} confidences"
            )
        table.append(dict(zip(spans, probabilities, strict=True)))
    return table


def _calibrate(
    matches: Sequence[Sequence[Match]], confidence_of: Sequence[Mapping[Span, float]]
) -> scoring.Calibration:
    """Compare the confidence of each predicted span with whether it is exactly right."""
    predictions = [
        (table[match.predicted], match.kind is Kind.CORRECT)
        for row, table in zip(matches, confidence_of, strict=True)
        for match in row
        if match.predicted
        and match.predicted
        in table  # `O` is a label where labels are bare, but no span that has a confidence
    ]
    return scoring.calibrate([each for each, _ in predictions], [right for _, right in predictions])


def _find_wrong(
    sentences: Sequence[Sentence],
    pairs: Sequence[scoring.Pair],
    matches: Sequence[Sequence[Match]],
    confidence_of: Sequence[Mapping[Span, float]] | None,
) -> Iterator[WrongSentence]:
    for index, (sentence, pair, row) in enumerate(zip(sentences, pairs, matches, strict=True)):
        table = confidence_of[index] if confidence_of else {}
        mistakes = tuple(
            Mistake(
                kind=match.kind,
                gold=match.gold,
                predicted=match.predicted,
                confidence=table.get(match.predicted) if match.predicted else None,
            )
            for match in row
            if match.kind is not Kind.CORRECT
        )
        if mistakes:
            yield WrongSentence(
                sentence=sentence,
                gold=tuple(pair.gold),
                predicted=tuple(pair.predicted),
                mistakes=mistakes,
            )
