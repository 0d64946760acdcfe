"""How many of the first suspects of `tagger review` are faults, in corpora that were spoilt in known ways.

    python benchmarks/review.py TRAIN [TRAIN ...] [--rates 1 3 5] [--seed 1] [--kinds type missed border] [--keep DIR]

Of the gold spans of a corpus so many per cent are spoilt: the type swapped, the span left out, or a border moved by a
token, a third each. The corpus is then reviewed, and the same out-of-sample probabilities are given to the token
method of cleanlab (Wang and Mueller 2022, "Detecting label errors in token classification data"; `pip install
cleanlab`), where that is installed: `find_label_issues`, ranked by `self_confidence`. Prints a Markdown row a corpus
and rate:

- P@50: share of the first 50 suspects that lie on a spoilt place; of cleanlab a suspect is a token, and in the column
  "places" tokens that touch each other are one. Real faults of the corpus that nobody put there count against all;
- found: how many different spoilt places the first 50 show;
- AP: area under the curve of precision and recall over all tokens. One that a proposal changes has the surety of its
  place, another one, and with cleanlab each, the odds of its own label.

`--keep` keeps the models of folds, so that another way of ranking costs seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from report.figures import Row
from report.rows import add_option, print_rows

from tagger.config import Config, override
from tagger.runtime.chainbatch import batch_chains
from tagger.runtime.decode import build_decoding
from tagger.runtime.judging import Judge
from tagger.runtime.network import Network
from tagger.runtime.tagtable import TagTable
from tagger.runtime.trained import TrainedModel
from tagger.scoring.review import LabelDoubt
from tagger.text import schemes
from tagger.text.conll import Corpus, Sentence, read_corpus
from tagger.text.decisions import find_state
from tagger.text.schemes import Span
from tagger.training.folds import deal, settle, train_fold

FOLDS = 5
LOOKED_AT = 50
KINDS = ("type", "missed", "border")
Floats = NDArray[np.float64]


class Spoilt(NamedTuple):
    """A corpus with faults, and where they are: for each sentence the tokens of each faulty place, half-open."""

    corpus: Corpus
    places: Mapping[int, Sequence[tuple[int, int]]]


def spoil(corpus: Corpus, rate: float, kinds: Sequence[str], seed: int) -> Spoilt:
    """Spoil a share of the spans of a corpus, each in one of several ways, drawn by a seed."""
    draw = random.Random(seed)
    types = sorted(
        {span.type for each in corpus.sentences for span in schemes.tags_to_spans(each.tags, corpus.scheme)}
    )
    sentences, places = [], {}
    for number, sentence in enumerate(corpus.sentences):
        spans = schemes.tags_to_spans(sentence.tags, corpus.scheme)
        kept: list[Span] = []
        faults: list[tuple[int, int]] = []
        for place, span in enumerate(spans):
            spoilt = [span]
            if draw.random() < rate:
                low = kept[-1].end if kept else 0
                high = spans[place + 1].start if place + 1 < len(spans) else len(sentence)
                spoilt = _spoil_span(span, draw.choice(kinds), low, high, types, draw)
                every = [span, *spoilt]
                faults.append((min(each.start for each in every), max(each.end for each in every)))
            kept += spoilt
        if faults:
            places[number] = faults
            tags = tuple(schemes.spans_to_tags(kept, len(sentence), corpus.scheme))
            sentence = replace(sentence, tags=tags)
        sentences.append(sentence)
    return Spoilt(replace(corpus, sentences=tuple(sentences)), places)


def _spoil_span(
    span: Span, kind: str, low: int, high: int, types: Sequence[str], draw: random.Random
) -> list[Span]:
    """Return what stands in a span's place; borders stay between `low` and `high`."""
    if kind == "missed":
        return []
    borders = [
        (start, end)
        for start, end in (
            (span.start - 1, span.end),
            (span.start + 1, span.end),
            (span.start, span.end - 1),
            (span.start, span.end + 1),
        )
        if low <= start < end <= high
    ]
    if kind == "border" and borders:
        start, end = draw.choice(borders)
        return [span._replace(start=start, end=end)]
    others = [each for each in types if each != span.type]
    return [span._replace(type=draw.choice(others))] if others else []


