"""Other tools, each in an environment of its own below `benchmarks/.peers`, with the versions of `benchmarks/peers`.

What they need would quarrel with what tagger needs, and with each other. Those that compute for themselves (spaCy,
Flair, Stanza) run in a process of their own with their own Python. Those that tagger's own scripts call (CRFsuite,
pytorch-crf) are found by putting their folder behind tagger's packages.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parents[1]
PINS = FOLDER / "peers"
PLACE = FOLDER / ".peers"
CALLED = ("python-crfsuite", "pytorch-crf")
"""Those that tagger's scripts call: only the package itself is installed, the rest is tagger's."""


def list_peers() -> list[str]:
    """Return the names of those that there are pins for."""
    return sorted(path.stem for path in PINS.glob("*.txt"))


def find_python(name: str) -> Path | None:
    """Return the interpreter of a peer; None where it isn't installed."""
    path = PLACE / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return path if path.is_file() and _stamp(name).is_file() else None


def find_packages(name: str) -> Path | None:
    """Return the folder with a peer's packages; None where it isn't installed."""
    return next((PLACE / name).glob("[Ll]ib/**/site-packages"), None) if find_python(name) else None


def surround(names: Iterable[str]) -> dict[str, str]:
    """Return an environment in which tagger's scripts find those peers that they call."""
    places = [str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]
    places += [str(place) for name in names if name in CALLED and (place := find_packages(name))]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}


def pinned(name: str) -> str:
    """Return the version that a peer is pinned to."""
    text = (PINS / f"{name}.txt").read_text(encoding="utf-8")
    (version,) = re.findall(rf"^{re.escape(name)}==(\S+)$", text, re.MULTILINE)
    return str(version)


def _stamp(name: str) -> Path:
    return PLACE / name / "installed.txt"


def install(name: str) -> None:
    """Make the environment of a peer, unless it has been made from the same pins.

    Raises:
        SystemExit: for a peer that there are no pins for, and where pip fails.
    """
    pins = PINS / f"{name}.txt"
    if not pins.is_file():
        raise SystemExit(f"error: found {name!r}, expected a peer among {', '.join(list_peers())}")
    text = pins.read_text(encoding="utf-8")
    if find_python(name) and _stamp(name).read_text(encoding="utf-8") == text:
        print(f"{name}: is there, {pinned(name)}")
        return
    print(f"{name}: {' '.join(text.split())} into {PLACE / name}", flush=True)
    venv.create(PLACE / name, with_pip=True, clear=True)
    python = PLACE / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    alone = ["--no-deps"] if name in CALLED else []
    command = [str(python), "-m", "pip", "install", "--quiet", *alone, "-r", str(pins)]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"error: {name} wasn't installed; `{' '.join(command)}` failed, see above")
    _stamp(name).write_text(text, encoding="utf-8")


def describe_missing(names: Iterable[str]) -> list[str]:
    """Return a line for each peer that isn't installed, with what installs it."""
    command = f"{Path(sys.executable).name} -m benchmarks peers"
    return [f"{name} is left out: `{command} {name}` installs it" for name in names if not find_python(name)]
