"""All but training where PyTorch and seqeval aren't installed, nor what they bring along: the real command line.

Every command is a process of its own, in which these packages can't be found.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from toy_models import make_lm_model, make_model

import tagger
from tagger.config import LanguageModelConfig, PretrainConfig
from tagger.runtime import directory
from tagger.runtime.generation import language_model_shapes
from tagger.text.language import LanguageTables

TEXT = "Ada met Li in New York. The old mayor of Paris spoke."
ABSENT = ("torch", "seqeval", "sklearn", "scipy")
_WITHOUT = f"""
import sys

class Without:
    '''All that is installed but some packages: these can be neither imported nor found.'''

    def __init__(self, finders):
        self._finders = finders

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            return None
        found = (finder.find_spec(name, path, target) for finder in self._finders)
        return next((spec for spec in found if spec is not None), None)

    def invalidate_caches(self):
        pass

    def find_distributions(self, *context):
        for finder in self._finders:
            if hasattr(finder, "find_distributions"):
                yield from finder.find_distributions(*context)

sys.meta_path[:] = [Without(sys.meta_path[:])]
"""
_COMMAND = f"""{_WITHOUT}
from tagger.cli import main
sys.argv[0] = "tagger"
main()
"""


def run_python(
    script: str, *arguments: object, given: str = "", at: Path
) -> subprocess.CompletedProcess[str]:
    """Run a script in a directory, with the package that this process has."""
    paths = [str(Path(tagger.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        input=given,
        capture_output=True,
        encoding="utf-8",
        cwd=at,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "100"},
        timeout=120,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Return a directory with models, a text and a corpus."""
    place = tmp_path_factory.mktemp("without")
    for name in ("labels", "elmo", "lm"):
        (place / name).mkdir()
    directory.save_model(place / "labels", make_model())
    directory.save_model(place / "elmo", make_lm_model("words"))
    config = PretrainConfig(model=LanguageModelConfig(hidden=7, projection=6, character_dim=4, min_count=1))
    tables = LanguageTables.build({"the": 9, "cat": 7, "sat": 5, "a": 8}, 12, config.model)
    draw = np.random.default_rng(3)
    weights = {
        name: draw.standard_normal(shape, np.float32)
        for name, shape in language_model_shapes(tables, config.model).items()
    }
    directory.write_model(place / "lm", directory.render_belongings(config, tables), weights)
    (place / "text.txt").write_text(TEXT, encoding="utf-8")
    (place / "gold.conll").write_text("Ada B-PER\nmet O\nLi B-PER\n\nParis B-LOC\nspoke O\n\n" * 5)
    return place


@pytest.fixture
def run(place):
    """Return what runs a command that must succeed: its output."""

    def command(*arguments: object, given: str = "") -> str:
        done = run_python(_COMMAND, *arguments, given=given, at=place)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    return command


def tags_of(lines: str) -> list[list[str]]:
    return [[tag for _, _, tag in json.loads(line)["tokens"]] for line in lines.splitlines()]


def test_the_packages_are_out_of_reach(place):
    assert all(find_spec(name) for name in ("torch", "seqeval")), "these tests would say nothing"
    script = (
        f"{_WITHOUT}\nfrom importlib.util import find_spec\nprint([find_spec(name) for name in {ABSENT}])"
    )
    assert run_python(script, at=place).stdout == f"{[None] * len(ABSENT)}\n"
    done = run_python(f"{_WITHOUT}\nimport torch.nn", at=place)
    assert "ModuleNotFoundError: No module named 'torch'" in done.stderr


@pytest.mark.parametrize("model", ["labels", "elmo"])
def test_text_is_labelled(run, place, model):
    expected = [
        [tag for _, _, tag in sentence.tokens] for sentence in tagger.load(place / model).predict(TEXT)
    ]
    assert tags_of(run("predict", model, "text.txt", "--format", "jsonl")) == expected
    assert tags_of(run("predict", model, "-", given=TEXT)) == expected
    assert tags_of(run("predict", model, given=TEXT)) == expected
    assert tags_of(run("predict", model, "text.txt", "--workers", "2")) == expected
    written = run("predict", model, "text.txt", "--format", "conll").split("\n\n")
    assert [[line.split()[-1] for line in part.splitlines()] for part in written if part] == expected