class Folds(NamedTuple):
    """The models of folds, and the fold of each sentence."""

    models: Sequence[TrainedModel]
    dealt: NDArray[np.int64]

    def parts(self, corpus: Corpus) -> Iterator[tuple[TrainedModel, list[int], list[Sentence]]]:
        """Yield each model with the sentences that it may judge, and their numbers."""
        for number, model in enumerate(self.models):
            numbers = np.flatnonzero(self.dealt == number).tolist()
            yield model, numbers, [corpus.sentences[each] for each in numbers]


def train_folds(corpus: Corpus, seed: int, keep: Path | None) -> Folds:
    """Train the models of all folds, or take those that were kept."""
    config = settle(corpus, override(Config(), {"seed": seed}), FOLDS)
    dealt = deal(corpus, FOLDS, seed)
    name = hashlib.sha256(f"{find_state(corpus)} {config!r}".encode()).hexdigest()[:16]
    kept = None if keep is None else keep / f"{name}.pickle"
    if kept is not None and kept.is_file():
        return Folds(pickle.loads(kept.read_bytes()), dealt)
    models = [train_fold(corpus, dealt == fold, config) for fold in range(FOLDS)]
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(models))
    return Folds(models, dealt)


def list_doubts(corpus: Corpus, folds: Folds) -> list[LabelDoubt]:
    """Return the doubts about a corpus, the surest first."""
    doubts = [
        doubt._replace(sentence=numbers[doubt.sentence])
        for model, numbers, sentences in folds.parts(corpus)
        for doubt in Judge(model, corpus.scheme).judge(sentences)
    ]
    return sorted(doubts, key=lambda each: -each.surety)


def find_marginals(corpus: Corpus, folds: Folds) -> tuple[list[str], list[Floats]]:
    """Return the tags of a corpus, and for each sentence (T, K) how probable each is, out of sample."""
    names = sorted({tag for each in corpus.sentences for tag in each.tags})
    found: list[Floats] = [np.zeros((0, 0))] * len(corpus.sentences)
    for model, numbers, sentences in folds.parts(corpus):
        table, decoding = TagTable(model), build_decoding(model)
        meaning = np.array([[str(tag) == name for name in names] for tag in table.outside], np.float64)
        emissions = Network(model).emissions(
            [each.tokens for each in sentences], range(len(sentences)), [each.features for each in sentences]
        )
        sizes = np.array(list(map(len, sentences)))
        for batch in batch_chains(np.cumsum(sizes) - sizes, sizes):
            marginals = decoding.posterior(batch.take(emissions), batch.sizes).marginals @ meaning
            for column, number in enumerate(batch.numbers.tolist()):
                chances = np.clip(marginals[: sizes[number], column], 1e-12, None)
                found[numbers[number]] = chances / chances.sum(1, keepdims=True)
    return names, found


def rank_by_cleanlab(
    corpus: Corpus, names: Sequence[str], chances: Sequence[Floats]
) -> list[tuple[int, int]] | None:
    """Return the tokens that cleanlab takes for mislabelled, the surest first; None without the package."""
    try:
        from cleanlab.token_classification.filter import find_label_issues
    except ImportError:
        return None
    rows = {name: row for row, name in enumerate(names)}
    labels = [[rows[tag] for tag in each.tags] for each in corpus.sentences]
    found: list[tuple[int, int]] = find_label_issues(
        labels, list(chances), return_indices_ranked_by="self_confidence"
    )
    return found


