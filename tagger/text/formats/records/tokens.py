"""Records that list their tokens: with tags, with spans of tokens, or with offsets and tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tagger.text.conll import Excerpt, Sentence, SourceText
from tagger.text.counting import count_of
from tagger.text.formats.alignment import Document, TextSpan
from tagger.text.formats.records.choice import UnlabelledText
from tagger.text.formats.records.place import list_names, show
from tagger.text.formats.records.reading import Reading
from tagger.text.formats.records.spans import is_offset, read_tokens

TAG_KEYS = ("tags", "ner_tags", "labels", "pos_tags", "chunk_tags", "upos")
WORD_KEYS = ("tokens", "words")


def lists_strings(record: Any) -> bool:
    """Say whether a record lists its tokens as strings."""
    if not isinstance(record, dict):
        return False
    words = next((record[key] for key in WORD_KEYS if isinstance(record.get(key), list)), None)
    if not words:
        return words is not None and any(isinstance(record.get(key), list) for key in TAG_KEYS)
    return all(isinstance(word, str) for word in words)


def read_tags(reading: Reading) -> Iterator[Sentence]:
    """Read tokens and tags; tags may be numbers, as in data sets of Hugging Face."""
    words = reading.first_list(WORD_KEYS)
    assert words is not None
    record = reading.record
    key = next((key for key in TAG_KEYS if isinstance(record.get(key), list)), None)
    tags = None if key is None else record[key]
    if key is not None and tags and all(map(is_offset, tags)):
        tags = reading.names.name(tags, key, record, reading.place)
    if not words and not tags:
        reading.odd.note("sentence", "without a token, left out", str(reading.place))
        return
    yield _make_sentence(words, tags, reading)


def _make_sentence(words: Sequence[str], tags: Any, reading: Reading) -> Sentence:
    place, comments = reading.place, reading.record.get("comments")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        keys = f"keys: {list_names(list(reading.record))}"
        found = f"no tags ({keys})" if tags is None else "tags that are no strings"
        expected = f"expected a list of strings under {', '.join(TAG_KEYS[:-1])} or {TAG_KEYS[-1]}"
        raise place.fault(f"found {found}, {expected}")
    if len(words) != len(tags):
        found = f"found {count_of(len(words), 'token')} and {count_of(len(tags), 'tag')}"
        raise place.fault(f"{found}, expected as many of both")
    pairs = zip(words, tags, strict=True)
    empty = next((i for i, pair in enumerate(pairs) if not all(map(str.strip, pair))), None)
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


def is_gliner(record: Any) -> bool:
    """Say whether a record has the keys of GLiNER's training data."""
    return isinstance(record, dict) and isinstance(record.get("tokenized_text"), list)


def read_gliner(reading: Reading) -> Iterator[Document | UnlabelledText]:
    """Read `tokenized_text` and `ner`, whose spans name their first and their last token."""
    words, spans = reading.record["tokenized_text"], reading.record.get("ner")
    place = reading.place
    if not all(isinstance(word, str) and word.strip() for word in words):
        raise place.fault("found a token that is no string, or an empty one, expected a list of strings")
    if not words and not spans:
        reading.odd.note("sentence", "without a token, left out", str(place))
        return
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
            raise place.fault(f"found the span {show(span)}, {expected}")
        read.append(TextSpan(span[2], bounds[span[0]][0], bounds[span[1]][1]))
    yield document._replace(spans=tuple(read))


def is_prediction(record: Any) -> bool:
    """Say whether a record has tokens as `[start, end, tag]`, as `tagger predict` writes them."""
    words = record.get("tokens") if isinstance(record, dict) and isinstance(record.get("text"), str) else None
    return (
        isinstance(words, list)
        and bool(words)
        and all(isinstance(word, list) and len(word) == 3 and isinstance(word[2], str) for word in words)
    )


def read_prediction(reading: Reading) -> Iterator[Sentence]:
    """Read what `tagger predict` wrote."""
    record, place, text = reading.record, reading.place, reading.record["text"]
    base = find_base(reading)
    document = reading.make_document(text, (), [read_tokens(record["tokens"], base, place)])
    tokens = document.sentences[0] if document.sentences else ()
    if len(tokens) < len(record["tokens"]):
        raise place.fault("found a token of white space alone, expected some text")
    pieces = [text[start:end] for start, end in tokens]
    sentence = _make_sentence(pieces, [word[2] for word in record["tokens"]], reading)
    spans = record.get("spans")
    confidences = {
        (span["type"], span["start"] - base, span["end"] - base): span["confidence"]
        for span in (spans if isinstance(spans, list) else ())
        if isinstance(span, dict)
        and isinstance(span.get("confidence"), float)
        and isinstance(span.get("type"), str)
        and is_offset(span.get("start"))
        and is_offset(span.get("end"))
    }
    yield replace(sentence, excerpt=Excerpt(SourceText(text), 0, len(text), tokens, confidences))


def find_base(reading: Reading) -> int:
    """Return the offset at which a record's text begins in its document, from which its tokens count.

    Raises:
        DataError: it is no number.
    """
    base = reading.record.get("start", 0)
    if not is_offset(base):
        raise reading.place.fault(f"found {show(base)} under 'start', expected a number")
    return int(base)
