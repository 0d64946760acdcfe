"""What `evaluate` and `score` found, as one value for Python and for `--json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tagger.scoring.answers import Answers
from tagger.scoring.exact import Scores
from tagger.scoring.report import Analysis
from tagger.scoring.resampling import Comparison
from tagger.scoring.seqeval_report import SeqevalReport
from tagger.text.conll import Corpus
from tagger.text.objects import describe


@dataclass(frozen=True, slots=True)
class ScoringResult:
    """Gold labels, and what one system answered, or two.

    Attributes:
        gold: the corpus with the right labels.
        answers: of each system: the tags and how they are read.
        analyses: every fact about the answers of each system.
        reports: what seqeval says of each system, or why it says nothing; None where nobody asked.
        comparison: of two systems; None where there is one.
        seconds: of labelling (`evaluate`), or of all (`score`).
        min_confidence: names that the model finds less probable were left out (`evaluate`); None where no model
            was asked (`score`).
    """

    gold: Corpus
    answers: tuple[Answers, ...]
    analyses: tuple[Analysis, ...]
    reports: tuple[SeqevalReport | str | None, ...]
    comparison: Comparison | None
    seconds: float
    min_confidence: float | None = None

    @property
    def analysis(self) -> Analysis:
        """The facts about the first system: near misses, confusions, intervals, wrong sentences."""
        return self.analyses[0]

    @property
    def scores(self) -> Scores:
        """Precision, recall and F1 (fractions between 0 and 1) of the first system: micro, macro, by type."""
        return self.analysis.scores

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints: the scores of the first system; a second one and the test stand beside it."""
        speed = {"seconds": self.seconds, "tokens_per_second": self.scores.tokens / max(self.seconds, 1e-9)}
        found = self._system(0) | speed | {"min_confidence": self.min_confidence}
        if self.comparison is None:
            return describe("scoring", found)
        test = self.comparison
        both = {
            "other": self._system(1),
            "comparison": {
                "measure": self.scores.headline[0],
                "first": test.first,
                "second": test.second,
                "difference": test.difference,
                "p_value": test.p_value,
                "trials": test.trials,
            },
        }
        return describe("scoring", found | both)

    def _system(self, number: int) -> dict[str, Any]:
        analysis, report = self.analyses[number], self.reports[number]
        found: dict[str, Any] = analysis.scores.as_dict() | analysis.as_dict()
        if analysis.calibration is not None:
            found["calibration_error"] = analysis.calibration.expected_error
        if report is not None:
            found["seqeval"] = {"error": report} if isinstance(report, str) else report.rows
        return found
