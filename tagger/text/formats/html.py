"""Labelled sentences -> one HTML page with highlighted spans: self-contained, escaped, for light and dark screens.

The page is written as the sentences come and never held as a whole. Its legend counts them, so it stands at the end;
the style shows it at the top. The page loads nothing, and runs no script but its own, which shows and hides spans by
type and confidence. Without script it shows all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from importlib import resources

from tagger.text.escape import escape_html_text, forbid_requests
from tagger.text.formats.hues import HUES, find_hue
from tagger.text.formats.sentence import LabelledSentence, LabelledSpan, pieces, round_confidence
from tagger.text.schemes import Task


def write_html(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield the head of a page, a paragraph for each sentence under the name of its document, and the legend."""
    style, script = (
        resources.files("tagger.text.formats").joinpath(f"html.{ending}").read_text(encoding="utf-8")
        for ending in ("css", "js")
    )
    yield _head(style + "".join(f".h{hue} {{ --hue: {hue}; }}\n" for hue in HUES), script)
    numbers: dict[str, int] = {}  # of types, as they come
    counts: Counter[str] = Counter()
    doc: str | None = None
    is_scored = False
    for sentence in sentences:
        heading = f'<h2 dir="auto">{escape_html_text(sentence.doc)}</h2>\n' if sentence.doc != doc else ""
        doc = sentence.doc
        counts.update(span.type for span in sentence.spans)
        is_scored = is_scored or any(span.confidence is not None for span in sentence.spans)
        has_labels = sentence.task is not Task.WORDS  # all are words
        parts = [
            escape_html_text(text) if span is None else _mark(text, span, numbers, has_label=has_labels)
            for text, span in pieces(sentence)
        ]
        yield f'{heading}<p dir="auto">{"".join(parts)}</p>\n'
    yield "</main>\n"
    yield _legend(counts, numbers, is_scored=is_scored)
    yield f"<script>{script}</script>\n</body>\n</html>\n"


def _head(style: str, script: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{forbid_requests(style, script)}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Labelled text</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<main lang="">\n'  # whose language nobody told
    )


def _mark(text: str, span: LabelledSpan, numbers: dict[str, int], *, has_label: bool) -> str:
    """Return a span: the script knows it by its classes, a person by its colour, type and confidence."""
    number = numbers.setdefault(span.type, len(numbers))
    confidence = round_confidence(span.confidence)
    share, focus, data = "", "", ""
    if confidence is not None:
        shown = f"{confidence:.4f}"
        share, focus, data = f" c{_percent(shown)}", ' tabindex="0"', f' data-c="{shown}"'
    label = escape_html_text(span.type) if has_label else ""
    return (
        f'<mark class="t{number} h{find_hue(span.type)}{share}"{focus}>'
        f"{escape_html_text(text)}<b{data}>{label}</b></mark>"
    )


def _percent(shown: str) -> int:
    """Return the whole per cent of a probability, rounded down, from the digits that are shown.

    >>> _percent("0.2900"), _percent("0.9999"), _percent("1.0000")
    (29, 99, 100)
    """
    return int(shown[0] + shown[2:4])


def _legend(counts: Counter[str], numbers: dict[str, int], *, is_scored: bool) -> str:
    """Return the types, the most frequent first, with their counts; and a slider where there are confidences."""
    rows = "".join(
        f'<li><label><input type="checkbox" value="{numbers[kind]}" checked><mark class="h{find_hue(kind)}">'
        f"{escape_html_text(kind)}</mark></label> <span>{counts[kind]}</span></li>\n"
        for kind in sorted(numbers, key=lambda kind: (-counts[kind], kind))
    )
    slider = (
        '<label id="least">Confidence of at least '
        '<input type="range" min="0" max="100" value="0"><output>0 %</output></label>\n'
    )
    return (
        '<section id="legend" aria-label="Legend">\n'
        + (f"<ul>\n{rows}</ul>\n" if rows else "<div>Nothing was found.</div>\n")
        + (slider if is_scored else "")
        + "</section>\n"
    )
