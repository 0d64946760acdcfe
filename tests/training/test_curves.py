"""Learning curves: every value stands where the axes say, and the page asks for nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from training_runs import fit

from tagger.runtime import directory as files
from tagger.text.formats.hues import find_hue
from tagger.training import curves
from tagger.training.curves.chart import Line, draw, ticks
from tagger.training.history import History
from tagger.training.loop import EpochFacts


def epoch(number: int, loss: float, f1: float, *, improved: bool) -> dict:
    dev = {"micro": {"f1": f1, "precision": f1 + 0.1, "recall": f1 - 0.1}, "token_accuracy": f1 / 2}
    facts = {"epoch": number, "loss": loss, "dev": dev, "improved": improved, "learning_rate": 1e-3 / number}
    return facts | {"seconds": 2.5, "tokens_per_second": 12345.6}


EPOCHS = [
    epoch(1, 2.0, 0.5, improved=True),
    epoch(2, 1.0, 0.75, improved=True),
    epoch(3, 0.5, 0.7, improved=False),
]


def axis(svg: ElementTree.Element, x: bool) -> tuple[float, float]:
    """Return (a, b) with place = a + b * value, read off the labels of an axis."""
    ticks = [each for each in svg.iter("text") if each.get("class") != "axis"]
    labels = [each for each in ticks if (each.get("text-anchor") == "middle") == x]
    places = [float(each.get("x")) if x else float(each.get("y")) - 4 for each in labels]
    values = [float(each.text) for each in labels]
    slope = (places[-1] - places[0]) / (values[-1] - values[0])
    return places[0] - slope * values[0], slope


@pytest.mark.parametrize(
    "values", [[0.5, 0.25, 0.75, 0.7], [1e-5, 3e-5, 2e-5], [400.0, 12.5, -3.0], [5.0, 5.0]]
)
def test_every_value_stands_where_the_axes_say(values):
    svg = ElementTree.fromstring(draw("it", [Line("it", values)], 2))
    (x0, dx), (y0, dy) = axis(svg, True), axis(svg, False)
    (line,) = svg.iter("polyline")
    points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
    assert [x for x, _ in points] == pytest.approx(
        [x0 + dx * (each + 1) for each in range(len(values))], abs=0.2
    )
    assert [y for _, y in points] == pytest.approx([y0 + dy * value for value in values], abs=0.2)
    dots = list(svg.iter("circle"))
    assert [(float(dot.get("cx")), float(dot.get("cy"))) for dot in dots] == points
    assert dots[1].find("title").text == f"it, epoch 2: {values[1]:g}"
    (best,) = [each for each in svg.iter("line") if each.get("class") == "best"]
    assert float(best.get("x1")) == float(best.get("x2")) == points[1][0]


def test_measurements_within_epochs_stand_where_they_were_made():
    values = [0.5, 0.25, 0.75]
    svg = ElementTree.fromstring(draw("it", [Line("it", values)], 1.25, places=[0.5, 1, 1.25]))
    x0, dx = axis(svg, True)
    points = [float(dot.get("cx")) for dot in svg.iter("circle")]
    assert points == pytest.approx([x0 + dx * place for place in (0.5, 1, 1.25)], abs=0.2)
    assert next(svg.iter("circle")).find("title").text == "it, epoch 0.5: 0.5"
    (best,) = [each for each in svg.iter("line") if each.get("class") == "best"]
    assert float(best.get("x1")) == points[2]

    within = [each | {"epoch": each["epoch"] / 2, "step": 10 * each["epoch"]} for each in EPOCHS]
    page = curves.of_tagger(within)
    assert "3 measurements in 1.5 epochs; the dashed line is at the one that is kept so far, epoch 1." in page
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td>', page)
    assert rows == [("0.5", "10"), ("* 1.0", "20"), ("1.5", "30")]


def test_values_that_are_not_finite_leave_a_gap():
    svg = ElementTree.fromstring(draw("it", [Line("it", [1.0, 2.0, math.nan, math.inf, 3.0])]))
    assert [len(line.get("points").split()) for line in svg.iter("polyline")] == [2, 1]
    assert len(list(svg.iter("circle"))) == 3
    for nothing in ([math.nan], [], [0.0]):
        ElementTree.fromstring(draw("it", [Line("it", nothing)] if nothing else [Line("it", [math.nan])]))


def test_a_thousand_epochs_are_a_line_without_dots():
    svg = ElementTree.fromstring(draw("it", [Line("it", [1 / (1 + each) for each in range(1000)])]))
    assert not list(svg.iter("circle"))
    assert len(next(svg.iter("polyline")).get("points").split()) == 1000


RANGES = [
    (0, 1),
    (0.001, 0.0011),
    (-5, 1e6),
    (93.1, 94.7),
    (7, 7),
    (0, 0),
    (1, 2),
    (1e-20, 3e-20),
    (0.3, 0.1 + 0.2),
]


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_ticks_are_few_round_and_around_the_values(low, high):
    found = ticks(low, high)
    assert found[0] <= low <= high <= found[-1]
    assert 2 <= len(found) <= 9
    steps = [after - before for before, after in pairwise(found)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-6)
    assert f"{steps[0]:.0e}"[0] in "125"


def test_the_page_holds_all_figures_and_names_the_best_epoch():
    page = curves.of_tagger(EPOCHS)
    assert "3 epochs; the dashed line is at the one that is kept so far, epoch 2." in page
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', page)
    assert [row for row, _ in rows] == ["1", "* 2", "3"]
    assert re.findall("<td>(.*?)</td>", rows[1][1]) == [
        "1.0000", "75.00", "85.00", "65.00", "37.50", "5.00e-04", "2.5", "12,346",
    ]  # fmt: skip
    assert page.count("<svg") == 4
    assert "F1, precision and recall on dev" in page
    keys = '<span class="l0">dev F1</span><span class="l1">precision</span><span class="l2">recall</span>'
    assert keys in page
    assert 'class="l2"' in page
    later = [each | {"kept": each["epoch"] != 2} for each in EPOCHS]
    assert "kept so far, epoch 3." in curves.of_tagger(later)
    bare = curves.of_tagger(EPOCHS, has_spans=False)
    assert "Token accuracy on dev" in bare
    assert "precision" not in bare
    assert "<td>37.50</td>" in bare


def test_each_type_has_a_curve_in_its_own_colour():
    def with_types(facts, **scores):
        types = {name: {"f1": f1, "support": support} for name, (f1, support) in scores.items()}
        return facts | {"dev": facts["dev"] | {"types": types}}

    epochs = [
        with_types(EPOCHS[0], A=(0.5, 3), B=(0.25, 9), C=(0.0, 0)),  # C was found but is none of dev's
        with_types(EPOCHS[1], A=(0.75, 3), B=(1.0, 9)),
    ]
    page = curves.of_tagger(epochs)
    (figure,) = re.findall("<h3>F1 of each type on dev</h3>(.*?)</figure>", page, re.DOTALL)
    key = [(name, style) for style, name in re.findall('<span class="of-type (.*?)">(.*?)</span>', figure)]
    assert key == [(name, f"h{find_hue(name)} d{place}") for place, name in enumerate("BA")]
    assert re.findall("<title>(.*?)</title>", figure) == [
        "B, epoch 1: 25.00", "B, epoch 2: 100.00", "A, epoch 1: 50.00", "A, epoch 2: 75.00",
    ]  # fmt: skip
    many = {f"T{number:02}": (0.5, 100 - number) for number in range(20)}
    page = curves.of_tagger([with_types(EPOCHS[0], **many)])
    assert "The 12 most frequent of 20 types." in page
    assert ">T11</span>" in page and "T12" not in page
    assert "F1 of each type" not in curves.of_tagger([with_types(EPOCHS[0], A=(0.5, 3))])


def test_axes_have_titles_and_the_page_says_what_was_trained():
    origin = curves.Origin(model="LSTM", corpus="<a>/b.conll", dev="c.conll", settings="seed = 1 # <b>")
    page = curves.of_tagger(EPOCHS, origin=origin)
    assert page.count('text-anchor="middle">epoch</text>') == page.count("<svg") == 4
    assert re.findall('class="axis" transform.*?>(.*?)</text>', page) == [
        "nats a token", "per cent", "per cent", "learning rate",
    ]  # fmt: skip
    assert "<dt>corpus</dt><dd>&lt;a&gt;/b.conll</dd>" in page
    assert "<title>b.conll: training of a tagger</title>" in page
    assert "seed = 1 # &lt;b&gt;" in page
    assert "Settings" not in curves.of_tagger(EPOCHS)


def test_the_page_of_a_language_model_has_both_directions():
    facts = {"perplexity": 9.0, "forward": 12.0, "backward": 13.5, "improved": True, "learning_rate": 0.1}
    page = curves.of_pretraining([{"epoch": 1, "seconds": 1.0, "tokens_per_second": 5.0, **facts}])
    assert '<span class="l0">forward</span><span class="l1">backward</span>' in page
    assert "<td>13.5</td>" in page


def test_the_page_asks_for_nothing_and_is_for_light_and_dark():
    page = curves.of_tagger(EPOCHS)
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    allowed = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (style, script)]
    policy = "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'"
    assert f'content="{policy.format(*allowed)}' in page
    assert "prefers-color-scheme: dark" in style
    assert not re.search(r"https?:|url\(| style=|@import", page)
    body = page.partition("<body>")[2].partition("<script>")[0].replace(" hidden>", ">")
    ElementTree.fromstring(f"<body>{body}</body>")  # every element is closed


def test_a_run_draws_its_history_after_every_epoch(read_tiny, tmp_path):
    for fact in fit(read_tiny(), tmp_path):
        if isinstance(fact, EpochFacts):
            lines = (tmp_path / files.HISTORY).read_text(encoding="utf-8").splitlines()
            page = (tmp_path / files.CURVES).read_text(encoding="utf-8")
            drawn = curves.of_tagger([json.loads(line) for line in lines])
            assert page.partition("<main>")[2].startswith(
                drawn.partition("<main>")[2].partition("</main>")[0]
            )
            assert "<dt>corpus</dt>" in page
            assert "[training]\nepochs = " in page.partition('id="settings"')[2]
            assert len(lines) == fact.epoch


def test_what_is_not_finite_is_null_in_the_history_and_a_gap_in_its_curve(tmp_path):
    epoch = {"epoch": 1, "improved": True, "kept": True, "learning_rate": 1e-3, "seconds": 1.0}
    epoch |= {"tokens_per_second": 9.0, "perplexity": math.nan, "forward": math.inf, "backward": None}
    history = History(tmp_path, curves.of_pretraining)
    history.add(epoch)
    (line,) = (tmp_path / files.HISTORY).read_text(encoding="utf-8").splitlines()
    found = json.loads(line, parse_constant=pytest.fail)
    assert {name: found[name] for name in epoch} == epoch | {"perplexity": None, "forward": None}
    again = History(tmp_path, curves.of_pretraining)
    again.keep()
    assert len(again.epochs) == 1
