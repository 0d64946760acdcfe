"""Tokens a second of reading column files, on one core.

    python benchmarks/reading.py [FILE ...] [--tokens 2000000] [--rounds 5]

Each file is repeated to the wanted number of tokens in a temporary file; the fastest of the rounds counts. Beside the
streaming reader stand `read_corpus` (everything in memory, tags checked), and a plain loop over `line.split()`, which
checks nothing. Without FILE, the shared corpora, or a made one. Prints Markdown rows.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

from tagger.text import conll, schemes

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
DEFAULT = (
    "conll2002-es/esp.train",
    "wnut17/wnut17train.conll",
    "resume-zh/train.char.bmes",
    "ud-en-ewt/en_ewt-ud-dev.conllu",
)
MADE = "Anna\tB-PER\nKeller\tI-PER\nflew\tO\nto\tO\nPeru\tB-LOC\n.\tO\n\n" * 1000


def main() -> None:
    """Measure each file and print a row for it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--tokens", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    files = options.files or [path for name in DEFAULT if (path := SHARED / name).exists()]
    print(
        f"Python {platform.python_version()}, {platform.machine()}; million tokens a second, "
        f"the best of {options.rounds} rounds\n"
    )
    print("| file | tokens | stream | corpus | line.split() | spans | peak of streaming, MB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for path in files or [_write_made(Path(folder))]:
            print(_measure(path, Path(folder), options.tokens, options.rounds), flush=True)


def _write_made(folder: Path) -> Path:
    path = folder / "made.conll"
    path.write_text(MADE, encoding="utf-8")
    return path


def _measure(path: Path, folder: Path, wanted: int, rounds: int) -> str:
    corpus = conll.read_corpus(path)
    once = sum(map(len, corpus.sentences))
    repeated = folder / "repeated"
    content = path.read_bytes().rstrip() + b"\n\n"
    repeated.write_bytes(content * max(1, wanted // once))
    tokens = _stream(repeated)
    tags = [sentence.tags for sentence in corpus.sentences]
    spans = once / _best(lambda: [schemes.tags_to_spans(each, corpus.scheme) for each in tags], rounds)
    rates = [
        tokens / _best(lambda read=read: read(repeated), rounds)
        for read in (_stream, conll.read_corpus, _loop)
    ]
    tracemalloc.start()
    _stream(repeated)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    cells = [
        path.name,
        f"{tokens:,}",
        *(f"{rate / 1e6:.2f}" for rate in (*rates, spans)),
        f"{peak / 1e6:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def _stream(path: Path) -> int:
    return sum(len(sentence.tokens) for sentence in conll.read_sentences(path))


def _loop(path: Path) -> int:
    """Read as most scripts do: no place, no check, rows of any width."""
    return sum(len(tokens) for tokens in _split_lines(path))


def _split_lines(path: Path) -> Iterator[list[str]]:
    tokens: list[str] = []
    tags: list[str] = []
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            fields = line.split()
            if fields:
                tokens.append(fields[0])
                tags.append(fields[-1])
            elif tokens:
                yield tokens
                tokens, tags = [], []


def _best(work: Callable[[], object], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


if __name__ == "__main__":
    main()
