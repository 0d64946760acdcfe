"""Measure what learning from raw text gains: F1 without it and with it, and the speed of both.

    python benchmarks/elmo.py wnut17 [--seeds 1 2 3] [--ways none frozen encoder clusters] [--lm DIR] [--encoder DIR]
    python benchmarks/elmo.py conll2002-es --ways none clusters both
    python benchmarks/elmo.py wikigold

Ways: `none`; a language model whose layers join each word, `frozen` or `finetuned` (`train --lm`); the labeler's own
`encoder` pretrained (`train --init-encoder`); `clusters`, classes of words (`train --clusters`); `both` of the last
two. `wnut17`: the text is the tweets of `../shared/data/raw` and the training text, `conll2002-es`: `raw/es-news` and
the training text; the labeler is trained once for each seed. `wikigold`: it is the addresses of
`raw/state-of-the-union`; the labeler is trained on four fifths of the documents, a fifth of the sentences of which
choose the epoch, and tested on the fifth fold. One thread. `--lm`, `--encoder` and `--clusters` take what was made
before.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from corpora import CORPORA, SHARED

from tagger.config import ClusterConfig, Config, PretrainConfig, TextEncoderConfig, override
from tagger.runtime.evaluation import label_sentences
from tagger.runtime.tagger import load_tagger
from tagger.text.conll import Sentence, read_corpus, read_sentences
from tagger.training import run
from tagger.training.clustering import Clustering
from tagger.training.data import Corpora
from tagger.training.loop import EpochFacts
from tagger.training.recipes import encoder, labelled, lm
from tagger.training.recipes.labelled import FinishedLabeller
from tagger.training.start import Start, collect

WAYS = {  # and what each takes
    "none": (),
    "frozen": ("lm",),
    "finetuned": ("lm",),
    "encoder": ("encoder",),
    "clusters": ("clusters",),
    "both": ("encoder", "clusters"),
}
RAW = {"wnut17": "tweets/tweets.txt", "conll2002-es": "es-news/cess.txt"}
FOLDS = 5


class Trial(NamedTuple):
    """One labeler to train."""

    name: str
    seed: int
    train: Path
    dev: Path | None
    test: Path


def main() -> None:
    """Pretrain where need be, train every labeler, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", choices=(*RAW, "wikigold"))
    parser.add_argument("--lm", type=Path, help="directory of a language model")
    parser.add_argument("--encoder", type=Path, help="directory of an encoder")
    parser.add_argument("--clusters", type=Path, help="directory of classes of words")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--ways", choices=WAYS, nargs="+", default=["none", "frozen", "encoder"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        learnt = {name: getattr(arguments, name) for name in ("lm", "encoder", "clusters")}
        trials = list(
            _seeds(arguments.corpus, arguments.seeds) if arguments.corpus in RAW else _wikigold(folder)
        )
        print("way        trial     dev F1  test F1  train tok/s  label tok/s", flush=True)
        for way in arguments.ways:
            for kind in WAYS[way]:
                learnt[kind] = learnt[kind] or _pretrain(arguments.corpus, kind, folder / f"learnt-{kind}")
            taken = {kind: learnt[kind] for kind in WAYS[way]}
            results = [_measure(trial, way, taken, folder / f"{way}-{trial.name}") for trial in trials]
            tests = [test for _, test in results]
            spread = statistics.stdev(tests) if len(tests) > 1 else 0.0
            print(f"{way:<10} mean     {statistics.mean(dev for dev, _ in results):7.2f} ", end="")
            print(f"{statistics.mean(tests):8.2f}  (test's standard deviation {spread:.2f})", flush=True)


def _measure(trial: Trial, way: str, learnt: Mapping[str, Path], directory: Path) -> tuple[float, float]:
    """Train one labeler; return its F1 on dev and test, in percent."""
    found = _read(trial, way, learnt)
    *_, last = run.train(labelled.prepare(found), directory)
    assert isinstance(last, FinishedLabeller)
    assert last.test is not None
    dev, test = 100 * last.dev.scores.micro.f1, 100 * last.test.scores.micro.f1
    speeds = f"{last.tokens_per_second:11,.0f}  {_labelling_speed(directory, trial.test):11,.0f}"
    print(f"{way:<10} {trial.name:<8} {dev:7.2f} {test:8.2f}  {speeds}", flush=True)
    return dev, test


