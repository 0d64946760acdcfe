"""A model and labelled sentences -> predicted tags, confidences and scores. It reads no files and prints nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagger.model.agreement import STRENGTHS, Agreement
from tagger.model.batch import EncodedCorpus, Group, encode, group
from tagger.model.chains import Ints, batch_chains
from tagger.model.contextual import remember
from tagger.model.emissions import score_tokens
from tagger.model.threads import one_thread
from tagger.model.trained import TrainedModel, inner_scheme
from tagger.text import metrics, schemes
from tagger.text.conll import Corpus, Sentence
from tagger.text.metrics import Scores
from tagger.text.repetition import find_repeats, number_scopes, scope_size

BATCH_TOKENS = (
    4096  # padded tokens a batch: large enough for full matrix products, small enough for the cache
)
SECTION_TOKENS = 200_000  # whose scores are held at once
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
    size = scope_size(model.config.encoder.context)
    scopes = number_scopes((sentence.document for sentence in sentences), size)
    encoded = encode(sentences, model.lexicon, None, scopes)
    if not Agreement.is_possible(model):
        return encoded
    return replace(encoded, repeats=find_repeats((sentence.tokens for sentence in sentences), scopes))


def keep_layers(model: TrainedModel, corpus: EncodedCorpus) -> EncodedCorpus:
    """Run a frozen language model over a corpus once, so that it needn't run again; without one do nothing."""
    contextual, settings = model.labeler.embedding.contextual, model.config.lm
    if contextual is None or settings.finetune or not settings.cache_megabytes:
        return corpus
    return remember(contextual, corpus, settings.cache_megabytes)


@one_thread()
def tag(model: TrainedModel, corpus: EncodedCorpus) -> list[list[str]]:
    """Return the best tags of every sentence in the model's own scheme, in the order of the corpus."""
    sections = _agreed(model, _sections(model, corpus))
    return [tags for section in sections for tags in _outer(model, _decode(model, section))]


@one_thread()
def predict(model: TrainedModel, corpus: EncodedCorpus) -> Predictions:
    """Return the best tags of every sentence and the confidence of each of their spans."""
    return _read(model, _agreed(model, _sections(model, corpus)), float(model.labeler.temperature))


def score(model: TrainedModel, corpus: Corpus, encoded: EncodedCorpus | None = None) -> Scores:
    """Score a model on a labelled corpus; types that the model doesn't know count as missed."""
    gold = [sentence.tags for sentence in corpus.sentences]
    predicted = tag(model, encoded if encoded is not None else encode_corpus(corpus.sentences, model))
    return metrics.score(gold, predicted, corpus.scheme, model.scheme)


@one_thread()
def fit_agreement(model: TrainedModel, corpus: Corpus, encoded: EncodedCorpus) -> Scores:
    """Choose how much the repeats of a word weigh by the F1 on a corpus, unless the settings say it.

    The choice stays in the model; of those that tie with the best it is the least.

    Returns:
        The scores of that choice.
    """
    strengths = _strengths(model)
    weigh = Agreement(model)
    found: list[list[list[str]]] = [[] for _ in strengths]
    for section in _sections(model, encoded):
        pull = weigh(section.scores, section.starts, section.sizes, section.repeats)
        for tags, strength in zip(found, strengths, strict=True):
            scores = section.scores if pull is None else pull(section.scores, strength)
            tags += _outer(model, _decode(model, section._replace(scores=scores)))
    gold = [sentence.tags for sentence in corpus.sentences]
    scored = [metrics.score(gold, tags, corpus.scheme, model.scheme) for tags in found]
    best = max(each.micro.f1 for each in scored)
    number = next(number for number, each in enumerate(scored) if each.micro.ties(best))
    model.labeler.agreement.fill_(strengths[number])
    return scored[number]


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
    sections = list(_agreed(model, _sections(model, encode_corpus(sentences, model))))
    gold = [set(schemes.tags_to_spans(sentence.tags, corpus.scheme)) for sentence in sentences]

    def error(temperature: float) -> float:
        found = _read(model, sections, temperature)
        spans = [schemes.tags_to_spans(tags, model.scheme) for tags in found.tags]
        confidences = [value for values in found.confidences for value in values]
        right = [span in known for row, known in zip(spans, gold, strict=True) for span in row]
        return metrics.calibrate(confidences, right).expected_error if right else 0.0

    return min((1.0, 0.8, 0.9, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5), key=error)


def _strengths(model: TrainedModel) -> tuple[float, ...]:
    """Return how much repeats may weigh, in rising order."""
    asked = model.config.decoder.agreement
    if not Agreement.is_possible(model):
        return (0.0,)
    return STRENGTHS if asked == "auto" else (asked,)


