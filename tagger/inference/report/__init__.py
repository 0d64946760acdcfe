"""What a set of predictions gets right and wrong: facts for the terminal, and a page for the browser.

`facts` computes, `page` and `pictures` write one self-contained HTML file.
Neither prints; the model is unknown here.
"""

from tagger.inference.report.facts import (
    Analysis,
    Confused,
    Mistake,
    WrongSentence,
    analyse,
)

__all__ = [
    "Analysis",
    "Confused",
    "Mistake",
    "WrongSentence",
    "analyse",
]
