"""Models with random weights over a handful of words: quick to make, and full of spans of every type."""

from __future__ import annotations

import random

import torch

from tagger import config as settings
from tagger.model import trained
from tagger.model.trained import TrainedModel
from tagger.runtime.lexicon import Lexicon
from tagger.text.conll import Sentence
from tagger.text.schemes import Scheme

# The tensors of these models are so small that sharing them out costs more than it gains.
torch.set_num_threads(1)

_SENTENCE = "Ada met Li in New York on 3 May and the old mayor of Paris spoke U.S. trade 2019 . , !"
WORDS = _SENTENCE.split()
SMALL = {
    "embedding.word_dim": 12,
    "embedding.character_dim": 4,
    "embedding.character_filters": 6,
    "embedding.shape_dim": 4,
    "embedding.affix_dim": 4,
    "encoder.hidden": 10,
    "encoder.max_tokens": 16,
    "encoder.context": 3,
}


def make_model(scheme: str = "IOB2", mode: str = "words", **changes: object) -> TrainedModel:
    """Build a model; `changes` are settings with double underscores for dots (`encoder__layers=2`)."""
    chosen = SMALL | {"corpus.scheme": scheme, "corpus.mode": mode, "seed": 7}
    chosen |= {name.replace("__", "."): value for name, value in changes.items()}
    config = settings.override(settings.Config(), chosen)
    types = ["ADJ", "NOUN", "VERB"] if scheme == "BARE" else ["LOC", "PER"]
    tags = trained.inner_tags(types, Scheme(scheme))
    sentences = [Sentence(tuple(WORDS)), Sentence(tuple(WORDS[5:]))]
    lexicon = Lexicon.build(sentences, tags, config.embedding)
    labeler = trained.build(lexicon, config)
    with torch.no_grad():
        labeler.emission.weight *= 12.0  # untrained scores are all alike; these disagree
    if config.decoder.agreement != "auto":
        labeler.agreement.fill_(config.decoder.agreement)
    return TrainedModel(config, lexicon, labeler.requires_grad_(False).eval())


def random_sentences(count: int, seed: int = 1, longest: int = 24) -> list[list[str]]:
    """Draw sentences of known and unknown words; some are longer than a toy model's window."""
    draw = random.Random(seed)
    words = [*WORDS, "unseen", "Quito", "x-1", "北京", "é" * 30]
    return [draw.choices(words, k=draw.randint(1, longest)) for _ in range(count)]


TINY_SIZES = {  # of a network that trains in a moment
    "embedding.word_dim": 6,
    "embedding.character_dim": 4,
    "embedding.character_filters": 5,
    "embedding.shape_dim": 2,
    "embedding.affix_dim": 4,
    "encoder.hidden": 5,
    "training.language_dim": 4,
}
