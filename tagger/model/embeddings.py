"""What the encoder sees of each token: its features side by side, and what a language model knows of it.

Features of a form are computed once for each distinct word of a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tagger.config import TrainingConfig
from tagger.errors import ConfigError
from tagger.model import features
from tagger.model.batch import Batch
from tagger.model.contextual import ContextualEmbedding
from tagger.model.features import LearnedFeature, LearnedWords
from tagger.model.vectors import Matrix
from tagger.runtime.kinds import FormFeature
from tagger.runtime.lexicon import Lexicon


class TokenEmbedding(nn.Module):
    """Concatenate a token's features; which ones is the configuration's choice.

    Attributes:
        features: those that are on, in the order in which they are concatenated.
        slices: where each of them lies in the result, by its name; what a language model knows follows.
        size: D, the width of the result.
        form_size: of its part that depends on a word's spelling; it comes first.
        spelled_size: of the beginning of that part, which follows from the word's letters; 0 where none are read.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        training: TrainingConfig,
        contextual: ContextualEmbedding | None = None,
    ) -> None:
        super().__init__()
        learned: dict[str, LearnedFeature[Any]] = {}
        for kind, side in features.LEARNED.items():
            feature = lexicon.of(kind)
            if feature.size:
                learned[feature.name] = side(feature, training)
                for name, module in learned[feature.name].modules.items():
                    self._register(name, module)
        self.features = tuple(learned[feature.name] for feature in lexicon.active)
        self.slices = lexicon.slices()
        forms = [each for each in lexicon.active if isinstance(each, FormFeature)]
        self.form_size = sum(feature.size for feature in forms)
        spelling = list(takewhile(lambda feature: feature.is_spelling, forms))
        reads_letters = any(feature.reads_letters for feature in spelling)
        self.spelled_size = sum(feature.size for feature in spelling) if reads_letters else 0
        self.contextual = contextual
        self.size = sum(feature.size for feature in lexicon.active)
        self.size += contextual.size if contextual else 0
        if self.size == 0:
            raise ConfigError("every feature is switched off; give at least one a size above 0", "embedding")

    def forward(
        self, batch: Batch, generator: torch.Generator | None = None, forms: Tensor | None = None
    ) -> Tensor:
        """Return (T, R, D) features of a batch; a generator turns dropout on.

        Args:
            forms: what `embed_forms` returned for the batch, where that is known.
        """
        embedded = functional.embedding(
            batch.tokens, self.embed_forms(batch.forms, generator) if forms is None else forms
        )
        parts = [embedded, *self._embed(batch.local, generator)]
        if self.contextual is not None:
            assert batch.language is not None
            parts.append(self.contextual(batch.language))
        return torch.cat(parts, dim=-1) if len(parts) > 1 else embedded

    def embed_forms(self, forms: Mapping[str, Tensor], generator: torch.Generator | None = None) -> Tensor:
        """Return (U, D') features that depend on a word's spelling alone; D' is 0 where they are switched off.

        Args:
            forms: (U, ...) rows of each feature, by its name.
            generator: turns dropout on.
        """
        parts = list(self._embed(forms, generator))
        if not parts:
            rows = next(iter(forms.values()))
            return torch.empty(len(rows), 0, device=rows.device)
        return torch.cat(parts, dim=-1)

    def begin_with(self, old: TokenEmbedding) -> None:
        """Copy the weights of features that both have, of the same sizes; others stay as they were drawn.

        A new row of a table begins as what the old one read in its place, the row of the unknown; so every token of
        any text is embedded as before, until training changes that.
        """
        learned = {each.name: each for each in old.features}
        with torch.no_grad():
            for each in self.features:
                if each.name in learned:
                    each.begin_with(learned[each.name])
        if self.contextual is not None and old.contextual is not None:
            self.contextual.load_state_dict(old.contextual.state_dict())

    def place_vectors(self, rows: Sequence[int], vectors: Matrix, *, frozen: bool) -> None:
        """Begin with pretrained vectors (N, D) in some rows of the word table; frozen, the whole table stays."""
        (weight,) = self._word_weights()
        with torch.no_grad():
            weight[torch.tensor(rows)] = torch.from_numpy(vectors).to(weight.device)
        weight.requires_grad_(not frozen)

    def freeze_words(self) -> None:
        """Let the table of words, if there is one, stay as it is."""
        for weight in self._word_weights():
            weight.requires_grad_(False)

    def _word_weights(self) -> list[Tensor]:
        return [each.table.weight for each in self.features if isinstance(each, LearnedWords)]

    def _embed(self, rows: Mapping[str, Tensor], generator: torch.Generator | None) -> Iterator[Tensor]:
        """Yield what those features make of their rows that have some here."""
        for each in self.features:
            if each.name in rows:
                own = rows[each.name]
                yield each.look_up(own if generator is None else each.drop(own, generator))

    def _register(self, name: str, module: nn.Module) -> None:
        """Give a module its name, whose parts are parted by dots."""
        parent: nn.Module = self
        *above, last = name.split(".")
        for part in above:
            if not hasattr(parent, part):
                parent.add_module(part, nn.Module())
            parent = parent.get_submodule(part)
        parent.add_module(last, module)
