"""What a record is, told by its keys: `SHAPES`, one row a shape, with its reader."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from tagger.errors import DataError
from tagger.text.conll import Corpus, Excerpt, Sentence, SourceText
from tagger.text.counting import Oddities, count_of
from tagger.text.files import display_name
from tagger.text.formats.alignment import Document, Report, TextSpan
from tagger.text.formats.corpus import CorpusSettings, Unlabelled, Warn, align_corpus
from tagger.text.formats.records.choice import Annotation, UnlabelledText, choose_annotations, name_annotator
from tagger.text.formats.records.labelstudio import read_task
from tagger.text.formats.records.spans import (
    UNITS,
    Place,
    check_offsets,
    count_code_points,
    find_units,
    is_offset,
    look_like_spans,
    read_offsets,
    read_span,
    read_spans,
)
from tagger.text.formats.records.values import is_pair, read_values

Record = dict[str, Any]
Found = Sentence | Document | UnlabelledText

_TAGS = ("tags", "ner_tags", "labels", "pos_tags", "chunk_tags", "upos")
_WORDS = ("tokens", "words")
_TEXTS = ("text", "data", "content", "sentence")
_SPANS = ("label", "labels", "entities", "ents", "annotations", "spans", "ner")
_BESIDE = {  # keys with lists or objects that are no spans
    "meta", "metadata", "comments", "Comments", "cats", "relations", "sents", "options", "accept", "config", "html",
    "versions", "tokens", "words", "user_data", "_", "annotation_approver", "data",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """A record, where it stands, and how it is to be read."""

    record: Any
    place: Place
    settings: CorpusSettings

    def first_list(self, keys: Sequence[str]) -> list[Any] | None:
        """Return the list under the first of these keys that has one, an empty one only where all are."""
        lists = [self.record[key] for key in keys if isinstance(self.record.get(key), list)]
        return next((each for each in lists if each), lists[0] if lists else None)

    @property
    def text(self) -> str | None:
        """Return the record's text, if it has one."""
        return next((self.record[key] for key in _TEXTS if isinstance(self.record.get(key), str)), None)


def read_records(path: str, settings: CorpusSettings, report: Report) -> Corpus:
    """Read a corpus of JSON; the shape of each record is told by its keys.

    Args:
        path: the file, `-` for the standard input.
        settings: how its texts are cut, its scheme, its encoding, and which annotations count.
        report: called for each span that does not meet token boundaries.

    Raises:
        DataError: with file and line.
    """
    return align_corpus(path, lambda _report, warn: _read_documents(path, settings, warn), settings, report)


def _read_documents(path: str, settings: CorpusSettings, warn: Warn) -> Iterator[Sentence | Document]:
    name = display_name(path)
    number, last = 0, None  # of the document
    left_out = Oddities()
    is_read = False
    for line, record in read_values(path, settings.encoding):
        document = _document_of(record)
        number += document is not None and last is not None and document != last
        last = document if document is not None else last
        place = Place(name, line, number)
        for found in read_record(Reading(record, place, settings)):
            if not isinstance(found, UnlabelledText):
                is_read = True
                yield _name(_settle_units(found, settings.offsets, place, left_out), record)
            elif settings.unlabelled is Unlabelled.SKIP:
                left_out.note("text", f"{found.reason}, left out", str(place))
            else:
                is_read = True
                left_out.note("text", f"{found.reason}, read as {settings.unlabelled}", str(place))
                is_unknown = settings.unlabelled is Unlabelled.UNKNOWN
                yield _name(found.document._replace(is_unknown=is_unknown), record)
    facts = list(left_out.lines())
    if facts and not is_read:
        raise DataError(f"found no labelled text: {'; '.join(facts)}; see --unlabelled", name, 1)
    for fact in facts:
        warn(fact)


def _settle_units(
    found: Sentence | Document, asked_for: str | None, place: Place, odd: Oddities
) -> Sentence | Document:
    """Return a document with offsets that count code points; tokens are checked once their offsets are."""
    if not isinstance(found, Document):
        return found
    tokens = found.sentences[0] if found.sentences else ()
    text, spans = found.text, found.spans
    unit = asked_for or ("codepoints" if text.isascii() else find_units(text, spans) or "codepoints")
    if unit != "codepoints":
        if not asked_for:
            odd.note(
                "text", f"whose offsets count {unit} units, as its spans' own texts show; read so", str(place)
            )
        spans, tokens = count_code_points(text, spans, tokens, unit, place)
    elif not asked_for and any(span.end > len(text) for span in spans):
        _refuse_other_units(text, spans, place)
    check_offsets(tokens, 0, text, place)
    return found._replace(spans=spans, sentences=(tokens,) if tokens else None)


