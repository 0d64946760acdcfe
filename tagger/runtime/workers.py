"""Passages -> labelled sentences, in order, by one process or by several; what comes out doesn't depend on how many.

Several processes rather than threads: cutting text into tokens and writing results is Python, which threads of one
process don't run side by side.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from tagger.collector import spare_collector
from tagger.errors import ConfigError, DataError
from tagger.runtime.network import EmissionScorer
from tagger.runtime.questions import Question
from tagger.runtime.tagger import Tagger
from tagger.runtime.threads import one_blas_thread
from tagger.runtime.trained import TrainedModel
from tagger.text.formats import FORMATS, LabelledSentence
from tagger.text.passages import Event, Passage
from tagger.text.raw import Pause

_WAITING_CHUNKS = 2  # for each process: enough that none waits, few enough that memory stays small


class LostWorkerError(DataError):
    """A worker process was killed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a chunk.

    Attributes:
        sentences: how many it has.
        tokens: how many they have.
        doc: the document in which it ends.
        end: where in that document, in code points.
        content: its sentences, or their text in a format whose sentences are written one by one.
    """

    sentences: int
    tokens: int
    doc: str
    end: int
    content: list[LabelledSentence] | str


class Job:
    """How to label a chunk and, where that is possible beside others, how to write it.

    Args:
        tagger: labels the chunk.
        question: what to find out.
        format: name of the output format; None: the sentences themselves are wanted.
    """

    def __init__(self, tagger: Tagger, question: Question, format: str | None) -> None:
        self._tagger = tagger
        self._question = question
        row = None if format is None else FORMATS[format]
        self._write = row.write if row is not None and row.is_separable else None
        self._keeps_space = row is not None and row.keeps_space

    def __call__(self, passages: list[Passage]) -> Answer:
        labelled = self._tagger.label(passages, self._question)
        sentences = [sentence for sentence in labelled if sentence.text]
        content = (
            (labelled if self._keeps_space else sentences)
            if self._write is None
            else "".join(self._write(sentences))
        )
        tokens = sum(len(sentence.tokens) for sentence in sentences)
        return Answer(len(sentences), tokens, labelled[-1].doc, labelled[-1].end, content)


def answer(
    tagger: Tagger,
    events: Iterable[Event],
    question: Question,
    *,
    format: str | None = None,
    workers: int = 1,
) -> Iterator[Answer | None]:
    """Yield the answers to chunks of passages in their order, and None where the input pauses.

    Args:
        tagger: labels them.
        events: passages, and pauses of the input.
        question: what to find out.
        format: see `Job`.
        workers: processes; 1: this one.

    Raises:
        ConfigError: several are asked for, and the network is on a GPU that this process holds itself.
        LostWorkerError: a worker was killed.
    """
    job = Job(tagger, question, format)
    if workers == 1:
        for chunk in tagger.chunks(events):
            yield None if isinstance(chunk, Pause) else job(chunk)
        return
    if tagger.is_on_device and tagger.shared_network is None:
        raise ConfigError("this process holds the GPU of the network; expected 1", "workers")
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(
        workers, context, _begin, (tagger.model, tagger.shared_network, question, format)
    )
    try:
        yield from _answer_in_order(pool, tagger, events, workers * _WAITING_CHUNKS)
    except BrokenProcessPool:
        raise LostWorkerError(
            "a worker process was killed, perhaps for lack of memory; give fewer --workers"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _answer_in_order(
    pool: ProcessPoolExecutor, tagger: Tagger, events: Iterable[Event], most: int
) -> Iterator[Answer | None]:
    pool.submit(_wake).result()  # processes begin before any thread reads input
    waiting: deque[Future[Answer]] = deque()
    for chunk in tagger.chunks(events):
        if isinstance(chunk, Pause):
            while waiting:
                yield waiting.popleft().result()
            yield None
            continue
        waiting.append(pool.submit(_work, chunk))
        while waiting and (len(waiting) > most or waiting[0].done()):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


_job: Job | None = None


def _begin(
    model: TrainedModel, network: EmissionScorer | None, question: Question, format: str | None
) -> None:
    """Make a process ready: one core, and no interruptions, which are the first process's business."""
    global _job
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # a signal to all of the command must not kill a worker that holds a lock of the pool's queues
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # with which the pool ends the others where one was killed
    threading.Thread(target=_end_with_parent, daemon=True).start()
    one_blas_thread().__enter__()  # for as long as the process lives
    spare_collector()
    _job = Job(Tagger(model, network), question, format)


def _end_with_parent() -> None:
    """Leave when the first process is gone: killed outright, it can't send word."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _wake() -> None:
    """Do nothing; by the time it is done the processes have begun."""


def _work(passages: list[Passage]) -> Answer:
    assert _job is not None
    return _job(passages)
