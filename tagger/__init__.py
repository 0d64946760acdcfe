"""BiLSTM-CRF sequence labelling: train, evaluate, predict, and the CRF as a layer.

    import tagger

    tagger.train(train="train.conll", dev="dev.conll", output="models/mine")
    model = tagger.load("models/mine")
    model.predict("Ada Lovelace lived in London.")[0].spans
    tagger.evaluate(model, "test.conll").scores.micro.f1
    tagger.drift(model, ["What it meets today."]).verdict

Names are resolved on first use, so that `import tagger` costs nothing and the command line answers at once. All but
`train` and `CRF` do without PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagger.errors import ConfigError, DataError, ModelError, TaggerError
from tagger.version import __version__

if TYPE_CHECKING:
    from tagger.api.distillation import distill
    from tagger.api.drift import drift
    from tagger.api.scoring import evaluate, score
    from tagger.api.selection import Selection, choose_sentences
    from tagger.api.sources import load, read_corpus
    from tagger.api.training import TrainingResult, TrainingStoppedError, train
    from tagger.config import Config
    from tagger.model.crf import CRF
    from tagger.runtime.questions import Labelling
    from tagger.runtime.tagger import Tagger
    from tagger.scoring.drift import Drift
    from tagger.scoring.profile import Profile
    from tagger.scoring.result import ScoringResult
    from tagger.text.conll import Corpus
    from tagger.text.formats import LabelledSentence, LabelledSpan

__all__ = [
    "CRF",
    "Config",
    "ConfigError",
    "Corpus",
    "DataError",
    "Drift",
    "LabelledSentence",
    "LabelledSpan",
    "Labelling",
    "ModelError",
    "Profile",
    "ScoringResult",
    "Selection",
    "Tagger",
    "TaggerError",
    "TrainingResult",
    "TrainingStoppedError",
    "__version__",
    "choose_sentences",
    "distill",
    "drift",
    "evaluate",
    "load",
    "read_corpus",
    "score",
    "train",
]


_HOMES = {
    "CRF": "tagger.model.crf",
    "Config": "tagger.config",
    "Corpus": "tagger.text.conll",
    "Drift": "tagger.scoring.drift",
    "LabelledSentence": "tagger.text.formats",
    "LabelledSpan": "tagger.text.formats",
    "Labelling": "tagger.runtime.decode",
    "Profile": "tagger.scoring.profile",
    "ScoringResult": "tagger.scoring.result",
    "Selection": "tagger.api.selection",
    "Tagger": "tagger.runtime.tagger",
    "TrainingResult": "tagger.api.training",
    "TrainingStoppedError": "tagger.api.training",
    "choose_sentences": "tagger.api.selection",
    "drift": "tagger.api.drift",
    "evaluate": "tagger.api.scoring",
    "load": "tagger.api.sources",
    "read_corpus": "tagger.api.sources",
    "score": "tagger.api.scoring",
    "distill": "tagger.api.distillation",
    "train": "tagger.api.training",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        try:
            return getattr(import_module(_HOMES[name]), name)
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise ImportError(f"tagger.{name} needs PyTorch: pip install 'tagger[train]'") from None
    raise AttributeError(f"module 'tagger' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
