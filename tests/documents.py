"""The pages of the documentation as tests see them: their blocks, what of them can run, and where they lead.

A block of `sh` or `python` runs as it is printed, in the order of its page, in one folder that holds the repository's
`data/` and what the page's earlier blocks made; the Python of a page shares its names. Comments, which no reader
sees, say what differs:

    <!-- here: train.conll, models/mine -->    above the first block: files of these names are there, see `STAND_INS`
    <!-- not run: needs Docker -->             right above a block: it can't run, and why; its options are checked
    <!-- exit code: 0 or 1 -->                 right above a block of sh: what its last command ends with
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
RUN = ("sh", "python")
_FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_REMARK = re.compile(r"<!-- (not run|exit code): ((?:(?!-->).)+) -->\n\s*\Z", re.DOTALL)
_HERE = re.compile(r"<!-- here: (.+?) -->", re.DOTALL)
_SHIMS = {  # what a page calls, as the tests have it: nothing is installed, and tagger is the one under test
    "tagger": 'exec {python} -m tagger "$@"',
    "torchrun": 'exec {python} -m torch.distributed.run "$@"',
    "pip": 'test "$1" = install',
    "python": 'if [ "$1 $2" = "-m venv" ]; then mkdir -p "${{@: -1}}/bin" && cp {shims}/* "${{@: -1}}/bin"; '
    'else exec {python} "$@"; fi',
}


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
        page: where it stands, from the repository's root.
        line: of its fence.
        language: what stands behind the fence; empty if nothing does.
        text: without the fences.
        reason: why it isn't run; empty if it is.
        codes: the exit codes that are expected.
    """

    page: str
    line: int
    language: str
    text: str
    reason: str = ""
    codes: tuple[int, ...] = (0,)

    @property
    def runs(self) -> bool:
        """Whether a test is to run it."""
        return self.language in RUN and not self.reason


def list_pages() -> list[Path]:
    """List the README and every page of the site."""
    return [README, *sorted(DOCS.rglob("*.md"))]


def name_page(page: Path) -> str:
    """Return a page's path from the repository's root."""
    return page.relative_to(ROOT).as_posix()


def list_blocks(page: Path) -> list[Block]:
    """List the blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    blocks = []
    for found in _FENCE.finditer(text):
        remark = _REMARK.search(text, 0, found.start())
        kind, what = (remark[1], " ".join(remark[2].split())) if remark else ("", "")
        body = re.sub(rf"^{found[1]}", "", found[3], flags=re.MULTILINE)
        line = text.count("\n", 0, found.start()) + 1
        reason = what if kind == "not run" else ""
        codes = tuple(map(int, re.findall(r"\d+", what))) if kind == "exit code" else (0,)
        blocks.append(Block(name_page(page), line, found[2], body, reason, codes))
    return blocks


# Commands


def list_calls(script: str) -> Iterator[list[str]]:
    """Yield the words of each call of tagger in a script, from the command's name on, without redirections."""
    joined = re.sub(r"\\\n\s*", " ", script)
    for line in joined.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in (*lexer, ";"):
            if word and set(word) <= set("();<>|&"):
                yield from _find_call(words)
                words = [] if set(word) <= set("();|&") else ["<"]  # what follows `<` or `>` is a file
            else:
                words.append(word)


def _find_call(words: list[str]) -> Iterator[list[str]]:
    for place, word in enumerate(words):
        is_module = word == "tagger" and words[place - 1 : place] == ["-m"]
        if is_module or (Path(word).name == "tagger" and not words[:place]):
            yield words[place + 1 :]
            return


# Running


def run_page(page: Path, folder: Path, stand_ins: Path) -> list[str]:
    """Run the blocks of a page in a folder and return what each of sh printed.

    Args:
        page: the page.
        folder: an empty folder.
        stand_ins: a folder that keeps what `STAND_INS` makes, for all pages.
    """
    text = page.read_text(encoding="utf-8")
    shutil.copytree(ROOT / "data", folder / "data")
    for names in _HERE.findall(text):
        for name in re.split(r",\s*", names):
            put_stand_in(name.strip(), folder, stand_ins)
    names: dict[str, object] = {"__name__": "__main__"}
    printed = []
    for block in filter(lambda block: block.runs, list_blocks(page)):
        if block.language == "sh":
            printed.append(
                run_script(block.text, folder, codes=block.codes, place=f"{block.page}:{block.line}")
            )
        else:
            with chdir(folder):
                # Lines count from the top of the page, so that a traceback leads there.
                exec(compile("\n" * block.line + block.text, block.page, "exec"), names)
    return printed


