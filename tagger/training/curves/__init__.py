"""Learning curves: what `history.jsonl` holds as pictures on a page, `training.html` in the model directory.

`chart` draws numbers as SVG, `page` lays the charts out. Neither knows how the numbers came about.
"""

from tagger.training.curves.page import Origin, of_pretraining, of_tagger

__all__ = ["Origin", "of_pretraining", "of_tagger"]
