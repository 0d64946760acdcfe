"""What predictions are worth: spans and tags in, numbers out.

`exact` holds the scores that everyone quotes, `strict` the strict reading of tags. Nothing here knows a file,
a model or a terminal.
"""

from tagger.text.metrics.exact import Average, Pair, Score, Scores, average, pair_spans, score, score_spans
from tagger.text.metrics.strict import strict_spans

__all__ = [
    "Average",
    "Pair",
    "Score",
    "Scores",
    "average",
    "pair_spans",
    "score",
    "score_spans",
    "strict_spans",
]
