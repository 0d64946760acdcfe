"""Where requests wait and are labelled together, in rounds.

A round takes from every request that waits for the same model and asks the same question, some sentences of each, and
labels them as one batch. Requests that come while it works, or in the millisecond after a round of several, wait for
the next one: so batches grow with the load by themselves, and a request that comes alone is labelled at once. A long
text takes part in many rounds, with a few sentences of its own in each, and holds nobody up.

What a sentence is labelled doesn't depend on which others share its round (its neighbours in its own text are all
that it sees). Only the last of the six digits of a probability may be another one: sums are taken in another order.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple

from tagger.adapters.server.jobs import Labelled, LabellingJob
from tagger.adapters.server.logs import log_failure
from tagger.adapters.server.shelf import ServedModel
from tagger.runtime.questions import Question

_ROUND = 8_000  # tokens: a twentieth of a second, so that a short text never waits longer for a long one
_GATHERING = 0.001  # seconds between two rounds under load


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
