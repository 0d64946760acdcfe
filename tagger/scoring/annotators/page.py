"""One self-contained HTML page about several annotators: what they agree on, and every sentence where they don't.

Its frame, style and script are those of all pages (`text.pages`), which says what they forbid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path, PurePath

from tagger.scoring.annotators.agreement import AnnotatorAgreement
from tagger.scoring.annotators.disagreements import Disagreement, find_disagreements, name_place
from tagger.scoring.annotators.kappa import Kappa
from tagger.scoring.annotators.pictures import draw_pairs
from tagger.scoring.annotators.readings import Annotators, Opinions
from tagger.scoring.matching import Kind
from tagger.scoring.report.facts import Mistake, WrongSentence
from tagger.scoring.report.pieces import Piece, cut, join_tokens, windows
from tagger.scoring.resampling import Interval
from tagger.text.escape import escape_html
from tagger.text.output import write_text
from tagger.text.pages import (
    Chapter,
    Filters,
    close_page,
    draw_bar,
    draw_figures,
    draw_filters,
    draw_row,
    draw_table,
    open_page,
    write_types,
)
from tagger.text.schemes import Span

MOST_SENTENCES = 20_000  # as on the page about an evaluation
LONG_SENTENCE = 120  # tokens: of longer ones only the surroundings of disagreements are shown
CONTEXT = 25  # tokens on either side of them
MOST_CONFUSIONS = 20

KINDS = {
    Kind.TYPE: "other type",
    Kind.BOUNDARY: "other boundaries",
    Kind.BOTH: "other type and boundaries",
    Kind.MISSED: "not marked by all",
}
"""What annotators differ in, in words."""


def write_agreement(agreement: AnnotatorAgreement, path: str | PathLike[str]) -> None:
    """Write the page whole or not at all; DataError where the disk refuses."""
    write_text(Path(path), render_agreement(agreement))


def render_agreement(agreement: AnnotatorAgreement) -> Iterator[str]:
    """Yield the page as HTML, piece by piece."""
    names = agreement.annotators.names
    sections = [Chapter("pairs", "Two by two", _pairs(agreement))]
    if agreement.pairs[0].scores.has_types:
        sections += [
            Chapter("types", "Types", _types(agreement)),
            Chapter("confusion", "Confusion", _confusion(agreement)),
        ]
    yield open_page(
        ", ".join(names),
        "agreement",
        facts={"corpus": agreement.annotators.corpus.path},
        links=[*((each.anchor, each.title) for each in sections), ("errors", "Disagreements")],
        skip=("errors", "Skip to the disagreements"),
        figures=_figures(agreement),
    )
    for section in sections:
        yield section.draw()
    yield from _disagreements(agreement)
    yield close_page()


def _figures(agreement: AnnotatorAgreement) -> str:
    annotators = agreement.annotators
    kappa = "Fleiss' kappa of tokens" if agreement.fleiss else "Cohen's kappa of tokens"
    what = "share of equal labels" if annotators.has_bare_labels else "F1 of spans"
    figures = [
        (
            f"{100 * agreement.f1:.2f}",
            f"{what}{', mean of pairs' if len(agreement.pairs) > 1 else ''}, 95 % interval "
            f"{agreement.interval}",
        ),
        (write_number(agreement.kappa.value), kappa),
        (write_number(agreement.alpha), "Krippendorff's alpha of spans"),
        (f"{len(agreement.disagreements):,}", "disagreements"),
        (f"{len(annotators.corpus.sentences):,}", "sentences"),
    ]
    return draw_figures(figures)


def write_number(value: float | None) -> str:
    """Write a coefficient; where there is none, a dash.

    >>> write_number(0.8591), write_number(None)
    ('0.859', '-')
    """
    return "-" if value is None else f"{value:.3f}"


def _pairs(agreement: AnnotatorAgreement) -> str:
    names = agreement.annotators.names
    rows = [
        draw_row(
            " / ".join(escape_html(names[each]) for each in pair.annotators),
            (
                f"{100 * pair.scores.micro.f1:.2f}",
                draw_bar(pair.scores.micro.f1, pair.interval),
                str(pair.interval),
                *_kappa_cells(pair.kappa),
                *(f"{each:,}" for each in (pair.scores.micro.gold, pair.scores.micro.predicted)),
                f"{pair.scores.micro.correct:,}",
            ),
        )
        for pair in agreement.pairs
    ]
    if agreement.fleiss:
        cells = (
            f"{100 * agreement.f1:.2f}",
            draw_bar(agreement.f1, agreement.interval),
            str(agreement.interval),
        )
        rows.append(
            draw_row("all (mean; Fleiss)", (*cells, *_kappa_cells(agreement.fleiss), "", "", ""), "total")
        )
    headings = (
        "annotators",
        "F1",
        "share",
        "95 % interval of F1",
        "kappa",
        "equal tags %",
        "tokens",
        "spans of one",
        "of the other",
        "of both",
    )
    table = draw_table(headings, rows, "F1 in per cent; kappa of tokens, corrected for chance (Cohen 1960).")
    return table + (draw_pairs(agreement) if len(names) > 2 else "")


def _kappa_cells(kappa: Kappa) -> tuple[str, str, str]:
    return write_number(kappa.value), f"{100 * kappa.observed:.2f}", f"{kappa.tokens:,}"


def _types(agreement: AnnotatorAgreement) -> str:
    names = agreement.annotators.names
    rows = []
    for type_, each in agreement.types.items():
        f1 = _type_cells(agreement.f1_of(type_), agreement.intervals_of(type_))
        spans = (f"{count:,}" for count in agreement.spans_of(type_))
        rows.append(draw_row(escape_html(type_), (write_number(each.alpha), *f1, *spans)))
    pairs = (" / ".join(escape_html(names[each]) for each in pair.annotators) for pair in agreement.pairs)
    headings = (
        "type",
        "alpha",
        *(
            ("F1", "share", "95 % interval of F1")
            if len(agreement.pairs) == 1
            else (f"F1 {pair}" for pair in pairs)
        ),
        *(f"spans {escape_html(name)}" for name in names),
    )
    return draw_table(headings, rows, "Krippendorff's alpha for spans (2004); 1 is perfect, 0 is chance.")


def _type_cells(values: Sequence[float | None], intervals: Sequence[Interval | None]) -> Iterator[str]:
    """Write F1 of one type: of two annotators with a bar, of more pairs with the bounds below the number."""
    for value, interval in zip(values, intervals, strict=True):
        if value is None or interval is None:
            yield from ("-", "", "") if len(values) == 1 else ("-",)
        elif len(values) == 1:
            yield from (f"{100 * value:.2f}", draw_bar(value, interval), str(interval))
        else:
            yield f"{100 * value:.2f}<small>{interval}</small>"


def _confusion(agreement: AnnotatorAgreement) -> str:
    names = agreement.annotators.names
    tables = []
    for pair in agreement.pairs:
        rows = [
            draw_row(_name(one), (_name(other), f"{count:,}"))
            for one, other, count in pair.confusion.largest()[:MOST_CONFUSIONS]
        ]
        headings = (*(escape_html(names[each]) for each in pair.annotators), "spans")
        tables.append(f"<div>{draw_table(headings, rows, '')}</div>" if rows else "")
    return (
        '<p class="note">Spans that overlap but differ in type, or stand alone; the commonest first.</p>'
        f'<div class="columns">{"".join(tables)}</div>'
    )


def _name(type_: str | None) -> str:
    return "nothing" if type_ is None else escape_html(type_)


def _disagreements(agreement: AnnotatorAgreement) -> Iterator[str]:
    counts = dict.fromkeys(KINDS, 0)
    for each in agreement.disagreements:
        counts[each.kind] += 1
    differing = len({id(each.sentence) for each in agreement.disagreements})
    more = f" The first {MOST_SENTENCES:,} of {differing:,} are here." if differing > MOST_SENTENCES else ""
    yield (
        '<section id="errors"><h2>Disagreements</h2>'
        + (
            '<p class="note key"><span>'
            if differing
            else "<p><span>There are none.</span></p><p class='note'><span>"
        )
        + "A line for each way to read a sentence, and whose it is. "
        '<span class="s below"><span class="w">All agree</span>'
        '<i class="f ok">TYPE</i></span> <span class="s below"><span class="w">somebody differs</span>'
        f'<i class="f">TYPE</i></span>{more}</span></p>'
        f'{draw_filters(_filters(counts, list(agreement.types)))}<div id="list">'
    )
    shown = 0
    for opinions in agreement.annotators if differing else ():
        found = tuple(find_disagreements(opinions))
        if found:
            yield _article(agreement.annotators, shown, opinions, found)
            shown += 1
            if shown == MOST_SENTENCES:
                break
    yield "</div></section>\n"


def _filters(counts: dict[Kind, int], types: Sequence[str]) -> Filters:
    return Filters(
        label="Filter the disagreements",
        things="disagreements",
        places="sentences that are read in several ways",
        types=types,
        kinds=[(kind.value, name, counts[kind]) for kind, name in KINDS.items()],
        orders=[("file", "as in the file"), ("errors", "most disagreements first")],
    )


def _article(annotators: Annotators, number: int, opinions: Opinions, found: tuple[Disagreement, ...]) -> str:
    sentence = opinions.sentence
    place = escape_html(name_place(PurePath(annotators.corpus.path).name, sentence, sentence.line))
    shared = tuple(set(opinions.spans[0]).intersection(*opinions.spans[1:]))
    mistakes = tuple(
        Mistake(kind=each.kind, gold=Span("", each.start, each.end), predicted=None) for each in found
    )
    covers_everything = annotators.has_bare_labels or annotators.task.cuts_words
    lines = []
    readings: dict[tuple[Span, ...], list[str]] = {}  # of the sentence, and whose they are
    for name, own in zip(annotators.names, opinions.spans, strict=True):
        readings.setdefault(tuple(own), []).append(escape_html(name))
    for spans, names in readings.items():
        drawn = WrongSentence(sentence=sentence, gold=shared, predicted=spans, mistakes=mistakes)
        text = "".join(_draw_sentence(drawn, only_mistakes=covers_everything))
        lines.append(
            f'<p class="r"><span class="role">{", ".join(names)}</span><span class="t" dir="auto">{text}</span></p>'
        )
    items = "".join(_describe(each, annotators.names) for each in found)
    return (
        f'<article id="s{number}" tabindex="-1"><h3><a href="#s{number}">{place}</a></h3>{"".join(lines)}'
        f'<ul class="m">{items}</ul></article>\n'
    )


def _draw_sentence(sentence: WrongSentence, *, only_mistakes: bool) -> Iterator[str]:
    length = len(sentence.tokens)
    stretches = windows(sentence, CONTEXT) if length > LONG_SENTENCE else [(0, length)]
    for start, end in stretches:
        if start:
            yield '<span class="gap">… </span>'
        yield from map(_draw, cut(sentence, start, end, only_mistakes=only_mistakes))
    if stretches[-1][1] < length:
        yield '<span class="gap"> …</span>'


def _draw(piece: Piece) -> str:
    """Draw the words of a span with its type below them."""
    words = f'<span class="w">{escape_html(piece.text)}</span>'
    blank = " " if piece.blank else ""
    if piece.predicted is None:
        return words + blank
    agreed = " ok" if piece.is_right else ""
    return (
        f'<span class="s below">{words}<i class="f on{agreed}">{escape_html(piece.predicted.type)}</i>'
        f"</span>{blank}"
    )


def _describe(found: Disagreement, names: Sequence[str]) -> str:
    """Say in words who says what; the attributes are what the filters go by."""
    types = sorted({span.type for spans in found.spans for span in spans})
    said = [
        f"{escape_html(name)} {_say(found, spans)}" for name, spans in zip(names, found.spans, strict=True)
    ]
    return f'<li data-k="{found.kind}" {write_types(types)}>{KINDS[found.kind]}: {", ".join(said)}</li>'


def _say(found: Disagreement, spans: Iterable[Span]) -> str:
    parts = [
        f"<b>{escape_html(type_)}</b> “{escape_html(join_tokens(found.sentence.tokens, start, end))}”"
        for type_, start, end in spans
    ]
    return " + ".join(parts) or "nothing"
