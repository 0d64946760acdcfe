"""A text continued by a forward language model, in numpy: the distribution of the next word, and words drawn from it.

Words go in and words come out; tokenizing the prompt and printing are the caller's. The softmax is that of
`model.adaptive` (Grave et al. 2017): `p(w) = p_head(w)` for a common outcome and `p_head(c) p_c(w)` for one of
cluster c, each a softmax of `E h + b`, with the words' own inputs for E.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.config import LanguageModelConfig
from tagger.runtime.language import DirectedLayer, TrainedLanguageModel, WordInputs, weight_shapes
from tagger.runtime.recurrence import CellState, advance
from tagger.text.language import END, LanguageTables
from tagger.text.vocab import UNKNOWN

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

UNKNOWN_WORD = "<unk>"


class NextWord(NamedTuple):
    """A possible next word and its probability; `word` is None for the end of the sentence."""

    word: str | None
    probability: float


class TextContinuer:
    """A forward language model that reads one word after the other and says what may come next.

    Args:
        parts: the model.
        words: what it has read; more may follow.

    Attributes:
        parts: the model.
        end: the outcome "the sentence ends here".
    """

    def __init__(self, parts: TrainedLanguageModel, words: Sequence[str] = ()) -> None:
        self.parts = parts
        self.end = parts.tables.targets([END])[0]
        self._inputs = WordInputs(parts.weights, parts.tables.speller)
        self._layers = [
            DirectedLayer.of(parts.weights, number, directions=(0,))
            for number in range(parts.config.model.layers)
        ]
        self._softmax = AdaptiveOutcomes(parts)
        self.restart()
        for word in words:
            self.read(word)

    def restart(self) -> None:
        """Begin a new sentence."""
        self._states: list[CellState | None] = [None] * len(self._layers)
        self._advance(self.parts.weights["encoder.boundary"][None])

    def read(self, word: str) -> None:
        """Read one word, known or not."""
        self._advance(self._inputs.of([word]))

    def log_probabilities(self) -> Doubles:
        """Return (V,), the log-probability of each outcome coming next; the probabilities sum to one."""
        scores: Doubles = self._softmax.log_probabilities(self._top)[0]
        return scores

    def likeliest(self, count: int) -> list[NextWord]:
        """Return the `count` likeliest next words, the likeliest first."""
        scores = self.log_probabilities()
        best = _find_best(scores, count)
        return [
            NextWord(self._word(outcome), probability)
            for outcome, probability in zip(best.tolist(), np.exp(scores[best]).tolist(), strict=True)
        ]

    def _advance(self, word: Floats) -> None:
        """Read an input (1, P)."""
        top = word
        for number, layer in enumerate(self._layers):
            state = advance(layer.cells, top @ layer.inputs[0] + layer.bias[0], self._states[number])
            output = state.hidden[0] @ layer.projection[0] + layer.projection_bias[0]
            self._states[number] = state
            top = output + top if number else output
        self._top = top

    def _word(self, outcome: int) -> str | None:
        word = self.parts.tables.word(outcome)
        return UNKNOWN_WORD if word is None else None if word == END else word


class AdaptiveOutcomes:
    """The softmax over the outcomes of a language model.

    Args:
        parts: the model; outcome v is row v + 1 of its table of words.
    """

    def __init__(self, parts: TrainedLanguageModel) -> None:
        weights, sizes = parts.weights, parts.config.model
        rows, bias = weights["encoder.input.words"][UNKNOWN:], weights["softmax.bias"]
        bounds = cluster_bounds(len(parts.tables), (sizes.common, sizes.rare, sizes.rarest))
        self._common = bounds[0]
        # The head and then each cluster: (K, P) and (K,).
        self._parts = [
            (
                np.concatenate([rows[: self._common], weights["softmax.clusters"]]),
                np.concatenate([bias[: self._common], weights["softmax.cluster_bias"]]),
            ),
            *((rows[first:last], bias[first:last]) for first, last in pairwise(bounds)),
        ]

    def log_probabilities(self, states: Floats) -> Doubles:
        """Map states (N, P) of the top layer to (N, V) log-probabilities of what comes next."""
        head, *clusters = (_log_softmax(states @ rows.T + bias) for rows, bias in self._parts)
        masses = head[:, self._common :]
        inside = [masses[:, number, None] + scores for number, scores in enumerate(clusters)]
        return np.concatenate([head[:, : self._common], *inside], axis=1)


def cluster_bounds(outcomes: int, cutoffs: Sequence[int]) -> list[int]:
    """Return where the clusters of rarer outcomes begin, and the number of outcomes."""
    return [*sorted(cutoff for cutoff in set(cutoffs) if cutoff < outcomes), outcomes]


def language_model_shapes(tables: LanguageTables, config: LanguageModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every weight of a language model: what a labeller reads, and the softmax."""
    read = weight_shapes(len(tables.words), len(tables.speller.symbols), config)
    shapes = {name: shape for name, shape in read.items() if not name.startswith("mix.")}
    clusters = len(cluster_bounds(len(tables), (config.common, config.rare, config.rarest))) - 1
    return shapes | {
        "softmax.bias": (len(tables),),
        "softmax.clusters": (clusters, config.projection),
        "softmax.cluster_bias": (clusters,),
    }


def continue_text(
    parts: TrainedLanguageModel,
    prompt: Sequence[str],
    words: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 1,
) -> Iterator[str | None]:
    """Yield `words` words that continue a prompt, and None wherever a sentence ends.

    A word is drawn with `p(w) ~ exp(log p(w) / temperature)` among the `top_k` likeliest; at temperature 0 it is
    the likeliest. The unknown word is never drawn.

    Args:
        parts: the model.
        prompt: the words so far, of one sentence.
        words: how many to add, sentence ends not counted.
        temperature: below 1 the likely words become likelier.
        top_k: how many of the likeliest to draw from; None: all.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    continuer = TextContinuer(parts, prompt)
    added, is_start = 0, not prompt
    while added < words:
        scores = continuer.log_probabilities()
        scores[0] = -np.inf  # the unknown word
        if is_start:
            scores[continuer.end] = -np.inf  # an empty sentence would say nothing
        outcome = _draw(scores, temperature, top_k, generator)
        is_start = outcome == continuer.end
        if is_start:
            yield None
            continuer.restart()
        else:
            word = parts.tables.word(outcome)
            assert word is not None
            yield word
            added += 1
            continuer.read(word)


def _draw(scores: Doubles, temperature: float, top_k: int | None, generator: np.random.Generator) -> int:
    if temperature == 0.0:
        return int(scores.argmax())
    outcomes = _find_best(scores, top_k or len(scores))
    chances = np.exp(_log_softmax((scores[outcomes] - scores[outcomes[0]]) / temperature))
    return int(generator.choice(outcomes, p=chances))


def _find_best(scores: Doubles, count: int) -> NDArray[np.int64]:
    """Return the places of the `count` highest scores, the highest first."""
    return np.argsort(-scores, kind="stable")[:count]


def _log_softmax(scores: NDArray[np.floating]) -> Doubles:
    """Return the scores less the logarithm of the sum of their exponentials, over the last axis."""
    shifted = scores.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted
