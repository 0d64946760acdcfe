"""`tagger predict --ray`: whole files labelled by the actors of a Ray cluster, a result for each in a folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer
from rich.console import Console

from tagger.cli.messages import say, warn
from tagger.cli.signals import asked_to_stop
from tagger.cli.streams import muted_streams
from tagger.cli.waiting import PATIENCE, Waiting
from tagger.errors import DataError
from tagger.text.counting import count_of
from tagger.text.files import FilePath, is_stdin
from tagger.text.output import check_output

if TYPE_CHECKING:
    from tagger.adapters.ray import FileJob, FileOutcome, WholeFile
    from tagger.runtime.trained import TrainedModel


class Cluster(NamedTuple):
    """Where files are labelled, and by how many.

    Attributes:
        address: `local`, `auto`, or an address as Ray takes it.
        workers: actors; None: one for each core.
    """

    address: str
    workers: int | None


def refuse_what_is_no_file(files: Sequence[FilePath], output: Path | None) -> Path:
    """Return the folder of the results.

    Raises:
        BadParameter: there is none, or the standard input is to be read.
    """
    if output is None:
        raise typer.BadParameter("whole files are labelled; give a folder with --output", param_hint="--ray")
    if any(map(is_stdin, files)):
        raise typer.BadParameter(
            "other machines can't read the standard input; give files", param_hint="--ray"
        )
    if output.exists() and not output.is_dir():
        raise DataError(
            "is no folder, expected one for the results of all files; choose another --output", output
        )
    return output


def choose_outputs(
    inputs: Iterable[str], files: Sequence[FilePath], output: Path, suffix: str
) -> list[WholeFile]:
    """Say where the result of each file goes: its name with a suffix, below a folder as it lay below INPUT.

    Raises:
        DataError: a result would take the place of a file that is read.
    """
    from tagger.adapters.ray import WholeFile

    folders = [Path(each) for each in inputs if Path(each).is_dir()]
    taken: set[Path] = set()
    chosen: list[WholeFile] = []
    for file in files:
        path = Path(fspath(file))
        above = next((each for each in folders if path.is_relative_to(each)), path.parent)
        place = output / path.relative_to(above)
        name, number = place.name, 1
        while (place := place.with_name(name + suffix)) in taken:
            number += 1
            name = f"{path.name}-{number}"
        taken.add(place)
        if place.exists():
            check_output(place, files)
        chosen.append(WholeFile(file, place, path.stat().st_size if path.is_file() else 0))
    return chosen


def predict_on_cluster(
    cluster: Cluster,
    model: TrainedModel,
    job: FileJob,
    files: Sequence[WholeFile],
    output: Path,
    *,
    fail_fast: bool,
    quiet: bool,
) -> int:
    """Label files, say how far it is and what happened, and return how many have no result.

    Raises:
        ConfigError: there is no such cluster, or it can't label.
        DataError: a file is at fault, and that is to be the end.
    """
    from tagger.adapters.ray import joined_cluster, label_files

    began = time.monotonic()
    count = _Count(says_faults=not fail_fast)
    with muted_streams() as stream:
        talk = Console(file=stream, highlight=False)
        with (
            asked_to_stop(talk, "the files that are done") as stop,
            Waiting(talk, is_wanted=not quiet) as waiting,
            joined_cluster(cluster.address, cluster.workers) as cores,
        ):
            waiting.turn_to("labelling", "token")
            whole = sum(file.size for file in files)
            for facts in label_files(files, model, job, output, cluster.workers or cores, stop):
                count.add(facts, talk)
                waiting.show(count.tokens, count.bytes, whole)
                if facts.fault is not None and fail_fast:
                    raise facts.fault
        if stop():
            held = f"{count.done:,} of {count_of(len(files), 'file')}"
            say(talk, f"stopped; {output} holds the results of {held}")
            raise typer.Exit(stop.exit_code)
    if not quiet:
        seconds = time.monotonic() - began
        talk = Console(stderr=True, highlight=False)
        counted = f"{count_of(count.sentences, 'sentence')}, {count_of(count.tokens, 'token')}"
        rate = f" in {seconds:,.1f} s, {count.tokens / max(seconds, PATIENCE):,.0f} tokens/s"
        say(
            talk,
            f"{count_of(count.done, 'file')}, {counted}{rate if seconds >= PATIENCE else ''} -> {output}",
        )
    return count.faults


class _Count:
    """What has become of how many files so far.

    Args:
        says_faults: whether a fault is said here; else it is raised, and said by whoever ends the command.
    """

    def __init__(self, *, says_faults: bool) -> None:
        self._says_faults = says_faults
        self._said: set[str] = set()
        self.done = self.faults = self.sentences = self.tokens = self.bytes = 0

    def add(self, facts: FileOutcome, talk: Console) -> None:
        """Count a file, and say what is odd about it, once for all files where all are."""
        for note in facts.notes:
            kind = note.partition(": ")[2]
            if kind not in self._said:
                self._said.add(kind)
                warn(talk, note)
        self.bytes += facts.file.size
        if facts.fault is not None:
            self.faults += 1
            if self._says_faults:
                say(talk, f"error: {facts.fault}", "red")
            return
        self.done += 1
        self.sentences += facts.sentences
        self.tokens += facts.tokens
