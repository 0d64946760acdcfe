"""Formulas of Markdown, `$...$` and `$$...$$`, as MathML, which browsers draw by themselves: no page loads a script.

An extension of Python-Markdown, to stand behind `pymdownx.arithmatex` with `generic: true`, which finds the formulas.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


class _Formulas(Postprocessor):
    """The finished page, each formula drawn."""

    def run(self, text: str) -> str:
        """Return a page with MathML in place of LaTeX."""
        return _FORMULA.sub(_draw, text)


def _draw(found: re.Match[str]) -> str:
    is_block = found[1] == "div"
    formula = convert(unescape(found[2]).strip(), display="block" if is_block else "inline")
    # Wide ones scroll on a small screen by themselves, without the page.
    return f'<div class="formula">{formula}</div>' if is_block else formula


class FormulasExtension(Extension):
    """What `markdown_extensions` names."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Draw formulas after everything else, where HTML that was set aside is back in its place."""
        md.postprocessors.register(_Formulas(md), "formulas", 1)


def makeExtension(**options: Any) -> FormulasExtension:  # noqa: N802
    """Return the extension; the name is Python-Markdown's."""
    return FormulasExtension(**options)
