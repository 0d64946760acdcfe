"""A trained labeller: its settings, its tables and its weights, as arrays.

`runtime.network` computes with them what the network of `model.labeler` computes; the weights bear the same names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagger.config import Config, EncoderConfig
from tagger.errors import ConfigError
from tagger.runtime import language
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.recurrence import GATES
from tagger.text.schemes import OUTSIDE, Constraints, Scheme, Task, allowed, split_tag, tags_of_types

Array = NDArray[Any]
Shapes = dict[str, tuple[int, ...]]

FITTED = ("temperature", "agreement", "min_confidence")  # numbers among the weights that no gradient moves


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What the directory of a labeller holds.

    Attributes:
        config: settings with nothing left to guess: `corpus.scheme` and `corpus.mode` are those of the corpus.
        lexicon: the tables of words, characters and tags.
        weights: by name, as `weight_shapes` lists them.
    """

    config: Config
    lexicon: Lexicon
    weights: Mapping[str, Array]

    @property
    def scheme(self) -> Scheme:
        """The scheme of the training corpus, in which tags go out."""
        return Scheme(self.config.corpus.scheme)

    @property
    def types(self) -> list[str]:
        """The entity types (or bare labels) that the model knows, sorted."""
        inner = inner_scheme(self.scheme)
        return sorted({split_tag(tag, inner)[1] for tag in self.lexicon.tags if tag != OUTSIDE})

    @property
    def task(self) -> Task:
        """What its tags are about: a model without `O` makes words of all that it reads."""
        if OUTSIDE in self.lexicon.tags or not self.scheme.has_prefixes:
            return Task.LABELS
        return Task.JOINT if any(self.types) else Task.WORDS

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return sum(value.size for name, value in self.weights.items() if name not in FITTED)

    @property
    def constraints(self) -> Constraints:
        """Which starts, steps and ends of the model's tags its scheme allows."""
        return inner_constraints(self.lexicon.tags, self.scheme)

    @property
    def temperature(self) -> float:
        """What scores are divided by before they become confidences."""
        return float(self.weights["temperature"])

    @property
    def agreement(self) -> float:
        """How much the repeats of a word weigh; see `runtime.agreement`."""
        return float(self.weights["agreement"])

    @property
    def min_confidence(self) -> float:
        """How probable a name must be; see `runtime.decode`."""
        return float(self.weights["min_confidence"])

    def with_fitted(self, **numbers: float) -> TrainedModel:
        """Return the model with other fitted numbers: `temperature`, `agreement`, `min_confidence`."""
        assert numbers.keys() <= set(FITTED)
        changed = {name: np.array(value, dtype=np.float32) for name, value in numbers.items()}
        return replace(self, weights={**self.weights, **changed})


def inner_scheme(scheme: Scheme) -> Scheme:
    """Return the scheme in which a model works: BIOES says most about a span's edges; bare labels stay bare."""
    return Scheme.BARE if scheme is Scheme.BARE else Scheme.BIOES


def inner_constraints(tags: Sequence[str], scheme: Scheme) -> Constraints:
    """Return which starts, steps and ends of inner tags are legal.

    Args:
        tags: of the inner scheme.
        scheme: of the corpus; IO can't spell two spans of one type that touch, so that a model of it finds none.
    """
    return allowed(tags, inner_scheme(scheme), has_touching=scheme is not Scheme.IO)


def inner_tags(types: Iterable[str], scheme: Scheme, *, has_outside: bool = True) -> list[str]:
    """List the tags a decoder chooses from, given the types (or bare labels) of the training corpus.

    Args:
        types: without `O`.
        scheme: of the corpus.
        has_outside: whether a token may be `O`; not where tags cut a text into words, and seldom among bare labels.
    """
    if inner_scheme(scheme) is Scheme.BARE:
        return [OUTSIDE] * has_outside + sorted(types)
    tags = tags_of_types(sorted(types), Scheme.BIOES)
    return tags if has_outside else [tag for tag in tags if tag != OUTSIDE]


def check_speller(lexicon: Lexicon, config: Config) -> None:
    """Raise ConfigError where settings and tables don't agree on whether the model holds a language model."""
    if config.lm.used != (lexicon.speller is not None):
        raise ConfigError("is set by --lm DIR, which also brings the language model's tables", "lm.used")


def weight_shapes(lexicon: Lexicon, config: Config) -> Shapes:
    """Return the name and shape of every weight that a labeller of these settings has.

    Raises:
        ConfigError: the settings contradict the tables, or no feature is on.
    """
    check_speller(lexicon, config)
    shapes = lexicon.weight_shapes()
    size = lexicon.input_size
    if lexicon.speller is not None:
        sizes = config.language_model
        words, symbols = len(lexicon.speller.words), len(lexicon.speller.symbols)
        shapes |= {
            f"embedding.contextual.{name}": shape
            for name, shape in language.weight_shapes(words, symbols, sizes).items()
        }
        size += 2 * sizes.projection
    if size == 0:
        raise ConfigError("every feature is switched off; give at least one a size above 0", "embedding")
    shapes |= _encoder_shapes(size, config.encoder)
    tags = len(lexicon.tags)
    shapes |= {
        "emission.weight": (tags, config.encoder.directions * config.encoder.hidden),
        "emission.bias": (tags,),
    }
    if config.decoder.kind == "crf":
        shapes |= {
            "decoder.start_transitions": (tags,),
            "decoder.transitions": (tags, tags),
            "decoder.end_transitions": (tags,),
        }
    return shapes | dict.fromkeys(FITTED, ())


def _encoder_shapes(size: int, encoder: EncoderConfig) -> Shapes:
    shapes: Shapes = {}
    order, _ = GATES[encoder.kind]
    rows = len(order) * encoder.hidden
    for layer in range(encoder.layers):
        for direction in range(encoder.directions):
            cell = f"encoder.layers.{layer}.{direction}"
            shapes[f"{cell}.weight_ih_l0"] = (rows, size)
            shapes[f"{cell}.weight_hh_l0"] = (rows, encoder.hidden)
            shapes[f"{cell}.bias_ih_l0"] = shapes[f"{cell}.bias_hh_l0"] = (rows,)
        size = encoder.directions * encoder.hidden
    return shapes
