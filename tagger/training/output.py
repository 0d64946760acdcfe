"""What a run finds where its model is to go, and where it trains meanwhile; without PyTorch, so that it is soon told.

A run into a directory without a model trains there, and each epoch that is kept is in place at once. A directory that
holds a model keeps it: the run trains in the folder `replacement` below it, and what it made takes the model's place
in one rename when it has ended. Until then the old model loads, and the unfinished run can be resumed.
"""

from __future__ import annotations

import shutil
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from tagger.errors import DataError, ModelError
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.text.output import write_atomically
from tagger.training import launch

CHECKPOINT = "checkpoint"  # a folder that is there while a run is unfinished
STATE = "state.safetensors"
CORPUS = "corpus"  # a folder in that, where the training corpus is large; `.corpus` while it is written
NEXT = "replacement"
TEACHERS = "teachers"  # a folder of the seeds that teach a student, where they were trained for it
LABELS = "labels"  # a folder of texts that teachers labelled, see `training.distillation`
_WAYS_OUT = "or choose another --output"
_MAY_CHANGE = {
    ("training", "epochs"),
    ("training", "patience"),
    ("training", "eval_steps"),
    ("training", "workers"),
    ("training", "device"),
}


def has_run(directory: Path) -> bool:
    """Tell whether an unfinished run lies in a directory."""
    return (directory / CHECKPOINT / STATE).is_file()


def has_seeds(directory: Path) -> bool:
    """Tell whether there is a record of several seeds, or an unfinished run of some seed."""
    return (directory / files.SEEDS).is_file() or any(directory.glob(f"seed-*/{CHECKPOINT}"))


def has_labels(directory: Path) -> bool:
    """Tell whether texts lie there that were labelled for a student who hasn't learnt all of them."""
    return any((directory / LABELS).glob("*.safetensors"))


def is_finished(directory: Path) -> bool:
    """Tell whether a directory holds a model whose run has ended, or of which nothing says that it hasn't.

    A run that is under way removes the scores with its first model and writes its own at its end.
    """
    if not (directory / files.WEIGHTS).is_file() or has_run(directory):
        return False
    return (directory / files.SCORES).is_file() or not (directory / CHECKPOINT).is_dir()


def check(directory: Path, *, resume: bool, overwrite: bool, several: bool = False) -> None:
    """Refuse a directory that a run may not use, before the run reads anything; arguments as of `find_place`.

    Raises:
        DataError: something is there that may not be replaced, or another run is writing there.
    """
    if directory.is_dir() and launch.is_first():  # of several processes the others write nothing
        with files.locked(directory):
            find_place(directory, resume=resume, overwrite=overwrite, several=several)
        if has_labels(directory) and not (resume or overwrite):
            _refuse_found(directory, "an unfinished run")


def find_place(directory: Path, *, resume: bool, overwrite: bool, several: bool = False) -> Path:
    """Return where a run trains: the directory itself, or the folder below it where a model has to stay meanwhile.

    Args:
        directory: where the model goes.
        resume: go on with what is there; an unfinished run or a finished one.
        overwrite: what is there may be replaced.
        several: whether several seeds are trained, each in a folder of its own.

    Raises:
        DataError: something is there that may not be replaced, or is no run of this kind to go on with.
    """
    coming, has_model = directory / NEXT, (directory / files.WEIGHTS).is_file()
    _refuse_strangers(directory)
    if not resume:
        if not overwrite:
            _refuse(directory)
        return coming if has_model else directory
    place = coming if has_run(coming) or has_seeds(coming) else directory
    if overwrite and not _is_of_kind(place, several):
        return coming if has_model else directory
    _check_kind(directory, place, several)
    return place


def _refuse(directory: Path) -> None:
    """Refuse a directory with a model or an unfinished run."""
    found = "a finished model" if is_finished(directory) else ""
    if has_run(directory) or has_seeds(directory) or (directory / files.WEIGHTS).is_file():
        found = found or "an unfinished run"
    coming = directory / NEXT
    is_coming = has_run(coming) or has_seeds(coming)
    if is_coming:
        found = f"{found} and an unfinished run that is to replace it" if found else "an unfinished run"
    if found:
        _refuse_found(directory, found)


def _refuse_found(directory: Path, found: str) -> NoReturn:
    if "unfinished" in found:
        advice = "add --resume to go on with the run, --overwrite to start anew"
    else:
        advice = "add --overwrite to replace it"
    expected = "expected a directory without one"
    raise DataError(f"holds {found}, {expected}; {advice} {_WAYS_OUT}", directory)


def _refuse_strangers(directory: Path) -> None:
    """Refuse a directory with a file of somebody else's that a model's would replace.

    A card is not written where there is another one.
    """
    if (directory / files.WEIGHTS).exists() or (directory / CHECKPOINT).is_dir() or has_seeds(directory):
        return
    for name in (
        files.CONFIG,
        files.VOCAB,
        files.SCORES,
        files.HISTORY,
        files.CURVES,
        files.WORDS,
        files.PROFILE,
    ):
        if (directory / name).exists():
            raise DataError(
                f"holds {name} and no model, expected a directory whose files no model replaces; move the file away "
                f"{_WAYS_OUT}",
                directory,
            )


