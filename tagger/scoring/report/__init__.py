"""What a set of predictions gets right and wrong: facts for the terminal, and a page for the browser.

`facts` computes, `pieces` cuts sentences for drawing, `page` and `pictures` write one self-contained HTML file.
"""

from tagger.scoring.report.facts import Analysis, Confused, Mistake, WrongSentence, analyse
from tagger.scoring.report.page import render_page, write_page
from tagger.scoring.report.pieces import Piece, cut, join_tokens, windows

__all__ = [
    "Analysis",
    "Confused",
    "Mistake",
    "Piece",
    "WrongSentence",
    "analyse",
    "cut",
    "join_tokens",
    "render_page",
    "windows",
    "write_page",
]
