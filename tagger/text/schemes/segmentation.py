"""What the tags of a corpus are about: labels of tokens and spans, words cut out of a text, or both at once.

Tags cut a text into words where no token is outside of every span. They have no types then (`B`, `M`, `E`, `S`), or
the types are parts of speech (`B-NN`, `E-NN`).
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from tagger.errors import ConfigError
from tagger.text.schemes.tags import LETTERS, OUTSIDE, UNKNOWN_TAG, Scheme, split_tag

WORD, SPAN = "word", "span"  # what people read where a span has no type
_NAMES_OF_WORDS = {"W", "WORD", WORD}  # types of spans that say no more than that


class Task(StrEnum):
    """What tags say: labels of the tokens there are, where words begin and end, or that and a label of each word."""

    LABELS = "labels"
    WORDS = "words"
    JOINT = "joint"

    @property
    def cuts_words(self) -> bool:
        """Say whether every token is part of a word that the tags make."""
        return self is not Task.LABELS


def parse_task(name: str) -> Task | None:
    """Return the task of that name; None for `auto`, where a corpus tells it.

    Raises:
        ConfigError: there is none.
    """
    if name not in (*Task, "auto"):
        raise ConfigError(f"found {name!r}, expected auto, {', '.join(Task)}", "task")
    return None if name == "auto" else Task(name)


def find_task(tags: Collection[str], scheme: Scheme, *, has_characters: bool) -> Task:
    """Return what tags are about.

    Args:
        tags: all that a corpus has, each once.
        scheme: of the tags.
        has_characters: whether its tokens are characters: only those are put together to words that have types. Names
            of several words may follow each other without a gap in a small corpus, and are names all the same.

    >>> find_task(["B", "E", "S"], Scheme.BMES, has_characters=True)
    <Task.WORDS: 'words'>
    >>> find_task(["B-NN", "E-NN", "O"], Scheme.BMES, has_characters=True)
    <Task.LABELS: 'labels'>
    >>> find_task(["B-W", "I-W"], Scheme.IOB2, has_characters=False)
    <Task.WORDS: 'words'>
    """
    known = [tag for tag in tags if tag and tag != UNKNOWN_TAG]
    if not LETTERS[scheme] or OUTSIDE in known or not known:
        return Task.LABELS
    types = {split_tag(tag, scheme)[1] for tag in known}
    if types == {""} or types <= _NAMES_OF_WORDS:
        return Task.WORDS
    return Task.JOINT if has_characters else Task.LABELS


def name_type(type_: str, task: Task = Task.LABELS) -> str:
    """Return a type as people and other programs read it: spans without one are words, or just spans.

    >>> name_type("PER"), name_type(""), name_type("", Task.WORDS)
    ('PER', 'span', 'word')
    """
    return type_ or (WORD if task.cuts_words else SPAN)
