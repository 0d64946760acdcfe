"""Models that cut text into words, and of parts of speech: what commands tell of them, and the words beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import TINY, Done, Run

import tagger
from tagger.runtime import directory as files
from tagger.runtime import reports

SEGMENTED = "我们 在 北京 大学 学习 。\n他们 研究 生命 起源 。\n中国 人民 在 学习 。\n我 在 中国 。\n" * 4
OTHER = "我们 在 上海 学习 。\n中国人 研究 生命 。\n"
TAGGED = "我们/PN 在/P 北京/NR 学习/VV 。/PU\n他们/PN 研究/VV 生命/NN 。/PU\n我/PN 在/P 中国/NR 。/PU\n" * 4
LABELLED = "the DET\nold ADJ\nman NOUN\n\nhe PRON\nsaw VERB\nthe DET\nman NOUN\n\n" * 4
WORDS = sorted(set(SEGMENTED.split()))


@pytest.fixture
def train(run: Run, tmp_path: Path) -> Run:
    for name, text in {"seg": SEGMENTED, "other": OTHER, "tagged": TAGGED, "labelled": LABELLED}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    def command(name: str, *arguments: str) -> Done:
        done = run("train", name, "--dev", name, "-o", "m", *TINY, *arguments)
        assert done.code == 0, done.err
        return done

    return command


def strings_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from strings_in(each)
    elif isinstance(value, str):
        yield value


def evaluate(run: Run, *arguments: str) -> dict[str, object]:
    done = run("evaluate", "m", "other", "--json", *arguments)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    return {name: value for name, value in found.items() if name not in ("seconds", "tokens_per_second")}


def test_training_leaves_its_words_and_evaluate_uses_them(run: Run, train: Run) -> None:
    train("seg")
    assert Path("m", files.WORDS).read_text(encoding="utf-8").splitlines() == WORDS
    found = evaluate(run)
    words = found["words"]
    assert isinstance(words, dict)
    assert words["oov_rate"] == 2 / 9  # 上海 and 中国人
    assert words["iv_recall"] is not None
    assert found == evaluate(run, "--train", "seg") == evaluate(run, "--train", f"m/{files.WORDS}")
    loaded = tagger.load("m")
    assert tagger.evaluate(loaded, "other").scores == tagger.evaluate("m", "other").scores
    Path("m", files.WORDS).unlink()
    assert tagger.evaluate(loaded, "other").as_dict()["words"] == words | dict.fromkeys(
        ("oov_rate", "oov_recall", "iv_recall")
    )
    assert "OOV" not in run("evaluate", "m", "other").out
    Path("m", files.WORDS).write_bytes(b"\xff\n")
    assert re.fullmatch(
        r".*words\.txt: is not what training writes; give the training corpus .*",
        run("evaluate", "m", "other").error,
    )


@pytest.mark.parametrize(
    ("name", "headline", "names"),
    [("seg", "word F1", ["word"]), ("tagged", "joint F1", ["NN", "NR", "P", "PN", "PU", "VV"])],
)
def test_reports_of_a_model_of_words_speak_of_words(
    run: Run, train: Run, name: str, headline: str, names: list[str]
) -> None:
    done = train(name, "--test", name)
    assert f"dev {headline}" in done.err
    assert "unseen in training (OOV) none, of seen ones (IV)" in " ".join(done.out.split())
    assert ("macro" in done.out) == (name == "tagged") == ("words alone" in done.out)
    inspected = json.loads(run("inspect", "m", "--json").out)
    assert inspected["types"] == names
    assert all(strings_in(inspected))
    assert all(strings_in(json.loads(Path("m", files.SCORES).read_bytes())))
    assert all(strings_in(json.loads(run("evaluate", "m", name, "--json").out)))
    shown = run("inspect", "m").out
    assert f"dev {headline}" in shown
    assert ", ".join(names) in shown
    card = Path("m", files.CARD).read_text(encoding="utf-8")
    assert "Cuts text into words" in card
    assert not re.search(r"\| +\||``", card.replace("```", ""))
    assert ("| dev | words |" in card) == (name == "seg")
    assert ("| dev | words alone |" in card) == (name == "tagged")
    run("evaluate", "m", name, "--report", "r.html")
    page = Path("r.html").read_text(encoding="utf-8")
    assert "predicted words. On the dashed line" in page
    assert "words per bin" in page
    assert " spans" not in re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)


def test_parts_of_speech_have_their_words_too(run: Run, train: Run) -> None:
    train("labelled", "--scheme", "BARE")
    assert Path("m", files.WORDS).read_text(encoding="utf-8") == "he\nman\nold\nsaw\nthe\n"
    Path("other").write_text("the DET\nnew ADJ\nman NOUN\n", encoding="utf-8")
    words = evaluate(run)["words"]
    assert isinstance(words, dict)
    assert words["oov_rate"] == 1 / 3
    shown = run("evaluate", "m", "other").out
    assert "accuracy of tokens unseen in training (OOV)" in shown
    assert "dev accuracy" in run("inspect", "m").out


def test_the_words_go_where_the_model_goes(run: Run, train: Run, ten_sentences: Path) -> None:
    """Several seeds leave those of all; a model of names that replaces one of words has none."""
    train("seg", "--seeds", "2")
    assert Path("m", files.WORDS).read_text(encoding="utf-8").splitlines() == WORDS
    before = Path("m", files.WORDS).read_bytes()
    train("seg", "--overwrite")
    assert Path("m", files.WORDS).read_bytes() == before
    assert "is finished" in train("seg", "--resume").err or Path("m", files.WORDS).read_bytes() == before
    train("seg", "--resume", "--epochs", "3")
    assert Path("m", files.WORDS).read_bytes() == before
    train(ten_sentences.name, "--overwrite")
    assert not Path("m", files.WORDS).exists()


def test_a_model_that_is_continued_knows_the_words_of_both(run: Run, train: Run) -> None:
    train("seg")
    Path("m").rename("base")
    arguments = (
        "train",
        "other",
        "--dev",
        "other",
        "--from",
        "base",
        "-o",
        "m",
        "--epochs",
        "1",
        "--workers",
        "1",
    )
    assert run(*arguments).code == 0
    assert reports.read_words(Path("m")) == {*WORDS, *OTHER.split()}
    Path("base", files.WORDS).unlink()
    assert run(*arguments, "--overwrite").code == 0
    assert not Path("m", files.WORDS).exists()  # nobody knows all of them


def test_a_list_of_words_of_somebody_else_is_not_overwritten(run: Run, train: Run) -> None:
    Path("m").mkdir()
    Path("m", files.WORDS).write_text("mine\n", encoding="utf-8")
    error = run("train", "seg", "-o", "m", *TINY).error
    assert "holds words.txt and no model" in error
    assert Path("m", files.WORDS).read_text(encoding="utf-8") == "mine\n"


def test_an_old_models_nameless_type_is_told_by_name(run: Run, train: Run) -> None:
    train("seg")
    path = Path("m", files.SCORES)
    path.write_text(path.read_text(encoding="utf-8").replace('"word": {', '"": {'), encoding="utf-8")
    found = json.loads(run("inspect", "m", "--json").out)
    assert list(found["scores"]["dev"]["types"]) == ["word"]
