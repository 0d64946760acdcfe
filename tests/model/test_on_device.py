"""A network on a device, PyTorch's on the CPU in the place of a GPU: by itself, behind a connection, in a process."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import active_children
from multiprocessing.connection import Client, Listener

import numpy as np
import pytest
import torch
from toy_models import make_lm_model, make_model, random_sentences

from tagger.api.sources import opened
from tagger.errors import ConfigError, DataError
from tagger.model import device_process
from tagger.model.device_process import SharedNetwork, held_by_process
from tagger.model.memory import MemoryExhaustedError
from tagger.model.on_device import DeviceNetwork
from tagger.runtime import directory
from tagger.runtime.network import Network
from tagger.runtime.questions import Question
from tagger.runtime.tagger import Tagger
from tagger.runtime.workers import LostWorkerError, answer
from tagger.text.passages import split_text

CPU = torch.device("cpu")
SENTENCES = random_sentences(60)
TEXT = "\n\n".join(" ".join(words) + "." for words in random_sentences(150))


def label(tagger: Tagger, workers: int, format: str | None = "jsonl"):
    """Return what becomes of each chunk of a text."""
    return [
        each.content
        for each in answer(
            tagger, split_text("a", TEXT, scope=tagger.scope), Question(), format=format, workers=workers
        )
    ]


# By itself.


def test_small_batches_change_nothing_but_the_last_bits(monkeypatch):
    model, documents = make_model(), [number // 5 for number in range(60)]
    network = DeviceNetwork(model, CPU)
    expected = network.emissions(SENTENCES, documents)
    monkeypatch.setattr(network, "_batch_tokens", 40)
    np.testing.assert_allclose(network.emissions(SENTENCES, documents), expected, atol=1e-5)


def test_memory_that_runs_out_halves_the_batches(monkeypatch):
    network = DeviceNetwork(make_model(), CPU)
    expected = network.emissions(SENTENCES, range(60))
    whole, tried = network._labeler.forward, []

    def compute(batch):
        tried.append(batch.tokens.numel())
        if batch.tokens.numel() > 200:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return whole(batch)

    monkeypatch.setattr(network._labeler, "forward", compute)
    monkeypatch.setattr("tagger.model.on_device._LEAST_TOKENS", 64)
    np.testing.assert_allclose(network.emissions(SENTENCES, range(60)), expected, atol=1e-5)
    assert len([size for size in tried if size > 200]) > 3
    tried.clear()
    network.emissions(SENTENCES, range(60))
    assert max(tried) <= 200  # it remembers
    with pytest.raises(MemoryExhaustedError, match="too little memory for this model; free some"):
        DeviceNetwork._launch_within_memory(_refuse_all(monkeypatch, network), None)


def _refuse_all(monkeypatch, network):
    def launch(corpus):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(network, "_launch", launch)
    return network


def test_shortened_numbers_are_left_to_others():
    seen = []
    network = DeviceNetwork(make_model(), CPU)
    whole = network._launch

    def launch(corpus):
        seen.append(torch.backends.cudnn.allow_tf32)
        return whole(corpus)

    network._launch = launch
    before = torch.backends.cudnn.allow_tf32
    network.emissions([["Ada"]], [0])
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32 == before


def test_a_failing_device_is_one_line():
    assert str(device_process._explain(RuntimeError("CUDA error: misaligned\nCUDA kernel ..."))) == (
        "the device fails: CUDA error: misaligned; the CPU may do"
    )


# Behind a connection.


@pytest.fixture
def connected():
    """Answer questions in a thread of this process."""
    model = make_model()
    network = DeviceNetwork(model, CPU)
    with Listener(authkey=b"key") as listener:
        threading.Thread(target=device_process._let_in, args=(listener, network), daemon=True).start()
        yield model, network, SharedNetwork(model.lexicon, device_process._Place(listener.address, b"key"))


def test_a_connection_carries_the_same_scores(connected):
    model, network, shared = connected
    expected = network.emissions(SENTENCES, range(60))
    np.testing.assert_array_equal(shared.emissions(SENTENCES, range(60)), expected)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda n: shared.emissions(SENTENCES[: n + 1], range(n + 1)), range(30)):
            assert len(found)
    assert np.abs(expected - Network(model).emissions(SENTENCES, range(60))).max() < 1e-4
    tags = [each.tags for each in Tagger(model).predict_tokens(SENTENCES)]
    assert [each.tags for each in Tagger(model, shared).predict_tokens(SENTENCES)] == tags


def test_a_fault_comes_back_and_the_next_question_is_answered(connected, monkeypatch):
    _, network, shared = connected
    expected = shared.emissions([["Ada"]], [0])
    faults = iter([MemoryExhaustedError("too little"), RuntimeError("CUDA error: misaligned\nmore")])
    whole = network.score

    def score(corpus):
        for fault in faults:
            raise fault
        return whole(corpus)

    monkeypatch.setattr(network, "score", score)
    with pytest.raises(MemoryExhaustedError, match="too little"):
        shared.emissions([["Ada"]], [0])
    with pytest.raises(DataError, match="the device fails: CUDA error: misaligned; "):
        shared.emissions([["Ada"]], [0])
    np.testing.assert_array_equal(shared.emissions([["Ada"]], [0]), expected)


def test_strangers_are_not_let_in_and_disturb_nobody(connected):
    _, _, shared = connected
    with pytest.raises(device_process.AuthenticationError):
        Client(shared._place.address, authkey=b"guess")
    assert shared.emissions([["Ada"]], [0]).shape[0] == 1


# In a process.


@pytest.mark.slow
@pytest.mark.parametrize("make", [make_model, lambda: make_lm_model("words")])
def test_several_processes_give_what_one_gives(make, monkeypatch):
    for network in (DeviceNetwork, SharedNetwork):
        monkeypatch.setattr(network, "chunk_tokens", 100)
    model = make()
    expected = label(Tagger(model, DeviceNetwork(model, CPU)), 1)
    assert len(expected) > 5
    with held_by_process(model, "cpu") as network:
        tagger = Tagger(model, network)
        assert tagger.is_on_device
        assert [label(tagger, workers) for workers in (1, 2, 3)] == [expected] * 3
        of_spans = [each for chunk in label(tagger, 2, None) for each in chunk]
        assert of_spans == [
            each for chunk in label(Tagger(model, DeviceNetwork(model, CPU)), 1, None) for each in chunk
        ]
    assert not active_children()


@pytest.mark.slow
def test_a_device_that_is_not_there_is_told_before_anything_is_read(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    directory.save_model(tmp_path, make_model())
    with (
        pytest.raises(ConfigError, match="device: found 'cuda', expected auto or what this machine has: cpu"),
        opened(tmp_path, device="cuda", workers=2),
    ):
        pass
    with opened(tmp_path, device="auto", workers=2) as tagger:
        assert not tagger.is_on_device
    assert not active_children()


@pytest.mark.slow
def test_a_killed_holder_is_one_line_for_every_worker(monkeypatch):
    monkeypatch.setattr(SharedNetwork, "chunk_tokens", 100)
    model = make_model()
    with held_by_process(model, "cpu") as network:
        answers = answer(
            Tagger(model, network), split_text("a", TEXT * 50), Question(), format="jsonl", workers=2
        )
        assert next(answers).sentences
        (holder,) = [each for each in active_children() if each.name == "tagger-device"]
        os.kill(holder.pid, signal.SIGKILL)
        with pytest.raises(LostWorkerError, match="the process that holds the device was killed"):
            list(answers)
    assert not active_children()


@pytest.mark.slow
def test_a_holder_killed_while_it_starts_is_one_line(monkeypatch):
    def kill_soon():
        until = time.monotonic() + 20
        while not (found := active_children()) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(found[0].pid, signal.SIGKILL)

    threading.Thread(target=kill_soon).start()
    with (
        pytest.raises(LostWorkerError, match="the process that holds the device was killed"),
        held_by_process(make_model(encoder__hidden=300), "cpu"),  # larger than what a pipe holds
    ):
        pass
