"""The baseline: CRFsuite with the usual template, measured on the corpora that tagger is measured on.

    python benchmarks/crfsuite.py [CORPUS ...]

One process, one thread, `python-crfsuite` from PyPI (`pip install -e '.[bench]'`), the usual template
(`templates.py`), L-BFGS with both penalties. The model never sees dev: CRFsuite has nothing to stop early by. This
file knows no model of tagger's; `benchmarks/corpora.py` knows where the corpora lie.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from corpora import CORPORA, Parts, load
from templates import PENALTIES, Template, describe_characters, describe_words

from tagger import scoring
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme


class Trained(NamedTuple):
    """A trained tagger, its template, and the seconds that features and L-BFGS took."""

    tagger: Any
    template: Template
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one corpus gave; rates are tokens a second, seconds include the features."""

    corpus: str
    train_tokens: int
    train_seconds: float
    decode_rate: float
    decode_rate_without_features: float
    dev: scoring.Scores
    test: scoring.Scores


def is_installed() -> bool:
    """Tell whether `python-crfsuite` is there; say what installs it where it isn't."""
    found = importlib.util.find_spec("pycrfsuite") is not None
    if not found:
        print("CRFsuite is left out: pip install 'tagger[bench]'", file=sys.stderr)
    return found


def train(sentences: Sequence[Sentence], template: Template) -> Trained:
    """Train a CRF on gold tags as they are; a BIO corpus stays BIO."""
    import pycrfsuite

    started = time.perf_counter()
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(PENALTIES)
    for sentence in sentences:
        trainer.append(template(sentence.tokens), sentence.tags)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.crfsuite")
        trainer.train(path)
        seconds = time.perf_counter() - started
        tagger = pycrfsuite.Tagger()
        tagger.open(path)  # reads the whole file; `open_inmemory` keeps a pointer into bytes that may go
    return Trained(tagger, template, seconds)


def decode(trained: Trained, sentences: Sequence[Sentence]) -> tuple[list[list[str]], float, float]:
    """Return the tags, the seconds of the features and the seconds of Viterbi."""
    import pycrfsuite

    started = time.perf_counter()
    rows = [pycrfsuite.ItemSequence(trained.template(sentence.tokens)) for sentence in sentences]
    described = time.perf_counter()
    tags = [trained.tagger.tag(row) for row in rows]
    return tags, described - started, time.perf_counter() - described


def measure(name: str, parts: Parts | None = None) -> Result:
    """Train and test on one corpus of CORPORA."""
    parts = parts or load(name)
    trained = train(parts.train, describe_characters if CORPORA[name].characters else describe_words)
    dev = score(trained, parts.dev, parts.scheme)
    tags, describing, finding = decode(trained, parts.test)
    tokens = sum(len(sentence.tokens) for sentence in parts.test)
    return Result(
        corpus=name,
        train_tokens=sum(len(sentence.tokens) for sentence in parts.train),
        train_seconds=trained.seconds,
        decode_rate=tokens / (describing + finding),
        decode_rate_without_features=tokens / finding,
        dev=dev,
        test=scoring.score((sentence.tags for sentence in parts.test), tags, parts.scheme),
    )


def score(trained: Trained, sentences: Sequence[Sentence], scheme: Scheme) -> scoring.Scores:
    """Score a trained tagger on sentences with gold tags."""
    return scoring.score((sentence.tags for sentence in sentences), decode(trained, sentences)[0], scheme)


def main(names: Sequence[str]) -> None:
    """Print a Markdown table, one row a corpus."""
    print("| corpus | train tokens | train s | decode tok/s | without features | dev F1 | test F1 |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        result = measure(name)
        print(
            f"| {name} | {result.train_tokens:,} | {result.train_seconds:.1f} | {result.decode_rate:,.0f} "
            f"| {result.decode_rate_without_features:,.0f} | {100 * result.dev.micro.f1:.2f} "
            f"| {100 * result.test.micro.f1:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", nargs="*", default=[name for name in CORPORA if CORPORA[name].found()])
    main(parser.parse_args().corpora)
