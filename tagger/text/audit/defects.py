"""The kinds of defect a corpus can have, which of them spoil training, and how to find those of tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tagger.text import schemes
from tagger.text.audit.labels import LocatedTags
from tagger.text.counting import count_of
from tagger.text.mending.types import find_near_types
from tagger.text.schemes import Scheme


class DefectKind(NamedTuple):
    """A heading, and whether training would fail or learn the wrong thing."""

    heading: str
    is_error: bool


KINDS: dict[str, DefectKind] = {
    "unreadable": DefectKind("files that cannot be read", True),
    "rows": DefectKind("rows with other or empty columns", True),
    "columns": DefectKind("columns that seem to be mixed up", True),
    "foreign-tag": DefectKind("tags outside the scheme", True),
    "no-span": DefectKind("files without a span", True),
    "notation": DefectKind("tags in another notation", True),
    "task": DefectKind("files for another task", True),
    "unclear": DefectKind("tags that can be read in two ways", True),
    "numbers": DefectKind("tags that are numbers", False),
    "scheme": DefectKind("files in another scheme", False),
    "spelling": DefectKind("tags written otherwise", False),
    "sequence": DefectKind("tags that do not follow from the tag before", False),
    "two-labellings": DefectKind("sentences labelled in two ways", False),
    "leakage": DefectKind("sentences of the first file that recur in another", False),
    "unseen-type": DefectKind("types that the first file lacks", False),
    "near-type": DefectKind("types that are nearly another one", False),
    "several-labels": DefectKind("words labelled in several ways", False),
    "rare-type": DefectKind("types that occur once", False),
    "long-sentence": DefectKind("very long sentences", False),
    "unspaced": DefectKind("tokens that raw text is not cut into", False),
    "oddity": DefectKind("oddities that were mended", False),
}


class Defect(NamedTuple):
    """One thing wrong with a corpus; `kind` is a key of `KINDS`."""

    path: str
    line: int | None
    kind: str
    message: str

    @property
    def is_error(self) -> bool:
        """Say whether training would go wrong."""
        return KINDS[self.kind].is_error

    def as_dict(self) -> dict[str, object]:
        """Return the defect as JSON holds it."""
        return {
            "path": self.path,
            "line": self.line,
            "kind": self.kind,
            "severity": "error" if self.is_error else "warning",
            "message": self.message,
        }


def find_strangers(
    labels: Iterable[LocatedTags], strangers: set[str], scheme: Scheme, path: str
) -> Iterator[Defect]:
    """Find the tokens with these tags, which the scheme does not have."""
    expected = f"expected {schemes.describe_tags(scheme)} ({scheme})"
    for tags, lines in labels:
        if not strangers.isdisjoint(tags):
            for tag, line in zip(tags, lines, strict=True):
                if tag in strangers:
                    yield Defect(path, line, "foreign-tag", f"found tag {tag!r}, {expected}")


def find_broken_sequences(labels: Iterable[LocatedTags], scheme: Scheme, path: str) -> Iterator[Defect]:
    """Find the tags that may not follow the tag before or end the sentence."""
    for tags, lines in labels:
        for i in schemes.violations(tags, scheme):
            if i == len(tags):
                yield Defect(
                    path, lines[-1], "sequence", f"{tags[-1]} ends a sentence, which {scheme} leaves open"
                )
            else:
                before = tags[i - 1] if i else "the beginning of a sentence"
                yield Defect(path, lines[i], "sequence", f"{tags[i]} follows {before}")


def find_rare_types(first_lines: dict[str, int], types: dict[str, int], path: str) -> Iterator[Defect]:
    """Find the types of a single span."""
    near = {each.name for each in find_near_types(types)}
    for name, count in types.items():
        if count == 1 and name not in near:
            message = f"type {schemes.name_type(name)!r} occurs once: too little to learn from"
            yield Defect(path, first_lines[name], "rare-type", message)


def find_nearly_other_types(
    first_lines: dict[str, int], types: dict[str, int], path: str
) -> Iterator[Defect]:
    """Find the types that are rare and nearly a frequent one."""
    for near in find_near_types(types):
        way = (
            "check --fix takes it for that"
            if near.is_sure
            else "tagger convert --rename OLD=NEW renames a tag"
        )
        yield Defect(path, first_lines[near.name], "near-type", f"type {near.describe()} {way}")


def find_unseen_types(
    first_lines: dict[str, int], types: dict[str, int], known: dict[str, int], path: str, train: str
) -> Iterator[Defect]:
    """Find the types that the training file lacks."""
    for name, count in types.items():
        if name not in known:
            message = f"type {name!r} ({count_of(count, 'span')}) is not in {train}: no model can find it"
            yield Defect(path, first_lines[name], "unseen-type", message)
