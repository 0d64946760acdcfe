"""How large an installation is, and how soon its package is imported: tagger beside the tools it is compared with.

    python benchmarks/sizes.py [--rounds 5]

tagger's own packages are counted by what they list as their files, with all that they ask for: once with what
labelling takes and once with `[train]`, PyTorch and all. The other tools are those that `python -m benchmarks peers`
has installed, each in its environment, less pip and setuptools. Seconds are of the clock, from the start of Python to
the end of the import, medians of the rounds.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
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
_TOOLS = ("pip", "setuptools", "wheel", "_distutils_hack", "pkg_resources")


def list_packages(name: str, extras: frozenset[str]) -> set[str]:
    """Return the names of a package and of all that it asks for and that is installed."""
    found: set[str] = set()
    waiting = [(name, extras)]
    while waiting:
        package, wanted = waiting.pop()
        package = re.sub(r"[-_.]+", "-", package).lower()
        if package in found:
            continue
        try:
            needed = metadata.requires(package) or []
        except metadata.PackageNotFoundError:  # of another system or version of Python
            continue
        found.add(package)
        for line in needed:
            asked, _, condition = line.partition(";")
            extra = re.search(r"extra == ['\"]([\w-]+)['\"]", condition)
            if extra is None or extra[1] in wanted:
                (told,) = re.findall(r"^[\w.-]+", asked.strip())
                more = re.search(r"\[([\w,-]+)\]", asked)
                waiting.append((told, frozenset(more[1].split(",")) if more else frozenset()))
    return found


def weigh_packages(names: set[str]) -> float:
    """Return the MB of the files of some packages."""
    total = 0
    for name in names:
        for file in metadata.files(name) or ():
            path = Path(str(file.locate()))
            total += path.stat().st_size if path.is_file() else 0
    return total / 1e6


def weigh_folder(folder: Path) -> float:
    """Return the MB of a folder of packages, less what every environment has."""
    files = (
        path
        for each in folder.iterdir()
        if not each.name.startswith(_TOOLS)
        for path in (each.rglob("*") if each.is_dir() else (each,))
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
    source = Path(__file__).parents[1] / "tagger"
    ours = weigh_folder(source)
    for tool, extras, module in (
        ("tagger, to label", frozenset[str](), "tagger.runtime.tagger"),
        ("tagger, to train too", frozenset({"train"}), "tagger.training.run"),
    ):
        names = list_packages("tagger", extras) - {"tagger"}
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
