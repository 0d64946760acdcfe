"""Labelled sentences -> JSON records: tokens and tags, and what annotation tools import.

`records` reads all of them back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tagger.text.formats.sentence import LabelledSentence

Record = dict[str, Any]


def write_tags(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield one object a line: tokens, tags, and the comments of a corpus."""
    for sentence in sentences:
        tags = [tag for _, _, tag in sentence.tokens]
        record: Record = {"doc": sentence.doc, "tokens": sentence.words(), "tags": tags}
        yield _dump_line(record | ({"comments": list(sentence.comments)} if sentence.comments else {}))


def write_spans(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield one object a line: what `jsonl.write_jsonl` writes, without confidences."""
    for sentence in sentences:
        spans = [
            {"type": span.type, "start": span.start, "end": span.end, "text": span.text}
            for span in sentence.spans
        ]
        yield _dump_line(
            {
                "doc": sentence.doc,
                "start": sentence.start,
                "end": sentence.end,
                "text": sentence.text,
                "tokens": [list(token) for token in sentence.tokens],
                "spans": spans,
            }
        )


def write_doccano(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield one object a line, as doccano imports and exports it; offsets count from the sentence."""
    for sentence in sentences:
        shift = sentence.start
        label = [[span.start - shift, span.end - shift, span.type] for span in sentence.spans]
        yield _dump_line({"text": sentence.text, "label": label, "doc": sentence.doc})


def write_labelstudio(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield an array of tasks, a line for each sentence: Label Studio imports no JSON lines."""
    before = "[\n"
    for sentence in sentences:
        yield before + _dump(_make_task(sentence))
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def _make_task(sentence: LabelledSentence) -> Record:
    result = []
    for span in sentence.spans:
        start, end = span.start - sentence.start, span.end - sentence.start
        value = {"start": start, "end": end, "text": span.text, "labels": [span.type]}
        result.append({"from_name": "label", "to_name": "text", "type": "labels", "value": value})
    return {
        "data": {"text": sentence.text},
        "annotations": [{"result": result}],
        "meta": {"doc": sentence.doc},
    }


def _dump(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False)


def _dump_line(record: Record) -> str:
    return _dump(record) + "\n"
