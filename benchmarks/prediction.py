"""How fast a model labels: token lists to tags inside the library, and raw text to JSONL as a command.

    python benchmarks/prediction.py MODEL [--tokens N] [--skip STAGE ...] [--rivals CORPUS] [--held]
    python benchmarks/prediction.py MODEL --device cuda [--workers 1 8] [--hidden 128 256 512 1024]

The text is that of the State of the Union addresses, repeated to N tokens. Rates are of the clock and of processor
time: on a machine that others use too, the second is what can be compared. With `--rivals` the other tools that
`python -m benchmarks peers` has installed are trained on a corpus and label a part of the same text, in one thread
too. With `--held` all of it is measured once more with the libraries of each tool held to AVX2. Whatever is measured
waits in a process of its own, and all of them take turns; medians of the rounds are printed. With `--device` the
command labels there; with `--hidden` the model is given so many hidden units, untrained, and labels on a CPU and on
the device: which says from what size on the device pays.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

from corpora import SHARED
from report import peers
from report.figures import Row
from report.machine import HELD_TO_AVX2
from report.rows import add_option, print_rows
from rivals import RIVALS

import tagger
from tagger.config import override
from tagger.errors import TaggerError
from tagger.runtime.directory import load_model
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.text import schemes
from tagger.text.conll import read_corpus
from tagger.text.counting import count_of
from tagger.text.tokenizer import cut, split_sentences

TEXT = SHARED / "raw" / "state-of-the-union"
STAGES = ("library", "command", "rivals")
_RIVAL_TOKENS = 200_000
_SIZE_TOKENS = 200_000


def read_texts() -> list[str]:
    """Return the addresses."""
    found = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(TEXT.glob("*.txt"))]
    if not found:
        raise SystemExit(f"found no texts in {TEXT}, expected the addresses there")
    return found


def cut_texts(texts: Iterable[str]) -> tuple[list[list[str]], list[int]]:
    """Return the tokens of each sentence, and the number of its text."""
    sentences: list[list[str]] = []
    documents: list[int] = []
    for number, text in enumerate(texts):
        for start, end in split_sentences(text):
            sentences.append(cut(text[start:end]).words)
            documents.append(number)
    return sentences, documents


class Measured(NamedTuple):
    """Tokens, and the seconds of the clock and of the processor that they took."""

    tokens: int
    wall: float
    used: float


def measure(work: Callable[[], int]) -> Measured:
    """Measure some work that returns its number of tokens."""
    wall, used = time.perf_counter(), time.process_time() + _of_children()
    tokens = work()
    return Measured(tokens, time.perf_counter() - wall, time.process_time() + _of_children() - used)


def _of_children() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


class Worker:
    """A process that has learnt or read its model, and labels once for each line that it is sent."""

    def __init__(self, command: Sequence[str], surroundings: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env=surroundings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._await_answer()  # once it is ready, so that none learns while another is measured

    def ask(self, line: str) -> Measured:
        """Have it label once."""
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)
        return self._await_answer()

    def _await_answer(self) -> Measured:
        assert self.process.stdout is not None
        for answer in self.process.stdout:
            if answer.startswith("{"):  # not what a tool has to say besides
                return Measured(**json.loads(answer))
        raise SystemExit(f"error: {self.process.args} ended with {self.process.wait()}; see above")

    def end(self) -> None:
        """Tell it that no line comes any more."""
        self.process.communicate()


def answer_lines(labels: Tagger, tokens: int) -> None:
    """Label token lists once a line that says with how many threads and what is wanted: a worker's work."""
    sentences, documents = cut_texts(read_texts())
    kept = sum(size <= tokens for size in accumulate(map(len, sentences)))
    sentences, documents = sentences[:kept], documents[:kept]
    size = sum(map(len, sentences))
    rounds = max(1, round(tokens / size))
    print(
        json.dumps(measure(lambda: len(labels.predict_tokens(sentences, documents=documents)))._asdict()),
        flush=True,
    )
    for line in sys.stdin:
        threads, wanted = line.split()

        def work(threads: int = int(threads), confidences: bool = wanted == "confidences") -> int:
            for _ in range(rounds):
                labels.predict_tokens(
                    sentences, documents=documents, workers=threads, confidences=confidences
                )
            return rounds * size

        print(json.dumps(measure(work)._asdict()), flush=True)


def write_texts(folder: Path, tokens: int) -> int:
    """Write the addresses, so often that they hold about so many tokens; return how many they hold."""
    texts = read_texts()
    size = sum(map(len, cut_texts(texts)[0]))
    rounds = max(1, round(tokens / size))
    for copy in range(rounds):
        (folder / f"{copy:04}.txt").write_text("\n\n".join(texts), encoding="utf-8")
    return rounds * size


def run_command(
    asked: argparse.Namespace, folder: Path, size: int, workers: int, surroundings: Mapping[str, str]
) -> Measured:
    """Raw text in, JSONL out, the start of the command included."""

    def work() -> int:
        output = str(folder / ".out")  # hidden files are no input
        options = ["--workers", str(workers), "--device", asked.device, "--output", output]
        command = [sys.executable, "-m", "tagger", "predict", asked.model, str(folder), *options]
        done = subprocess.run(command, capture_output=True, text=True, env=surroundings, check=False)
        if done.returncode:
            raise SystemExit(done.stderr.strip())
        return size

    return measure(work)


