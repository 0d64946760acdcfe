"""Forward and backward language models, and the mix of their layers that a labeller reads (ELMo).

Peters et al. 2018, "Deep contextualized word representations". One network reads a sentence from its start
and predicts each next word, a second reads it from its end; they share the words' input and the softmax. What
is read of a word is the concern of `model.spelling`; the softmax has the same table of words (`model.adaptive`).
Batches are padded and time-major, and the second direction reads each sentence reversed within its own length
(see `model.encoder`). Nothing here knows a string, a tag or a gradient step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.config import LanguageModelConfig
from tagger.model.adaptive import AdaptiveSoftmax
from tagger.model.device import move
from tagger.model.encoder import locked_dropout, mirrored_steps, recurrent_cell, reverse
from tagger.model.spelling import INPUTS, Input
from tagger.text.vocab import UNKNOWN

State = tuple[Tensor, Tensor]


class LanguageBatch(NamedTuple):
    """B sentences as a language model sees them, time first.

    Attributes:
        spelling: (U, 1 + C) of the batch's distinct words: the row of the table, then its symbols, padded with 0;
            row 0 is padding.
        tokens: (T, B) rows of `spelling`; 0 pads.
        lengths: (B,) tokens of each sentence.
        targets: (T, B) outcomes of the softmax for the same tokens, or None where nothing is predicted.
    """

    spelling: Tensor
    tokens: Tensor
    lengths: Tensor
    targets: Tensor | None

    def with_each(self, change: Callable[[Tensor], Tensor]) -> LanguageBatch:
        """Return the batch with each of its tensors changed, always in the same order."""
        targets = None if self.targets is None else change(self.targets)
        return LanguageBatch(change(self.spelling), change(self.tokens), change(self.lengths), targets)

    def to(self, device: torch.device) -> LanguageBatch:
        """Return the batch on another device."""
        return move(self, device)


class _Layer(nn.Module):
    """An LSTM layer, its output projected: `h = LSTM(x)`, `y = W h + b`."""

    def __init__(self, config: LanguageModelConfig) -> None:
        super().__init__()
        self.cell = recurrent_cell("lstm", config.projection, config.hidden)
        self.projection = nn.Linear(config.hidden, config.projection)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Map (T, B, P) to (T, B, P) and the state after the last step."""
        hidden, state = self.cell(inputs, state)
        return self.projection(hidden), cast(State, state)


