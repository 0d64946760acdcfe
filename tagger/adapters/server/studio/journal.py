"""What people annotated, in a file that only grows: a line for everything that happened to an annotation.

A line is on the disk before Label Studio hears that it came. A process or a machine that ends meanwhile leaves at
most a piece of one, of which nobody was told, and which is cut off when the file is opened again.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tagger.errors import DataError
from tagger.runtime.directory import locked
from tagger.text.output import sync_directory

_NAME = "annotations.jsonl"
_HELD_OUT = 5  # of so many texts one is never learnt from: a new model is compared with the old one on these


class Annotated(NamedTuple):
    """A text as somebody labelled it.

    Attributes:
        annotation: the annotation's number in Label Studio.
        task: the number of the text there.
        text: in full.
        labels: (start, end, type), in code points.
    """

    annotation: int
    task: int
    text: str
    labels: tuple[tuple[int, int, str], ...]


class Journal:
    """The annotations of a folder.

    Args:
        folder: made where it isn't there; one server at a time has it.

    Raises:
        DataError: the folder can't be written, another server has it, or it holds something else.

    Attributes:
        folder: where it is.
        unlearnt: annotations that came since the last run began.
        is_interrupted: whether a run began that hasn't ended.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writing = threading.Lock()
        self._annotations: dict[int, Annotated] = {}
        self._numbers: dict[str, int] = {}  # of texts, in the order in which they came
        self.unlearnt = 0
        self.is_interrupted = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with ExitStack() as stack:
                stack.enter_context(self._locked())
                self._stream = stack.enter_context((folder / _NAME).open("a+b"))
                self._read()
                self._held = stack.pop_all()
        except OSError as error:
            raise DataError(
                f"cannot be used: {error.strerror}; name a folder that is yours", folder
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Have the folder for this server alone."""
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.folder))
            except DataError:
                found = "another server keeps its annotations here, or a model is trained here"
                raise DataError(f"{found}; name another folder", self.folder) from None
            yield

    def close(self) -> None:
        """Let the folder go."""
        self._held.close()

    def __len__(self) -> int:
        return len(self._annotations)

    def has(self, annotated: Annotated) -> bool:
        """Say whether an annotation is kept just so."""
        return self._annotations.get(annotated.annotation) == annotated

    def has_number(self, annotation: int) -> bool:
        """Say whether an annotation is kept, whatever it says."""
        return annotation in self._annotations

    def keep(self, annotated: Annotated) -> None:
        """Keep an annotation in the place of what it was before; it is on the disk when this returns."""
        self._append(annotated._asdict())

    def drop_annotations(self, numbers: Sequence[int]) -> None:
        """Forget annotations that were deleted."""
        self._append({"deleted": list(numbers)})

    def drop_tasks(self, numbers: Sequence[int]) -> None:
        """Forget all annotations of tasks that were deleted."""
        self._append({"deleted_tasks": list(numbers)})

    def begin_run(self) -> None:
        """Note that a model begins to learn."""
        self._append({"run": "begun"})

    def end_run(self, outcome: str) -> None:
        """Note how that ended."""
        self._append({"run": outcome})

    def split(self) -> tuple[list[Annotated], list[Annotated]]:
        """Return what is to be learnt, and what is held out: every fifth text, the same ones for ever.

        A text that several people labelled is as the last of them has it.
        """
        with self._writing:
            latest = {each.text: each for each in self._annotations.values()}
            numbers = {text: self._numbers[text] for text in latest}
        learnt = [each for each in latest.values() if numbers[each.text] % _HELD_OUT]
        held_out = [each for each in latest.values() if not numbers[each.text] % _HELD_OUT]
        return learnt, held_out

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        with self._writing:
            try:
                self._stream.write(line)
                self._stream.flush()
                os.fsync(self._stream.fileno())
            except OSError as error:
                raise DataError(f"cannot be written: {error.strerror}", self.folder / _NAME) from error
            self._take(entry)

    def _read(self) -> None:
        """Take all lines, and cut off what stands behind the last whole one."""
        self._stream.seek(0)
        whole = 0
        for number, line in enumerate(self._stream, 1):
            if not line.endswith(b"\n"):
                break
            try:
                self._take(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                found = f"found {line[:40]!r}, expected an annotation as this server keeps it"
                raise DataError(f"{found}; choose another folder", self.folder / _NAME, number) from None
            whole += len(line)
        self._stream.truncate(whole)
        os.fsync(self._stream.fileno())
        sync_directory(self.folder)

    def _take(self, entry: dict[str, Any]) -> None:
        """Let one line have its effect."""
        match entry:
            case {"annotation": int(number), "task": task, "text": str(text), "labels": labels}:
                spans = tuple((int(start), int(end), str(type_)) for start, end, type_ in labels)
                self._annotations.pop(number, None)  # what came last stands last
                self._annotations[number] = Annotated(number, int(task), text, spans)
                self._numbers.setdefault(text, len(self._numbers) + 1)
                self.unlearnt += 1
            case {"deleted": list(numbers)}:
                for number in numbers:
                    self._annotations.pop(number, None)
            case {"deleted_tasks": list(tasks)}:
                gone = set(tasks)
                self._annotations = {
                    n: each for n, each in self._annotations.items() if each.task not in gone
                }
            case {"run": "begun"}:
                self.is_interrupted = True
                self.unlearnt = 0
            case {"run": _}:
                self.is_interrupted = False
            case _:
                raise ValueError


def write_lesson(annotated: Sequence[Annotated]) -> Iterator[str]:
    """Yield a line for each text, as `tagger convert` reads it."""
    for each in annotated:
        row = {"text": each.text, "label": [list(label) for label in each.labels], "doc": str(each.task)}
        yield json.dumps(row) + "\n"
