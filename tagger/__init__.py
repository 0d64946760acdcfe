"""BiLSTM-CRF sequence labelling: `tagger.load(DIR)`, `tagger.CRF`, and the errors they raise.

Names are resolved on first use, so that `import tagger` costs nothing and the command line answers at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagger.errors import ConfigError, DataError, ModelError, TaggerError

if TYPE_CHECKING:
    from tagger.inference.predict import Tagger, load
    from tagger.model.crf import CRF

__all__ = ["CRF", "ConfigError", "DataError", "ModelError", "Tagger", "TaggerError", "load"]
__version__ = "0.1.0"

_HOMES = {"CRF": "tagger.model.crf", "Tagger": "tagger.inference.predict", "load": "tagger.inference.predict"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tagger' has no attribute {name!r}")