class _Section(NamedTuple):
    """Sentences in a row.

    Attributes:
        starts, sizes: (S,) where the tokens of each begin among those of the section, and how many they are.
        scores: (N, K) emission scores of the tokens.
        repeats: (N,) which tokens repeat each other; None: nobody asked.
    """

    starts: Ints
    sizes: Ints
    scores: Tensor
    repeats: Ints | None


def _sections(model: TrainedModel, corpus: EncodedCorpus) -> Iterator[_Section]:
    """Yield a corpus in its order, in sections of bounded size with their scores."""
    encoder = model.config.encoder
    end = 0  # of the section, among the tokens of the corpus
    for waiting in _cut(corpus, group(corpus.examples, encoder.context, encoder.max_tokens)):
        sentences = range(waiting[0].start, waiting[-1].stop)
        sizes = np.array([len(corpus.examples[number].forms) for number in sentences])
        scores = score_tokens(
            model.labeler, corpus, waiting, max_tokens=encoder.max_tokens, batch_tokens=BATCH_TOKENS
        )
        start, end = end, end + len(scores)
        repeats = None if corpus.repeats is None else corpus.repeats[start:end]
        yield _Section(np.cumsum(sizes) - sizes, sizes, scores, repeats)


def _cut(corpus: EncodedCorpus, groups: Sequence[Group]) -> Iterator[list[Group]]:
    """Cut the groups of a corpus into sections, between two scopes."""
    waiting: list[Group] = []
    tokens = 0
    for item in groups:
        is_new = (
            waiting and corpus.examples[item.start].document != corpus.examples[waiting[-1].start].document
        )
        if tokens >= SECTION_TOKENS and is_new:
            yield waiting
            waiting, tokens = [], 0
        waiting.append(item)
        tokens += item.tokens
    if waiting:
        yield waiting


def _agreed(model: TrainedModel, sections: Iterable[_Section]) -> Iterator[_Section]:
    """Let repeats weigh as much as the model has them."""
    strength = float(model.labeler.agreement)
    if strength == 0.0:
        yield from sections
        return
    weigh = Agreement(model)
    for section in sections:
        pull = weigh(section.scores, section.starts, section.sizes, section.repeats)
        yield section if pull is None else section._replace(scores=pull(section.scores, strength))


def _decode(model: TrainedModel, section: _Section) -> list[list[str]]:
    """Return the best inner tags of each sentence."""
    best = np.zeros(len(section.scores), dtype=np.int64)
    device = model.labeler.device
    for batch in batch_chains(section.starts, section.sizes):
        rows = model.labeler.decoder.viterbi(batch.take(section.scores, device), batch.lengths(device))
        best[batch.places[batch.inside]] = rows.cpu().numpy()[batch.inside]
    names = list(map(model.lexicon.tags.__getitem__, best.tolist()))
    return [
        names[start : start + size]
        for start, size in zip(section.starts.tolist(), section.sizes.tolist(), strict=True)
    ]


def _outer(model: TrainedModel, tags: Iterable[list[str]]) -> list[list[str]]:
    """Return inner tags in the scheme of the model's corpus."""
    inner, outer = inner_scheme(model.scheme), model.scheme
    return [schemes.convert(each, inner, outer) for each in tags]


def _read(model: TrainedModel, sections: Iterable[_Section], temperature: float) -> Predictions:
    found = Predictions([], [])
    for section in sections:
        tags = _decode(model, section)
        found.tags.extend(_outer(model, tags))
        found.confidences.extend(_confidences(model, section, tags, temperature))
    return found


def _confidences(
    model: TrainedModel, section: _Section, tags: Sequence[list[str]], temperature: float
) -> list[list[float]]:
    """Return the posterior probability of each span of the tags of each sentence."""
    rows = {tag: row for row, tag in enumerate(model.lexicon.tags)}
    best = np.array([rows[tag] for each in tags for tag in each], dtype=np.int64)
    spans = [schemes.tags_to_spans(each, inner_scheme(model.scheme)) for each in tags]
    found: list[list[float]] = [[] for _ in tags]
    held = np.flatnonzero([len(each) > 0 for each in spans])
    device = model.labeler.device
    for batch in batch_chains(section.starts[held], section.sizes[held]):
        scores, lengths = batch.take(section.scores, device), batch.lengths(device)
        posterior = model.labeler.decoder.posterior(scores, lengths, temperature=temperature)
        numbers = held[batch.numbers].tolist()
        asked = [(row, span.start, span.end) for row, number in enumerate(numbers) for span in spans[number]]
        values = posterior.spans(
            torch.from_numpy(best[batch.places]).to(device), *torch.tensor(asked).T.to(device)
        )
        for (row, _, _), value in zip(asked, values.tolist(), strict=True):
            found[numbers[row]].append(value)
    return found
