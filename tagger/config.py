"""Every setting of a model and of its training: default, unit and meaning beside each field.

Frozen pydantic models, one per concern, read from and written to TOML. An unknown field or a wrong type is a
`ConfigError` that names the field and, where one is near, the field that was probably meant. Nothing here
knows how a setting is used.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from tagger.errors import ConfigError

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Size = Annotated[int, Field(ge=1, le=65536)]
Place = Literal[  # the values of `text.tokenizer.Split`
    "contraction",
    "possessive",
    "elision",
    "hyphen",
    "slash",
    "percent",
    "currency",
    "hashtag",
    "mention",
    "unit",
    "fused",
]
OptionalSize = Annotated[int, Field(ge=0, le=65536)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class CorpusConfig(_Section):
    """How the columns of a corpus are read; the scheme is the corpus's own and goes out as it came in."""

    token_column: int | str = Field(
        default=0, description="column of the token: an index from 0, or a CoNLL-U name"
    )
    tag_column: int | str = Field(
        default=-1, description="column of the tag: an index (-1 is the last) or a name"
    )
    scheme: str = Field(
        default="auto", description="tag scheme: auto, IOB1, IOB2, BIOES, BILOU, BMES, BMEWO or BARE"
    )
    encoding: str = Field(default="utf-8", description="encoding of the corpus files")
    mode: Literal["auto", "words", "characters", "blanks"] = Field(
        default="auto", description="what a token is; auto looks at the corpus"
    )
    splits: Literal["auto"] | list[Place] = Field(
        default="auto",
        description="where a run of characters in raw text begins a new token; auto looks at the corpus",
    )
    dev_share: Annotated[float, Field(gt=0, lt=0.9)] = Field(
        default=0.1, description="share of the training sentences held out when no dev file is given"
    )


class EmbeddingConfig(_Section):
    """What the encoder sees of a token. A size of 0 switches a feature off."""

    word_dim: OptionalSize = Field(default=100, description="size of the word embedding")
    lowercase: bool = Field(
        default=True, description="words that differ in case share an embedding; the shape tells case"
    )
    min_count: Size = Field(default=1, description="words rarer than this have no embedding of their own")
    vectors_frozen: bool = Field(default=False, description="pretrained word vectors stay as they were read")
    character_dim: Size = Field(default=32, description="size of a character's embedding")
    character_filters: OptionalSize = Field(default=64, description="filters of the character convolution")
    character_width: Annotated[int, Field(ge=1, le=9)] = Field(
        default=3, description="characters a filter sees"
    )
    max_characters: Annotated[int, Field(ge=4, le=256)] = Field(
        default=24,
        description="characters of a word that are looked at: half from its start, half from its end",
    )
    shape_dim: OptionalSize = Field(
        default=16, description="size of the embedding of a word's shape (Xxx, dd.dd)"
    )
    affix_dim: OptionalSize = Field(
        default=64, description="size of the summed embedding of prefixes and suffixes"
    )
    affix_length: Annotated[int, Field(ge=1, le=6)] = Field(
        default=4, description="longest prefix and suffix"
    )
    bigram_dim: OptionalSize = Field(default=0, description="size of each of a token's two bigram embeddings")


class EncoderConfig(_Section):
    """The recurrent encoder."""

    kind: Literal["lstm", "gru", "rnn"] = Field(default="lstm", description="recurrent cell")
    hidden: Size = Field(default=128, description="hidden units per direction")
    layers: Annotated[int, Field(ge=1, le=8)] = Field(default=1, description="layers")
    directions: Literal[1, 2] = Field(default=2, description="1: left to right only; 2: both")
    context: Annotated[int, Field(ge=1, le=64)] = Field(
        default=3, description="sentences of a document that are encoded together; 1: each sentence alone"
    )
    max_tokens: Annotated[int, Field(ge=16, le=100_000)] = Field(
        default=512, description="tokens encoded together at most; longer sentences are cut into windows"
    )


class DecoderConfig(_Section):
    """What turns emission scores into tags."""

    kind: Literal["crf", "softmax"] = Field(
        default="crf", description="crf: best sequence; softmax: best tag a token"
    )


