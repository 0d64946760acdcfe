"""The numbers that a server exports to Prometheus. No text is among them, nor anything that tells of one."""

from __future__ import annotations

import os
from collections import Counter as Counts
from collections.abc import Sequence
from functools import partial

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client import values as kept_values
from prometheus_client.multiprocess import MultiProcessCollector

from tagger.adapters.server.desk import Round
from tagger.adapters.server.jobs import Labelled
from tagger.adapters.server.shelf import ServedModel
from tagger.scoring.profile import LENGTH_EDGES
from tagger.version import __version__

CONTENT_TYPE = CONTENT_TYPE_LATEST
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"

disable_created_metrics()  # type: ignore[no-untyped-call]  # a time stamp beside each number, which nobody asks for

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SHARES = tuple(n / 20 for n in range(1, 21))
_USE = {  # fields of a `Profile`, counted where requests leave `min_confidence` to the model
    "tokens": "Tokens",
    "words": "Words that could be known",
    "unknown_words": "Words that training didn't have",
    "characters": "Characters that could be known",
    "unknown_characters": "Characters that training didn't have",
    "spans": "Spans found",
    "correct": "Spans found that are expected to be right: the sum of their probabilities",
    "expected_spans": "Spans that are expected to be there, found or not",
}
_REQUESTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def share_numbers(directory: str) -> None:
    """Keep the numbers of this process and of those forked from it in files, so that each tells of all.

    prometheus_client looks at its environment only when it is imported, and so has to be told.
    """
    os.environ[_DIRECTORY] = directory
    kept_values.ValueClass = kept_values.MultiProcessValue()  # type: ignore[no-untyped-call]


class Metrics:
    """Counts what happens in a process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        counter = partial(Counter, registry=self._registry)
        histogram = partial(Histogram, registry=self._registry)
        gauge = partial(Gauge, registry=self._registry)
        a_model = ["model"]

        told = "Requests answered"
        self._requests = counter("tagger_requests", told, ["method", "path", "status"])
        told = "From a request's first byte to its last answer"
        self._seconds = histogram("tagger_request_seconds", told, ["path"], buckets=_SECONDS)
        told = "Requests at work"
        self.at_work = gauge("tagger_requests_in_progress", told, multiprocess_mode="livesum")
        told = "Requests labelled together in a round"
        self._together = histogram("tagger_round_requests", told, a_model, buckets=_REQUESTS)
        self._labelling = counter("tagger_labelling_seconds", "Time spent labelling", a_model)
        self._sentences = counter("tagger_sentences", "Sentences labelled", a_model)
        self._tokens = counter("tagger_tokens", "Tokens labelled", a_model)
        self._spans = counter("tagger_spans", "Spans found, by type", [*a_model, "type"])
        told = "Probabilities of spans found"
        self._confidences = histogram("tagger_span_confidence", told, a_model, buckets=_SHARES)
        self._lengths = histogram(
            "tagger_sentence_tokens", "Tokens of sentences", a_model, buckets=LENGTH_EDGES
        )
        self._use = {name: counter(f"tagger_use_{name}", told, a_model) for name, told in _USE.items()}
        told = "The same of what the model was scored on, for comparison: `tagger drift`"
        labels = [*a_model, "part", "number"]
        self._reference = gauge("tagger_reference_use", told, labels, multiprocess_mode="livemax")
        self._reloads = counter("tagger_reloads", "Models read anew", ["outcome"])
        told = "1 for the models that are served, 0 for those they replaced"
        labels = [*a_model, "sha256", "version"]
        self._models = gauge("tagger_model_info", told, labels, multiprocess_mode="livemax")
        self._shown: list[tuple[str, str, str]] = []

    def observe_round(self, round: Round) -> None:
        """Count what a round of labelling did."""
        name, labelled = round.model.name, round.labelled
        self._together.labels(name).observe(round.jobs)
        self._labelling.labels(name).inc(round.seconds)
        self._sentences.labels(name).inc(len(labelled.sentences) + len(labelled.labellings))
        sizes = [len(each.tokens) for each in labelled.sentences] + [
            len(each.tags) for each in labelled.labellings
        ]
        self._tokens.labels(name).inc(sum(sizes))
        lengths = self._lengths.labels(name)
        for size in sizes:
            lengths.observe(size)
        found: list[tuple[str, float | None]] = [
            *((span.type, span.confidence) for each in labelled.sentences for span in each.spans),
            *((span.type, span.confidence) for each in labelled.labellings for span in each.spans),
        ]
        for kind, count in Counts(kind for kind, _ in found).items():
            self._spans.labels(name, kind).inc(count)
        confidences = self._confidences.labels(name)
        for _, confidence in found:
            if confidence is not None:
                confidences.observe(confidence)
        if round.question.min_confidence is None:  # as the model was scored
            self._observe_use(round.model, labelled)

    def _observe_use(self, model: ServedModel, labelled: Labelled) -> None:
        """Count what `tagger drift` compares: how much the model doesn't know, and what it expects to be right."""
        before = model.observer.profile
        model.observer.add(labelled.sentences)
        model.observer.add_tokens(labelled.tokens, labelled.labellings)
        after = model.observer.profile
        for name, counter in self._use.items():
            counter.labels(model.name).inc((getattr(after, name) or 0) - (getattr(before, name) or 0))

    def note_request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._requests.labels(method, path, status).inc()
        self._seconds.labels(path).observe(seconds)

    def note_reload(self, *, is_done: bool) -> None:
        """Count a reload, and whether it came to an end."""
        self._reloads.labels("done" if is_done else "failed").inc()

    def note_models(self, models: Sequence[ServedModel]) -> None:
        """Tell which models are served."""
        for labels in self._shown:
            self._models.labels(*labels).set(0)
        self._shown = [(model.name, model.sha256[:12], __version__) for model in models]
        for labels in self._shown:
            self._models.labels(*labels).set(1)
        for model in models:
            for part, profile in model.profiles.items():
                for name in _USE:
                    self._reference.labels(model.name, part, name).set(getattr(profile, name) or 0)

    def render(self) -> bytes:
        """Return all numbers, of all processes, in the text format of Prometheus."""
        if _DIRECTORY in os.environ:
            together = CollectorRegistry()
            MultiProcessCollector(together)  # type: ignore[no-untyped-call]
            return generate_latest(together)
        return generate_latest(self._registry)
