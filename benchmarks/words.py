"""Words of Chinese text and parts of speech: accuracy over seeds and speed, beside CRFsuite and jieba.

    python benchmarks/words.py [accuracy] [speed] [tags] [--seeds 1 2 3 4 5] [--columns UPOS] [--workers 1]

`accuracy`: ud-zh-gsd, words alone and words with parts of speech. `tags`: the parts of speech of ud-en-ewt, UPOS and
XPOS, from the whole training part. Each seed trains with dev choosing the epoch; test is scored once, at the end.
`speed`: characters a second from raw sentences to words, one thread each, turn about in this process.

CRFsuite learns from the characters of a window of two to either side, their bigrams, the middle trigram and kinds of
characters (`crfsuite.py`); for English from its usual template. jieba was made for another standard of what a word
is, so its F1 says how far the two standards lie apart as well; the second time it gets the words of the training part
in place of its own dictionary. `--gazetteer` gives a list of words to the second row of tagger; without it that is
jieba's dictionary where jieba is installed. Corpora that are not on this machine are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import crfsuite
import numpy as np
from corpora import SHARED

import tagger
from tagger import scoring
from tagger.scoring import Scores
from tagger.text.conll import Columns, Corpus, Sentence, read_corpus
from tagger.text.schemes import Scheme, Task, spans_to_tags, tags_to_spans
from tagger.text.schemes.spans import Span

WORDS = SHARED / "ud-zh-gsd"
TAGS = SHARED / "ud-en-ewt"
PARTS = ("train", "dev", "test")


class Row(NamedTuple):
    """One line of a table: what was measured, and what it came to."""

    name: str
    dev: Sequence[Scores]
    test: Sequence[Scores]
    seconds: float

    def __str__(self) -> str:
        cells = [self.name, _spread(self.dev), _spread(self.test), _list(self.test), f"{self.seconds:.0f}"]
        return f"| {' | '.join(cells)} |"


def _spread(scores: Sequence[Scores]) -> str:
    """Write the headline, and for words the recall of those unseen; of several seeds the mean and the deviation."""
    cells = [_mean([100 * each.headline[1] for each in scores])]
    for name in ("f1", "oov_recall", "iv_recall"):
        values = [
            getattr(each.words.all if name == "f1" else each.words, name) for each in scores if each.words
        ]
        known = [100 * value for value in values if value is not None]
        cells.append(_mean(known) if known else "")
    return " | ".join(cells)


def _mean(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"


def _list(scores: Sequence[Scores]) -> str:
    return ", ".join(f"{100 * each.headline[1]:.2f}" for each in scores) if len(scores) > 1 else ""


def train(files: Sequence[Path], seeds: Sequence[int], name: str, **changes: Any) -> Row:
    """Train once a seed."""
    dev, test, seconds = [], [], []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            result = tagger.train(
                train=files[0],
                dev=files[1],
                test=files[2],
                output=Path(folder) / "model",
                seed=seed,
                **changes,
            )
            seconds.append(time.perf_counter() - began)
            assert result.test is not None
            dev.append(result.dev)
            test.append(result.test)
    return Row(name, dev, test, statistics.mean(seconds))


def train_crfsuite(parts: Sequence[Corpus], name: str) -> Row:
    """Train the baseline, which has no seed."""
    template = crfsuite.describe_characters if parts[0].task.cuts_words else crfsuite.describe_words
    trained = crfsuite.train(parts[0].sentences, template)
    scores = [_score(each, crfsuite.decode(trained, each.sentences)[0], parts[0]) for each in parts[1:]]
    return Row(name, scores[:1], scores[1:], trained.seconds)


def _score(corpus: Corpus, tags: Sequence[Sequence[str]], learned: Corpus) -> Scores:
    known = scoring.collect_surfaces(
        [each.tokens for each in learned.sentences],
        [each.tags for each in learned.sentences],
        learned.scheme,
        learned.task,
    )
    counts = scoring.SpanCounts(corpus.scheme, corpus.task, known)
    gold = [each.tags for each in corpus.sentences]
    read = scoring.read_pairs(gold, tags, corpus.scheme, task=corpus.task)
    for sentence, pair in zip(corpus.sentences, read, strict=True):
        counts.add(pair.pair, sentence.tokens, *scoring.count_right_tags(pair.gold_tags, pair.predicted_tags))
    return counts.scores()


def score_cutter(cut: Callable[[str], list[str]], parts: Sequence[Corpus], name: str) -> Row:
    """Score a function from a text to its words."""
    found = [
        _score(each, [_tag_words(sentence, cut) for sentence in each.sentences], parts[0])
        for each in parts[1:]
    ]
    return Row(name, found[:1], found[1:], 0.0)


def _tag_words(sentence: Sentence, cut: Callable[[str], list[str]]) -> list[str]:
    spans, start = [], 0
    for word in cut("".join(sentence.tokens)):
        spans.append(Span("", start, start + len(word)))
        start += len(word)
    return spans_to_tags(spans, len(sentence), Scheme.BMES)


def find_jieba(learned: Corpus) -> dict[str, Callable[[str], list[str]]]:
    """Return jieba with its own dictionary and with the training words, if it is installed."""
    if importlib.util.find_spec("jieba") is None:
        return {}
    import jieba

    words = Counter(
        "".join(each.tokens[start:end])
        for each in learned.sentences
        for _, start, end in tags_to_spans(each.tags, learned.scheme)
    )
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8", delete=False) as file:
        file.writelines(f"{word} {count} n\n" for word, count in words.items() if not word.isspace())
    jieba.setLogLevel("ERROR")
    own, taught = jieba.Tokenizer(), jieba.Tokenizer(file.name)
    for each in (own, taught):
        each.initialize()  # reads its file, which isn't needed any more
    Path(file.name).unlink()
    return {"jieba, its own dictionary": own.lcut, "jieba, the training words": taught.lcut}


def _find_word_list(given: Path | None, folder: Path) -> Path | None:
    """Return the list of words that is given, else jieba's."""
    if given is not None or importlib.util.find_spec("jieba") is None:
        return given
    import jieba

    source = Path(jieba.__path__[0]) / "dict.txt"
    words = (line.split()[0] for line in source.read_text(encoding="utf-8").splitlines())
    target = folder / "dictionary.txt"
    target.write_text("\n".join(word for word in words if len(word) > 1), encoding="utf-8")
    return target


