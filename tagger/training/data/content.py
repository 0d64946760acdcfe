"""What the sentences of a corpus hold: spans, tags, tokens, and the words that tags make of characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from tagger.text import schemes
from tagger.text.conll import Corpus, Sentence
from tagger.text.conll.packed import PackedSentences, pack
from tagger.text.features import fold_width
from tagger.text.schemes import Scheme


def list_spans(sentence: Sentence, scheme: Scheme) -> list[schemes.Span]:
    """Return the gold spans of a sentence."""
    return schemes.tags_to_spans(sentence.tags, scheme)


def list_tokens(corpus: Corpus) -> Collection[str]:
    """Return the distinct tokens of a corpus."""
    return pack(corpus.sentences).count_words().keys()


def list_words(corpus: Corpus) -> Iterable[str]:
    """Return the distinct tokens of a corpus, or the words that its tags make of them, which may come again."""
    if not corpus.task.cuts_words:
        return list_tokens(corpus)
    return (word for sentence in corpus.sentences for word in find_words(sentence, corpus.scheme))


def count_all_words(corpus: Corpus) -> Counter[str]:
    """Count the words of `list_words`, each as often as it stands there."""
    return Counter(list_words(corpus)) if corpus.task.cuts_words else pack(corpus.sentences).count_words()


def find_words(sentence: Sentence, scheme: Scheme) -> Iterator[str]:
    """Yield the words that the tags of a sentence make of its characters."""
    return ("".join(sentence.tokens[start:end]) for _, start, end in list_spans(sentence, scheme))


def count_folded_words(sentence: Sentence, scheme: Scheme) -> Counter[str]:
    """Count the words that the tags of a sentence make of its characters."""
    return Counter(map(fold_width, find_words(sentence, scheme)))


def list_gold_tags(corpus: Corpus) -> set[str]:
    """Return the distinct tags of a corpus."""
    return {tag for _, tag in pack(corpus.sentences).count_steps() if tag != schemes.EDGE}


def holds_outside(corpus: Corpus) -> bool:
    """Whether any token is outside all spans."""
    return schemes.OUTSIDE in list_gold_tags(corpus)


def count_tokens(corpus: Corpus) -> int:
    """Return the tokens of all sentences."""
    return pack(corpus.sentences).num_tokens


def mean_span_length(corpus: Corpus) -> float:
    """Return the mean number of tokens of a span."""
    spans, tokens = schemes.measure_spans(pack(corpus.sentences).count_steps(), corpus.scheme)
    return tokens / spans


def count_labels(packed: PackedSentences, scheme: Scheme) -> int:
    """Count what `schemes.labels_of` finds."""
    steps = packed.count_steps()
    if scheme is not Scheme.BARE:
        return schemes.measure_spans(steps, scheme)[0]
    return sum(count for (_, tag), count in steps.items() if tag not in (schemes.EDGE, schemes.UNKNOWN_TAG))