def _refuse_other_units(text: str, spans: Sequence[TextSpan], place: Place) -> None:
    """Refuse spans beyond the end of a text by code points that are within it by other units."""
    last = max(span.end for span in spans)
    for unit in UNITS:
        if last <= sum(map(UNITS[unit], text)) and unit != "codepoints":
            found = f"found a span up to {last} in a text of {count_of(len(text), 'character')}"
            raise place.fault(
                f"{found}, which fits offsets that count {unit} units; say --offsets {unit} if they do"
            )


def _name(found: Sentence | Document, record: Any) -> Sentence | Document:
    """Say of a text what its record says of it: the name of its document, and where it begins in that."""
    if not isinstance(record, Mapping):
        return found
    doc, meta = _document_of(record), record.get("meta")
    start = record.get("start", meta.get("start") if isinstance(meta, Mapping) else None)
    name = str(doc) if isinstance(doc, str | int) else None
    start = start if is_offset(start) and start >= 0 else None
    if isinstance(found, Document):
        return found._replace(name=name, start=start)
    if found.excerpt is None:
        return found
    source = replace(found.excerpt.source, name=name, start=start)
    return replace(found, excerpt=replace(found.excerpt, source=source))


def _document_of(record: Any) -> Any:
    """Return what a record says about its document; None where it says nothing."""
    if not isinstance(record, Mapping):
        return None
    meta = record.get("meta")
    return record.get("doc", meta.get("doc") if isinstance(meta, Mapping) else None)


def read_record(reading: Reading) -> Iterator[Found]:
    """Yield what a record holds: usually one sentence or text, several where several annotators' are wanted.

    Raises:
        DataError: its keys are those of no shape, or what stands under them is at fault.
    """
    for is_shape, read in SHAPES:
        if is_shape(reading.record):
            yield from read(reading)
            return
    record = reading.record
    found = f"the keys {_name_keys(record)}" if isinstance(record, dict) else type(record).__name__
    raise _shape_fault(f"found {found}", reading.place)


def _name_keys(record: Record) -> str:
    return ", ".join(map(repr, list(record)[:8])) or "none"


def _shape_fault(found: str, place: Place) -> DataError:
    return place.fault(f"{found}, expected an object with tokens and tags, or with a text and its spans")


def _has_strings(record: Any) -> bool:
    """Say whether a record lists its tokens as strings."""
    if not isinstance(record, dict):
        return False
    words = next((record[key] for key in _WORDS if isinstance(record.get(key), list)), None)
    return bool(words) and all(isinstance(word, str) for word in words or ())


def _has_text(record: Any) -> bool:
    return isinstance(record, dict) and any(isinstance(record.get(key), str) for key in _TEXTS)


def _read_strings(reading: Reading) -> Iterator[Found]:
    """Read tokens and tags; tags may be numbers, as in data sets of Hugging Face."""
    words = reading.first_list(_WORDS)
    assert words is not None
    yield _read_tags(reading, words, reading.record.get("comments"))


def _read_tags(reading: Reading, words: Sequence[str], comments: Any) -> Sentence:
    place = reading.place
    key = next((key for key in _TAGS if isinstance(reading.record.get(key), list)), None)
    tags = None if key is None else reading.record[key]
    if key is not None and tags and all(map(is_offset, tags)):
        tags = _name_tags(tags, key, reading)
    return _make_sentence(words, tags, comments, place)


def _make_sentence(words: Sequence[str], tags: Any, comments: Any, place: Place) -> Sentence:
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        found = "no tags" if tags is None else "tags that are no strings"
        raise place.fault(f"found {found}, expected a list of strings")
    if len(words) != len(tags):
        found = f"found {count_of(len(words), 'token')} and {count_of(len(tags), 'tag')}"
        raise place.fault(f"{found}, expected as many of both")
    empty = next(
        (i for i, pair in enumerate(zip(words, tags, strict=True)) if not all(map(str.strip, pair))), None
    )
    if empty is not None:
        raise place.fault(f"found an empty token or tag at {empty}, expected some text")
    return Sentence(
        tokens=tuple(words),
        tags=tuple(tags),
        line=place.line,
        document=place.document,
        comments=tuple(each for each in comments if isinstance(each, str))
        if isinstance(comments, list)
        else (),
        lines=(place.line,) * len(words),
    )


