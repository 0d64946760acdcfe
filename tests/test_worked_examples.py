"""The worked examples of the explanations: what their Python prints stands below it; pictures come out alike."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from tools.diagrams import FOLDER, draw_lattice, enumerate_paths

EXPLANATION = Path(__file__).parents[1] / "docs" / "explanation"
_BLOCK = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", ["crf.md", "repeats.md"])
def test_what_is_shown_is_what_is_printed(name: str) -> None:
    blocks = _BLOCK.findall((EXPLANATION / name).read_text(encoding="utf-8"))
    assert blocks
    names: dict[str, object] = {}
    for script, shown in blocks:
        printed = StringIO()
        with redirect_stdout(printed):
            exec(script, names)
        assert printed.getvalue() == shown


def test_the_lattice_is_the_one_that_the_script_draws() -> None:
    assert (FOLDER / "lattice.svg").read_text(encoding="utf-8") == draw_lattice()


def test_the_lattice_has_the_sum_that_the_page_works_out() -> None:
    assert enumerate_paths().total == 835