def _is_of_kind(place: Path, several: bool) -> bool:
    return has_seeds(place) == several or not (has_seeds(place) or has_run(place) or is_finished(place))


def _check_kind(directory: Path, place: Path, several: bool) -> None:
    """Refuse to go on with several seeds as if they were one run, or the other way round."""
    if _is_of_kind(place, several):
        return
    found, expected, option = (
        ("a run of a single seed", "one of several", "leave out --seeds")
        if several
        else ("a run of several seeds", "one of a single seed", "add --seeds")
    )
    raise DataError(
        f"holds {found}, expected {expected}; {option} to go on with it, --overwrite to start anew {_WAYS_OUT}",
        directory,
    )


def begin(place: Path) -> None:
    """Mark a place as that of a run that has begun.

    Raises:
        DataError: the directory can't be written.
    """
    try:
        (place / CHECKPOINT).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot be made: {error.strerror or error}", place / CHECKPOINT) from None


def discard_run(place: Path) -> None:
    """Remove the checkpoint of a run that has ended."""
    files.discard(place / CHECKPOINT / STATE)
    discard_corpus(place / CHECKPOINT)
    with suppress(OSError):
        (place / CHECKPOINT).rmdir()


def discard_corpus(checkpoint: Path) -> None:
    """Remove the files of an encoded training corpus, and what a kill left of them."""
    for name in (CORPUS, f".{CORPUS}"):
        shutil.rmtree(checkpoint / name, ignore_errors=True)


def discard_seeds(place: Path) -> None:
    """Remove the record of several seeds and what they left."""
    for each in place.glob("seed-*"):
        clear(each)
    files.discard(place / files.SEEDS)


def make_room(directory: Path, place: Path) -> None:
    """Remove the unfinished runs that a new one replaces; a model stays, marked as unfinished where it is."""
    clear(directory / NEXT)
    files.discard(directory / CHECKPOINT / STATE)
    discard_corpus(directory / CHECKPOINT)
    if place == directory:
        discard_seeds(directory)


def settle(directory: Path) -> None:
    """Let what a run made below a model take its place, in one rename; nothing where the run isn't done.

    A kill on the way is made good when this is called again.
    """
    coming = directory / NEXT
    if not is_finished(coming) or (has_seeds(coming) and (coming / CHECKPOINT).is_dir()):
        if not has_run(coming) and not has_seeds(coming):
            clear(coming)  # what a kill left behind
        return
    reports.copy_model(coming, directory)
    discard_run(directory)
    discard_seeds(directory)
    record = files.read_bounded(coming / files.SEEDS, 1 << 30)
    if record is not None:
        write_atomically(directory / files.SEEDS, record)
    clear(coming)


def clear(place: Path) -> None:
    """Remove a place where runs trained, if it is one; files of another's making stay, and the place with them."""
    if (place / files.WEIGHTS).is_file() or (place / CHECKPOINT).is_dir() or has_seeds(place):
        begin(place)  # a kill on the way leaves this mark, and what it left is removed another time
        discard_seeds(place)
        reports.discard_model(place)
        discard_run(place)
        with suppress(OSError):
            place.rmdir()


def check_settings(directory: Path, settings: bytes, tables: bytes) -> int:
    """See that a finished run was of these settings and tables; return for how many epochs it was asked.

    Raises:
        ModelError: it was of others, or the model is damaged.
    """
    found = files.read_belongings(directory)
    wanted, there = tomllib.loads(settings.decode()), _parse(directory, found[files.CONFIG])
    advice = f"give the same files and options again, add --overwrite to start anew {_WAYS_OUT}"
    if others := _differences(wanted, there):
        raise ModelError(
            f"holds a finished model of other settings ({', '.join(others[:3])}); {advice}", directory
        )
    if found[files.VOCAB] != tables:
        raise ModelError(f"holds a finished model of other training data; {advice}", directory)
    epochs = there.get("training", {}).get("epochs")
    if type(epochs) is not int:
        raise ModelError(
            "is not what training writes: training.epochs is no number", directory / files.CONFIG
        )
    return epochs


def _parse(directory: Path, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is not what training writes: {error}", directory / files.CONFIG) from None


def _differences(wanted: dict[str, Any], there: dict[str, Any]) -> list[str]:
    """Name the settings that differ; what an older version didn't write is as it is now."""
    found = []
    for name in sorted(wanted.keys() | there.keys()):
        one, other = wanted.get(name), there.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            found += [
                f"{name}.{field}"
                for field in sorted(one.keys() & other.keys())
                if one[field] != other[field] and (name, field) not in _MAY_CHANGE
            ]
        elif isinstance(one, dict) != isinstance(other, dict) or one != other:
            found.append(name)
    return found
