"""Measure the forward language model's perplexity beside a Kneser-Ney trigram on the same words.

The baseline is an interpolated modified Kneser-Ney trigram (Chen and Goodman 1998, section 3), counted on the
sentences the network learns from, with the network's vocabulary, and asked about the same held-out words and
sentence ends. A word outside the vocabulary is one outcome, <unk>, for both.

    python benchmarks/perplexity.py LM TEXT...
"""

from __future__ import annotations

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from tagger.runtime.directory import load_language_model
from tagger.text.language import END
from tagger.training.recipes import lm

Gram = tuple[int, ...]
_START = -1
_DISCOUNT = 0.5  # where the counts of counts are too few to estimate one


class KneserNey:
    """An interpolated modified Kneser-Ney trigram.

    `p(w | h) = (c(h w) - D(c(h w))) / c(h .) + gamma(h) p(w | h')`, where h' drops the first word of h; below
    the trigram, c counts the distinct words to the left instead of occurrences. D has three values, for counts
    1, 2 and more, estimated from the counts of counts (Chen and Goodman 1998, equations 17 to 26).

    Args:
        sentences: of outcomes, each with its end.
        outcomes: size of the vocabulary; the unigram is mixed with the uniform distribution over it.
    """

    def __init__(self, sentences: Iterable[Sequence[int]], outcomes: int) -> None:
        trigrams: Counter[Gram] = Counter()
        for sentence in sentences:
            padded = (_START, _START, *sentence)
            trigrams.update(zip(padded, padded[1:], padded[2:], strict=False))
        bigrams = Counter(gram[1:] for gram in trigrams)
        # A sentence's first word follows a start that nothing precedes: its bigram count is its true count.
        for gram, count in trigrams.items():
            if gram[0] == gram[1] == _START:
                bigrams[gram[1:]] = count
        unigrams = Counter(gram[1:] for gram in bigrams)
        self._uniform = 1 / outcomes
        self._orders = [_Order(counts) for counts in (unigrams, bigrams, trigrams)]

    def probability(self, word: int, history: Gram) -> float:
        """Return p(word | the last two words of the history)."""
        p = self._uniform
        for length, order in enumerate(self._orders):
            p = order.interpolate(word, history[len(history) - length :], p)
        return p

    def perplexity(self, sentences: Iterable[Sequence[int]]) -> float:
        """Return the perplexity of sentences, each with its end."""
        nats, predictions = 0.0, 0
        for sentence in sentences:
            padded = (_START, _START, *sentence)
            for place in range(2, len(padded)):
                nats -= math.log(self.probability(padded[place], padded[place - 2 : place]))
                predictions += 1
        return math.exp(nats / predictions)


class _Order:
    """The counts of one length of n-gram."""

    def __init__(self, counts: Counter[Gram]) -> None:
        self._counts = counts
        self._totals: dict[Gram, int] = defaultdict(int)
        self._kinds: dict[Gram, list[int]] = defaultdict(lambda: [0, 0, 0])
        for gram, count in counts.items():
            self._totals[gram[:-1]] += count
            self._kinds[gram[:-1]][min(count, 3) - 1] += 1
        ones, twos, threes, fours = (sum(count == n for count in counts.values()) for n in (1, 2, 3, 4))
        y = ones / (ones + 2 * twos) if ones else 0.5
        pairs = ((1, ones, twos), (2, twos, threes), (3, threes, fours))
        found = [n - (n + 1) * y * after / before if before else 0.0 for n, before, after in pairs]
        self._discounts = [d if d > 0 else _DISCOUNT for d in found]

    def interpolate(self, word: int, history: Gram, lower: float) -> float:
        total = self._totals.get(history, 0)
        if not total:
            return lower
        count = self._counts.get((*history, word), 0)
        kept = count - self._discounts[min(count, 3) - 1] if count else 0.0
        freed = sum(d * n for d, n in zip(self._discounts, self._kinds[history], strict=True))
        return kept / total + freed / total * lower


def main() -> None:
    """Print both perplexities."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="directory of a language model")
    parser.add_argument("text", type=Path, nargs="+", help="the text it was pretrained on")
    arguments = parser.parse_args()
    trained = load_language_model(arguments.model)
    recipe = lm.prepare(arguments.text, trained.config)
    tables = trained.tables
    ends = tables.targets([END])
    learned = (tables.targets(words) + ends for words in recipe.source.sentences(held_out=False))
    trigram = KneserNey(learned, len(tables))
    held_out = recipe.survey.held_out
    theirs = trigram.perplexity(tables.targets(words) + ends for words in held_out)
    device = next(recipe.learner.network.parameters()).device
    forward, backward = recipe.measure(recipe.task.load(arguments.model).to(device))
    tokens = sum(map(len, held_out))
    print(f"held-out: {len(held_out)} sentences, {tokens} tokens; {len(tables)} outcomes")
    print(f"Kneser-Ney trigram {theirs:8.1f}")
    print(f"forward LSTM       {forward:8.1f}  ({100 * (1 - forward / theirs):.0f} % lower)")
    print(f"backward LSTM      {backward:8.1f}")


if __name__ == "__main__":
    main()
