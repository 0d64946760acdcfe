"""Labelled texts -> JSON records: tokens and tags, and what annotation tools import.

`records` reads all of them back. The tools take any text, a sentence or a whole one, and count its offsets from its
own beginning; `doc` names its document, and `start` says where in that it begins, if that is not the beginning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tagger.text.conll import Sentence
from tagger.text.formats.sentence import LabelledSentence

Record = dict[str, Any]


def write_tags(sentences: Iterable[Sentence], name: str) -> Iterator[str]:
    """Yield one object a line: tokens, tags, and the comments of a corpus; `name` is that of its first document."""
    for sentence in sentences:
        named = sentence.excerpt.source.name if sentence.excerpt else None
        doc = named or (f"{name}#{sentence.document}" if sentence.document else name)
        record: Record = {"doc": doc, "tokens": sentence.tokens, "tags": sentence.tags}
        yield _dump_line(record | ({"comments": sentence.comments} if sentence.comments else {}))


def write_doccano(texts: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield one object a line, as doccano imports and exports it."""
    for text in texts:
        shift = text.start
        label = [[span.start - shift, span.end - shift, span.type] for span in text.spans]
        yield _dump_line({"text": text.text, "label": label, **text.facts} | _provenance(text))


def write_labelstudio(texts: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield an array of tasks, a line for each text: Label Studio imports no JSON lines."""
    before = "[\n"
    for text in texts:
        yield before + _dump(_make_task(text))
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def _make_task(text: LabelledSentence) -> Record:
    result = []
    for span in text.spans:
        start, end = span.start - text.start, span.end - text.start
        value = {"start": start, "end": end, "text": span.text, "labels": [span.type]}
        result.append({"from_name": "label", "to_name": "text", "type": "labels", "value": value})
    data = {"text": text.text, **text.facts}  # its tables show what is in it, and sort by it
    return {"data": data, "annotations": [{"result": result}], "meta": _provenance(text)}


def write_prodigy(texts: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield one task a line, as Prodigy imports and exports it (https://prodi.gy/docs/api-interfaces)."""
    for text in texts:
        shift = text.start
        places = [(start - shift, end - shift) for start, end, _ in text.tokens]
        first = {start: i for i, (start, _) in enumerate(places)}
        last = {end: i for i, (_, end) in enumerate(places)}
        tokens = [
            {
                "text": text.text[start:end],
                "start": start,
                "end": end,
                "id": i,
                "ws": text.text[end : end + 1].isspace(),
            }
            for i, (start, end) in enumerate(places)
        ]
        spans = [
            {
                "start": span.start - shift,
                "end": span.end - shift,
                "token_start": first[span.start - shift],
                "token_end": last[span.end - shift],
                "label": span.type,
            }
            for span in text.spans
        ]
        record = {"text": text.text, "tokens": tokens, "spans": spans, "answer": "accept"}
        yield _dump_line(record | {"meta": {**text.facts, **_provenance(text)}})


def _provenance(text: LabelledSentence) -> Record:
    """Return what says where a text comes from."""
    return {"doc": text.doc} | ({"start": text.start} if text.start else {})


def _dump(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False)


def _dump_line(record: Record) -> str:
    return _dump(record) + "\n"
