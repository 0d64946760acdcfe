"""The model card: a README made from a run's facts, so that a model directory explains itself."""

from __future__ import annotations

import platform
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.scoring import Average, Interval, Score, Scores
from tagger.text.counting import count_of, shape_of
from tagger.text.escape import escape_line
from tagger.text.formats.inline import write_inline
from tagger.text.formats.lines import write_segmented, write_wordpos
from tagger.text.objects import dump_json
from tagger.text.schemes import Scheme, Task, name_type
from tagger.text.tokenizer import UNSPACED_ADVICE
from tagger.training.data import Corpora, count_tokens
from tagger.version import __version__

_SEEDS = "## Seeds"
_SENTENCES = ("Ada Lovelace was born in London in 1815.", "艾达·洛夫莱斯1815年生于伦敦。")
_ARTICLES = {"lstm": "An", "gru": "A", "rnn": "An"}
_MOST_SYSTEMS = 4  # of writing


def describe_labeller(
    data: Corpora,
    measured: Mapping[str, tuple[Scores, Interval]],
    best_epoch: float,
    epochs: float,
    seconds: float,
    tagger: Tagger,
) -> str:
    """Return the card of a labeller as Markdown, with YAML before it for those who keep catalogues of models.

    Args:
        data: the corpora and settings.
        measured: of dev and, where there is one, of test: the scores and the interval of their headline.
        best_epoch: the one that is kept.
        epochs: of the whole run.
        seconds: that the gradient steps took.
        tagger: the finished model.
    """
    config, model = data.config, tagger.model
    scores = {part: each for part, (each, _) in measured.items()}
    encoder = config.encoder
    lines = [
        *_front_matter(data, measured),
        "",
        "# A sequence labeller made with tagger",
        "",
        f"{_describe_task(data)} (scheme {config.corpus.scheme}).",
        f"{_ARTICLES[encoder.kind]} {encoder.kind.upper()} of "
        f"{shape_of(encoder.layers, encoder.directions, encoder.hidden)} with a {config.decoder.kind.upper()} "
        f"decoder; {model.parameters:,} parameters.",
        *([] if data.base is None else [f"It continues a model of {_types(data.base.types)}."]),
        *([] if data.encoder is None else ["Its embeddings and encoder learnt from raw text first."]),
        "",
        *_sample(tagger),
        "## Use",
        "",
        "```sh",
        "tagger predict DIRECTORY text.txt",
        "```",
        "",
        "```python",
        "import tagger",
        "",
        'model = tagger.load("DIRECTORY")',
        'for sentence in model.predict("..."):',
        "    print(sentence.text, sentence.spans)",
        "```",
        "",
        "## Scores",
        "",
        *_headlines(measured),
        *_scores_table(scores),
        "",
        *_new_words(scores),
        "## Training",
        "",
        *_corpora_table(data),
        "",
        f"Of {count_of(epochs, 'epoch')} epoch {best_epoch} is kept, the latest within chance of the best on dev (a "
        f"quarter of the standard error of its F1). Training took {seconds:.0f} s. Seed {config.seed}.",
        "",
        f"tagger {__version__}, torch {torch.__version__}, numpy {np.__version__}, "
        f"Python {platform.python_version()}, {platform.machine()}.",
        "",
        "## Languages",
        "",
        *_languages(model),
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in _limits(data, model)),
    ]
    return "\n".join(lines) + "\n"


def with_seeds(
    card: str,
    rows: Sequence[tuple[int, float, float | None]],
    dev: tuple[float, float],
    test: tuple[float, float] | None,
) -> str:
    """Add what several seeds came to, in place of what the card said of them before.

    Args:
        card: Markdown, of the best of them.
        rows: of each seed: its dev and its test score, between 0 and 1.
        dev, test: mean and standard deviation.
    """
    lines = [
        _SEEDS,
        "",
        "| seed | dev | test |",
        "|---:|---:|---:|",
        *(
            f"| {seed} | {100 * one:.2f} | {'' if two is None else f'{100 * two:.2f}'} |"
            for seed, one, two in rows
        ),
        f"| mean ± sd | {_spread(dev)} | {'' if test is None else _spread(test)} |",
        "",
        "This model is the one that was best on dev.",
    ]
    return card.partition(f"\n{_SEEDS}\n")[0] + "\n" + "\n".join(lines) + "\n"


