"""The texts of CoNLL-U: read off the surface of its tokens, and spelt in its comments and its column MISC.

The surface of a sentence is its tokens as the text has them: a multiword token (`3-4 du`) stands for its words.
`SpaceAfter=No` says that no blank follows a token, `SpacesAfter` and `SpacesBefore` what other white space does
(https://universaldependencies.org/format.html, https://ufal.mff.cuni.cz/udpipe/2/users-manual); `# text` holds it
all in one line. `# start_char` is ours: where a sentence begins in its document. A sentence without it is a text of
its own, one character behind the sentence before.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from tagger.text.conll.layout import Layout
from tagger.text.conll.reader import NEW_DOCUMENT
from tagger.text.conll.sentence import CONLLU_COLUMNS, UNSPECIFIED, Excerpt, Sentence, SourceText
from tagger.text.conll.source import read_blocks, strip_blanks
from tagger.text.conll.words import cut_excerpt, group_characters, join_words
from tagger.text.counting import Note
from tagger.text.files import FilePath, display_name

_NAMED_DOCUMENT = re.compile(r"#\s*newdoc\s+id\s*=\s*(?P<name>.*\S)")
_TEXT = re.compile(r"#\s*text\s*=\s?(?P<text>.*)", re.DOTALL)
_START = re.compile(r"#\s*start_char\s*=\s*(?P<start>[0-9]{1,18})")
_FORM, _MISC = CONLLU_COLUMNS.index("FORM"), CONLLU_COLUMNS.index("MISC")

# The escapes of UDPipe; other white space stands as it is.
_CODES = {" ": "s", "\t": "t", "\r": "r", "\n": "n", "|": "p", "\\": "\\"}
_SPELT = str.maketrans({meant: f"\\{code}" for meant, code in _CODES.items()})
_MEANT = {code: meant for meant, code in _CODES.items()}
_LINE_END = re.compile(r"[\n\r\t\v\f\x1c-\x1e\x85\u2028\u2029]")

Offsets = tuple[int, int]


class _Unit(NamedTuple):
    """A token of the surface: its form, how many words it stands for, and what MISC says of the space around it."""

    form: str
    words: int
    before: str
    after: str | None  # None: it does not say, and a blank follows


def is_place(comment: str) -> bool:
    """Say whether a comment gives the text of a sentence, or where it begins."""
    return bool(_TEXT.match(comment) or _START.match(comment))


def is_derived(comment: str) -> bool:
    """Say whether a comment only repeats what a text, its place and its document say."""
    return is_place(comment) or bool(NEW_DOCUMENT.match(comment))


def find_text(comments: Iterable[str]) -> str | None:
    """Return the text that the comments above a sentence give.

    >>> find_text(["# sent_id = 1", "# text = Hi!"])
    'Hi!'
    """
    return next((match["text"] for comment in comments if (match := _TEXT.match(comment))), None)


def find_in_order(tokens: Sequence[str], text: str) -> tuple[Offsets, ...] | None:
    """Return where the tokens stand in the text; None where something but white space would be left over."""
    offsets = []
    end = 0
    for token in tokens:
        start = text.find(token, end)
        if start < 0 or text[end:start].strip():
            return None
        end = start + len(token)
        offsets.append((start, end))
    return None if text[end:].strip() else tuple(offsets)


def attach_texts(
    sentences: Iterable[Sentence],
    path: FilePath,
    layout: Layout,
    encoding: str,
    note: Note,
    *,
    are_cut: bool = False,
) -> Iterator[Sentence]:
    """Yield the sentences of a CoNLL-U file with their places in its texts; the file is read along.

    Args:
        sentences: of the file, in order.
        path: not the standard input, which is read but once.
        layout: of the file.
        note: told of each sentence whose `# text` its tokens do not spell.
        are_cut: whether words were cut into characters. Where the file doesn't say then what stands between words,
            nothing does.
    """
    if layout.token != _FORM:
        yield from sentences
        return
    name: str | None = None
    groups = _read_groups(path, encoding)
    begin, rows = 0, [""]
    document, reached = 0, 0
    for sentence in sentences:
        if sentence.document != document:
            document, reached = sentence.document, 0
        while begin + len(rows) <= sentence.line:
            begin, rows = next(groups)
        for comment in filter(NEW_DOCUMENT.match, sentence.comments):
            named = _NAMED_DOCUMENT.match(comment)
            name = named["name"] if named else None
        lines = sentence.lines or range(sentence.line, sentence.line + len(sentence))
        units = _find_units(rows, begin, frozenset(lines))
        text, offsets, is_spelt = _spell_out(units, find_text(sentence.comments))
        if not is_spelt:
            fact = "whose '# text' is not what its tokens spell; the tokens' text is kept"
            note("sentence", fact, f"{display_name(path)}:{sentence.line}")
        start = _find_start(sentence.comments)
        excerpt = Excerpt(SourceText(text), 0, len(text), offsets)
        if are_cut:
            says_nothing = find_text(sentence.comments) is None and all(map(_says_nothing, units))
            excerpt = _cut(sentence, None if says_nothing else excerpt)
        text = excerpt.source.text
        source = SourceText(text, name, reached if start is None else start)
        reached += len(text) + 1
        yield replace(sentence, excerpt=replace(excerpt, source=source))


def _says_nothing(unit: _Unit) -> bool:
    return unit.after is None and not unit.before


def _cut(sentence: Sentence, excerpt: Excerpt | None) -> Excerpt:
    """Return where the characters of words stand in a text; one is made where words aren't written as they read."""
    words = group_characters(sentence)
    found = excerpt and cut_excerpt(excerpt, words)
    if found is None:
        found = cut_excerpt(join_words(["".join(word) for word in words]), words)
    assert found is not None
    return found


