"""BiLSTM-CRF sequence labelling: train, evaluate, predict, and the CRF as a layer.

    import tagger

    tagger.train(train="train.conll", dev="dev.conll", output="models/mine")
    model = tagger.load("models/mine")
    model.predict("Ada Lovelace lived in London.")[0].spans
    tagger.evaluate(model, "test.conll").scores.micro.f1
    tagger.drift(model, ["What it meets today."]).verdict

Names are resolved on first use, so that `import tagger` costs nothing and the command line answers at once. All but
`train`, `review` and `CRF` do without PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagger.errors import ConfigError, DataError, ModelError, TaggerError
from tagger.version import __version__

if TYPE_CHECKING:
    from tagger.api.agreement import agree
    from tagger.api.distillation import distill
    from tagger.api.drift import drift
    from tagger.api.mending import mend
    from tagger.api.review import accept, review
    from tagger.api.scoring import evaluate, score
    from tagger.api.selection import Selection, choose_sentences
    from tagger.api.sources import load, read_corpus
    from tagger.api.splitting import split
    from tagger.api.training import TrainingResult, TrainingStoppedError, train
    from tagger.config import Config
    from tagger.model.crf import CRF
    from tagger.runtime.questions import Labelling
    from tagger.runtime.tagger import Tagger
    from tagger.scoring.annotators import AnnotatorAgreement
    from tagger.scoring.drift import Drift
    from tagger.scoring.profile import Profile
    from tagger.scoring.result import ScoringResult
    from tagger.scoring.review import Review, Suspect
    from tagger.text.conll import Corpus
    from tagger.text.formats import LabelledSentence, LabelledSpan
    from tagger.text.mending import Mended
    from tagger.text.splitting import Division

__all__ = [
    "CRF",
    "AnnotatorAgreement",
    "Config",
    "ConfigError",
    "Corpus",
    "DataError",
    "Division",
    "Drift",
    "LabelledSentence",
    "LabelledSpan",
    "Labelling",
    "Mended",
    "ModelError",
    "Profile",
    "Review",
    "ScoringResult",
    "Selection",
    "Suspect",
    "Tagger",
    "TaggerError",
    "TrainingResult",
    "TrainingStoppedError",
    "__version__",
    "accept",
    "agree",
    "choose_sentences",
    "distill",
    "drift",
    "evaluate",
    "load",
    "mend",
    "read_corpus",
    "review",
    "score",
    "split",
    "train",
]


_HOMES = {
    "AnnotatorAgreement": "tagger.scoring.annotators",
    "CRF": "tagger.model.crf",
    "Config": "tagger.config",
    "Corpus": "tagger.text.conll",
    "Division": "tagger.text.splitting",
    "Drift": "tagger.scoring.drift",
    "LabelledSentence": "tagger.text.formats",
    "LabelledSpan": "tagger.text.formats",
    "Labelling": "tagger.runtime.decode",
    "Mended": "tagger.text.mending",
    "Profile": "tagger.scoring.profile",
    "Review": "tagger.scoring.review",
    "ScoringResult": "tagger.scoring.result",
    "Selection": "tagger.api.selection",
    "Suspect": "tagger.scoring.review",
    "Tagger": "tagger.runtime.tagger",
    "TrainingResult": "tagger.api.training",
    "TrainingStoppedError": "tagger.api.training",
    "accept": "tagger.api.review",
    "agree": "tagger.api.agreement",
    "choose_sentences": "tagger.api.selection",
    "distill": "tagger.api.distillation",
    "drift": "tagger.api.drift",
    "evaluate": "tagger.api.scoring",
    "load": "tagger.api.sources",
    "mend": "tagger.api.mending",
    "read_corpus": "tagger.api.sources",
    "review": "tagger.api.review",
    "score": "tagger.api.scoring",
    "split": "tagger.api.splitting",
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