class TrainingConfig(_Section):
    """Gradient steps."""

    epochs: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=12, description="passes over the training sentences"
    )
    batch_sentences: Size = Field(default=16, description="sentences a step")
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=4e-3, description="peak of the schedule"
    )
    warmup: Fraction = Field(default=0.1, description="share of the steps in which the learning rate rises")
    weight_decay: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0, description="decoupled weight decay (AdamW)"
    )
    clip_norm: Annotated[float, Field(gt=0)] = Field(default=5.0, description="largest norm of the gradient")
    input_dropout: Fraction = Field(default=0.5, description="locked dropout on the encoder's input")
    output_dropout: Fraction = Field(default=0.5, description="locked dropout on the encoder's output")
    word_dropout: Fraction = Field(
        default=0.05, description="share of words whose embedding becomes <unk> in a step"
    )
    unknown_strength: Annotated[float, Field(ge=0, le=100)] = Field(
        default=0.5, description="a word seen n times becomes <unk> with probability a / (a + n); this is a"
    )
    language_weight: Annotated[float, Field(ge=0, le=10)] = Field(
        default=0.3,
        description="weight of the language model trained beside the tagger, at the start; it falls to 0. 0: none",
    )
    language_dim: Size = Field(default=64, description="size of that language model's output space")
    character_dropout: Fraction = Field(
        default=0.1, description="share of characters hidden from the convolution"
    )
    average: Fraction = Field(
        default=0.995, description="decay per step of the weights' moving average; 0: off"
    )
    patience: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="epochs without a better dev F1 before training stops; absent: never"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="where training runs; auto: a GPU if there is one, else the CPU"
    )
    workers: Annotated[int, Field(ge=0, le=64)] = Field(
        default=0, description="training threads; 0: one per core, at most 2"
    )


class LanguageModelConfig(_Section):
    """A forward and a backward language model (Peters et al. 2018)."""

    unit: Literal["words", "characters"] = Field(
        default="words",
        description="words: each read by its spelling, none unknown; characters: an embedding of each",
    )
    character_dim: Size = Field(default=16, description="size of a character's embedding")
    character_filters: Size = Field(
        default=16, description="filters of the character convolution that see w characters: w times this"
    )
    character_width: Annotated[int, Field(ge=1, le=9)] = Field(
        default=4, description="most characters a filter sees"
    )
    max_characters: Annotated[int, Field(ge=4, le=256)] = Field(
        default=20,
        description="characters of a word that are looked at: half from its start, half from its end",
    )
    hidden: Size = Field(default=192, description="hidden units of an LSTM layer")
    projection: Size = Field(default=128, description="size of a word's input and of a layer's output")
    layers: Annotated[int, Field(ge=1, le=4)] = Field(default=2, description="LSTM layers per direction")
    min_count: Size = Field(default=2, description="words rarer than this are predicted as <unk>")
    vocabulary: Annotated[int, Field(ge=10, le=1_000_000)] = Field(
        default=50_000, description="words that can be predicted, the commonest"
    )
    common: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=600, description="words in the softmax's first cluster, which is always computed"
    )
    rare: Annotated[int, Field(ge=2, le=1_000_000)] = Field(
        default=3000, description="words in the first and second cluster; the others are the third"
    )


class RawTextConfig(_Section):
    """How raw text is read."""

    format: Literal["text", "lines", "tokens", "conll"] = Field(
        default="text",
        description="text: running text; lines: a sentence a line; tokens: the same, tokens between blanks; "
        "conll: the first column",
    )
    encoding: str = Field(default="utf-8", description="encoding of the files")
    held_out: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.02, description="share of the sentences kept to measure perplexity, drawn by the seed"
    )
    max_held_out: Size = Field(default=2000, description="held-out sentences at most")


