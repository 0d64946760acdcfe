"""What the training of a labeller starts from: nothing, a trained model, an encoder, vectors, a language model.

A model that is continued keeps its architecture and weights, its tables and types grow. Types that the new corpus
lacks keep their scores. Nothing there marks them, so they change only as the weights change that all types share, and
where the corpus mentions such names unmarked, it teaches the model to pass over them. An encoder that learnt from raw
text brings its sizes and words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from tagger.config import Config, complete_settings, override
from tagger.errors import ConfigError, DataError
from tagger.model import vectors
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.runtime.language import TrainedLanguageModel
from tagger.runtime.trained import TrainedModel
from tagger.text import clusters, gazetteer
from tagger.text.conll import Corpus
from tagger.text.features import normalise
from tagger.text.schemes import Scheme
from tagger.text.tokenizer import Conventions, Mode, Split, detect_mode
from tagger.text.vocab import Vocab
from tagger.training.data import Corpora, list_tokens, read_corpora
from tagger.training.pretrained import TrainedTextEncoder, load_text_encoder

_ARCHITECTURE = ("embedding", "encoder", "decoder", "language_model")
_OPTION = "--init-encoder"
_LEARNT = {  # fields that say what was learnt; a run may choose all others
    "embedding": (
        "word_dim", "lowercase", "min_count", "character_dim", "character_filters", "character_width",
        "max_characters", "shape_dim", "affix_dim", "affix_length", "bigram_dim",
    ),
    "encoder": ("kind", "hidden", "layers", "directions"),
    "training": ("language_dim",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Start:
    """The files and directories that a run starts from.

    Attributes:
        base: a model to continue.
        encoder: the directory of an encoder that learnt from raw text.
        vectors: a file of word vectors.
        keep_all_vectors: keep every vector of the file, for words that only later texts will hold.
        language_model: the directory of a language model whose layers join each word.
        gazetteers: lists of names.
        clusters: directories or files of trees of words.
    """

    base: Path | None = None
    encoder: Path | None = None
    vectors: Path | None = None
    keep_all_vectors: bool = False
    language_model: Path | None = None
    gazetteers: Sequence[Path] = ()
    clusters: Sequence[Path] = ()


class Growth(NamedTuple):
    """What a new corpus has beside a model: words and types that are new to it, and types of it that are absent."""

    new_words: int
    new_types: tuple[str, ...]
    absent_types: tuple[str, ...]


class Overlap(NamedTuple):
    """Distinct words of the training sentences, and how many of them the text had."""

    words: int
    known: int


class Collected(NamedTuple):
    """The corpora of a run with all that it starts from, and how these fit together.

    Attributes:
        growth: what the corpora add to the model that is continued, if one is.
        overlap: what the encoder knows of the corpora, if there is one.
        plain: the same data without the encoder, if there is one.
    """

    data: Corpora
    growth: Growth | None = None
    overlap: Overlap | None = None
    plain: Corpora | None = None


def collect(
    train: Path | Corpus,
    dev: Path | Corpus | None,
    test: Path | Corpus | None,
    config: Config,
    start: Start,
    room: Path | None = None,
) -> Collected:
    """Read the corpora of a run and all that it starts from.

    Args:
        train, dev, test: files, or corpora that are in memory.
        config: the settings; those of a model or an encoder to start with join them.
        start: what it starts from.
        room: the folder of what memory isn't to hold; None: that of temporary files.

    Raises:
        DataError: a corpus or another file is missing or faulty.
        ModelError: a directory is.
        ConfigError: what it starts from doesn't go together, or with the settings.
    """
    if start.base is not None and start.encoder is not None:
        raise ConfigError("a model that is continued (--from) has its encoder; leave it out", _OPTION)
    growth = overlap = None
    if start.base is not None:
        model = files.load_model(start.base)
        data, growth = continue_from(
            read_corpora(train, dev, test, continue_settings(config, model), room), model
        )
        data = replace(data, base_words=reports.read_words(start.base))
    elif start.encoder is not None:
        encoder = load_text_encoder(start.encoder)
        data, overlap = begin_with_encoder(
            read_corpora(train, dev, test, adopt_settings(config, encoder), room), encoder
        )
    else:
        data = read_corpora(train, dev, test, config, room)
    if start.vectors is not None:
        data = add_vectors(data, start.vectors, keep_all=start.keep_all_vectors)
    if start.gazetteers:
        data = add_gazetteers(data, start.gazetteers)
    if start.clusters:
        data = add_clusters(data, start.clusters)
    if start.language_model is not None:
        data = add_language_model(data, files.load_language_model(start.language_model))
    plain = None if data.encoder is None else without_encoder(data, config)
    return Collected(data, growth, overlap, plain)


def continue_settings(chosen: Config, base: TrainedModel) -> Config:
    """Return the settings of a run that continues a model: how it is built is the model's, how it learns is chosen.

    Raises:
        ConfigError: something was chosen that the model has otherwise.
    """
    old = base.config
    for section in _ARCHITECTURE:
        wanted, there = getattr(chosen, section), getattr(old, section)
        for field in sorted(wanted.model_fields_set):
            _compare(f"{section}.{field}", getattr(wanted, field), getattr(there, field))
    if chosen.corpus.mode != "auto":
        _compare("corpus.mode", chosen.corpus.mode, old.corpus.mode)
    kept = {
        f"{section}.{field}": value
        for section in _ARCHITECTURE
        for field, value in getattr(old, section).model_dump().items()
    }
    kept |= {"corpus.mode": old.corpus.mode, "lm.used": old.lm.used}
    if chosen.corpus.splits == "auto":
        kept["corpus.splits"] = old.corpus.splits
    return override(chosen, kept)


def continue_from(data: Corpora, base: TrainedModel) -> tuple[Corpora, Growth]:
    """Let a run begin with a model's weights, tables and types; tell what the corpus adds to them.

    Args:
        data: read with `continue_settings`.
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
    words = {normalise(token, lowercase=lowercase) for token in list_tokens(data.train)}
    growth = Growth(
        new_words=sum(word not in base.lexicon.words for word in words),
        new_types=tuple(sorted({*data.types} - {*base.types})),
        absent_types=tuple(sorted({*base.types} - {*data.types})),
    )
    return replace(data, base=base, types=tuple(sorted({*data.types, *base.types}))), growth


