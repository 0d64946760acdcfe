"""Columns that were mixed up: places or tags read as tokens; words, numbers or nothing read as tags.

Such a file reads without a fault, and a model learns nonsense from it. The first sentences tell.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from tagger.text.conll.layout import Layout
from tagger.text.conll.sentence import CONLLU_COLUMNS, UNSPECIFIED, Sentence
from tagger.text.tokenizer import Mode, detect_mode

SAMPLE_SENTENCES = 1000  # enough to tell words from tags, so few that they cost nothing
_TAG = re.compile(r"O|[BIESLUMW][-_]\S+")
_PREFIXED = re.compile(r"[BI][-_]\S+")
_NUMBER = re.compile(r"[0-9]+([-.:][0-9]+)*")  # of a token, as 3; of a multiword one, 3-4; in a sentence, 1-3
_MANY_TOKENS = 2000  # from here on even the tags of a fine morphology recur
_FEW_TOKENS = 20
_WORDY, _WORDY_OF_FEW = 0.15, 0.8  # kinds of tag for each token: beyond it they are words


class Mixup(NamedTuple):
    """What a column seems to hold, in words; whether training on it can't be meant; and a line that shows it."""

    message: str
    is_error: bool
    line: int


class ColumnSample:
    """The first tokens and tags of a file, and what they look like."""

    def __init__(self) -> None:
        self._line = 0
        self._longest = 0
        self._counts_up = True
        self._tokens: Counter[str] = Counter()
        self._tags: Counter[str] = Counter()

    def add(self, sentence: Sentence) -> None:
        """Take up a sentence; the caller stops after `SAMPLE_SENTENCES`."""
        self._line = self._line or sentence.line
        self._longest = max(self._longest, len(sentence))
        self._counts_up = self._counts_up and _is_count(sentence.tokens)
        self._tokens.update(sentence.tokens)
        self._tags.update(sentence.tags)

    @property
    def has_characters(self) -> bool:
        """Whether the tokens are characters."""
        return detect_mode([[*self._tokens.elements()]]) is Mode.CHARACTERS

    def find_mixups(self, layout: Layout | None) -> list[Mixup]:
        """Return what is odd about the columns of token and tag; nothing where the file has no columns."""
        if layout is None or not self._tokens:
            return []
        found = [self._judge_tokens(layout), self._judge_tags(layout)]
        return [Mixup(message, is_error, self._line) for message, is_error in filter(None, found)]

    def _judge_tokens(self, layout: Layout) -> tuple[str, bool] | None:
        if self._counts_up and self._longest > 1:
            found = f"the tokens in column {layout.token} are numbers that count up"
            if layout.separator == " " and layout.width == len(CONLLU_COLUMNS):
                columns = "--token-column 1 --tag-column 3"
                advice = f"{columns}, or write tabs: this looks like CoNLL-U with blanks for tabs"
            else:
                advice = f"--token-column {layout.token + 1} if the words are there"
            return f"{found}, expected words; say {advice}", True
        has_others = layout.width > 1 + (layout.tag is not None) and not layout.is_conllu
        if has_others and self._tokens.total() > 1 and all(map(_NUMBER.fullmatch, self._tokens)):
            found = f"the tokens in column {layout.token} are nothing but numbers"
            return f"{found}, expected words; name the column of the words with --token-column", True
        if all(map(_TAG.fullmatch, self._tokens)) and any(map(_PREFIXED.fullmatch, self._tokens)):
            example = next(token for token in self._tokens if token != "O")
            found = f"the tokens in column {layout.token} are tags such as {example!r}"
            options = f"--token-column {layout.tag} --tag-column {layout.token}"
            return f"{found}, expected words; say {options} if tags come first", True
        return None

    def _judge_tags(self, layout: Layout) -> tuple[str, bool] | None:
        place = f"the tags in column {layout.tag}"
        if self._tags.keys() == {UNSPECIFIED} and not layout.is_conllu:
            return (
                f"{place} are all {UNSPECIFIED}, expected tags; name another column with --tag-column",
                True,
            )
        if self._tags and all(tag.isdecimal() for tag in self._tags):
            names = "`tagger convert --tag-names O,B-PER,...` gives them names"
            return f"{place} are numbers such as {min(self._tags)}; if they stand for names, {names}", False
        tokens, once = self._tags.total(), sum(count == 1 for count in self._tags.values())
        share = _WORDY if tokens >= _MANY_TOKENS else _WORDY_OF_FEW
        if tokens >= _FEW_TOKENS and len(self._tags) > share * tokens and 2 * once > len(self._tags):
            found = f"{place} are of {len(self._tags):,} kinds among {tokens:,} tokens, as if they were words"
            return f"{found}; name another column with --tag-column", True
        return None


def _is_count(tokens: tuple[str, ...]) -> bool:
    """Say whether each token is a number, the next after that before it."""
    if not all(token.isdecimal() and len(token) < 10 for token in tokens):
        return False
    first = int(tokens[0])
    return [int(token) for token in tokens] == list(range(first, first + len(tokens)))
