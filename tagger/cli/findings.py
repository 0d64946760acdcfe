"""What was found in the corpora of a run, said before training begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from tagger.cli.messages import list_counts, say, warn
from tagger.cli.tables import percent
from tagger.text.counting import count_of
from tagger.text.features import normalise
from tagger.text.schemes import Task, name_type
from tagger.text.spool import check_room, find_room, free_bytes, name_size
from tagger.text.tokenizer import UNSPACED_ADVICE
from tagger.training.data import (
    count_clustered,
    count_known_names,
    count_tokens,
    describe_corpus,
    list_tokens,
)
from tagger.training.encoded import estimate_bytes, is_large

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from tagger.training.data import Corpora, CorpusFacts
    from tagger.training.start import Growth, Overlap

_MANY_HELD_OUT = 500_000  # tokens: more of them say hardly more, and take many seconds
_LEANING = 0.2  # share of spans by which a list may know train better than dev before it looks made from it


def describe_corpora(console: Console, data: Corpora) -> None:
    """Print sizes, scheme, types, the share of unknown words, and everything odd."""
    facts = {"train": describe_corpus(data.train)}
    facts |= {
        name: describe_corpus(corpus, data.train, data.types)
        for name, corpus in (("dev", data.dev), ("test", data.test))
        if corpus is not None
    }
    task = data.train.task
    console.print(_sizes(facts, task))
    say(console, f"scheme {data.config.corpus.scheme}: {data.train.evidence}")
    names = ", ".join(name_type(each, task) for each in data.types)
    if task is Task.LABELS:
        say(console, f"types: {names}; tokens are {data.config.corpus.mode}")
    else:
        types = f"; types of words: {names}" if task is Task.JOINT else ""
        say(console, f"task {task}: words are cut out of {data.config.corpus.mode}{types}")
    if data.has_unspaced_words:
        warn(console, f"{data.train.path}: {UNSPACED_ADVICE}")
    if data.held_out:
        share = 100 * data.config.corpus.dev_share
        say(
            console,
            f"no --dev file: {share:.3g} % of the training sentences held out by seed {data.config.seed}",
        )
    for each in facts.values():
        for warning in each.warnings:
            warn(console, f"{each.path}: {warning}")
        if each.strange_types:
            warn(
                console,
                f"{each.path}: types that training lacks, counted as missed: {list_counts(each.strange_types)}",
            )


def describe_room(console: Console, data: Corpora, output: Path) -> None:
    """Print what a large training corpus takes on the disk until the run has ended.

    Raises:
        DataError: there isn't so much.
    """
    if not is_large(data):
        return
    size, place = estimate_bytes(data), find_room(output)
    check_room(size, place)
    free = name_size(free_bytes(place))
    say(console, f"the training corpus will take {name_size(size)} at {output} meanwhile; {free} are free")
    held_out = count_tokens(data.dev) if data.held_out else 0
    if held_out > _MANY_HELD_OUT:
        warn(
            console,
            f"{held_out:,} tokens are held out and measured after every epoch; give a --dev file, or hold out less "
            "with --set corpus.dev_share",
        )


def describe_growth(console: Console, growth: Growth, model: Path, corpus: Path) -> None:
    """Print what a run that continues a model adds to it, and what becomes of the rest."""
    types = ", ".join(growth.new_types) or "none"
    say(console, f"continuing {model}: {count_of(growth.new_words, 'new word')}; new types: {types}")
    if growth.absent_types:
        warn(
            console,
            f"types of {model} that {corpus} lacks: {', '.join(growth.absent_types)}; they stay possible, but where "
            "it mentions such names unmarked the model learns to pass over them",
        )


def describe_overlap(console: Console, overlap: Overlap, encoder: Path) -> None:
    """Print how much of a corpus the text had from which an encoder learnt."""
    share = percent(overlap.known / overlap.words)
    say(
        console,
        f"beginning with {encoder}: it knows {share} % of the corpus's {overlap.words:,} distinct words",
    )


def describe_vectors(console: Console, data: Corpora) -> None:
    """Print how many pretrained vectors are of use."""
    assert data.vectors is not None
    known = set(data.vectors.words)
    lowercase = data.config.embedding.lowercase
    words = {normalise(token, lowercase=lowercase) for token in list_tokens(data.train)}
    say(
        console,
        f"vectors: {len(known):,} of {data.vectors.found:,} kept, size {data.vectors.dim}; they cover "
        f"{100 * len(words & known) / len(words):.1f} % of the training corpus's distinct words",
    )
    for warning in data.vectors.warnings:
        warn(console, f"vectors: {warning}")


def describe_gazetteers(console: Console, data: Corpora) -> None:
    """Print how much of the corpora lists of names know, and warn of those that were made from one of them."""
    for each in count_known_names(data):
        shares = f"{percent(each.train)} % of the spans in train and {percent(each.dev)} % in dev"
        say(console, f"gazetteer {each.name}: {count_of(each.entries, 'entry', 'entries')}, naming {shares}")
        if each.train > each.dev + _LEANING:
            warn(
                console,
                f"gazetteer {each.name} knows far more of train than of dev, so that a model would lean on it; give "
                "one that was not made from the training corpus, or raise --set training.gazetteer_dropout",
            )


def describe_clusters(console: Console, data: Corpora) -> None:
    """Print how many tokens of the corpora trees of words know."""
    for each in count_clustered(data):
        say(
            console,
            f"clusters {each.name}: {count_of(each.words, 'word')} in {count_of(each.classes, 'class', 'classes')}, "
            f"among them {percent(each.train)} % of the tokens in train and {percent(each.dev)} % in dev",
        )


def _sizes(facts: dict[str, CorpusFacts], task: Task) -> Table:
    """Draw one row for each corpus; their paths are as the user gave them, so they needn't take the room."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("corpus", no_wrap=True)
    counted = ("characters", "words") if task.cuts_words else ("tokens", "spans")
    for heading in ("sentences", *counted):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("new words", "sentences in train"):  # between whose words a narrow terminal breaks
        table.add_column(heading, justify="right")
    for name, each in facts.items():
        table.add_row(
            name,
            f"{each.sentences:,}",
            f"{each.tokens:,}",
            f"{each.spans:,}",
            "" if each.unknown is None else f"{percent(each.unknown)} %",
            "" if each.repeated is None else f"{each.repeated:,}",
        )
    return table
