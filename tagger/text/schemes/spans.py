"""Tags to spans and back, and conversion between schemes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise, product
from typing import NamedTuple

from tagger.errors import DataError
from tagger.text.schemes.tags import EDGE, LETTERS, OUTSIDE, UNKNOWN_TAG, Scheme, split_tag


class Span(NamedTuple):
    """Tokens `start` to `end`, half-open, that carry one type."""

    type: str
    start: int
    end: int


def tags_to_spans(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Return the spans in order of their start.

    Reads any sequence of the scheme's tags, legal or not, as the CoNLL-2000 scorer does: a tag that cannot
    continue the open span closes it and, if inside a span itself, opens the next. Unlike that scorer, E and
    S always end a span, so that `E-A B-A` and `S-A S-A` are two. `?` is outside. In IO every run of one type is a
    span, in BARE every token but `O` and `?`.

    >>> tags_to_spans(["B-PER", "I-PER", "O", "I-LOC"], Scheme.IOB2)
    [Span(type='PER', start=0, end=2), Span(type='LOC', start=3, end=4)]
    """
    if tags.count(OUTSIDE) == len(tags):
        return []
    if scheme is Scheme.BARE:
        return [Span(tag, i, i + 1) for i, tag in enumerate(tags) if tag not in (OUTSIDE, UNKNOWN_TAG)]
    if scheme is Scheme.IO:
        return _find_runs(tags)
    inside_letter, end_letter = LETTERS[scheme]["I"], LETTERS[scheme].get("E")
    spans: list[Span] = []
    start, open_type = -1, ""
    inside_tag = end_tag = None  # the tags that go on with the open span, and that end it
    for i, tag in enumerate(tags):
        if tag == inside_tag:
            continue
        if tag == end_tag:
            spans.append(Span(open_type, start, i + 1))
        else:
            if start >= 0:
                spans.append(Span(open_type, start, i))
            role, type_ = (OUTSIDE, "") if tag == OUTSIDE else split_tag(tag, scheme)
            if role in "BI":
                suffix = tag[1:]
                start, open_type, inside_tag = i, type_, inside_letter + suffix
                end_tag = end_letter + suffix if end_letter else None
                continue
            if role in "ES":
                spans.append(Span(type_, i, i + 1))
        start, inside_tag, end_tag = -1, None, None
    if start >= 0:
        spans.append(Span(open_type, start, len(tags)))
    return spans


def _find_runs(tags: Sequence[str]) -> list[Span]:
    """Return each run of one type."""
    edges = [0, *(i for i in range(1, len(tags)) if tags[i] != tags[i - 1]), len(tags)]
    runs = (Span(tags[start], start, end) for start, end in pairwise(edges))
    return [run for run in runs if run.type not in (OUTSIDE, UNKNOWN_TAG)]


def labels_of(tags: Sequence[str], scheme: Scheme) -> list[Span]:
    """Return what is learnt and counted: spans; in BARE the label of every token, `O` among them, unless it is `?`.

    >>> labels_of(["N", "O", "?"], Scheme.BARE)
    [Span(type='N', start=0, end=1), Span(type='O', start=1, end=2)]
    """
    if scheme is Scheme.BARE:
        return [Span(tag, i, i + 1) for i, tag in enumerate(tags) if tag != UNKNOWN_TAG]
    return tags_to_spans(tags, scheme)


def measure_spans(steps: Mapping[tuple[str, str], int], scheme: Scheme) -> tuple[int, int]:
    """Return how many spans `tags_to_spans` finds in a corpus and how many tokens they hold, from its steps alone.

    Whether a token begins a span shows in its tag and the one before, and whether it is inside of one in its tag.

    Args:
        steps: how often each tag follows each, as `count_bigrams` counts them.
        scheme: of the tags.

    >>> measure_spans({(EDGE, "B-X"): 1, ("B-X", "I-X"): 1, ("I-X", EDGE): 1}, Scheme.IOB2)
    (1, 2)
    """
    spans = tokens = 0
    for (before, tag), count in steps.items():
        if tag == EDGE:
            continue
        pair = (tag,) if before == EDGE else (before, tag)
        found = tags_to_spans(pair, scheme)
        spans += count * any(span.start == len(pair) - 1 for span in found)
        tokens += count * any(span.end == len(pair) for span in found)
    return spans, tokens


