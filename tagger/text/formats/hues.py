"""The colour of a type: the same on every page, in a notebook and in brat, today and tomorrow.

It follows from the name alone. A writer that streams can't know which types are still to come, and two pages beside
each other, or two runs, shall not call the same type blue and green.
"""

from __future__ import annotations

import colorsys
import zlib

# Degrees on the circle of HSL, which has many greens that look alike: steps that look about as wide as each other.
_ANCHORS = (45, 70, 120, 160, 185, 205, 230, 265, 295, 330, 360, 385)
HUES = tuple(
    round(start + (end - start) * part / 3) % 360
    for start, end in zip(_ANCHORS, (*_ANCHORS[1:], 405), strict=True)
    for part in range(3)
)

# Of millions this one parts the types of usual tag sets best (CoNLL-2003, MUC, W-NUT, those of data/): those of one
# set stand at least half as far apart as so many could. Others may meet: a type's name stands beside its colour.
SALT = 526_344


def find_hue(type_: str) -> int:
    """Return the hue of a type in degrees, one of `HUES`.

    >>> find_hue("PER"), find_hue("LOC"), find_hue("ORG"), find_hue("MISC")
    (17, 295, 213, 53)
    """
    return HUES[zlib.crc32(type_.encode("utf-8", "surrogatepass"), SALT) % len(HUES)]


def find_colour(type_: str) -> str:
    """Return a light colour in the hue of a type, on which black letters are read well.

    >>> find_colour("PER")
    '#f5ccbc'
    """
    red, green, blue = colorsys.hls_to_rgb(find_hue(type_) / 360, 0.85, 0.75)
    return "#" + "".join(f"{round(255 * part):02x}" for part in (red, green, blue))
