"""A network with all it takes to use it: its settings and its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tagger.config import Config
from tagger.model.labeler import SequenceLabeler
from tagger.runtime.lexicon import Lexicon
from tagger.text.schemes import OUTSIDE, Constraints, Scheme, allowed, split_tag, tags_of_types


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What a model directory holds.

    Attributes:
        config: settings with nothing left to guess: `corpus.scheme` and `corpus.mode` are those of the corpus.
        lexicon: the tables of words, characters and tags.
        labeler: the network, in the order of the lexicon's rows.
    """

    config: Config
    lexicon: Lexicon
    labeler: SequenceLabeler

    @property
    def scheme(self) -> Scheme:
        """The scheme of the training corpus, in which tags go out."""
        return Scheme(self.config.corpus.scheme)

    @property
    def types(self) -> list[str]:
        """The entity types (or bare labels) that the model knows, sorted."""
        inner = inner_scheme(self.scheme)
        return sorted({split_tag(tag, inner)[1] for tag in self.lexicon.tags if tag != OUTSIDE})


def inner_scheme(scheme: Scheme) -> Scheme:
    """Return the scheme in which a model works: BIOES says most about a span's edges; bare labels stay bare."""
    return Scheme.BARE if scheme is Scheme.BARE else Scheme.BIOES


def inner_tags(types: Iterable[str], scheme: Scheme, *, has_outside: bool = True) -> list[str]:
    """List the tags a decoder chooses from, given the types (or bare labels) of the training corpus.

    Args:
        types: without `O`.
        scheme: of the corpus.
        has_outside: whether some tokens of the corpus are `O`; bare labels seldom have it.
    """
    if inner_scheme(scheme) is Scheme.BARE:
        return [OUTSIDE] * has_outside + sorted(types)
    return tags_of_types(sorted(types), Scheme.BIOES)


def build(lexicon: Lexicon, config: Config) -> SequenceLabeler:
    """Build a network with fresh weights drawn by the configuration's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return draw(lexicon, config)


def draw(lexicon: Lexicon, config: Config) -> SequenceLabeler:
    """Build a network with fresh weights drawn by PyTorch's generator as it stands."""
    return SequenceLabeler(lexicon, config, _constraints(lexicon.tags, config))


def restore(lexicon: Lexicon, config: Config, weights: Mapping[str, Tensor]) -> SequenceLabeler:
    """Rebuild a network around its weights; sizes that don't fit them are found before memory is taken.

    Raises:
        ValueError: these are not the weights of such a network.
    """
    absent = {name: torch.zeros(()) for name in ("agreement", "min_confidence")}  # in earlier versions
    weights = absent | dict(weights)
    with torch.device("meta"), _Uninitialised():  # shapes alone
        outline = SequenceLabeler(lexicon, config, None).state_dict()
    wanted = {name: _form(value) for name, value in outline.items()}
    found = {name: _form(value) for name, value in weights.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise ValueError(f"{name} is {found.get(name, 'absent')}, expected {wanted.get(name, 'none')}")
    with torch.device("meta"), _Uninitialised():
        labeler = SequenceLabeler(lexicon, config, _constraints(lexicon.tags, config))
    labeler.load_state_dict(weights, assign=True)
    assert not any(tensor.is_meta for tensor in (*labeler.parameters(), *labeler.buffers()))
    return labeler


class _Uninitialised(TorchFunctionMode):
    """Leave weights as they are that would be drawn at random; without a device that imports a compiler, for 1 s."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _constraints(tags: Sequence[str], config: Config) -> Constraints:
    return allowed(tags, inner_scheme(Scheme(config.corpus.scheme)))
