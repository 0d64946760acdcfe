"""Each floor of the house imports from itself and from below alone; the imports are read, not run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tagger"
FLOORS = (  # from the ground up
    "errors", "config", "text", "scoring", "runtime", "model", "training", "inference", "adapters", "cli",
)  # fmt: skip
GROUND = {"errors", "config"}  # single files below every floor; config may use errors


def imports(path: Path) -> set[str]:
    """Return the modules a file imports at any depth, `from . import x` spelt out."""
    here = [*path.relative_to(PACKAGE.parent).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem in GROUND)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_from_its_own_floor_and_below(path):
    floor = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    height = FLOORS.index(floor)
    used = {name.split(".")[1] for name in imports(path) if name.startswith("tagger.")} - {"__version__"}
    above = {name for name in used if FLOORS.index(name) > height}
    assert not above, f"{floor} imports from above: {above}"
    if height <= FLOORS.index("runtime"):
        assert not {name for name in imports(path) if name.split(".")[0] == "torch"}


def test_every_folder_is_a_floor():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert folders <= set(FLOORS)


def test_the_reading_of_imports_sees_what_it_should(tmp_path, monkeypatch):
    monkeypatch.setattr("test_floors.PACKAGE", tmp_path / "tagger")
    path = tmp_path / "tagger" / "text" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text("def f():\n    import torch.nn\n    from . import y\n    from ..model.crf import CRF\n")
    assert imports(path) == {
        "torch.nn",
        "tagger.text",
        "tagger.text.y",
        "tagger.model.crf",
        "tagger.model.crf.CRF",
    }
