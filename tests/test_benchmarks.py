"""`benchmarks/RESULTS.md` is what its figures draw, and each figure has a command or a source."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import __main__ as command
from benchmarks.report import measuring, peers
from benchmarks.report.cells import show, show_each
from benchmarks.report.figures import Run, add_run, read_runs, write_runs
from benchmarks.report.page import FIGURES, PAGE, draw, draw_picture, put_section, write_section
from benchmarks.report.picture import Bars, draw_bars
from benchmarks.report.table import Column, Picture, Table
from benchmarks.report.tables import TABLES

FOLDER = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = {path.name for path in FOLDER.glob("*.py")} - {"__init__.py", "__main__.py"}


def runs_of(name: str) -> list[Run]:
    return read_runs(FOLDER / FIGURES / f"{name}.json")


# What is in the repository


def test_page_and_pictures_are_what_the_figures_draw(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / FIGURES, tmp_path / FIGURES)
    shutil.copy(FOLDER / PAGE, tmp_path / PAGE)
    draw(tmp_path, TABLES)
    drawn = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(FOLDER) for path in [FOLDER / PAGE, *(FOLDER / FIGURES).iterdir()]}
    assert drawn == kept
    for path in drawn:
        said = f"{path} isn't what the figures draw: python -m benchmarks draw"
        assert (tmp_path / path).read_text("utf-8") == (FOLDER / path).read_text("utf-8"), said


def test_the_page_has_a_place_for_each_table_and_no_other() -> None:
    places = re.findall(r"^<!-- (\w+) -->$", (FOLDER / PAGE).read_text("utf-8"), re.MULTILINE)
    assert sorted(places) == sorted(TABLES)
    assert {path.stem for path in (FOLDER / FIGURES).iterdir()} <= set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_each_figure_has_a_date_a_machine_and_a_command_or_a_source(name: str) -> None:
    for run in runs_of(name):
        assert re.fullmatch(r"\d{4}-\d\d-\d\d" if run.command else r".*\d{4}.*", run.date)
        assert run.machine
        assert bool(run.command) != bool(run.source)
        assert run.rows
        for script in re.findall(r"benchmarks/(\S+\.py)", run.command):
            assert script in SCRIPTS


@pytest.mark.parametrize("name", TABLES)
def test_rows_say_what_they_are_about_once_and_hold_what_the_table_shows(name: str) -> None:
    table = TABLES[name]
    rows = [row for run in runs_of(name) for row in run.rows]
    keys = [tuple(row.get(key) for key in table.key) for row in rows]
    assert len(keys) == len(set(keys))
    shown = {column.key for column in table.columns} - set(table.key)
    assert all(any(row.get(key) is not None for key in shown) for row in rows)
    if table.picture is not None:
        assert {*table.picture.label, *table.picture.bars} <= {column.key for column in table.columns}


@pytest.mark.parametrize("name", TABLES)
def test_the_scripts_of_a_table_print_rows(name: str) -> None:
    for script, *_ in TABLES[name].commands:
        text = (FOLDER / script).read_text("utf-8")
        assert f'print_rows("{name}"' in text
        assert "add_option(parser)" in text


def test_the_readme_names_every_script_and_nothing_else() -> None:
    named = set(re.findall(r"`(\w+\.py)`", (FOLDER / "README.md").read_text("utf-8")))
    assert named == SCRIPTS


def test_experiments_are_in_the_order_of_their_dates() -> None:
    text = (FOLDER / "EXPERIMENTS.md").read_text("utf-8")
    entries = re.findall(r"^## (.*)\n\n(.*)$", text, re.MULTILINE)
    assert len(entries) > 40
    for heading, verdict in entries:
        assert re.match(r"\d{4}-\d\d-\d\d( to \d{4}-\d\d-\d\d)?: \S", heading)
        assert verdict.startswith("**")


def test_each_peer_is_pinned_and_known() -> None:
    assert {peers.pinned(name) for name in peers.list_peers()}
    asked = {peer for table in TABLES.values() for peer in table.peers}
    assert asked == set(peers.list_peers())


# How it is drawn

TOYS = Table(
    title="Toys",
    about="What they are.",
    columns=(
        Column("tool", "tool"),
        Column("f1", "F1", 2),
        Column("f1", "each seed", 1, each=True),
    ),
    key=("tool",),
    commands=(("toys.py", "{model}", "--seeds", "1", "2"),),
    picture=Picture("F1 < 100", ("tool",), ("f1",)),
)
ROWS = [{"tool": "tagger", "f1": [80.0, 82.0, 84.0]}, {"tool": "other", "f1": 41}]


def test_cells_of_several_seeds_have_mean_and_deviation() -> None:
    assert show([1, 2, 3], 2) == "2.00 ± 1.00"
    assert show([1], 2) == show(1, 2) == "1.00"
    assert show({"mean": 1234.5, "spread": 6}, 1) == "1,234.5 ± 6.0"
    assert show(None, 1) == ""
    assert show("no < yes", 1) == "no < yes"
    assert show_each([1, 2.25], 1) == "1.0, 2.2"
    assert show_each(3, 1) == ""


def test_a_table_is_written_with_where_its_rows_come_from() -> None:
    run = Run(
        date="2026-01-02",
        machine="a core",
        command="python toys.py",
        versions={"numpy": "2"},
        seeds=[1, 2],
        rows=ROWS,
    )
    assert list(write_section("toys", TOYS, [run])) == [
        "## Toys",
        "",
        "What they are.",
        "",
        "| tool | F1 | each seed |",
        "|---|---:|---|",
        "| tagger | 82.00 ± 2.00 | 80.0, 82.0, 84.0 |",
        "| other | 41.00 |  |",
        "",
        "- 2026-01-02; a core; numpy 2; seeds 1, 2; `python toys.py`",
        "",
        "![F1 < 100](results/toys.svg)",
    ]


def test_rows_of_several_runs_have_letters_and_stand_by_what_they_are_about() -> None:
    first = Run(date="2026-01-02", machine="a core", command="c", rows=ROWS)
    second = Run(date="2025", machine="another", source="a paper", rows=[{"tool": "tagger", "f1": 7}])
    lines = list(write_section("toys", TOYS, [first, second]))
    assert [line for line in lines if line.startswith(("| t", "| o"))][1:] == [
        "| tagger | 82.00 ± 2.00 | 80.0, 82.0, 84.0 | a |",
        "| tagger | 7.00 |  | b |",
        "| other | 41.00 |  | a |",
    ]
    assert "- b: 2025; another; a paper" in lines


def test_a_table_without_figures_says_what_measures_it() -> None:
    lines = list(write_section("toys", TOYS, []))
    assert "**Not measured.** `python -m benchmarks toys` does it, which runs" in lines
    assert "`python benchmarks/toys.py MODEL --seeds 1 2`." in lines
    assert draw_picture(TOYS, []) is None


def test_bars_are_as_long_as_their_numbers_and_need_nothing_from_elsewhere() -> None:
    picture = draw_bars(
        "F1 < 100", ["F1"], [Bars("a & b", [50], ["50"], True), Bars("c", [100], ["100"], False)]
    )
    root = ElementTree.fromstring(picture)
    bars = [each for each in root.iter() if each.tag.endswith("rect")]
    assert float(bars[1].get("width", 0)) == 2 * float(bars[0].get("width", 0))
    assert [bar.get("class") for bar in bars] == ["s0", "other"]
    assert "prefers-color-scheme: dark" in picture
    assert not re.findall(r"href|url\(|@import|src=", picture)


def test_a_page_without_the_place_of_a_table_is_refused() -> None:
    with pytest.raises(SystemExit, match=r"has 0 places for 'toys', expected one: `<!-- toys -->`"):
        put_section("nothing", "toys", "text")
    assert put_section("<!-- toys -->\nold\n<!-- /toys -->\n", "toys", r"\1 new") == (
        "<!-- toys -->\n\\1 new\n<!-- /toys -->\n"
    )


def test_runs_are_read_as_they_were_written(tmp_path: Path) -> None:
    runs = [Run(date="2026-01-02", machine="ä core", command="c", seeds=[1], rows=ROWS)]
    write_runs(tmp_path / "toys.json", runs)
    assert read_runs(tmp_path / "toys.json") == runs
    assert read_runs(tmp_path / "none.json") == []


def test_what_was_measured_again_leaves_the_older_run() -> None:
    old = Run(date="2026-01-01", machine="m", command="c", rows=ROWS)
    new = Run(date="2026-01-02", machine="m", command="c", rows=[{"tool": "other", "f1": 42}])
    assert add_run([old], new, ["tool"]) == [
        new,
        Run(date="2026-01-01", machine="m", command="c", rows=ROWS[:1]),
    ]
    assert add_run([new], new, ["tool"]) == [new]


# The command


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put a table in place of all, whose script prints a row with what it is given; return its folder."""
    script = tmp_path / "toys.py"
    script.write_text(
        "import argparse, json\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('--json', action='store_true')\n"
        "parser.add_argument('--f1', type=float)\n"
        "print('learning')\n"
        "print(json.dumps({'tool': 'tagger', 'f1': parser.parse_args().f1}))\n",
        encoding="utf-8",
    )
    table = Table(
        title="Toys", about="", columns=TOYS.columns, key=("tool",), commands=((str(script), "--f1", "1"),)
    )
    folder = tmp_path / "copy"
    (folder / FIGURES).mkdir(parents=True)
    (folder / PAGE).write_text("<!-- toys -->\n<!-- /toys -->\n", encoding="utf-8")
    monkeypatch.setattr(command, "TABLES", {"toys": table})
    return folder


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    command.main()


