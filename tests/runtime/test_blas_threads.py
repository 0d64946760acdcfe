"""The limit on BLAS's threads: set by the first who asks, given back by the last."""

from __future__ import annotations

import threading

import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from tagger.runtime import threads
from tagger.runtime.threads import one_blas_thread


def blas_threads():
    return [found["num_threads"] for found in ThreadpoolController().info() if found["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    monkeypatch.setattr(threads, "_limit", None)  # other tests may have loaded libraries since it was made
    with threadpool_limits(2, user_api="blas"):
        if set(blas_threads()) != {2}:
            pytest.skip("the number of this BLAS's threads can't be set to two")
        yield


def test_the_limit_is_set_and_given_back():
    with one_blas_thread():
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {2}


def test_an_error_gives_it_back_too():
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert set(blas_threads()) == {2}


def test_the_last_of_several_threads_gives_it_back():
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with one_blas_thread():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    assert inside.wait(10)
    with one_blas_thread(), one_blas_thread():
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {1}
    leave.set()
    other.join()
    assert set(blas_threads()) == {2}


def test_many_threads_that_come_and_go():
    def come_and_go():
        for _ in range(200):
            with one_blas_thread():
                pass

    others = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    assert set(blas_threads()) == {2}
