"""The model card: a README made from a run's facts, so that a model directory explains itself."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from tagger.text.counting import count_of
from tagger.text.tokenizer import UNSPACED_ADVICE
from tagger.training.data import Corpora
from tagger.version import __version__

_SEEDS = "## Seeds"


def describe_labeller(
    data: Corpora,
    scores: Mapping[str, Any],
    best_epoch: int,
    epochs: int,
    seconds: float,
    parameters: int,
    min_confidence: float,
) -> str:
    """Return the card of a labeller as Markdown."""
    config = data.config
    corpora = {"train": data.train, "dev": data.dev} | ({"test": data.test} if data.test else {})
    corpus_rows = [
        f"| {name} | {_code(corpus.path)} | {len(corpus.sentences):,} | {sum(map(len, corpus.sentences)):,} |"
        for name, corpus in corpora.items()
    ]
    score_rows = [
        f"| {part} | {_code(name)} | {100 * row['precision']:.2f} | {100 * row['recall']:.2f} "
        f"| {100 * row['f1']:.2f} | {row['support']:,} |"
        for part, facts in scores.items()
        for name, row in [*facts["types"].items(), ("micro", facts["micro"]), ("macro", facts["macro"])]
    ]
    lines = [
        "# A sequence labeller made with tagger",
        "",
        f"Labels {config.corpus.mode} with {_types(data.types)} (scheme {config.corpus.scheme}).",
        f"A {config.encoder.kind.upper()} of {config.encoder.layers} x {config.encoder.directions} x "
        f"{config.encoder.hidden} with a {config.decoder.kind.upper()} decoder; {parameters:,} parameters.",
        *([] if data.base is None else [f"It continues a model of {_types(data.base.types)}."]),
        *([] if data.encoder is None else ["Its embeddings and encoder learnt from raw text first."]),
        "",
        "| corpus | file | sentences | tokens |",
        "|---|---|---:|---:|",
        *corpus_rows,
        "",
        "| scores | type | precision | recall | F1 | support |",
        "|---|---|---:|---:|---:|---:|",
        *score_rows,
        "",
        f"Of {count_of(epochs, 'epoch')} epoch {best_epoch} is kept, the latest within chance of the best on dev. "
        f"Training took {seconds:.0f} s. "
        f"Seed {config.seed}.",
        *([f"Names less probable than {min_confidence:.2f} are left out."] if min_confidence else []),
        "",
        f"tagger {__version__}, torch {torch.__version__}, numpy {np.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}.",
        "",
        *([f"Note: {UNSPACED_ADVICE}.", ""] if data.has_unspaced_words else []),
        "Use it: `tagger predict DIRECTORY text.txt`, or `tagger.load(DIRECTORY).predict(text)` in Python.",
    ]
    return "\n".join(lines) + "\n"


def with_seeds(
    card: str,
    rows: Sequence[tuple[int, float, float | None]],
    dev: tuple[float, float],
    test: tuple[float, float] | None,
) -> str:
    """Add what several seeds came to, in place of what the card said of them before.

    Args:
        card: Markdown, of the best of them.
        rows: of each seed: its dev and its test score, between 0 and 1.
        dev, test: mean and standard deviation.
    """
    lines = [
        _SEEDS,
        "",
        "| seed | dev | test |",
        "|---:|---:|---:|",
        *(
            f"| {seed} | {100 * one:.2f} | {'' if two is None else f'{100 * two:.2f}'} |"
            for seed, one, two in rows
        ),
        f"| mean ± sd | {_spread(dev)} | {'' if test is None else _spread(test)} |",
        "",
        "This model is the one that was best on dev.",
    ]
    return card.partition(f"\n{_SEEDS}\n")[0] + "\n" + "\n".join(lines) + "\n"


def _spread(found: tuple[float, float]) -> str:
    mean, deviation = found
    return f"{100 * mean:.2f} ± {100 * deviation:.2f}"


def _types(types: Iterable[str]) -> str:
    return ", ".join(map(_code, types))


def _code(text: str) -> str:
    """Quote a name from the corpus so that Markdown leaves it alone."""
    return "`" + text.replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`"
