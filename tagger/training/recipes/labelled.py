"""Training of a labeller on corpora: its batches, its loss, its dev scores, and what becomes of the best epoch."""

from __future__ import annotations

import shutil
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tagger.config import Config, TrainingConfig
from tagger.config import render as render_settings
from tagger.model.batch import Batch, Batches, EncodedCorpus, collate, group, shuffled_batches
from tagger.model.building import export_weights, inherit, load_weights, restore_labeler
from tagger.model.contextual import remember
from tagger.model.crf import CRF
from tagger.model.device import find_device
from tagger.model.labeler import SequenceLabeler
from tagger.model.memory import check_size, memory_watched
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.runtime.evaluation import bound_headline, compare_tags, label_sentences
from tagger.runtime.kinds import TextCounts
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.profiling import profile_corpus
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel, weight_shapes
from tagger.runtime.windows import Group
from tagger.scoring import Interval, Scores
from tagger.scoring.profile import Profile
from tagger.text.conll import Corpus
from tagger.text.counting import shape_of
from tagger.text.objects import describe, dump_json
from tagger.text.output import write_atomically
from tagger.text.schemes import Scheme
from tagger.training import card, curves, objective
from tagger.training.calibration import DevScorer
from tagger.training.data import Corpora, build_lexicon, count_tokens, encode_training, mean_span_length
from tagger.training.encoded import is_large, keep_encoded, make_scratch
from tagger.training.history import Epochs
from tagger.training.margin import recall_cost
from tagger.training.objective import LabellingObjective
from tagger.training.pretrained import restore_text_encoder
from tagger.training.recipe import Ended, Extent, Finished
from tagger.training.state import Run
from tagger.training.workers.gradient import Loss

