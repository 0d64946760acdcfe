"""Is this commit fit to be released? `python tools/release.py --tag v0.1.0`, from anywhere in a checkout.

Reads what the changelog says of the version, compares the places that name it, builds a source distribution and from
that a wheel, from a clean copy of HEAD, compares what they hold with what git tracks, installs each in new
environments, and runs the main job there: train with PyTorch, label without it, to the same bytes. Then asks a
vulnerability service about the locks. What was built is left in `dist/`, beside it `notes.md` with the version's
section of the changelog; nothing is uploaded.

Needs `pip install 'tagger[release]'` and the network: for PyTorch's build without CUDA set PIP_EXTRA_INDEX_URL to the
index that PyTorch's site names.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNRELEASED = "Unreleased"
PINNED = ("deploy/requirements.lock", "deploy/build.lock", "constraints.txt")
_UNASKED = "pip-audit could not ask; try again where its service is reachable, or --without-audit"
_HEADING = re.compile(r"^## (?P<title>\S+)(?: \((?P<date>\d{4}-\d\d-\d\d)\))?$", re.MULTILINE)
_PLACES = {  # of the version: files, and what stands around it there
    "tagger/version.py": r'^__version__ = "(.+)"$',
    "CITATION.cff": r"^version: (.+)$",
    "docs/**/deploy.md": r"registry\.example\.org/tagger:(\S+)$",
}


class UnfitError(Exception):
    """Why this can't be released: what was found, what was expected, what to do."""


