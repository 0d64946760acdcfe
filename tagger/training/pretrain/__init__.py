"""Pretraining of language models: the same shape as `training.loop` (steps) and `training.fit` (a whole run)."""

from tagger.training.pretrain.loop import EpochFacts, Run, StepFacts, begin, measure, train
from tagger.training.pretrain.run import Fact, Finished, Started, pretrain
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
    "train",
]
