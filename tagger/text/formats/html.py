"""Labelled sentences -> one HTML page with highlighted spans: self-contained, escaped, for light and dark screens.

The page is written as the sentences come and never held as a whole; the table of types stands at its end. It loads
nothing and runs no script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from tagger.text.escape import escape_html_text
from tagger.text.formats.sentence import LabelledSentence, LabelledSpan, pieces

_HEAD = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Labelled text</title>
<style>
:root { --ink: #1d1d1f; --paper: #fff; --quiet: #666; --light: 88%; --strong: 32%; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8ea; --paper: #161618; --quiet: #9a9aa0; --light: 24%; --strong: 78%; }
}
body { color: var(--ink); background: var(--paper); font: 1rem/1.9 system-ui, sans-serif; max-width: 46rem;
  margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 1rem; color: var(--quiet); border-bottom: 1px solid; overflow-wrap: anywhere; }
p { margin: .4rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
mark { color: inherit; background: hsl(var(--hue) 70% var(--light)); border-radius: .3em; padding: .12em .3em; }
mark b { color: hsl(var(--hue) 70% var(--strong)); font-size: .68em; margin-inline-start: .45em; }
table { border-collapse: collapse; margin-top: 2rem; }
td { padding: 0 1rem 0 0; }
</style>
</head>
<body>
"""
_FOOT = "</body>\n</html>\n"

# Each type takes the next hue around the circle in golden steps, so that any number of them stay apart.
_GOLDEN_ANGLE = 137.508
_FIRST_HUE = 210.0


def write_html(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield the head of a page, a paragraph for each sentence under the name of its document, and the foot."""
    yield _HEAD
    hues: dict[str, float] = {}
    counts: Counter[str] = Counter()
    doc: str | None = None
    for sentence in sentences:
        heading = f"<h2>{escape_html_text(sentence.doc)}</h2>\n" if sentence.doc != doc else ""
        doc = sentence.doc
        counts.update(span.type for span in sentence.spans)
        parts = [
            escape_html_text(text) if span is None else _mark(text, span, hues)
            for text, span in pieces(sentence)
        ]
        yield f'{heading}<p dir="auto">{"".join(parts)}</p>\n'
    yield _legend(counts, hues)
    yield _FOOT


def _mark(text: str, span: LabelledSpan, hues: dict[str, float]) -> str:
    hue = hues.setdefault(span.type, round((_FIRST_HUE + _GOLDEN_ANGLE * len(hues)) % 360, 1))
    title = "" if span.confidence is None else f' title="confidence {span.confidence:.4f}"'
    return f'<mark style="--hue: {hue}"{title}>{escape_html_text(text)}<b>{escape_html_text(span.type)}</b></mark>'


def _legend(counts: Counter[str], hues: dict[str, float]) -> str:
    rows = "".join(
        f'<tr><td><mark style="--hue: {hues[kind]}">{escape_html_text(kind)}</mark></td><td>{count}</td></tr>\n'
        for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    return f"<table>\n{rows}</table>\n" if rows else ""
