"""Labels of a corpus that are probably wrong: places, how sure one can be, and a page to go through them.

`suspects` ranks and groups, `page` writes one self-contained HTML file in which each can be accepted.
"""

from tagger.scoring.review.page import render_page, write_page
from tagger.scoring.review.suspects import LabelDoubt, Review, Suspect, Uses, rank_suspects

__all__ = ["LabelDoubt", "Review", "Suspect", "Uses", "rank_suspects", "render_page", "write_page"]
