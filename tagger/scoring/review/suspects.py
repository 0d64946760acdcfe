"""Places where gold and a reading that comes from elsewhere disagree, the surest first.

For the probabilities q of the other reading of a place and p of gold's, how sure one can be that gold is wrong is

    log(q / p) / sqrt(n)

with n the tokens whose labels differ. The odds q / p leave out what is probable beside both: of a long name with a
doubtful border each reading has little. And log(q / p) is a sum over these tokens, whose errors add up as the root of
their number: without it long names lead the list. `benchmarks/EXPERIMENTS.md` has other orders beside this one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tagger.scoring.report.pieces import join_tokens
from tagger.text import schemes
from tagger.text.conll import Corpus, Sentence
from tagger.text.decisions import Decision, find_state, spell_id
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG, Scheme, Span, name_type

_LEAST = 1e-300  # a probability of 0 still has odds
_LONGEST = 20  # tokens of a span that is looked for everywhere in a corpus

Words = tuple[str, ...]


class LabelDoubt(NamedTuple):
    """A place where a model reads otherwise than gold.

    Attributes:
        sentence: which one of those that were judged.
        start, end: its tokens, half-open.
        gold: the spans of gold within it, in order; none: nothing is labelled there.
        found: those of the model's best reading.
        gold_probability: that the place is as in gold.
        probability: that it is as the model reads it.
    """

    sentence: int
    start: int
    end: int
    gold: tuple[Span, ...]
    found: tuple[Span, ...]
    gold_probability: float
    probability: float

    @property
    def changed(self) -> list[int]:
        """The tokens of the sentence whose labels differ."""
        length = self.end - self.start
        gold, found = (
            schemes.spans_to_tags(
                [each._replace(start=each.start - self.start, end=each.end - self.start) for each in spans],
                length,
                Scheme.IOB2,
            )
            for spans in (self.gold, self.found)
        )
        return [self.start + place for place in range(length) if gold[place] != found[place]]

    @property
    def surety(self) -> float:
        """How sure one can be that gold is wrong, see above; 0: as likely as not."""
        odds = math.log(max(self.probability, _LEAST)) - math.log(max(self.gold_probability, _LEAST))
        return odds / math.sqrt(len(self.changed))


class Uses(NamedTuple):
    """How a corpus labels the same words everywhere: types with their counts, `O` where nothing is labelled."""

    text: str
    counts: tuple[tuple[str, int], ...]

    @property
    def are_several(self) -> bool:
        """Whether it is labelled in more than one way."""
        return len(self.counts) > 1

    def __str__(self) -> str:
        return ", ".join(f"{type_} {count:,}" for type_, count in self.counts)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A place of a corpus whose labels are probably wrong.

    Attributes:
        id: carries the proposal, see `text.decisions`.
        line, end_line: of its first and its last token.
        sentence: that it is in.
        doubt: the place and both readings.
        uses: of the words that are labelled there, or would be; the longest first.
        names: what types are called whose name is empty, by type.
    """

    id: str
    line: int
    end_line: int
    sentence: Sentence
    doubt: LabelDoubt
    uses: tuple[Uses, ...]
    names: Mapping[str, str]

    @property
    def text(self) -> str:
        """The words of the place."""
        return join_tokens(self.sentence.tokens, self.doubt.start, self.doubt.end)

    @property
    def probability(self) -> float:
        """That the proposal is right, if it or gold is: the logistic function of the surety."""
        return 1 / (1 + math.exp(-self.doubt.surety))

    def describe(self, spans: Sequence[Span]) -> str:
        """Write a reading of the place: a type where it is all of it, `O` for nothing, else words with their types.

        >>> sentence = Sentence(("in", "New", "York"))
        >>> doubt = LabelDoubt(0, 1, 3, (Span("LOC", 1, 3),), (Span("ORG", 2, 3),), 0.1, 0.9)
        >>> suspect = Suspect("", 2, 3, sentence, doubt, (), {})
        >>> suspect.describe(doubt.gold), suspect.describe(doubt.found), suspect.describe(())
        ('LOC', 'New [York]ORG', 'O')
        """
        start, end = self.doubt.start, self.doubt.end
        if not spans:
            return OUTSIDE
        if len(spans) == 1 and (spans[0].start, spans[0].end) == (start, end):
            return self.name(spans[0])
        pieces, reached = [], start
        for span in spans:
            pieces.append(join_tokens(self.sentence.tokens, reached, span.start))
            words = join_tokens(self.sentence.tokens, span.start, span.end)
            pieces.append(f"[{words}]{span.type}")
            reached = span.end
        pieces.append(join_tokens(self.sentence.tokens, reached, end))
        return " ".join(filter(None, pieces))

    def name(self, span: Span) -> str:
        """Return what the type of a span is called."""
        return self.names.get(span.type, span.type)

    def as_dict(self, path: str) -> dict[str, Any]:
        """Return the line of `tagger review --json`; a reading is its spans, none where nothing is labelled."""
        return {
            "id": self.id,
            "file": path,
            "line": self.line,
            "end_line": self.end_line,
            "text": self.text,
            "gold": [self._span(each) for each in self.doubt.gold],
            "proposed": [self._span(each) for each in self.doubt.found],
            "probability": self.probability,
        }

    def _span(self, span: Span) -> dict[str, Any]:
        return {
            "type": self.name(span),
            "text": join_tokens(self.sentence.tokens, span.start, span.end),
            "line": self.sentence.line_of(span.start),
            "end_line": self.sentence.line_of(span.end - 1),
        }


