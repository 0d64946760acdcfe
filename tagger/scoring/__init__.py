"""What predictions are worth: spans and tags in, numbers out. Models and terminals are unknown here.

`exact` holds the scores that everyone quotes, made of `counts`, `words` those of segmentation, `strict` the strict
reading of tags, `matching` near misses and confusions, `breakdown` the scores of parts, `resampling` intervals and
tests, `calibration` confidences, `seqeval_report` what the package seqeval says. `answers` reads gold and predicted
files, `report` gathers all facts and draws a page, `result` is what callers get.
"""

from tagger.scoring.breakdown import PartCounts
from tagger.scoring.calibration import Bin, Calibration, calibrate
from tagger.scoring.counts import Average, Pair, Score, average
from tagger.scoring.exact import (
    ReadPair,
    Scores,
    SpanCounts,
    count_right_tags,
    name_spans,
    pair_spans,
    read_pairs,
    score,
    score_spans,
)
from tagger.scoring.matching import (
    Confusion,
    Evaluation,
    Kind,
    Match,
    MatchCounts,
    Tally,
    align,
    count_confusions,
    evaluate_matches,
)
from tagger.scoring.resampling import (
    RESAMPLES,
    TRIALS,
    Comparison,
    Interval,
    RowCounts,
    accuracy_of_counts,
    bootstrap,
    bootstrap_rows,
    compare,
    count_spans,
    count_tags,
    f1_of_counts,
    precision_of_counts,
    recall_of_counts,
)
from tagger.scoring.seqeval_report import SeqevalReport, report_with_seqeval, require_seqeval
from tagger.scoring.strict import is_always_spelt_out, strict_spans
from tagger.scoring.words import WordCounts, WordScores, collect_surfaces, surface

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
    "MatchCounts",
    "Pair",
    "PartCounts",
    "ReadPair",
    "RowCounts",
    "Score",
    "Scores",
    "SeqevalReport",
    "SpanCounts",
    "Tally",
    "WordCounts",
    "WordScores",
    "accuracy_of_counts",
    "align",
    "average",
    "bootstrap",
    "bootstrap_rows",
    "calibrate",
    "collect_surfaces",
    "compare",
    "count_confusions",
    "count_right_tags",
    "count_spans",
    "count_tags",
    "evaluate_matches",
    "f1_of_counts",
    "is_always_spelt_out",
    "name_spans",
    "pair_spans",
    "precision_of_counts",
    "read_pairs",
    "recall_of_counts",
    "report_with_seqeval",
    "require_seqeval",
    "score",
    "score_spans",
    "strict_spans",
    "surface",
]
