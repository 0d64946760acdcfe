"""The baseline: CRFsuite with the usual template, measured on the corpora that tagger is measured on.

    python benchmarks/crfsuite.py [CORPUS ...]

One process, one thread, `python-crfsuite` from PyPI (`pip install -e '.[bench]'`). The template is the one of the
CRFsuite tutorials: words in a window of two to either side, affixes, shapes and pairs of neighbours; for Chinese the
characters of the same window and their bigrams. L-BFGS with both penalties. The model never sees dev: CRFsuite has
nothing to stop early by. This file knows no model of tagger's; `benchmarks/corpora.py` knows where the corpora lie.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pycrfsuite
from corpora import CORPORA, Parts, load

from tagger import scoring
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme

PENALTIES = {"c1": 0.1, "c2": 0.01, "max_iterations": 150, "feature.possible_transitions": True}
Template = Callable[[Sequence[str]], list[list[str]]]


def describe_words(tokens: Sequence[str]) -> list[list[str]]:
    """List the attributes of every token of a sentence of words."""
    words = [token.lower() for token in tokens]
    shapes = [_shape(token) for token in tokens]
    rows = []
    for t, (token, word) in enumerate(zip(tokens, words, strict=True)):
        row = ["bias", f"w={token}", f"l={word}", f"s={shapes[t]}"]
        row += [f"p{n}={word[:n]}" for n in (1, 2, 3, 4) if len(word) > n]
        row += [f"e{n}={word[-n:]}" for n in (1, 2, 3, 4) if len(word) > n]
        row += [
            f"{name}:{values[t + offset]}"
            for offset, name, values in _named(words, shapes)
            if 0 <= t + offset < len(tokens)
        ]
        row.append(f"-1|0={words[t - 1]}|{word}" if t else "first")
        row.append(f"0|1={word}|{words[t + 1]}" if t + 1 < len(words) else "last")
        row.append(f"s3={'|'.join(shapes[max(0, t - 1) : t + 2])}")
        rows.append(row)
    return rows


def _named(words: list[str], shapes: list[str]) -> list[tuple[int, str, list[str]]]:
    """Name the neighbours' attributes: words two to either side, shapes and endings one."""
    endings = [word[-3:] for word in words]
    return [(offset, f"l{offset}", words) for offset in (-2, -1, 1, 2)] + [
        (offset, f"{name}{offset}", values)
        for name, values in (("s", shapes), ("e", endings))
        for offset in (-1, 1)
    ]


def _shape(token: str) -> str:
    """Write A for capitals, a for small letters, 0 for digits, runs cut to two: `McDonald 's` -> `AaAaa 'a`."""
    shape = ""
    for char in token:
        kind = "A" if char.isupper() else "a" if char.islower() else "0" if char.isdigit() else char
        if not shape.endswith(kind * 2):
            shape += kind
    return shape


def describe_characters(tokens: Sequence[str]) -> list[list[str]]:
    """List the attributes of every token of a sentence of characters: the window, its bigrams, the middle trigram."""
    padded = ["<<", "<", *tokens, ">", ">>"]
    rows = []
    for t, char in enumerate(tokens):
        a, b, _, d, e = padded[t : t + 5]
        kind = (
            "0"
            if char.isdigit()
            else "A"
            if char.isascii() and char.isalpha()
            else ""
            if char.isalnum()
            else "."
        )
        rows.append(
            [
                *("bias", f"k={kind}", f"-2={a}", f"-1={b}", f"0={char}", f"1={d}", f"2={e}"),
                *(f"-2-1={a}{b}", f"-10={b}{char}", f"01={char}{d}", f"12={d}{e}", f"-11={b}{d}"),
                f"-101={b}{char}{d}",
            ]
        )
    return rows


class Trained(NamedTuple):
    """A trained tagger, its template, and the seconds that features and L-BFGS took."""

    tagger: pycrfsuite.Tagger
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


def train(sentences: Sequence[Sentence], template: Template) -> Trained:
    """Train a CRF on gold tags as they are; a BIO corpus stays BIO."""
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
