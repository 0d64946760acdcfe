"""How large an installation is, and how soon its package is imported: tagger beside the tools it is compared with.

    python benchmarks/sizes.py [--rounds 5]

tagger's own packages are counted by what they list as their files, with all that they ask for: once with what
labelling takes and once with `[train]`, PyTorch and all. The other tools are those that `python -m benchmarks peers`
has installed, each in its environment, less pip and setuptools. What Python compiles isn't counted. Seconds are of
the clock, from the start of Python to the end of the import, medians of the rounds.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from report import peers
from report.figures import Row
from report.rows import add_option, print_rows

IMPORTS = {
    "python-crfsuite": ("CRFsuite", "pycrfsuite"),
    "spacy": ("spaCy", "spacy"),
    "flair": ("Flair", "flair.models"),
    "stanza": ("Stanza", "stanza"),
}
ROOT = Path(__file__).parents[1]
_TOOLS = ("pip", "setuptools", "wheel", "_distutils_hack", "pkg_resources")


def list_packages(asked: Sequence[str]) -> set[str]:
    """Return the names of packages, asked for as in `pyproject.toml`, and of all that they ask for and are there."""
    found: set[str] = set()
    waiting = list(asked)
    while waiting:
        requirement, _, condition = waiting.pop().partition(";")
        (told,) = re.findall(r"^[\w.-]+", requirement.strip())
        name = re.sub(r"[-_.]+", "-", told).lower()
        if name in found or "extra ==" in condition:
            continue
        try:
            waiting += metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # of another system or version of Python
            continue
        found.add(name)
    return found


def weigh_packages(names: set[str]) -> float:
    """Return the MB of the files of some packages."""
    total = 0
    for name in names:
        for file in metadata.files(name) or ():
            path = Path(str(file.locate()))
            if "__pycache__" in path.parts:
                continue
            total += path.stat().st_size if path.is_file() else 0
    return total / 1e6


def weigh_folder(folder: Path) -> float:
    """Return the MB of a folder of packages, less what every environment has."""
    files = (
        path
        for each in folder.iterdir()
        if not each.name.startswith(_TOOLS)
        for path in (each.rglob("*") if each.is_dir() else (each,))
        if "__pycache__" not in path.parts
    )
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def time_import(python: str, module: str, rounds: int) -> float:
    """Return the seconds until a module is imported; the first round, which reads from the disk, isn't counted."""
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        subprocess.run([python, "-W", "ignore", "-c", f"import {module}"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def list_rows(rounds: int) -> Iterator[Row]:
    """Yield tagger's rows and one for each tool that is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = weigh_folder(ROOT / "tagger")
    to_label = project["dependencies"]
    to_train = to_label + project["optional-dependencies"]["train"]
    for tool, asked, module in (
        ("tagger, to label", to_label, "tagger.runtime.tagger"),
        ("tagger, to train too", to_train, "tagger.training.run"),
    ):
        names = list_packages(asked)
        yield {
            "tool": tool,
            "installed": round(ours + weigh_packages(names), 1),
            "imported": round(time_import(sys.executable, module, rounds), 3),
            "packages": len(names) + 1,
        }
    for name, (tool, module) in IMPORTS.items():
        python, folder = peers.find_python(name), peers.find_packages(name)
        if python and folder:
            yield {
                "tool": tool,
                "installed": round(weigh_folder(folder), 1),
                "imported": round(time_import(str(python), module, rounds), 3),
                "packages": sum(each.suffix == ".dist-info" for each in folder.iterdir()),
            }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    add_option(parser)
    asked = parser.parse_args()
    print_rows("sizes", list_rows(asked.rounds), as_json=asked.as_json)


if __name__ == "__main__":
    main()