def test_plain_text_is_written_with_its_labels(run):
    found = run("predict", "labels", "text.txt", "--format", "inline")
    assert all(word in found for word in ("mayor", "Paris"))
    found = run("predict", "labels", "text.txt", "--nbest", "2")
    assert all(len(json.loads(line)["nbest"]) == 2 for line in found.splitlines())


def test_a_model_is_evaluated(run):
    found = json.loads(run("evaluate", "labels", "gold.conll", "--json"))
    assert found["tokens"] == 25
    assert "F1" in run("evaluate", "labels", "gold.conll")


def test_answers_are_scored(run):
    assert "100.00" in run("score", "gold.conll", "gold.conll")


def test_corpora_are_checked_and_converted(run, place):
    assert "fit for training" in run("check", "gold.conll")
    run("convert", "gold.conll", "bioes.conll", "--to", "BIOES")
    assert "Ada S-PER" in (place / "bioes.conll").read_text()


def test_a_model_is_inspected(run, place):
    assert "PER" in run("inspect", "labels", "--svg", "picture.svg")
    assert (place / "picture.svg").read_text().startswith("<svg")


def test_text_is_continued(run):
    words = run("generate", "lm", "the", "--words", "5").split()
    assert words[0] == "the"
    assert len(json.loads(run("generate", "lm", "the", "--next", "3", "--json"))["next"]) == 3


def test_settings_are_printed(run):
    assert "[encoder]" in run("config")


def test_the_library_labels(place):
    script = f"""{_WITHOUT}
import tagger
labels = tagger.load("labels")
print([sentence.text for sentence in labels.predict({TEXT!r})])
print(len(labels.predict_tokens([["Ada", "met", "Li"], []], workers=2)))
print(tagger.evaluate(labels, "gold.conll").scores.tokens)
print(sorted({{name.partition(".")[0] for name in sys.modules}} & set({ABSENT})))
"""
    done = run_python(script, at=place)
    assert done.stdout.splitlines() == [
        "['Ada met Li in New York.', 'The old mayor of Paris spoke.']",
        "2",
        "25",
        "[]",
    ], done.stderr


def test_spacy_labels(place):
    pytest.importorskip("spacy")
    script = f"""{_WITHOUT}
import spacy
from tagger.adapters import spacy as component
component.register()
nlp = spacy.blank("en")
nlp.add_pipe("sentencizer")
nlp.add_pipe("tagger_ner", config={{"model": "labels"}})
print([(entity.label_, entity.text) for entity in nlp({TEXT!r}).ents])
"""
    done = run_python(script, at=place)
    assert done.returncode == 0, done.stderr
    assert "PER" in done.stdout


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_device_that_is_there_is_found(run, device):
    assert run("predict", "labels", "text.txt", "--device", device) == run("predict", "labels", "text.txt")


@pytest.mark.parametrize(
    "command",
    [
        ("train", "gold.conll", "--dev", "gold.conll", "-o", "new"),
        ("pretrain", "text.txt", "-o", "new"),
        ("predict", "labels", "text.txt", "--device", "cuda"),
        ("score", "gold.conll", "gold.conll", "--seqeval"),
    ],
    ids=lambda command: command[0],
)
def test_what_needs_them_says_in_a_line_what_to_install(place, command):
    done = run_python(_COMMAND, *command, at=place)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "tagger[train]" in line
    assert not (place / "new").exists()


def test_words_are_put_in_classes(run, place):
    arguments = ("--target", "clusters", "-o", "classes", "--input-format", "conll", "--json")
    assert json.loads(run("pretrain", "gold.conll", *arguments))["words"] == 5
    assert len((place / "classes" / "clusters.tsv").read_text(encoding="utf-8").splitlines()) == 5
