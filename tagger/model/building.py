"""Networks built anew, around the weights of a trained labeller, or grown from one; their weights as arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.overrides import TorchFunctionMode

from tagger.config import Config
from tagger.model.labeler import SequenceLabeler
from tagger.model.tables import place
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.trained import TrainedModel, inner_constraints
from tagger.text.schemes import Scheme


def build_labeler(lexicon: Lexicon, config: Config) -> SequenceLabeler:
    """Build a network with weights as PyTorch's generator draws them; the caller seeds it."""
    return SequenceLabeler(lexicon, config, inner_constraints(lexicon.tags, Scheme(config.corpus.scheme)))


def restore_labeler(model: TrainedModel) -> SequenceLabeler:
    """Rebuild the network of a trained labeller, whose weights are checked already; it learns no more."""
    with torch.device("meta"), _Uninitialised():
        labeler = SequenceLabeler(model.lexicon, model.config, model.constraints)
    labeler.load_state_dict(
        {name: torch.from_numpy(np.array(each)) for name, each in model.weights.items()}, assign=True
    )
    assert not any(tensor.is_meta for tensor in (*labeler.parameters(), *labeler.buffers()))
    return labeler.requires_grad_(False).eval()


def export_weights(network: nn.Module) -> dict[str, NDArray[Any]]:
    """Return the state of a network as arrays; on a CPU they share its memory."""
    return {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}


def load_weights(network: nn.Module, weights: Mapping[str, NDArray[Any]], prefix: str = "") -> None:
    """Give a network the weights whose names begin with a prefix, under the rest of their names."""
    found = {name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)}
    network.load_state_dict({name: torch.from_numpy(np.array(each)) for name, each in found.items()})


def inherit(labeler: SequenceLabeler, old: SequenceLabeler) -> None:
    """Copy the weights of `old` into `labeler`, whose settings are the same but which has more rows and tags.

    Old rows come first, each at its old place.
    Every token of any text is encoded as before, see `TokenEmbedding.begin_with`. Scores of new tags stay as
    they were drawn.
    """
    labeler.embedding.begin_with(old.embedding)
    labeler.encoder.load_state_dict(old.encoder.state_dict())
    with torch.no_grad():
        for mine, theirs in ((labeler.emission, old.emission), (labeler.decoder, old.decoder)):
            own = mine.state_dict()
            for name, value in theirs.state_dict().items():
                place(own[name], value, fill=False)
        for fitted in ("temperature", "agreement", "min_confidence"):
            getattr(labeler, fitted).copy_(getattr(old, fitted))


class _Uninitialised(TorchFunctionMode):
    """Leave weights as they are that would be drawn at random; without a device that imports a compiler, for 1 s."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else named["tensor"]
        return func(*args, **named)