def _read(trial: Trial, way: str, learnt: Mapping[str, Path]) -> Corpora:
    """Read the corpora of a trial and what its labeler begins with."""
    config = override(
        Config(), {"seed": trial.seed, "training.workers": 1, "lm.finetune": way == "finetuned"}
    )
    classes = [learnt["clusters"]] if "clusters" in learnt else []
    start = Start(encoder=learnt.get("encoder"), language_model=learnt.get("lm"), clusters=classes)
    return collect(trial.train, trial.dev, trial.test, config, start).data


def _labelling_speed(directory: Path, path: Path) -> float:
    """Return tokens a second from sentences to tags, the language model run anew, best of three."""
    tagger = load_tagger(directory)
    sentences = read_corpus(path, scheme=tagger.model.scheme).sentences
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        label_sentences(tagger, sentences, confidences=False)
        seconds.append(time.perf_counter() - began)
    return sum(map(len, sentences)) / min(seconds)


def _pretrain(corpus: str, kind: str, directory: Path) -> Path:
    """Learn from the text of a corpus; return the directory of what was learnt."""
    paths, form = _text(corpus, directory.with_suffix(".txt"))
    if kind == "clusters":
        clustering = Clustering(paths, override(ClusterConfig(), {"text.format": form}))
        deque(clustering.run(), 0)
        directory.mkdir()
        found = clustering.save(directory)
        print(f"{found.classes} classes of {found.words:,} words, {found.seconds:.0f} s", flush=True)
        return directory
    settings = {"text.format": form, "training.workers": 1}
    if kind == "encoder":
        recipe = encoder.prepare(paths, override(TextEncoderConfig(), settings))
    else:
        recipe = lm.prepare(paths, override(PretrainConfig(), settings))
    for fact in run.train(recipe, directory):
        if isinstance(fact, EpochFacts):
            dev = fact.dev
            print(
                f"pretraining, epoch {fact.epoch}: perplexity {dev.forward:.1f} forward, {dev.backward:.1f} "
                f"backward, {fact.tokens_per_second:,.0f} tok/s",
                flush=True,
            )
    return directory


def _text(corpus: str, path: Path) -> tuple[list[Path], str]:
    """Return the raw text for a corpus and its format; `path` is where to write it if it has to be put together."""
    if corpus == "wikigold":
        return sorted((SHARED / "raw" / "state-of-the-union").glob("*.txt")), "text"
    source = CORPORA[corpus]
    learned = [" ".join(each.tokens) for each in read_sentences(source.folder / str(source.train))]
    raw = (SHARED / "raw" / RAW[corpus]).read_text(encoding="utf-8")
    path.write_text(raw.rstrip("\n") + "\n" + "\n".join(learned) + "\n", encoding="utf-8")
    return [path], "tokens"


def _seeds(corpus: str, seeds: Sequence[int]) -> Iterator[Trial]:
    source = CORPORA[corpus]
    paths = [source.folder / name for name in (str(source.train), source.dev, source.test)]
    return (Trial(f"seed {seed}", seed, *paths) for seed in seeds)


def _wikigold(folder: Path) -> Iterator[Trial]:
    (path,) = (SHARED / "wikigold").glob("*.txt")
    corpus = read_corpus(path)
    for fold in range(FOLDS):
        parts: list[list[Sentence]] = [[], []]
        for sentence in corpus.sentences:
            parts[sentence.document % FOLDS == fold].append(sentence)
        names = [folder / f"{part}-{fold}.conll" for part in ("train", "test")]
        for name, sentences in zip(names, parts, strict=True):
            name.write_text(_column_text(sentences), encoding="utf-8")
        yield Trial(f"fold {fold + 1}", 1, names[0], None, names[1])


def _column_text(sentences: Sequence[Sentence]) -> str:
    """Write sentences as two columns, a document mark before each new document."""
    lines: list[str] = []
    document = None
    for sentence in sentences:
        if sentence.document != document:
            lines.append("-DOCSTART- O\n")
            document = sentence.document
        lines.extend(f"{token} {tag}" for token, tag in zip(sentence.tokens, sentence.tags, strict=True))
        lines.append("")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
