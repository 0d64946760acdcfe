"""Records with a text and its spans: doccano, Prodigy, spaCy, CLUENER, Label Studio's short form and others."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from tagger.text.formats.alignment import Document, TextSpan
from tagger.text.formats.records.choice import Annotation, UnlabelledText, name_annotator
from tagger.text.formats.records.place import Place, list_names, show
from tagger.text.formats.records.reading import TEXT_KEYS, Reading, Record
from tagger.text.formats.records.spans import (
    is_offset,
    look_like_spans,
    may_be_spans,
    read_span,
    read_spans,
    read_tokens,
)
from tagger.text.formats.records.tokens import WORD_KEYS, find_base

_SPANS = ("label", "labels", "entities", "ents", "annotations", "spans", "ner")
_BY_TYPE = ("label", "labels")  # where an object may hold spans by their types
_ANSWERS = {"reject": "rejected", "ignore": "ignored"}  # Prodigy's, beside `accept`
_BESIDE = {  # keys with lists or objects that are no spans
    "meta", "metadata", "comments", "Comments", "cats", "relations", "sents", "options", "accept", "config", "html",
    "versions", "tokens", "words", "user_data", "_", "annotation_approver", "predictions", *TEXT_KEYS,
}  # fmt: skip


def has_text(reading: Reading) -> bool:
    """Say whether a record has a text."""
    return isinstance(reading.record, dict) and reading.find_text() is not None


def read_pair(reading: Reading) -> Iterator[Document | UnlabelledText]:
    """Read a text and its spans as spaCy's training data have them: `[text, {"entities": [[start, end, type]]}]`."""
    text, beside = reading.record
    yield from read_text(replace(reading, record=beside | {"text": text}), text)


def read_nothing(reading: Reading) -> Iterator[UnlabelledText]:
    """Read `null`, which stands for a text that nobody labelled."""
    yield UnlabelledText(reading.make_document("", ()), "without an annotation")


def read_text(reading: Reading, text: str | None = None) -> Iterator[Document | UnlabelledText]:
    """Read a text with spans, and perhaps with the offsets of its tokens."""
    record = reading.record
    text = reading.find_text() if text is None else text
    assert text is not None
    words = reading.first_list(WORD_KEYS) or []
    base = find_base(reading) if words else 0
    sentences = _group(read_tokens(words, base, reading.place), record.get("sents"))
    if record.get("relations"):
        reading.note("with relations, which are not read")

    def make(spans: tuple[TextSpan, ...]) -> Document:
        return reading.make_document(text, spans, sentences)

    answer = record.get("answer")
    if answer not in (None, "accept", *_ANSWERS):
        raise reading.place.fault(f"found the answer {show(answer)}, expected accept, reject or ignore")
    found = None if answer in _ANSWERS else _find_spans(reading, text)
    if found is not None:
        annotations = _split_by_annotator(found, base, reading)
        yield from reading.choice.choose(annotations, reading.place, make, _key_of(reading, text))
    elif answer in _ANSWERS:
        yield UnlabelledText(make(()), f"{_ANSWERS[answer]} by its annotator")
    elif record.get("predictions"):
        yield UnlabelledText(make(()), "with predictions alone, which are not read as labels")
    else:
        yield UnlabelledText(make(()), "without an annotation")


def _group(tokens: list[TextSpan], bounds: Any) -> list[list[TextSpan]]:
    """Return tokens by sentences, where spaCy says where those begin."""
    begins = (
        [each.get("start") for each in bounds if isinstance(each, dict)] if isinstance(bounds, list) else []
    )
    starts = sorted(filter(is_offset, begins))
    return [list(group) for _, group in groupby(tokens, lambda token: bisect_right(starts, token.start))]


