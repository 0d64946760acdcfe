"""One self-contained HTML page about one evaluation: scores, confusions, calibration, every wrong sentence.

Its frame, style and script are those of all pages (`text.pages`), which says what they forbid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path, PurePath

from tagger import scoring
from tagger.scoring import Kind
from tagger.scoring.report.facts import Analysis, Mistake, WrongSentence
from tagger.scoring.report.pictures import MOST_TYPES, draw_calibration, draw_confusion
from tagger.scoring.report.pieces import Piece, cut, join_tokens, windows
from tagger.text.counting import count_of
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
from tagger.text.schemes import Scheme, Span, Task

MOST_SENTENCES = 20_000  # beyond that the page would pass 50 MB, and no reader gets so far
LONG_SENTENCE = 120  # tokens: of longer ones only the surroundings of the mistakes are shown
MOST_CONFUSIONS = 20
CONTEXT = 25  # tokens on either side of a mistake in a long sentence

_KINDS = {
    Kind.TYPE: "wrong type",
    Kind.BOUNDARY: "wrong boundaries",
    Kind.BOTH: "wrong type and boundaries",
    Kind.MISSED: "missed",
    Kind.SPURIOUS: "spurious",
}
_RIGHT_SPAN = "A span is right when its type and both boundaries are those of a gold span."
_RIGHT = {
    Task.WORDS: "A word is right when it begins and ends where a gold word does.",
    Task.JOINT: "A word is right when it begins and ends where a gold word does and has its tag.",
}
_MATCHES = {
    "strict": "type and boundaries",
    "boundary": "boundaries, any type",
    "partial": "overlap counts half, any type",
    "type": "type, any overlap",
}


def write_page(analysis: Analysis, path: str | PathLike[str]) -> None:
    """Write the page whole or not at all; DataError where the disk refuses."""
    write_text(Path(path), [render_page(analysis)])


def render_page(analysis: Analysis) -> str:
    """Return the page as HTML."""
    first = [Chapter("scores", "Scores", _scores(analysis))]
    beside = []  # on wide screens
    if analysis.scheme is not Scheme.BARE and analysis.task is not Task.WORDS:
        beside.append(Chapter("matching", "Near misses", _matching(analysis.evaluation)))
    if analysis.scores.has_types:
        beside.append(Chapter("confusion", "Confusion of types", _confusion(analysis)))
    rest = [Chapter("parts", "Where it is good", _parts(analysis))]
    if analysis.calibration:
        rest.append(
            Chapter("calibration", "Calibration", _calibration(analysis.calibration, _name_spans(analysis)))
        )
    rest.append(Chapter("errors", "Wrong sentences", _errors(analysis)))
    opening = open_page(
        PurePath(analysis.name).name or "evaluation",
        "right and wrong",
        facts={"predicted by": analysis.system, "corpus": analysis.name},
        links=[(each.anchor, each.title) for each in (*first, *beside, *rest)],
        skip=("errors", "Skip to the wrong sentences"),
        figures=_figures(analysis),
    )
    parts = ("".join(each.draw() for each in chapters) for chapters in (first, beside, rest))
    return opening + '{}<div class="beside">{}</div>\n{}'.format(*parts) + close_page()


def _figures(analysis: Analysis) -> str:
    scores = analysis.scores
    name = f"{scores.headline_name}, 95 % interval {analysis.interval}"
    figures = [(f"{100 * scores.headline[1]:.2f}", name)]
    if analysis.scheme is not Scheme.BARE:
        figures += [
            (f"{100 * scores.micro.precision:.2f}", "precision"),
            (f"{100 * scores.micro.recall:.2f}", "recall"),
            (f"{100 * scores.token_accuracy:.2f}", "token accuracy"),
        ]
    if analysis.task is Task.JOINT and scores.words is not None:
        figures.append((f"{100 * scores.words.all.f1:.2f}", "F1 of words alone"))
    if scores.words is not None and scores.words.oov_recall is not None:
        measure = "accuracy of tokens" if analysis.scheme is Scheme.BARE else "recall of words"
        figures.append((f"{100 * scores.words.oov_recall:.2f}", f"{measure} unseen in training"))
    if analysis.covers_everything:
        figures.append((f"{100 * scores.sentence_accuracy:.2f}", "sentence accuracy"))
    figures += [
        (f"{scores.tokens:,}", f"tokens in {count_of(scores.sentences, 'sentence')}"),
        (f"{len(analysis.wrong):,}", "sentences with an error"),
    ]
    return draw_figures(figures)


def _scores(analysis: Analysis) -> str:
    scores = analysis.scores
    rows = [
        _score_row(name, score, analysis.type_intervals.get(name)) for name, score in scores.types.items()
    ]
    micro = analysis.interval if analysis.scheme is not Scheme.BARE else None
    if scores.has_types:
        rows += [
            _score_row("micro", scores.micro, micro, total=True),
            _score_row("macro", scores.macro, None, total=True),
        ]
    if analysis.task is Task.JOINT and scores.words is not None:
        rows.append(_score_row("words alone", scores.words.all, None, total=True))
    headings = ("type", "precision", "recall", "F1", "share", "95 % interval of F1", "support")
    note = f"In per cent. {_RIGHT.get(analysis.task, _RIGHT_SPAN)}"
    if analysis.scheme is Scheme.BARE:
        note = "In per cent. Every token counts as a span."
    return draw_table(headings, rows, f"{note} {_sentence(scores.note)}" if scores.note else note)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _score_row(
    name: str,
    score: scoring.Score | scoring.Average,
    interval: scoring.Interval | None,
    *,
    total: bool = False,
) -> str:
    bounds = str(interval) if interval else "-"
    cells = (
        f"{100 * score.precision:.2f}",
        f"{100 * score.recall:.2f}",
        f"{100 * score.f1:.2f}",
        draw_bar(score.f1, interval),
        bounds,
        f"{score.support:,}",
    )
    return draw_row(escape_html(name), cells, "total" if total else "")


def _matching(evaluation: scoring.Evaluation) -> str:
    rows = [
        draw_row(
            f"{name} <small>{_MATCHES[name]}</small>",
            (
                *(f"{count:,}" for count in tally),
                *(f"{100 * each:.2f}" for each in (tally.precision, tally.recall, tally.f1)),
            ),
        )
        for name, tally in evaluation.tallies.items()
    ]
    headings = ("match", "correct", "incorrect", "partial", "missed", "spurious", "precision", "recall", "F1")
    return draw_table(headings, rows, "The four measures of SemEval-2013 task 9.1.")


def _confusion(analysis: Analysis) -> str:
    confusion = analysis.confusion
    if not confusion.types:
        return '<p class="note">There are no spans.</p>'
    cut_off = (
        f" The {MOST_TYPES} most frequent of {len(confusion.types):,} types are shown."
        if len(confusion.types) > MOST_TYPES
        else ""
    )
    picture = draw_confusion(confusion, with_edges=analysis.scheme is not Scheme.BARE)
    return (
        '<p class="note">Rows are gold types, columns predicted ones, paired where they overlap; a deeper colour is '
        f"a larger share of its row. Choose a cell to see its sentences.{cut_off}</p>"
        f'<div class="wide">{picture}</div>{_largest_confusions(confusion)}'
    )


def _largest_confusions(confusion: scoring.Confusion) -> str:
    """List which types were most often taken for which; what was missed or spurious stands in the matrix."""
    found = [(gold, predicted, count) for gold, predicted, count in confusion.largest() if gold and predicted]
    rows = [
        draw_row(
            escape_html(gold),
            (escape_html(predicted), f"{count:,}", f"{100 * count / confusion.gold_of(gold):.2f}"),
        )
        for gold, predicted, count in found[:MOST_CONFUSIONS]
    ]
    return draw_table(("gold", "taken for", "count", "% of gold"), rows) if rows else ""


def _parts(analysis: Analysis) -> str:
    groups: dict[str, Mapping[str, scoring.Score]] = {}
    if analysis.scheme is not Scheme.BARE:
        groups[f"tokens in the {_name_spans(analysis)[:-1]}"] = analysis.span_lengths
    groups["tokens in the sentence"] = analysis.sentence_lengths
    if analysis.novelty is not None:
        groups["words in training"] = analysis.novelty
    tables = []
    for title, scores in groups.items():
        rows = [
            draw_row(name, (f"{100 * score.f1:.2f}", draw_bar(score.f1), f"{score.support:,}"))
            for name, score in scores.items()
        ]
        tables.append(f"<div>{draw_table((title, 'F1', 'share', 'support'), rows)}</div>")
    return f'<div class="columns">{"".join(tables)}</div>'


def _name_spans(analysis: Analysis) -> str:
    """Return what the spans of an analysis are called, in the plural."""
    return "words" if analysis.task.cuts_words else "spans"


def _calibration(calibration: scoring.Calibration, spans: str) -> str:
    rows = [
        draw_row(
            f"{each.low:.1f} to {each.high:.1f}",
            (f"{each.size:,}", f"{each.confidence:.3f}", f"{each.accuracy:.3f}")
            if each.size
            else ("0", "-", "-"),
        )
        for each in calibration.bins
    ]
    headings = ("confidence", spans, "mean confidence", "share right")
    return (
        f'<p class="note">Expected calibration error {100 * calibration.expected_error:.2f} %, Brier score '
        f"{calibration.brier:.4f}, over {calibration.count:,} predicted {spans}. On the dashed line, confidences "
        f'mean what they say.</p><div class="columns"><div class="wide">{draw_calibration(calibration, spans)}</div>'
        f"<div>{draw_table(headings, rows)}</div></div>"
    )


def _errors(analysis: Analysis) -> str:
    if not analysis.wrong:
        return f'<p>There are none.</p>{draw_filters(_filters(analysis))}<div id="list"></div>'
    shown = analysis.wrong[:MOST_SENTENCES]
    note = (
        f" <span>The first {MOST_SENTENCES:,} of {len(analysis.wrong):,} are here.</span>"
        if len(shown) < len(analysis.wrong)
        else ""
    )
    pairs = zip(shown, analysis.missed, strict=False)
    articles = "".join(_article(analysis, number, *pair) for number, pair in enumerate(pairs))
    return (
        '<p class="note key"><span class="s"><i class="g">GOLD</i><span class="w">above the words</span>'
        '<i class="f">FOUND</i></span> <span class="s"><i class="g ok">BOTH</i><span class="w">agree</span>'
        f'<i class="f ok">BOTH</i></span>{note}</p>'
        f'{draw_filters(_filters(analysis))}<div id="list">{articles}</div>'
    )


def _filters(analysis: Analysis) -> Filters:
    counts = dict.fromkeys(_KINDS, 0)
    for sentence in analysis.wrong:
        for mistake in sentence.mistakes:
            counts[mistake.kind] += 1
    orders = [("file", "as in the file"), ("errors", "most errors first")]
    if analysis.calibration:
        orders.append(("sure", "surest errors first"))
    if any(analysis.missed):
        orders.append(("near", "nearly found first"))
    return Filters(
        label="Filter the wrong sentences",
        things="errors",
        places="wrong sentences",
        types=analysis.confusion.types,
        kinds=[(kind.value, name, counts[kind]) for kind, name in _KINDS.items()],
        orders=orders,
    )


def _article(analysis: Analysis, number: int, sentence: WrongSentence, missed: Mapping[Span, float]) -> str:
    line = sentence.sentence.line
    place = f"{escape_html(PurePath(analysis.name).name)}:{line}" if line else f"{number + 1}"
    items = "".join(_mistake(sentence, mistake, missed) for mistake in sentence.mistakes)
    only_mistakes = analysis.covers_everything
    length = len(sentence.tokens)
    stretches = windows(sentence, CONTEXT) if length > LONG_SENTENCE else [(0, length)]
    drawn = []
    for start, end in stretches:
        if start:
            drawn.append('<span class="gap">… </span>')
        drawn += _draw(cut(sentence, start, end, only_mistakes=only_mistakes))
    if stretches[-1][1] < length:
        drawn.append('<span class="gap"> …</span>')
    return (
        f'<article id="s{number}" tabindex="-1"><h3><a href="#s{number}">{place}</a></h3>'
        f'<p class="t" dir="auto">{"".join(drawn)}</p>'
        f'<ul class="m">{items}</ul></article>\n'
    )


def _draw(pieces: list[Piece]) -> Iterator[str]:
    """Draw each piece with the gold type above and the predicted one below, where there is any."""
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else None
        blank = " " if piece.blank else ""
        words = f'<span class="w">{escape_html(piece.text)}</span>'
        if piece.gold is None and piece.predicted is None:
            yield words + blank
            continue
        agree = " ok" if piece.is_right else ""
        first = index == 0
        gold = _label("g", piece.gold, agree, shown=piece.opens_gold or first)
        found = _label("f", piece.predicted, agree, shown=piece.opens_predicted or first)
        joined = following is not None and (
            (piece.gold is not None and following.gold == piece.gold)
            or (piece.predicted is not None and following.predicted == piece.predicted)
        )
        # within a span the blank is padding, so that the span's line does not break
        frame = ("s j b" if piece.blank else "s j") if joined else "s"
        yield f'<span class="{frame}">{gold}{words}{found}</span>{"" if joined else blank}'


def _label(side: str, span: Span | None, agree: str, *, shown: bool) -> str:
    if span is None:
        return f'<i class="{side}"></i>'
    return f'<i class="{side} on{agree}">{escape_html(span.type) if shown else ""}</i>'


def _mistake(sentence: WrongSentence, mistake: Mistake, missed: Mapping[Span, float]) -> str:
    """Say in words what is wrong; the attributes are what the filters go by."""
    gold, found = mistake.gold, mistake.predicted
    chance = missed.get(gold) if gold else None
    described = [
        f"{role} <b>{escape_html(span.type)}</b> “{escape_html(_words(sentence, span))}”"
        + ("" if value is None else f" ({measure} {value:.2f})")
        for role, span, measure, value in (
            ("gold", gold, "probability", chance),
            ("found", found, "confidence", mistake.confidence),
        )
        if span
    ]
    attributes = "".join(
        f' data-{name}="{escape_html(value)}"'
        for name, value in (
            ("g", gold.type if gold else None),
            ("p", found.type if found else None),
            ("c", None if mistake.confidence is None else f"{mistake.confidence:.4f}"),
            ("m", None if chance is None else f"{chance:.4f}"),
        )
        if value is not None
    )
    types = write_types(span.type for span in (gold, found) if span)
    return (
        f'<li data-k="{mistake.kind}" {types}{attributes}>{_KINDS[mistake.kind]}: {", ".join(described)}</li>'
    )


def _words(sentence: WrongSentence, span: Span) -> str:
    words = join_tokens(sentence.tokens, span.start, span.end)
    return words if len(words) <= 200 else words[:199] + "…"
