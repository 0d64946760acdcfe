"""Where requests wait and are labelled together: one thread, in rounds.

A round takes from every request that waits for the same model and asks the same question, some sentences of each, and
labels them as one batch. While it works further requests come in, and the next round takes all of them: so batches
grow with the load by themselves, and a request that comes alone is labelled at once. A long text takes part in many
rounds, with a few sentences of its own in each, and holds nobody up.

What a sentence is labelled doesn't depend on which others share its round (its neighbours in its own text are all
that it sees), except for the last bits of a probability, beyond the digits that are written.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from tagger.adapters.server.bodies import Sentences, Texts
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
_MOST_UNREAD = 2_000  # sentences that a client hasn't taken; the request rests until it does


class Round(NamedTuple):
    """What a round did, for those who count.

    Attributes:
        model: whose round it was.
        jobs: requests that took part.
        seconds: how long it took.
        sentences: of texts.
        labellings: of sentences that came as tokens.
    """

    model: ServedModel
    jobs: int
    seconds: float
    sentences: Sequence[LabelledSentence]
    labellings: Sequence[Labelling]


class LabellingJob:
    """A request that is being labelled.

    Its answers come in pieces, in order, each a list of JSON texts, in the event loop that made it.

    Args:
        model: what labels it.
        question: what is asked.
    """

    def __init__(self, model: ServedModel, question: Question) -> None:
        self.model = model
        self.question = question
        self.is_cancelled = False
        self.loop = asyncio.get_running_loop()
        self._unread = 0
        self._changed = asyncio.Event()
        self._answers: list[Any] = []
        self._is_done = False
        self._fault: Exception | None = None

    @property
    def key(self) -> object:
        """What has to be the same for requests to be labelled together."""
        return type(self), id(self.model), self.question

    @property
    def rests(self) -> bool:
        """Whether its client has so much to read that it isn't labelled any further for now."""
        return self._unread >= _MOST_UNREAD

    async def pieces(self) -> AsyncIterator[list[Any]]:
        """Yield lists of answers as they come, until all are there.

        Raises:
            TaggerError: the request is at fault.
        """
        while not self._is_done or self._answers:
            await self._changed.wait()
            self._changed.clear()
            answers, self._answers = self._answers, []
            if answers:
                yield answers
                self._unread -= len(answers)  # only now: a client that reads slowly keeps us here
            if self._fault is not None:
                raise self._fault

    def deliver(self, answers: list[Any], *, is_done: bool, fault: Exception | None) -> None:
        """Hand answers over; the desk calls this in the event loop."""
        self._answers += answers
        self._unread += len(answers)
        self._is_done = is_done
        self._fault = fault
        self._changed.set()


class TextJob(LabellingJob):
    """A request to label texts; an answer is (number of the text, sentence as JSON)."""

    def __init__(self, model: ServedModel, asked: Texts) -> None:
        super().__init__(model, asked.question())
        tagger = model.tagger
        reading = InputSettings(language=asked.language, known_abbreviations=tagger.known_abbreviations)
        self._passages = self._split(tagger, asked.texts, reading)
        self._next = next(self._passages, None)

    @property
    def has_more(self) -> bool:
        """Whether a part of it is still to be labelled."""
        return self._next is not None

    def take(self, tokens: float) -> list[tuple[int, Passage]]:
        """Return the next passages, each with the number of its text: about so many tokens, at least one passage."""
        taken: list[tuple[int, Passage]] = []
        while self._next is not None and (not taken or tokens > 0):
            taken.append(self._next)
            tokens -= sum(map(self.model.tagger.estimate_tokens, self._next[1].rows))
            self._next = next(self._passages, None)
        return taken

    @staticmethod
    def _split(tagger: Tagger, texts: Sequence[str], reading: InputSettings) -> Iterator[tuple[int, Passage]]:
        for number, text in enumerate(texts):
            doc = f"text#{number}" if number else "text"  # as `predict --text` calls them
            for passage in split_text(doc, text, reading, tagger.scope):
                yield number, passage


class TokenJob(LabellingJob):
    """A request to label sentences of tokens; an answer is a sentence as JSON."""

    def __init__(self, model: ServedModel, asked: Sentences) -> None:
        super().__init__(model, asked.question())
        self.asked = asked


_Part = tuple[LabellingJob, list[Any], bool, Exception | None]
"""A job, its next answers, whether they are the last, and its fault."""