@dataclass(frozen=True, slots=True)
class Review:
    """What models that had not seen them say of the labels of a corpus.

    Attributes:
        path: of the corpus.
        state: of the corpus, see `text.decisions`.
        sentences, spans: how many it has.
        folds: into which it was dealt.
        suspects: surest first.
    """

    path: str
    state: str
    sentences: int
    spans: int
    folds: int
    suspects: tuple[Suspect, ...]

    def grouped(self) -> Iterator[tuple[Uses | None, list[Suspect]]]:
        """Yield the suspects, surest first; those of the same words together where these have several labels."""
        groups: dict[object, list[Suspect]] = {}
        for suspect in self.suspects:
            uses = _find_shared(suspect)
            groups.setdefault(suspect.id if uses is None else uses.text, []).append(suspect)
        for group in groups.values():
            yield _find_shared(group[0]), group


def _find_shared(suspect: Suspect) -> Uses | None:
    """Return the words of a suspect that are labelled in several ways."""
    return next((uses for uses in suspect.uses if uses.are_several), None)


def rank_suspects(corpus: Corpus, doubts: Iterable[LabelDoubt], folds: int) -> Review:
    """Return what a corpus is suspected of.

    Args:
        corpus: with gold tags.
        doubts: about its sentences, each place once.
        folds: into which it was dealt.
    """
    likely = (each for each in doubts if each.surety > 0)
    ordered = sorted(likely, key=lambda each: (-each.surety, each.sentence, each.start))
    state = find_state(corpus)
    types = {span.type for each in ordered for span in (*each.gold, *each.found)}
    names = {type_: name_type(type_, corpus.task) for type_ in types}
    sentences = {each.sentence: corpus.sentences[each.sentence] for each in ordered}
    surfaces = {surface for each in ordered for surface in _list_surfaces(each, sentences[each.sentence])}
    uses = _count_uses(corpus, surfaces, names)
    suspects = []
    for each in ordered:
        sentence = sentences[each.sentence]
        decision = Decision(each.sentence, each.start, each.end, each.found)
        suspects.append(
            Suspect(
                id=spell_id(decision, state),
                line=sentence.line_of(each.start),
                end_line=sentence.line_of(each.end - 1),
                sentence=sentence,
                doubt=each,
                uses=tuple(uses[surface] for surface in _list_surfaces(each, sentence) if surface in uses),
                names=names,
            )
        )
    spans = sum(len(schemes.tags_to_spans(each.tags, corpus.scheme)) for each in corpus.sentences)
    return Review(corpus.path, state, len(corpus.sentences), spans, folds, tuple(suspects))


def _list_surfaces(doubt: LabelDoubt, sentence: Sentence) -> list[Words]:
    """Return the words of the spans of a place, those of most tokens first."""
    found = {sentence.tokens[start:end] for _, start, end in (*doubt.gold, *doubt.found)}
    return sorted(found, key=lambda words: (-len(words), words))


def _count_uses(corpus: Corpus, surfaces: Iterable[Words], names: Mapping[str, str]) -> dict[Words, Uses]:
    """Count how a corpus labels some words wherever they stand: as one span, or not at all.

    Where they are part of a span or lie across one, they are not what is asked for.
    """
    by_first: dict[str, dict[int, set[Words]]] = {}
    for words in surfaces:
        if len(words) <= _LONGEST:
            by_first.setdefault(words[0], {}).setdefault(len(words), set()).add(words)
    counts: dict[Words, Counter[str]] = {}
    for sentence in corpus.sentences:
        tokens = sentence.tokens
        starts = [place for place, token in enumerate(tokens) if token in by_first]
        if not starts:
            continue
        spans = schemes.tags_to_spans(sentence.tags, corpus.scheme)
        whole = {(start, end): type_ for type_, start, end in spans}
        inside = {place for _, start, end in spans for place in range(start, end)}
        for start in starts:
            for size, wanted in by_first[tokens[start]].items():
                end = start + size
                words = tokens[start:end]
                if words not in wanted or UNKNOWN_TAG in sentence.tags[start:end]:
                    continue
                if (start, end) in whole:
                    type_ = whole[start, end]
                    counts.setdefault(words, Counter())[names.get(type_, type_)] += 1
                elif inside.isdisjoint(range(start, end)):
                    counts.setdefault(words, Counter())[OUTSIDE] += 1
    return {
        words: Uses(join_tokens(words), tuple(sorted(found.items(), key=lambda each: (-each[1], each[0]))))
        for words, found in counts.items()
    }
