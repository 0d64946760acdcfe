"""What tells of a model beside it: scores, history, card, training words, profile; none is needed to label.

They may come from a stranger, or be spoilt by hand. What reads them here returns what training writes, or says what
is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.errors import ModelError
from tagger.runtime import directory as files
from tagger.runtime.directory import CARD, CURVES, HISTORY, PROFILE, SCORES, SEEDS, WORDS
from tagger.text.objects import VERSIONS, describe, dump_json
from tagger.text.output import encode_text, write_atomically

if TYPE_CHECKING:
    from tagger.scoring.profile import Profile

_REPORTS = (SCORES, HISTORY, CURVES, CARD, WORDS, PROFILE)
_CARD_TITLE = b"made with tagger"  # ends the first line of every card that has no front matter
_FRONT_MATTER = b"---\nlibrary_name: tagger\n"  # begins every other one
_MOST_SCORES = 1 << 26  # bytes: four numbers of each of a hundred thousand types, on dev and on test
_MOST_PROFILE = 1 << 24  # bytes: counts of a hundred thousand types, on dev and on test
_MOST_HISTORY = 1 << 30  # bytes: a thousand measurements of a megabyte
_MOST_WORDS = 1 << 26  # bytes: several million words, more than any corpus of a language has
_SCORE = ("precision", "recall", "f1", "support")
_LONGEST = 1e12  # seconds of an epoch
_MOST_EPOCHS = 1e6


def read_scores(directory: Path) -> dict[str, Any] | None:
    """Return what `scores.json` of a labeller says of dev and test; None where there is no such file.

    Raises:
        ModelError: it isn't what training writes.
    """
    path = directory / SCORES
    content = files.read_bounded(path, _MOST_SCORES)
    if content is None:
        return None
    found = _parse(content)
    if isinstance(found, dict):
        found = {name: part for name, part in found.items() if name not in VERSIONS}
    if not isinstance(found, dict) or not all(map(_are_scores, found.values())):
        raise ModelError(
            "is not what training writes; run `tagger evaluate` for scores, or remove the file", path
        )
    return found


def read_history(directory: Path) -> list[dict[str, Any]]:
    """Return what `history.jsonl` says of each measurement; nothing where there is no such file, or an empty one.

    A measurement is of an epoch's end, or with `eval_steps` of some steps within one.

    Raises:
        ModelError: it isn't what training writes.
    """
    path = directory / HISTORY
    content = files.read_bounded(path, _MOST_HISTORY)
    lines = [_parse(line) for line in content.removesuffix(b"\n").split(b"\n")] if content else []
    if not all(map(_is_epoch, lines)) or not _are_in_order(lines):
        raise ModelError("is not what training writes; remove the file to do without it", path)
    return lines


def best_epoch(epochs: list[dict[str, Any]]) -> float:
    """Return where the model that is kept was measured, in epochs; 0 where there is none."""
    return max((each["epoch"] for each in epochs if each.get("kept", each["improved"])), default=0)


def find_dev_f1(directory: Path) -> float | None:
    """Return the F1 on dev that training wrote down; None where it can't be read, which harms no labelling."""
    with suppress(ModelError, KeyError):
        return float((read_scores(directory) or {})["dev"]["micro"]["f1"])
    return None


def find_epoch_f1(directory: Path, epoch: float) -> float | None:
    """Return the F1 on dev of an epoch's model with all its names; None where it can't be read."""
    with suppress(ModelError, KeyError, TypeError):
        for line in read_history(directory):
            if line["epoch"] == epoch:
                return float(line["dev"]["micro"]["f1"])
    return None


def write_words(directory: Path, words: AbstractSet[str] | None) -> None:
    """Write the words that training had, a line each, for scores of words that are new to the model.

    There is no file where nobody knows them all, nor one of more bytes than are ever read.
    """
    content = encode_text("".join(f"{word}\n" for word in sorted(words or ()) if "\n" not in word))
    if words is None or len(content) > _MOST_WORDS:
        files.discard(directory / WORDS)
    else:
        write_atomically(directory / WORDS, content)


def read_words(directory: Path) -> frozenset[str] | None:
    """Return the words that training had; None where the directory doesn't say.

    Raises:
        ModelError: the file isn't what training writes.
    """
    path = directory / WORDS
    content = files.read_bounded(path, _MOST_WORDS)
    if content is None:
        return None
    try:
        return frozenset(content.decode().removesuffix("\n").split("\n")) - {""}
    except UnicodeDecodeError:
        raise ModelError(
            "is not what training writes; give the training corpus (`--train`), or remove the file", path
        ) from None


def write_profiles(directory: Path, profiles: Mapping[str, Profile]) -> None:
    """Write the profiles of dev and of test, with which `tagger drift` compares what the model meets."""
    found = {part: profile.as_dict() for part, profile in profiles.items()}
    write_atomically(directory / PROFILE, dump_json(describe("profile", found), indent=2).encode() + b"\n")


