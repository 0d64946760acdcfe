"""What predictions are worth: spans and tags in, numbers out. Models and terminals are unknown here.

`exact` holds the scores that everyone quotes, `strict` the strict reading of tags, `matching` near misses and
confusions, `breakdown` the scores of parts, `resampling` intervals and tests, `calibration` confidences,
`seqeval_report` what the package seqeval says. `answers` reads gold and predicted files, `report` gathers all facts
and draws a page, `result` is what callers get.
"""

from tagger.scoring.breakdown import (
    collect_surfaces,
    score_by_novelty,
    score_by_sentence_length,
    score_by_span_length,
    score_groups,
    surface,
)
from tagger.scoring.calibration import Bin, Calibration, calibrate
from tagger.scoring.exact import Average, Pair, Score, Scores, average, pair_spans, score, score_spans
from tagger.scoring.matching import (
    Confusion,
    Evaluation,
    Kind,
    Match,
    Tally,
    align,
    align_all,
    count_confusions,
    evaluate_matches,
)
from tagger.scoring.resampling import (
    RESAMPLES,
    TRIALS,
    Comparison,
    Interval,
    accuracy_of_counts,
    bootstrap,
    compare,
    count_spans,
    count_spans_by_type,
    count_tags,
    f1_of_counts,
    headline_interval,
    precision_of_counts,
    recall_of_counts,
)
from tagger.scoring.seqeval_report import SeqevalReport, report_with_seqeval, require_seqeval
from tagger.scoring.strict import strict_spans

__all__ = [
    "RESAMPLES",
    "TRIALS",
    "Average",
    "Bin",
    "Calibration",
    "Comparison",
    "Confusion",
    "Evaluation",
    "Interval",
    "Kind",
    "Match",
    "Pair",
    "Score",
    "Scores",
    "SeqevalReport",
    "Tally",
    "accuracy_of_counts",
    "align",
    "align_all",
    "average",
    "bootstrap",
    "calibrate",
    "collect_surfaces",
    "compare",
    "count_confusions",
    "count_spans",
    "count_spans_by_type",
    "count_tags",
    "evaluate_matches",
    "f1_of_counts",
    "headline_interval",
    "pair_spans",
    "precision_of_counts",
    "recall_of_counts",
    "report_with_seqeval",
    "require_seqeval",
    "score",
    "score_by_novelty",
    "score_by_sentence_length",
    "score_by_span_length",
    "score_groups",
    "score_spans",
    "strict_spans",
    "surface",
]
