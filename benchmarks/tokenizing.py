"""How well the tokenizer reproduces the tokens and sentences of corpora, and how fast it is.

    python benchmarks/tokenizing.py

UD English-EWT holds its raw text, so tokens and sentences are found in it and compared with gold. The other corpora
hold tokens alone, and their text can't be had back for certain. Two things can: tokens joined by blanks, where every
token should stay whole; and tokens joined as spelling joins them for certain (a comma sticks to the word before it,
`n't` to its verb; a straight quotation mark or a hyphen is left between blanks), where every boundary inside a run
should be found. Conventions are read off the training part; spaCy's blank tokenizer is measured beside if installed.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from corpora import SHARED

from tagger.text import conll
from tagger.text.tokenizer import Conventions, Mode, cut, detect, split_sentences, tokenize

Extents = list[tuple[int, int]]
Tokenizer = Callable[[str], Extents]

EWT = SHARED / "ud-en-ewt"
JOINED = {  # corpora without their text: file and token column
    "wikigold": "wikigold/wikigold.conll.txt",
    "conll2002-es": "conll2002-es/esp.testa",
    "wnut17": "wnut17/wnut17train.conll",
}
STICKS_LEFT = re.compile(r"[,.;:!?…)\]}%]|\.{3}|n['’]t|['’](?:s|m|re|ve|ll|d)", re.IGNORECASE)
STICKS_RIGHT = re.compile(r"[(\[{¿¡$£€]")


class Counts(NamedTuple):
    """Gold things, found things, those that are both."""

    gold: int = 0
    found: int = 0
    both: int = 0

    def add(self, gold: set[int] | set[tuple[int, int]], found: set[int] | set[tuple[int, int]]) -> Counts:
        """Return the counts with one more comparison in them."""
        return Counts(self.gold + len(gold), self.found + len(found), self.both + len(gold & found))

    @property
    def recall(self) -> float:
        """Share of gold that was found."""
        return self.both / self.gold

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.both / (self.gold + self.found)


class Document(NamedTuple):
    """The text of a web page or mail, and gold sentences and tokens in it."""

    text: str
    sentences: Extents
    tokens: list[Extents]


def read_documents(part: str) -> Iterator[Document]:
    """Yield the documents of EWT: sentences joined by a blank, paragraphs by an empty line."""
    text, sentences, tokens, number = "", [], [], 0
    columns = conll.Columns(token="FORM", tag="UPOS")
    for sentence in conll.read_sentences(EWT / f"en_ewt-ud-{part}.conllu", columns=columns):
        if sentence.document != number and text:
            yield Document(text, sentences, tokens)
            text, sentences, tokens, number = "", [], [], sentence.document
        begins_paragraph = any(comment.startswith("# newpar") for comment in sentence.comments)
        text += ("\n\n" if begins_paragraph else " ") if text else ""
        surface = next(c.removeprefix("# text = ") for c in sentence.comments if c.startswith("# text = "))
        sentences.append((len(text), len(text) + len(surface)))
        tokens.append(
            [(len(text) + start, len(text) + end) for start, end in align(surface, sentence.tokens)]
        )
        text += surface
    yield Document(text, sentences, tokens)


def align(text: str, words: Sequence[str]) -> Extents:
    """Return where the words stand in their text; a few contractions are spelt out as words and are left out."""
    found: Extents = []
    at = 0
    for word in words:
        start = text.find(word, at)
        if start >= 0 and not text[at:start].strip():
            found.append((start, start + len(word)))
            at = start + len(word)
    return found


def compare_tokens(documents: Iterable[Document], tokenizer: Tokenizer) -> tuple[Counts, Counts, Counts]:
    """Count tokens, their boundaries, and those boundaries that no blank gives away."""
    tokens = boundaries = inner = Counts()
    for document in documents:
        text = document.text
        for (start, end), gold in zip(document.sentences, document.tokens, strict=True):
            found = [(start + a, start + b) for a, b in tokenizer(text[start:end])]
            tokens = tokens.add(set(gold), set(found))
            gold_at, found_at = ({at for extent in extents for at in extent} for extents in (gold, found))
            boundaries = boundaries.add(gold_at, found_at)
            hidden = {
                at for at in range(start + 1, end) if not text[at - 1].isspace() and not text[at].isspace()
            }
            inner = inner.add(gold_at & hidden, found_at & hidden)
    return tokens, boundaries, inner


def compare_sentences(
    documents: Iterable[Document], splitter: Callable[[str], Iterable[tuple[int, int]]]
) -> Counts:
    """Count sentences whose both ends are right."""
    counts = Counts()
    for document in documents:
        counts = counts.add(set(document.sentences), set(splitter(document.text)))
    return counts


def with_conventions(conventions: Conventions) -> Tokenizer:
    """Return the tokenizer that follows them."""
    return lambda text: tokenize(text, *conventions)


def sentencex_alone(text: str) -> Iterator[tuple[int, int]]:
    """Yield the sentences as the library gives them, white space cut off."""
    import sentencex

    for boundary in sentencex.get_sentence_boundaries("en", text):
        sentence = boundary["text"]
        start = boundary["start_index"] + len(sentence) - len(sentence.lstrip())
        if sentence.strip():
            yield start, start + len(sentence.strip())


def spacy_blank() -> Tokenizer | None:
    """Return spaCy's English tokenizer if spaCy is there."""
    try:
        import spacy
    except ImportError:
        return None
    nlp = spacy.blank("en")
    return lambda text: [(t.idx, t.idx + len(t)) for t in nlp.tokenizer(text) if not t.is_space]