def adopt_settings(chosen: Config, encoder: TrainedTextEncoder) -> Config:
    """Return the settings of a run that begins with an encoder: how it is built is the encoder's.

    Raises:
        ConfigError: something was chosen that the encoder has otherwise.
    """
    kept = {}
    for section, fields in _LEARNT.items():
        wanted, there = getattr(chosen, section), getattr(encoder.config, section)
        for field in fields:
            kept[f"{section}.{field}"] = getattr(there, field)
            if field in wanted.model_fields_set and getattr(wanted, field) != getattr(there, field):
                raise ConfigError(
                    f"found {getattr(wanted, field)!r}, but the encoder of {_OPTION} has {getattr(there, field)!r}; "
                    "leave the setting out, or pretrain an encoder with it",
                    f"{section}.{field}",
                )
    return override(chosen, kept)


def begin_with_encoder(data: Corpora, encoder: TrainedTextEncoder) -> tuple[Corpora, Overlap]:
    """Let a run begin with an encoder; tell how much of the corpus it knows.

    Args:
        data: read with `adopt_settings`.
        encoder: what learnt from text.

    Raises:
        ConfigError: the text was cut into words and the corpus is of characters, or the other way round.
    """
    unit, mode = encoder.config.text.unit, data.config.corpus.mode
    if (unit == "characters") != (mode == "characters"):
        raise ConfigError(
            f"found an encoder of {unit}, but the tokens of the corpus are {mode}; pretrain one with "
            f"--unit {'characters' if mode == 'characters' else 'words'}",
            _OPTION,
        )
    lowercase = encoder.config.embedding.lowercase
    words = {normalise(token, lowercase=lowercase) for token in list_tokens(data.train)}
    return replace(data, encoder=encoder), Overlap(
        len(words), sum(word in encoder.lexicon.words for word in words)
    )


def without_encoder(data: Corpora, chosen: Config) -> Corpora:
    """Return the data of a run as they would be without the encoder; `chosen` are the settings before it came."""
    found = data.config.corpus
    assert found.mode != "auto"
    settled = complete_settings(chosen, found.scheme, found.mode, cuts_words=data.train.task.cuts_words)
    own = {
        f"{section}.{field}": getattr(getattr(settled, section), field)
        for section, fields in _LEARNT.items()
        for field in fields
    }
    return replace(data, encoder=None, config=override(data.config, own))


