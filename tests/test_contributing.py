"""docs/architecture.md and CONTRIBUTING.md say what is so: files exist, and additions take the steps that are listed.

A feature of a token is added in `test_new_feature`; here a format and a command are, and the cells are counted.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, get_args

import pytest
import typer

from tagger import cli
from tagger.cli.options import AsJson, Encoding, one_of
from tagger.config import EncoderConfig
from tagger.runtime import recurrence
from tagger.text import formats
from tagger.text.conll import Corpus, Sentence
from tagger.text.files import read_text
from tagger.text.formats import CorpusSettings, Format, LabelledSentence
from tagger.text.formats.alignment import Report
from tagger.text.formats.corpus import align_corpus

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "tagger"
DOCUMENTS = ("README.md", "docs/architecture.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
_PATH = re.compile(
    r"`((?:tagger|tests|docs|benchmarks|data|\.ci)/[\w./-]*|[\w./-]+\.py|[\w.-]+(?:/[\w.-]+)*/)`"
)
_LINK = re.compile(r"\]\(([^)#:]+)\)")


# The documents


def list_tree() -> Iterator[str]:
    """Yield the files and folders that the tree of docs/architecture.md names, as paths in the package."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (tree,) = re.findall(r"^```\ntagger/ .*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    folders: list[str] = []
    for line in filter(None, tree.splitlines()):
        name, _, clause = line.strip().partition(" ")
        assert clause.strip(), f"{name} has no clause"
        del folders[(len(line) - len(line.lstrip())) // 2 - 1 :]
        yield "".join((*folders, name))
        if name.endswith("/"):
            folders.append(name)


def list_files() -> Iterator[str]:
    """Yield the files of the package; a folder stands for its `__init__.py`."""
    for path in HOUSE.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            yield path.relative_to(HOUSE).as_posix().removesuffix("__init__.py")


def test_the_tree_names_every_file_and_nothing_else() -> None:
    named = list(list_tree())
    assert len(named) == len(set(named))
    assert set(named) == set(list_files()) - {""}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_and_links_of_a_document_lead_somewhere(name: str) -> None:
    document = ROOT / name
    text = document.read_text(encoding="utf-8")
    paths = set(_PATH.findall(text))
    assert paths
    assert {path for path in paths if not any((place / path).exists() for place in (ROOT, HOUSE))} == set()
    assert {link for link in _LINK.findall(text) if not (document.parent / link).exists()} == set()


# Adding a format: a file of `text/formats` with a reader and a writer, and a row of its table


def read_slashes(path: str, settings: CorpusSettings, report: Report) -> Corpus:
    """Read a corpus of a sentence a line, `token/TAG` between blanks."""
    text = read_text(Path(path), settings.encoding)

    def sentences() -> Iterator[Sentence]:
        for number, line in enumerate(text.splitlines(), 1):
            tokens, tags = zip(*(each.rsplit("/", 1) for each in line.split()), strict=True)
            yield Sentence(tokens, tags, line=number, lines=(number,) * len(tokens))

    return align_corpus(path, lambda _report, _warn: sentences(), settings, report)


def write_slashes(sentences: Iterable[LabelledSentence]) -> Iterator[str]:
    """Yield one line for each sentence."""
    for sentence in sentences:
        tags = [tag for _, _, tag in sentence.tokens]
        yield " ".join(f"{word}/{tag}" for word, tag in zip(sentence.words(), tags, strict=True)) + "\n"


SLASHES = Format(
    about="a sentence a line, token/TAG",
    suffixes=(".slashes",),
    read=read_slashes,
    write=write_slashes,
    is_separable=True,
)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run a command and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["tagger", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


def test_a_format_is_two_functions_and_a_row(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ten_sentences: Path
) -> None:
    monkeypatch.setitem(formats.FORMATS, "slashes", SLASHES)
    assert formats.find_format("slashes") is SLASHES
    assert "slashes" in formats.list_formats(of_input=True)
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "convert", "ten.conll", "ten.slashes", "--to", "BIOES") == 0
    lines = Path("ten.slashes").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 10
    assert lines[0] == "Anna/B-PER Keller/E-PER flew/O to/O New/B-LOC York/E-LOC ./O"
    assert run(monkeypatch, "convert", "ten.slashes", "back.conll", "--to", "IOB2") == 0
    back, first = read_back("back.conll"), read_back(str(ten_sentences))
    assert [(each.tokens, each.tags) for each in back] == [(each.tokens, each.tags) for each in first]


def read_back(path: str) -> tuple[Sentence, ...]:
    def refuse(fault: Exception) -> None:
        raise AssertionError(fault)

    return formats.read_corpus(path, "conll", CorpusSettings(), refuse).sentences


# Adding a command: a file of `cli` with a function, and its name in `cli/__init__.py`


def count(
    file: Annotated[Path, typer.Argument(help="Labelled corpus in CoNLL columns.")],
    what: Annotated[str, typer.Option(help="What to count.", **one_of(("tokens", "sentences")))] = "tokens",
    encoding: Encoding = "utf-8",
    as_json: AsJson = False,
) -> None:
    """Count what a corpus holds.

    Example: [bold]tagger count train.conll[/bold]
    """
    from tagger.api.sources import read_corpus

    sentences = read_corpus(file, encoding=encoding).sentences
    found = len(sentences) if what == "sentences" else sum(map(len, sentences))
    typer.echo(json.dumps({what: found}) if as_json else f"{found} {what}")


def test_a_command_is_a_function_and_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ten_sentences: Path
) -> None:
    monkeypatch.setattr(cli.app, "registered_commands", [*cli.app.registered_commands])
    cli.app.command()(count)
    path = str(ten_sentences)
    assert run(monkeypatch, "count", path, "--what", "sentences", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"sentences": 10}
    assert run(monkeypatch, "count", path) == 0
    assert capsys.readouterr().out == "50 tokens\n"
    assert run(monkeypatch, "count", path, "--what", "token") == 2
    assert "did you mean tokens?" in " ".join(re.sub("[│╭╰─╮╯]", " ", capsys.readouterr().err).split())
    assert run(monkeypatch, "count", "absent.conll") == 1
    assert capsys.readouterr().err.startswith("error: absent.conll: ")
    assert run(monkeypatch, "--help") == 0
    assert "Count what a corpus holds." in capsys.readouterr().out


# Adding an encoder cell: its name in the settings, and a row in three tables


def test_every_cell_of_the_settings_is_known_to_the_network_and_the_runtime() -> None:
    from tagger.model import encoder

    cells = set(get_args(EncoderConfig.model_fields["kind"].annotation))
    assert set(get_args(recurrence.CellKind)) == cells
    assert set(encoder._CELLS) == set(recurrence.GATES) == set(recurrence._STEPS) == cells
    for kind, (order, _) in recurrence.GATES.items():
        cell = encoder.recurrent_cell(kind, 2, 3)
        assert cell.weight_ih_l0.shape == (len(order) * 3, 2)
