"""Learning from raw text: the same shape as `training.loop` (steps) and `training.fit` (a whole run).

`task` says what `loop` and `run` ask of what is learnt; `language` (language models) and `encoder` (a labeler's own
embeddings and encoder) answer.
"""

from tagger.training.pretrain.loop import EpochFacts, Run, StepFacts, begin, measure, train
from tagger.training.pretrain.run import Fact, Finished, Started, pretrain, read
from tagger.training.supervision import Stopped

__all__ = [
    "EpochFacts",
    "Fact",
    "Finished",
    "Run",
    "Started",
    "StepFacts",
    "Stopped",
    "begin",
    "measure",
    "pretrain",
    "read",
    "train",
]
