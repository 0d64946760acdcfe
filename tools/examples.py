"""Examples of docstrings, `>>> ...`, as a section of their own, or the site would take them for quotations.

An extension of Griffe, which reads the docstrings for the site.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_EXAMPLE = re.compile(r"^>>> .*(?:\n(?!$).*)*", re.MULTILINE)


class Examples(Extension):
    """Puts a heading above the examples of a docstring."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Change the docstring of a function, a class or another object."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(_set_apart, obj.docstring.value)


def _set_apart(found: re.Match[str]) -> str:
    lines = "".join(f"    {line}\n" for line in found[0].splitlines())
    return f"Examples:\n{lines}"
