"""Where the corpora of the benchmarks lie, and how each divides into train, dev and test.

The real ones stand beside the repository (`../shared/data`), the shipped ones in `data/`. Every benchmark loads them
here, so that all of them see the same sentences. Models are unknown here.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tagger.text.conll import Columns, Sentence, read_corpus
from tagger.text.schemes import Scheme

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files of one corpus; without a training file, dev's first four fifths are train and the rest is dev."""

    folder: Path
    train: str | None = "train.conll"
    dev: str = "dev.conll"
    test: str = "test.conll"
    columns: Columns = field(default_factory=Columns)
    characters: bool = False

    def found(self) -> bool:
        """Tell whether the corpus is on this machine."""
        return self.folder.is_dir()


CORPORA = {
    "english": Source(folder=ROOT / "data" / "english"),
    "chinese": Source(folder=ROOT / "data" / "chinese", characters=True),
    "resume-zh": Source(
        folder=SHARED / "resume-zh",
        train="train.char.bmes",
        dev="dev.char.bmes",
        test="test.char.bmes",
        characters=True,
    ),
    "wnut17": Source(
        folder=SHARED / "wnut17",
        train="wnut17train.conll",
        dev="emerging.dev.conll",
        test="emerging.test.annotated",
    ),
    "conll2002-es": Source(
        folder=SHARED / "conll2002-es", train="esp.train", dev="esp.testa", test="esp.testb"
    ),
    "ud-en-ewt": Source(
        folder=SHARED / "ud-en-ewt",
        train=None,
        dev="en_ewt-ud-dev.conllu",
        test="en_ewt-ud-test.conllu",
        columns=Columns(token="FORM", tag="UPOS"),
    ),
}


class Parts(NamedTuple):
    """A loaded corpus."""

    train: tuple[Sentence, ...]
    dev: tuple[Sentence, ...]
    test: tuple[Sentence, ...]
    scheme: Scheme


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the corpora, seeds and settings of a benchmark; by default all corpora that are here."""
    there = [name for name, source in CORPORA.items() if source.found()]
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="*", default=there, metavar="CORPUS")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument(
        "--set", action="append", default=[], dest="overrides", help="a setting, section.field=value"
    )
    return parser


def load(name: str) -> Parts:
    """Read the parts of a corpus; all of them in the scheme of the first."""
    if name not in CORPORA:
        raise SystemExit(f"found {name!r}, expected a corpus among {', '.join(CORPORA)}")
    source = CORPORA[name]
    first = read_corpus(source.folder / (source.train or source.dev), columns=source.columns)
    cut = len(first.sentences) * 4 // 5
    if source.train is None:
        train, dev = first.sentences[:cut], first.sentences[cut:]
    else:
        train, dev = first.sentences, _read(source, source.dev, first.scheme)
    return Parts(train, dev, _read(source, source.test, first.scheme), first.scheme)


def _read(source: Source, name: str, scheme: Scheme) -> tuple[Sentence, ...]:
    return read_corpus(source.folder / name, columns=source.columns, scheme=scheme).sentences
