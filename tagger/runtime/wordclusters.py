"""Classes of words learnt from raw text, as a feature: what says of a rare word which frequent words are used alike.

Each tree of words (`--clusters`) is a part of the feature, the embeddings of a word's classes from coarse to fine
side by side (Miller, Guinness and Zamanian 2004, "Name tagging with word clusters and discriminative training").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tagger.config import EmbeddingConfig
from tagger.runtime.kinds import FormFeature, Reader, Rows, Shapes, TextCounts, Weights, read_side_by_side
from tagger.text.clusters import SIZES, Clusters


@dataclass(frozen=True)
class WordClusters(FormFeature):
    """Trees of words, and the classes of a word in each; rows (N, trees * sizes).

    Attributes:
        trees: as `--clusters` read them.
        dim: size of the embedding of a class.
    """

    name: ClassVar[str] = "cluster"
    is_spelling: ClassVar[bool] = False
    trees: tuple[Clusters, ...]
    dim: int

    @classmethod
    def build(cls, found: TextCounts, config: EmbeddingConfig) -> WordClusters:
        return cls(tuple(found.clusters), config.cluster_dim)

    @classmethod
    def from_dict(cls, tables: Mapping[str, object], config: EmbeddingConfig) -> WordClusters:
        trees = tables.get("clusters", [])
        if not isinstance(trees, list):
            raise ValueError("clusters are not a list")
        return cls(tuple(map(Clusters.from_dict, trees)), config.cluster_dim)

    def as_dict(self) -> dict[str, Any]:
        return {"clusters": [each.as_dict() for each in self.trees]} if self.trees else {}

    @property
    def size(self) -> int:
        return self.dim * len(SIZES) * len(self.trees)

    def rows(self, words: Sequence[str]) -> Rows:
        return np.concatenate(
            [np.empty((len(words), 0), dtype=np.int64), *(each.rows(words) for each in self.trees)], axis=1
        )

    def weight_shapes(self) -> Shapes:
        return {
            f"{self.name}.{place}.{size}.weight": (rows, self.dim)
            for place, tree in enumerate(self.trees)
            for size, rows in zip(SIZES, tree.rows_of_sizes, strict=True)
        }

    def reader(self, weights: Weights) -> Reader:
        return read_side_by_side([weights[name] for name in self.weight_shapes()])

    def joined(self, other: WordClusters) -> WordClusters:
        """Return the trees as they were; those of the other where it alone has any."""
        return self if self.trees else other