class LanguageEncoder(nn.Module):
    """The part of the language models that a labeller reads: input and LSTM layers of both directions.

    Args:
        words: rows of the speller's table of words.
        symbols: rows of its table of characters.
        config: sizes.

    Attributes:
        depth: L, layers with the input layer.
        size: width of each of them, both directions together.
    """

    def __init__(self, words: int, symbols: int, config: LanguageModelConfig) -> None:
        super().__init__()
        self.depth = config.layers + 1
        self.size = 2 * config.projection
        self.input: Input = INPUTS[config.unit](words, symbols, config)
        self.boundary = nn.Parameter(torch.zeros(config.projection))  # what is read before the first word
        self.directions = nn.ModuleList(
            nn.ModuleList(_Layer(config) for _ in range(config.layers)) for _ in range(2)
        )

    def forward(self, batch: LanguageBatch) -> Tensor:
        """Return (T, B, L, D), each token's layers; see `layers_of`."""
        return self.layers_of(self.input(batch.spelling), batch.tokens, batch.lengths)

    def layers_of(self, words: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return (T, B, L, D), each token's layers; layer 0 is its input, twice.

        A token's forward state has read it and all before it, its backward state it and all after it.

        Args:
            words: (U, P) inputs of the distinct words.
            tokens: (T, B) rows of them.
            lengths: (B,) tokens of each sentence.
        """
        mirror = mirrored_steps(lengths, tokens.shape[0])
        forward, backward = self.states(words, tokens, lengths)
        pairs = zip(forward, backward, strict=True)
        layers = [torch.cat([ahead[1:], reverse(behind[1:], mirror)], dim=-1) for ahead, behind in pairs]
        return torch.stack(layers, dim=2)

    def states(
        self,
        words: Tensor,
        tokens: Tensor,
        lengths: Tensor,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return the layers of each direction, (T + 1, B, P) each, in the direction's own order of reading.

        Step 0 has read nothing but the boundary. A generator turns dropout on.
        """
        inputs = functional.embedding(tokens, words)
        mirror = mirrored_steps(lengths, tokens.shape[0])
        boundary = self.boundary.expand(1, inputs.shape[1], -1)
        both: list[list[Tensor]] = []
        for direction, order in enumerate((inputs, reverse(inputs, mirror))):
            layers = [torch.cat([boundary, order])]
            for number, layer in enumerate(cast(nn.ModuleList, self.directions[direction])):
                below = locked_dropout(layers[-1], dropout, generator)
                layers.append(_join(number, layer(below)[0], layers[-1]))
            both.append(layers)
        return both[0], both[1]

    def read(self, word: Tensor, state: list[State] | None) -> tuple[Tensor, list[State]]:
        """Read one more input of the forward model.

        Args:
            word: (P,) its input.
            state: after the words before it; None at the start.

        Returns:
            The top layer (P,) and the state.
        """
        states: list[State] = []
        top = word.view(1, 1, -1)
        for number, layer in enumerate(cast(nn.ModuleList, self.directions[0])):
            output, after = layer(top, None if state is None else state[number])
            top = _join(number, output, top)
            states.append(after)
        return top[0, 0], states


class LanguageModel(nn.Module):
    """Both language models with their softmax, which they share (Peters et al. 2018, section 3.1).

    Args:
        counts: (V,) how often the text holds each outcome; the commonest first, and outcome v is row v + 1 of the
            table of words.
        symbols: rows of the speller's table of characters.
        end: the outcome "the sentence ends here".
        config: sizes.
    """

    def __init__(self, counts: Sequence[int], symbols: int, end: int, config: LanguageModelConfig) -> None:
        super().__init__()
        self.end = end
        self.encoder = LanguageEncoder(len(counts) + UNKNOWN, symbols, config)
        self.softmax = AdaptiveSoftmax(counts, config.projection, (config.common, config.rare, config.rarest))

    @property
    def device(self) -> torch.device:
        """Where the weights are, and where batches must be."""
        return self.encoder.boundary.device

    def losses(
        self,
        batch: LanguageBatch,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
        *,
        word_dropout: float = 0.0,
    ) -> Tensor:
        """Return (2,): the negative log-likelihood (nats) of the forward and of the backward model.

        Each sums over the batch's words and sentence ends: `lengths.sum() + B` predictions. A generator turns both
        kinds of dropout on.
        """
        assert batch.targets is not None
        words = self.encoder.input(batch.spelling, word_dropout, generator)
        forward, backward = self.encoder.states(words, batch.tokens, batch.lengths, dropout, generator)
        steps, _ = batch.targets.shape
        mirror = mirrored_steps(batch.lengths, steps)
        ahead = self._with_end(batch.targets, batch.lengths)
        behind = self._with_end(batch.targets.gather(0, mirror), batch.lengths)
        is_used = (torch.arange(steps + 1, device=mirror.device).unsqueeze(1) <= batch.lengths).flatten()
        used = is_used.nonzero().squeeze(1)
        tops = [
            locked_dropout(layers[-1], dropout, generator).flatten(0, 1).index_select(0, used)
            for layers in (forward, backward)
        ]
        wanted = torch.cat([ahead.flatten().index_select(0, used), behind.flatten().index_select(0, used)])
        nats: Tensor = self.softmax(self.encoder.input.words, torch.cat(tops), wanted)
        return nats.view(2, -1).sum(1)

    def log_probabilities(self, top: Tensor) -> Tensor:
        """Map states (N, P) of the top layer to (N, V) log-probabilities of what comes next."""
        return self.softmax.log_probabilities(self.encoder.input.words, top)

    def _with_end(self, targets: Tensor, lengths: Tensor) -> Tensor:
        """Return (T + 1, B): the targets, then the end of each sentence behind its last word."""
        longer = functional.pad(targets, (0, 0, 0, 1))
        return longer.scatter(0, lengths.unsqueeze(0), self.end)


class ScalarMix(nn.Module):
    """A learned average of layers: `gamma * sum_l softmax(s)_l h_l` (Peters et al. 2018, equation 1)."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(depth))
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, layers: Tensor) -> Tensor:
        """Map (..., L, D) to (..., D)."""
        return self.scale * torch.einsum("...ld,l->...d", layers, torch.softmax(self.weights, 0))


def _join(number: int, output: Tensor, below: Tensor) -> Tensor:
    """Add a residual connection to every layer but the first, whose input is no state."""
    return output + below if number else output
