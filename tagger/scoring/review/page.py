"""One self-contained HTML page to go through suspects: each can be accepted, and what was accepted can be taken away.

Its frame, style and script are those of all pages (`text.pages`). The script filters, ticks and exports; what was
ticked is remembered by the browser, under the corpus's state.
"""

from __future__ import annotations

import shlex
from os import PathLike
from pathlib import Path, PurePath

from tagger.scoring.report.pieces import join_tokens
from tagger.scoring.review.suspects import Review, Suspect, Uses
from tagger.text.counting import count_of
from tagger.text.escape import escape_html
from tagger.text.output import write_text
from tagger.text.pages import Filters, close_page, draw_figures, draw_filters, open_page, write_types
from tagger.text.schemes import Span

MOST_SUSPECTS = 5_000  # beyond that nobody reads on, and the page would be slow on a phone
_AROUND = 15  # tokens on either side of a place


def write_page(review: Review, path: str | PathLike[str]) -> None:
    """Write the page whole or not at all; DataError where the disk refuses."""
    write_text(Path(path), [render_page(review)])


def render_page(review: Review) -> str:
    """Return the page as HTML."""
    shown = review.suspects[:MOST_SUSPECTS]
    groups, count = [], 0
    for uses, suspects in review.grouped():
        if count >= MOST_SUSPECTS:
            break
        groups.append(_draw_group(uses, suspects, review.path))
        count += len(suspects)
    cut = (
        f" The surest {len(shown):,} of {len(review.suspects):,} are here."
        if count < len(review.suspects)
        else ""
    )
    name = PurePath(review.path).name
    opening = open_page(
        name,
        "labels to look at",
        facts={"corpus": review.path, "judged by": f"models of {count_of(review.folds, 'fold')}"},
        skip=("list", "Skip to the suspects"),
        figures=_draw_figures(review),
        state={"name": name, "state": review.state[:16], "command": _spell_command(name)},
    )
    return (
        f'{opening}<p class="note">Each place is judged by a model that has not seen its sentence. The probability '
        "says how sure the proposal is, if it or the label that is there is right. Tick what is to be changed, save "
        f"the ids, and run the command that stands in that file.{cut}</p>\n"
        f"{draw_filters(_filters(review))}"
        f'<div id="list">{"".join(groups) or "<p>There are none.</p>"}</div>\n{close_page()}'
    )


def _spell_command(name: str) -> str:
    """Return the command that carries out what was ticked and saved; a file's name is quoted for the shell."""
    ids, mended = shlex.quote(f"@{name}.ids.txt"), shlex.quote(f"mended-{name}")
    return f"tagger review {shlex.quote(name)} --accept {ids} -o {mended}"


def _draw_figures(review: Review) -> str:
    return draw_figures(
        (
            (f"{len(review.suspects):,}", "suspects"),
            (f"{review.spans:,}", f"spans in {count_of(review.sentences, 'sentence')}"),
        )
    )


def _filters(review: Review) -> Filters:
    return Filters(
        label="Filter and export the suspects",
        things="suspects",
        places="",
        types=sorted(
            {
                suspect.name(span)
                for suspect in review.suspects[:MOST_SUSPECTS]
                for span in (*suspect.doubt.gold, *suspect.doubt.found)
            }
        ),
        more='<label><input type="checkbox" id="ticked"> ticked ones alone</label>'
        '<button type="button" id="tick">tick all shown</button>'
        '<button type="button" id="untick">untick all shown</button>'
        '<button type="button" id="save">save ids</button>'
        '<button type="button" id="copy">copy ids</button>',
        keys="<kbd>j</kbd> <kbd>k</kbd> next and previous, <kbd>x</kbd> tick, <kbd>/</kbd> search, "
        "<kbd>Esc</kbd> show all",
    )


def _draw_group(uses: Uses | None, suspects: list[Suspect], path: str) -> str:
    articles = "".join(_draw_suspect(suspect, path) for suspect in suspects)
    if uses is None:
        return articles
    return (
        f'<section class="group"><h2><span class="u">{escape_html(uses.text)}</span> '
        f"<small>everywhere: {escape_html(str(uses))}</small></h2>{articles}</section>\n"
    )


def _draw_suspect(suspect: Suspect, path: str) -> str:
    doubt = suspect.doubt
    lines = f"{suspect.line}" if suspect.line == suspect.end_line else f"{suspect.line} to {suspect.end_line}"
    types = sorted({suspect.name(span) for span in (*doubt.gold, *doubt.found)})
    gold, proposed = suspect.describe(doubt.gold), suspect.describe(doubt.found)
    return (
        f'<article id="s{suspect.id.partition("=")[0]}" tabindex="-1" data-id="{escape_html(suspect.id)}" '
        f'{write_types(types)} data-line="{suspect.line}" '
        f'data-what="{escape_html(f"{suspect.text}: {gold} -> {proposed}")}">'
        f'<label class="accept"><input type="checkbox"><span>{escape_html(PurePath(path).name)}:{lines}</span>'
        f"<b>{_percent(suspect.probability)}</b></label>"
        f"{_draw_reading(suspect, doubt.gold, 'gold', 'g', doubt.gold_probability)}"
        f"{_draw_reading(suspect, doubt.found, 'proposed', 'f', doubt.probability)}"
        "</article>\n"
    )


def _draw_reading(suspect: Suspect, spans: tuple[Span, ...], role: str, kind: str, probability: float) -> str:
    """Draw the surroundings of a place with the spans of a reading marked, and how probable it is."""
    doubt, tokens = suspect.doubt, suspect.sentence.tokens
    first, last = max(0, doubt.start - _AROUND), min(len(tokens), doubt.end + _AROUND)
    pieces = ["… " if first else "", _draw_words(tokens, first, doubt.start)]
    reached = doubt.start
    for span in spans:
        pieces.append(_draw_words(tokens, reached, span.start, "p"))
        words = escape_html(join_tokens(tokens, span.start, span.end))
        blank = _blank(tokens, span.end)
        pieces.append(
            f'<mark class="{kind} on">{words} <i>{escape_html(suspect.name(span))}</i></mark>{blank}'
        )
        reached = span.end
    pieces += [_draw_words(tokens, reached, doubt.end, "p"), _draw_words(tokens, doubt.end, last)]
    pieces.append(" …" if last < len(tokens) else "")
    return (
        f'<p class="r"><span class="role">{role} <small>{_percent(probability)}</small></span>'
        f'<span class="t w" dir="auto">{"".join(pieces)}</span></p>'
    )


def _draw_words(tokens: tuple[str, ...], start: int, end: int, kind: str = "") -> str:
    if start >= end:
        return ""
    words = escape_html(join_tokens(tokens, start, end))
    return (f'<span class="{kind}">{words}</span>' if kind else words) + _blank(tokens, end)


def _blank(tokens: tuple[str, ...], place: int) -> str:
    """Return what stands between a token and the one before it in running text."""
    if not 0 < place < len(tokens):
        return ""
    return "" if join_tokens(tokens, place - 1, place + 1) == tokens[place - 1] + tokens[place] else " "


def _percent(probability: float) -> str:
    """Write a probability so that what isn't certain doesn't look so.

    >>> _percent(0.99996), _percent(0.5), _percent(0.00001)
    ('99.99 %', '50.00 %', '0.01 %')
    """
    if 0 < probability < 0.0001:
        return "0.01 %"
    return f"{int(probability * 10_000) / 100:.2f} %"