def measure_words(chosen: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of ud-zh-gsd."""
    for kind, name in (("seg", "words"), ("pos", "words and parts of speech")):
        files = [WORDS / f"{part}.{kind}" for part in PARTS]
        parts = [read_corpus(file) for file in files]
        if parts[0].task is Task.WORDS:
            for cutter, cut in find_jieba(parts[0]).items():
                yield score_cutter(cut, parts, f"{cutter}: {name}")
        if parts[0].task is Task.WORDS:  # the other has 150 tags, whose pairs would take it hours
            yield train_crfsuite(parts, f"CRFsuite: {name}")
        yield train(files, chosen.seeds, f"tagger: {name}", workers=chosen.workers)
        with tempfile.TemporaryDirectory() as folder:
            words = _find_word_list(chosen.gazetteer, Path(folder))
            if words is not None:
                label = f"tagger, a list of words: {name}"
                yield train(files, chosen.seeds, label, gazetteers=[words], workers=chosen.workers)


def measure_tags(chosen: argparse.Namespace) -> Iterator[Row]:
    """Yield the rows of ud-en-ewt."""
    files = [TAGS / f"en_ewt-ud-{part}.conllu{'.gz' if part == 'train' else ''}" for part in PARTS]
    for column in chosen.columns:
        parts = [
            read_corpus(file, columns=Columns(token="FORM", tag=column), scheme=Scheme.BARE) for file in files
        ]
        yield train_crfsuite(parts, f"CRFsuite: {column}")
        asked = {"tag_column": column, "scheme": "BARE", "workers": chosen.workers}
        yield train(files, chosen.seeds, f"tagger: {column}", **asked)


def measure_speed() -> None:
    """Print characters a second of all, turn about, the best of five."""
    learned = read_corpus(WORDS / "train.seg")
    lines = ["".join(each.tokens) for each in learned.sentences]
    characters = sum(map(len, lines))
    rows = [list(line) for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        tagger.train(train=WORDS / "train.seg", dev=WORDS / "dev.seg", output=Path(folder) / "model")
        model = tagger.load(Path(folder) / "model")
    baseline = crfsuite.train(learned.sentences, crfsuite.describe_characters)
    runs: dict[str, Callable[[], object]] = {
        "tagger, texts to words with probabilities": lambda: model.predict(lines),
        "tagger, characters to words with probabilities": lambda: model.predict_tokens(rows),
        "tagger, characters to tags": lambda: model.predict_tokens(rows, confidences=False),
        "CRFsuite, characters to tags": lambda: crfsuite.decode(baseline, learned.sentences),
    }
    for name, cut in find_jieba(learned).items():
        runs[name] = lambda cut=cut: [cut(line) for line in lines]
    best = dict.fromkeys(runs, 0.0)
    for _ in range(5):
        for name, work in runs.items():
            began = time.perf_counter()
            work()
            best[name] = max(best[name], characters / (time.perf_counter() - began))
    reference = best["CRFsuite, characters to tags"]
    print("| what | characters a second | to CRFsuite |\n|---|---|---|")
    for name, rate in best.items():
        print(f"| {name} | {rate:,.0f} | {rate / reference:.2f} |")


def main() -> None:
    """Print Markdown tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["accuracy", "tags", "speed"], metavar="PART")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--gazetteer", type=Path, help="a list of words")
    parser.add_argument("--columns", nargs="+", default=["UPOS", "XPOS"], help="of the parts of speech")
    parser.add_argument("--workers", type=int, default=1, help="training processes")
    chosen = parser.parse_args()
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, tagger {tagger.__version__}"
    print(f"{platform.machine()}, {versions}, seeds {chosen.seeds}, {chosen.workers} training process(es)\n")
    measures = {"accuracy": (WORDS, measure_words), "tags": (TAGS, measure_tags)}
    header = " | ".join(
        f"{part} {name}" for part in ("dev", "test") for name in ("", "words", "unseen", "seen")
    )
    for part, (folder, measure) in measures.items():
        if part in chosen.parts and folder.is_dir():
            print(f"| | {header} | each seed's test | s |\n|{'---|' * 11}", flush=True)
            for row in measure(chosen):
                print(row, flush=True)
            print()
    if "speed" in chosen.parts and WORDS.is_dir():
        measure_speed()


if __name__ == "__main__":
    main()
