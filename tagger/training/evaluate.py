"""A model and labelled sentences -> predicted tags, confidences and scores. It reads no files and prints nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from tagger import scoring
from tagger.model.agreement import STRENGTHS, Agreement
from tagger.model.batch import EncodedCorpus, Group, encode, group
from tagger.model.chains import Ints
from tagger.model.contextual import remember
from tagger.model.decoding import Decoder, Labelling, Question
from tagger.model.emissions import score_tokens
from tagger.model.threads import one_thread
from tagger.model.trained import TrainedModel
from tagger.scoring import Score, Scores
from tagger.text import schemes
from tagger.text.conll import Corpus, Sentence
from tagger.text.repetition import find_repeats, number_scopes, scope_size
from tagger.text.schemes import Scheme

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
    return _tag(Decoder(model), _sections(model, corpus))


@one_thread()
def predict(
    model: TrainedModel, corpus: EncodedCorpus, *, min_confidence: float | None = None
) -> Predictions:
    """Return the best tags of every sentence and the confidence of each of their spans.

    Names below `min_confidence` are left out; None: as the model has it.
    """
    asked = Question(min_confidence=min_confidence)
    found = list(_read(Decoder(model), _sections(model, corpus), asked))
    return Predictions([each.tags for each in found], [_confidences(each) for each in found])


def score(model: TrainedModel, corpus: Corpus, encoded: EncodedCorpus | None = None) -> Scores:
    """Score a model on a labelled corpus; types that the model doesn't know count as missed."""
    predicted = tag(model, encoded if encoded is not None else encode_corpus(corpus.sentences, model))
    return _compare(model, corpus, predicted)


@one_thread()
def fit_agreement(model: TrainedModel, corpus: Corpus, encoded: EncodedCorpus) -> Scores:
    """Choose how much the repeats of a word weigh by the F1 on a corpus, unless the settings say it.

    The choice stays in the model; of those that tie with the best it is the least.

    Returns:
        The scores of that choice.
    """
    strengths = _strengths(model)
    found: list[list[list[str]]] = [[] for _ in strengths]
    for section in _sections(model, encoded):
        for tags, strength in zip(found, strengths, strict=True):
            tags += _tag(Decoder(model, agreement=strength), [section], least=0.0)
    scored = [_compare(model, corpus, tags) for tags in found]
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
    sections = list(_sections(model, encode_corpus(sentences, model)))
    gold = [set(schemes.tags_to_spans(sentence.tags, corpus.scheme)) for sentence in sentences]

    def error(temperature: float) -> float:
        found = list(_read(Decoder(model, temperature=temperature), sections, Question(min_confidence=0.0)))
        confidences = [value for each in found for value in _confidences(each)]
        spans = [schemes.tags_to_spans(each.tags, model.scheme) for each in found]
        right = [span in known for row, known in zip(spans, gold, strict=True) for span in row]
        return scoring.calibrate(confidences, right).expected_error if right else 0.0

    return min((1.0, 0.8, 0.9, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5), key=error)


@one_thread()
def fit_min_confidence(model: TrainedModel, corpus: Corpus) -> float:
    """Return how probable a name must be: half of the F1 of all names on a corpus, or 0 if more than chance is lost.

    The settings may say it instead. Confidences must be calibrated before; why a half: `model.decoding`.
    """
    asked = model.config.decoder.min_confidence
    if model.scheme is Scheme.BARE:
        return 0.0
    if asked != "auto":
        return asked
    decoder, sections = Decoder(model), list(_sections(model, encode_corpus(corpus.sentences, model)))

    def measure(least: float) -> Score:
        return _compare(model, corpus, _tag(decoder, sections, least)).micro

    of_all = measure(0.0).f1
    return of_all / 2 if measure(of_all / 2).ties(of_all) else 0.0


def _strengths(model: TrainedModel) -> tuple[float, ...]:
    """Return how much repeats may weigh, in rising order."""
    asked = model.config.decoder.agreement
    if not Agreement.is_possible(model):
        return (0.0,)
    return STRENGTHS if asked == "auto" else (asked,)


def _compare(model: TrainedModel, corpus: Corpus, predicted: list[list[str]]) -> Scores:
    """Score tags in the model's scheme on a labelled corpus."""
    gold = [sentence.tags for sentence in corpus.sentences]
    return scoring.score(gold, predicted, corpus.scheme, model.scheme)


class _Section(NamedTuple):
    """Sentences in a row.

    Attributes:
        sizes: (S,) the tokens of each.
        scores: (N, K) emission scores of the tokens.
        repeats: (N,) which tokens repeat each other; None: nobody asked.
    """

    sizes: list[int]
    scores: Tensor
    repeats: Ints | None


def _sections(model: TrainedModel, corpus: EncodedCorpus) -> Iterator[_Section]:
    """Yield a corpus in its order, in sections of bounded size with their scores."""
    encoder = model.config.encoder
    end = 0  # of the section, among the tokens of the corpus
    for waiting in _cut(corpus, group(corpus.examples, encoder.context, encoder.max_tokens)):
        sizes = [len(corpus.examples[number].forms) for number in range(waiting[0].start, waiting[-1].stop)]
        scores = score_tokens(
            model.labeler, corpus, waiting, max_tokens=encoder.max_tokens, batch_tokens=BATCH_TOKENS
        )
        start, end = end, end + len(scores)
        yield _Section(sizes, scores, None if corpus.repeats is None else corpus.repeats[start:end])


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


def _tag(decoder: Decoder, sections: Iterable[_Section], least: float | None = None) -> list[list[str]]:
    question = Question(confidences=False, min_confidence=least)
    return [each.tags for each in _read(decoder, sections, question)]


def _read(decoder: Decoder, sections: Iterable[_Section], question: Question) -> Iterator[Labelling]:
    for section in sections:
        yield from decoder.read(section.scores, section.sizes, question, repeats=section.repeats)


def _confidences(labelling: Labelling) -> list[float]:
    return [span.confidence for span in labelling.spans if span.confidence is not None]
