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
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import crfsuite
from corpora import SHARED
from report.figures import Row
from report.rows import add_option, print_rows
from templates import describe_characters, describe_words

import tagger
from tagger import scoring
from tagger.scoring import Scores
from tagger.text.conll import Columns, Corpus, Sentence, read_corpus
from tagger.text.schemes import Scheme, Task, spans_to_tags, tags_to_spans
from tagger.text.schemes.spans import Span

WORDS = SHARED / "ud-zh-gsd"
TAGS = SHARED / "ud-en-ewt"
PARTS = ("train", "dev", "test")
_REFERENCE = "CRFsuite, characters to tags"


class Trial(NamedTuple):
    """What was measured, and what it came to with each seed."""

    task: str
    tool: str
    dev: Sequence[Scores]
    test: Sequence[Scores]
    seconds: float

    def cells(self) -> Row:
        """Return the row of the table, in per cent."""
        return {
            "task": self.task,
            "tool": self.tool,
            "dev": _list(self.dev, "headline"),
            "dev_unseen": _list(self.dev, "oov_recall"),
            "test": _list(self.test, "headline"),
            "test_words": _list(self.test, "f1"),
            "test_unseen": _list(self.test, "oov_recall"),
            "test_seen": _list(self.test, "iv_recall"),
            "seconds": round(self.seconds, 1),
        }


def _list(scores: Sequence[Scores], name: str) -> list[float] | float | None:
    """List a number of each seed: the headline, or of words their F1 or the recall of those seen or not."""
    found = []
    for each in scores:
        if name == "headline":
            found.append(each.headline[1])
        elif each.words is not None:
            found.append(each.words.all.f1 if name == "f1" else getattr(each.words, name))
    known = [round(100 * number, 2) for number in found if number is not None]
    return known if len(known) > 1 else known[0] if known else None


def train(files: Sequence[Path], seeds: Sequence[int], task: str, tool: str, **changes: Any) -> Trial:
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
    return Trial(task, tool, dev, test, statistics.mean(seconds))


def train_crfsuite(parts: Sequence[Corpus], task: str) -> Trial:
    """Train the baseline, which has no seed."""
    template = describe_characters if parts[0].task.cuts_words else describe_words
    trained = crfsuite.train(parts[0].sentences, template)
    scores = [_score(each, crfsuite.decode(trained, each.sentences)[0], parts[0]) for each in parts[1:]]
    return Trial(task, "CRFsuite", scores[:1], scores[1:], trained.seconds)


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


def score_cutter(cut: Callable[[str], list[str]], parts: Sequence[Corpus], task: str, tool: str) -> Trial:
    """Score a function from a text to its words."""
    found = [
        _score(each, [_tag_words(sentence, cut) for sentence in each.sentences], parts[0])
        for each in parts[1:]
    ]
    return Trial(task, tool, found[:1], found[1:], 0.0)


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


def measure_words(chosen: argparse.Namespace) -> Iterator[Trial]:
    """Yield the rows of ud-zh-gsd."""
    for kind, task in (("seg", "GSD, words"), ("pos", "GSD, words with parts of speech")):
        files = [WORDS / f"{part}.{kind}" for part in PARTS]
        parts = [read_corpus(file) for file in files]
        if parts[0].task is Task.WORDS:
            for cutter, cut in find_jieba(parts[0]).items():
                yield score_cutter(cut, parts, task, cutter)
            if crfsuite.is_installed():  # the other has 150 tags, whose pairs would take it hours
                yield train_crfsuite(parts, task)
        yield train(files, chosen.seeds, task, "tagger", workers=chosen.workers)
        with tempfile.TemporaryDirectory() as folder:
            words = _find_word_list(chosen.gazetteer, Path(folder))
            if words is not None:
                tool = "tagger, a list of words"
                yield train(files, chosen.seeds, task, tool, gazetteers=[words], workers=chosen.workers)


def measure_tags(chosen: argparse.Namespace) -> Iterator[Trial]:
    """Yield the rows of ud-en-ewt."""
    files = [TAGS / f"en_ewt-ud-{part}.conllu{'.gz' if part == 'train' else ''}" for part in PARTS]
    for column in chosen.columns:
        task = f"EWT, {column}"
        parts = [
            read_corpus(file, columns=Columns(token="FORM", tag=column), scheme=Scheme.BARE) for file in files
        ]
        if crfsuite.is_installed():
            yield train_crfsuite(parts, task)
        asked = {"tag_column": column, "scheme": "BARE", "workers": chosen.workers}
        yield train(files, chosen.seeds, task, "tagger", **asked)


def measure_speed() -> Iterator[Row]:
    """Yield the characters a second of all, turn about, the best of five; a row each."""
    learned = read_corpus(WORDS / "train.seg")
    lines = ["".join(each.tokens) for each in learned.sentences]
    characters = sum(map(len, lines))
    rows = [list(line) for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        tagger.train(train=WORDS / "train.seg", dev=WORDS / "dev.seg", output=Path(folder) / "model")
        model = tagger.load(Path(folder) / "model")
    runs: dict[str, Callable[[], object]] = {
        "tagger, texts to words with probabilities": lambda: model.predict(lines),
        "tagger, characters to words with probabilities": lambda: model.predict_tokens(rows),
        "tagger, characters to tags": lambda: model.predict_tokens(rows, confidences=False),
    }
    if crfsuite.is_installed():
        baseline = crfsuite.train(learned.sentences, describe_characters)
        runs[_REFERENCE] = lambda: crfsuite.decode(baseline, learned.sentences)
    for name, cut in find_jieba(learned).items():
        runs[name] = lambda cut=cut: [cut(line) for line in lines]
    best = dict.fromkeys(runs, 0.0)
    for _ in range(5):
        for name, work in runs.items():
            began = time.perf_counter()
            work()
            best[name] = max(best[name], characters / (time.perf_counter() - began))
    reference = best.get(_REFERENCE)
    for name, rate in best.items():
        yield {"what": name, "rate": round(rate), "ratio": reference and round(rate / reference, 2)}


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
    add_option(parser)
    chosen = parser.parse_args()
    measures = {"accuracy": (WORDS, measure_words), "tags": (TAGS, measure_tags)}
    for part, (folder, measure) in measures.items():
        if part in chosen.parts and folder.is_dir():
            print_rows("words", (trial.cells() for trial in measure(chosen)), as_json=chosen.as_json)
    if "speed" in chosen.parts and WORDS.is_dir():
        print_rows("characters", measure_speed(), as_json=chosen.as_json)


if __name__ == "__main__":
    main()
