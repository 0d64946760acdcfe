"""Requests that are being labelled: parts of them made ready, parts labelled together, answers handed over."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from tagger.adapters.server.bodies import TextsBody, TokensBody
from tagger.adapters.server.shelf import ServedModel
from tagger.runtime.arguments import check_beside
from tagger.runtime.questions import Labelling, Question, ScoredSpan
from tagger.runtime.rivals import Rival
from tagger.runtime.tagger import Tagger
from tagger.text.formats import LabelledSentence
from tagger.text.formats.jsonl import write_jsonl
from tagger.text.formats.sentence import round_confidence
from tagger.text.objects import dump_json
from tagger.text.passages import Passage, split_text
from tagger.text.raw import InputSettings

_MOST_UNREAD = 2_000  # sentences that a client hasn't taken; the request rests until it does


class Labelled(NamedTuple):
    """What a round found.

    Attributes:
        answers: of each of its jobs.
        sentences: of texts.
        tokens: sentences that came as tokens.
        labellings: of those.
    """

    answers: Sequence[list[Any]]
    sentences: Sequence[LabelledSentence] = ()
    tokens: Sequence[Sequence[str]] = ()
    labellings: Sequence[Labelling] = ()


class LabellingJob(ABC):
    """A request that is being labelled; its answers come in pieces, in order.

    Args:
        model: what labels it.
        question: what is asked.

    Attributes:
        is_cancelled: whether nobody waits for it any more.
        is_done: whether all answers have been handed over, or a fault.
        unread: how many answers its client hasn't taken yet.
    """

    def __init__(self, model: ServedModel, question: Question) -> None:
        self.model = model
        self.question = question
        self.is_cancelled = False
        self._changed = asyncio.Event()
        self._answers: list[Any] = []
        self.unread = 0
        self._fault: Exception | None = None
        self.is_done = False

    @property
    def key(self) -> object:
        """What has to be the same for requests to be labelled together."""
        return type(self), id(self.model), self.question

    @property
    @abstractmethod
    def has_more(self) -> bool:
        """Whether a part of it hasn't been taken yet."""

    @abstractmethod
    def take(self, tokens: float) -> float:
        """Make its next part ready to be labelled; return about how many tokens it has.

        Args:
            tokens: how many it should have, about.
        """

    @staticmethod
    @abstractmethod
    def label(jobs: Sequence[Any]) -> Labelled:
        """Label the parts that jobs have made ready, as one batch."""

    @property
    def rests(self) -> bool:
        """Whether its client has so much to read that it isn't labelled any further for now."""
        return self.unread >= _MOST_UNREAD

    def deliver(self, answers: list[Any], *, is_last: bool, fault: Exception | None = None) -> None:
        """Hand answers over, or a fault; nothing that comes after the end undoes it."""
        self._answers += answers
        self.is_done = self.is_done or is_last
        self.unread += len(answers)
        self._fault = self._fault or fault
        self._changed.set()

    async def pieces(self) -> AsyncIterator[list[Any]]:
        """Yield lists of answers as they come, until all are there.

        Raises:
            TaggerError: the request is at fault.
        """
        while not self.is_done or self._changed.is_set():
            await self._changed.wait()
            self._changed.clear()
            if self._fault is not None:
                raise self._fault
            answers, self._answers = self._answers, []
            if answers:
                yield answers


class TextJob(LabellingJob):
    """A request to label texts; an answer is (number of the text, sentence as JSON)."""

    def __init__(self, model: ServedModel, asked: TextsBody) -> None:
        super().__init__(model, asked.question())
        self._passages = _split(model.tagger, asked)
        self._next = next(self._passages, None)
        self._part: list[tuple[int, Passage]] = []

    @property
    def has_more(self) -> bool:
        """Whether a part of it hasn't been taken yet."""
        return self._next is not None

    def take(self, tokens: float) -> float:
        """Make its next passages ready, at least one."""
        size = 0.0
        self._part = []
        while self._next is not None and (not self._part or size < tokens):
            self._part.append(self._next)
            size += sum(1 + self.model.tagger.estimate_tokens(row) for row in self._next[1].rows)
            self._next = next(self._passages, None)
        return size

    @staticmethod
    def label(jobs: Sequence[TextJob]) -> Labelled:
        """Label the passages that jobs have made ready."""
        passages = [passage for job in jobs for _, passage in job._part]
        labelled = iter(jobs[0].model.tagger.label(passages, jobs[0].question))
        answers: list[list[tuple[int, str]]] = []
        sentences: list[LabelledSentence] = []
        for job in jobs:
            found = [(number, next(labelled)) for number, passage in job._part for _ in passage.rows]
            found = [(number, sentence) for number, sentence in found if sentence.text]
            lines = write_jsonl([sentence for _, sentence in found])
            answers.append([(number, line[:-1]) for (number, _), line in zip(found, lines, strict=True)])
            sentences += [sentence for _, sentence in found]
        return Labelled(answers, sentences)


