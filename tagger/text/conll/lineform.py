"""What lines of words are, told by looking: segmented text, words with tags, or neither.

Columns have as many fields on each line, some of which hold no words. Words with tags all end in something like a
tag behind a separator. What is left is segmented where its script has no blanks between words, but the text has.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tagger.text.tokenizer.conventions import CJK

LOOKED_AT = 1 << 13  # characters of a file that tell what its lines are
_SEPARATORS = {"/": "", "_": "", "／": "", "(": ")", "（": "）"}  # each with what stands behind the tag
_MOSTLY = 0.8  # of the words end in tags; the others are faults to be told of
_ENDS = r"(?:\](?:[/_／]?[^\s/_／\[\]]{1,24})?)*"  # of brackets around words


def _compile(mark: str, closing: str) -> re.Pattern[str]:
    """Return what words with tags look like: tags begin with a letter, as `NN` and `-LRB-`, or are signs, as `.`."""
    brackets = re.escape(closing) if closing else r"\[\]"  # which the tags of `VE[+NEG])` may hold
    inside = rf"[^\s{re.escape(mark)}{brackets}]"
    tag = rf"(?P<tag>[-+]?[^\W\d_]{inside}{{0,31}}|[^\w\s]{{1,5}}|_)"
    return re.compile(rf"\[*(?:(?P<word>\S+?){re.escape(mark)}{tag}{re.escape(closing)})?{_ENDS}")


_PATTERNS = {mark: _compile(mark, closing) for mark, closing in _SEPARATORS.items()}
_READ_ALOUD = re.compile(
    r"(?P<word>\S+?)/(?P<tag>[^\W\d_][^\s/]*)/(?P<reading>/|(?:\\.|[^\s/\\])*)"
)  # as KyTea has it
_MANY_WORDS = 500  # from here on tags recur
_WORDY = 0.4  # kinds of tag for each word: beyond it they are words
_SAME_SIZE = 0.7  # share of lines that have as many fields where they are columns
_FEW_LINES, _SAME_SIZE_OF_FEW = 4, 0.6
_FOREIGN = 0.6  # share of the fields of a column that hold no word of a script without blanks
_UNSPACED_SHARE = 0.3  # of the words with letters, where a script has no blanks: others are quoted
_LONGEST_WORD = 8.0  # characters on average: beyond it nobody cut the text

_SYLLABLES = re.compile(r"[^\W_]+(?:_[^\W_]+)+")
_JOINED = 0.05  # of the words with letters, where `_` joins syllables: few names of files have it elsewhere

_JSON = re.compile(r'\s*(?:\[\s*)?(?:\{\s*)?"[^"]*"\s*[:,]')
_NO_TAGS = ("_", "?")
_TAG = re.compile(r"_|[BIESMOLUW](?:[-_].+)?")
_UNSPACED = re.compile(f"[{CJK}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_NO_WIDTH = "\u200b"  # a blank that `str.split` doesn't take for any
MARKUP = re.compile(r"\s*(?:</?[A-Za-z][\w.:-]*(?:\s[^<>]*)?/?>)(?:[^<>]*</[A-Za-z][\w.:-]*>)?\s*")


@dataclass(frozen=True, slots=True)
class LineForm:
    """What lines of words are.

    Attributes:
        separator: what stands between a word and its tag; empty where words have none.
        closing: what stands behind the tag.
        has_blank_lines_between_documents: whether a blank line says more than that a sentence ends.
        has_blanks_without_width: whether those stand between words, and not, as stray ones do, inside.
        has_readings: whether the pronunciation of a word stands behind its tag, and a separator between them.
        has_syllables: whether blanks stand between syllables, and `_` between those of a word, as in Vietnamese.
        has_phrases: whether phrases stand in brackets on lines of their own, so that a blank line ends a sentence.
    """

    separator: str = ""
    closing: str = ""
    has_blank_lines_between_documents: bool = True
    has_blanks_without_width: bool = False
    has_readings: bool = False
    has_phrases: bool = False
    has_syllables: bool = False

    @property
    def has_tags(self) -> bool:
        """Say whether words have tags."""
        return bool(self.separator)

    @property
    def example(self) -> str:
        """A word with its tag, as messages show it."""
        return f"word{self.separator}TAG{self.closing}"

    def split(self, item: str) -> tuple[str, str]:
        """Return a word and its tag, either of which may be empty, or the separator itself.

        >>> LineForm("/").split("1/2/CD"), LineForm("/").split("and//"), LineForm("(", ")").split("((P)")
        (('1/2', 'CD'), ('and', '/'), ('(', 'P'))
        """
        mark = self.separator
        if self.has_readings and (match := _READ_ALOUD.fullmatch(item)):
            return match["word"], match["tag"]
        if not self.closing and item.endswith(2 * mark) and len(item) > 2:
            return item[:-2], mark
        if self.closing:
            if not item.endswith(self.closing):
                return item, ""
            item = item.removesuffix(self.closing)
            if item.endswith(2 * mark) and len(item) > 2:
                return item[:-2], mark
        word, found, tag = item.rpartition(mark)
        return (word, tag) if found else (item, "")

    def cut(self, line: str) -> list[str]:
        """Return what stands between the blanks of a line."""
        return (line.replace(_NO_WIDTH, " ") if self.has_blanks_without_width else line).split()


def find_form(text: str) -> LineForm | None:
    """Return the form of lines of words, told by looking at the beginning of a file; None for anything else.

    >>> find_form("我们/PN 爱/VV 北京/NR\\n").separator, find_form("字 B\\n王 B\\n")
    ('/', None)
    """
    sample = _cut_sample(text)
    has_no_width = sample.count(_NO_WIDTH) > sum(map(str.isspace, sample)) - sample.count("\n")
    rows = (sample.replace(_NO_WIDTH, " ") if has_no_width else sample).split("\n")
    lines = [words for row in rows if not MARKUP.fullmatch(row) and (words := row.split())]
    words = [word for line in lines for word in line]
    if not words or max(map(len, lines)) < 2 or _JSON.match(sample):
        return None
    is_apart = _have_blank_lines_between_documents(rows)
    marks = {mark: _count_tagged(mark, lines, words) for mark in _SEPARATORS}
    mark = max(marks, key=lambda each: marks[each])
    if marks[mark]:
        has_phrases = _have_phrases(rows)
        return LineForm(
            mark,
            _SEPARATORS[mark],
            is_apart and not has_phrases,
            has_no_width,
            has_phrases=has_phrases,
            has_syllables=mark != "_"
            and have_syllables(_PATTERNS[mark].sub(r"\g<word>", word) for word in words),
        )
    if not is_mostly_unspaced(words):
        is_syllables = "\t" not in sample and have_syllables(words) and not are_columns(sample)
        return LineForm("", "", is_apart, has_no_width, has_syllables=True) if is_syllables else None
    if _have_readings(words):
        return LineForm("/", "", is_apart, has_no_width, has_readings=True)
    if _are_columns([row for row in rows if row.strip()]):
        return None
    letters = [word for word in words if _UNSPACED.search(word)]
    return (
        None
        if sum(map(len, letters)) > _LONGEST_WORD * len(letters)
        else LineForm("", "", is_apart, has_no_width)
    )


def name_form(text: str, *, has_tags: bool) -> LineForm:
    """Return the form of lines that are known to hold words, or words with tags: behind which separator.

    >>> name_form("I/PRP saw_it/NN", has_tags=True).separator
    '/'
    """
    sample = _cut_sample(text)
    is_apart = _have_blank_lines_between_documents(sample.split("\n"))
    if not has_tags:
        return LineForm("", "", is_apart)
    if (found := find_form(text)) and found.has_tags:
        return found
    words = sample.split()
    mark = max(_SEPARATORS, key=lambda each: sum(each in word for word in words))
    return LineForm(mark, _SEPARATORS[mark], is_apart)


def are_columns(text: str) -> bool:
    """Say whether a file of words, in any script, holds columns; else its lines do."""
    rows = [row for row in _cut_sample(text).split("\n") if row.strip() and not row.startswith("#")]
    sizes = Counter(len(row.split("\t")) if "\t" in row else len(row.split()) for row in rows)
    if not sizes:
        return True
    size, count = sizes.most_common(1)[0]
    return size > 1 and count >= _SAME_SIZE * len(rows) and len(rows) > 1


def is_mostly_unspaced(words: Iterable[str]) -> bool:
    """Say whether words are of a script without blanks between words, foreign ones among them.

    >>> is_mostly_unspaced("我 爱 New York 。".split()), is_mostly_unspaced("He said 你好 to me".split())
    (True, False)
    """
    letters = [word for word in words if any(map(str.isalnum, word))]
    return sum(_UNSPACED.search(word) is not None for word in letters) > _UNSPACED_SHARE * len(letters)


def have_syllables(words: Iterable[str]) -> bool:
    """Say whether words of a script with blanks hold syllables, with `_` between them.

    >>> have_syllables("Tôi là sinh_viên".split()), have_syllables("a plain text".split())
    (True, False)
    """
    letters = [word for word in words if any(map(str.isalpha, word))]
    joined = [word for word in letters if _SYLLABLES.fullmatch(word)]
    foreign = sum(map(str.isascii, joined))  # names of files, of variables
    return (
        len(joined) > _JOINED * len(letters) and 2 * foreign < len(joined) and not is_mostly_unspaced(letters)
    )


def _cut_sample(text: str) -> str:
    """Return the beginning of a text, without a line, or else a word, that would be cut."""
    if len(text) <= LOOKED_AT:
        return text
    sample = text[:LOOKED_AT]
    return sample[: sample.rfind("\n") + 1] or sample.rpartition(" ")[0] or sample


def _count_tagged(mark: str, lines: Sequence[Sequence[str]], words: Sequence[str]) -> int:
    """Return how many words end in a tag behind this mark, 0 where the lines are no words with tags."""
    if sum(mark in word for word in words) < _MOSTLY * sum(word not in "[]" for word in words):
        return 0
    pattern = _PATTERNS[mark]
    matches = [match for word in words if (match := pattern.fullmatch(word))]
    found = [match for match in matches if match["word"]]  # the others are brackets that stand alone
    if not found or len(found) < _MOSTLY * (len(words) - len(matches) + len(found)):
        return 0
    inside = sum(mark in match["word"].strip(mark) for match in found)
    if 2 * inside > len(found):  # addresses, paths
        return 0
    kinds = {match["tag"] for match in found}
    if len(words) >= _MANY_WORDS and len(kinds) > _WORDY * len(words):
        return 0
    return len(found) if any(all(map(pattern.fullmatch, line)) for line in lines) else 0


def _have_readings(words: Sequence[str]) -> bool:
    """Say whether words have both a tag and a pronunciation behind them."""
    matches = [match for word in words if (match := _READ_ALOUD.fullmatch(word))]
    kinds = {match["tag"] for match in matches}
    return len(matches) >= _MOSTLY * len(words) and (
        len(words) < _MANY_WORDS or len(kinds) <= _WORDY * len(words)
    )


def _are_columns(lines: Sequence[str]) -> bool:
    """Say whether lines of a script without blanks are rows of columns.

    Columns are as many on each line, and some of them hold no words, or hold the same ones again and again.
    """
    plain = [line for line in lines if not line.startswith("#")]
    has_tabs = len({line.count("\t") for line in plain}) == 1 and "\t" in plain[0]
    rows = [line.split("\t") if has_tabs else line.split() for line in plain]
    size, count = Counter(map(len, rows)).most_common(1)[0] if rows else (1, 0)
    if size == 1 or count < (_SAME_SIZE if len(rows) >= _FEW_LINES else _SAME_SIZE_OF_FEW) * len(rows):
        return size == 1 and count >= _SAME_SIZE * len(rows)
    if has_tabs and size == 2:
        return True
    columns = [*zip(*(row for row in rows if len(row) == size), strict=True)]
    if len(rows) == 1:
        field = rows[0][-1]
        return not _UNSPACED.search(field) and (size == 2 or _TAG.fullmatch(field) is not None)
    if any(sum(map(_is_foreign, column)) > _FOREIGN * count for column in (columns[0], columns[-1])):
        return True
    last = [field for field in columns[-1] if any(map(str.isalnum, field))]
    return len(last) >= _FEW_LINES and 2 * len(last) > count and 2 * len(set(last)) <= len(last)


def _is_foreign(field: str) -> bool:
    """Say whether a field is a tag, or no word of a script without blanks but letters or digits."""
    if field in _NO_TAGS or _TAG.fullmatch(field):
        return True
    return not _UNSPACED.search(field) and any(map(str.isalnum, field))


def _have_phrases(rows: Sequence[str]) -> bool:
    """Say whether all brackets without tags hold a line, and blank ones part sentences, as in the Penn Treebank."""
    lines = [row.split() for row in rows]
    phrases = [line for line in lines if "[" in line or "]" in line]
    return (
        bool(phrases)
        and not all(lines[:-1])
        and all((line[0], line[-1], line.count("["), line.count("]")) == ("[", "]", 1, 1) for line in phrases)
    )


def _have_blank_lines_between_documents(rows: Sequence[str]) -> bool:
    """Say whether blank lines are fewer than one behind each two sentences."""
    blank = sum(not row.strip() for row in rows[:-1])
    return 3 * blank <= len(rows) - 1
