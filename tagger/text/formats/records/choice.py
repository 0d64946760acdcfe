"""Records that several people labelled, or nobody: which annotation is read, and what becomes of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tagger.text.formats.alignment import Document, TextSpan
from tagger.text.formats.records.spans import Place

FIRST, ALL = "first", "all"  # what may stand for the name of an annotator


class UnlabelledText(NamedTuple):
    """A text that nobody labelled, or whose labels don't count, and why."""

    document: Document
    reason: str


class Annotation(NamedTuple):
    """What one annotator made of a text."""

    name: str
    spans: tuple[TextSpan, ...]


def name_annotator(annotation: Mapping[str, Any], number: int) -> str:
    """Return who made an annotation: an address, a name or a number, else its place among the others."""
    who = annotation.get("completed_by", annotation.get("user", annotation.get("annotator")))
    if isinstance(who, dict):
        who = next((who[key] for key in ("email", "username", "id") if who.get(key) is not None), None)
    who = annotation.get("created_username") if who is None else who
    return f"#{number + 1}" if who is None else str(who).strip()


def choose_annotations(
    annotations: Sequence[Annotation],
    wanted: str | None,
    place: Place,
    make: Callable[[tuple[TextSpan, ...]], Document],
) -> Iterator[Document | UnlabelledText]:
    """Yield the document as the annotator who was asked for labelled it, or everybody.

    Nobody has to be asked for where all agree.

    Raises:
        DataError: they don't, and nobody was.
    """
    if wanted == ALL:
        yield from (make(each.spans) for each in annotations)
        return
    if wanted in (None, FIRST):
        if wanted is None and len({frozenset(each.spans) for each in annotations}) > 1:
            names = ", ".join(each.name for each in annotations)
            raise place.fault(
                f"found {len(annotations)} annotations that differ, by {names}; choose one with --annotator NAME "
                f"({FIRST} takes the first of each text, {ALL} gives every one)"
            )
        yield make(annotations[0].spans)
        return
    own = [each for each in annotations if each.name == wanted]
    yield make(own[-1].spans) if own else UnlabelledText(make(()), f"without an annotation by {wanted}")
