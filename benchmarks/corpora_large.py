"""Memory and time of training on a corpus that memory shouldn't hold.

    python benchmarks/corpora_large.py make FILE [--tokens 10000000] [--from train.conll]
    python benchmarks/corpora_large.py run FILE [--dev dev.conll] [--steps 300] [--workers 2]

`make` writes a corpus: sentences of another one, drawn at random, in which words are varied, so that new ones go on
coming as they do in texts. `run` trains on it for some steps and prints, for each process, the most memory that was
resident (VmHWM), and what of it at the end was the process's own (RssAnon) and what shared or pages of files, which
the system takes back when it needs them. Linux alone tells these. Prints Markdown rows.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import tagger

ENGLISH = Path(__file__).resolve().parents[1] / "data" / "english"
_NEW = 0.012  # share of the words that are varied
_SYLLABLES = [first + second for first in "bcdfgklmnprstv" for second in "aeiou"]
_DOCUMENT = 30  # sentences


def main() -> None:
    """Make a corpus, or train on one and watch."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("make", "run"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--tokens", type=int, default=10_000_000)
    parser.add_argument("--from", dest="source", type=Path, default=ENGLISH / "train.conll")
    parser.add_argument("--dev", type=Path, default=ENGLISH / "dev.conll")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    if options.what == "make":
        make(options.source, options.file, options.tokens)
        return
    print(
        "| file | workers | seconds to the first step | process | peak, MB | own, MB | others, MB | disk, MB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=options.file.parent) as folder:
        seconds, disk, processes = train(options, Path(folder))
    for number, sizes in enumerate(processes, 1):
        cells = [
            options.file.name,
            options.workers,
            f"{seconds:.0f}",
            number,
            *map(round, sizes),
            round(disk),
        ]
        print(f"| {' | '.join(map(str, cells))} |")


def make(source: Path, target: Path, tokens: int) -> None:
    """Write a corpus of about so many tokens."""
    draw = random.Random(1)
    blocks = (block.split("\n") for block in source.read_text(encoding="utf-8").split("\n\n"))
    sentences = [rows for block in blocks if (rows := [row for row in block if row.strip()])]
    written = number = 0
    with target.open("w", encoding="utf-8") as stream:
        while written < tokens:
            if number % _DOCUMENT == 0:
                stream.write("-DOCSTART- O\n\n")
            sentence = draw.choice(sentences)
            stream.write("\n".join(_vary(row, draw) for row in sentence) + "\n\n")
            written += len(sentence)
            number += 1


def _vary(row: str, draw: random.Random) -> str:
    """Give a word another end now and then; short ends come again, as common words do."""
    if draw.random() > _NEW:
        return row
    word, *others = row.split()
    size = min(4, 1 + int(draw.expovariate(0.6)))
    return " ".join((word + "".join(draw.choice(_SYLLABLES) for _ in range(size)), *others))


def train(options: argparse.Namespace, folder: Path) -> tuple[float, float, list[tuple[float, ...]]]:
    """Train for some steps; return the seconds to the first one, MB on the disk, and what each process held."""
    model, held = folder / "model", list[tuple[float, ...]]()
    steps, first, disk = 0, 0.0, 0.0

    def stop() -> bool:
        nonlocal steps, first, disk
        steps += 1
        first = first or time.perf_counter() - began
        if steps * options.workers < options.steps:
            return False
        disk = sum(each.stat().st_size for each in model.rglob("*") if each.is_file()) / 1e6
        children = [child.pid for child in multiprocessing.active_children() if child.pid]
        held.extend(_measure(process) for process in (os.getpid(), *children))
        return True

    began = time.perf_counter()
    with suppress(tagger.TrainingStoppedError):
        tagger.train(train=options.file, dev=options.dev, output=model, workers=options.workers, stop=stop)
    return first, disk, held


def _measure(process: int) -> tuple[float, float, float]:
    """Return the peak, a process's own memory, and what it shares or maps, in MB."""
    facts = dict(_read_status(process))
    return facts["VmHWM"] / 1e3, facts["RssAnon"] / 1e3, (facts["RssFile"] + facts["RssShmem"]) / 1e3


def _read_status(process: int) -> Iterator[tuple[str, int]]:
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if value.endswith("kB"):
            yield name, int(value.split()[0])


if __name__ == "__main__":
    main()
