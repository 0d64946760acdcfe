"""Models with random weights over a handful of words: quick to make, and full of spans of every type."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import torch

from tagger import config as settings
from tagger.config import Config
from tagger.model.building import build_labeler, export_weights
from tagger.runtime.lexicon import Lexicon
from tagger.runtime.trained import TrainedModel, inner_tags
from tagger.text.clusters import Clusters
from tagger.text.conll import Sentence
from tagger.text.gazetteer import Gazetteer
from tagger.text.language import Speller
from tagger.text.schemes import Scheme
from tagger.text.vocab import Vocab

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


def make_model(
    scheme: str = "IOB2",
    mode: str = "words",
    gazetteers: Sequence[Gazetteer] = (),
    clusters: Sequence[Clusters] = (),
    language: Speller | None = None,
    types: Sequence[str] = (),
    has_outside: bool = True,
    **changes: object,
) -> TrainedModel:
    """Build a model; `changes` are settings with double underscores for dots (`encoder__layers=2`).

    Feature columns get values that `draw_columns` draws from, too. A model without `O` cuts text into words.
    """
    chosen = SMALL | {"corpus.scheme": scheme, "corpus.mode": mode, "seed": 7}
    chosen |= {name.replace("__", "."): value for name, value in changes.items()}
    config = settings.override(Config(), chosen)
    known = types or (["ADJ", "NOUN", "VERB"] if scheme == "BARE" else ["LOC", "PER"])
    columns = tuple(
        tuple("NVA"[(n + place) % 3] for n in range(len(WORDS)))
        for place, _ in enumerate(config.embedding.feature_columns)
    )
    rows = [Sentence(tuple(WORDS), features=columns)]
    rows.append(Sentence(tuple(WORDS[5:]), features=tuple(each[5:] for each in columns)))
    tags = inner_tags(known, Scheme(scheme), has_outside=has_outside)
    cut = [
        {"NewYork": 2, "metLi": 1, "天地": 3, "天地玄": 1, "宇宙洪荒": 1}
    ]  # words, for models that know some
    lexicon = Lexicon.build(rows, tags, config.embedding, gazetteers, cut, clusters)
    if language is not None:
        lexicon, config = replace(lexicon, speller=language), settings.override(config, {"lm.used": True})
    return finish_model(lexicon, config)


def make_word_model(*types: str) -> TrainedModel:
    """Build a model that cuts text into words, of these types or of none."""
    config = settings.override(
        Config(), SMALL | {"corpus.scheme": "BMES", "corpus.mode": "characters", "seed": 7}
    )
    tags = inner_tags(types or [""], Scheme.BMES, has_outside=False)
    rows = [Sentence(tuple("我爱北京天安门。NewYork2019"))] * 2
    return finish_model(Lexicon.build(rows, tags, config.embedding, ()), config)


def finish_model(lexicon: Lexicon, config: Config) -> TrainedModel:
    """Draw the weights of a model by its seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        weights = export_weights(build_labeler(lexicon, config))
    weights["emission.weight"] *= 12.0  # untrained scores are all alike; these disagree
    model = TrainedModel(config, lexicon, weights)
    strength = config.decoder.agreement
    return model if strength == "auto" else model.with_fitted(agreement=strength)


def make_lm_model(unit: str, **changes: object) -> TrainedModel:
    """Build a model that reads a language model of `unit`, words or characters, with random weights."""
    sizes = {"hidden": 9, "projection": 6, "character_dim": 3, "character_filters": 2, "unit": unit}
    chosen = {f"language_model__{name}": value for name, value in sizes.items()}
    symbols = Vocab(sorted({"\x02", "\x03", *"".join(WORDS)})) if unit == "words" else Vocab(())
    speller = Speller(Vocab([*WORDS[3:], "\n"]), symbols, 8 if unit == "words" else 0)
    return make_model(language=speller, **(chosen | changes))


def draw_columns(
    model: TrainedModel, sentences: Sequence[Sequence[str]], seed: int = 3
) -> list[list[list[str]]]:
    """Draw values of a model's feature columns for sentences, known ones and unknown."""
    draw = random.Random(seed)
    wanted = len(model.config.embedding.feature_columns)
    return [[draw.choices("NVAz", k=len(words)) for _ in range(wanted)] for words in sentences]


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
