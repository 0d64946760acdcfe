"""The model card: a README made from a run's facts, so that a model directory explains itself."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch

from tagger.scoring import Average, Score, Scores
from tagger.text.counting import count_of
from tagger.text.schemes import Scheme, Task, name_type
from tagger.text.tokenizer import UNSPACED_ADVICE
from tagger.training.data import Corpora
from tagger.version import __version__

_SEEDS = "## Seeds"


def describe_labeller(
    data: Corpora,
    scores: Mapping[str, Scores],
    best_epoch: float,
    epochs: float,
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
        f"| {part} | {name} | {100 * row.precision:.2f} | {100 * row.recall:.2f} "
        f"| {100 * row.f1:.2f} | {row.support:,} |"
        for part, each in scores.items()
        for name, row in _rows(each)
    ]
    lines = [
        "# A sequence labeller made with tagger",
        "",
        f"{_describe_task(data)} (scheme {config.corpus.scheme}).",
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
        *_new_words(scores),
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


def _describe_task(data: Corpora) -> str:
    """Say what the model does."""
    if data.train.task is Task.WORDS:
        return "Cuts text into words"
    if data.train.task is Task.JOINT:
        return f"Cuts text into words and labels them with {_types(data.types)}"
    return f"Labels {data.config.corpus.mode} with {_types(data.types)}"


def _rows(scores: Scores) -> Iterator[tuple[str, Score | Average]]:
    """Yield the rows of a table of scores; averages only where there is more than one kind of span."""
    if not scores.has_types:
        yield f"{name_type('', scores.task)}s", scores.micro
        return
    yield from ((_code(name), score) for name, score in scores.types.items())
    yield from (("micro", scores.micro), ("macro", scores.macro))
    if scores.task is Task.JOINT and scores.words is not None:
        yield "words alone", scores.words.all


def _new_words(scores: Mapping[str, Scores]) -> Iterator[str]:
    """Yield a line about words that are new to the model, where that is known."""
    for part, each in scores.items():
        if each.words is not None and each.words.oov_recall is not None and each.words.oov_rate is not None:
            what, measure = ("tokens", "accuracy") if each.scheme is Scheme.BARE else ("words", "recall")
            yield (
                f"Of the {what} of {part} training lacks {100 * each.words.oov_rate:.2f} %; their {measure} (OOV) is "
                f"{100 * each.words.oov_recall:.2f}.\n"
            )


def _types(types: Iterable[str]) -> str:
    return ", ".join(_code(name_type(type_)) for type_ in types)


def _code(text: str) -> str:
    """Quote a name from the corpus so that Markdown leaves it alone."""
    return "`" + text.replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`"
