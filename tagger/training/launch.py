"""Whether a launcher started this process as one of several; without PyTorch, so that help stays instant.

`torchrun`, and whatever keeps to its environment variables, numbers the processes of a training over all machines
(RANK) and on this one (LOCAL_RANK).
"""

from __future__ import annotations

import os
from typing import NamedTuple

from tagger.errors import ConfigError


class Launch(NamedTuple):
    """One process among several.

    Attributes:
        rank: its number; 0 is the one that writes.
        local_rank: its number among those of this machine.
        size: how many processes there are.
        local_size: how many of them are on this machine.
    """

    rank: int
    local_rank: int
    size: int
    local_size: int


def find_launch() -> Launch | None:
    """Return which of several processes this is; None where it is alone.

    Raises:
        ConfigError: a variable of the environment is no number.
    """
    size, rank = _read("WORLD_SIZE", 1), _read("RANK", 0)
    if size < 2:
        return None
    return Launch(rank, _read("LOCAL_RANK", rank), size, _read("LOCAL_WORLD_SIZE", size))


def is_first() -> bool:
    """Tell whether this process writes files and talks: it is alone, or the first of several."""
    launch = find_launch()
    return launch is None or launch.rank == 0


def _read(name: str, default: int) -> int:
    value = os.environ.get(name, "")
    if value and not value.isdecimal():
        raise ConfigError(
            f"found {value!r}, expected a number, as torchrun sets it; unset it or mend it", name
        )
    return int(value) if value else default
