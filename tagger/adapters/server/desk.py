"""Where requests wait and are labelled together, in rounds.

A round takes from every request that waits for the same model and asks the same question, some sentences of each, and
labels them as one batch. Requests that come while it works, or in the millisecond after a round of several, wait for
the next one: so batches grow with the load by themselves, and a request that comes alone is labelled at once. A long
text takes part in many rounds, with a few sentences of its own in each, and holds nobody up.

What a sentence is labelled doesn't depend on which others share its round (its neighbours in its own text are all
that it sees), except for the last bits of a probability, beyond the digits that are written.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from tagger.adapters.server.bodies import TextsBody, TokensBody
from tagger.adapters.server.logs import log_failure
from tagger.adapters.server.shelf import ServedModel
from tagger.runtime.arguments import check_beside
from tagger.runtime.decode import Labelling, Question, ScoredSpan
from tagger.runtime.rivals import Rival
from tagger.runtime.tagger import Tagger
from tagger.text.formats import LabelledSentence
from tagger.text.formats.jsonl import write_jsonl
from tagger.text.formats.sentence import round_confidence
from tagger.text.objects import dump_json
from tagger.text.passages import Passage, split_text
from tagger.text.raw import InputSettings

_ROUND = 8_000  # tokens: a twentieth of a second, so that a short text never waits longer for a long one
_GATHERING = 0.001  # seconds between two rounds under load
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


class Round(NamedTuple):
    """What a round did, for those who count.

    Attributes:
        model: whose round it was.
        jobs: requests that took part.
        seconds: how long it took.
        question: what was asked.
        labelled: what was found.
    """

    model: ServedModel
    jobs: int
    seconds: float
    question: Question
    labelled: Labelled


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
        """Hand answers over, or a fault."""
        self._answers += answers
        self.is_done = is_last
        self.unread += len(answers)
        self._fault = fault
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


class Desk:
    """Labels jobs in rounds, one round after the other.

    Rounds are labelled where the requests are read, between two looks at the network: a thread would make both wait
    for each other at every step. A part that takes longer, such as a very long sentence, goes to a thread, one at a
    time, and rounds go on beside it.

    Args:
        observe: called after every round.
    """

    def __init__(self, observe: Callable[[Round], None]) -> None:
        self._observe = observe
        self._jobs: deque[LabellingJob] = deque()
        self._arrived = asyncio.Event()
        self._long: asyncio.Queue[LabellingJob] = asyncio.Queue()

    async def label(self, job: LabellingJob) -> AsyncIterator[list[Any]]:
        """Let a job be labelled, and yield its answers as they come; one that is given up is labelled no further.

        Raises:
            TaggerError: the request is at fault.
        """
        self._jobs.append(job)
        self._arrived.set()
        try:
            async for answers in job.pieces():
                yield answers
                job.unread -= len(answers)  # only now: a client that reads slowly keeps us here
                self._arrived.set()  # it may have rested
        finally:
            job.is_cancelled = True

    async def work(self) -> None:
        """Label what comes, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_rounds())
            group.create_task(self._label_long())

    async def _run_rounds(self) -> None:
        while True:
            jobs = self._choose()
            if jobs:
                self._run_round(jobs)
                await asyncio.sleep(_GATHERING if len(jobs) > 1 else 0)  # others read what has come meanwhile
            else:
                self._arrived.clear()
                await self._arrived.wait()

    async def _label_long(self) -> None:
        """Label parts that are too long for a round."""
        while True:
            job = await self._long.get()
            if job.is_cancelled:
                continue
            began = time.perf_counter()
            try:
                labelled = await asyncio.to_thread(type(job).label, [job])
            except Exception as fault:
                job.deliver([], is_last=True, fault=fault)
            else:
                self._end_round([job], labelled, began)

    def _choose(self) -> list[LabellingJob]:
        """Take the job that waited longest, and those that can be labelled beside it."""
        first = next((job for job in self._jobs if not job.rests and not job.is_cancelled), None)
        chosen, left = [], deque[LabellingJob]()
        for job in self._jobs:
            if job.is_cancelled:
                continue
            if first is not None and not job.rests and job.key == first.key:
                chosen.append(job)
            else:
                left.append(job)
        self._jobs = left
        return chosen

    def _run_round(self, jobs: Sequence[LabellingJob]) -> None:
        """Label a part of each job, as far as they fit into a round."""
        ready: list[LabellingJob] = []
        tokens = 0.0
        for place, job in enumerate(jobs):
            if tokens >= _ROUND:
                self._jobs.extendleft(reversed(jobs[place:]))  # these come first next time
                break
            try:
                size = job.take(_ROUND / len(jobs))
            except Exception as fault:
                job.deliver([], is_last=True, fault=fault)
                continue
            if size > _ROUND:
                self._long.put_nowait(job)
            else:
                ready.append(job)
                tokens += size
        if ready:
            self._label_ready(ready)

    def _label_ready(self, jobs: Sequence[LabellingJob]) -> None:
        """Label the parts that jobs have made ready."""
        began = time.perf_counter()
        try:
            labelled = type(jobs[0]).label(jobs)
        except Exception as fault:
            if len(jobs) == 1:
                jobs[0].deliver([], is_last=True, fault=fault)
            else:  # one of them may be at fault, and only that one may hear of it
                for job in jobs:
                    self._label_ready([job])
        else:
            self._end_round(jobs, labelled, began)

    def _end_round(self, jobs: Sequence[LabellingJob], labelled: Labelled, began: float) -> None:
        """Hand answers over, and let those jobs wait again that have more."""
        for job, answers in zip(jobs, labelled.answers, strict=True):
            job.deliver(answers, is_last=not job.has_more)
        self._jobs.extend(job for job in jobs if job.has_more)
        self._arrived.set()
        seconds = time.perf_counter() - began
        try:
            self._observe(Round(jobs[0].model, len(jobs), seconds, jobs[0].question, labelled))
        except Exception as error:  # the next round must come all the same
            log_failure("a round wasn't counted", error)


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
