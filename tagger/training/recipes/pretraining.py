"""Training on raw text, whatever learns from it: chunks of a stream, perplexity of what is held out, the directory.

`encoder` and `lm` say what learns.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tagger.config import PretrainConfig, RawTextSteps, TextEncoderConfig
from tagger.config import render as render_settings
from tagger.model.building import export_weights, load_weights
from tagger.model.threads import one_thread
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.text.counting import count_of
from tagger.text.objects import describe, dump_json
from tagger.text.output import write_atomically
from tagger.text.raw import Words
from tagger.training import curves
from tagger.training.history import Epochs
from tagger.training.recipe import Ended, Extent, Finished
from tagger.training.state import Run
from tagger.training.stream import Source, Survey
from tagger.training.workers.gradient import Loss
from tagger.version import __version__

SMALLER_NETWORK = "a smaller --hidden, fewer --layers, or a smaller --vocabulary"
Batch = Sequence[Any]  # what of a chunk makes a step; a part of it makes a smaller one


class Perplexities(NamedTuple):
    """Of held-out text, in each direction: e to the mean loss of a prediction; None where there is one direction."""

    forward: float
    backward: float | None

    @property
    def mean(self) -> float:
        """Return the geometric mean."""
        return self.forward if self.backward is None else math.prod((self.forward, self.backward)) ** 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedPretraining(Finished):
    """The result of a run: held-out perplexities of the best epoch's model, and the command that takes it."""

    forward: float
    backward: float | None
    use: str

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        perplexity = {"forward": self.forward, "backward": self.backward}
        return describe("pretraining", {"perplexity": perplexity} | Finished.as_dict(self))


class TextLearner(Protocol):
    """A network that learns from raw text; see `workers.gradient.Learner`."""

    @property
    def network(self) -> nn.Module:
        """What is trained."""

    def lay_out(self, chunk: Any, items: Batch) -> Any:
        """Return items of a chunk as tensors where the network is."""

    def compute_loss(self, laid_out: Any, generator: torch.Generator, terms: tuple[float, ...]) -> Loss:
        """Return the loss of what was laid out, summed over its predictions."""

    def compute_losses(self, network: Any, laid_out: Any, generator: torch.Generator | None) -> Tensor:
        """Return (D,): the summed negative log-likelihood (nats) of each direction; a generator turns dropout on."""


class TextTask(Protocol):
    """What learns from raw text, and the tables with which it reads.

    Attributes:
        title: what comes out, for a heading.
        predicted: what a prediction chooses among, in a sentence.
        use: the command that takes the directory.
        memory_advice: settings that take less memory.
    """

    title: str
    predicted: str
    use: str
    memory_advice: str

    @property
    def config(self) -> PretrainConfig | TextEncoderConfig:
        """All settings."""

    @property
    def directions(self) -> int:
        """D, 1 or 2: forward, and backward."""

    @property
    def settings(self) -> RawTextSteps:
        """The settings of the gradient steps."""

    @property
    def words(self) -> int:
        """Words that are known by name."""

    def knows(self, word: str) -> bool:
        """Tell whether a word is one of them."""

    def describe(self) -> str:
        """Say in words what the network is."""

    def build(self, device: torch.device) -> TextLearner:
        """Build the network with fresh weights, drawn by the seed."""

    def encode(self, sentences: Sequence[Words]) -> Any:
        """Look the words of a chunk's sentences up."""

    def batches(self, chunk: Any, generator: np.random.Generator | None) -> Sequence[Batch]:
        """Cut a chunk into batches, in an order drawn for training; without a generator always the same ones."""

    def count(self, chunk: Any, batch: Batch) -> tuple[int, int]:
        """Count a batch's tokens, and what is predicted in each direction."""

    def contents(self, network: nn.Module) -> dict[str, bytes]:
        """Return the files that belong with the weights: settings and tables."""

    def save(self, directory: Path, network: nn.Module) -> None:
        """Write what `train` uses."""

    def load(self, directory: Path) -> nn.Module:
        """Read the network back."""


