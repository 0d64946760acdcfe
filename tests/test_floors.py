"""The plan of the house, read off the imports: only downwards, no circles, no torch up to the runtime's floor.

The imports are read, not run; those under TYPE_CHECKING and inside functions count like all others.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tagger"
FLOORS = (  # from the ground up
    "version", "errors", "collector", "config", "text", "scoring", "runtime", "model", "training",
    "api", "adapters", "cli",
)  # fmt: skip
HEAVY = {"torch", "seqeval", "sklearn", "scipy", "spacy"}
EXCEPTIONS = {"scoring/seqeval_report.py": {"seqeval"}}  # inside a function, on request


def imports(path: Path) -> set[str]:
    """Return the modules a file imports at any depth and the names it takes from them, dots spelt out."""
    here = [*path.relative_to(PACKAGE.parent).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def find_file(name: str) -> Path | None:
    """Return the file of the package that an imported name lies in: a module, or what a module holds."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        place = PACKAGE.parent.joinpath(*parts[:count])
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                return path
    return None


def files() -> list[Path]:
    """Return every file but the two that stand outside the house: the public names, and `python -m tagger`."""
    return sorted(
        path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or not path.stem.startswith("__")
    )


@cache
def graph() -> dict[Path, set[Path]]:
    """Return which files each file imports."""
    found = {}
    for path in files():
        used = {find_file(name) for name in imports(path) if name.split(".")[0] == "tagger"}
        found[path] = {each for each in used if each is not None} - {path}
    return found


def floor(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", files(), ids=named)
def test_a_file_imports_from_its_own_floor_and_below(path):
    height = FLOORS.index(floor(path))
    assert PACKAGE / "__init__.py" not in graph()[path], "import from where a name lives"
    above = {named(each) for each in graph()[path] if FLOORS.index(floor(each)) > height}
    assert not above, f"{floor(path)} imports from above: {above}"
    if height <= FLOORS.index("runtime"):
        heavy = {name.split(".")[0] for name in imports(path)} & HEAVY
        assert heavy <= EXCEPTIONS.get(named(path), set())


def test_no_two_files_import_each_other_in_a_circle():
    """Depth first: an arrow to a file that is still open closes a circle (Tarjan 1972)."""
    arrows, open_, done, circles = graph(), [], set(), []

    def visit(path: Path) -> None:
        open_.append(path)
        for other in sorted(arrows[path]):
            if other in open_:
                circles.append(" -> ".join(map(named, [*open_[open_.index(other) :], other])))
            elif other not in done:
                visit(other)
        done.add(open_.pop())

    for path in sorted(arrows):
        if path not in done:
            visit(path)
    assert not circles, "\n".join(circles)


def test_every_folder_and_file_of_the_package_has_a_floor():
    found = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found - {"__init__", "__main__", "py"} == set(FLOORS)


def test_no_two_classes_share_a_name():
    homes = defaultdict(list)
    for path in files():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(named(path))
    shared = {name: places for name, places in homes.items() if len(places) > 1}
    assert not shared


def test_the_reading_of_imports_sees_what_it_should(tmp_path, monkeypatch):
    monkeypatch.setattr("test_floors.PACKAGE", tmp_path / "tagger")  # `graph` is not asked here
    path = tmp_path / "tagger" / "text" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "if TYPE_CHECKING:\n    from . import y\ndef f():\n    import torch.nn\n    from ..model.crf import CRF\n"
    )
    (path.parent / "y.py").touch()
    (tmp_path / "tagger" / "model").mkdir()
    (tmp_path / "tagger" / "model" / "crf.py").touch()
    assert imports(path) == {"torch.nn", "tagger.text.y", "tagger.model.crf.CRF"}
    assert find_file("tagger.model.crf.CRF") == tmp_path / "tagger" / "model" / "crf.py"
    assert find_file("tagger.text.y") == path.parent / "y.py"
