"""How fast a model labels: token lists to tags inside the library, and raw text to JSONL as a command.

    python benchmarks/prediction.py MODEL [--tokens N] [--skip STAGE ...] [--rivals CORPUS]
    python benchmarks/prediction.py MODEL --device cuda [--workers 1 8] [--hidden 128 256 512 1024]

The text is that of the State of the Union addresses, repeated to N tokens. Rates are of wall time and, as `CPU`, of
processor time: on a machine that others use too, the second is what can be compared. With `--rivals`, the other tools
that are installed are trained on a corpus and label a part of the same text, in one thread too. With `--device` the
command labels there; with `--hidden` the model is given so many hidden units, untrained, and labels on a CPU and on
the device: which says from what size on the device pays.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import accumulate
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from corpora import SHARED
from rivals import RIVALS, Work

import tagger
from tagger.config import override
from tagger.runtime.directory import load_model
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.text.conll import read_corpus
from tagger.text.tokenizer import cut, split_sentences

TEXT = SHARED / "raw" / "state-of-the-union"
STAGES = ("library", "command", "rivals")
_RIVAL_TOKENS = 200_000
_SIZE_TOKENS = 200_000


def read_texts() -> list[str]:
    """Return the addresses."""
    return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(TEXT.glob("*.txt"))]


def cut_texts(texts: Iterable[str]) -> tuple[list[list[str]], list[int]]:
    """Return the tokens of each sentence, and the number of its text."""
    sentences: list[list[str]] = []
    documents: list[int] = []
    for number, text in enumerate(texts):
        for start, end in split_sentences(text):
            sentences.append(cut(text[start:end]).words)
            documents.append(number)
    return sentences, documents


def measure(name: str, work: Callable[[], int]) -> None:
    """Print the tokens a second of some work that returns its number of tokens."""
    wall, used = time.perf_counter(), time.process_time() + _of_children()
    tokens = work()
    wall, used = time.perf_counter() - wall, time.process_time() + _of_children() - used
    print(f"{name:44} {tokens / wall:10,.0f} tokens/s {tokens / used:10,.0f} CPU", flush=True)


def _of_children() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def measure_library(labels: Tagger, tokens: int) -> None:
    """Token lists in, tag lists out."""
    sentences, documents = cut_texts(read_texts())
    size = sum(map(len, sentences))
    labels.predict_tokens(sentences, documents=documents)
    for workers in (1, 2):
        for confidences in (True, False):

            def work(workers: int = workers, confidences: bool = confidences) -> int:
                rounds = max(1, round(tokens / size))
                for _ in range(rounds):
                    labels.predict_tokens(
                        sentences, documents=documents, workers=workers, confidences=confidences
                    )
                return rounds * size

            what = "tags and confidences" if confidences else "tags"
            measure(f"library, {what}, {workers} thread(s)", work)


def measure_command(model: str, tokens: int, device: str, workers: Iterable[int]) -> None:
    """Raw text in, JSONL out, the start of the command included."""
    texts = read_texts()
    size = sum(map(len, cut_texts(texts)[0]))
    rounds = max(1, round(tokens / size))
    with tempfile.TemporaryDirectory() as folder:
        for copy in range(rounds):
            (Path(folder) / f"{copy:04}.txt").write_text("\n\n".join(texts), encoding="utf-8")
        for count in workers:

            def work(count: int = count) -> int:
                output = str(Path(folder) / ".out")  # hidden files are no input
                options = ["--workers", str(count), "--device", device, "--output", output]
                command = [sys.executable, "-m", "tagger", "predict", model, folder, *options]
                subprocess.run(command, check=True, capture_output=True)
                return rounds * size

            measure(f"command, text to JSONL, {device}, {count} worker(s)", work)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{'largest process':44} {peak:10,.0f} MB")


def measure_sizes(model: str, device: str, sizes: Iterable[int]) -> None:
    """Token lists to tags and confidences by a model of other sizes, on a CPU and on a device."""
    from tagger.model.building import build_labeler, export_weights
    from tagger.model.device import find_device
    from tagger.model.on_device import DeviceNetwork

    trained = load_model(Path(model))
    sentences, documents = cut_texts(read_texts())
    kept = sum(size <= _SIZE_TOKENS for size in accumulate(map(len, sentences)))
    sentences, documents = sentences[:kept], documents[:kept]
    for hidden in sizes:
        config = override(trained.config, {"encoder.hidden": hidden})
        weights = export_weights(build_labeler(trained.lexicon, config))
        model_of_size = TrainedModel(config, trained.lexicon, weights)
        parameters = model_of_size.parameters
        for name in dict.fromkeys(("cpu", device)):
            network = None if name == "cpu" else DeviceNetwork(model_of_size, find_device(name))
            labels = Tagger(model_of_size, network)

            def work(labels: Tagger = labels) -> int:
                labels.predict_tokens(sentences, documents=documents)
                return sum(map(len, sentences))

            work()
            measure(f"{hidden} hidden units ({parameters:,} parameters), {name}", work)


def measure_rivals(corpus: Path, tokens: int) -> None:
    """Other tools on the same text, or so much of it."""
    texts = read_texts()
    sentences, documents = cut_texts(texts)
    kept = sum(size <= tokens for size in accumulate(map(len, sentences)))
    work = Work(sentences[:kept], texts[: documents[kept - 1] + 1])
    examples = read_corpus(corpus)
    for name, train in RIVALS.items():
        try:
            label = train(examples)
        except ImportError as error:
            print(f"{name:44} {error}")
            continue
        measure(name, lambda label=label: label(work))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--tokens", type=int, default=10_000_000)
    parser.add_argument("--skip", choices=STAGES, action="append", default=[])
    parser.add_argument("--rivals", type=Path, help="corpus to train other tools on")
    parser.add_argument("--device", default="cpu", help="where the command labels, as `predict` takes it")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="of the command")
    parser.add_argument("--hidden", type=int, nargs="+", help="sizes to compare on a CPU and on --device")
    asked = parser.parse_args()
    print(f"numpy {np.__version__}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    if asked.hidden:
        measure_sizes(asked.model, asked.device, asked.hidden)
        return
    if "library" not in asked.skip:
        measure_library(tagger.load(asked.model), asked.tokens)
    if "command" not in asked.skip:
        measure_command(asked.model, asked.tokens, asked.device, asked.workers)
    if "rivals" not in asked.skip and asked.rivals is not None:
        measure_rivals(asked.rivals, min(asked.tokens, _RIVAL_TOKENS))
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