def read_profiles_of(directory: Path) -> dict[str, Profile]:
    """Return the profiles of dev and, where there was one, of test.

    Raises:
        ModelError: there is no such file, as beside a model of an earlier version, or it isn't what training writes.
    """
    from tagger.scoring.profile import read_profiles  # what labels never asks for

    path = directory / PROFILE
    content = files.read_bounded(path, _MOST_PROFILE)
    advice = "give --reference FILE: text such as the model was scored on, or a profile"
    if content is None:
        raise ModelError(
            f"is missing, since an earlier version of tagger trained this model or none did; {advice}", path
        )
    try:
        return read_profiles(_parse(content))
    except ValueError as error:
        raise ModelError(f"is not what training writes: {error}; {advice}", path) from None


def copy_model(source: Path, target: Path) -> None:
    """Put a finished model of any kind, and what tells of it, in the place of those in another directory.

    The model takes its place in one step, what tells of it follows.
    """
    files.copy_model(source, target)
    for name in _REPORTS:
        path = source / name
        content = files.read_bounded(path, _MOST_HISTORY)
        if name == CARD and not is_card(target / name):
            continue
        if content is None:
            files.discard(target / name)
        else:
            write_atomically(target / name, content)


def discard_reports(directory: Path) -> None:
    """Remove the scores and the card of the model that was here before."""
    for name in (SCORES, CARD, SEEDS, WORDS, PROFILE):
        if name != CARD or is_card(directory / name):
            with suppress(OSError):
                (directory / name).unlink()


def discard_model(directory: Path) -> None:
    """Remove a model directory; where it holds files of another's making, those and it stay."""
    files.discard_model(directory)
    for name in _REPORTS:
        if name != CARD or is_card(directory / name):
            files.discard(directory / name)
    with suppress(OSError):
        directory.rmdir()


def write_card(directory: Path, text: str) -> None:
    """Write the model card, unless a file of that name is somebody else's."""
    if is_card(directory / CARD):
        write_atomically(directory / CARD, encode_text(text))


def read_card(text: str) -> str:
    """Return what a person reads of a card: without the front matter, which is for other programs.

    >>> read_card("---\\nlibrary_name: tagger\\n---\\n# A model\\n")
    '# A model\\n'
    """
    _, end, body = text.removeprefix("---\n").partition("\n---\n")
    return body.lstrip("\n") if end and text.startswith("---\n") else text


def is_card(path: Path) -> bool:
    """Tell whether a card may be written or removed here: nothing is here yet, or a card is."""
    try:
        with path.open("rb") as file:
            beginning = file.readline(200) + file.readline(200)
            first = beginning.partition(b"\n")[0]
            return beginning == _FRONT_MATTER or first.rstrip().endswith(_CARD_TITLE)
    except OSError:
        return not path.exists()


def _parse(content: bytes) -> Any:
    """Return a JSON value, or None where there is none or it holds a number that JSON doesn't have."""
    try:
        return json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> None:
    raise ValueError(name)


def _are_scores(part: object) -> bool:
    """Tell whether a part of the scores has what is shown of it; numbers are fractions and counts."""
    if not isinstance(part, Mapping) or not isinstance(part.get("micro"), Mapping):
        return False
    words = part.get("words", {})
    if not isinstance(words, Mapping) or not all(each is None or _is_number(each) for each in words.values()):
        return False
    return all(_is_number(part["micro"].get(name)) for name in _SCORE) and _is_finite(part)


def _is_finite(value: object) -> bool:
    """Tell whether all numbers in a JSON value could be what training measures; it may be nested ever so deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif type(each) in (int, float) and not _is_number(each):
            return False
    return True


def _are_in_order(lines: list[dict[str, Any]]) -> bool:
    """Tell whether epochs follow each other: one by one, or in any steps where steps were measured."""
    places = [line["epoch"] for line in lines]
    if not any("step" in line for line in lines):
        return all(type(place) is int for place in places) and places == list(range(1, len(lines) + 1))
    return places == sorted(places) and all(place > 0 for place in places)


def _is_epoch(line: object) -> bool:
    """Tell whether a line has what is shown of a measurement; what isn't finite was written as null."""
    return (
        isinstance(line, Mapping)
        and _is_number(line.get("epoch"), _MOST_EPOCHS)
        and type(line.get("step", 0)) is int
        and type(line.get("kept", line.get("improved"))) is bool
        and type(line.get("improved")) is bool
        and _is_number(line.get("seconds"), _LONGEST)
        and all(_is_number(line[name] or 0) for name in ("loss", "perplexity") if name in line)
        and _is_finite(line)
    )


def _is_number(value: object, most: float = 1e308) -> bool:
    return type(value) in (int, float) and -most < value < most  # type: ignore[operator]