def _key_of(reading: Reading, text: str) -> Hashable:
    """Return what other records of the same text share, where each is one annotator's; else None.

    Label Studio's short form and Prodigy's sessions have a record for each annotator.
    """
    record = reading.record
    identity = next((record[key] for key in ("_input_hash", "id") if is_offset(record.get(key))), None)
    return (identity, text) if name_annotator(record) else None


def _find_spans(reading: Reading, text: str) -> list[Any] | None:
    """Return the spans of a text; None where nobody labelled it.

    Raises:
        DataError: several lists hold spans, or something may hold them and it is not known how to read it.
    """
    record, place = reading.record, reading.place
    known: dict[str, list[Any]] = {key: record[key] for key in _SPANS if isinstance(record.get(key), list)}
    for key in _BY_TYPE:
        if isinstance(record.get(key), dict):
            known[key] = _read_by_type(record[key], text, place)
    beside = {*_BESIDE, (reading.settings.text_field or "").split(".")[0]}
    others = {
        key: value
        for key, value in record.items()
        if key not in known and key not in beside and (isinstance(value, dict | list) or key in _SPANS)
    }
    likely = {key: value for key, value in others.items() if look_like_spans(value)}
    full: dict[str, list[Any]] = {key: value for key, value in (known | likely).items() if value}
    if len(full) > 1 and any(value != next(iter(full.values())) for value in full.values()):
        raise place.fault(
            f"found spans under {list_names(list(full))}, expected one list; leave the others out"
        )
    if full:
        return next(iter(full.values()))
    unread = [
        key
        for key, value in others.items()
        if value is not None and (not known or key in _SPANS or may_be_spans(value))
    ]
    named = next((key for key in unread if key in _SPANS), None)
    if named is not None:
        raise place.fault(
            f"found {show(record[named])} under {named!r}, expected a list of spans; mend it, or leave it out"
        )
    if unread:
        raise place.fault(
            f"found a text and no known list of spans (keys: {list_names(list(record))}); expected them under "
            f"{', '.join(_SPANS[:-1])} or {_SPANS[-1]}; rename {list_names(unread)}, or leave it out"
        )
    is_annotated = bool(known) or record.get("answer") == "accept" or record.get("annotation_id") is not None
    return [] if is_annotated else None


def _read_by_type(types: Record, text: str, place: Place) -> list[Any]:
    """Return the spans of an object `{type: {text of the span: [[first, last], ...]}}`, as CLUENER has it.

    The last character is part of the span there; where that contradicts the text of the span, it stands behind it.
    """
    spans = []
    for name, surfaces in types.items():
        if not isinstance(surfaces, dict):
            raise place.fault(
                f"found {show(surfaces)} under the type {name[:60]!r}, expected texts and places"
            )
        for surface, places in surfaces.items():
            for pair in places if isinstance(places, list) else [places]:
                if not isinstance(pair, list) or len(pair) != 2 or not all(map(is_offset, pair)):
                    raise place.fault(f"found the place {show(pair)}, expected [first, last]")
                start, last = pair
                ends = [end for end in (last + 1, last) if text[max(start, 0) : max(end, 0)] == surface]
                spans.append({"start": start, "end": (ends or [last + 1])[0], "type": name, "text": surface})
    return spans


def _split_by_annotator(values: Sequence[Any], base: int, reading: Reading) -> list[Annotation]:
    """Return what each annotator made of a text; a record says who it was, or, as in doccano of old, each span."""
    whose, is_silver = name_annotator(reading.record), reading.settings.is_silver
    owners = [name_annotator(value) if isinstance(value, dict) else () for value in values]
    if whose or len(set(owners)) < 2:
        return [
            Annotation(
                whose or next(iter(owners), ()), read_spans(values, base, reading.place, is_silver=is_silver)
            )
        ]
    return [
        Annotation(
            names or ("#0",),
            tuple(
                read_span(value, base, reading.place, is_silver=is_silver)
                for value, owner in zip(values, owners, strict=True)
                if owner == names
            ),
        )
        for names in dict.fromkeys(owners)
    ]
