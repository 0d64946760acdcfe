"""A trained model as the beginning of a new run: its architecture and weights stay, its tables and types grow.

Types that the new corpus lacks keep their scores. Nothing there marks them, so they change only as the weights change
that all types share, and where the corpus mentions such names unmarked, it teaches the model to pass over them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from tagger.config import Config, override
from tagger.errors import ConfigError, DataError
from tagger.model.trained import TrainedModel
from tagger.text.features import normalise
from tagger.text.schemes import Scheme
from tagger.text.tokenizer import Mode, detect_mode
from tagger.training.data import Corpora


class Growth(NamedTuple):
    """What a new corpus has beside a model: words and types that are new to it, and types of it that are absent."""

    new_words: int
    new_types: tuple[str, ...]
    absent_types: tuple[str, ...]


ARCHITECTURE = ("embedding", "encoder", "decoder", "language_model")


def inherit_settings(chosen: Config, base: TrainedModel) -> Config:
    """Return the settings of a run that continues a model: how it is built is the model's, how it learns is chosen.

    Raises:
        ConfigError: something was chosen that the model has otherwise.
    """
    old = base.config
    for section in ARCHITECTURE:
        wanted, there = getattr(chosen, section), getattr(old, section)
        for field in sorted(wanted.model_fields_set):
            _compare(f"{section}.{field}", getattr(wanted, field), getattr(there, field))
    if chosen.corpus.mode != "auto":
        _compare("corpus.mode", chosen.corpus.mode, old.corpus.mode)
    kept = {
        f"{section}.{field}": value
        for section in ARCHITECTURE
        for field, value in getattr(old, section).model_dump().items()
    }
    kept |= {"corpus.mode": old.corpus.mode, "lm.used": old.lm.used}
    if chosen.corpus.splits == "auto":
        kept["corpus.splits"] = old.corpus.splits
    return override(chosen, kept)


def continue_from(data: Corpora, base: TrainedModel) -> tuple[Corpora, Growth]:
    """Let a run begin with a model's weights, tables and types; tell what the corpus adds to them.

    Args:
        data: read with `inherit_settings`.
        base: the model.

    Raises:
        DataError: the corpus has bare labels and the model finds spans, or the other way round; or it is in words
            and the model reads characters, or the other way round.
    """
    found, old = data.train.scheme, base.scheme
    if (found is Scheme.BARE) != (old is Scheme.BARE):
        raise DataError(
            f"found {_describe(found)}, but the model to continue was trained on {_describe(old)}; expected a corpus "
            "like that, or train anew without --from",
            data.train.path,
        )
    mode, expected = (
        detect_mode(sentence.tokens for sentence in data.train.sentences),
        base.config.corpus.mode,
    )
    if (mode is Mode.CHARACTERS) != (Mode(expected) is Mode.CHARACTERS):
        raise DataError(
            f"found tokens that are {mode}, but those of the model to continue are {expected}; expected a corpus "
            "like that, or train anew without --from",
            data.train.path,
        )
    lowercase = base.config.embedding.lowercase
    surfaces = {token for sentence in data.train.sentences for token in sentence.tokens}
    words = {normalise(token, lowercase=lowercase) for token in surfaces}
    growth = Growth(
        new_words=sum(word not in base.lexicon.words for word in words),
        new_types=tuple(sorted({*data.types} - {*base.types})),
        absent_types=tuple(sorted({*base.types} - {*data.types})),
    )
    return replace(data, base=base, types=tuple(sorted({*data.types, *base.types}))), growth


def _compare(field: str, wanted: object, there: object) -> None:
    if wanted != there:
        raise ConfigError(
            f"found {wanted!r}, but the model to continue has {there!r}, and how it is built can't change; leave the "
            "setting out, or train anew without --from",
            field,
        )


def _describe(scheme: Scheme) -> str:
    return "bare labels" if scheme is Scheme.BARE else f"spans ({scheme})"
