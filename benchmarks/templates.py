"""What CRFsuite is told: its penalties, and of each token attributes, by pure functions of strings.

The template is the one of the CRFsuite tutorials: words in a window of two to either side, affixes, shapes and pairs
of neighbours; for Chinese the characters of the same window and their bigrams.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

PENALTIES = {"c1": 0.1, "c2": 0.01, "max_iterations": 150, "feature.possible_transitions": True}
Template = Callable[[Sequence[str]], list[list[str]]]


def describe_words(tokens: Sequence[str]) -> list[list[str]]:
    """List the attributes of every token of a sentence of words."""
    words = [token.lower() for token in tokens]
    shapes = [_shape(token) for token in tokens]
    rows = []
    for t, (token, word) in enumerate(zip(tokens, words, strict=True)):
        row = ["bias", f"w={token}", f"l={word}", f"s={shapes[t]}"]
        row += [f"p{n}={word[:n]}" for n in (1, 2, 3, 4) if len(word) > n]
        row += [f"e{n}={word[-n:]}" for n in (1, 2, 3, 4) if len(word) > n]
        row += [
            f"{name}:{values[t + offset]}"
            for offset, name, values in _named(words, shapes)
            if 0 <= t + offset < len(tokens)
        ]
        row.append(f"-1|0={words[t - 1]}|{word}" if t else "first")
        row.append(f"0|1={word}|{words[t + 1]}" if t + 1 < len(words) else "last")
        row.append(f"s3={'|'.join(shapes[max(0, t - 1) : t + 2])}")
        rows.append(row)
    return rows


def _named(words: list[str], shapes: list[str]) -> list[tuple[int, str, list[str]]]:
    """Name the neighbours' attributes: words two to either side, shapes and endings one."""
    endings = [word[-3:] for word in words]
    return [(offset, f"l{offset}", words) for offset in (-2, -1, 1, 2)] + [
        (offset, f"{name}{offset}", values)
        for name, values in (("s", shapes), ("e", endings))
        for offset in (-1, 1)
    ]


def _shape(token: str) -> str:
    """Write A for capitals, a for small letters, 0 for digits, runs cut to two: `McDonald 's` -> `AaAaa 'a`."""
    shape = ""
    for char in token:
        kind = "A" if char.isupper() else "a" if char.islower() else "0" if char.isdigit() else char
        if not shape.endswith(kind * 2):
            shape += kind
    return shape


def describe_characters(tokens: Sequence[str]) -> list[list[str]]:
    """List the attributes of every token of a sentence of characters: the window, its bigrams, the middle trigram."""
    padded = ["<<", "<", *tokens, ">", ">>"]
    rows = []
    for t, char in enumerate(tokens):
        a, b, _, d, e = padded[t : t + 5]
        kind = (
            "0"
            if char.isdigit()
            else "A"
            if char.isascii() and char.isalpha()
            else ""
            if char.isalnum()
            else "."
        )
        rows.append(
            [
                *("bias", f"k={kind}", f"-2={a}", f"-1={b}", f"0={char}", f"1={d}", f"2={e}"),
                *(f"-2-1={a}{b}", f"-10={b}{char}", f"01={char}{d}", f"12={d}{e}", f"-11={b}{d}"),
                f"-101={b}{char}{d}",
            ]
        )
    return rows