def _name_tags(numbers: Sequence[int], key: str, reading: Reading) -> list[str]:
    """Return the names of tags that are numbers: as asked for, or as `dataset_info.json` beside the file says."""
    names = reading.settings.tag_names or _find_names(reading.place.path, key)
    if not names:
        raise reading.place.fault(
            f"found numbers under {key!r}, expected the names of tags; name them in the order of their numbers with "
            "--tag-names O,B-PER,..."
        )
    wrong = next((number for number in numbers if not 0 <= number < len(names)), None)
    if wrong is not None:
        raise reading.place.fault(
            f"found the tag {wrong}, expected a number below {len(names)}: so many are named"
        )
    return [names[number] for number in numbers]


@lru_cache(maxsize=8)
def _find_names(path: str, key: str) -> tuple[str, ...]:
    """Return the names that the description beside a data set gives the values of a key; none where there is none."""
    try:
        info = json.loads(Path(path).with_name("dataset_info.json").read_text(encoding="utf-8"))
        feature = info["features"][key]
        names = feature.get("feature", feature).get("names")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return tuple(names) if is_list else ()


def _read_gliner(reading: Reading) -> Iterator[Found]:
    """Read `tokenized_text` and `ner`, whose spans name their first and their last token."""
    words, spans = reading.record["tokenized_text"], reading.record.get("ner")
    place = reading.place
    if not all(isinstance(word, str) and word.strip() for word in words) or not words:
        raise place.fault("found tokens that are no strings, or none, expected a list of strings")
    bounds, at = [], 0
    for word in words:
        bounds.append((at, at + len(word)))
        at += len(word) + 1
    document = Document(" ".join(words), (), place.path, place.line, place.document, (tuple(bounds),))
    if spans is None:
        yield UnlabelledText(document, "without an annotation")
        return
    read = []
    for span in spans if isinstance(spans, list) else [spans]:
        is_span = isinstance(span, list) and len(span) == 3 and all(map(is_offset, span[:2]))
        if not is_span or not isinstance(span[2], str) or not 0 <= span[0] <= span[1] < len(words):
            expected = f"expected [first token, last token, type], tokens from 0 to {len(words) - 1}"
            raise place.fault(f"found the span {json.dumps(span)[:100]}, {expected}")
        read.append(TextSpan(span[2], bounds[span[0]][0], bounds[span[1]][1]))
    yield document._replace(spans=tuple(read))


def _read_pair(reading: Reading) -> Iterator[Found]:
    """Read a text and its spans as spaCy's training data have them: `[text, {"entities": [[start, end, type]]}]`."""
    text, beside = reading.record
    yield from _read_text(replace(reading, record=beside | {"text": text}))


def _read_nothing(reading: Reading) -> Iterator[Found]:
    """Read `null`, which stands for a text that nobody labelled."""
    place = reading.place
    yield UnlabelledText(Document("", (), place.path, place.line, place.document), "without an annotation")


def _read_text(reading: Reading) -> Iterator[Found]:
    """Read a text with spans, and perhaps with the offsets of its tokens."""
    record, place, text = reading.record, reading.place, reading.text
    assert text is not None
    words = reading.first_list(_WORDS) or []
    base = record.get("start", 0) if words else 0
    if not is_offset(base):
        raise _shape_fault("found a 'start' that is no number", place)
    tokens = read_offsets(words, base, place)
    if words and all(
        isinstance(word, list) and len(word) == 3 and isinstance(word[2], str) for word in words
    ):
        yield _read_predictions(reading, text, base)
        return

    def make(spans: tuple[TextSpan, ...]) -> Document:
        sentences = (tokens,) if tokens else None
        return Document(text, spans, place.path, place.line, place.document, sentences)

    answer = record.get("answer")
    if answer is not None and answer != "accept":
        yield UnlabelledText(make(()), f"with the answer {answer!r}")
        return
    found = _find_spans(reading, text)
    if found is not None:
        yield from _split_by_annotator(found, base, reading, make)
    elif answer == "accept":
        yield make(())
    else:
        yield UnlabelledText(make(()), "without an annotation")


