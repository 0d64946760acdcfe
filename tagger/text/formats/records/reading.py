"""A record that is being read: where it stands, what was asked for, and where what is odd about it is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tagger.text.counting import Oddities, count_of
from tagger.text.formats.alignment import Document, TextSpan
from tagger.text.formats.corpus import CorpusSettings
from tagger.text.formats.records.choice import Choice
from tagger.text.formats.records.names import TagNames
from tagger.text.formats.records.place import Place
from tagger.text.formats.records.placing import place_spans
from tagger.text.formats.records.units import settle_units

Record = dict[str, Any]
TEXT_KEYS = ("text", "data", "content", "sentence")


@dataclass(frozen=True, slots=True)
class Reading:
    """A record and what reading it takes.

    Attributes:
        record: the value that stands in the file.
        place: where.
        settings: how it is to be read.
        choice: whose labels count, where several people labelled its text.
        names: of tags that are numbers.
        odd: counts what is not read of it, and what is read otherwise than it stands there.
    """

    record: Any
    place: Place
    settings: CorpusSettings
    choice: Choice
    names: TagNames
    odd: Oddities

    def first_list(self, keys: Sequence[str]) -> list[Any] | None:
        """Return the list under the first of these keys that has one."""
        return next((self.record[key] for key in keys if isinstance(self.record.get(key), list)), None)

    def find_text(self) -> str | None:
        """Return the record's text, if it has one."""
        field = self.settings.text_field
        if field is not None:
            return look_up(self.record, field)
        return next((self.record[key] for key in TEXT_KEYS if isinstance(self.record.get(key), str)), None)

    def note(self, oddity: str) -> None:
        """Count a text about which something is odd."""
        self.odd.note("text", oddity, str(self.place))

    def make_document(
        self, text: str, spans: Sequence[TextSpan], sentences: Sequence[Sequence[TextSpan]] = ()
    ) -> Document:
        """Return a text and its spans with offsets that count code points.

        Args:
            text: of the record.
            spans: with offsets as the file has them.
            sentences: its tokens, sentence by sentence; of no type, with offsets as the file has them. Those of white
                space alone, which spaCy makes, are none here.

        Raises:
            DataError: tokens leave the text or overlap, or don't cover what the file says they cover.
        """
        unit = self.settings.offsets
        if self.settings.is_silver:
            spans = place_spans(text, spans, partial(self.odd.note, "span", place=str(self.place)))
        spans, sentences = settle_units(text, spans, sentences, unit, self.place, self.note)
        last = 0
        for token in (token for sentence in sentences for token in sentence):
            if not last <= token.start < token.end <= len(text):
                found = f"found the token {token.start}-{token.end} of a text of {count_of(len(text), 'character')}"
                raise self.place.fault(f"{found}, expected tokens in order inside it")
            covered = text[token.start : token.end]
            if token.text is not None and token.text != covered:
                found = f"found the token {token.text[:60]!r} where the text has {covered[:60]!r}"
                raise self.place.fault(f"{found} ({token.start}-{token.end}), expected the same")
            last = token.end
        kept = (
            tuple((each.start, each.end) for each in sentence if text[each.start : each.end].strip())
            for sentence in sentences
        )
        tokens = tuple(sentence for sentence in kept if sentence)
        place = self.place
        return Document(text, tuple(spans), place.path, place.line, place.document, tokens or None)


def look_up(record: Mapping[str, Any], field: str) -> str | None:
    """Return the string under a key, dots between the keys of objects inside each other; None where there is none.

    >>> look_up({"a": {"b": "x"}, "a.c": "y"}, "a.b"), look_up({"a.c": "y"}, "a.c")
    ('x', 'y')
    """
    value = record.get(field)
    if value is None and "." in field:
        value = record
        for key in field.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else None
