"""Raw text or tokens -> tags, spans and their exact probabilities, at full speed and in bounded memory.

`text.passages` reads texts, `network` and the recurrence below it compute scores, `model.decoding` reads tags and
probabilities off them, `tagger` lays them over the text, `workers` does that in several processes. Nothing prints.
"""

from tagger.inference.predict.tagger import Tagger, load
from tagger.model.decoding import Alternative, Labelling, Question, ScoredSpan
from tagger.text.passages import read_passages
from tagger.text.raw import INPUT_FORMATS, InputSettings, find_files

__all__ = [
    "INPUT_FORMATS",
    "Alternative",
    "InputSettings",
    "Labelling",
    "Question",
    "ScoredSpan",
    "Tagger",
    "find_files",
    "load",
    "read_passages",
]