def _spread(found: tuple[float, float]) -> str:
    mean, deviation = found
    return f"{100 * mean:.2f} ± {100 * deviation:.2f}"


def _front_matter(data: Corpora, measured: Mapping[str, tuple[Scores, Interval]]) -> Iterator[str]:
    """Yield what catalogues of models read, as Hugging Face's model cards have it; strings as JSON are YAML.

    No language stands there: nothing in a corpus says which it is.
    """
    encoder, has_words = data.config.encoder, data.train.task.cuts_words
    kind = f"{'bi' if encoder.directions == 2 else ''}{encoder.kind}-{data.config.decoder.kind}"
    measures = {part: scores.headline for part, (scores, _) in measured.items()}
    yield from (
        "---",
        "library_name: tagger",
        "pipeline_tag: token-classification",
        "tags:",
        "- sequence-labelling",
        *(["- word-segmentation"] if has_words else []),
        f"- {kind}",
        "metrics:",
        *(["- accuracy"] if "accuracy" in dict(measures.values()) else ["- precision", "- recall", "- f1"]),
        "model-index:",
        "- name: tagger",
        "  results:",
    )
    for part, (measure, value) in measures.items():
        corpus = data.dev if part == "dev" else data.test
        name = dump_json(escape_line(Path(corpus.path).name if corpus else part))
        yield from (
            "  - task:",
            "      type: token-classification",
            "    dataset:",
            f"      name: {name}",
            f"      type: {name}",
            f"      split: {part}",
            "    metrics:",
            f"    - type: {measure.lower()}",
            f"      value: {value:.6f}",
        )
    yield "---"


def _sample(tagger: Tagger) -> Iterator[str]:
    """Yield a sentence as the model labels it: one of ours, so that no text of a corpus gets into a card.

    There is none where the model knows no letter of it, or reads columns that raw text lacks.
    """
    known = _letters(tagger.model)
    text = max(_SENTENCES, key=lambda each: len(known.intersection(each)) / len(set(each)))
    if tagger.feature_columns or not known.intersection(text):
        return
    labelled = tagger.predict(text)
    write = {Task.WORDS: write_segmented, Task.JOINT: write_wordpos}.get(tagger.model.task, write_inline)
    shown = "".join(write(labelled))
    has_found = any(each.spans for each in labelled)
    yield from (
        "```",
        *(escape_line(line).replace("```", "'''") for line in shown.splitlines()),
        "```",
        "",
        "So it labels a sentence that comes with tagger: a card shows no text of a corpus."
        f"{'' if has_found else ' It finds nothing in it.'}",
        "",
    )


def _headlines(measured: Mapping[str, tuple[Scores, Interval]]) -> Iterator[str]:
    for part, (scores, interval) in measured.items():
        yield (
            f"{scores.headline_name} on {part} {100 * scores.headline[1]:.2f} (95 % interval {interval}, by "
            "resampling sentences).\n"
        )
    if "test" not in measured:
        yield "Dev chose the epoch, so that its scores are a little too good; there was no test corpus.\n"


def _scores_table(scores: Mapping[str, Scores]) -> Iterator[str]:
    yield "| scores | type | precision | recall | F1 | support |"
    yield "|---|---|---:|---:|---:|---:|"
    for part, each in scores.items():
        for name, row in _rows(each):
            yield (
                f"| {part} | {name} | {100 * row.precision:.2f} | {100 * row.recall:.2f} "
                f"| {100 * row.f1:.2f} | {row.support:,} |"
            )


