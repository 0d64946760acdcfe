"""What a pretrained language model makes of each token, in numpy: the mix of its layers that a labeller reads (ELMo).

Peters et al. 2018, "Deep contextualized word representations". One model reads a sentence from its start, a second
from its end; both read a boundary before the first word. What is read of a word comes from its characters by
convolutions and a highway, and from a row of its own where the table of words has one; a Chinese character has a
row alone. With LSTM layers l = 1, 2, ... in each direction, `y_0 = x`, `y_1 = W LSTM(x) + b` and
`y_l = W LSTM(y_{l-1}) + b + y_{l-1}` beyond; a token's layer l is y_l of both directions side by side.
The same function as `model.bilm` and `model.contextual`, to the rounding of single precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger.config import LanguageModelConfig, PretrainConfig
from tagger.runtime.convolution import convolve
from tagger.runtime.recurrence import FOLDED, PackedSteps, RecurrentLayer, logistic, run_packed
from tagger.text.language import LanguageTables, Speller
from tagger.text.vocab import PAD, UNKNOWN

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Weights = Mapping[str, Floats]
Words = Sequence[str]

LONGEST = 256  # tokens that are read at once; a longer sentence is cut
_BATCH_TOKENS = 8192
_BATCH_PIECES = 192  # so many that the cost of a call vanishes, so few that a step stays in the cache
_KEPT_WORDS = 1 << 15  # inputs of words that are kept, 13 MB with the default sizes
_SPELLED_AT_ONCE = 1024  # words: what the convolutions make of them stays in the cache


@dataclass(frozen=True, slots=True)
class TrainedLanguageModel:
    """What a language model's directory holds.

    Attributes:
        config: settings of the run that trained it.
        tables: how words are spelled, and which can be predicted.
        weights: by the names of `weight_shapes`, without the mix, and `softmax.{bias,clusters,cluster_bias}`.
    """

    config: PretrainConfig
    tables: LanguageTables
    weights: Weights


def weight_shapes(words: int, symbols: int, config: LanguageModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every weight of a language model that a labeller reads.

    Args:
        words: rows of the speller's table of words.
        symbols: rows of its table of characters.
        config: sizes.
    """
    P, H = config.projection, config.hidden
    shapes: dict[str, tuple[int, ...]] = {"mix.weights": (config.layers + 1,), "mix.scale": ()}
    shapes |= {"encoder.boundary": (P,), "encoder.input.words": (words, P)}
    if config.unit == "words":
        of_width = [config.character_filters * width for width in range(1, config.character_width + 1)]
        F = sum(of_width)
        shapes |= {
            "encoder.input.convolutions.embedding": (symbols, config.character_dim),
            "encoder.input.convolutions.bias": (F,),
        }
        for place in range(config.character_width):
            name = f"encoder.input.convolutions.weights.{place}"
            shapes[name] = (config.character_dim, sum(of_width[place:]))
        for name, size in (("transform", F), ("gate", F), ("projection", P)):
            shapes |= {f"encoder.input.{name}.weight": (size, F), f"encoder.input.{name}.bias": (size,)}
    for direction in range(2):
        for number in range(config.layers):
            name = f"encoder.directions.{direction}.{number}"
            shapes |= {f"{name}.cell.weight_ih_l0": (4 * H, P), f"{name}.cell.weight_hh_l0": (4 * H, H)}
            shapes |= {f"{name}.cell.bias_ih_l0": (4 * H,), f"{name}.cell.bias_hh_l0": (4 * H,)}
            shapes |= {f"{name}.projection.weight": (P, H), f"{name}.projection.bias": (P,)}
    return shapes