class PretrainingConfig(_Section):
    """Gradient steps of a language model."""

    epochs: Annotated[int, Field(ge=1, le=10_000)] = Field(default=10, description="passes over the text")
    batch_tokens: Size = Field(default=1024, description="tokens a step")
    max_tokens: Annotated[int, Field(ge=8, le=10_000)] = Field(
        default=128, description="longest sentence; a longer one is cut"
    )
    chunk_sentences: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000, description="sentences held in memory and shuffled together"
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=4e-3, description="peak of the schedule"
    )
    warmup: Fraction = Field(default=0.1, description="share of the steps in which the learning rate rises")
    weight_decay: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0, description="decoupled weight decay (AdamW)"
    )
    clip_norm: Annotated[float, Field(gt=0)] = Field(default=1.0, description="largest norm of the gradient")
    dropout: Fraction = Field(default=0.25, description="locked dropout before, between and after the layers")
    average: Fraction = Field(
        default=0.995, description="decay per step of the weights' moving average; 0: off"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="where training runs; auto: a GPU if there is one, else the CPU"
    )
    workers: Annotated[int, Field(ge=0, le=64)] = Field(
        default=0, description="training threads; 0: one per core, at most 2"
    )


class PretrainConfig(_Section):
    """All settings of a language model; written to its directory as `config.toml`."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(default=1, description="seed of all randomness")
    text: RawTextConfig = RawTextConfig()
    model: LanguageModelConfig = LanguageModelConfig()
    training: PretrainingConfig = PretrainingConfig()


class LanguageUseConfig(_Section):
    """How a labeler uses a pretrained language model; `--lm DIR` fills in `used` and [language_model]."""

    used: bool = Field(default=False, description="whether the model holds a language model")
    finetune: bool = Field(
        default=False, description="train the language model's weights too; they are frozen otherwise"
    )
    cache_megabytes: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=512,
        description="memory for each corpus's layers, so that a frozen language model runs once, not every epoch",
    )


class Config(_Section):
    """All settings; written to a model directory as `config.toml`, enough to build the model again."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(default=1, description="seed of all randomness")
    corpus: CorpusConfig = CorpusConfig()
    embedding: EmbeddingConfig = EmbeddingConfig()
    encoder: EncoderConfig = EncoderConfig()
    decoder: DecoderConfig = DecoderConfig()
    training: TrainingConfig = TrainingConfig()
    lm: LanguageUseConfig = LanguageUseConfig()
    language_model: LanguageModelConfig = LanguageModelConfig()


Settings = TypeVar("Settings", Config, PretrainConfig)


def parse(toml: str, origin: str | None = None) -> Config:
    """Read settings from TOML text; see `parse_as`."""
    return parse_as(Config, toml, origin)


def parse_as(kind: type[Settings], toml: str, origin: str | None = None) -> Settings:
    """Read settings of a kind from TOML text.

    Args:
        origin: the file that holds the text; an error names it before the field.

    Raises:
        ConfigError: not TOML, an unknown field, or a value of the wrong type or size.
    """
    try:
        table = tomllib.loads(toml)
    except (ValueError, RecursionError) as error:  # also for numbers of 5,000 digits and a thousand brackets
        raise ConfigError(f"not valid TOML: {error}", origin) from None
    return _build(kind, table, origin)


def read(path: str | Path) -> Config:
    """Read settings from a TOML file; fields it doesn't name keep their defaults."""
    return read_as(Config, path)