def _corpora_table(data: Corpora) -> Iterator[str]:
    corpora = {"train": data.train, "dev": data.dev} | ({"test": data.test} if data.test else {})
    yield "| corpus | file | sentences | tokens |"
    yield "|---|---|---:|---:|"
    for name, corpus in corpora.items():
        tokens = count_tokens(corpus)
        yield f"| {name} | {_code(corpus.path)} | {len(corpus.sentences):,} | {tokens:,} |"


def _languages(model: TrainedModel) -> Iterator[str]:
    """Yield what is known of the language: the writing systems of the words in the tables."""
    systems = Counter(unicodedata.name(each, "?").split()[0] for each in _letters(model))
    listed = ", ".join(f"{system} ({count:,})" for system, count in systems.most_common(_MOST_SYSTEMS))
    yield "Nobody told training which language its corpora are in: see where they come from."
    if listed:
        yield f"The words that it knows are written with letters of these systems: {listed}."


def _letters(model: TrainedModel) -> frozenset[str]:
    """Return the distinct letters of the words that a model knows, as plain as Unicode has them."""
    letters = {letter for word in model.lexicon.words.items for letter in word}
    return frozenset(
        each for each in unicodedata.normalize("NFKC", "".join(sorted(letters))) if each.isalpha()
    )


def _limits(data: Corpora, model: TrainedModel) -> Iterator[str]:
    if model.min_confidence:
        least = f"Names less probable than {model.min_confidence:.2f} are left out."
        if data.config.decoder.min_confidence == "auto":
            least += " That is half of the F1 on dev with all names, and lowers it by no more than chance."
        yield f"{least} `--min-confidence` says otherwise."
    if data.train.task is Task.LABELS and model.scheme is not Scheme.BARE:
        yield "A token is in one name at most: none lies within another."
    yield (
        "The scores are of text like its corpora, and say nothing of other text: `tagger drift DIRECTORY TEXT` "
        "tells, without labels, how far a text lies from what was scored."
    )
    yield (
        "Files beside this one hold words of the training corpus (such as `vocab.json`): where that is confidential, "
        "so is the model."
    )
    if data.has_unspaced_words:
        yield f"Note: {UNSPACED_ADVICE}."


def _describe_task(data: Corpora) -> str:
    """Say what the model does."""
    if data.train.task is Task.WORDS:
        return "Cuts text into words"
    if data.train.task is Task.JOINT:
        return f"Cuts text into words and labels them with {_types(data.types)}"
    return f"Labels {data.config.corpus.mode} with {_types(data.types)}"


def _rows(scores: Scores) -> Iterator[tuple[str, Score | Average]]:
    """Yield the rows of a table of scores; averages only where there is more than one kind of span."""
    if not scores.has_types:
        yield f"{name_type('', scores.task)}s", scores.micro
        return
    yield from ((_code(name), score) for name, score in scores.types.items())
    yield from (("micro", scores.micro), ("macro", scores.macro))
    if scores.task is Task.JOINT and scores.words is not None:
        yield "words alone", scores.words.all


def _new_words(scores: Mapping[str, Scores]) -> Iterator[str]:
    """Yield a line about words that are new to the model, where that is known."""
    for part, each in scores.items():
        if each.words is not None and each.words.oov_recall is not None and each.words.oov_rate is not None:
            what, measure = ("tokens", "accuracy") if each.scheme is Scheme.BARE else ("words", "recall")
            yield (
                f"Of the {what} of {part} training lacks {100 * each.words.oov_rate:.2f} %; their {measure} (OOV) is "
                f"{100 * each.words.oov_recall:.2f}.\n"
            )


def _types(types: Iterable[str]) -> str:
    return ", ".join(_code(name_type(type_)) for type_ in types)


def _code(text: str) -> str:
    """Quote a name from the corpus so that Markdown leaves it alone."""
    return "`" + text.replace("`", "'").replace("|", "\\|").replace("\n", " ") + "`"