_SMALLER = "a smaller --hidden, fewer --layers, or smaller sizes of [embedding] with --set"
LEAST_STEPS = 400  # that an epoch keeps where steps take more short sentences: fewer steps learn less
FINAL_READINGS = 2  # of dev, after the last epoch: to calibrate confidences, and to score


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model is worth on a corpus.

    Attributes:
        scores: of its labels.
        interval: the bounds between which the headline lies with 95 % confidence, as fractions.
        seconds: that labelling took.
        profile: what the model met and said there.
    """

    scores: Scores
    interval: Interval
    seconds: float
    profile: Profile

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        speed = self.scores.tokens / max(self.seconds, 1e-9)
        found = self.scores.as_dict() | {"interval": list(self.interval)}
        return found | {"seconds": self.seconds, "tokens_per_second": speed}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedLabeller(Finished):
    """The result of a run: what the kept epoch's model is worth.

    Attributes:
        min_confidence: how probable a name of the model must be, see `runtime.decode`; 0: no matter.
    """

    dev: Scored
    test: Scored | None
    min_confidence: float

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        scores = {"dev": self.dev.as_dict(), "test": None if self.test is None else self.test.as_dict()}
        return scores | Finished.as_dict(self) | {"min_confidence": self.min_confidence}


@dataclass(frozen=True, slots=True)
class LabelledLearner:
    """A labeller with its objective, learning from sentences whose windows hold at most `max_tokens`."""

    network: LabellingObjective
    max_tokens: int

    def lay_out(self, chunk: EncodedCorpus, items: Sequence[Group]) -> Batch:
        """Return groups of the corpus as a batch."""
        return collate(chunk, items, self.max_tokens).to(self.network.labeler.device)

    def compute_loss(self, laid_out: Batch, generator: torch.Generator, terms: tuple[float, ...]) -> Loss:
        """Return the loss of a batch; the terms are the progress of the training and what missing a name costs."""
        progress, cost = terms
        loss: Loss = self.network(laid_out, generator, progress, cost)
        return loss


class LabelledRecipe:
    """A labeller with all that it begins with, and its corpora; see `training.recipe`.

    Args:
        data: the corpora and settings, and what the labeller begins with.
        raw: what is counted of unlabelled text that is learnt from too.

    Raises:
        ConfigError: there is no such device, or every feature is off.
    """

    shares_batches = False
    memory_advice = "a smaller --batch-sentences, a smaller --set encoder.max_tokens"

    def __init__(self, data: Corpora, raw: TextCounts | None = None) -> None:
        self.data = data
        self.lexicon: Lexicon = build_lexicon(data, raw)
        self.learner = LabelledLearner(_build(data, self.lexicon), data.config.encoder.max_tokens)
        self.tokens = count_tokens(data.train)
        self._checkpoint: Path | None = None

    @property
    def config(self) -> Config:
        """All settings."""
        return self.data.config

    @property
    def seed(self) -> int:
        return self.config.seed

    @cached_property
    def settings(self) -> TrainingConfig:
        """The settings of the gradient steps; patience is for a dev that can get better."""
        asked = self.config.training
        return asked if self.data.dev_has_spans else asked.model_copy(update={"patience": None})

    @property
    def batch_sentences(self) -> int:
        """Sentences of a step: more than were asked for where they are short and many."""
        asked = self.settings
        tokens = min(asked.batch_tokens, self.tokens // LEAST_STEPS)
        return max(asked.batch_sentences, tokens * len(self.data.train.sentences) // self.tokens)

    @cached_property
    def corpus(self) -> EncodedCorpus:
        """The training sentences, with the layers of a frozen language model where there is one."""
        encoded = self._encode()
        contextual, settings = self.learner.network.labeler.embedding.contextual, self.config.lm
        if contextual is None or settings.finetune or not settings.cache_megabytes:
            return encoded
        return remember(contextual, encoded, settings.cache_megabytes)

    def _encode(self) -> EncodedCorpus:
        if not is_large(self.data):
            return encode_training(self.data, self.lexicon)
        if self._checkpoint is None:  # a rehearsal, which leaves nothing behind
            self._checkpoint = make_scratch(self.data.room)
            weakref.finalize(self, shutil.rmtree, self._checkpoint, ignore_errors=True)
        return keep_encoded(self.data, self.lexicon, self._checkpoint, self.identity().values())

    def settle_in(self, checkpoint: Path) -> None:
        self._checkpoint = checkpoint

    @property
    def shared(self) -> Sequence[Tensor]:
        return () if self.corpus.kept is None else (self.corpus.kept.layers,)

    def chunks(self, epoch: int, first: int) -> Iterator[EncodedCorpus]:
        if first == 0:
            yield self.corpus

    def batches(self, chunk: EncodedCorpus, epoch: int, number: int, workers: int) -> Batches:
        """Return the batches of an epoch, which depend on the corpus, (seed, epoch) and the workers alone.

        The batches of a round, as many as there are workers, have nearly as many tokens each: no worker waits long
        for another. A round stands where the first of them was drawn.
        """
        config = self.config
        generator = np.random.default_rng((config.seed, epoch))
        groups = group(chunk, config.encoder.context, config.encoder.max_tokens, generator)
        batches = shuffled_batches(groups, self.batch_sentences, generator)
        whole = len(batches) - len(batches) % workers  # what is left over is the last round
        rounds = np.argsort(batches.tokens[:whole], kind="stable").reshape(-1, workers)
        rounds.sort(axis=1)
        rounds = rounds[np.argsort(rounds[:, 0])]
        return batches.rearranged(np.concatenate((rounds.ravel(), np.arange(whole, len(batches)))))

    def place(self, epoch: int, chunk: int, batch: int) -> tuple[int, ...]:
        return self.seed, epoch, batch

    def extent(self, chunk: EncodedCorpus, batch: Sequence[Group]) -> Extent:
        tokens = _sum_tokens(batch)
        return Extent(tokens, tokens, sum(item.stop - item.start for item in batch))

    def progress(self, run: Run, batch: int, batches: int) -> float:
        return (run.epoch + batch / batches) / self.settings.epochs

    def terms(self, run: Run, progress: float) -> tuple[float, ...]:
        asked = self.settings.recall_cost
        if self.data.train.task.cuts_words:
            return progress, 0.0  # no word is missed without another one in its place
        if asked != "auto":
            return progress, asked
        return progress, recall_cost(run.known) if self.data.dev_has_spans else 0.0

    def measure(self, network: nn.Module) -> Scores:
        decoder = self.learner.network.labeler.decoder
        if isinstance(decoder, CRF):
            decoder.raise_faults()  # of the last batch; those before were told by the batch behind them
        strength, scores = self._dev.fit_agreement(export_weights(_labeler_of(network)))
        _labeler_of(network).agreement.fill_(strength)
        return scores

    def value(self, dev: Scores) -> float:
        return dev.micro.f1

    def is_kept(self, dev: Scores, best: float) -> bool:
        return dev.micro.ties(best)

    def value_before(self, network: nn.Module) -> float:
        return -1.0 if self.data.base is None else self.value(self.measure(network))

    def identity(self) -> Mapping[str, bytes]:
        return self._identity

    @cached_property
    def _identity(self) -> Mapping[str, bytes]:
        belongings = files.render_belongings(self.config, self.lexicon)
        return {
            "settings": belongings[files.CONFIG],
            "training sentences": belongings[files.VOCAB],
            "corpora": self.data.fingerprint(),
        }

    def describe_epoch(self, loss: float, dev: Scores) -> dict[str, Any]:
        return {"loss": loss, "dev": dev.as_dict()}

    def draw(self, epochs: Epochs) -> str:
        config, encoder = self.config, self.config.encoder
        origin = curves.Origin(
            model=f"{encoder.kind.upper()} of {shape_of(encoder.layers, encoder.directions, encoder.hidden)}, "
            f"{config.decoder.kind.upper()}",
            corpus=self.data.train.path,
            dev=self.data.dev.path,
            settings=render_settings(config, comments=False),
        )
        return curves.of_tagger(epochs, has_spans=self.data.train.scheme is not Scheme.BARE, origin=origin)

    def save(self, directory: Path, network: nn.Module) -> None:
        files.save_model(directory, self.model_of(network))

    def begin_with(self, directory: Path) -> None:
        labeler = self.learner.network.labeler
        load_weights(labeler, files.load_model(directory).weights)
        labeler.temperature.fill_(
            1.0
        )  # these are fitted anew at the end, and epochs are measured without them
        labeler.min_confidence.fill_(0.0)

    def finish(self, ended: Ended) -> FinishedLabeller:
        """Calibrate the model that is kept, score it, and write its scores and its card."""
        finished = self._score(ended, self._fit_confidences(ended.directory))
        _write_reports(self.data, finished, ended.learning_seconds, files.load_model(ended.directory))
        return finished

    def review(self, ended: Ended) -> FinishedLabeller:
        """Score a model that was finished before."""
        return self._score(ended, files.load_model(ended.directory))

    def _score(self, ended: Ended, model: TrainedModel) -> FinishedLabeller:
        dev, test = score_model(self.data, model)
        return FinishedLabeller(
            dev=dev,
            test=test,
            epochs=ended.epochs,
            best_epoch=ended.best_epoch,
            seconds=time.perf_counter() - ended.began,
            tokens_per_second=ended.tokens_per_second,
            min_confidence=model.min_confidence,
            directory=ended.directory,
        )

    def measure_some(self, network: nn.Module, tokens: int) -> int:
        sentences = self.data.dev.sentences
        ends = accumulate(map(len, sentences))
        some = replace(self.data.dev, sentences=sentences[: len(list(takewhile(tokens.__gt__, ends))) + 1])
        DevScorer(some, self.config, self.lexicon).fit_agreement(export_weights(_labeler_of(network)))
        return count_tokens(some)

    @property
    def measured_tokens(self) -> tuple[int, int]:
        dev = count_tokens(self.data.dev)
        test = 0 if self.data.test is None else count_tokens(self.data.test)
        return dev, FINAL_READINGS * dev + test

    def model_of(self, network: nn.Module) -> TrainedModel:
        """Return the labeller of an objective with its settings and tables."""
        return TrainedModel(self.config, self.lexicon, export_weights(_labeler_of(network)))

    @cached_property
    def _dev(self) -> DevScorer:
        return DevScorer(self.data.dev, self.config, self.lexicon)

    def _fit_confidences(self, directory: Path) -> TrainedModel:
        """Calibrate the best model's confidences, and choose how low that of a name may be."""
        best = files.load_model(directory)
        best = best.with_fitted(temperature=self._dev.fit_temperature(best.weights))
        best = best.with_fitted(min_confidence=self._dev.fit_min_confidence(best.weights))
        files.save_model(directory, best)
        return best


