"""The inputs of `tagger predict`: how they are read for a model, what is said about them, which were at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagger.errors import ConfigError, DataError
from tagger.text.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from tagger.runtime.tagger import Tagger
    from tagger.text.files import FilePath
    from tagger.text.raw import Fault, InputSettings


class InputFiles:
    """How the inputs are read, what is said about them, and which were at fault.

    Args:
        settings: of `InputSettings`, as far as they don't depend on the model.
        token_column, feature_columns: as the user writes them; absent: the model's.
        fail_fast: whether the first fault is the last.
        talk: where faults and what is odd are said.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        token_column: str | None,
        feature_columns: list[str],
        fail_fast: bool,
        talk: Console,
    ) -> None:
        self._settings = settings
        self._token_column = token_column
        self._feature_columns = feature_columns
        self._talk = talk
        self._fail_fast = fail_fast
        self.faults: list[DataError] = []

    def find_files(self, inputs: list[str]) -> list[FilePath]:
        """Return the files to read; where there are several, those that don't exist are left to be reported."""
        from tagger.text.raw import find_files

        advice = (
            "to label these words themselves, give them with --text, or write them to the standard input (-)"
        )
        return find_files(inputs, self.on_fault if len(inputs) > 1 else None, advice)

    @property
    def on_fault(self) -> Fault | None:
        """What is done about a file that can't be read; None: the command ends."""
        return None if self._fail_fast else self._report

    def _report(self, fault: DataError) -> None:
        from tagger.cli.messages import say

        self.faults.append(fault)
        say(self._talk, f"error: {fault}", "red")

    def note(self, fact: str) -> None:
        """Say what the user should know of how a file is read."""
        from tagger.cli.messages import warn

        warn(self._talk, fact)

    def settings_for(self, tagger: Tagger) -> InputSettings:
        """Return how the inputs are read for a model.

        Raises:
            ConfigError: the model reads another number of columns, or they don't go with the format.
        """
        from tagger.text.conll import parse_column
        from tagger.text.raw import InputSettings

        token: int | str = tagger.model.config.corpus.token_column
        features = tagger.feature_columns
        if self._feature_columns:
            if len(self._feature_columns) != len(features):
                found = f"found {count_of(len(self._feature_columns), 'column')}"
                raise ConfigError(
                    f"{found}, expected {len(features)}: as many as the model reads", "--feature-column"
                )
            features = tuple(map(parse_column, self._feature_columns))
        return InputSettings(
            token_column=token if self._token_column is None else parse_column(self._token_column),
            feature_columns=features,
            blank_tokens=tagger.model.config.corpus.blank_tokens,
            known_abbreviations=tagger.known_abbreviations,
            tags=frozenset(tagger.types),
            cuts_words=tagger.model.task.cuts_words,
            reads_words=tagger.has_unspaced_words,
            **self._settings,
        )