def run_script(script: str, folder: Path, *, codes: tuple[int, ...] = (0,), place: str = "") -> str:
    """Run commands as printed and return their stdout; they stop at the first that fails."""
    shims = folder / ".shims"
    if not shims.exists():
        make_shims(shims)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        encoding="utf-8",
        timeout=1200,
        check=False,
    )
    assert done.returncode in codes, f"{place}\n{script}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def make_shims(folder: Path) -> None:
    """Write the programs that pages call into a folder; their `python3 -m venv` copies them."""
    folder.mkdir(parents=True)
    for name, script in _SHIMS.items():
        words = {"python": shlex.quote(sys.executable), "shims": shlex.quote(str(folder))}
        path = folder / name
        path.write_text(f"#!/bin/bash\n{script.format(**words)}\n", encoding="utf-8")
        path.chmod(0o755)
    shutil.copy(folder / "python", folder / "python3")


# Files that a reader has and a test hasn't


def put_stand_in(name: str, folder: Path, stand_ins: Path) -> None:
    """Put a file or a folder of a name into a page's folder; what one maker makes is made once, and copied."""
    make = STAND_INS[name]
    kept = stand_ins / next(first for first, other in STAND_INS.items() if other is make)
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        make(kept)
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    if kept.is_dir():
        shutil.copytree(kept, place)
    else:
        shutil.copy(kept, place)


def _cut(source: str, size: int, end: str) -> Callable[[Path], None]:
    """Return a maker of the first parts of a file of the repository."""

    def make(path: Path) -> None:
        parts = (ROOT / source).read_text(encoding="utf-8").split(end)[:size]
        path.write_text(end.join(parts) + end, encoding="utf-8")

    return make


def _write(text: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    return make


def _repeat_letter(path: Path) -> None:
    letter = (ROOT / "data" / "english.txt").read_text(encoding="utf-8")
    path.write_text(20 * letter, encoding="utf-8")  # enough to hold sentences out of


def _make_texts(path: Path) -> None:
    path.mkdir()
    for name in ("a.txt", "b.txt"):
        shutil.copy(ROOT / "data" / "english.txt", path / name)


def _train(corpus: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        folder = ROOT / "data" / corpus
        train, dev = sorted(folder.glob("train.*"))[0], sorted(folder.glob("dev.*"))[0]
        command = ["-m", "tagger", "train", str(train), "--dev", str(dev), "-o", str(path), "--epochs", "3"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, *command], env=environment, check=True, capture_output=True)

    return make


def _add_column(corpus: Path) -> Callable[[Path], None]:
    """Return a maker of a corpus with a second column, which says whether a word has a capital."""

    def make(path: Path) -> None:
        rows = [line.split() for line in corpus.read_text(encoding="utf-8").split("\n")[:600]]
        lines = [
            "\t".join((row[0], "X" if row[0].islower() else "PROPN", row[1])) if row else "" for row in rows
        ]
        path.write_text("\n".join(lines) + "\n\n", encoding="utf-8")

    return make


def _write_conllu(path: Path) -> None:
    words = (("Ada", "PROPN"), ("sings", "VERB"), (".", "PUNCT"))
    rows = [f"{i}\t{word}\t_\t{tag}" + 6 * "\t_" for i, (word, tag) in enumerate(words, 1)]
    path.write_text(30 * ("\n".join(rows) + "\n\n"), encoding="utf-8")


_RECORD = {"text": "Ada met Li in London.", "spans": [{"start": 0, "end": 3, "label": "PER"}]}
_SOME = _cut("data/english/train.conll", 60, "\n\n")
_FEW = _cut("data/english/dev.conll", 20, "\n\n")
_OTHERS = _cut("data/english/test.conll", 20, "\n\n")
_LABELS = _write(20 * (json.dumps(_RECORD) + "\n"))
_ENGLISH = _train("english")
STAND_INS: dict[str, Callable[[Path], None]] = {
    "train.conll": _SOME,
    "dev.conll": _FEW,
    "test.conll": _OTHERS,
    "corpus.conll": _SOME,
    "ada.conll": _SOME,
    "li.conll": _SOME,
    "bo.conll": _SOME,
    "gold.conll": _OTHERS,
    "predicted.conll": _OTHERS,
    "pos/train.conll": _add_column(ROOT / "data" / "english" / "train.conll"),
    "pos/dev.conll": _add_column(ROOT / "data" / "english" / "dev.conll"),
    "small.conllu": _write_conllu,
    "letter.txt": _repeat_letter,
    "news.txt": _repeat_letter,
    "pool": _make_texts,
    "texts": _make_texts,
    "export.json": _write(json.dumps(10 * [_RECORD])),
    "labels.jsonl": _LABELS,
    "texts.jsonl": _write(json.dumps({"text": "Ada Lovelace lived in London."}) + "\n"),
    "checked.jsonl": _LABELS,
    "others.jsonl": _LABELS,
    "models/1": _ENGLISH,
    "models/2": _ENGLISH,
    "models/mine": _ENGLISH,
    "models/english": _ENGLISH,
    "models/chinese": _train("chinese"),
    "models/words": _train("words"),
}
