"""Seconds to read pretrained vectors: text, gzip and word2vec's binary format, all words or one in ten.

    python benchmarks/vectors.py [--words 400000] [--dim 100]

The files are made up and written to a temporary folder; `numpy.loadtxt` stands beside on a tenth of the text.
Processor time of one core. Prints Markdown rows.
"""

from __future__ import annotations

import argparse
import gzip
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tagger.model import vectors

_BLOCK = 4000


def main() -> None:
    """Write the files, read each of them, print a row for it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--dim", type=int, default=100)
    options = parser.parse_args()
    wanted = {f"word{number}" for number in range(0, options.words, 10)}
    print(
        f"{options.words:,} words x {options.dim}, {platform.machine()}, Python {platform.python_version()}\n"
    )
    print("| file | MB | all words, s | one word in ten, s |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for path in _write(Path(folder), options.words, options.dim):
            everything = _seconds(lambda path=path: vectors.read(path, lambda word: word))
            tenth = _seconds(
                lambda path=path: vectors.read(path, lambda word: word if word in wanted else None)
            )
            print(
                f"| {path.name} | {path.stat().st_size / 1e6:.0f} | {everything:.1f} | {tenth:.1f} |",
                flush=True,
            )
        text = Path(folder) / "vectors.txt"
        columns = range(1, options.dim + 1)
        plain = _seconds(lambda: np.loadtxt(text, np.float32, usecols=columns, max_rows=options.words // 10))
        print(f"\nnumpy.loadtxt of a tenth of the text: {plain:.1f} s")


def _write(folder: Path, words: int, dim: int) -> Iterator[Path]:
    """Yield a text file, the same gzipped, and the same in word2vec's binary format."""
    text, packed, binary = (folder / name for name in ("vectors.txt", "vectors.txt.gz", "vectors.bin"))
    with text.open("wb") as plain, gzip.open(packed, "wb", 1) as gzipped, binary.open("wb") as numbers:
        numbers.write(f"{words} {dim}\n".encode())
        for number, row in enumerate(_rows(words, dim)):
            name = f"word{number}"
            line = f"{name} {' '.join(f'{value:.5f}' for value in row)}\n".encode()
            plain.write(line)
            gzipped.write(line)
            numbers.write(f"{name} ".encode() + row.tobytes())
    yield from (text, packed, binary)


def _rows(words: int, dim: int) -> Iterator[np.ndarray]:
    generator = np.random.default_rng(1)
    for start in range(0, words, _BLOCK):
        yield from generator.standard_normal((min(_BLOCK, words - start), dim)).astype(np.float32)


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