def test_a_table_is_measured_and_drawn(monkeypatch: pytest.MonkeyPatch, toys: Path) -> None:
    call(monkeypatch, "toys", "--output", str(toys))
    call(monkeypatch, "toys", "--output", str(toys), "--", "--f1", "2.5")
    (run,) = read_runs(toys / FIGURES / "toys.json")
    assert run.rows == [{"tool": "tagger", "f1": 2.5}]
    assert run.command.endswith("toys.py --f1 2.5")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", run.date)
    assert {"Python", "tagger", "numpy"} <= set(run.versions)
    assert "| tagger | 2.50 |" in (toys / PAGE).read_text("utf-8")


def test_a_script_that_fails_leaves_the_table_as_it_was(monkeypatch: pytest.MonkeyPatch, toys: Path) -> None:
    call(monkeypatch, "toys", "--output", str(toys))
    before = (toys / PAGE).read_text("utf-8")
    with pytest.raises(SystemExit, match=r"ended with 2; the table stays as it was"):
        call(monkeypatch, "toys", "--output", str(toys), "--", "--f1", "x")
    assert (toys / PAGE).read_text("utf-8") == before


def test_without_a_table_all_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(monkeypatch)
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(TABLES)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acuracy"], "found 'acuracy', expected accuracy, words"),
        (["crf", "sizes", "--", "--rounds", "1"], "expected one table, whose scripts they are for"),
    ],
)
def test_wrong_arguments_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit):
        call(monkeypatch, *arguments)
    assert said in " ".join(capsys.readouterr().err.split())


def test_corpora_come_before_the_options_of_a_table() -> None:
    found = measuring.add_arguments(["accuracy.py", "--seeds", "1", "2"], ["wnut17", "--seeds", "7"])
    assert found == ["accuracy.py", "wnut17", "--seeds", "7"]
    assert measuring.find_seeds(found) == [7]
    assert measuring.find_seeds(["--seed", "3", "--rounds", "2"]) == [3]


def test_a_model_that_is_missing_is_told_with_what_trains_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"found no model in .*tagger train data/english/train.conll"):
        measuring.measure(TOYS, tmp_path / "none", [])


def test_a_peer_that_nobody_knows_is_told() -> None:
    with pytest.raises(SystemExit, match=r"found 'spacey', expected a peer among flair, "):
        peers.install("spacey")
