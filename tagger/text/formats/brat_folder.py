"""What stands beside annotations in a folder that brat opens: the texts, the types there are, and their colours.

`annotation.conf` lists the types, `visual.conf` gives them labels and colours (https://brat.nlplab.org/configuration.html).
Both hold what somebody may have changed by hand, so one that is there stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from tagger.errors import DataError
from tagger.text.formats.hues import find_colour
from tagger.text.formats.sentence import LabelledSentence
from tagger.text.output import write_text

LONGEST_GAP = 1000  # characters between two texts of a document that are filled: no white space is as long
BYTE_ORDER_MARK = "\ufeff"
_NOT_IN_A_TYPE = re.compile(r"[\s;]")
# What brat takes for the name of a type in its settings; `-` alone would be a line across.
_IN_SETTINGS = re.compile(r"(?!-+\Z)[a-zA-Z0-9_-]+")
_NOT_IN_A_LABEL = re.compile(r"[\s|]+")


def name_type_for_brat(type_: str) -> str:
    """Return a type as an annotation holds it, one word.

    >>> name_type_for_brat("work of art")
    'work_of_art'
    """
    return _NOT_IN_A_TYPE.sub("_", type_)


def copy_text(sentences: Iterable[LabelledSentence], stream: TextIO) -> Iterator[LabelledSentence]:
    """Pass the sentences of one document on, and write the text to which their offsets belong.

    What lies between them is the white space that they know of, else line ends. A stretch that is missing (a text
    that begins far into its document) shrinks to one line end, and the sentences behind it move up.
    """
    reached = shift = 0
    waiting = ""  # white space behind the last sentence
    for number, sentence in enumerate(sentences):
        gap = sentence.start - shift - reached
        if not 0 <= gap <= LONGEST_GAP + len(waiting):
            shift += gap - (number > 0)
            gap = int(number > 0)
        text = waiting[:gap].ljust(gap, "\n") + sentence.text
        if number == 0 and text.startswith(BYTE_ORDER_MARK):
            stream.write(BYTE_ORDER_MARK)  # reading drops one at the start
        stream.write(text)
        reached += len(text)
        waiting = sentence.space
        yield _move(sentence, -shift) if shift else sentence
    stream.write(waiting)


def _move(sentence: LabelledSentence, by: int) -> LabelledSentence:
    """Return a sentence whose spans stand elsewhere."""
    spans = [span._replace(start=span.start + by, end=span.end + by) for span in sentence.spans]
    return replace(sentence, start=sentence.start + by, end=sentence.end + by, spans=spans)


def write_settings(folder: Path, types: Iterable[str]) -> list[Path]:
    """Write the settings of a folder for brat, and return the files that were there with other content and stay.

    Args:
        folder: it exists.
        types: all that annotations in it may have.

    Raises:
        DataError: the disk refuses.
    """
    known = sorted(set(types))
    contents = {"annotation.conf": format_types(known), "visual.conf": format_colours(known)}
    return [folder / name for name, content in contents.items() if not _write_new(folder / name, content)]


def _write_new(path: Path, content: str) -> bool:
    """Write a file that isn't there; say whether it now has that content."""
    try:
        return path.read_bytes() == content.encode("utf-8")
    except FileNotFoundError:
        write_text(path, [content])
        return True
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}; choose another folder", path) from error


def format_types(types: Iterable[str]) -> str:
    """Return `annotation.conf`; types whose names brat has no place for are named in a comment."""
    names = {type_: name_type_for_brat(type_) for type_ in types}
    held = [name for name in dict.fromkeys(names.values()) if _IN_SETTINGS.fullmatch(name)]
    left = [_label(type_) for type_, name in names.items() if not _IN_SETTINGS.fullmatch(name)]
    note = f"# Names of other than a-z, A-Z, 0-9, _ and - brat draws but doesn't offer: {', '.join(left)}\n"
    return (
        "# The types that can be annotated, as brat reads them.\n"
        + (note if left else "")
        + "\n[entities]\n"
        + "".join(f"{name}\n" for name in held)
        + "\n[relations]\n\n[events]\n\n[attributes]\n"
    )


def format_colours(types: Iterable[str]) -> str:
    """Return `visual.conf`: the types as people know them, each in its colour, black on light."""
    labels, colours = {}, {}
    for type_ in types:
        name = name_type_for_brat(type_)
        if _IN_SETTINGS.fullmatch(name) and name not in labels:
            labels[name] = f"{name} | {_label(type_)}\n"
            colours[name] = f"{name}\tbgColor:{find_colour(type_)}, fgColor:black, borderColor:darken\n"
    return (
        "# How brat shows the types: their names, their colours.\n\n[labels]\n"
        + "".join(labels.values())
        + "\n[drawing]\nSPAN_DEFAULT\tfgColor:black, bgColor:#e4e4e4, borderColor:darken\n"
        + "ARC_DEFAULT\tcolor:black, arrowHead:triangle-5\n"
        + "".join(colours.values())
    )


def _label(type_: str) -> str:
    return _NOT_IN_A_LABEL.sub(" ", type_).strip() or "span"
