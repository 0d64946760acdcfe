"""Texts that several people labelled, or nobody: which annotation is read, and what becomes of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tagger.errors import DataError
from tagger.text.counting import Oddities, count_of
from tagger.text.formats.alignment import Document, TextSpan
from tagger.text.formats.records.place import Place

FIRST, ALL = "first", "all"  # what may stand for the name of an annotator
_WHO = ("completed_by", "user", "annotator", "_annotator_id", "_session_id", "created_username")
_SHOWN = 8  # names in a message
_NAMES = ("email", "username", "name", "id")  # of an annotator who is an object


class UnlabelledText(NamedTuple):
    """A text that nobody labelled, or whose labels don't count, and why."""

    document: Document
    reason: str


class Annotation(NamedTuple):
    """What one annotator made of a text; the first of the names is the one that messages use."""

    names: tuple[str, ...]
    spans: tuple[TextSpan, ...]


Make = Callable[[tuple[TextSpan, ...]], Document]


def name_annotator(annotation: Mapping[str, Any]) -> tuple[str, ...]:
    """Return by what names the annotator goes: an address, a name, a number; none where nothing is said.

    >>> name_annotator({"completed_by": {"id": 4, "email": "ann@x.org"}}), name_annotator({"user": 1})
    (('ann@x.org', '4'), ('1',))
    """
    for key in _WHO:
        who = annotation.get(key)
        names = [who.get(each) for each in _NAMES] if isinstance(who, dict) else [who]
        found = tuple(
            str(each).strip() for each in names if isinstance(each, str | int) and str(each).strip()
        )
        if found:
            return found
    return ()


class Choice:
    """Whose labels of a text are read.

    Nobody has to be asked for where all agree. Where they don't and nobody was, all of them are counted, so that the
    error at the end of the file can name them.

    Args:
        wanted: a name, `FIRST` or `ALL`; None: nobody was asked for.
        odd: counts what is not read.
    """

    def __init__(self, wanted: str | None, odd: Oddities) -> None:
        self._wanted = wanted
        self._odd = odd
        self._is_met = wanted in (None, FIRST, ALL)
        self._met: Counter[str] = Counter()  # annotators, and how many texts they labelled
        self._seen: dict[Hashable, frozenset[TextSpan]] = {}  # records of one annotator each
        self._differing = 0
        self._where: Place | None = None

    def choose(
        self, annotations: Sequence[Annotation], place: Place, make: Make, key: Hashable = None
    ) -> Iterator[Document | UnlabelledText]:
        """Yield the document as the annotator who was asked for labelled it, or everybody.

        Args:
            annotations: of one text, at least one.
            place: of the record.
            make: makes a document with these spans.
            key: of the text, where other records may have other people's annotations of it.
        """
        self._is_met = self._is_met or any(self._wanted in each.names for each in annotations)
        self._met.update({each.names[0]: 1 for each in annotations if each.names})
        if self._wanted == ALL:
            yield from (make(each.spans) for each in annotations)
            return
        if self._wanted not in (None, FIRST):
            own = [each for each in annotations if self._wanted in each.names]
            if not own:
                yield UnlabelledText(make(()), f"without an annotation by {self._wanted!r}")
                return
            annotations = own[-1:]
        earlier = self._seen.get(key)
        versions = {frozenset(each.spans) for each in annotations} | ({earlier} - {None})
        if key is not None:
            self._seen.setdefault(key, frozenset(annotations[0].spans))
        if len(versions) > 1 and self._wanted is None:
            self._differing += 1
            self._where = self._where or place
            return
        if len(versions) > 1:
            self._odd.note("text", "with several annotations that differ, of which one was read", str(place))
        elif earlier is not None:
            self._odd.note("text", "labelled alike by another annotator, read once", str(place))
        if earlier is None:
            yield make(annotations[0].spans)

    def check(self, name: str) -> None:
        """Raise an error if annotators differed and nobody was asked for, or somebody who labelled nothing.

        Args:
            name: of the file.
        """
        if not self._is_met and self._met:
            found = f"found nothing labelled by {self._wanted!r}"
            raise DataError(f"{found}, expected one of the annotators: {self._list_annotators()}", name)
        if self._where is not None:
            found = (
                f"found {count_of(self._differing, 'text')} with annotations that differ, from here on, by"
            )
            raise self._where.fault(
                f"{found} {self._list_annotators()}; choose one with --annotator NAME ({FIRST} takes the first of "
                f"each text, {ALL} gives every one)"
            )

    def _list_annotators(self) -> str:
        listed = [f"{name!r} ({count})" for name, count in self._met.most_common(_SHOWN)]
        more = len(self._met) - len(listed)
        return ", ".join(listed) + (f" and {more:,} more" if more else "")
