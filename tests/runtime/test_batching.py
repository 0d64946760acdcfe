"""Calls from several threads, answered together: each gets what it would get alone."""

from __future__ import annotations

import gc
import random
import signal
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alike import are_alike

from tagger import load
from tagger.errors import DataError
from tagger.runtime.batching import Batcher, Call, join_calls
from tagger.runtime.questions import Labelling, Question

_USUAL = Question()


def _call(*sentences: str, question: Question = _USUAL) -> Call:
    return Call([each.split() for each in sentences], [0] * len(sentences), question)


def _echo(call: Call) -> list[Labelling]:
    return [Labelling(list(words)) for words in call.sentences]


class _Slow:
    """Answers when it is let; counts the calls it got."""

    def __init__(self, fault: str = "") -> None:
        self.calls: list[Call] = []
        self.gate = threading.Event()
        self.fault = fault

    def __call__(self, call: Call) -> list[Labelling]:
        self.calls.append(call)
        assert self.gate.wait(20)
        if any(self.fault and self.fault in words for words in call.sentences):
            raise DataError(self.fault)
        return _echo(call)


def _run(batcher: Batcher, slow: _Slow, calls: list[Call]) -> list[list[Labelling] | Exception]:
    """Make the first call, let the others come while it is at work, and return what each got."""
    found: list[list[Labelling] | Exception] = [[] for _ in calls]

    def ask(place: int) -> None:
        try:
            found[place] = batcher(calls[place], slow)
        except DataError as error:
            found[place] = error

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(calls))]
    threads[0].start()
    while not slow.calls:
        time.sleep(0.001)
    for number, thread in enumerate(threads[1:], 1):
        thread.start()
        while len(batcher._waiting) < number:
            time.sleep(0.001)
    slow.gate.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    return found


def _words(labellings: list[Labelling] | Exception) -> list[list[str]]:
    assert isinstance(labellings, list)
    return [each.tags for each in labellings]


def test_calls_that_wait_are_answered_together_and_each_gets_its_own_part() -> None:
    slow = _Slow()
    found = _run(Batcher(100), slow, [_call("a b"), _call("c", "d e"), _call("f")])
    assert list(map(_words, found)) == [[["a", "b"]], [["c"], ["d", "e"]], [["f"]]]
    assert [len(call.sentences) for call in slow.calls] == [1, 3]


def test_different_questions_are_not_answered_together() -> None:
    slow = _Slow()
    calls = [_call("a"), _call("b"), _call("c", question=Question(nbest=2)), _call("d")]
    found = _run(Batcher(100), slow, calls)
    assert list(map(_words, found)) == [[["a"]], [["b"]], [["c"]], [["d"]]]
    assert [len(call.sentences) for call in slow.calls] == [1, 2, 1]


def test_no_more_tokens_than_fit_are_answered_together() -> None:
    slow = _Slow()
    found = _run(Batcher(3), slow, [_call("a"), _call("b b"), _call("c c"), _call("d d d d d")])
    assert list(map(_words, found)) == [[["a"]], [["b", "b"]], [["c", "c"]], [["d"] * 5]]
    assert [call.tokens for call in slow.calls] == [1, 2, 2, 5]


def test_a_fault_is_heard_of_by_its_own_call_alone() -> None:
    slow = _Slow(fault="bad")
    found = _run(Batcher(100), slow, [_call("a"), _call("b"), _call("bad"), _call("c")])
    assert isinstance(found[2], DataError)
    assert [_words(found[place]) for place in (0, 1, 3)] == [[["a"]], [["b"]], [["c"]]]


def test_a_call_of_the_wrong_type_is_its_own_callers_fault() -> None:
    tagger = load(Path(__file__).parents[1] / "stored" / "words")

    def ask(words: list[Any]) -> object:
        try:
            return tagger.predict_tokens([words])[0].tags
        except TypeError:
            return TypeError

    expected = tagger.predict_tokens([["Ada", "left"]])[0].tags
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, [["Ada", "left"], ["a", 1]] * 100))
    assert found == [expected, TypeError] * 100


def test_a_failure_of_ours_leaves_nobody_waiting() -> None:
    failures = iter([True])

    def answer(call: Call) -> list[Labelling]:
        time.sleep(0.01)
        if len(call.sentences) > 1 and next(failures, False):
            raise RuntimeError("ours")
        return _echo(call)

    batcher = Batcher(100)
    outcomes: list[str] = []

    def ask(word: str) -> None:
        try:
            outcomes.append(batcher(_call(word), answer)[0].tags[0])
        except RuntimeError:
            outcomes.append("failed")

    threads = [threading.Thread(target=ask, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(outcomes) == 8
    assert outcomes.count("failed") <= 1


def test_joined_calls_have_no_neighbours_in_common() -> None:
    question = Question()
    first = Call([["a"], ["b"]], [4, 4], question, None, None, np.array([True, False]))
    second = Call([["c", "d"]], [0], question, [["B-PER", None]])
    joined = join_calls([first, second])
    assert joined.sentences == [["a"], ["b"], ["c", "d"]]
    assert joined.numbers[0] == joined.numbers[1] != joined.numbers[2]
    assert joined.known == [None, None, ["B-PER", None]]
    assert joined.parted is not None
    assert joined.parted.tolist() == [True, False, False, False]


def test_threads_get_what_each_call_would_get_alone() -> None:
    tagger = load(Path(__file__).parents[1] / "stored" / "words")
    texts = [f"{'Ada met Li . ' * (n % 5 + 1)}Then they left Paris ." for n in range(24)]
    alone = [[each.as_dict() for each in tagger.predict(text, nbest=2)] for text in texts]
    together: list[object] = [None] * len(texts)

    def ask(start: int) -> None:
        for place in range(start, len(texts), 8):
            together[place] = [each.as_dict() for each in tagger.predict(texts[place], nbest=2)]

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert are_alike(together, alone)


@pytest.mark.slow
def test_a_thread_that_is_interrupted_anywhere_leaves_nobody_waiting() -> None:
    batcher = Batcher(100)
    counts = [0] * 6
    is_over = threading.Event()

    def ask(place: int) -> None:
        while not is_over.is_set():
            assert batcher(_call("a"), _echo)[0].tags == ["a"]
            counts[place] += 1

    class InterruptError(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise InterruptError

    before = signal.signal(signal.SIGALRM, interrupt)
    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(counts))]
    for thread in threads:
        thread.start()
    try:
        generator = random.Random(1)
        for _ in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.001 + 0.004 * generator.random())
                while True:
                    batcher(_call("b"), _echo)
            except InterruptError:
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    after = list(counts)
    time.sleep(0.5)
    assert all(count > old for count, old in zip(counts, after, strict=True))
    is_over.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_call_that_fails_spoils_no_other() -> None:
    tagger = load(Path(__file__).parents[1] / "stored" / "words")
    expected = tagger.predict_tokens([["Ada", "left"]])
    with pytest.raises(TypeError):
        tagger.predict_tokens([["a", 1]])  # type: ignore[list-item]
    assert tagger.predict_tokens([["Ada", "left"]]) == expected


def test_a_tagger_is_freed_as_soon_as_nobody_uses_it() -> None:
    """A server that takes new models would keep the old ones: it seldom collects cycles."""
    tagger = load(Path(__file__).parents[1] / "stored" / "words")
    tagger.predict("Ada left.")
    network = weakref.ref(tagger._network)
    gc.disable()
    try:
        del tagger
        assert network() is None
    finally:
        gc.enable()