class WordInputs:
    """What a language model reads of each word; safe to use from several threads.

    Convolutions `y = relu(max_i conv(c)[i])`, highway `z = g * relu(W y + b) + (1 - g) * y` with
    `g = s(W_g y + b_g)`, projection `x = P z + E[w]`, without E[w] for an unknown word. Where tokens are characters,
    `x = E[w]`.

    Args:
        weights: those of a language model, by the names of `weight_shapes`.
        speller: how it spells words.
    """

    def __init__(self, weights: Weights, speller: Speller) -> None:
        self._speller = speller
        self._kept: dict[str, Floats] = {}
        own = _select(weights, "encoder.input.")
        self._words = own["words"]
        if not speller.longest:
            return
        alphabet = own["convolutions.embedding"].copy()
        alphabet[PAD] = 0.0
        places = sum(name.startswith("convolutions.weights.") for name in own)
        self._tables = [alphabet @ own[f"convolutions.weights.{place}"] for place in range(places)]
        self._bias = own["convolutions.bias"]
        self._transform, self._transform_bias = _linear(own, "transform")
        gate, gate_bias = _linear(own, "gate")
        self._gate, self._gate_bias = gate * np.float32(FOLDED), gate_bias * np.float32(FOLDED)
        self._projection, self._projection_bias = _linear(own, "projection")

    def of(self, words: Words) -> Floats:
        """Return (U, P), the input of each word; those of some ten thousand words are kept."""
        found = [self._kept.get(word) for word in words]
        missing = [place for place, each in enumerate(found) if each is None]
        for start in range(0, len(missing), _SPELLED_AT_ONCE):
            part = missing[start : start + _SPELLED_AT_ONCE]
            inputs = self._compute([words[place] for place in part])
            if len(self._kept) + len(part) > _KEPT_WORDS:
                self._kept = {}  # not cleared: another thread may be looking into it
            for place, each in zip(part, inputs, strict=True):
                found[place] = self._kept[words[place]] = each.copy()
        kept = [each for each in found if each is not None]
        return np.concatenate(kept).reshape(len(kept), -1) if kept else self._words[:0]

    def _compute(self, words: Words) -> Floats:
        rows = self._speller.rows(words)[1:]
        numbers = rows[:, 0]
        if not self._speller.longest:
            return self._words[numbers]
        y: Floats = convolve(rows[:, 1:], self._tables)
        y += self._bias
        np.maximum(y, 0.0, out=y)
        gate: Floats = y @ self._gate
        gate += self._gate_bias
        with np.errstate(over="ignore", under="ignore"):
            logistic(gate)
        z: Floats = y @ self._transform
        z += self._transform_bias
        np.maximum(z, 0.0, out=z)
        z -= y
        z *= gate
        z += y
        inputs: Floats = z @ self._projection
        inputs += self._projection_bias
        known = numbers > UNKNOWN
        inputs[known] += self._words[numbers[known]]
        return inputs


class DirectedLayer(NamedTuple):
    """A layer of the language models: an LSTM in each direction, its states projected.

    Attributes:
        cells: the LSTMs.
        inputs: (directions, P, 4 H), their input weights.
        bias: (directions, 1, 4 H).
        projection: (directions, H, P).
        projection_bias: (directions, 1, P).
    """

    cells: RecurrentLayer
    inputs: Floats
    bias: Floats
    projection: Floats
    projection_bias: Floats

    @classmethod
    def of(cls, weights: Weights, number: int, directions: Sequence[int] = (0, 1)) -> DirectedLayer:
        """Take the weights of a layer, counted from 0, by the names of `weight_shapes`."""
        own = [_select(weights, f"encoder.directions.{direction}.{number}.") for direction in directions]
        cells = RecurrentLayer.of("lstm", [_select(each, "cell.") for each in own])
        D, _, width = cells.recurrent.shape
        return cls(
            cells,
            np.ascontiguousarray(cells.inputs.reshape(D, width, -1).transpose(0, 2, 1)),
            cells.bias.reshape(D, 1, width),
            np.stack([each["projection.weight"].T for each in own]),
            np.stack([each["projection.bias"][None] for each in own]),
        )


