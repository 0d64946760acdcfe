"""The page of a run's learning curves: in the frame of all pages (`text.pages`), with figures and settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Any

from tagger.text.counting import count_of
from tagger.text.escape import escape_html, escape_html_text
from tagger.text.formats.hues import find_hue
from tagger.text.pages import Chapter, close_page, draw_row, draw_table, open_page
from tagger.training.curves.chart import Line, draw

_Epochs = Sequence[Mapping[str, Any]]
_MOST_TYPES = 12  # lines in one picture: the most frequent types; more could not be told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a run is of, for the head and the foot of its page.

    Attributes:
        model: what is trained, in a few words.
        corpus: what it learns from.
        dev: what it is measured on.
        settings: as TOML.
    """

    model: str = ""
    corpus: str = ""
    dev: str = ""
    settings: str = ""


@dataclass(frozen=True, slots=True)
class _Curve:
    """A value of every measurement, how it is written, the name of its column, and its classes of the style sheet."""

    name: str
    read: Callable[[Mapping[str, Any]], float]
    form: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class _Panel:
    """Curves in one picture; `unit` stands along its axis, `note` below its title."""

    title: str
    unit: str
    curves: tuple[_Curve, ...]
    note: str = ""


def _of_spans(name: str, key: str) -> _Curve:
    return _Curve(name, lambda epoch: 100 * epoch["dev"]["micro"][key], ".2f")


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)  # JSON has `null` where a number wasn't finite


_LOSS = _Panel("Loss", "nats a token", (_Curve("loss", lambda epoch: _number(epoch["loss"]), ".4f"),))
_RATE = _Panel(
    "Learning rate at the time",
    "learning rate",
    (_Curve("learning rate", lambda epoch: float(epoch["learning_rate"]), ".2e"),),
)
_F1 = _Panel(
    "F1, precision and recall on dev",
    "per cent",
    tuple(
        _of_spans(name, key)
        for name, key in (("dev F1", "f1"), ("precision", "precision"), ("recall", "recall"))
    ),
)
_ACCURACY = _Panel(
    "Token accuracy on dev",
    "per cent",
    (_Curve("token accuracy", lambda epoch: 100 * epoch["dev"]["token_accuracy"], ".2f"),),
)
_FORWARD = _Curve("forward", lambda epoch: _number(epoch["forward"]), ".1f")
_BACKWARD = _Curve("backward", lambda epoch: _number(epoch["backward"]), ".1f")
_LEARNT = _Panel(
    "Perplexity of the text learnt from",
    "perplexity",
    (_Curve("learnt", lambda epoch: _number(epoch["perplexity"]), ".1f"),),
)
_STEP = _Curve("step", lambda epoch: float(epoch.get("step", 0)), ",.0f")
_TIME = (
    _Curve("seconds", lambda epoch: float(epoch["seconds"]), ".1f"),
    _Curve("tokens/s", lambda epoch: float(epoch["tokens_per_second"]), ",.0f"),
)


def of_tagger(epochs: _Epochs, *, has_spans: bool = True, origin: Origin | None = None) -> str:
    """Return the page of a labeller's history: loss, scores on dev, learning rate.

    Args:
        epochs: the lines of the history.
        has_spans: whether dev has scores of spans; of bare labels it has those of tokens alone.
        origin: what the run is of.
    """
    spans = (_F1, *_of_types(epochs)) if has_spans else ()
    return _render("training of a tagger", epochs, (_LOSS, *spans, _ACCURACY, _RATE), origin or Origin())


def of_pretraining(epochs: _Epochs, *, origin: Origin | None = None) -> str:
    """Return the page of what learnt from raw text: perplexities, of one direction or of both, and learning rate."""
    has_backward = all(epoch["backward"] is not None for epoch in epochs)
    held_out = _Panel(
        "Perplexity of held-out text", "perplexity", (_FORWARD, _BACKWARD) if has_backward else (_FORWARD,)
    )
    return _render("training on raw text", epochs, (_LEARNT, held_out, _RATE), origin or Origin())


