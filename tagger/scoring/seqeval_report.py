"""The classification report of the package seqeval on our spans: the numbers that many papers quote.

seqeval's default mode reads IOB2 as we do, so the spans are handed to it in IOB2, whatever scheme they come from: it
has no BMES, and its strict modes lose spans of IOB1. The package is an extra, `tagger[train]`; nothing else here or
below needs it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass

from tagger.errors import ConfigError
from tagger.scoring.counts import Pair
from tagger.text.schemes import Scheme, spans_to_tags


@dataclass(frozen=True, slots=True)
class SeqevalReport:
    """What seqeval says.

    Attributes:
        text: its table, fractions with four digits.
        rows: the same by type, then `micro avg`, `macro avg` and `weighted avg`: `precision`, `recall`,
            `f1-score`, fractions between 0 and 1, and `support`, the number of gold spans.
    """

    text: str
    rows: dict[str, dict[str, float]]


def require_seqeval() -> None:
    """Raise a ConfigError where the package is not installed, before anything is read."""
    if importlib.util.find_spec("seqeval") is None:
        raise ConfigError(
            "needs the package seqeval, which isn't installed; install it: pip install 'tagger[train]'",
            "--seqeval",
        )


def report_with_seqeval(pairs: Iterable[Pair], scheme: Scheme) -> SeqevalReport | str:
    """Return seqeval's report on the spans of sentences, or one sentence that says why it has none.

    Args:
        pairs: the sentences, as `scoring.pair_spans` reads them.
        scheme: what the spans were read from.

    Raises:
        ConfigError: the package is not installed.
    """
    if scheme is Scheme.BARE:
        return "seqeval compares spans, and bare labels have none; token accuracy is their score"
    pairs = list(pairs)
    if not any(pair.gold or pair.predicted for pair in pairs):
        return "seqeval has no report where there is no span, neither in gold nor predicted"
    require_seqeval()
    from seqeval.metrics import classification_report

    gold = [spans_to_tags(pair.gold, pair.length, Scheme.IOB2) for pair in pairs]
    predicted = [spans_to_tags(pair.predicted, pair.length, Scheme.IOB2) for pair in pairs]
    table = classification_report(gold, predicted, output_dict=True, zero_division=0)
    return SeqevalReport(
        text=classification_report(gold, predicted, digits=4, zero_division=0),
        rows={
            name: {key: int(value) if key == "support" else float(value) for key, value in row.items()}
            for name, row in table.items()
        },
    )
