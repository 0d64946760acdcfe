"""Tasks of Label Studio: a text under `data`, and what its annotators made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tagger.text.formats.alignment import Document, TextSpan
from tagger.text.formats.records.choice import Annotation, UnlabelledText, choose_annotations, name_annotator
from tagger.text.formats.records.spans import Place, read_span


def read_task(
    task: Mapping[str, Any], place: Place, annotator: str | None
) -> Iterator[Document | UnlabelledText]:
    """Yield what a task says of its text, once for each annotator that counts.

    Annotations stand under `annotations`, or under `completions` as they did before version 1.0. Those that were
    cancelled don't count, and predictions are none.
    """
    done = [
        each
        for key in ("annotations", "completions")
        for each in _list_of(task, key)
        if isinstance(each, dict)
    ]
    kept = [each for each in done if not each.get("was_cancelled") and not each.get("skipped")]
    read = [
        Annotation(name_annotator(each, number), _read_results(_list_of(each, "result"), place))
        for number, each in enumerate(kept)
    ]
    text = _find_text(task["data"], [span for each in read for span in each.spans], place)

    def make(spans: tuple[TextSpan, ...]) -> Document:
        return Document(text, spans, place.path, place.line, place.document)

    if read:
        yield from choose_annotations(read, annotator, place, make)
    elif done:
        yield UnlabelledText(make(()), "skipped by its annotator")
    elif task.get("predictions"):
        yield UnlabelledText(make(()), "with predictions alone, which are not read as labels")
    else:
        yield UnlabelledText(make(()), "without an annotation")


def _list_of(record: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = record.get(key)
    return value if isinstance(value, list) else ()


def _read_results(results: Sequence[Any], place: Place) -> tuple[TextSpan, ...]:
    """Return the spans among the results; choices, relations and remarks are none."""
    values = [result["value"] for result in results if isinstance(result, dict) and "value" in result]
    spans = [
        value for value in values if isinstance(value, dict) and ("start" in value or "startOffset" in value)
    ]
    elsewhere = next((value for value in spans if "startOffset" in value), None)
    if elsewhere is not None:
        raise place.fault(
            f"found a span of hypertext or of paragraphs ({str(elsewhere)[:60]}), expected spans of a plain text; "
            "label it with <Text> in place of <HyperText> or <Paragraphs>"
        )
    return tuple(read_span(value, 0, place) for value in spans)


def _find_text(data: Mapping[str, Any], spans: Sequence[TextSpan], place: Place) -> str:
    """Return the text that was labelled: `text`, the only string, or the one in which the spans' own texts stand."""
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    if "text" in texts or len(texts) == 1:
        return texts.get("text", next(iter(texts.values())))
    said = {span.text for span in spans if span.text is not None}
    fitting = [value for value in texts.values() if said and all(each in value for each in said)]
    if len(fitting) == 1:
        return fitting[0]
    if not texts:
        raise place.fault("found no text in 'data', expected a string")
    raise place.fault(
        f"found several texts in 'data' ({', '.join(texts)}), expected one; name the labelled one 'text'"
    )
