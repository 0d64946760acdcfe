"""Labelled texts -> JSON records: tokens and tags, and what annotation tools import.

`records` reads all of them back. The tools take any text, a sentence or a whole one, and count its offsets from its
own beginning; `doc` names its document, and `start` says where in that it begins, if that is not the beginning.

Where the labels are a model's, its version is given, and goes with them and with their confidences to the places that
a tool has for these: people have yet to say whether they are right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tagger.text.conll import Sentence
from tagger.text.escape import escape_json
from tagger.text.formats.labelling import FROM_NAME, TO_NAME
from tagger.text.formats.sentence import LabelledSentence, LabelledSpan, round_confidence

Record = dict[str, Any]


def write_tags(sentences: Iterable[Sentence], name: str) -> Iterator[str]:
    """Yield one object a line: tokens, tags, and the comments of a corpus; `name` is that of its first document."""
    for sentence in sentences:
        named = sentence.excerpt.source.name if sentence.excerpt else None
        doc = named or (f"{name}#{sentence.document}" if sentence.document else name)
        record: Record = {"doc": doc, "tokens": sentence.tokens, "tags": sentence.tags}
        yield _dump_line(record | ({"comments": sentence.comments} if sentence.comments else {}))


def write_doccano(texts: Iterable[LabelledSentence], version: str | None = None) -> Iterator[str]:
    """Yield one object a line, as doccano imports and exports it.

    What doccano doesn't know, as the confidences of a model, it keeps beside the text and exports again.
    """
    for text in texts:
        shift = text.start
        label = [[span.start - shift, span.end - shift, span.type] for span in text.spans]
        scores = (
            {} if version is None else {"scores": [round_confidence(each.confidence) for each in text.spans]}
        )
        yield _dump_line(
            {"text": text.text, "label": label, **text.facts} | scores | _provenance(text, version)
        )


def write_labelstudio(texts: Iterable[LabelledSentence], version: str | None = None) -> Iterator[str]:
    """Yield an array of tasks, a line for each text: Label Studio imports no JSON lines."""
    before = "[\n"
    for text in texts:
        yield before + _dump(_make_task(text, version))
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def _make_task(text: LabelledSentence, version: str | None) -> Record:
    shift = text.start
    spans = [span._replace(start=span.start - shift, end=span.end - shift) for span in text.spans]
    labels: Record
    if version is None:
        labels = {"annotations": [{"result": make_results(spans)}]}
    else:
        labels = {"predictions": [make_prediction(spans, version)]}
    data = {TO_NAME: text.text, **text.facts}  # its tables show what is in it, and sort by it
    return {"data": data} | labels | {"meta": _provenance(text, version)}


def make_prediction(
    spans: Sequence[LabelledSpan], version: str, from_name: str = FROM_NAME, to_name: str = TO_NAME
) -> Record:
    """Return what a model found in a text as Label Studio has it: the whole with a score, and each span with its own.

    A span's score is its probability. That of the whole is their mean, the share of them that can be expected to be
    right; nothing can be said where there are none.

    Args:
        spans: with offsets from the beginning of the text.
        version: of the model.
        from_name: of the labels in the project's labelling configuration.
        to_name: of the text there.
    """
    sure = [span.confidence for span in spans if span.confidence is not None]
    whole = {"score": round_confidence(sum(sure) / len(sure))} if sure else {}
    return {"model_version": version} | whole | {"result": make_results(spans, from_name, to_name)}


def make_results(
    spans: Sequence[LabelledSpan], from_name: str = FROM_NAME, to_name: str = TO_NAME
) -> list[Record]:
    """Return spans as Label Studio has them; the arguments are those of `make_prediction`."""
    results = []
    for span in spans:
        value = {"start": span.start, "end": span.end, "text": span.text, "labels": [span.type]}
        result = {"from_name": from_name, "to_name": to_name, "type": "labels", "value": value}
        score = round_confidence(span.confidence)
        results.append(result if score is None else result | {"score": score})
    return results


def write_prodigy(texts: Iterable[LabelledSentence], version: str | None = None) -> Iterator[str]:
    """Yield one task a line, as Prodigy imports and exports it (https://prodi.gy/docs/api-interfaces).

    Tokens alone wouldn't say where sentences begin: `sents` does, which Prodigy keeps. Nobody has accepted yet what a
    model found.
    """
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
            | ({} if version is None else {"score": round_confidence(span.confidence), "source": version})
            for span in text.spans
        ]
        record = {"text": text.text, "tokens": tokens, "spans": spans}
        sents = {"sents": [{"start": start - shift} for start in text.starts]} if len(text.starts) > 1 else {}
        answer = {"answer": "accept"} if version is None else {}
        yield _dump_line(record | sents | answer | {"meta": {**text.facts, **_provenance(text, version)}})


def _provenance(text: LabelledSentence, version: str | None) -> Record:
    """Return what says where a text comes from, and whose labels it has."""
    start = {"start": text.start} if text.start else {}
    return {"doc": text.doc} | start | ({} if version is None else {"model": version})


def _dump(record: Record) -> str:
    return escape_json(json.dumps(record, ensure_ascii=False))


def _dump_line(record: Record) -> str:
    return _dump(record) + "\n"
