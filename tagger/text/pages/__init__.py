"""Pages for a browser: what those about mistakes, suspects, annotators and training have in common.

Each page is one self-contained file that loads nothing. It has the one style, `page.css`, and the one script,
`page.js`. `frame` draws what stands around the contents, `tables` numbers, `filters` the form that goes with a list.
"""

from tagger.text.pages.filters import Filters, draw_filters, write_types
from tagger.text.pages.frame import Chapter, close_page, open_page
from tagger.text.pages.tables import draw_bar, draw_figures, draw_row, draw_table

__all__ = [
    "Chapter",
    "Filters",
    "close_page",
    "draw_bar",
    "draw_figures",
    "draw_filters",
    "draw_row",
    "draw_table",
    "open_page",
    "write_types",
]
