"""What a model meets beside what it was scored on: whether its scores still say what it is worth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from tagger.api.sources import FilePath, describe_value, load
from tagger.errors import ConfigError, DataError
from tagger.runtime.directory import PROFILE
from tagger.runtime.profiling import Observer
from tagger.runtime.questions import Question
from tagger.runtime.reports import read_profiles_of
from tagger.runtime.tagger import Tagger
from tagger.runtime.workers import Answer, answer
from tagger.scoring.drift import THRESHOLD, Drift, compare_profiles
from tagger.scoring.profile import Profile, read_profiles
from tagger.text.passages import Event, split_text
from tagger.text.raw import InputSettings

Texts = str | Iterable[str] | Profile
"""A text, several, or what was counted of some before."""

_MOST_BYTES = 1 << 24  # of a file with a profile; a larger one holds text
_QUESTION = Question(expected_spans=True)


def drift(
    model: Tagger | FilePath,
    texts: Texts,
    reference: Texts | None = None,
    *,
    threshold: float = THRESHOLD,
    language: str = "en",
) -> Drift:
    """Compare what a model meets with what it was scored on; no gold labels are needed.

    Args:
        model: a tagger, or its directory.
        texts: what it meets: raw text, as `Tagger.predict` takes it, or a profile.
        reference: what it is compared with; None: the profile of test beside the model, of dev where there is none.
        threshold: from which population stability index on something has moved.
        language: of the texts, as of `Tagger.predict`.

    Raises:
        DataError: there is no text; a profile is another model's.
        ModelError: the model is at fault, or nothing tells what it was scored on.
        ConfigError: an argument is not what it should be.

    >>> found = drift("models/english", ["Ada met Li in Paris.", "It rained."])  # doctest: +SKIP
    >>> found.verdict, found.now.expected_f1  # doctest: +SKIP
    (<Verdict.UNCLEAR: 'too little text to tell'>, 0.912)
    """
    check_threshold(threshold, "threshold")
    tagger = model if isinstance(model, Tagger) else load(model)
    if reference is None:
        name, known = read_own_profile(tagger)
    else:
        name, known = "reference", _find_profile(tagger, reference, language, "reference")
    now = _find_profile(tagger, texts, language, "texts")
    return compare(tagger, now, known, name, threshold)


def compare(tagger: Tagger, now: Profile, reference: Profile, name: str, threshold: float) -> Drift:
    """Compare two profiles of a model.

    Raises:
        DataError: one of them is of no text, or of another model.
    """
    for profile, place in ((reference, name), (now, "the input")):
        if not profile.tokens:
            raise DataError(f"{place}: found no text, expected some to compare")
        strange = sorted(profile.types.keys() - set(tagger.types))
        if strange:
            found = f"found spans of the type {strange[0]!r}, which this model doesn't know"
            raise DataError(f"{place}: {found}; expected a profile of this model's own answers")
    return compare_profiles(reference, now, name, threshold)


def profile_events(tagger: Tagger, events: Iterable[Event], workers: int = 1) -> Profile:
    """Label passages as they come, in bounded memory, and return what was met and said.

    Args:
        tagger: labels them.
        events: passages, and pauses of the input.
        workers: processes that label.
    """
    return profile_answers(tagger, answer_events(tagger, events, workers))


def answer_events(tagger: Tagger, events: Iterable[Event], workers: int = 1) -> Iterator[Answer | None]:
    """Yield the answers to passages from which profiles are made, and None where the input pauses."""
    return answer(tagger, events, _QUESTION, workers=workers)


def profile_answers(tagger: Tagger, answers: Iterable[Answer | None]) -> Profile:
    """Return what was met and said in such answers."""
    observer = Observer(tagger.model)
    for found in answers:
        if found is not None:
            assert not isinstance(found.content, str)
            observer.add(found.content)
    return observer.profile


def read_own_profile(tagger: Tagger) -> tuple[str, Profile]:
    """Return the part on which a model was scored, test or else dev, and its profile.

    Raises:
        ModelError: nothing beside the model tells.
    """
    if tagger.directory is None:
        raise ConfigError("is missing, and a tagger without a directory has no profile", "reference")
    found = read_profiles_of(tagger.directory)
    name = "test" if "test" in found else "dev"
    return name, found[name]


def read_profile(path: FilePath) -> tuple[str, Profile] | None:
    """Return the profile that a file or a model's directory holds, and what to call it; None where it holds text.

    It may be a model's profile.json or what `tagger drift --json` printed, whose `now` is meant.

    Raises:
        DataError: it should be such an object, and is damaged.
    """
    place = Path(path)
    if place.is_dir() and (place / PROFILE).is_file():
        place /= PROFILE
    facts = _read_object(place)
    if facts is None or "schema" not in facts or not facts.keys() & {"now", "dev"}:
        return None
    try:
        if "now" in facts:
            return str(path), Profile.from_dict(facts["now"])
        parts = read_profiles(facts)
    except ValueError as error:
        raise DataError(f"is no profile as tagger writes them: {error}", place) from None
    name = "test" if "test" in parts else "dev"
    return f"{path} ({name})", parts[name]


def check_threshold(value: float, name: str) -> None:
    """Raise ConfigError where a threshold is no number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigError(f"found {describe_value(value)}, expected a number above 0", name)


def _read_object(place: Path) -> dict[str, Any] | None:
    """Return the one object of JSON that a file of moderate size holds; None where it holds something else."""
    with suppress(OSError, ValueError, RecursionError):
        if place.is_file() and place.stat().st_size <= _MOST_BYTES:
            with place.open("rb") as file:
                if file.read(64).lstrip().startswith(b"{"):
                    file.seek(0)
                    found = json.loads(file.read())
                    return found if isinstance(found, dict) else None
    return None


def _find_profile(tagger: Tagger, texts: Texts, language: str, name: str) -> Profile:
    if isinstance(texts, Profile):
        return texts
    several = [texts] if isinstance(texts, str) else texts
    if isinstance(several, bytes) or not isinstance(several, Iterable):
        raise ConfigError(f"found {describe_value(texts)}, expected texts or a profile", name)

    def checked(text: object) -> str:
        if not isinstance(text, str):
            raise ConfigError(f"found {describe_value(text)}, expected a text", name)
        return text

    reading = InputSettings(language=language, known_abbreviations=tagger.known_abbreviations)
    passages = (
        split_text(str(number), checked(text), reading, tagger.scope) for number, text in enumerate(several)
    )
    return profile_events(tagger, chain.from_iterable(passages))
