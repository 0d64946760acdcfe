"""The numbers of a labeller that no gradient moves, fitted on dev: the say of repeats, the temperature, the least
confidence of a name.

What is fitted on is what runs: the numpy runtime scores dev with the weights at hand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagger import scoring
from tagger.config import Config
from tagger.runtime.agreement import STRENGTHS, heeds_repeats
from tagger.runtime.decode import Decoder
from tagger.runtime.evaluation import compare_tags
from tagger.runtime.language import mix_layers
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.network import ColumnRows, Network
from tagger.runtime.questions import Labelling, Question
from tagger.runtime.threads import one_blas_thread
from tagger.runtime.trained import TrainedModel
from tagger.scoring import Score, Scores
from tagger.text import schemes
from tagger.text.conll import Corpus
from tagger.text.repetition import find_repeats, number_scopes, scope_size
from tagger.text.schemes import Scheme

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Weights = Mapping[str, NDArray[Any]]

SECTION_TOKENS = 200_000  # whose scores are held at once
FITTING_TOKENS = 20_000  # dev tokens that a temperature is fitted on: it is one number
_MIX = ("embedding.contextual.mix.weights", "embedding.contextual.mix.scale")
TEMPERATURES = (1.0, 0.8, 0.9, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5)


class _Section(NamedTuple):
    """Sentences in a row, whole scopes of them.

    Attributes:
        sentences: the tokens of each.
        scopes: a number for each; those of one number have a say in each other's labels.
        columns: the values of the feature columns of each.
        repeats: (N,) which tokens repeat each other; None: they have no say.
    """

    sentences: list[Sequence[str]]
    scopes: list[int]
    columns: list[ColumnRows]
    repeats: Ints | None


class DevScorer:
    """The dev sentences of a run, looked up once, scored with the weights of every epoch.

    Args:
        corpus: the sentences with their gold tags.
        config, lexicon: of the labeller.
    """

    def __init__(self, corpus: Corpus, config: Config, lexicon: Lexicon) -> None:
        self._corpus = corpus
        self._config = config
        self._lexicon = lexicon
        self._sections = list(_cut_sections(corpus, config))
        self._layers: list[Floats] | None = (
            None  # what a frozen language model makes of each section, (N, L, D)
        )

    def fit_agreement(self, weights: Weights) -> tuple[float, Scores]:
        """Choose how much the repeats of a word weigh by F1, unless the settings say it.

        Of those that tie with the best it is the least.

        Returns:
            The choice and its scores.
        """
        model = self._model(weights)
        asked = self._config.decoder.agreement
        strengths = (0.0,) if not heeds_repeats(model.scheme) else STRENGTHS if asked == "auto" else (asked,)
        decoder = Decoder(model)
        decoders = [decoder.with_fitted(model.with_fitted(agreement=strength)) for strength in strengths]
        found: list[list[list[str]]] = [[] for _ in strengths]
        for section, scores in self._emissions(model):
            for tags, decoder in zip(found, decoders, strict=True):
                tags += [each.tags for each in _decode(decoder, section, scores, _tags_alone(0.0))]
        scored = [compare_tags(self._corpus, tags, model.scheme) for tags in found]
        best = max(each.micro.f1 for each in scored)
        number = next(number for number, each in enumerate(scored) if each.micro.ties(best))
        return strengths[number], scored[number]

    def fit_temperature(self, weights: Weights) -> float:
        """Return the temperature whose confidences are calibrated best; 1 if none beats it.

        Scores are divided by the temperature before they become probabilities (Guo et al. 2017, section 4.2); the
        best tags stay the best. What is minimised is the expected calibration error of spans in ten bins.
        """
        model, corpus = self._model(weights), _shorten(self._corpus, FITTING_TOKENS)
        built = Decoder(model)
        gold = [set(schemes.tags_to_spans(each.tags, corpus.scheme)) for each in corpus.sentences]
        if not any(gold):
            return 1.0  # nothing could come true
        held = list(DevScorer(corpus, self._config, self._lexicon)._emissions(model))

        def measure_error(temperature: float) -> float:
            decoder = built.with_fitted(model.with_fitted(temperature=temperature))
            question = Question(min_confidence=0.0)
            found = [each for part in held for each in _decode(decoder, *part, question)]
            confidences = [
                span.confidence for each in found for span in each.spans if span.confidence is not None
            ]
            spans = [schemes.tags_to_spans(each.tags, model.scheme) for each in found]
            right = [span in known for row, known in zip(spans, gold, strict=True) for span in row]
            return scoring.calibrate(confidences, right).expected_error if right else 0.0

        return min(TEMPERATURES, key=measure_error)

    def fit_min_confidence(self, weights: Weights) -> float:
        """Return how probable a name must be: half of the F1 of all names, or 0 if more than chance is lost.

        The settings may say it instead. The weights' temperature must be fitted before; why a half: `runtime.decode`.
        """
        model = self._model(weights)
        asked = self._config.decoder.min_confidence
        if model.scheme is Scheme.BARE or model.task.cuts_words:
            return 0.0  # every token has to be something
        if asked != "auto":
            return asked
        decoder, held = Decoder(model), list(self._emissions(model))

        def measure(least: float) -> Score:
            tags = [each.tags for part in held for each in _decode(decoder, *part, _tags_alone(least))]
            return compare_tags(self._corpus, tags, model.scheme).micro

        of_all = measure(0.0).f1
        return of_all / 2 if measure(of_all / 2).ties(of_all) else 0.0

    def _model(self, weights: Weights) -> TrainedModel:
        return TrainedModel(self._config, self._lexicon, weights)

    def _emissions(self, model: TrainedModel) -> Iterator[tuple[_Section, Floats]]:
        """Yield each section and its (N, K) emission scores."""
        network = Network(model)
        self._keep_layers(network)
        for number, section in enumerate(self._sections):
            mixed = None
            if self._layers is not None and network.reader is not None:
                mixed = mix_layers(self._layers[number], *(model.weights[name] for name in _MIX))
            with one_blas_thread():
                scores = network.emissions(section.sentences, section.scopes, section.columns, mixed)
            yield section, scores

    def _keep_layers(self, network: Network) -> None:
        """Run a frozen language model over dev once, where memory allows, so that it needn't run every epoch."""
        settings, reader = self._config.lm, network.reader
        if self._layers is not None or reader is None or settings.finetune:
            return
        tokens = sum(map(len, self._corpus.sentences))
        if 4 * tokens * reader.depth * reader.size <= settings.cache_megabytes * 2**20:
            with one_blas_thread():
                self._layers = [reader.layers(section.sentences) for section in self._sections]