class Desk:
    """Labels jobs in rounds, in a thread of its own.

    Args:
        observe: called after every round, in that thread.
    """

    def __init__(self, observe: Callable[[Round], None]) -> None:
        self._observe = observe
        self._condition = threading.Condition()
        self._jobs: deque[LabellingJob] = deque()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="tagger-desk", daemon=True)

    def open(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the round at work; what waits gets no answer."""
        with self._condition:
            self._is_closed = True
            self._condition.notify()
        self._thread.join()

    def add(self, job: LabellingJob) -> None:
        """Let a job wait for the next round."""
        with self._condition:
            self._jobs.append(job)
            self._condition.notify()

    def nudge(self) -> None:
        """Look again at jobs that rest: a client has taken its answers."""
        with self._condition:
            self._condition.notify()

    def _work(self) -> None:
        while jobs := self._choose():
            began = time.perf_counter()
            if isinstance(jobs[0], TextJob):
                self._label_texts([job for job in jobs if isinstance(job, TextJob)], began)
            else:
                self._label_tokens([job for job in jobs if isinstance(job, TokenJob)], began)

    def _choose(self) -> list[LabellingJob]:
        """Wait for jobs, and return the one that waited longest with those that can be labelled beside it."""
        with self._condition:
            while True:
                if self._is_closed:
                    return []
                self._jobs = deque(job for job in self._jobs if not job.is_cancelled)
                ready = [job for job in self._jobs if not job.rests]
                if ready:
                    chosen = [job for job in ready if job.key == ready[0].key]
                    kept = set(map(id, chosen))
                    self._jobs = deque(job for job in self._jobs if id(job) not in kept)
                    return chosen
                self._condition.wait()

    def _label_texts(self, jobs: list[TextJob], began: float) -> None:
        """Label some passages of each job."""
        model = jobs[0].model
        taken = [job.take(_ROUND / len(jobs)) for job in jobs]
        try:
            labelled = iter(
                model.tagger.label([passage for part in taken for _, passage in part], jobs[0].question)
            )
        except Exception as fault:  # the question doesn't suit the model, and it is the same for all of them
            self._hand_over([(job, [], True, fault) for job in jobs])
            return
        parts: list[_Part] = []
        sentences: list[LabelledSentence] = []
        for job, part in zip(jobs, taken, strict=True):
            own = [(number, next(labelled)) for number, passage in part for _ in passage.rows]
            own = [(number, sentence) for number, sentence in own if sentence.text]
            lines = write_jsonl(sentence for _, sentence in own)
            answers = [(number, line[:-1]) for (number, _), line in zip(own, lines, strict=True)]
            parts.append((job, answers, not job.has_more, None))
            sentences += [sentence for _, sentence in own]
        self._hand_over(parts)
        with self._condition:
            self._jobs.extend(job for job in jobs if job.has_more)
        self._observe(Round(model, len(jobs), time.perf_counter() - began, sentences, ()))

    def _label_tokens(self, jobs: list[TokenJob], began: float) -> None:
        """Label whole jobs."""
        model = jobs[0].model
        try:
            labellings = _label_together(model.tagger, [job.asked for job in jobs], jobs[0].question)
        except Exception as fault:
            if len(jobs) > 1:  # one of them is at fault, and only that one may hear of it
                for job in jobs:
                    self._label_tokens([job], began)
            else:
                self._hand_over([(jobs[0], [], True, fault)])
            return
        self._hand_over(
            [
                (job, [_write(labelling) for labelling in part], True, None)
                for job, part in zip(jobs, labellings, strict=True)
            ]
        )
        together = [labelling for part in labellings for labelling in part]
        self._observe(Round(model, len(jobs), time.perf_counter() - began, (), together))

    def _hand_over(self, parts: Sequence[_Part]) -> None:
        """Deliver answers in the event loop; one call for all of them, since each wakes it up."""
        loop = parts[0][0].loop
        with suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(_deliver, parts)


def _deliver(parts: Sequence[_Part]) -> None:
    for job, answers, is_done, fault in parts:
        job.deliver(answers, is_done=is_done, fault=fault)


def _label_together(tagger: Tagger, asked: Sequence[Sentences], question: Question) -> list[list[Labelling]]:
    """Label the sentences of several requests as one call; none gets neighbours of another one."""
    sentences: list[list[str]] = []
    documents: list[int] = []
    known: list[Any] = []
    features: list[Any] = []
    for each in asked:
        size = len(each.sentences)
        check_beside(each.sentences, each.documents, each.known, each.features)
        sentences += each.sentences
        numbers = range(size) if each.documents is None else each.documents
        for place, number in enumerate(numbers):
            is_new = place == 0 or number != numbers[place - 1]
            documents.append((documents[-1] if documents else 0) + is_new)
        known += each.known or [None] * size
        features += each.features or [[]] * size
    found = iter(
        tagger.predict_tokens(
            sentences,
            documents=documents,
            known=known if any(known) else None,
            features=features if any(features) else None,
            min_confidence=question.min_confidence,
            nbest=question.nbest,
            rivals=question.rivals,
        )
    )
    return [[next(found) for _ in each.sentences] for each in asked]


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
