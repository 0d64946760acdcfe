"""What requests ask, read from their bodies: JSON, or a text as it is.

Every fault names the field at which it is, and what was expected there.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tagger.errors import ConfigError
from tagger.runtime.questions import Question, build_question

_MOST_READINGS = 20
MOST_TEXTS = 10_000  # of one request; an empty one takes time, too
# Those in which texts are; some others of Python's take minutes for a megabyte, or keep what they are asked for.
_CHARSETS = frozenset(
    [
        "utf-8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be", "latin-1",
        *(f"iso-8859-{part}" for part in (1, 2, 5, 6, 7, 8, 9, 15)),
        *(f"windows-{page}" for page in (874, *range(1250, 1259))),
        "koi8-r", "koi8-u", "tis-620", "gb2312", "gbk", "gb18030", "big5", "big5-hkscs", "shift-jis", "euc-jp",
        "iso-2022-jp", "euc-kr",
    ]
)  # fmt: skip
_MOST_SHOWN = 80  # characters of what was found

Body = TypeVar("Body", bound=BaseModel)

Probability = Annotated[float, Field(ge=0, le=1)]
Readings = Annotated[int, Field(ge=0, le=_MOST_READINGS)]


class _Asked(BaseModel):
    """What every request may ask beside its sentences."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str | None = Field(None, description="Name of a model; else the first.")
    min_confidence: Probability | None = Field(
        None, description="Leave out spans that are less probable; else what training chose; 0: nothing."
    )
    nbest: Readings = Field(0, description="Also give the n best readings of each sentence.")
    rivals: Readings = Field(0, description="Also give n other things that the tokens of each span could be.")

    def question(self) -> Question:
        """Return what a decoder is asked."""
        return build_question(self.min_confidence, self.nbest, rivals=self.rivals, expected_spans=True)


class _Queried(_Asked):
    """What may be asked beside texts, in the address too."""

    language: str = Field(
        "en",
        pattern="^[A-Za-z0-9-]{1,35}$",
        description="Language of the texts: whose abbreviations end no sentence.",
    )
    words_across_blanks: bool = Field(
        False, description="Whether a word that a model cuts out of a text may hold blanks."
    )

    def question(self) -> Question:
        """Return what a decoder is asked."""
        return build_question(
            self.min_confidence,
            self.nbest,
            rivals=self.rivals,
            expected_spans=True,
            words_across_blanks=self.words_across_blanks,
        )

    def with_text(self, text: str) -> TextsBody:
        """Return it as asked of one text."""
        return TextsBody.model_construct(texts=[text], **dict(self))


class TextsBody(_Queried):
    """What `POST /predict` is asked."""

    texts: Annotated[list[str], Field(max_length=MOST_TEXTS)] = Field(
        description="Texts to label, each by itself."
    )


class TokensBody(_Asked):
    """What `POST /predict_tokens` is asked."""

    sentences: Annotated[list[list[str]], Field(max_length=MOST_TEXTS)] = Field(
        description="The tokens of each sentence."
    )
    documents: list[int] | None = Field(
        None, description="A number for each sentence: neighbours of equal number are read together."
    )
    known: list[list[str | list[str] | None] | None] | None = Field(
        None,
        description="For each sentence null, or for each token what is known of its tag: "
        "the tag, several that it may have, or null.",
    )
    features: list[list[list[str]]] | None = Field(
        None, description="For each sentence and each column that the model reads, a value for each token."
    )


def read_json(body: bytes, kind: type[Body]) -> Body:
    """Return what a body of JSON asks.

    Raises:
        ConfigError: it is no JSON, or a field is not what it should be; `field` names it as `texts.3`.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise _explain(error) from None


def read_text(body: bytes, charset: str, query: dict[str, str]) -> TextsBody:
    """Return what a text asks that was sent as it is, with what stands behind `?` in its address.

    Raises:
        ConfigError: the bytes are not in the encoding, or a value behind `?` is not what it should be.
    """
    name = charset.lower().replace("_", "-")
    if name not in _CHARSETS:
        raise ConfigError(f"found charset {charset[:40]!r}, expected utf-8, or one of old", "Content-Type")
    try:
        text = body.decode(name)
    except UnicodeError as error:
        raise ConfigError(f"isn't {charset}: {error}; name its charset in Content-Type", "body") from None
    try:
        return _Queried.model_validate_strings(query).with_text(text)
    except ValidationError as error:
        raise _explain(error) from None


def _explain(error: ValidationError) -> ConfigError:
    """Return the first of several faults in our words."""
    first = error.errors(include_url=False, include_context=False)[0]
    # A field with several types says which of them was tried; users know none of these names.
    place = [part for part in first["loc"] if isinstance(part, int) or part.isidentifier()]
    place = [part for part in place if part not in ("str",)]
    field = ".".join(map(str, place)) or None
    message = str(first["msg"])
    match first["type"]:
        case "missing":
            return ConfigError("is missing; the request needs this field", field)
        case "extra_forbidden":
            return ConfigError("found a field that there isn't; leave it out", field)
        case "json_invalid":
            return ConfigError(f"expected JSON: {message.removeprefix('Invalid JSON: ')}", field)
        case _:
            found = repr(first["input"])
            shown = found if len(found) <= _MOST_SHOWN else f"{found[: _MOST_SHOWN - 3]}..."
            return ConfigError(f"found {shown}; {message[0].lower()}{message[1:]}", field)


def describe_body(kind: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """Return what OpenAPI says of a body of JSON."""
    return {"application/json": {"schema": kind.model_json_schema(), "example": example}}
