"""A model and labelled sentences -> predicted tags, confidences and scores. It reads no files and prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tagger.model.batch import Batch, EncodedCorpus, collate, encode, group, sorted_batches
from tagger.model.contextual import remember
from tagger.model.threads import one_thread
from tagger.model.trained import TrainedModel, inner_scheme
from tagger.text import metrics, schemes
from tagger.text.conll import Corpus, Sentence
from tagger.text.metrics import Scores

BATCH_TOKENS = (
    4096  # padded tokens a batch: large enough for full matrix products, small enough for the cache
)
FITTING_TOKENS = 20_000  # dev tokens that a temperature is fitted on: it is one number


class Predictions(NamedTuple):
    """What a model says of sentences, in their order.

    Attributes:
        tags: the best tags in the model's own scheme.
        confidences: for each span of those tags, the posterior probability of exactly that span.
    """

    tags: list[list[str]]
    confidences: list[list[float]]


def encode_corpus(sentences: Sequence[Sentence], model: TrainedModel) -> EncodedCorpus:
    """Look up the words of sentences, without their tags."""
    return encode(sentences, model.lexicon, None)


def keep_layers(model: TrainedModel, corpus: EncodedCorpus) -> EncodedCorpus:
    """Run a frozen language model over a corpus once, so that it needn't run again; without one do nothing."""
    contextual, settings = model.labeler.embedding.contextual, model.config.lm
    if contextual is None or settings.finetune or not settings.cache_megabytes:
        return corpus
    return remember(contextual, corpus, settings.cache_megabytes)


@one_thread()
def tag(model: TrainedModel, corpus: EncodedCorpus) -> list[list[str]]:
    """Return the best tags of every sentence in the model's own scheme, in the order of the corpus."""
    inner, outer = inner_scheme(model.scheme), model.scheme
    found: list[list[str]] = [[] for _ in corpus.examples]
    for batch, emissions in _score_tokens(model, corpus):
        best = model.labeler.decoder.viterbi(emissions, batch.lengths)
        for number, tags in zip(batch.sentences, _names(model, batch, best), strict=True):
            found[number] = schemes.convert(tags, inner, outer)
    return found


@one_thread()
def predict(model: TrainedModel, corpus: EncodedCorpus) -> Predictions:
    """Return the best tags of every sentence and the confidence of each of their spans."""
    scored = list(_score_tokens(model, corpus))
    return _read(model, scored, len(corpus.examples), float(model.labeler.temperature))


def score(model: TrainedModel, corpus: Corpus, encoded: EncodedCorpus | None = None) -> Scores:
    """Score a model on a labelled corpus; types that the model doesn't know count as missed."""
    gold = [sentence.tags for sentence in corpus.sentences]
    predicted = tag(model, encoded if encoded is not None else encode_corpus(corpus.sentences, model))
    return metrics.score(gold, predicted, corpus.scheme, model.scheme)


@one_thread()
def fit_temperature(model: TrainedModel, corpus: Corpus) -> float:
    """Return the temperature whose confidences are calibrated best on a corpus; 1 if none beats it.

    Scores are divided by the temperature before they become probabilities (Guo et al. 2017, section 4.2); the best
    tags stay the best. What is minimised is the expected calibration error of spans in ten bins.
    """
    sentences: list[Sentence] = []
    for sentence in corpus.sentences:
        if sum(map(len, sentences)) > FITTING_TOKENS:
            break
        sentences.append(sentence)
    scored = list(_score_tokens(model, encode_corpus(sentences, model)))
    gold = [set(schemes.tags_to_spans(sentence.tags, corpus.scheme)) for sentence in sentences]

    def error(temperature: float) -> float:
        found = _read(model, scored, len(sentences), temperature)
        spans = [schemes.tags_to_spans(tags, model.scheme) for tags in found.tags]
        confidences = [value for values in found.confidences for value in values]
        right = [span in known for row, known in zip(spans, gold, strict=True) for span in row]
        return metrics.calibrate(confidences, right).expected_error if right else 0.0

    return min((1.0, 0.8, 0.9, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5), key=error)


def _score_tokens(model: TrainedModel, corpus: EncodedCorpus) -> Iterator[tuple[Batch, Tensor]]:
    """Yield batches with their emission scores (S, B, K); dropout is off."""
    encoder = model.config.encoder
    groups = group(corpus.examples, encoder.context, encoder.max_tokens)
    with torch.inference_mode():
        for part in sorted_batches(groups, BATCH_TOKENS):
            batch = collate(corpus, part, encoder.max_tokens).to(model.labeler.device)
            yield batch, model.labeler(batch)


def _read(
    model: TrainedModel, scored: Sequence[tuple[Batch, Tensor]], size: int, temperature: float
) -> Predictions:
    inner, outer = inner_scheme(model.scheme), model.scheme
    tags: list[list[str]] = [[] for _ in range(size)]
    confidences: list[list[float]] = [[] for _ in range(size)]
    for batch, emissions in scored:
        best = model.labeler.decoder.viterbi(emissions, batch.lengths)
        names = _names(model, batch, best)
        spans = [
            (row, span) for row, found in enumerate(names) for span in schemes.tags_to_spans(found, inner)
        ]
        for number, found in zip(batch.sentences, names, strict=True):
            tags[number] = schemes.convert(found, inner, outer)
        if spans:
            posterior = model.labeler.decoder.posterior(emissions, batch.lengths, temperature=temperature)
            rows, starts, ends = torch.tensor([(row, span.start, span.end) for row, span in spans]).T.to(
                best.device
            )
            for (row, _), value in zip(
                spans, posterior.spans(best, rows, starts, ends).tolist(), strict=True
            ):
                confidences[batch.sentences[row]].append(value)
    return Predictions(tags, confidences)


def _names(model: TrainedModel, batch: Batch, best: Tensor) -> list[list[str]]:
    name = model.lexicon.tags.__getitem__
    rows = zip(best.T.tolist(), batch.lengths.tolist(), strict=True)
    return [list(map(name, row[:length])) for row, length in rows]
