"""Brackets around words with tags: compounds (`[中央/n 电视台/n]nt`) and phrases (`[ the/DT board/NN ]`).

A compound, as in the People's Daily, has a tag of its own behind its bracket, with a separator or without one, and
may stand inside another. It is opened, so that its words stay, or kept as one word. Brackets without a tag are left
out. `[/w` is a word.
"""

from __future__ import annotations

import re

from tagger.text.conll.lineform import LineForm
from tagger.text.conll.sentence import Compounds

_ENDS = re.compile(r"(?P<core>.*?)(?P<closing>(?:\](?:[/_／]?[^\s/_／\[\]]{1,24})?)+)")
_END = re.compile(r"\][/_／]?([^\]]*)")

OPENED = "brackets around compound words, opened"
KEPT = "brackets around compound words, each kept as one word"
PHRASES = "brackets without a tag behind them, left out"


class FaultyWordError(ValueError):
    """What is wrong with a word, its tag or its brackets, in a user's words."""


class Opened:
    """The brackets that are open on a line.

    Attributes:
        facts: what was done with brackets, to tell of.
    """

    def __init__(self, form: LineForm, compounds: Compounds) -> None:
        self.facts: dict[str, None] = {}
        self._form = form
        self._compounds = compounds
        self._begins: list[int] = []  # the first word of each bracket

    @property
    def depth(self) -> int:
        """How many brackets are open."""
        return len(self._begins)

    def strip(self, item: str, place: int) -> tuple[str, list[str]]:
        """Return what stands between the brackets of an item, and the tags behind those that close.

        Args:
            item: what stands between two blanks.
            place: how many words stand before it.
        """
        if self._form.closing:  # brackets are part of such tags, as in VE[+NEG]
            return item, []
        while item.startswith("[") and item[1:2] != self._form.separator:
            self._begins.append(place)
            item = item[1:]
        ends = _ENDS.fullmatch(item) if self._begins and "]" in item else None
        if ends is None:
            return item, []
        return ends["core"], _END.findall(ends["closing"])

    def close(self, closing: list[str], words: list[str], tags: list[str]) -> None:
        """Close brackets, the innermost first: a compound that is kept becomes one word.

        Raises:
            FaultyWordError: no bracket is open any more.
        """
        for tag in closing:
            if not self._begins:
                raise FaultyWordError(
                    "found a ] more than brackets are open, expected [ in front of the first of its words; "
                    "open it, or leave it out"
                )
            first = self._begins.pop()
            if not tag:
                self.facts[PHRASES] = None
            elif self._compounds == "open":
                self.facts[OPENED] = None
            elif words[first:]:
                self.facts[KEPT] = None
                words[first:] = ["".join(words[first:])]
                tags[first:] = [tag]
