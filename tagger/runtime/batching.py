"""Small calls from several threads, answered together.

A call of a few sentences is mostly Python between small matrix products, and Python runs one thread at a time:
threads that label side by side wait for each other at every step, and eight of them did half of what one does.
Sentences of several calls labelled as one batch cost little more than those of one call.

So while one thread labels, the others hand in their calls and sleep. It wakes the one that waited longest, which
labels everything that has come meanwhile, gives each thread its part, and wakes the next. Nobody waits for calls that
may come, and a thread that is alone pays for two locks.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.runtime.network import ColumnRows
from tagger.runtime.questions import Labelling, Question
from tagger.runtime.tagtable import Known


class Call(NamedTuple):
    """Sentences to label, at least one.

    Attributes:
        sentences: the tokens of each.
        numbers: a number for each, not below 0; neighbours of equal number have a say in each other's labels.
        question: what to find out.
        known: for each sentence what is known of each token's tag, or None; None: nothing is known.
        columns: for each sentence the values of the columns that the model reads; None: there are none.
        parted: (N,) before which of all tokens every span ends; None: before none.
    """

    sentences: Sequence[Sequence[str]]
    numbers: Sequence[int]
    question: Question
    known: Sequence[Sequence[Known] | None] | None = None
    columns: Sequence[ColumnRows] | None = None
    parted: NDArray[np.bool_] | None = None

    @property
    def tokens(self) -> int:
        """How many there are."""
        return sum(map(len, self.sentences))

    def fits(self, other: Call) -> bool:
        """Say whether both can be answered together."""
        return self.question == other.question and (self.columns is None) == (other.columns is None)


_PATIENCE = 0.05  # seconds


Answer = Callable[[Call], list[Labelling]]


@dataclass(slots=True, eq=False)
class _Ticket:
    """A call that waits, and what became of it; if nothing yet when it wakes, its thread answers the next batch."""

    call: Call
    awake: threading.Event = field(default_factory=threading.Event)
    labellings: list[Labelling] | None = None
    fault: Exception | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing has become of it yet."""
        return self.labellings is None and self.fault is None


class Batcher:
    """Answers calls; those that come while it is at work are answered together.

    Args:
        most: tokens that are answered together, unless one call has more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()  # of what waits
        self._at_work = threading.Lock()  # of the thread that answers
        self._waiting: deque[_Ticket] = deque()

    def __call__(self, call: Call, answer: Answer) -> list[Labelling]:
        """Return the labelling of each sentence.

        Args:
            call: what is asked.
            answer: labels the sentences of one call; one thread at a time is in it. It is handed in with each call,
                not kept, so that who owns a batcher is freed as soon as nobody uses it.

        Raises:
            Exception: what `answer` raises for this call alone.
        """
        ticket = _Ticket(call)
        with self._lock:
            self._waiting.append(ticket)
            is_next = len(self._waiting) == 1 and not self._at_work.locked()
        if not is_next:
            # Who answers wakes the next thread. It may have been interrupted before it could, so look now and then.
            while not ticket.awake.wait(_PATIENCE) and self._at_work.locked():
                pass
        if ticket.is_open:
            try:
                with self._at_work:
                    if ticket.is_open:
                        self._lead(ticket, answer)
            finally:
                self._wake_next()
        if ticket.fault is not None:
            raise ticket.fault
        assert ticket.labellings is not None
        return ticket.labellings

    def _lead(self, own: _Ticket, answer: Answer) -> None:
        """Answer a call and those that have come meanwhile and fit."""
        batch = self._take_fitting(own)
        try:
            try:
                _answer_together(batch, answer)
            except Exception:
                for ticket in batch:  # one of them is at fault, and only that one may hear of it
                    _answer_alone(ticket, answer)
        finally:
            with self._lock:  # those that have no answer, since this one failed, wait for another
                self._waiting.extendleft(each for each in reversed(batch) if each.is_open and each is not own)
            for ticket in batch:
                if not ticket.is_open:
                    ticket.awake.set()

    def _take_fitting(self, own: _Ticket) -> list[_Ticket]:
        with self._lock:
            batch, left = [own], deque[_Ticket]()
            with suppress(ValueError):  # a thread that was interrupted may have taken it
                self._waiting.remove(own)
            tokens = own.call.tokens
            for ticket in self._waiting:
                size = ticket.call.tokens
                if tokens + size <= self._most and own.call.fits(ticket.call):
                    batch.append(ticket)
                    tokens += size
                else:
                    left.append(ticket)
            self._waiting = left
        return batch

    def _wake_next(self) -> None:
        """Let the thread that waited longest answer the next batch."""
        with self._lock:
            if self._waiting:
                self._waiting[0].awake.set()


def _answer_together(batch: Sequence[_Ticket], answer: Answer) -> None:
    labellings = answer(join_calls([ticket.call for ticket in batch]))
    start = 0
    for ticket in batch:
        end = start + len(ticket.call.sentences)
        ticket.labellings = labellings[start:end]
        start = end


def _answer_alone(ticket: _Ticket, answer: Answer) -> None:
    try:
        ticket.labellings = answer(ticket.call)
    except Exception as fault:
        ticket.fault = fault


def join_calls(calls: Sequence[Call]) -> Call:
    """Return one call with the sentences of several that fit each other; no sentence gets new neighbours."""
    if len(calls) == 1:
        return calls[0]
    sentences: list[Sequence[str]] = []
    numbers: list[int] = []
    beyond = 0
    for call in calls:
        sentences += call.sentences
        numbers += [beyond + number for number in call.numbers]
        beyond = max(numbers) + 1
    known = None
    if any(call.known is not None for call in calls):
        known = [facts for call in calls for facts in (call.known or [None] * len(call.sentences))]
    columns = None
    if calls[0].columns is not None:
        columns = [rows for call in calls for rows in call.columns or ()]
    parted = None
    if any(call.parted is not None for call in calls):
        parted = np.concatenate(
            [np.zeros(call.tokens, bool) if call.parted is None else call.parted for call in calls]
        )
    return Call(sentences, numbers, calls[0].question, known, columns, parted)
