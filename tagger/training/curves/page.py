"""The page of a run's learning curves: self-contained, no script, for light and dark screens, with all figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from tagger.text.counting import count_of
from tagger.text.escape import escape_html, forbid_requests
from tagger.training.curves.chart import Line, draw

_Epochs = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Curve:
    """A value of every measurement, how it is written, and the name of its column."""

    name: str
    read: Callable[[Mapping[str, Any]], float]
    form: str


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    curves: tuple[_Curve, ...]


def _of_spans(name: str, key: str) -> _Curve:
    return _Curve(name, lambda epoch: 100 * epoch["dev"]["micro"][key], ".2f")


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)  # JSON has `null` where a number wasn't finite


_LOSS = _Panel("Loss (nats a token)", (_Curve("loss", lambda epoch: _number(epoch["loss"]), ".4f"),))
_RATE = _Panel(
    "Learning rate at the time",
    (_Curve("learning rate", lambda epoch: float(epoch["learning_rate"]), ".2e"),),
)
_F1 = _Panel(
    "F1, precision and recall on dev (per cent)",
    tuple(
        _of_spans(name, key)
        for name, key in (("dev F1", "f1"), ("precision", "precision"), ("recall", "recall"))
    ),
)
_ACCURACY = _Panel(
    "Token accuracy on dev (per cent)",
    (_Curve("token accuracy", lambda epoch: 100 * epoch["dev"]["token_accuracy"], ".2f"),),
)
_FORWARD = _Curve("forward", lambda epoch: _number(epoch["forward"]), ".1f")
_BACKWARD = _Curve("backward", lambda epoch: _number(epoch["backward"]), ".1f")
_LEARNT = _Panel(
    "Perplexity of the text learnt from",
    (_Curve("learnt", lambda epoch: _number(epoch["perplexity"]), ".1f"),),
)
_STEP = _Curve("step", lambda epoch: float(epoch.get("step", 0)), ",.0f")
_TIME = (
    _Curve("seconds", lambda epoch: float(epoch["seconds"]), ".1f"),
    _Curve("tokens/s", lambda epoch: float(epoch["tokens_per_second"]), ",.0f"),
)


def of_tagger(epochs: _Epochs, *, has_spans: bool = True) -> str:
    """Return the page of a labeller's history: loss, dev scores (of tokens alone for bare labels), learning rate."""
    return _render("Training of a tagger", epochs, (_LOSS, *((_F1,) if has_spans else ()), _ACCURACY, _RATE))


def of_pretraining(epochs: _Epochs) -> str:
    """Return the page of what learnt from raw text: perplexities, of one direction or of both, and learning rate."""
    has_backward = all(epoch["backward"] is not None for epoch in epochs)
    held_out = _Panel("Perplexity of held-out text", (_FORWARD, _BACKWARD) if has_backward else (_FORWARD,))
    return _render("Training on raw text", epochs, (_LEARNT, held_out, _RATE))


def _render(title: str, epochs: _Epochs, panels: Sequence[_Panel]) -> str:
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    best = max((epoch["epoch"] for epoch in epochs if epoch.get("kept", epoch["improved"])), default=0)
    done = epochs[-1]["epoch"] if epochs else 0
    measured = f"{count_of(len(epochs), 'measurement')} in " if _has_steps(epochs) else ""
    note = (
        f"{measured}{count_of(done, 'epoch')}; the dashed line is at the one that is kept so far, epoch {best:g}."
        if best
        else ""
    )
    sections = "".join(_section(panel, epochs, best) for panel in panels)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{forbid_requests(style)}\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1><p>{note}</p>\n{sections}{_table(panels, epochs, best)}</body>\n</html>\n"
    )


def _has_steps(epochs: _Epochs) -> bool:
    """Tell whether some measurements were made within epochs."""
    return any("step" in epoch for epoch in epochs)


def _section(panel: _Panel, epochs: _Epochs, best: float) -> str:
    lines = [Line(curve.name, [curve.read(epoch) for epoch in epochs]) for curve in panel.curves]
    names = (f'<span class="key{place}">{escape_html(line.name)}</span>' for place, line in enumerate(lines))
    key = f"<p>{', '.join(names)}</p>" if len(lines) > 1 else ""
    drawn = draw(
        panel.title, lines, best, form=panel.curves[0].form, places=[epoch["epoch"] for epoch in epochs]
    )
    return f"<h2>{panel.title}</h2>{key}{drawn}\n"


def _table(panels: Sequence[_Panel], epochs: _Epochs, best: float) -> str:
    steps = (_STEP,) if _has_steps(epochs) else ()
    curves = [*steps, *(curve for panel in panels for curve in panel.curves), *_TIME]
    head = "".join(
        f'<th scope="col">{escape_html(name)}</th>' for name in ("epoch", *(curve.name for curve in curves))
    )
    rows = "".join(
        f'<tr><th scope="row">{"* " * (epoch["epoch"] == best)}{epoch["epoch"]}</th>'
        + "".join(f"<td>{curve.read(epoch):{curve.form}}</td>" for curve in curves)
        + "</tr>"
        for epoch in epochs
    )
    return (
        '<h2>Figures</h2><div class="wide"><table><caption>* the best epoch so far</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>\n"
    )