def prepare(data: Corpora) -> LabelledRecipe:
    """Build the labeller of a run, with all that it begins with, before its first step.

    Args:
        data: of `data.read_corpora` or `data.prepare_corpora`, or of `start.collect` where it begins with something.

    Raises:
        ConfigError: there is no such device, or every feature is off.
        MemoryExhaustedError: there is too little memory.
    """
    with memory_watched(_SMALLER):
        return LabelledRecipe(data)


def score_model(data: Corpora, model: TrainedModel) -> tuple[Scored, Scored | None]:
    """Score a model on dev and on test, where there is one."""
    words = data.training_words
    return _score(data.dev, model, words), None if data.test is None else _score(data.test, model, words)


def _build(data: Corpora, lexicon: Lexicon) -> LabellingObjective:
    device = find_device(data.config.training.device)
    if device.type == "cpu":
        check_size(weight_shapes(lexicon, data.config).values(), _SMALLER)
    network = objective.build(
        lexicon,
        data.config,
        is_spelled=data.encoder is None,  # what learnt from text has a table of words, which goes on learning
        span_length=mean_span_length(data.train),
    ).to(device)
    embedding = network.labeler.embedding
    is_frozen = data.config.embedding.vectors_frozen
    if data.language is not None and embedding.contextual is not None:
        load_weights(embedding.contextual.encoder, data.language.weights, "encoder.")
    if data.base is not None:
        inherit(network.labeler, restore_labeler(data.base))
        if is_frozen:
            embedding.freeze_words()
    if data.encoder is not None:
        network.begin_with(restore_text_encoder(data.encoder))
    if data.vectors is not None:
        embedding.place_vectors(lexicon.words.rows(data.vectors.words), data.vectors.rows, frozen=is_frozen)
    return network


