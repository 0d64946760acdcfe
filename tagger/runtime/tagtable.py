"""What the rows of a decoder mean: roles inside the model, tags of the corpus's scheme outside, as tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from tagger.errors import DataError
from tagger.runtime.trained import TrainedModel, inner_scheme
from tagger.text import schemes
from tagger.text.schemes import OUTSIDE, UNKNOWN_TAG, Scheme, Span, name_type, spans_to_tags, split_tag

Known = str | Collection[str] | None
"""What is known of a token's tag: the tag, the tags it may have, or nothing (None or `?`)."""


class TagTable:
    """The K tags of a model.

    Attributes:
        scheme: of the corpus, in which tags go out.
        inner: the scheme inside the model.
        inside: (K,) the tags as the model has them.
        outside: (K,) the tags as they go out; in IOB1 a first tag also depends on what stands before it.
        types: (K,) type of each tag, "" for `O` and for tags without types.
        is_outside: (K,) whether the tag is `O`.
        names: (K,) the types as spans go out with them: those without one are called `word` or `span`.
        begins: (K,) whether a span begins at a token with this tag.
        ends: (K,) whether it ends there.
        opens: (K,) whether a span that goes out begins there: `begins`; of bare labels, all but `O`.
        is_sure: whether decoded tags are always valid and `outside` says all, so that spans and tags can be read off
            tables.
    """

    def __init__(self, model: TrainedModel) -> None:
        self.scheme = model.scheme
        self.inner = inner_scheme(model.scheme)
        self.inside = np.array(model.lexicon.tags, dtype=object)
        split = [split_tag(tag, self.inner) for tag in model.lexicon.tags]
        self.types = np.array([type_ for _, type_ in split], dtype=object)
        self.is_outside = self.inside == OUTSIDE
        self._nameless = name_type("", model.task)
        self.names = np.array([type_ or self._nameless for type_ in self.types], dtype=object)
        self.begins = np.array([role in ("B", "S") for role, _ in split])
        self.ends = np.array([role in ("E", "S") for role, _ in split])
        self.opens = ~self.is_outside if self.inner is Scheme.BARE else self.begins
        self.outside = np.array([self._spell(role, type_) for role, type_ in split], dtype=object)
        self.is_sure = model.config.decoder.kind == "crf" and self.scheme is not Scheme.IOB1
        self._meanings = self._find_meanings(split)

    @property
    def outside_row(self) -> int | None:
        """The row of `O`; None for a model without it, as those of bare labels may be."""
        return self.inside.tolist().index(OUTSIDE) if OUTSIDE in self.inside else None

    def _spell(self, role: str, type_: str) -> str:
        if role == "O":
            return OUTSIDE
        if self.inner is Scheme.BARE:
            return type_
        length, place = {"S": (1, 0), "B": (3, 0), "I": (3, 1), "E": (3, 2)}[role]
        return spans_to_tags([Span(type_, 0, length)], length, self.scheme)[place]

    def _find_meanings(self, split: Sequence[tuple[str, str]]) -> dict[str, list[int]]:
        """Return for each tag of the corpus's scheme the rows that may stand for it."""
        meanings: dict[str, list[int]] = {}
        for row, (role, type_) in enumerate(split):
            spelt = {str(self.outside[row])}
            if self.scheme is Scheme.IOB1 and role in ("B", "S"):
                spelt.add(f"B-{type_}" if type_ else "B")
            for tag in spelt:
                meanings.setdefault(tag, []).append(row)
        return meanings

    def find_rows(self, known: Known) -> list[int] | None:
        """Return the rows that a token may have given what is known of its tag; None: any.

        Raises:
            DataError: a tag that the model doesn't have.
        """
        if known is None or known == UNKNOWN_TAG:
            return None
        tags = [known] if isinstance(known, str) else sorted(known)
        if UNKNOWN_TAG in tags:
            return None
        for tag in tags:
            if tag not in self._meanings:
                listed = ", ".join(self._meanings)
                raise DataError(f"found the known tag {tag!r}, expected tags of the model: {listed}")
        if not tags:
            raise DataError(
                "found no tag at all that a token may have, expected one or more; None leaves it open"
            )
        return sorted({row for tag in tags for row in self._meanings[tag]})

    def find_spans(self, rows: Sequence[int]) -> list[Span]:
        """Return the spans of the decoded tags of one sentence, by their names."""
        found = schemes.tags_to_spans([self.inside[row] for row in rows], self.inner)
        if self.scheme is Scheme.IO:  # touching spans of one type go out as one
            return schemes.tags_to_spans(spans_to_tags(found, len(rows), Scheme.IO), Scheme.IO)
        return [span if span.type else span._replace(type=self._nameless) for span in found]

    def spell_spans(self, spans: Iterable[tuple[str, int, int, float | None]], length: int) -> list[str]:
        """Return the tags of a sentence that has these spans."""
        is_nameless = "" in self.types[~self.is_outside]
        found = (
            Span("" if is_nameless and span[0] == self._nameless else span[0], *span[1:3]) for span in spans
        )
        return spans_to_tags(found, length, self.scheme)
