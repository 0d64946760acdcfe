"""Tasks of Label Studio: a text under `data`, and what its annotators made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tagger.text.formats.alignment import Document, TextSpan
from tagger.text.formats.records.choice import Annotation, UnlabelledText, name_annotator
from tagger.text.formats.records.place import list_names, show
from tagger.text.formats.records.reading import Reading, look_up
from tagger.text.formats.records.spans import find_score, look_like_spans, may_be_spans, read_span

_MADE_BY_PEOPLE = ("annotations", "completions")  # the second before version 1.0
_OTHER_RESULTS = ("choices", "relation", "textarea", "taxonomy", "rating", "number", "pairwise")


def is_task(record: Any) -> bool:
    """Say whether a record is a task."""
    return isinstance(record, dict) and isinstance(record.get("data"), dict)


def read_task(reading: Reading) -> Iterator[Document | UnlabelledText]:
    """Yield what a task says of its text, once for each annotator that counts.

    Annotations that were cancelled don't count, and predictions are none.
    """
    task = reading.record
    done = [each for key in _MADE_BY_PEOPLE for each in _list_annotations(reading, key)]
    kept = [each for each in done if not each.get("was_cancelled") and not each.get("skipped")]
    read = [
        Annotation(name_annotator(each) or (f"#{number}",), _read_results(each.get("result"), reading))
        for number, each in enumerate(kept, 1)
    ]
    if not read and reading.settings.is_silver:
        read = _read_predictions(reading)
    text = _find_text(reading, [span for each in read for span in each.spans])

    def make(spans: tuple[TextSpan, ...]) -> Document:
        return reading.make_document(text, spans)

    elsewhere = [key for key, value in task.items() if look_like_spans(value) or may_be_spans(value)]
    if read:
        yield from reading.choice.choose(read, reading.place, make)
    elif elsewhere:
        raise reading.place.fault(
            f"found a task with spans under {list_names(elsewhere)}, expected them under 'annotations', in a 'result'"
        )
    elif done:
        yield UnlabelledText(make(()), "skipped by its annotator")
    elif task.get("predictions"):
        yield UnlabelledText(make(()), "with predictions alone, which are not read as labels")
    else:
        yield UnlabelledText(make(()), "without an annotation")


def _read_predictions(reading: Reading) -> list[Annotation]:
    """Return what the last model said of a task; a result without a score of its own has that of the whole."""
    found = _list_annotations(reading, "predictions")[-1:]
    return [
        Annotation((f"#{len(found)}",), _read_results(each.get("result"), reading, each)) for each in found
    ]


def _list_annotations(reading: Reading, key: str) -> Sequence[Mapping[str, Any]]:
    found = reading.record.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise reading.place.fault(f"found {show(found)} under {key!r}, expected a list of objects")
    return found


def _read_results(
    results: Any, reading: Reading, prediction: Mapping[str, Any] = MappingProxyType({})
) -> tuple[TextSpan, ...]:
    """Return the spans among the results; choices, relations and remarks are counted."""
    place = reading.place
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        raise place.fault(f"found {show(results)} under 'result', expected a list of objects")
    spans = []
    for result in results:
        kind, value = result.get("type"), result.get("value")
        is_label = kind is None or (isinstance(kind, str) and kind.endswith("labels"))
        if not is_label or not isinstance(value, dict) or not ("start" in value or "startOffset" in value):
            known = kind if kind in _OTHER_RESULTS else "unknown"
            reading.odd.note("result", f"of another kind than a span ({known}), not read", str(place))
        elif "startOffset" in value:
            raise place.fault(
                f"found a span of hypertext or of paragraphs ({show(value)}), expected spans of a plain text; label "
                "it with <Text> in place of <HyperText> or <Paragraphs>"
            )
        else:
            span = read_span(value, 0, place, is_silver=reading.settings.is_silver)
            if reading.settings.is_silver:
                score = find_score(result, place)
                score = find_score(dict(prediction), place) if score is None else score
                span = span._replace(score=score)
            spans.append(span)
    return tuple(spans)


def _find_text(reading: Reading, spans: Sequence[TextSpan]) -> str:
    """Return the text that was labelled.

    It is the one asked for, `text`, the only string, or the one in which the spans' own texts stand.
    """
    data, place = reading.record["data"], reading.place
    texts = {key: value for key, value in data.items() if isinstance(value, str)}
    field = reading.settings.text_field
    if field is not None:
        found = look_up(data, field.removeprefix("data."))
        if found is None:
            raise place.fault(f"found no text {field!r} in 'data', expected one of {list_names(list(texts))}")
        return found
    if "text" in texts or len(texts) == 1:
        return texts.get("text", next(iter(texts.values())))
    if not texts:
        raise place.fault("found no text in 'data', expected a string")
    said = {span.text for span in spans if span.text is not None}
    fitting = [value for value in texts.values() if said and all(each in value for each in said)]
    if len(fitting) == 1:
        return fitting[0]
    raise place.fault(
        f"found several texts in 'data' ({list_names(list(texts))}), expected one; name it with --text-field"
    )