def _of_types(epochs: _Epochs) -> Iterator[_Panel]:
    """Yield the picture of F1 type by type, where there are several types."""
    types = epochs[-1]["dev"].get("types", {}) if epochs else {}
    found = {name: score for name, score in types.items() if score["support"]}  # others come and go
    if len(found) < 2:
        return
    frequent = sorted(found, key=lambda name: (-found[name]["support"], name))[:_MOST_TYPES]
    note = f"The {_MOST_TYPES} most frequent of {len(found):,} types." if len(found) > len(frequent) else ""
    curves = tuple(
        _Curve(
            name,
            partial(_f1_of, name),
            ".2f",
            f"of-type h{find_hue(name)} d{number % 3}",
        )
        for number, name in enumerate(frequent)
    )
    yield _Panel("F1 of each type on dev", "per cent", curves, note)


def _f1_of(name: str, epoch: Mapping[str, Any]) -> float:
    score = epoch["dev"].get("types", {}).get(name)
    return math.nan if score is None else 100 * score["f1"]


def _render(what: str, epochs: _Epochs, panels: Sequence[_Panel], origin: Origin) -> str:
    best = max((epoch["epoch"] for epoch in epochs if epoch.get("kept", epoch["improved"])), default=0)
    done = epochs[-1]["epoch"] if epochs else 0
    measured = f"{count_of(len(epochs), 'measurement')} in " if _has_steps(epochs) else ""
    note = (
        f"{measured}{count_of(done, 'epoch')}; the dashed line is at the one that is kept so far, epoch {best:g}."
        if best
        else ""
    )
    drawn = "".join(_draw(panel, epochs, best) for panel in panels)
    sections = [
        Chapter("curves", "Curves", f'<div class="charts">{drawn}</div>'),
        Chapter("figures", "Figures", _table(panels, epochs, best)),
    ]
    if origin.settings:
        settings = f"<pre><code>{escape_html_text(origin.settings)}</code></pre>"
        sections.append(Chapter("settings", "Settings", settings))
    opening = open_page(
        PurePath(origin.corpus).name or "run",
        what,
        facts={"model": origin.model, "corpus": origin.corpus, "dev": origin.dev},
        links=[(each.anchor, each.title) for each in sections],
        figures=f'<p class="note">{note}</p>',
    )
    return opening + "".join(section.draw() for section in sections) + close_page()


def _has_steps(epochs: _Epochs) -> bool:
    """Tell whether some measurements were made within epochs."""
    return any("step" in epoch for epoch in epochs)


def _draw(panel: _Panel, epochs: _Epochs, best: float) -> str:
    lines = [Line(curve.name, [curve.read(epoch) for epoch in epochs], curve.style) for curve in panel.curves]
    names = (
        f'<span class="{line.style or f"l{place}"}">{escape_html(line.name)}</span>'
        for place, line in enumerate(lines)
    )
    key = "".join(names) if len(lines) > 1 else ""
    drawn = draw(
        panel.title,
        lines,
        best,
        unit=panel.unit,
        form=panel.curves[0].form,
        places=[epoch["epoch"] for epoch in epochs],
    )
    return f"<figure><h3>{panel.title}</h3><figcaption>{key}{panel.note}</figcaption>{drawn}</figure>\n"


def _table(panels: Sequence[_Panel], epochs: _Epochs, best: float) -> str:
    steps = (_STEP,) if _has_steps(epochs) else ()
    curves = [*steps, *(curve for panel in panels for curve in panel.curves), *_TIME]
    rows = (
        draw_row(
            f"{'* ' * (epoch['epoch'] == best)}{epoch['epoch']}",
            (f"{curve.read(epoch):{curve.form}}" for curve in curves),
        )
        for epoch in epochs
    )
    headings = ("epoch", *(escape_html(curve.name) for curve in curves))
    return draw_table(headings, rows, "* the best epoch so far")