def count_touching(tags: Sequence[str], scheme: Scheme) -> int:
    """Count the spans that begin where one of their own type ends: IO can't tell the two apart.

    >>> count_touching(["B-PER", "B-PER", "I-PER", "B-LOC"], Scheme.IOB2)
    1
    """
    spans = tags_to_spans(tags, scheme)
    return sum(left.end == right.start and left.type == right.type for left, right in pairwise(spans))


def spans_to_tags(spans: Iterable[Span], length: int, scheme: Scheme) -> list[str]:
    """Return the tags of a sentence of `length` tokens; spans may come in any order but must not overlap.

    In IO touching spans of one type become one.

    >>> spans_to_tags([Span("PER", 0, 2)], 3, Scheme.BIOES)
    ['B-PER', 'E-PER', 'O']
    """
    tags = [OUTSIDE] * length
    previous = Span("", 0, 0)
    for span in sorted(spans, key=lambda span: span.start):
        type_, start, end = span
        if not previous.end <= start < end <= length:
            raise DataError(f"{span} overlaps {previous}, is empty, or leaves a sentence of {length} tokens")
        if not scheme.has_prefixes:
            tags[start:end] = [type_] * (end - start)
        else:
            touching = previous.end == start and previous.type == type_ and previous.end > 0
            tags[start:end] = _spell(end - start, type_, scheme, touching)
        previous = span
    return tags


def _spell(length: int, type_: str, scheme: Scheme, touching: bool) -> list[str]:
    """Return the tags of one span; `touching` where a span of the same type ends just before it."""
    letters = LETTERS[scheme]
    suffix = f"-{type_}" if type_ else ""
    inside = letters["I"] + suffix
    first = inside if scheme is Scheme.IOB1 and not touching else letters["B"] + suffix
    if "E" not in letters:
        return [first, *[inside] * (length - 1)]
    if length == 1:
        return [letters["S"] + suffix]
    return [first, *[inside] * (length - 2), letters["E"] + suffix]


def convert(tags: Sequence[str], source: Scheme, target: Scheme) -> list[str]:
    """Return the same spans in another scheme; into its own scheme, repair a sequence.

    `?` stays `?`. Beside it a span is taken to go on where the next known tag goes on with it, else to end
    (`candidates` keeps what is open).

    >>> convert(["I-PER", "I-PER", "B-PER"], Scheme.IOB1, Scheme.BIOES)
    ['B-PER', 'E-PER', 'S-PER']
    """
    if UNKNOWN_TAG not in tags:
        return spans_to_tags(tags_to_spans(tags, source), len(tags), target)
    known = tags if source is Scheme.BARE else _fill_unknown(tags, source)
    converted = spans_to_tags(tags_to_spans(known, source), len(tags), target)
    return [UNKNOWN_TAG if old == UNKNOWN_TAG else new for old, new in zip(tags, converted, strict=True)]


_BEGUN_INSIDE = (Scheme.IOB1, Scheme.IO)  # a tag that goes on with a span may begin one, too


def _fill_unknown(tags: Sequence[str], scheme: Scheme) -> list[str]:
    """Return the tags with each run of `?` read as what its neighbours need, else as outside.

    Between `B-X` and a tag that goes on with X the run is inside; before a tag that must go on, it begins a
    span; after a tag that must be gone on with, it ends one.
    """
    letters = LETTERS[scheme]
    filled = list(tags)
    for start, end in _unknown_runs(tags):
        before = split_tag(tags[start - 1], scheme) if start else (OUTSIDE, "")
        after = split_tag(tags[end], scheme) if end < len(tags) else (OUTSIDE, "")
        run = [OUTSIDE] * (end - start)
        if before[0] in "BI" and after[0] in "IE" and before[1] == after[1]:
            inside = tags[end] if scheme is Scheme.IO else letters["I"] + tags[end][1:]
            run = [inside] * (end - start)
        else:
            if before[0] in "BI" and "E" in letters:
                run[0] = letters["E"] + tags[start - 1][1:]
            if after[0] in "IE" and scheme not in _BEGUN_INSIDE and run[-1] == OUTSIDE:
                run[-1] = letters["B"] + tags[end][1:]
        filled[start:end] = run
    return filled


