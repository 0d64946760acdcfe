"""The model card: what catalogues read of it, figures that are those of `scores.json`, a sentence."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from training_runs import fit_whole

import tagger
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.training import card
from tagger.training.recipes.labelled import FinishedLabeller

yaml = pytest.importorskip("yaml")


def read(directory: Path) -> tuple[dict, str]:
    """Return the front matter of a card, as YAML has it, and the rest."""
    text = (directory / files.CARD).read_text(encoding="utf-8")
    opening, matter, body = text.split("---\n", 2)
    assert opening == ""
    return yaml.safe_load(matter), body


def block(body: str, language: str) -> str:
    """Return what stands in the first block of code of a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


LEARNING = {"training.epochs": 12, "training.learning_rate": 0.03}  # enough to find something


def test_front_matter_and_tables_have_the_figures_of_the_scores(read_tiny, tmp_path):
    finished = fit_whole(read_tiny(**LEARNING), tmp_path / "m")[-1]
    assert isinstance(finished, FinishedLabeller)
    matter, body = read(tmp_path / "m")
    stored = json.loads((tmp_path / "m" / files.SCORES).read_bytes())
    assert (matter["library_name"], matter["pipeline_tag"]) == ("tagger", "token-classification")
    assert {"sequence-labelling", "bilstm-crf"} <= set(matter["tags"])
    assert matter["metrics"] == ["precision", "recall", "f1"]
    assert "language" not in matter  # nobody said which it is
    results = matter["model-index"][0]["results"]
    assert [each["dataset"]["split"] for each in results] == ["dev", "test"]
    for result in results:
        part = stored[result["dataset"]["split"]]
        (metric,) = result["metrics"]
        assert (metric["type"], metric["value"]) == ("f1", pytest.approx(part["micro"]["f1"], abs=1e-6))
        low, high = part["interval"]
        assert 0 <= low <= part["micro"]["f1"] <= high <= 1
        f1, name = f"{100 * part['micro']['f1']:.2f}", result["dataset"]["split"]
        assert f"F1 on {name} {f1} (95 % interval {100 * low:.2f} to {100 * high:.2f}, " in body
        for row, each in (("micro", part["micro"]), *((f"`{key}`", of) for key, of in part["types"].items())):
            figures = " | ".join(f"{100 * each[key]:.2f}" for key in ("precision", "recall", "f1"))
            assert f"| {name} | {row} | {figures} | {each['support']:,} |" in body


def test_the_sentence_is_labelled_as_the_model_does_and_the_code_runs(read_tiny, tmp_path, capsys):
    data = read_tiny()
    fit_whole(data, tmp_path / "m")
    _, body = read(tmp_path / "m")
    shown = re.sub(r"</?[A-Z]+>", "", block(body, "").strip())
    assert shown == "Ada Lovelace was born in London in 1815."
    (sentence,) = tagger.load(tmp_path / "m").predict(shown)
    assert all(f"<{span.type}>" in block(body, "") for span in sentence.spans)
    code = block(body, "python").replace("DIRECTORY", str(tmp_path / "m")).replace('"..."', repr(shown))
    exec(compile(code, "card", "exec"), {})
    assert capsys.readouterr().out == f"{sentence.text} {sentence.spans}\n"
    assert not any(" ".join(each.tokens) in body for each in data.train.sentences)


def test_what_is_left_out_is_told_exactly(read_tiny, tmp_path):
    fit_whole(read_tiny(**{"decoder.min_confidence": 0.25}), tmp_path / "asked")
    limits = read(tmp_path / "asked")[1].partition("## Limits")[2]
    assert "Names less probable than 0.25 are left out. `--min" in limits
    finished = fit_whole(read_tiny(**LEARNING), tmp_path / "chosen")[-1]
    limits = read(tmp_path / "chosen")[1].partition("## Limits")[2]
    assert ("lowers it by no more than chance" in limits) == (finished.min_confidence > 0)


def test_names_of_files_and_types_stay_what_they_are(read_tiny, tmp_path):
    data = read_tiny()
    fit_whole(data, tmp_path / "m")
    strange = 'a "b": [c]\n---\n# x.conll'
    data = replace(data, test=replace(data.test, path=strange))
    model = tagger.load(tmp_path / "m")
    measured = {name: (model_scores(model, data), (0.0, 1.0)) for name in ("dev", "test")}
    text = card.describe_labeller(data, measured, 1, 1, 1.0, model)
    matter = yaml.safe_load(text.split("---\n", 2)[1])
    assert matter["model-index"][0]["results"][1]["dataset"]["name"] == strange.replace("\n", "\\n")


def model_scores(model: tagger.Tagger, data):
    """Return what a model is worth on dev."""
    from tagger.runtime.evaluation import score_tagger

    return score_tagger(model, data.dev)


def test_a_reader_gets_the_body(read_tiny, tmp_path):
    fit_whole(read_tiny(), tmp_path / "m")
    text = (tmp_path / "m" / files.CARD).read_text(encoding="utf-8")
    assert reports.read_card(text).startswith("# A sequence labeller made with tagger\n")
    assert reports.read_card("# Mine\n\n---\n") == "# Mine\n\n---\n"  # a rule is no front matter
    assert reports.is_card(tmp_path / "m" / files.CARD)
    (tmp_path / "m" / files.CARD).write_text("---\ntitle: mine\n---\n", encoding="utf-8")
    assert not reports.is_card(tmp_path / "m" / files.CARD)