def _read_groups(path: FilePath, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yield rows between blank lines, and the line of the first."""
    for block in read_blocks(path, encoding, lambda fact, line: None):
        group: list[str] = []
        for number, row in enumerate(strip_blanks(block.text).split("\n"), block.line):
            if row:
                group.append(row)
            elif group:
                yield number - len(group), group
                group = []
        if group:
            yield number + 1 - len(group), group


def _find_units(rows: Sequence[str], begin: int, lines: Container[int]) -> list[_Unit]:
    """Return the tokens of the surface in which the words on these lines are."""
    units: list[_Unit] = []
    last = 0  # the word with which a multiword token ends
    for number, row in enumerate(rows, begin):
        fields = row.split("\t")
        if row.startswith("#"):
            continue
        if len(fields) != len(CONLLU_COLUMNS):
            last = 0  # a document boundary
            continue
        first, _, end = fields[0].partition("-")
        if end.isdecimal():
            last = int(end)
            units.append(_unit(fields, 0))
        elif number in lines:
            if not (units and int(first) <= last):
                units.append(_unit(fields, 0))
            units[-1] = units[-1]._replace(words=units[-1].words + 1)
    return [unit for unit in units if unit.words]


def _unit(fields: Sequence[str], words: int) -> _Unit:
    keys = dict(pair.partition("=")[::2] for pair in fields[_MISC].split("|"))
    spaces = keys.get("SpacesAfter")
    after = "" if keys.get("SpaceAfter") == "No" else None
    return _Unit(
        fields[_FORM],
        words,
        _read_spaces(keys.get("SpacesBefore", "")),
        after if spaces is None else _read_spaces(spaces),
    )


def _spell_out(units: Sequence[_Unit], told: str | None) -> tuple[str, tuple[Offsets, ...], bool]:
    """Lay the surface out as a text; its gaps are those of MISC, else those of `# text`, else blanks.

    Returns:
        The text, the offsets of the words, and whether `# text` is the same but for white space.
    """
    found = None if told is None else find_in_order([unit.form for unit in units], told)
    gaps = [unit.after for unit in units]
    for i in range(len(units) - 1):
        if found and told is not None and not gaps[i]:
            gaps[i] = told[found[i][1] : found[i + 1][0]]
        elif gaps[i] is None:
            gaps[i] = " "
    parts, offsets = [units[0].before], []
    reached = len(parts[0])
    for unit, gap in zip(units, gaps, strict=True):
        offsets += [(reached, reached + len(unit.form))] * unit.words
        parts += [unit.form, gap or ""]
        reached += len(unit.form) + len(gap or "")
    return "".join(parts), tuple(offsets), told is None or found is not None


def _find_start(comments: Iterable[str]) -> int | None:
    """Return where the comments above a sentence say that it begins."""
    return next((int(match["start"]) for comment in comments if (match := _START.match(comment))), None)


def spell_comments(excerpt: Excerpt) -> list[str]:
    """Return the comments that say where a sentence stands: its start, and its text in one line."""
    start = (excerpt.source.start or 0) + excerpt.start
    return [f"# start_char = {start}", f"# text = {_LINE_END.sub(' ', excerpt.text).strip()}"]


def spell_gaps(excerpt: Excerpt) -> list[str]:
    """Return for each token what MISC says of the white space around it; `_` where it is one blank."""
    text = excerpt.source.text
    told = []
    for i, (_, end) in enumerate(excerpt.tokens):
        is_last = i == len(excerpt.tokens) - 1
        gap = text[end : excerpt.end if is_last else excerpt.tokens[i + 1][0]]
        pairs = []
        if i == 0 and excerpt.start < excerpt.tokens[0][0]:
            pairs.append(f"SpacesBefore={_spell_spaces(text[excerpt.start : excerpt.tokens[0][0]])}")
        if gap and (is_last or gap != " "):
            pairs.append(f"SpacesAfter={_spell_spaces(gap)}")
        elif not gap and end < len(
            text
        ):  # at the end of a text nothing follows that a blank could part it from
            pairs.append("SpaceAfter=No")
        told.append("|".join(pairs) or UNSPECIFIED)
    return told


def _spell_spaces(spaces: str) -> str:
    return spaces.translate(_SPELT)


def _read_spaces(spelt: str) -> str:
    r"""Return the white space that is meant.

    >>> _read_spaces(r"\s\s\n")
    '  \n'
    """
    return re.sub(r"\\(.)", lambda match: _MEANT.get(match[1], match[0]), spelt)


def join_sources(sentences: Iterable[Sentence]) -> Iterator[Sentence]:
    """Let sentences that touch in their document share one text: each came with its own, and with its place."""
    run: list[Sentence] = []
    for sentence in sentences:
        if run and not _touch(run[-1], sentence):
            yield from _share(run)
            run = []
        run.append(sentence)
    yield from _share(run)


def _touch(sentence: Sentence, other: Sentence) -> bool:
    """Say whether the other sentence begins where this one ends, each the whole of its text."""
    if sentence.excerpt is None or other.excerpt is None or sentence.document != other.document:
        return False
    source, following = sentence.excerpt.source, other.excerpt.source
    return (
        source is not following
        and source.start is not None
        and source.start + len(source.text) == following.start
        and source.name == following.name
    )


def _share(run: Sequence[Sentence]) -> Iterator[Sentence]:
    excerpts = [sentence.excerpt for sentence in run if sentence.excerpt]
    if len(excerpts) < 2:
        yield from run
        return
    source = replace(excerpts[0].source, text="".join(each.source.text for each in excerpts))
    shift = 0
    for sentence, excerpt in zip(run, excerpts, strict=True):
        length = len(excerpt.source.text)
        tokens = tuple((shift + start, shift + end) for start, end in excerpt.tokens)
        confidences: Mapping[tuple[str, int, int], float] = {
            (kind, shift + start, shift + end): value
            for (kind, start, end), value in excerpt.confidences.items()
        }
        yield replace(sentence, excerpt=Excerpt(source, shift, shift + length, tokens, confidences))
        shift += length
