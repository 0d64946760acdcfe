"""Which column of CoNLL-U could be meant where the tag column holds nothing."""

from __future__ import annotations

from tagger.text import schemes
from tagger.text.conll.layout import Layout
from tagger.text.conll.sentence import TAG_COLUMNS, UNSPECIFIED
from tagger.text.schemes import Scheme


def find_tag_columns(text: str, layout: Layout) -> list[str]:
    """Return the columns that hold tags in these rows, by the names that `Columns` takes.

    A key of MISC is one of them where its values have the prefixes of spans: `NER=B-PER` is, `SpaceAfter=No` is not.
    """
    rows = [row.split("\t") for row in text.split("\n") if row[:1].isdecimal()]
    tokens = [row for row in rows if len(row) == layout.width]
    values: dict[str, list[str]] = {}
    places = [place for place, name in enumerate(layout.names) if name in TAG_COLUMNS]
    misc = [token[layout.names.index("MISC")] for token in tokens if "MISC" in layout.names]
    for field in misc:
        for pair in field.split("|"):
            key, _, value = pair.partition("=")
            if value:
                values.setdefault(key, []).append(value)
    keys = [f"MISC:{key}" for key, tags in values.items() if schemes.detect([tags]).scheme is not Scheme.BARE]
    filled = [place for place in places if any(token[place] != UNSPECIFIED for token in tokens)]
    return keys + [layout.names[place] for place in filled]


def describe_names(layout: Layout) -> str:
    """Say that a row names the columns, and which of them are read."""
    tag = "" if layout.tag is None else f", tag {layout.names[layout.tag]}"
    return f"the names of the columns, left out; token is {layout.names[layout.token]}{tag}"


def describe_empty_column(layout: Layout, others: list[str]) -> str:
    """Say that the tag column holds nothing, and which of the others to ask for."""
    assert layout.tag is not None
    found = f"found only {UNSPECIFIED} in the tag column {layout.names[layout.tag]}, expected tags"
    if not others:
        return f"{found}; name the column that holds them: --tag-column MISC:KEY for KEY=TAG in MISC"
    options = " or ".join(f"--tag-column {name}" for name in others)
    return f"{found}; there are some elsewhere, say {options}"
