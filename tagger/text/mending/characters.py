"""Letters of one alphabet that look like those of another, and characters that can't be seen.

A short list of what keyboards and text recognition do mix up, not that of Unicode (UTS 39), which has hundreds that
are meant where they stand: a Greek letter that begins a unit, `μm`, is no slip. So a word is mended only where it has
letters of both alphabets, and all of those in the minority are on the list.
"""

from __future__ import annotations

import re
import unicodedata

_LATIN = "AaBCcEeHIiJjKMOoPpSsTXxYy"
_CYRILLIC = "АаВСсЕеНІіЈјКМОоРрЅѕТХхУу"
_LATIN_OF_GREEK, _GREEK = "ABEZHIKMNOPTYXo", "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο"

_TO_LATIN = str.maketrans(_CYRILLIC + _GREEK, _LATIN + _LATIN_OF_GREEK)
_TO_OTHER = {
    "cyrillic": str.maketrans(_LATIN, _CYRILLIC),
    "greek": str.maketrans(_LATIN_OF_GREEK, _GREEK),
}
_ALPHABETS = {
    "latin": re.compile("[A-Za-zÀ-ÖØ-öø-ɏ]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "greek": re.compile("[\u0370-\u03ff]"),
}
_TWINS = {
    "latin": frozenset(_CYRILLIC + _GREEK),
    "cyrillic": frozenset(_LATIN),
    "greek": frozenset(_LATIN_OF_GREEK),
}
_FOREIGN = re.compile("[\u0370-\u052f]")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–—―−˗⁃﹣－", "-"))


def mend_word(word: str) -> str:
    """Return a word with all its letters of one alphabet, if the others only look like them; else as it is.

    >>> mend_word("Pаris"), mend_word("Mосква"), mend_word("μm")  # with a Cyrillic `а`, with a Latin `M`
    ('Paris', 'Москва', 'μm')
    """
    if word.isascii() or not _FOREIGN.search(word):
        return word
    counts = {name: len(letters.findall(word)) for name, letters in _ALPHABETS.items()}
    present = [name for name, count in counts.items() if count]
    if len(present) != 2:
        return word
    first, second = sorted(present, key=lambda name: -counts[name])
    if counts[first] == counts[second] or "latin" not in present:
        return word
    strange = _ALPHABETS[second].findall(word)
    if not _TWINS[first].issuperset(strange):
        return word
    table = _TO_LATIN if first == "latin" else _TO_OTHER[first]
    strangers = set(strange)
    return "".join(char.translate(table) if char in strangers else char for char in word)


def mend_tag(tag: str) -> str:
    """Return a tag in the characters that tags are made of: no letter that only looks Latin, nothing unseen.

    >>> mend_tag("В–РЕR\u200b"), mend_tag("Ｂ-ＰＥＲ")  # Cyrillic, a dash, a character without width; full width
    ('B-PER', 'B-PER')
    """
    if tag.isascii():
        return tag
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", tag).translate(_HYPHENS)).strip()
    latin = plain.translate(_TO_LATIN)
    return latin if latin.isascii() else plain