class PretrainingRecipe:
    """A network that learns from raw text, and that text; see `training.recipe`.

    Args:
        task: what learns.
        source: the text.
        survey: what one pass over it found.
        device: where the network computes.
    """

    shares_batches = True

    def __init__(self, task: TextTask, source: Source, survey: Survey, device: torch.device) -> None:
        self.task = task
        self.source = source
        self.survey = survey
        self.memory_advice = task.memory_advice
        self.learner = task.build(device)
        self.tokens = survey.tokens
        self.shared: Sequence[Tensor] = ()

    @property
    def seed(self) -> int:
        return self.task.config.seed

    @property
    def settings(self) -> RawTextSteps:
        return self.task.settings

    @cached_property
    def unknown(self) -> float:
        """The share of the held-out tokens that are not known by name."""
        held_out = self.survey.held_out
        strange = sum(not self.task.knows(word) for words in held_out for word in words)
        return strange / sum(map(len, held_out))

    def settle_in(self, checkpoint: Path) -> None:
        """Do nothing: a text is read a chunk at a time."""

    def chunks(self, epoch: int, first: int) -> Iterator[Any]:
        for sentences in self.source.chunks(self.settings.chunk_sentences, first):
            yield self.task.encode(sentences)

    def batches(self, chunk: Any, epoch: int, number: int, workers: int) -> Sequence[Batch]:
        return self.task.batches(chunk, np.random.default_rng((self.seed, epoch, number)))

    def place(self, epoch: int, chunk: int, batch: int) -> tuple[int, ...]:
        return self.seed, epoch, chunk, batch

    def extent(self, chunk: Any, batch: Batch) -> Extent:
        tokens, predictions = self.task.count(chunk, batch)
        return Extent(tokens, self.task.directions * predictions, predictions)

    def progress(self, run: Run, batch: int, batches: int) -> float:
        return min(1.0, (run.epoch + run.tokens / self.tokens) / self.settings.epochs)

    def terms(self, run: Run, progress: float) -> tuple[float, ...]:
        return ()

    def measure(self, network: nn.Module) -> Perplexities:
        return self._measure(network, self._held_out)

    def value(self, dev: Perplexities) -> float:
        return -dev.mean

    def is_kept(self, dev: Perplexities, best: float) -> bool:
        return not self.value(dev) < best  # a first one that is no number is kept too

    def value_before(self, network: nn.Module) -> float:
        return -1.0

    def identity(self) -> Mapping[str, bytes]:
        belongings = self.task.contents(self.learner.network)
        return {
            "settings": belongings[files.CONFIG],
            "words of the text": belongings[files.VOCAB],
            "texts": self.survey.digest.encode(),
        }

    def describe_epoch(self, loss: float, dev: Perplexities) -> dict[str, Any]:
        return {"perplexity": perplexity_of(loss), "forward": dev.forward, "backward": dev.backward}

    def draw(self, epochs: Epochs) -> str:
        paths = self.source.paths
        more = f" and {count_of(len(paths) - 1, 'more file')}" if len(paths) > 1 else ""
        origin = curves.Origin(
            model=self.task.describe(),
            corpus=f"{paths[0]}{more}",
            settings=render_settings(self.task.config, comments=False),
        )
        return curves.of_pretraining(epochs, origin=origin)

    def save(self, directory: Path, network: nn.Module) -> None:
        self.task.save(directory, network)

    def begin_with(self, directory: Path) -> None:
        load_weights(self.learner.network, export_weights(self.task.load(directory)))

    def finish(self, ended: Ended) -> FinishedPretraining:
        """Measure the model that is kept, and write its perplexities and its card."""
        finished = self.review(ended)
        scores = describe("pretraining-scores", {"perplexity": finished.as_dict()["perplexity"]})
        content = dump_json(scores, indent=2).encode() + b"\n"
        write_atomically(ended.directory / files.SCORES, content)
        reports.write_card(ended.directory, self._describe(finished, ended.parameters))
        return finished

    def review(self, ended: Ended) -> FinishedPretraining:
        """Measure a model that was finished before."""
        found = self.measure(self.task.load(ended.directory).to(_device_of(self.learner.network)))
        return FinishedPretraining(
            forward=found.forward,
            backward=found.backward,
            epochs=ended.epochs,
            best_epoch=ended.best_epoch,
            seconds=time.perf_counter() - ended.began,
            tokens_per_second=ended.tokens_per_second,
            directory=ended.directory,
            use=self.task.use,
        )

    def measure_some(self, network: nn.Module, tokens: int) -> int:
        sentences: list[Words] = []
        for words in self.survey.held_out:
            if sum(map(len, sentences)) >= tokens:
                break
            sentences.append(words)
        self._measure(network, self.task.encode(sentences))
        return sum(map(len, sentences))

    @property
    def measured_tokens(self) -> tuple[int, int]:
        held_out = sum(map(len, self.survey.held_out))
        return held_out, held_out

    def _describe(self, finished: FinishedPretraining, parameters: int) -> str:
        """Return the card as Markdown."""
        task, found = self.task, self.survey
        backward = "" if finished.backward is None else f", {finished.backward:.1f} backward"
        lines = [
            f"# {task.title}, made with tagger",
            "",
            f"{task.describe()}; {parameters:,} parameters, {task.words:,} words known by name.",
            "",
            f"Learnt from {count_of(found.sentences, 'sentence')}, {count_of(found.tokens, 'token')}, "
            f"in {finished.seconds:.0f} s. Best of {count_of(finished.epochs, 'epoch')}: {finished.best_epoch}. "
            f"Seed {self.seed}.",
            "",
            f"Perplexity of {len(found.held_out):,} held-out sentences: {finished.forward:.1f} forward{backward}; "
            f"{100 * self.unknown:.1f} % of their tokens are none of these words. {task.predicted}",
            "",
            f"Use it: `{task.use} DIRECTORY --output MODEL`.",
            "",
            f"tagger {__version__}, torch {torch.__version__}.",
        ]
        return "\n".join(lines) + "\n"

    @cached_property
    def _held_out(self) -> Any:
        return self.task.encode(self.survey.held_out)

    @one_thread()
    def _measure(self, network: nn.Module, chunk: Any) -> Perplexities:
        nats = torch.zeros(self.task.directions, dtype=torch.float64)
        predictions = 0
        with torch.inference_mode():
            for batch in self.task.batches(chunk, None):
                laid_out = self.learner.lay_out(chunk, batch)
                nats += self.learner.compute_losses(network, laid_out, None).double().cpu()
                predictions += self.task.count(chunk, batch)[1]
        forward, *others = (perplexity_of(each / max(1, predictions)) for each in nats.tolist())
        return Perplexities(forward, others[0] if others else None)


def perplexity_of(nats: float) -> float:
    """Return the perplexity of predictions that cost so many nats each; it never overflows."""
    return math.exp(min(nats, 700.0))


def _device_of(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