def write_work(path: Path, corpus: Path, tokens: int) -> None:
    """Write what the other tools learn from and label: a part of the addresses."""
    texts = read_texts()
    sentences, documents = cut_texts(texts)
    kept = sum(size <= tokens for size in accumulate(map(len, sentences)))
    examples = read_corpus(corpus)
    train = [
        (each.tokens, schemes.convert(each.tags, examples.scheme, schemes.Scheme.BILOU))
        for each in examples.sentences
    ]
    work = {"train": train, "sentences": sentences[:kept], "texts": texts[: documents[kept - 1] + 1]}
    path.write_text(json.dumps(work), encoding="utf-8")


Ask = Callable[[], Measured]


def start_library(
    asked: argparse.Namespace, surroundings: Mapping[str, str]
) -> tuple[Worker, dict[str, Ask]]:
    """Start a process with the model; return it, and what it is asked by the names of the rows."""
    command = [sys.executable, __file__, asked.model, "--tokens", str(asked.tokens), "--work"]
    worker = Worker(command, surroundings)
    return worker, {
        f"tagger, tokens to {name}, {count_of(threads, 'thread')}": partial(worker.ask, f"{threads} {wanted}")
        for threads, wanted, name in (
            (1, "confidences", "tags and confidences"),
            (1, "tags", "tags"),
            (2, "confidences", "tags and confidences"),
        )
    }


def list_commands(
    asked: argparse.Namespace, folder: Path, size: int, surroundings: Mapping[str, str]
) -> dict[str, Ask]:
    """Return the commands by the names of the rows."""
    return {
        f"tagger predict, text to JSONL, {count_of(count, 'worker')}": partial(
            run_command, asked, folder, size, count, surroundings
        )
        for count in asked.workers
    }


def start_rivals(work: Path, surroundings: Mapping[str, str]) -> Iterator[tuple[Worker, dict[str, Ask]]]:
    """Start each tool that is installed, once it has learnt; yield it with what it is asked."""
    for name, (what, _) in RIVALS.items():
        python = peers.find_python(name)
        if python is not None:
            command = [str(python), str(Path(__file__).with_name("rivals.py")), name, str(work)]
            worker = Worker(command, surroundings)
            yield worker, {what: partial(worker.ask, "again")}


def start_all(
    asked: argparse.Namespace, folder: Path, surroundings: Mapping[str, str], stack: contextlib.ExitStack
) -> dict[str, Ask]:
    """Return what is to be asked, by the names of the rows; the stack ends the processes."""
    asking: dict[str, Ask] = {}
    if "library" not in asked.skip:
        worker, asking = start_library(asked, surroundings)
        stack.callback(worker.end)
    if "command" not in asked.skip:
        texts = folder / "texts"
        texts.mkdir(exist_ok=True)
        asking |= list_commands(asked, texts, write_texts(texts, asked.tokens), surroundings)
    if "rivals" not in asked.skip and asked.rivals is not None:
        work = folder / "work.json"
        write_work(work, asked.rivals, min(asked.tokens, _RIVAL_TOKENS))
        for worker, questions in start_rivals(work, surroundings):
            stack.callback(worker.end)
            asking |= questions
    return asking


def compare(asked: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """Yield a row for each road through tagger and each other tool, which take turns; the first is the measure."""
    with contextlib.ExitStack() as stack:
        ways = [start_all(asked, folder, os.environ, stack)]
        if asked.held:
            ways.append(start_all(asked, folder, os.environ | HELD_TO_AVX2, stack))
        found: dict[tuple[str, int], list[Measured]] = defaultdict(list)
        for _ in range(asked.rounds):
            for what in ways[0]:
                for place, asking in enumerate(ways):
                    found[what, place].append(asking[what]())
    first = None
    for what in ways[0]:
        rates = [_median_rate(found[what, place], "used") for place in range(len(ways))]
        first = first or rates[0]
        yield {
            "what": what,
            "clock": round(_median_rate(found[what, 0], "wall")),
            "rate": round(rates[0]),
            "held": round(rates[1]) if asked.held else None,
            "ratio": round(rates[0] / first, 3),
        }


def _median_rate(found: Sequence[Measured], seconds: str) -> float:
    return statistics.median(each.tokens / getattr(each, seconds) for each in found)


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
            measured = measure(work)
            what = f"{hidden} hidden units ({parameters:,} parameters), {name}"
            print(f"{what:60} {measured.tokens / measured.wall:10,.0f} tokens/s", flush=True)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--tokens", type=int, default=400_000)
    parser.add_argument("--skip", choices=STAGES, action="append", default=[])
    parser.add_argument("--rivals", type=Path, help="corpus to train other tools on")
    parser.add_argument("--device", default="cpu", help="where the command labels, as `predict` takes it")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="of the command")
    parser.add_argument("--hidden", type=int, nargs="+", help="sizes to compare on a CPU and on --device")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--held", action="store_true", help="measure all once more, held to AVX2")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)  # a process of its own
    add_option(parser)
    asked = parser.parse_args()
    if asked.hidden:
        measure_sizes(asked.model, asked.device, asked.hidden)
        return
    if asked.work:
        answer_lines(tagger.load(asked.model), asked.tokens)
        return
    with tempfile.TemporaryDirectory() as folder:
        print_rows("prediction", compare(asked, Path(folder)), as_json=asked.as_json)


if __name__ == "__main__":
    try:
        main()
    except TaggerError as error:  # no such model or device
        raise SystemExit(f"error: {error}") from None
