"""A packaged spaCy model as the teacher of a student: how near the student comes, how fast and how small it is.

    python benchmarks/silver.py TEXT... --output DIR [--teacher en_core_web_sm] [--seeds 1] [--variants 3]

The last tenth of the documents of each TEXT (what blank lines separate) is never learnt from: teacher and student are
compared on it, span by span, by characters. The twentieth before it is dev. The rest is labelled by the teacher, and
`tagger distill --silver` learns that. What a teacher says of any text is free, so that it may also label `--variants`
of each document: half of its capitalised words and numbers, and a tenth of its other words, replaced by others of the
same documents. Everything lies below DIR; what is there isn't labelled or trained again.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import spacy
import torch
from spacy.language import Language

import tagger

ROUNDS = 5  # of the measurement of speed, teacher and student turn about
_WORD = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?|\d(?:[\d.,]*\d)?")
_ENDS = ".!?:\n"  # behind which capital letters say little

Labels = set[tuple[int, str, int, int]]  # document, type, first character, the one behind the last


class Parts(NamedTuple):
    """Documents to learn from, to choose by, and to compare on."""

    train: list[str]
    dev: list[str]
    test: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--teacher", default="en_core_web_sm")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--variants", type=int, default=3)
    parser.add_argument("--more", type=Path, nargs="*", default=[], help="further texts to learn from, whole")
    parser.add_argument("--distill", default="", help="options of `tagger distill`, in one string")
    given = parser.parse_args()
    torch.set_num_threads(1)  # the teacher's, where it has a network in PyTorch
    teacher = load_teacher(given.teacher)
    parts = read_parts(given.texts)
    for path in given.more:
        parts.train.extend(split_documents(path))
    given.output.mkdir(parents=True, exist_ok=True)
    silver = [write_labels(teacher, parts.train, given.output / "train.jsonl")]
    if given.variants:
        variants = make_variants(parts.train, given.variants)
        silver.append(write_labels(teacher, variants, given.output / "variants.jsonl"))
    dev = write_labels(teacher, parts.dev, given.output / "dev.jsonl")
    gold = read_labels(write_labels(teacher, parts.test, given.output / "test.jsonl"))
    print(f"{len(parts.train)} documents to learn from, {len(parts.dev)} dev, {len(parts.test)} test")
    students = []
    for seed in given.seeds:
        place = given.output / f"student-{seed}"
        seconds = train(silver, dev, place, seed, given.distill.split())
        students.append(tagger.load(place))
        found = label(students[-1], parts.test)
        print(f"seed {seed}: trained in {seconds:.0f} s")
        print_agreement(gold, found)
    print_speed(teacher, students[0], parts.test)
    size = sum(each.stat().st_size for each in needed_files(given.output / f"student-{given.seeds[0]}"))
    print(f"size: teacher {teacher_bytes(teacher) / 1e6:.1f} MB, student {size / 1e6:.1f} MB")


def load_teacher(name: str) -> Language:
    """Load a pipeline with what its entities need, and nothing else."""
    whole = spacy.load(name)
    listens = any(node.name == "tok2vec-listener" for node in whole.get_pipe("ner").model.walk())
    needed = {"ner", "tok2vec", "transformer"} if listens else {"ner"}
    return spacy.load(name, exclude=[each for each in whole.component_names if each not in needed])


def read_parts(paths: Sequence[Path]) -> Parts:
    """Cut the documents of each file into the three parts."""
    parts = Parts([], [], [])
    for path in paths:
        documents = split_documents(path)
        dev, test = len(documents) * 85 // 100, len(documents) * 9 // 10
        parts.train.extend(documents[:dev])
        parts.dev.extend(documents[dev:test])
        parts.test.extend(documents[test:])
    return parts


def split_documents(path: Path) -> list[str]:
    """Return what blank lines separate in a file, or in the files of a folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    texts = (each.read_text(encoding="utf-8", errors="replace") for each in files)
    return [each for text in texts for each in re.split(r"\n\s*\n", text) if each.strip()]


def write_labels(teacher: Language, documents: Iterable[str], path: Path) -> Path:
    """Let the teacher label documents: a JSON object a line."""
    if path.exists():
        return path
    began, tokens, partial = time.perf_counter(), 0, path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as stream:
        for document in teacher.pipe(documents):
            spans = [
                {"start": each.start_char, "end": each.end_char, "label": each.label_}
                for each in document.ents
            ]
            stream.write(json.dumps({"text": document.text, "spans": spans}) + "\n")
            tokens += len(document)
    partial.replace(path)
    print(f"{path.name}: {tokens:,} tokens labelled in {time.perf_counter() - began:.0f} s", flush=True)
    return path


def read_labels(path: Path) -> Labels:
    """Return what the teacher said of each document."""
    with path.open(encoding="utf-8") as stream:
        records = [json.loads(line) for line in stream]
    return {
        (number, span["label"], span["start"], span["end"])
        for number, record in enumerate(records)
        for span in record["spans"]
    }


