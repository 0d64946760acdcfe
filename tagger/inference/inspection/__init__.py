"""What is inside a model directory: labels, sizes, scores, training facts, and the learned transitions.

`facts` reads them, `picture` draws the transitions as one SVG file. Nothing here prints.
"""

from tagger.inference.inspection.facts import END, START, Inspection, Move, Training, Transitions, inspect
from tagger.inference.inspection.picture import SCALE, draw, shade, write

__all__ = [
    "END",
    "SCALE",
    "START",
    "Inspection",
    "Move",
    "Training",
    "Transitions",
    "draw",
    "inspect",
    "shade",
    "write",
]
