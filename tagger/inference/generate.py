"""Continue a text with a forward language model: the distribution of the next word, and words drawn from it.

It reads words and yields words. Tokenizing the prompt and printing are the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tagger.model.bilm import State
from tagger.text.language import END
from tagger.training.language import TrainedLanguageModel

UNKNOWN_WORD = "<unk>"


class Prediction(NamedTuple):
    """A possible next word and its probability; `word` is None for the end of the sentence."""

    word: str | None
    probability: float


class Reader:
    """A forward language model that reads one word after the other.

    Args:
        trained: the model.
        words: what it has read; more may follow.
    """

    def __init__(self, trained: TrainedLanguageModel, words: Sequence[str] = ()) -> None:
        self._trained = trained
        self._state: list[State] | None = None
        self._top = torch.empty(0)
        self.restart()
        for word in words:
            self.read(word)

    def restart(self) -> None:
        """Begin a new sentence."""
        self._state = None
        self._advance(self._trained.model.encoder.boundary)

    def read(self, word: str) -> None:
        """Read one word, known or not."""
        rows = torch.from_numpy(self._trained.tables.speller.rows([word]))
        with torch.inference_mode():
            self._advance(self._trained.model.encoder.input(rows)[1])

    def log_probabilities(self) -> Tensor:
        """Return (V,): log-probability of each outcome coming next; they sum to one."""
        with torch.inference_mode():
            return self._trained.model.log_probabilities(self._top.unsqueeze(0))[0]

    def likeliest(self, count: int) -> list[Prediction]:
        """Return the `count` likeliest next words, the likeliest first."""
        best = torch.topk(self.log_probabilities().exp(), min(count, len(self._trained.tables)))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [Prediction(self._word(outcome), probability) for outcome, probability in pairs]

    def _advance(self, word: Tensor) -> None:
        with torch.inference_mode():
            self._top, self._state = self._trained.model.encoder.read(word, self._state)

    def _word(self, outcome: int) -> str | None:
        word = self._trained.tables.word(outcome)
        return UNKNOWN_WORD if word is None else None if word == END else word


def generate(
    trained: TrainedLanguageModel,
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
        trained: the model.
        prompt: the words so far, of one sentence.
        words: how many to add, sentence ends not counted.
        temperature: below 1 the likely words become likelier.
        top_k: how many of the likeliest to draw from; None: all.
        seed: of the draws.
    """
    generator = torch.Generator().manual_seed(seed)
    reader = Reader(trained, prompt)
    added, is_start = 0, not prompt
    while added < words:
        scores = reader.log_probabilities().clone()
        scores[0] = float("-inf")  # the unknown word
        if is_start:
            scores[trained.model.end] = float("-inf")  # an empty sentence would say nothing
        outcome = _draw(scores, temperature, top_k, generator)
        is_start = outcome == trained.model.end
        if is_start:
            yield None
            reader.restart()
        else:
            word = trained.tables.word(outcome)
            assert word is not None
            yield word
            added += 1
            reader.read(word)


def _draw(scores: Tensor, temperature: float, top_k: int | None, generator: torch.Generator) -> int:
    if temperature == 0.0:
        return int(scores.argmax())
    kept, outcomes = torch.topk(scores, min(top_k or len(scores), len(scores)))
    drawn = torch.multinomial(torch.softmax(kept / temperature, 0), 1, generator=generator)
    return int(outcomes[drawn])