def _sum_tokens(groups: Sequence[Group]) -> int:
    return sum(item.tokens for item in groups)


def _labeler_of(network: nn.Module) -> SequenceLabeler:
    assert isinstance(network, LabellingObjective)
    return network.labeler


def _score(corpus: Corpus, model: TrainedModel, training: AbstractSet[str] | None) -> Scored:
    began = time.perf_counter()
    found = label_sentences(Tagger(model), corpus.sentences, expected_spans=True)
    tags = [each.tags for each in found]
    scores = compare_tags(corpus, tags, model.scheme, training)
    seconds = time.perf_counter() - began
    interval = bound_headline(corpus, tags, model.scheme)
    return Scored(scores, interval, seconds, profile_corpus(model, corpus.sentences, found))


def _write_reports(data: Corpora, finished: FinishedLabeller, seconds: float, model: TrainedModel) -> None:
    parts = {"dev": finished.dev} if finished.test is None else {"dev": finished.dev, "test": finished.test}
    directory = finished.directory
    found = {part: each.scores.as_dict() | {"interval": list(each.interval)} for part, each in parts.items()}
    content = dump_json(describe("scores", found), indent=2)
    write_atomically(directory / files.SCORES, content.encode() + b"\n")
    reports.write_words(directory, data.training_words)
    reports.write_profiles(directory, {part: each.profile for part, each in parts.items()})
    measured = {part: (each.scores, each.interval) for part, each in parts.items()}
    text = card.describe_labeller(
        data, measured, finished.best_epoch, finished.epochs, seconds, Tagger(model)
    )
    reports.write_card(directory, text)
