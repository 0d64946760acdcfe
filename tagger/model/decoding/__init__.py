"""Emission scores -> tags in the corpus's scheme, spans with their probabilities, and the n best readings."""

from tagger.model.decoding.decoder import Alternative, Decoder, Labelling, Question, ScoredSpan
from tagger.model.decoding.labels import Known

__all__ = ["Alternative", "Decoder", "Known", "Labelling", "Question", "ScoredSpan"]
