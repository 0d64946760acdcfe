"""What a record is, told by its keys: `SHAPES`, one row a shape, with its reader; and a file read by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from tagger.errors import DataError
from tagger.text.conll import Corpus, Sentence
from tagger.text.counting import Oddities
from tagger.text.files import FilePath, display_name
from tagger.text.formats.alignment import Document, Report
from tagger.text.formats.corpus import CorpusSettings, Unlabelled, Warn, align_corpus
from tagger.text.formats.records.choice import Choice, UnlabelledText
from tagger.text.formats.records.labelstudio import is_task, read_task
from tagger.text.formats.records.names import TagNames
from tagger.text.formats.records.place import Place, list_names, show
from tagger.text.formats.records.reading import TEXT_KEYS, Reading
from tagger.text.formats.records.spans import is_offset
from tagger.text.formats.records.texts import has_text, read_nothing, read_pair, read_text
from tagger.text.formats.records.tokens import (
    is_gliner,
    is_prediction,
    lists_strings,
    read_gliner,
    read_prediction,
    read_tags,
)
from tagger.text.formats.records.values import TOO_DEEP, is_pair, read_values

Found = Sentence | Document | UnlabelledText


class Shape(NamedTuple):
    """A kind of record: how it is recognised, and what reads it."""

    is_shape: Callable[[Reading], bool]
    read: Callable[[Reading], Iterator[Found]]


SHAPES = (  # the first that fits is read
    Shape(lambda reading: reading.record is None, read_nothing),
    Shape(lambda reading: is_pair(reading.record), read_pair),
    Shape(lambda reading: is_gliner(reading.record), read_gliner),
    Shape(lambda reading: lists_strings(reading.record), read_tags),
    Shape(lambda reading: is_task(reading.record), read_task),
    Shape(lambda reading: is_prediction(reading.record), read_prediction),
    Shape(has_text, read_text),
)


def read_records(path: FilePath, settings: CorpusSettings, report: Report) -> Corpus:
    """Read a corpus of JSON; the shape of each record is told by its keys.

    Args:
        path: the file, `-` for the standard input.
        settings: how its texts are cut, its scheme, its encoding, and which annotations count.
        report: called for each span that does not meet token boundaries.

    Raises:
        DataError: with file and line.
    """
    return align_corpus(path, lambda _report, warn: _read_documents(path, settings, warn), settings, report)


def _read_documents(path: FilePath, settings: CorpusSettings, warn: Warn) -> Iterator[Sentence | Document]:
    name = display_name(path)
    number, last = 0, None  # of the document
    left_out, odd = Oddities(), Oddities()
    choice, names = Choice(settings.annotator, odd), TagNames(path, settings.columns.tag_names)
    is_read = False
    for line, record in read_values(path, settings.encoding):
        document = _document_of(record)
        number += document is not None and last is not None and document != last
        last = document if document is not None else last
        reading = Reading(record, Place(name, line, number), settings, choice, names, odd)
        for found in read_record(reading):
            if isinstance(found, UnlabelledText):
                wanted = settings.unlabelled
                outcome = "left out" if wanted is Unlabelled.SKIP else f"read as {wanted}"
                left_out.note("text", f"{found.reason}, {outcome}", str(reading.place))
                if wanted is Unlabelled.SKIP:
                    continue
                found = found.document._replace(is_unknown=wanted is Unlabelled.UNKNOWN)
            is_read = True
            yield _name(found, record)
    choice.check(name)
    facts = list(left_out.lines())
    if facts and not is_read:
        raise DataError(f"found no labelled text: {'; '.join(facts)}; see --unlabelled", name, 1)
    for fact in (*facts, *odd.lines()):
        warn(fact)
    if names.source is not None:
        warn(f"tags that are numbers have the names that {names.source} gives them")


def read_record(reading: Reading) -> Iterator[Found]:
    """Yield what a record holds: usually one sentence or text, several where several annotators' are wanted.

    Raises:
        DataError: its keys are those of no shape, or what stands under them is at fault.
    """
    read = next((shape.read for shape in SHAPES if shape.is_shape(reading)), None)
    if read is None:
        raise reading.place.fault(
            f"found {_describe(reading)}, expected an object with tokens and tags, or with a text and its spans"
        )
    try:
        yield from read(reading)
    except RecursionError as error:  # comparing and showing values goes deeper than reading them did
        raise reading.place.fault(TOO_DEEP) from error


def _describe(reading: Reading) -> str:
    """Say what a record is that has no known shape."""
    record, field = reading.record, reading.settings.text_field
    if not isinstance(record, dict):
        return type(record).__name__
    if field is not None:
        return f"no text under {field!r} but the keys {list_names(list(record))}"
    odd = next((key for key in TEXT_KEYS if key in record), None)
    held = f" and {show(record[odd])} under {odd!r}" if odd else ""
    return f"the keys {list_names(list(record))}{held}"


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