def join(words: Sequence[str]) -> tuple[str, Extents]:
    """Return the words joined as spelling joins them for certain, and where each stands."""
    text = ""
    extents: Extents = []
    for number, word in enumerate(words):
        sticks = number > 0 and (STICKS_LEFT.fullmatch(word) or STICKS_RIGHT.fullmatch(words[number - 1]))
        text += "" if sticks or not text else " "
        extents.append((len(text), len(text) + len(word)))
        text += word
    return text, extents


def report_ewt() -> None:
    """Print tokens and sentences of EWT."""
    print("ud-en-ewt, tokens                     F1  boundaries  inside runs")
    dev, test = list(read_documents("dev")), list(read_documents("test"))
    words = [[d.text[a:b] for a, b in gold] for d in dev for gold in d.tokens]
    tokenizers = {
        "its conventions": with_conventions(detect(words)),
        "the defaults": tokenize,
        "spaCy": spacy_blank(),
    }
    for name, tokenizer in tokenizers.items():
        for part, documents in (("dev", dev), ("test", test)):
            if tokenizer is not None:
                tokens, boundaries, inner = compare_tokens(documents, tokenizer)
                row = f"{tokens.f1:.4f}      {boundaries.recall:.4f}       {inner.recall:.4f}"
                print(f"  {name + ', ' + part:30} {row}")
    print("ud-en-ewt, sentences                  F1")
    for name, splitter in (("tagger", split_sentences), ("sentencex alone", sentencex_alone)):
        for part, documents in (("dev", dev), ("test", test)):
            print(f"  {name + ', ' + part:30} {compare_sentences(documents, splitter).f1:.4f}")


def report_joined() -> None:
    """Print what is kept of corpora that lack their text."""
    print("without raw text            mode        kept whole  boundaries inside runs  of")
    for name, path in JOINED.items():
        sentences = [sentence.tokens for sentence in conll.read_sentences(SHARED / path)]
        conventions = detect(sentences)
        whole, inner = Counts(), Counts()
        for words in sentences:
            at, gold = 0, set()
            for word in words:
                gold.add((at, at + len(word)))
                at += len(word) + 1
            whole = whole.add(gold, set(tokenize(" ".join(words), *conventions)))
            text, extents = join(words)
            glued = {b for (_, b), (a, _) in pairwise(extents) if a == b}
            inner = inner.add(glued, {b for _, b in tokenize(text, *conventions)})
        row = f"{conventions.mode:10}  {whole.recall:.4f}      {inner.recall:.4f}                  {inner.gold:,}"
        print(f"  {name:24}  {row}")
    same = Counts()
    for sentence in conll.read_sentences(SHARED / "resume-zh" / "test.char.bmes"):
        gold = {(at, at + 1) for at in range(len(sentence.tokens))}
        same = same.add(gold, set(tokenize("".join(sentence.tokens), Mode.CHARACTERS)))
    print(f"  {'resume-zh, no blanks':24}  characters  {same.recall:.4f}")


def report_speed() -> None:
    """Print characters and tokens a second, one thread, best of five."""
    print("speed                       sentences        tokens          tokens      spaCy's tokens")
    spacy = spacy_blank()
    for folder in ("state-of-the-union", "tweets", "udhr"):
        files = sorted((SHARED / "raw" / folder).glob("*.txt"))
        text = "\n".join(path.read_bytes().decode("utf-8", "replace") for path in files)
        extents = list(split_sentences(text))
        sentences = [text[start:end] for start, end in extents]
        count = sum(len(cut(sentence).words) for sentence in sentences)
        splitting = best_time(lambda text=text: list(split_sentences(text)))
        cutting = best_time(lambda sentences=sentences: [cut(sentence) for sentence in sentences])
        row = f"{len(text) / splitting / 1e6:6.1f} Mchar/s  {len(text) / cutting / 1e6:6.1f} Mchar/s  "
        row += f"{count / cutting / 1e6:5.2f} M/s"
        if spacy is not None:
            beside = best_time(
                lambda sentences=sentences: [spacy(sentence) for sentence in sentences], repeats=1
            )
            row += f"   {len(text) / beside / 1e6:6.1f} Mchar/s"
        print(f"  {folder:24}  {row}")


def best_time(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the shortest of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    if not SHARED.is_dir():
        raise SystemExit(f"found no {SHARED}, expected the shared corpora there")
    report_ewt()
    report_joined()
    report_speed()
