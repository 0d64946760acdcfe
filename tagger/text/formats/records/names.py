"""Names of tags that are numbers, as data sets of Hugging Face have them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagger.text.files import FilePath
from tagger.text.formats.records.place import Place

NAMING_KEYS = ("id2label", "names", "label_names", "features")
_DESCRIPTION = "dataset_info.json"  # `datasets` writes it beside a data set
_INNER = ("feature", "type", "sequence", "class_label")  # keys of a feature's description with another inside


class TagNames:
    """The names that a file, or the description beside it, gives to numbers.

    Args:
        path: of the file.
        asked_for: names in the order of their numbers; they come before all others.
    """

    def __init__(self, path: FilePath, asked_for: Sequence[str]) -> None:
        self._beside = Path(path).with_name(_DESCRIPTION)
        self._asked_for = tuple(asked_for)
        self._described: Any = None
        self.source: str | None = None  # where names were found that the file doesn't hold itself

    def name(self, numbers: Sequence[int], key: str, record: Mapping[str, Any], place: Place) -> list[str]:
        """Return the names of the numbers under a key.

        Raises:
            DataError: there are none, or too few.
        """
        names = self._asked_for or _find_in(record, key) or self._find_beside(key)
        if not names:
            raise place.fault(
                f"found numbers under {key!r}, expected the names of tags; name them in the order of their numbers "
                "with --tag-names O,B-PER,..."
            )
        wrong = next((number for number in numbers if not 0 <= number < len(names)), None)
        if wrong is not None:
            expected = f"expected a number below {len(names)}"
            raise place.fault(f"found the tag {wrong}, {expected}: so many are named")
        return [names[number] for number in numbers]

    def _find_beside(self, key: str) -> tuple[str, ...]:
        if self._described is None:
            try:
                self._described = json.loads(self._beside.read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError):
                self._described = {}
        described = self._described if isinstance(self._described, dict) else {}
        names = _find_in(described, key)
        if names:
            self.source = str(self._beside)
        return names


def _find_in(record: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the names that a record, or what stands around it, gives to the numbers under a key."""
    features = record.get("features")
    if isinstance(features, list):  # as the API of the hub has them
        features = {each.get("name"): each for each in features if isinstance(each, dict)}
    feature = features.get(key) if isinstance(features, dict) else None
    while isinstance(feature, dict):
        names = _as_names(feature.get("names"))
        if names:
            return names
        feature = next((feature[each] for each in _INNER if isinstance(feature.get(each), dict)), None)
    plain = (_as_names(record.get(each)) for each in NAMING_KEYS if each != "features")
    return next(filter(None, plain), ())


def _as_names(value: Any) -> tuple[str, ...]:
    """Return a list of names, or an object `{"0": name}`, as a tuple; an empty one where it is neither.

    >>> _as_names({"1": "B-PER", "0": "O"}), _as_names(["O", 1])
    (('O', 'B-PER'), ())
    """
    if isinstance(value, dict):
        value = [value.get(str(number)) for number in range(len(value))]
    is_list = isinstance(value, list) and all(isinstance(name, str) and name.strip() for name in value)
    return tuple(value) if is_list else ()