def add_language_model(corpora: Corpora, language: TrainedLanguageModel) -> Corpora:
    """Let a run use a pretrained language model.

    Raises:
        ConfigError: it reads characters and the corpus has words, or the other way round.
    """
    _refuse_continuing(corpora, "--lm")
    unit, mode = language.config.model.unit, corpora.config.corpus.mode
    if (unit == "characters") != (mode == "characters"):
        raise ConfigError(
            f"found a language model of {unit}, but the tokens of the corpus are {mode}; pretrain one with "
            f"--unit {'characters' if mode == 'characters' else 'words'}",
            "--lm",
        )
    sizes = language.config.model.model_dump()
    config = override(corpora.config, {"lm.used": True, "language_model": sizes})
    return replace(corpora, config=config, language=language)


def add_gazetteers(corpora: Corpora, paths: Sequence[Path]) -> Corpora:
    """Let a run use lists of names, each cut into tokens as the corpus is; see `text.gazetteer.read`.

    Raises:
        DataError: a file is at fault.
    """
    _refuse_continuing(corpora, "--gazetteer")
    settings = corpora.config.corpus
    conventions = Conventions(Mode(settings.mode), frozenset(map(Split, settings.splits)))
    ignores_case = corpora.config.embedding.gazetteer_ignore_case
    found = (
        gazetteer.read(path, conventions, ignores_case=ignores_case, encoding=settings.encoding)
        for path in paths
    )
    return replace(corpora, gazetteers=(*corpora.gazetteers, *found))


def add_clusters(corpora: Corpora, paths: Sequence[Path]) -> Corpora:
    """Let a run use trees of words; see `text.clusters.read`.

    Raises:
        DataError: a file is at fault.
    """
    _refuse_continuing(corpora, "--clusters")
    return replace(corpora, clusters=(*corpora.clusters, *map(clusters.read, paths)))


def _refuse_continuing(corpora: Corpora, option: str) -> None:
    if corpora.base is not None:
        raise ConfigError(
            "can't join a model that is continued (--from), only a new one; leave it out", option
        )


def add_vectors(corpora: Corpora, path: Path, *, keep_all: bool = False) -> Corpora:
    """Let a run begin with pretrained word vectors.

    Args:
        corpora: whose words are looked for in the file.
        path: see `model.vectors.read`.
        keep_all: keep every vector of the file, for words that only later texts will hold.

    Raises:
        DataError: the file is at fault, or has no vector for any word of the corpora.
        ConfigError: the run continues a model whose words have vectors of another size, or begins with an encoder
            that brings its own.
    """
    if corpora.encoder is not None:
        raise ConfigError(
            "the encoder of --init-encoder brings its own; leave one of the two out", "--vectors"
        )
    lowercase = corpora.config.embedding.lowercase
    parts = [corpus for corpus in (corpora.train, corpora.dev, corpora.test) if corpus is not None]
    needed = {normalise(token, lowercase=lowercase) for corpus in parts for token in list_tokens(corpus)}
    known = corpora.base.lexicon.words if corpora.base is not None else Vocab(())

    def want(word: str) -> str | None:
        normal = normalise(word, lowercase=lowercase)
        return normal if (keep_all or normal in needed) and normal not in known else None

    found = vectors.read(path, want)
    if corpora.base is not None and found.dim != corpora.config.embedding.word_dim:
        raise ConfigError(
            f"found vectors of size {found.dim}, but the words of the model to continue have "
            f"{corpora.config.embedding.word_dim}; expected vectors of that size",
            "--vectors",
        )
    config = override(corpora.config, {"embedding.word_dim": found.dim})
    return replace(corpora, config=config, vectors=found)


def _compare(field: str, wanted: object, there: object) -> None:
    if wanted != there:
        raise ConfigError(
            f"found {wanted!r}, but the model to continue has {there!r}, and how it is built can't change; leave the "
            "setting out, or train anew without --from",
            field,
        )


def _describe(scheme: Scheme) -> str:
    return "bare labels" if scheme is Scheme.BARE else f"spans ({scheme})"
