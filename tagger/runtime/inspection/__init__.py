"""What is inside a model directory: labels, sizes, scores, training facts, and the learned transitions.

`facts` reads them, `picture` draws the transitions as one SVG file. Nothing here prints.
"""

from tagger.runtime.inspection.facts import END, START, Inspection, Move, TrainingFacts, Transitions, inspect
from tagger.runtime.inspection.picture import SCALE, draw, shade, write

__all__ = [
    "END",
    "SCALE",
    "START",
    "Inspection",
    "Move",
    "TrainingFacts",
    "Transitions",
    "draw",
    "inspect",
    "shade",
    "write",
]