def _read_predictions(reading: Reading, text: str, base: int) -> Sentence:
    """Read what `tagger predict` wrote: tokens as `[start, end, tag]`."""
    record, place = reading.record, reading.place
    words = reading.first_list(_WORDS) or []
    tokens = read_offsets(words, base, place)
    check_offsets(tokens, base, text, place)
    pieces = [text[start:end] for start, end in tokens]
    sentence = _make_sentence(pieces, [word[2] for word in words], record.get("comments"), place)
    confidences = {
        (span["type"], span["start"] - base, span["end"] - base): span["confidence"]
        for span in reading.first_list(("spans",)) or ()
        if isinstance(span, dict)
        and isinstance(span.get("confidence"), float)
        and isinstance(span.get("type"), str)
        and is_offset(span.get("start"))
        and is_offset(span.get("end"))
    }
    return replace(sentence, excerpt=Excerpt(SourceText(text), 0, len(text), tokens, confidences))


def _find_spans(reading: Reading, text: str) -> list[Any] | None:
    """Return the spans of a text; None where nobody labelled it.

    Raises:
        DataError: something may hold spans, and it is not known how to read them.
    """
    record = reading.record
    found = reading.first_list(_SPANS)
    if found is not None:
        return found
    for key in ("label", "labels"):
        if isinstance(record.get(key), dict):
            return _read_by_type(record[key], text, reading.place)
    others = [
        key
        for key, value in record.items()
        if isinstance(value, dict | list) and key not in _BESIDE and key not in _TEXTS
    ]
    likely = [key for key in others if look_like_spans(record[key])]
    if len(likely) == 1:
        spans: list[Any] = record[likely[0]]
        return spans
    others += [key for key in _SPANS if record.get(key) is not None and key not in others]
    if others:
        raise reading.place.fault(
            f"found a text and no known list of spans (keys: {_name_keys(record)}); expected them under "
            f"{', '.join(_SPANS[:-1])} or {_SPANS[-1]}; rename {', '.join(map(repr, others))}, or leave it out"
        )
    return None


def _read_by_type(types: Record, text: str, place: Place) -> list[Any]:
    """Return the spans of an object `{type: {text of the span: [[first, last], ...]}}`, as CLUENER has it.

    The last character is part of the span there; where that contradicts the text of the span, it stands behind it.
    """
    spans = []
    for name, surfaces in types.items():
        if not isinstance(surfaces, dict):
            raise place.fault(
                f"found {json.dumps(surfaces)[:60]} under the type {name!r}, expected texts and places"
            )
        for surface, places in surfaces.items():
            for pair in places if isinstance(places, list) else [places]:
                if not isinstance(pair, list) or len(pair) != 2 or not all(map(is_offset, pair)):
                    raise place.fault(f"found the place {json.dumps(pair)[:60]}, expected [first, last]")
                start, last = pair
                ends = [end for end in (last + 1, last) if text[start:end] == surface]
                spans.append({"start": start, "end": (ends or [last + 1])[0], "type": name, "text": surface})
    return spans


def _split_by_annotator(
    values: Sequence[Any], base: int, reading: Reading, make: Callable[[tuple[TextSpan, ...]], Document]
) -> Iterator[Document | UnlabelledText]:
    """Yield a text once for each annotator that counts; spans may say who drew them."""
    who = [
        name_annotator(value, 0)
        if isinstance(value, dict) and ("user" in value or "annotator" in value)
        else ""
        for value in values
    ]
    wanted = reading.settings.annotator
    if len(set(who)) < 2:
        yield make(read_spans(values, base, reading.place))
        return
    annotations = [
        Annotation(
            name,
            tuple(
                read_span(value, base, reading.place)
                for value, owner in zip(values, who, strict=True)
                if owner == name
            ),
        )
        for name in dict.fromkeys(who)
    ]
    yield from choose_annotations(annotations, wanted, reading.place, make)


SHAPES: tuple[tuple[Callable[[Any], bool], Callable[[Reading], Iterator[Found]]], ...] = (
    (lambda record: record is None, _read_nothing),
    (is_pair, _read_pair),
    (
        lambda record: isinstance(record, dict) and isinstance(record.get("tokenized_text"), list),
        _read_gliner,
    ),
    (_has_strings, _read_strings),
    (
        lambda record: isinstance(record, dict) and isinstance(record.get("data"), dict),
        lambda reading: read_task(reading.record, reading.place, reading.settings.annotator),
    ),
    (_has_text, _read_text),
)  # the first that fits is read: what recognises a record, and what reads it