def read_as(kind: type[Settings], path: str | Path) -> Settings:
    """Read settings of a kind from a TOML file."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # some editors begin a file with a byte-order mark
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", str(path)) from None
    return parse_as(kind, text, str(path))


def build(table: Mapping[str, Any]) -> Config:
    """Check a nested table of settings and make a `Config` of it."""
    return _build(Config, table)


def _build(kind: type[Settings], table: Mapping[str, Any], origin: str | None = None) -> Settings:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        field, message = _explain(kind, error)
        raise ConfigError(message, f"{origin}: {field}" if origin else field) from None


def override(config: Settings, changes: Mapping[str, Any]) -> Settings:
    """Return `config` with dotted fields replaced (`{"training.epochs": 5}`); `None` means "leave as it is".

    Raises:
        ConfigError: an unknown field, or a value of the wrong type or size.
    """
    table = config.model_dump(exclude_unset=True)
    known = config.model_dump()
    for name, value in changes.items():
        if value is None:
            continue
        section, _, field = name.rpartition(".")
        fields = known.get(section) if section else known
        if not isinstance(fields, dict) or field not in fields:
            raise ConfigError(f"no such setting{_suggest(type(config), name)}", name)
        (table.setdefault(section, {}) if section else table)[field] = value
    return _build(type(config), table)


def assignments(texts: Iterable[str]) -> dict[str, Any]:
    """Read `section.field=value` texts, the value as in TOML (a bare word is a string)."""
    changes: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"found {text!r}, expected section.field=value", "--set")
        try:
            changes[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except (ValueError, RecursionError):
            changes[name.strip()] = value
    return changes


def settle(
    config: Config,
    scheme: str,
    mode: Literal["words", "characters", "blanks"],
    splits: Iterable[str] | None = None,
) -> Config:
    """Replace what was left to be found in the corpus; fields that nobody set take the mode's defaults."""
    found = {"corpus.scheme": scheme, "corpus.mode": mode}
    chosen = override(config, found | ({} if splits is None else {"corpus.splits": sorted(splits)}))
    unset = {
        f"{section}.{field}": value
        for (section, field), value in _OF_MODE[mode].items()
        if field not in getattr(config, section).model_fields_set
    }
    return override(chosen, unset)


# A Chinese character is its own spelling: its neighbours say more than its strokes' shape and affixes would.
_OF_MODE: dict[str, dict[tuple[str, str], Any]] = {
    "words": {},
    "blanks": {},
    "characters": {
        ("embedding", "bigram_dim"): 64,
        ("embedding", "character_filters"): 0,
        ("embedding", "affix_dim"): 0,
    },
}


def render(config: Config | PretrainConfig, *, comments: bool = True) -> str:
    """Write settings as TOML, each field's meaning in a comment above it."""
    lines: list[str] = []
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            lines.append("")
            if comments and value.__doc__:
                lines += [f"# {line.strip()}" for line in value.__doc__.strip().splitlines()]
            lines.append(f"[{name}]")
            for inner, inner_field in type(value).model_fields.items():
                lines += _render_field(inner, inner_field, getattr(value, inner), comments)
        else:
            lines += _render_field(name, field, value, comments)
    return "\n".join(lines) + "\n"


def _render_field(name: str, field: FieldInfo, value: object, comments: bool) -> Iterator[str]:
    if comments and field.description:
        yield f"# {field.description}"
    yield f"{name} = {_toml(value)}" if value is not None else f"# {name} ="


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return repr(value)


def _explain(kind: type[Config] | type[PretrainConfig], error: ValidationError) -> tuple[str, str]:
    """Return the first faulty field as a user writes it, and what is wrong with it."""
    faults = error.errors(include_url=False)
    place = faults[0]["loc"][:2]  # section and field; what follows names an alternative of a union
    field = ".".join(map(str, place))
    if faults[0]["type"] == "extra_forbidden":
        return field, f"no such setting{_suggest(kind, field)}"
    if faults[0]["type"] == "model_type":
        return field, f"found {faults[0]['input']!r}, expected a section with fields, as in [{field}]"
    wanted = [fault["msg"].removeprefix("Input should be ") for fault in faults if fault["loc"][:2] == place]
    return field, f"found {faults[0]['input']!r}, expected {' or '.join(wanted)}"


def _suggest(kind: type[Config] | type[PretrainConfig], name: str) -> str:
    known = [
        f"{section}.{field}" if field else section
        for section, info in kind.model_fields.items()
        for field in ["", *_fields_of(info)]
    ]
    by_last = {path.rpartition(".")[2]: path for path in known}
    near = difflib.get_close_matches(name, known, 1, 0.6)
    if not near:
        last = difflib.get_close_matches(name.rpartition(".")[2], by_last, 1, 0.6)
        near = [by_last[last[0]]] if last else []
    return f"; did you mean {near[0]}?" if near else "; `tagger config` lists them all"


def _fields_of(info: FieldInfo) -> list[str]:
    kind = info.annotation
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []
