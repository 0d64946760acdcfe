"""`tagger inspect` end to end, on a model with random weights."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from toy_models import make_model

from tagger import cli
from tagger.runtime import directory as files
from tagger.runtime import inspection
from tagger.runtime.inspection import END, START

SCORES = {"dev": {"micro": {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 1234}}}
EPOCHS = [
    {"epoch": 1, "loss": 2.0, "improved": True, "seconds": 1.5},
    {"epoch": 2, "loss": 1.25, "improved": False, "seconds": 2.5},
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model directory whose strongest and weakest moves are known."""
    directory = tmp_path / "model"
    directory.mkdir()
    made = make_model().with_fitted(min_confidence=0.25)
    transitions = made.weights["decoder.transitions"]
    transitions[0, 0] = 5.0  # O -> O
    transitions[0, 2] = 9.0  # O -> I-LOC, which BIOES forbids
    made.weights["decoder.end_transitions"][0] = -4.0
    files.save_model(directory, made)
    (directory / files.SCORES).write_text(json.dumps(SCORES), encoding="utf-8")
    (directory / files.HISTORY).write_text("\n".join(map(json.dumps, EPOCHS)) + "\n", encoding="utf-8")
    return directory


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The command: arguments in, stdout out; a failure gives its line on stderr."""

    def call(*arguments: object, width: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys, "argv", ["tagger", "inspect", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        out, err = capsys.readouterr()
        if not exit_.value.code:
            return out
        assert exit_.value.code == 1
        assert not out
        return err

    return call


def test_shows_labels_scores_training_and_the_extremes(run, model: Path) -> None:
    shown = run(model, "--top", 1)
    assert "LOC, PER (IOB2, words)" in shown
    assert "50.00 over 1,234 spans" in shown
    assert "temperature 1.00; names below 0.25 are left out" in shown
    assert "epoch 1 of 2 is kept; 4 s; last loss 1.2500" in shown
    assert "O → O" in shown and "+5.000" in shown
    assert f"O → {END}" in shown and "-4.000" in shown
    assert "9.000" not in shown, "a forbidden move has no score"


def test_the_grid_tells_without_colours(run, model: Path) -> None:
    lines = run(model).splitlines()
    (first,) = (line for line in lines if line.endswith(" O") and line.startswith("  1"))
    assert first[4:6] == "++"  # O -> O
    assert first[8:10] == "  "  # O -> I-LOC
    assert first[4 + 2 * 9 :].startswith("--")  # O -> the end


def test_a_narrow_terminal_gets_a_hint_in_place_of_the_grid(run, model: Path) -> None:
    assert "A grid of 10 columns needs 27 characters; see --svg" in " ".join(run(model, width=25).split())


def test_json_holds_every_possible_move(run, model: Path) -> None:
    facts = json.loads(run(model, "--json"))
    assert facts["min_confidence"] == 0.25
    assert facts["types"] == ["LOC", "PER"]
    assert facts["scores"] == SCORES
    assert facts["training"] == {"epochs": 2, "best_epoch": 1, "seconds": 4.0, "loss": 1.25}
    assert facts["parameters"]["total"] == sum(
        count for name, count in facts["parameters"].items() if name != "total"
    )
    assert facts["moves"][0] == {"source": "O", "target": "O", "score": 5.0}
    assert facts["moves"][-1] == {"source": "O", "target": END, "score": -4.0}
    pairs = {(move["source"], move["target"]) for move in facts["moves"]}
    assert (START, "B-LOC") in pairs and ("B-LOC", "I-LOC") in pairs and ("S-LOC", END) in pairs
    assert not pairs & {(START, "I-LOC"), ("O", "I-LOC"), ("B-LOC", END), ("B-LOC", "I-PER"), (START, END)}
    # 5 sources that a span may follow (the start, O, E and S twice) lead to O, B and S twice; B and I to I and E.
    assert len(pairs) == 6 * 5 + 4 * 2 + 5


def test_the_picture_is_well_formed_and_complete(run, model: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.svg"
    run(model, "--svg", picture)
    root = ElementTree.parse(picture).getroot()
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert "O → O +5.000" in titles
    assert "O → I-LOC forbidden" in titles
    assert len(titles) == 1 + 10 * 10
    assert [each.text for each in root.iter("{http://www.w3.org/2000/svg}text") if each.get("class")] == [
        "to",
        "from",
    ]
    assert "score, in nats" in picture.read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in picture.read_text(encoding="utf-8")


def test_a_cell_of_the_picture_is_the_colour_that_the_terminal_shows() -> None:
    """Each is an end of the scale over its middle, as opaque as the score is large."""
    scores = (3.0, -1.5, 0.75)
    transitions = inspection.Transitions(
        (START, "A", "B"), ("A", "B", END), ((*scores,), (None,) * 3, (None,) * 3)
    )
    cells = re.findall(r'class="(low|high)" fill-opacity="([\d.]+)"', inspection.draw(transitions))
    for score, (kind, opacity) in zip(scores, cells, strict=False):
        low, zero, high = inspection.SCALE
        end = high if kind == "high" else low
        mixed = [middle + (edge - middle) * float(opacity) for middle, edge in zip(zero, end, strict=True)]
        assert mixed == pytest.approx(inspection.shade(score, 3.0), abs=0.6)


def test_names_from_a_corpus_are_escaped_in_the_picture() -> None:
    transitions = inspection.Transitions((START, "<b>&\x1b"), ("<b>&\x1b", END), ((0.0, None), (0.0, 0.0)))
    drawn = inspection.draw(transitions)
    ElementTree.fromstring(drawn)
    assert "<b>" not in drawn and "\x1b" not in drawn


@pytest.mark.parametrize(("score", "channel"), [(3.0, 0), (-3.0, 2)])
def test_colours_are_red_for_favoured_and_blue_for_disfavoured(score: float, channel: int) -> None:
    colour = inspection.shade(score, 3.0)
    assert colour[channel] == max(colour)
    assert inspection.shade(0.0, 3.0) == inspection.SCALE[1]


def test_a_softmax_model_has_no_transitions(run, tmp_path: Path) -> None:
    directory = tmp_path / "softmax"
    directory.mkdir()
    files.save_model(directory, make_model(decoder__kind="softmax"))
    shown = run(directory)
    assert "softmax" in shown and "strongest" not in shown
    assert json.loads(run(directory, "--json"))["transitions"] is None
    assert "decoder is softmax, which has no transitions to draw; leave out --svg" in run(
        directory, "--svg", tmp_path / "picture.svg"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (files.SCORES, "{", "scores.json: is not what training writes"),
        (files.SCORES, '{"dev": []}', "scores.json: is not what training writes"),
        (files.HISTORY, '{"epoch": 1}', "history.jsonl: is not what training writes"),
        (files.HISTORY, "\n\n", "history.jsonl: is not what training writes"),
    ],
)
def test_damaged_records_are_named(run, model: Path, name: str, content: str, message: str) -> None:
    (model / name).write_text(content, encoding="utf-8")
    assert message in run(model)


def test_a_picture_that_cannot_be_written_is_an_error(run, model: Path, tmp_path: Path) -> None:
    assert "picture.svg: cannot be written: No such file" in run(
        model, "--svg", tmp_path / "missing" / "picture.svg"
    )


def test_no_model_is_an_error(run, tmp_path: Path) -> None:
    assert "does not exist; expected the directory of a labeller" in run(tmp_path / "nothing")