def _cut_sections(corpus: Corpus, config: Config) -> Iterator[_Section]:
    """Cut a corpus into sections of bounded size, between two scopes."""
    size = scope_size(config.encoder.context)
    scopes = number_scopes((sentence.document for sentence in corpus.sentences), size)
    has_say = heeds_repeats(Scheme(config.corpus.scheme))
    start = tokens = 0
    for place, (sentence, scope) in enumerate(zip(corpus.sentences, scopes, strict=True)):
        if tokens >= SECTION_TOKENS and scope != scopes[place - 1]:
            yield _make_section(corpus, scopes, slice(start, place), has_say)
            start, tokens = place, 0
        tokens += len(sentence)
    if start < len(scopes):
        yield _make_section(corpus, scopes, slice(start, None), has_say)


def _make_section(corpus: Corpus, scopes: Sequence[int], part: slice, has_say: bool) -> _Section:
    sentences = [sentence.tokens for sentence in corpus.sentences[part]]
    columns: list[ColumnRows] = [sentence.features for sentence in corpus.sentences[part]]
    numbers = list(scopes[part])
    return _Section(list(sentences), numbers, columns, find_repeats(sentences, numbers) if has_say else None)


def _shorten(corpus: Corpus, tokens: int) -> Corpus:
    """Return the first sentences of a corpus, until they have more than so many tokens."""
    ends = list(accumulate(map(len, corpus.sentences)))
    return replace(corpus, sentences=corpus.sentences[: bisect_right(ends, tokens) + 1])


def _decode(decoder: Decoder, section: _Section, scores: Floats, question: Question) -> list[Labelling]:
    sizes = [len(words) for words in section.sentences]
    with one_blas_thread():
        return decoder.decode(scores, sizes, question, repeats=section.repeats)


def _tags_alone(least: float) -> Question:
    return Question(confidences=False, min_confidence=least)