def make_variants(documents: Sequence[str], count: int) -> Iterator[str]:
    """Yield each document so often with other names, numbers and words in places drawn at random."""
    draw = Random(7)
    kinds: dict[str, Counter[str]] = {"name": Counter(), "number": Counter(), "word": Counter()}
    for document in documents:
        for match, is_first in _find_words(document):
            kind = _kind(match.group())
            if not (is_first and kind == "name"):
                kinds[kind][match.group()] += 1
    chances = {"name": 0.5, "number": 0.5, "word": 0.1}
    pools = {kind: (list(counts), _add_up(counts)) for kind, counts in kinds.items()}
    for _ in range(count):
        for document in documents:
            pieces, done = [], 0
            for match, is_first in _find_words(document):
                kind = _kind(match.group())
                is_name = not is_first or match.group() in kinds["name"]
                pieces.append(document[done : match.start()])
                done = match.end()
                if (kind != "name" or is_name) and draw.random() < chances[kind]:
                    words, weights = pools[kind]
                    pieces.append(draw.choices(words, cum_weights=weights)[0])
                else:
                    pieces.append(match.group())
            yield "".join((*pieces, document[done:]))


def _find_words(document: str) -> Iterator[tuple[re.Match[str], bool]]:
    """Yield words and numbers, and whether each begins a sentence, as far as one can see."""
    for match in _WORD.finditer(document):
        before = document[: match.start()].rstrip(" \"'“‘(")[-1:]
        yield match, not before or before in _ENDS


def _kind(word: str) -> str:
    return "number" if word[0].isdigit() else "name" if word[0].isupper() else "word"


def _add_up(counts: Counter[str]) -> list[float]:
    """Return running sums of weights under which rare words are drawn oftener than they are met."""
    total, sums = 0.0, []
    for count in counts.values():
        total += count**0.4
        sums.append(total)
    return sums


def train(silver: Sequence[Path], dev: Path, place: Path, seed: int, options: Sequence[str]) -> float:
    """Train a student as one would from a terminal, and return the seconds it took."""
    command = [sys.executable, "-m", "tagger", "distill", "--dev", str(dev), "--output", str(place)]
    for path in silver:
        command += ["--silver", str(path)]
    done = subprocess.run(
        [*command, "--seed", str(seed), "--resume", "--json", *options], check=True, stdout=subprocess.PIPE
    )
    facts: dict[str, Any] = json.loads(done.stdout)
    return float(facts["seconds"])


def label(student: tagger.Tagger, documents: Sequence[str]) -> Labels:
    """Return what a student says of each document."""
    return {
        (number, span.type, span.start, span.end)
        for number, sentences in enumerate(student.stream(documents))
        for sentence in sentences
        for span in sentence.spans
    }


def print_agreement(gold: Labels, found: Labels) -> None:
    """Print precision, recall and F1 of the student against the teacher, by type and in all."""
    for name in (*sorted({type_ for _, type_, _, _ in gold}), None):
        said, meant = ({each for each in labels if name in (None, each[1])} for labels in (found, gold))
        both = len(said & meant)
        precision, recall = both / max(1, len(said)), both / max(1, len(meant))
        f1 = 2 * both / max(1, len(said) + len(meant))
        print(f"  {name or 'all':12} {precision:6.2%} {recall:6.2%} {f1:6.2%} {len(meant):6}")


def print_speed(teacher: Language, student: tagger.Tagger, documents: Sequence[str]) -> None:
    """Print tokens a second from raw text to spans, one process and one thread; the teacher's tokens are counted."""
    tokens = sum(not token.is_space for document in documents for token in teacher.make_doc(document))
    seconds: dict[str, list[float]] = {"teacher": [], "student": []}
    for _ in range(ROUNDS):
        for name in seconds:
            began = time.process_time()  # of all threads; other work on the machine doesn't count
            if name == "teacher":
                found = sum(len(document.ents) for document in teacher.pipe(documents))
            else:
                found = len(label(student, documents))
            assert found
            seconds[name].append(time.process_time() - began)
    for name, each in seconds.items():
        speeds = ", ".join(f"{tokens / second:,.0f}" for second in each)
        print(f"{name}: {tokens:,} tokens, {speeds} a second of processor time")
    ratios = [slow / fast for slow, fast in zip(*seconds.values(), strict=True)]
    print(f"student {statistics.median(ratios):.1f} times as fast ({min(ratios):.1f} to {max(ratios):.1f})")


def needed_files(place: Path) -> list[Path]:
    """Return the files of a model that prediction reads."""
    return [
        each for each in place.iterdir() if each.suffix in (".safetensors", ".toml") or each.stem == "vocab"
    ]


def teacher_bytes(teacher: Language) -> int:
    """Return the size of a pipeline as it is loaded here, on disk."""
    return len(teacher.to_bytes())


if __name__ == "__main__":
    main()