class TokenJob(LabellingJob):
    """A request to label sentences of tokens; an answer is a sentence as JSON.

    Raises:
        DataError: what stands beside the sentences doesn't fit them.
    """

    def __init__(self, model: ServedModel, asked: TokensBody) -> None:
        super().__init__(model, asked.question())
        check_beside(asked.sentences, asked.documents, asked.known, asked.features)
        self._asked = asked
        self._documents = list(range(len(asked.sentences))) if asked.documents is None else asked.documents
        self._part = range(0)

    @property
    def has_more(self) -> bool:
        """Whether a part of it hasn't been taken yet."""
        return self._part.stop < len(self._documents)

    def take(self, tokens: float) -> float:
        """Make its next documents ready, at least one."""
        start = place = self._part.stop
        size = 0
        while place < len(self._documents):
            is_new = place == start or self._documents[place] != self._documents[place - 1]
            if is_new and size >= tokens:
                break
            size += 1 + len(self._asked.sentences[place])
            place += 1
        self._part = range(start, place)
        return size

    def part(self) -> Iterator[tuple[list[str], bool, Any, Any]]:
        """Yield what is ready: tokens of a sentence, whether a document begins, and what stands beside them."""
        known, features = self._asked.known, self._asked.features
        for place in self._part:
            yield (
                self._asked.sentences[place],
                place == self._part.start or self._documents[place] != self._documents[place - 1],
                None if known is None else known[place],
                None if features is None else features[place],
            )

    @staticmethod
    def label(jobs: Sequence[TokenJob]) -> Labelled:
        """Label the sentences that jobs have made ready."""
        rows = [row for job in jobs for row in job.part()]
        tokens = [words for words, *_ in rows]
        known = [facts for *_, facts, _ in rows]
        features = [columns for *_, columns in rows]
        question = jobs[0].question
        labellings = jobs[0].model.tagger.predict_tokens(
            tokens,
            documents=list(accumulate(is_new for _, is_new, *_ in rows)),
            known=known if any(known) else None,
            features=features if any(each is not None for each in features) else None,
            min_confidence=question.min_confidence,
            nbest=question.nbest,
            rivals=question.rivals,
            expected_spans=question.expected_spans,
        )
        written = map(_write, labellings)
        return Labelled(
            [[next(written) for _ in job._part] for job in jobs], tokens=tokens, labellings=labellings
        )


def _split(tagger: Tagger, asked: TextsBody) -> Iterator[tuple[int, Passage]]:
    """Yield the passages of texts, each with the number of its text."""
    reading = InputSettings(language=asked.language, known_abbreviations=tagger.known_abbreviations)
    for number, text in enumerate(asked.texts):
        doc = f"text#{number}" if number else "text"  # as `predict --text` calls them
        for passage in split_text(doc, text, reading, tagger.scope):
            yield number, passage


def _write(labelling: Labelling) -> str:
    """Return a labelling as JSON: tags, and spans in token indices."""
    spans = [_span(span) for span in labelling.spans]
    if labelling.rivals is not None:
        for span, rivals in zip(spans, labelling.rivals, strict=True):
            span["rivals"] = [_span(rival) for rival in rivals]
    facts: dict[str, Any] = {"tags": labelling.tags, "spans": spans}
    if labelling.nbest is not None:
        facts["nbest"] = [
            {
                "confidence": round_confidence(each.confidence),
                "tags": each.tags,
                "spans": [_span(span) for span in each.spans],
            }
            for each in labelling.nbest
        ]
    return dump_json(facts)


def _span(span: ScoredSpan | Rival) -> dict[str, Any]:
    return span._asdict() | {"confidence": round_confidence(span.confidence)}