def _unknown_runs(tags: Sequence[str]) -> list[tuple[int, int]]:
    ends = [i for i, tag in enumerate(tags) if tag == UNKNOWN_TAG and [*tags[i + 1 : i + 2]] != [UNKNOWN_TAG]]
    starts = [
        i for i, tag in enumerate(tags) if tag == UNKNOWN_TAG and (i == 0 or tags[i - 1] != UNKNOWN_TAG)
    ]
    return [(start, end + 1) for start, end in zip(starts, ends, strict=True)]


def candidates(tags: Sequence[str], source: Scheme, target: Scheme) -> list[tuple[str, ...]]:
    """Return, for each token, the tags of the target scheme that the source tags leave open; `()` for any.

    One tag as a rule. Beside a `?` it may be open where a span begins or ends: `B-PER` before `?` in IOB2 is
    `B-PER` or `S-PER` in BIOES. The target has to spell a token by its own span alone, so it is not IOB1,
    and to say where spans begin, so it is not IO.

    >>> candidates(["B-PER", "?"], Scheme.IOB2, Scheme.BIOES)
    [('B-PER', 'S-PER'), ()]
    """
    assert target not in (Scheme.IOB1, Scheme.IO)
    if UNKNOWN_TAG not in tags or Scheme.BARE in (source, target):
        return [() if tag == UNKNOWN_TAG else (tag,) for tag in convert(tags, source, target)]
    options: list[tuple[str, ...]] = []
    for i, tag in enumerate(tags):
        role, type_ = split_tag(tag, source)
        if role == UNKNOWN_TAG:
            options.append(())
        elif role == OUTSIDE:
            options.append((OUTSIDE,))
        else:
            edges = product(_may_start(tags, i, source), _may_end(tags, i, source))
            spelt = [_ROLE_BY_EDGES[is_start, is_end] for is_start, is_end in edges]
            options.append(tuple(dict.fromkeys(_spell_role(role, type_, target) for role in spelt)))
    return options


_ROLE_BY_EDGES = {(True, True): "S", (True, False): "B", (False, False): "I", (False, True): "E"}
_BOTH = (False, True)


def _spell_role(role: str, type_: str, scheme: Scheme) -> str:
    letters = LETTERS[scheme]
    letter = letters.get(role) or letters["B" if role == "S" else "I"]
    return f"{letter}-{type_}" if type_ else letter


def _may_start(tags: Sequence[str], i: int, scheme: Scheme) -> tuple[bool, ...]:
    """Return whether the token is the first of its span: one truth, or both."""
    if split_tag(tags[i], scheme)[0] in "BS":
        return (True,)
    if i and tags[i - 1] == UNKNOWN_TAG:
        return _BOTH if scheme in _BEGUN_INSIDE else (False,)
    return (i == 0 or not _goes_on(tags[i - 1], tags[i], scheme),)


def _may_end(tags: Sequence[str], i: int, scheme: Scheme) -> tuple[bool, ...]:
    """Return whether the token is the last of its span: one truth, or both."""
    if split_tag(tags[i], scheme)[0] in "ES":
        return (True,)
    if i + 1 < len(tags) and tags[i + 1] == UNKNOWN_TAG:
        return (False,) if "E" in LETTERS[scheme] else _BOTH
    return (i + 1 == len(tags) or not _goes_on(tags[i], tags[i + 1], scheme),)


def _goes_on(tag: str, following: str, scheme: Scheme) -> bool:
    (role, type_), (next_role, next_type) = split_tag(tag, scheme), split_tag(following, scheme)
    return role in "BI" and next_role in "IE" and type_ == next_type
