"""Write the corpora of this folder from the grammars beside it: the same bytes for the same seed.

    python data/make.py [FOLDER]

A grammar (`english.grammar`, `chinese.grammar`, `words.grammar`) is a table of symbols. This file knows how to read
such a table, to draw sentences from it and to keep the names of the three parts of a corpus apart; it knows no word
of any language.

The notation, one symbol and its alternatives a block:

    symbol:                     a symbol; `symbol !0.2:` makes its yield belong to one part of the corpus alone,
                                but for one draw in five (0.2), which takes a form of the training part
        *3 first alternative    an alternative, three times as likely as one without a weight
        a {b|c d|} e            one of the phrases in braces, the empty one included
        <other> <=other>        the yield of another symbol; what it yielded last in this sentence
        [PER <person>]          an entity of type PER; brackets inside brackets do not count
        <stem>~ville            two pieces glued to one token
        #1-31                   a whole number of that range
        %title                  the case of the whole sentence: title, upper or lower

A form belongs to a part by its checksum, so no list has to be divided by hand and an added name moves no other.
"""

from __future__ import annotations

import math
import random
import re
import sys
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

SEED = 20240611
SPLITS = {"train": range(6), "dev": range(6, 8), "test": range(8, 10)}  # the remainders of checksums by ten
SMALL_WORDS = frozenset(
    ("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "over", "the", "to", "with", "'s")
)
PIECE = re.compile(r"\s+|[{}|\]~]|\[[A-Z]+|<=?[\w.]+>|#\d+-\d+|%\w+|[^\s{}|\[\]<>~#%]+|[#%]")


class Language(NamedTuple):
    """How the sentences of one grammar become rows."""

    characters: bool  # a row is a character, not a word
    prefixes: str  # of the first, inner, last and only token of an entity; none: lines of `word/TAG`
    longest: int  # rows; longer sentences are drawn again
    sizes: dict[str, int]  # sentences of each part


LANGUAGES = {
    "english": Language(
        characters=False, prefixes="BIIB", longest=50, sizes={"train": 2400, "dev": 400, "test": 400}
    ),
    "chinese": Language(
        characters=True, prefixes="BMES", longest=80, sizes={"train": 1600, "dev": 400, "test": 400}
    ),
    "words": Language(
        characters=True, prefixes="", longest=80, sizes={"train": 1600, "dev": 400, "test": 400}
    ),
}


class Row(NamedTuple):
    """One token, and the entity it belongs to: its type and a number that sets it apart from its neighbour."""

    text: str
    type: str = ""
    entity: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """The alternatives of one symbol with their cumulated weights, and how often a foreign part may lend a form."""

    alternatives: list[list[Node]] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    lent: float | None = None  # None: the yield belongs to every part


class Node(NamedTuple):
    """A piece of an alternative: a `kind` of PIECE, its text, and for braces and brackets what they hold."""

    kind: str
    text: str
    inside: tuple[list[Node], ...] = ()


def read_grammar(path: Path) -> dict[str, Rule]:
    """Parse a grammar; a symbol that is used and never defined is an error."""
    rules: dict[str, Rule] = {}
    name = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip() or line.startswith("//"):
            continue
        if header := re.fullmatch(r"([\w.]+)(?: !(\d\.\d+))?:", line):
            name = header[1]
            if name in rules:
                raise ValueError(f"{path}:{number}: symbol {name} is defined twice")
            rules[name] = Rule(lent=None if header[2] is None else float(header[2]))
            continue
        weight = re.match(r"\s+\*(\d+(?:\.\d+)?) ", line)
        found = PIECE.findall(line[weight.end() :] if weight else line)
        pieces = deque(piece for piece in found if not piece.isspace())
        try:
            nodes = _parse(pieces)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
        total = rules[name].weights[-1] if rules[name].weights else 0.0
        rules[name].alternatives.append(nodes)
        rules[name].weights.append(total + (float(weight[1]) if weight else 1.0))
    _check_symbols(rules, path)
    return rules


def _parse(pieces: deque[str], closes: str = "") -> list[Node]:
    """Parse, and remove, all pieces up to one of those that close this level; to the end on the first level."""
    nodes: list[Node] = []
    while pieces and pieces[0] not in closes:
        piece = pieces.popleft()
        if piece == "{":
            choices = [_parse(pieces, "|}")]
            while _expect(pieces, "|}") == "|":
                choices.append(_parse(pieces, "|}"))
            nodes.append(Node("{", "", tuple(choices)))
        elif piece[0] == "[":
            nodes.append(Node("[", piece[1:], (_parse(pieces, "]"),)))
            _expect(pieces, "]")
        elif piece in "|}]":
            raise ValueError(f"{piece!r} closes nothing")
        elif piece[0] == "<":
            nodes.append(Node("<=" if piece[1] == "=" else "<", piece.strip("<=>")))
        elif len(piece) > 1 and piece[0] in "#%":
            nodes.append(Node(piece[0], piece[1:]))
        else:
            nodes.append(Node("~" if piece == "~" else "word", piece))
    return nodes


def _expect(pieces: deque[str], closes: str) -> str:
    if not pieces:
        raise ValueError(f"{closes[-1]!r} is missing")
    return pieces.popleft()


def _check_symbols(rules: dict[str, Rule], path: Path) -> None:
    """Refuse a symbol without a definition, and a definition that nothing uses."""
    used = {"sentence"}

    def visit(nodes: list[Node]) -> None:
        for node in nodes:
            if node.kind in ("<", "<="):
                used.add(node.text)
            for inner in node.inside:
                visit(inner)

    for rule in rules.values():
        for nodes in rule.alternatives:
            visit(nodes)
    if wrong := sorted(used.symmetric_difference(rules)):
        raise ValueError(f"{path}: used and not defined, or defined and not used: {', '.join(wrong)}")


class Sampler:
    """Draws sentences of one part of a corpus; its state is the generator and what the sentence has yielded."""

    def __init__(self, rules: dict[str, Rule], language: Language, split: str, seed: str) -> None:
        self.rules = rules
        self.language = language
        self.split = split
        self.draw = random.Random(seed).random  # the one method whose sequence Python promises to keep
        self.case = ""
        self.entities = 0
        self.yielded: dict[str, list[Row]] = {}
        self.taken: set[tuple[str, int]] = set()

    def sentence(self) -> list[Row]:
        """Draw one sentence."""
        self.case, self.entities = "", 0
        self.yielded.clear()
        self.taken.clear()
        rows = self._symbol("sentence")
        if self.language.characters:
            return [Row(char, row.type, row.entity) for row in rows for char in row.text]
        return _set_case(_set_articles(_drop_commas(rows)), self.case)

    def _symbol(self, name: str) -> list[Row]:
        rule = self.rules[name]
        parts = SPLITS[self.split if rule.lent is None or self.draw() >= rule.lent else "train"]
        while True:
            mark = self.draw() * rule.weights[-1]
            chosen = next(index for index, weight in enumerate(rule.weights) if mark < weight)
            rows = self._sequence(rule.alternatives[chosen])
            if rule.lent is None or self._take(name, _checksum(rows), parts):
                self.yielded[name] = rows
                return rows

    def _take(self, name: str, form: int, parts: range) -> bool:
        """Take a form for this sentence, if it belongs to one of the parts and isn't taken yet."""
        if form % 10 not in parts or (name, form) in self.taken:
            return False
        self.taken.add((name, form))
        return True

    def _sequence(self, nodes: list[Node]) -> list[Row]:
        rows: list[Row] = []
        glue = False
        for node in nodes:
            if node.kind == "~":
                glue = True
                continue
            more = self._node(node)
            if glue and rows and more:
                rows[-1] = rows[-1]._replace(text=rows[-1].text + more[0].text)
                more = more[1:]
            rows += more
            glue = False
        return rows

    def _node(self, node: Node) -> list[Row]:
        match node.kind:
            case "<":
                return self._symbol(node.text)
            case "<=":
                return self.yielded[node.text]
            case "{":
                return self._sequence(node.inside[int(self._skewed() * len(node.inside))])
            case "[":
                self.entities += 1
                number = self.entities
                return [Row(row.text, node.text, number) for row in self._sequence(node.inside[0])]
            case "#":
                low, high = map(int, node.text.split("-"))
                return [Row(str(low + int(self.draw() * (high - low + 1))))]
            case "%":
                self.case = node.text
                return []
        return [Row(node.text)]

    def _skewed(self) -> float:
        """Draw from [0, 1) with more below: of ten phrases the first comes 22 times in a hundred, the last 7.

        Words are not equally common. A square root is rounded alike everywhere; a power of 1.5 is not.
        """
        drawn = self.draw()
        return drawn * math.sqrt(drawn)


def _checksum(rows: list[Row]) -> int:
    """Return a number that depends on the text alone, and is the same on every machine."""
    return zlib.crc32(" ".join(row.text for row in rows).lower().encode("utf-8"))


def _drop_commas(rows: list[Row]) -> list[Row]:
    """Drop the comma that closes an apposition where another mark follows."""
    following = [row.text for row in rows[1:]] + ["."]
    return [
        row
        for row, after in zip(rows, following, strict=True)
        if row.text != "," or after not in {*",.?!;:)"}
    ]


def _set_articles(rows: list[Row]) -> list[Row]:
    """Turn `a` into `an` before a vowel."""
    following = [row.text for row in rows[1:]] + ["."]
    return [
        row._replace(text="an")
        if row.text == "a" and re.match("[aeio]|u[^ns]|8|1[18]$", after.lower())
        else row
        for row, after in zip(rows, following, strict=True)
    ]


def _set_case(rows: list[Row], case: str) -> list[Row]:
    """Apply the sentence's case; without one, the first letter becomes a capital."""
    texts = [row.text for row in rows]
    if case == "upper":
        texts = [text.upper() for text in texts]
    elif case == "lower":
        texts = [text.lower() for text in texts]
    elif case == "title":
        texts = [text if text in SMALL_WORDS else text[:1].upper() + text[1:] for text in texts]
    if case != "lower":
        first = next((index for index, text in enumerate(texts) if text[0].isalnum()), 0)
        texts[first] = texts[first][:1].upper() + texts[first][1:]
    return [row._replace(text=text) for row, text in zip(rows, texts, strict=True)]


def to_tags(rows: list[Row], prefixes: str) -> list[str]:
    """Write the tag of every row; `prefixes` mark the first, an inner, the last and an only token."""
    numbers = [0, *(row.entity for row in rows), 0]
    tags = []
    for before, row, after in zip(numbers, rows, numbers[2:], strict=False):
        starts, ends = before != row.entity, row.entity != after
        prefix = prefixes[3 if starts and ends else 0 if starts else 2 if ends else 1]
        tags.append(f"{prefix}-{row.type}" if row.type else "O")
    return tags


def draw_corpus(folder: Path, name: str, seed: int = SEED) -> Iterator[tuple[str, list[list[Row]]]]:
    """Yield the parts of a corpus in turn: no sentence twice, in one part or in two."""
    rules = read_grammar(folder / f"{name}.grammar")
    language = LANGUAGES[name]
    seen: set[str] = set()
    for split, size in language.sizes.items():
        sampler = Sampler(rules, language, split, f"{seed} {name} {split}")
        sentences: list[list[Row]] = []
        while len(sentences) < size:
            rows = sampler.sentence()
            text = " ".join(row.text for row in rows)
            if len(rows) <= language.longest and text not in seen:
                seen.add(text)
                sentences.append(rows)
        yield split, sentences


def to_columns(sentences: list[list[Row]], prefixes: str) -> str:
    """Write a row a line, its text and its tag, and an empty line between sentences."""
    return "\n".join(
        "".join(f"{row.text} {tag}\n" for row, tag in zip(rows, to_tags(rows, prefixes), strict=True))
        for rows in sentences
    )


def to_lines(sentences: list[list[Row]]) -> str:
    """Write a sentence a line, every entity of it as `word/TAG`."""
    lines = (
        " ".join(
            "".join(row.text for row in word) + f"/{tag}"
            for (_, tag), word in groupby(rows, key=lambda row: (row.entity, row.type))
        )
        for rows in sentences
    )
    return "".join(f"{line}\n" for line in lines)


def main(target: Path) -> None:
    """Write `target/NAME/{train,dev,test}.conll` for every language, `.pos` where its form is lines of words."""
    for name, language in LANGUAGES.items():
        for split, sentences in draw_corpus(Path(__file__).parent, name):
            path = target / name / f"{split}.{'conll' if language.prefixes else 'pos'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            text = to_columns(sentences, language.prefixes) if language.prefixes else to_lines(sentences)
            path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