def read_version(root: Path) -> str:
    """Return the version that all places agree on.

    Raises:
        UnfitError: one says otherwise, or doesn't say.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version: str = project["version"]
    for name, pattern in _PLACES.items():
        texts = [path.read_text(encoding="utf-8") for path in root.glob(name)]
        found = [each for text in texts for each in re.findall(pattern, text, re.MULTILINE)]
        if set(found) != {version}:
            shown = ", ".join(sorted(set(found))) or "none"
            raise UnfitError(f"{name}: found version {shown}, expected {version}, as pyproject.toml has it")
    return version


def read_notes(changelog: str, version: str) -> str:
    """Return what a changelog says of a version, without its heading.

    A section begins with `## 1.2.0 (2026-12-31)`, the one in work with `## Unreleased`.

    Raises:
        UnfitError: there is no such section, it is empty, or what is released has no date.
    """
    headings = list(_HEADING.finditer(changelog))
    for heading in headings:
        if heading["title"] == version:
            break
    else:
        wanted = f'"## {version} (YYYY-MM-DD)"' if version != UNRELEASED else f'"## {UNRELEASED}"'
        known = ", ".join(heading["title"] for heading in headings) or "none"
        raise UnfitError(f"CHANGELOG.md: expected a section {wanted}, found {known}; give it that heading")
    if version != UNRELEASED and heading["date"] is None:
        raise UnfitError(f'CHANGELOG.md: expected a date in the heading: "## {version} (YYYY-MM-DD)"')
    end = changelog.find("\n## ", heading.end())
    notes = changelog[heading.end() : end if end >= 0 else None].strip()
    if not notes:
        raise UnfitError(f"CHANGELOG.md: the section {version} is empty; say what a user will notice")
    return notes + "\n"


def check_contents(archive: Path, tracked: Iterable[str]) -> None:
    """Compare what a wheel or a source distribution holds with the files that git tracks.

    A wheel holds the package and what an installer asks for; a source distribution everything, and its metadata.

    Raises:
        UnfitError: a file is missing, or one is there that git doesn't know.
    """
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        expected = {name for name in tracked if name.startswith("tagger/")}
    else:
        with tarfile.open(archive) as source:
            names = {name.partition("/")[2] for name in source.getnames()}
        names.discard("PKG-INFO")
        expected = set(tracked)
    for what, found in (("lacks", expected - names), ("holds what git doesn't track:", names - expected)):
        if found:
            shown = ", ".join(sorted(found)[:5])
            raise UnfitError(
                f"{archive.name} {what} {shown} ({len(found)} in all); see [tool.hatch] in pyproject.toml"
            )


def read_findings(printed: str) -> list[str]:
    """List what pip-audit found, as `name version: advisory`, from its JSON.

    Raises:
        ValueError: it printed something else, or passed over a package. It does so with exit code 0, and says that
            nothing is known, where it could reach an index but not ask it about vulnerabilities.
    """
    packages = json.loads(printed)["dependencies"]
    unasked = [package["skip_reason"] for package in packages if "skip_reason" in package]
    if unasked:
        raise ValueError(f"{unasked[0]} ({len(unasked)} of {len(packages)} packages)")
    return [f"{each['name']} {each['version']}: {flaw['id']}" for each in packages for flaw in each["vulns"]]


def build(output: Path) -> list[Path]:
    """Build from a clean copy of HEAD, and return the source distribution and the wheel made of it."""
    output.mkdir(parents=True, exist_ok=True)
    for earlier in (*output.glob("tagger-*.whl"), *output.glob("tagger-*.tar.gz")):
        earlier.unlink()
    with tempfile.TemporaryDirectory() as room:
        run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), f"{room}/tagger"])
        run([sys.executable, "-m", "build", "--outdir", str(output), f"{room}/tagger"])
    built = [*output.glob("tagger-*.tar.gz"), *output.glob("tagger-*.whl")]
    if len(built) != 2:
        raise UnfitError(f"{output}: expected a source distribution and a wheel, found {len(built)} files")
    run([sys.executable, "-m", "twine", "check", "--strict", *map(str, built)])
    tracked = run(["git", "-C", str(ROOT), "ls-files"]).splitlines()
    for archive in built:
        check_contents(archive, tracked)
    return built


def try_out(archive: Path, version: str) -> None:
    """Install an archive with PyTorch and without, and run the main job: both label to the same bytes."""
    with tempfile.TemporaryDirectory() as place:
        room = Path(place)
        shutil.copytree(ROOT / "data", room / "data")
        corpus = [f"data/english/{part}.conll" for part in ("train", "dev", "test")]
        train = install(room / "train", f"{archive}[train]")
        run([train, "train", corpus[0], "--dev", corpus[1], "--test", corpus[2], "--output", "m"], room)
        core = install(room / "core", str(archive))
        python = Path(core).with_name("python")
        if subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode == 0:
            raise UnfitError(f"{archive.name}: brings PyTorch without being asked for [train]")
        if version not in (said := run([core, "--version"], room)):
            raise UnfitError(f"{archive.name}: --version says {said.strip()}, expected {version}")
        labelled = [run([tagger, "predict", "m", "data/english.txt"], room) for tagger in (core, train)]
        if labelled[0] != labelled[1] or '"spans"' not in labelled[0]:
            raise UnfitError(f"{archive.name}: labels otherwise, or nothing, where there is no PyTorch")
        scores = json.loads(run([core, "evaluate", "m", corpus[2], "--json"], room))
        print(f"   test F1 {100 * scores['micro']['f1']:.2f}, the same labels with and without PyTorch")


def install(place: Path, requirement: str) -> str:
    """Make an environment that holds a requirement in tested versions, and return the path of its `tagger`."""
    venv.create(place, with_pip=True)
    scripts = place / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(scripts / "python"), "-m", "pip"]
    run([*pip, "install", "--quiet", "-c", str(ROOT / "constraints.txt"), requirement])
    run([*pip, "check"])
    return str(scripts / "tagger")


def audit() -> None:
    """Ask about every version that is pinned.

    Raises:
        UnfitError: one is known to be vulnerable, or nobody could be asked.
    """
    for name in PINNED:
        command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
        command += ["--disable-pip", "--no-deps", "--requirement", str(ROOT / name)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        try:
            found = read_findings(done.stdout)
        except json.JSONDecodeError:
            said = done.stderr.strip().splitlines()
            raise UnfitError(f"{name}: {_UNASKED}: {said[-1] if said else 'it printed nothing'}") from None
        except ValueError as error:
            raise UnfitError(f"{name}: {_UNASKED}: {error}") from None
        if found:
            raise UnfitError(f"{name}: {'; '.join(found)}; take other versions (deploy/lock), or say why not")
        print(f"   {name}: nothing known")


def run(command: Sequence[str], folder: Path = ROOT) -> str:
    """Run a command and return its stdout.

    Raises:
        UnfitError: it fails; the end of what it said is in the message.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise UnfitError(f"{' '.join(command)}: exit code {done.returncode}\n{said}")
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> None:
    """Check all of it; the exit code is 1 where something is amiss."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--tag", help="the tag that is to be released, v and the version; without it: Unreleased"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="where what is built goes (dist)")
    parser.add_argument("--without-audit", action="store_true", help="don't ask a vulnerability service")
    given = parser.parse_args(arguments)
    try:
        version = read_version(ROOT)
        if given.tag not in (None, f"v{version}"):
            raise UnfitError(f"--tag: found {given.tag}, expected v{version}, as pyproject.toml has it")
        changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
        notes = read_notes(changelog, version if given.tag else UNRELEASED)
        print(f"== {version}: {len(notes.splitlines())} lines in the changelog")
        print("== building")
        output = given.output.resolve()
        built = build(output)
        (output / "notes.md").write_text(notes, encoding="utf-8")
        for archive in built:
            print(
                f"== {archive.name}, {archive.stat().st_size / 1e6:.1f} MB, installed and at work", flush=True
            )
            try_out(archive, version)
        if not given.without_audit:
            print("== pinned versions")
            audit()
        print(f"== fit to be released: {output}")
    except UnfitError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
