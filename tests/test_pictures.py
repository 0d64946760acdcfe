"""Drawing a terminal: colours and places worked out by hand, and what stands in the README."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("pty")  # Windows has none

from tools import pictures
from tools.pictures import Stretch, Style

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def test_a_row_is_cut_where_its_look_changes() -> None:
    row = "\x1b[97;48;5;25m Ada \x1b[1mPER \x1b[0m wrote\x1b[36m.\x1b[m"
    inside = Style(ink="#ffffff", ground="#005faf")
    (stretches,) = pictures.read_rows(row)
    assert stretches == [
        Stretch(0, " Ada ", inside),
        Stretch(5, "PER ", inside._replace(is_bold=True)),
        Stretch(9, " wrote", Style()),
        Stretch(15, ".", Style(ink=pictures.find_colour(6))),
    ]


def test_long_lines_are_folded_as_a_terminal_does() -> None:
    bold = Style(is_bold=True)
    whole, broken = pictures.read_rows(80 * "a"), pictures.read_rows(79 * "a" + "\x1b[1mbcd\x1b[0me")
    assert whole == [[Stretch(0, 80 * "a", Style())]]
    assert broken == [
        [Stretch(0, 79 * "a", Style()), Stretch(79, "b", bold)],
        [Stretch(0, "cd", bold), Stretch(2, "e", Style())],
    ]


COLOURS = [(16, "#000000"), (231, "#ffffff"), (130, "#af5f00"), (255, "#eeeeee")]


@pytest.mark.parametrize(("number", "colour"), COLOURS)
def test_colours_are_those_of_xterm(number: int, colour: str) -> None:
    assert pictures.find_colour(number) == colour


@pytest.mark.parametrize("codes", ["4", "38;2;1;2;3"])
def test_what_is_not_known_is_not_passed_over(codes: str) -> None:
    with pytest.raises(ValueError, match=codes):
        pictures.change_style(Style(), codes)


def test_a_drawing_says_what_the_lines_say() -> None:
    drawn = ElementTree.fromstring(pictures.draw_terminal(["a <b> & \x1b[1mc\x1b[0m", "", "d"], "title"))
    texts = [each for each in drawn.iter() if each.tag.endswith("}text")]
    assert [each.text for each in texts] == ["a <b> & ", "c", "d"]
    tops = [float(each.attrib["y"]) for each in texts]
    assert tops[0] == tops[1] < tops[2]
    assert pictures.read_rows("") == [[]]


def test_skimming_says_that_it_left_something_out() -> None:
    said = ["read", "", *(f"epoch {number}" for number in range(1, 5)), "names", "written"]
    shown = [re.sub(r"\x1b\[\d*m", "", line) for line in pictures.skim(said)]
    assert shown == ["…", "epoch 1", "…", "epoch 3", "epoch 4", "…", "written"]


def test_results_are_read_as_a_terminal_gets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tagger.py").write_text(
        "import sys; print(sys.stdout.isatty()); print('m', file=sys.stderr)", "utf-8"
    )
    monkeypatch.setattr(pictures, "ROOT", tmp_path)
    assert pictures.run("tagger", tmp_path) == (["m"], ["True"])
    (tmp_path / "tagger.py").write_text("import sys; sys.exit('no')", "utf-8")
    with pytest.raises(SystemExit, match="exit code 1\nno"):
        pictures.run("tagger", tmp_path)


def test_the_pictures_are_small_load_nothing_and_fit_their_frame() -> None:
    for name in ("terminal.svg", "report.png"):
        assert 1000 < (IMAGES / name).stat().st_size < 200_000
    drawn = (IMAGES / "terminal.svg").read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\"' )]+", drawn)) == {"http://www.w3.org/2000/svg"}
    root = ElementTree.fromstring(drawn)
    wide, high = float(root.attrib["width"]), float(root.attrib["height"])
    texts = [each.attrib for each in root.iter() if each.tag.endswith("}text")]
    assert max(float(each["x"]) + float(each["textLength"]) for each in texts) < wide
    assert max(float(each["y"]) for each in texts) < high
    assert "tagger predict" in drawn