def score_tokens(
    corpus: Corpus, names: Sequence[str], chances: Sequence[Floats], doubts: Sequence[LabelDoubt]
) -> tuple[Floats, Floats]:
    """Return for each token (N,) how suspect it is: by the odds of its place, and by its own label alone."""
    own, placed = [], []
    by_sentence: dict[int, list[LabelDoubt]] = {}
    for doubt in doubts:
        by_sentence.setdefault(doubt.sentence, []).append(doubt)
    rows = {name: row for row, name in enumerate(names)}
    for number, sentence in enumerate(corpus.sentences):
        given = chances[number][np.arange(len(sentence)), [rows[tag] for tag in sentence.tags]]
        own.append(np.log1p(-np.clip(given, None, 1 - 1e-12)) - np.log(given))
        placed.append(np.minimum(own[-1], 0.0))  # where the best reading is gold's
        for doubt in by_sentence.get(number, ()):
            for place in doubt.changed:
                placed[-1][place] = doubt.surety
    return np.concatenate(placed), np.concatenate(own)


def join_neighbours(tokens: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Return the places of tokens, those that touch each other as one, ranked by the first of each."""
    found: list[list[int]] = []
    for number, at in tokens:
        for place in found:
            if place[0] == number and place[1] - 1 <= at <= place[2]:
                place[1:] = min(place[1], at), max(place[2], at + 1)
                break
        else:
            if len(found) == LOOKED_AT:
                break
            found.append([number, at, at + 1])
    return [(number, start, end) for number, start, end in found]


def average_precision(scores: Floats, is_wrong: NDArray[np.bool_]) -> float:
    """Return the mean of the precision at each fault (area under the curve of precision and recall)."""
    order = np.argsort(-scores, kind="stable")
    right = is_wrong[order]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float(precision[right].mean())


def measure(clean: Corpus, spoilt: Spoilt, folds: Folds) -> Row:
    """Return the cells of a row; those of cleanlab are None without the package."""
    corpus, places = spoilt
    doubts = list_doubts(corpus, folds)
    names, chances = find_marginals(corpus, folds)
    issues = rank_by_cleanlab(corpus, names, chances)
    is_wrong = np.array(
        [
            old != new
            for before, after in zip(clean.sentences, corpus.sentences, strict=True)
            for old, new in zip(before.tags, after.tags, strict=True)
        ]
    )
    placed, own = score_tokens(corpus, names, chances, doubts)
    row = {
        "review": _look([(each.sentence, each.start, each.end) for each in doubts[:LOOKED_AT]], places),
        "ap": round(average_precision(placed, is_wrong), 3),
        "ap_cleanlab": round(average_precision(own, is_wrong), 3),
    }
    if issues is not None:
        row["tokens"] = _look([(number, at, at + 1) for number, at in issues[:LOOKED_AT]], places)
        row["places"] = _look(join_neighbours(issues), places)
    return row


def _look(looked_at: Sequence[tuple[int, int, int]], places: Mapping[int, Sequence[tuple[int, int]]]) -> str:
    """Return the share of places that are faulty, and how many different faults they show."""
    hits = [
        {(number, *fault) for fault in places.get(number, ()) if fault[0] < end and start < fault[1]}
        for number, start, end in looked_at
    ]
    return f"{sum(map(bool, hits)) / max(1, len(hits)):.2f}, {len(set[tuple[int, ...]]().union(*hits))}"


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpora", type=Path, nargs="+", metavar="TRAIN")
    parser.add_argument(
        "--rates", type=float, nargs="+", default=[1.0, 3.0, 5.0], help="per cent of the spans"
    )
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, metavar="DIR")
    add_option(parser)
    chosen = parser.parse_args()
    print_rows("review", list_rows(chosen), as_json=chosen.as_json)


def list_rows(chosen: argparse.Namespace) -> Iterator[Row]:
    """Yield a row a corpus and rate."""
    for path in chosen.corpora:
        clean = read_corpus(path)
        for rate in chosen.rates:
            spoilt = spoil(clean, rate / 100, chosen.kinds, chosen.seed)
            folds = train_folds(spoilt.corpus, chosen.seed, chosen.keep)
            yield {
                "corpus": path.parent.name,
                "spoilt": f"{rate:g} %",
                "faults": sum(map(len, spoilt.places.values())),
                **measure(clean, spoilt, folds),
            }


if __name__ == "__main__":
    main()