class LanguageReader:
    """Both language models and the mix of their layers; safe to use from several threads.

    Args:
        weights: by the names of `weight_shapes`; without the mix's, the layers are averaged.
        config: sizes.
        speller: how words are spelled.

    Attributes:
        depth: L, layers with the input layer.
        size: D, width of each of them, both directions together.
    """

    def __init__(self, weights: Weights, config: LanguageModelConfig, speller: Speller) -> None:
        self.depth = config.layers + 1
        self.size = 2 * config.projection
        self._inputs = WordInputs(weights, speller)
        self._boundary = weights["encoder.boundary"][None]
        self._layers = [DirectedLayer.of(weights, number) for number in range(config.layers)]
        self._mix = weights.get("mix.weights", np.zeros(self.depth, dtype=np.float32))
        self._scale = weights.get("mix.scale", np.ones((), dtype=np.float32))

    def read(self, sentences: Sequence[Words]) -> Floats:
        """Return (N, D), the mixed layers of the tokens of all sentences, one after the other."""
        shares = mix_shares(self._mix, self._scale)
        mixed = np.empty((sum(map(len, sentences)), self.size), dtype=np.float32)
        for places, layers in self._read(sentences):
            total = layers[0] * shares[0]
            for share, layer in zip(shares[1:], layers[1:], strict=True):
                layer *= share
                total += layer
            mixed[places] = total
        return mixed

    def layers(self, sentences: Sequence[Words]) -> Floats:
        """Return (N, L, D), the layers of the tokens of all sentences, for `mix_layers`."""
        found = np.empty((sum(map(len, sentences)), self.depth, self.size), dtype=np.float32)
        for places, layers in self._read(sentences):
            for number, layer in enumerate(layers):
                found[places, number] = layer
        return found

    def _read(self, sentences: Sequence[Words]) -> Iterator[tuple[Ints, list[Floats]]]:
        """Yield, for pieces of sentences of like length, where (n,) their tokens stand, and layers (n, D) of them."""
        pieces = [
            (words[first : first + LONGEST], start + first)
            for words, start in zip(sentences, accumulate(map(len, sentences), initial=0), strict=False)
            for first in range(0, len(words), LONGEST)
        ]
        pieces.sort(key=lambda piece: -len(piece[0]))
        batch: list[tuple[Words, int]] = []
        tokens = 0
        for piece in pieces:
            if batch and (tokens + len(piece[0]) > _BATCH_TOKENS or len(batch) == _BATCH_PIECES):
                yield self._read_batch(batch)
                batch, tokens = [], 0
            batch.append(piece)
            tokens += len(piece[0])
        if batch:
            yield self._read_batch(batch)

    def _read_batch(self, pieces: Sequence[tuple[Words, int]]) -> tuple[Ints, list[Floats]]:
        numbers: dict[str, int] = {}
        rows = np.array([numbers.setdefault(word, len(numbers)) for words, _ in pieces for word in words])
        words = self._inputs.of(list(numbers))  # (U, P)
        lengths = np.array([len(words) for words, _ in pieces])
        starts = np.array([start for _, start in pieces])
        inside = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        own = words[rows]
        return np.repeat(starts, lengths) + inside, [
            np.concatenate([own, own], axis=1),
            *self._read_layers(words, rows, lengths),
        ]

    def _read_layers(self, words: Floats, rows: Ints, lengths: Ints) -> Iterator[Floats]:
        """Yield the LSTM layers of tokens, (n, D) each.

        Args:
            words: (U, P) inputs of the distinct words.
            rows: (n,) which of them each token is.
            lengths: (R,) of the pieces.
        """
        # Each piece has one step more than tokens. Its boundary is read first in both directions: it stands before
        # the piece in one and behind it in the other.
        steps = PackedSteps.of(lengths + 1, 2)
        shift = np.arange(len(rows)) + np.repeat(np.arange(len(lengths)), lengths)
        places = steps.places[0][shift + 1], steps.places[1][shift]  # (n,) packed rows of the tokens
        read = np.full(steps.orders.shape, len(words))
        for direction in range(2):
            read[direction, places[direction]] = rows
        inputs = np.concatenate([words, self._boundary])[None]  # (1, U + 1, P): the same for both directions
        states: Floats | None = None
        for layer in self._layers:
            gates = inputs @ layer.inputs  # (2, ..., 4 H)
            gates += layer.bias
            of_direction = np.arange(2)[:, None] * gates.shape[1]
            source = gates.reshape(-1, gates.shape[2]), read + of_direction
            hidden = run_packed(layer.cells, [source], steps.counts)
            below, states = states, hidden @ layer.projection
            states += layer.projection_bias
            if below is not None:
                states += below
            yield np.concatenate([part[place] for part, place in zip(states, places, strict=True)], axis=1)
            inputs, read = states, np.broadcast_to(np.arange(states.shape[1]), read.shape)


def mix_shares(weights: Floats, scale: Floats) -> Floats:
    """Return (L,), the factor of each layer: `gamma * softmax(s)` (Peters et al. 2018, equation 1)."""
    shares = np.exp(weights - weights.max())
    found: Floats = (shares * (scale / shares.sum())).astype(np.float32)
    return found


def mix_layers(layers: Floats, weights: Floats, scale: Floats) -> Floats:
    """Map (N, L, D) layers to their mix (N, D).

    Args:
        layers: see `LanguageReader.layers`.
        weights: (L,), the mix's `mix.weights`.
        scale: its `mix.scale`.
    """
    found: Floats = np.einsum("nld,l->nd", layers, mix_shares(weights, scale))
    return found


def _select(weights: Weights, prefix: str) -> dict[str, Floats]:
    """Return the weights whose names begin so, without that beginning."""
    return {name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)}


def _linear(weights: Weights, name: str) -> tuple[Floats, Floats]:
    """Return the transposed weights of a linear map, (D, F), and its bias (F,)."""
    return np.ascontiguousarray(weights[f"{name}.weight"].T), weights[f"{name}.bias"]
