"""`tagger drift`, end to end on toy models: what alarms it, what doesn't, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_models import WORDS, make_model, make_word_model, random_sentences

import tagger
from tagger.runtime import directory as files
from tagger.runtime import reports
from tagger.runtime.profiling import profile_corpus
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.text.conll import Sentence


def save(model: TrainedModel, sentences: list[list[str]], place: str = "m") -> None:
    """Write a model and the profile of what it makes of sentences."""
    files.prepare_directory(Path(place))
    files.save_model(Path(place), model)
    corpus = [Sentence(tuple(each)) for each in sentences]
    found = Tagger(model).predict_tokens(sentences, expected_spans=True)
    reports.write_profiles(Path(place), {"dev": profile_corpus(model, corpus, found)})


def write(name: str, sentences: list[list[str]]) -> str:
    Path(name).write_text("".join(f"{' '.join(each)}\n" for each in sentences), encoding="utf-8")
    return name


@pytest.fixture
def toy(run):
    """A model that was scored on 500 random sentences, and other ones of the same kind."""
    save(make_model(), random_sentences(500))
    write("like.txt", random_sentences(500, seed=2))
    tokens = ("--input-format", "tokens")
    return lambda *arguments: run("drift", "m", *arguments, *tokens)


def test_text_of_the_same_kind_alarms_nobody(toy):
    done = toy("like.txt")
    assert done.code == 0, done
    assert done.out.startswith("reference: dev, 500 sentences, ")
    assert done.out.splitlines()[-1] == "as before: nothing has moved beyond 0.1 and chance"
    for shown in (
        "unknown words, %",
        "spans per 100 tokens",
        "  LOC",
        "mean confidence",
        "expected F1",
        "PSI",
    ):
        assert shown in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines()[1:])


def test_other_words_do(toy):
    strange = [[f"{word}zq" for word in each] for each in random_sentences(300, seed=3)]
    done = toy(write("strange.txt", strange))
    assert done.code == 1
    assert done.err.startswith("next: tagger next ")
    assert "moved: " in done.out.splitlines()[-1]
    assert "unknown words" in done.out.splitlines()[-1]


def test_another_script_does(toy):
    text = "所有人生而自由在尊严和权利上一律平等 " * 12
    Path("zh.txt").write_text(text.replace(" ", "\n") * 10, encoding="utf-8")
    facts = json.loads(toy("zh.txt", "--json").out)
    assert {"unknown_words", "unknown_characters"} <= set(facts["moved"])


def test_small_letters_do(toy):
    """Words are the same to the model; its shapes and characters aren't, so it says something else."""
    high = [[word.title() for word in each] for each in random_sentences(500)]
    save(make_model(), high)
    low = [[word.lower() for word in each] for each in high]
    facts = json.loads(toy(write("low.txt", low), "--json").out)
    assert "unknown_words" not in facts["moved"]
    assert facts["verdict"] == "moved"


def test_a_short_text_says_too_little(toy):
    done = toy("--text", "Ada met Li in Paris .")
    assert done.code == 0
    line = done.out.splitlines()[-1]
    assert line.startswith("too little text to tell: 1 sentence; give about ")
    facts = json.loads(toy("--text", "Ada met Li", "--json").out)
    assert facts["verdict"] == "too little text"
    assert {each["verdict"] for each in facts["measures"]} <= {"too little text", None}


def test_what_was_printed_is_a_reference_and_so_is_text(toy):
    done = toy("like.txt", "--json")
    assert done.code == 0
    Path("november.json").write_text(done.out, encoding="utf-8")
    before = json.loads(done.out)["now"]
    for reference, name in (("november.json", "november.json"), ("like.txt", "like.txt")):
        facts = json.loads(toy("like.txt", "--reference", reference, "--json").out)
        assert facts["reference"]["types"] == before["types"]
        assert facts["reference"]["correct"] == pytest.approx(before["correct"])
        assert facts["reference_name"] == name
        assert facts["verdict"] == "as before"
        assert all(each["psi"] == 0.0 for each in facts["measures"])
    for reference in ("m", "m/profile.json"):
        facts = json.loads(toy("like.txt", "--reference", reference, "--json").out)
        assert facts["reference_name"] == f"{reference} (dev)"
        assert facts["reference"]["sentences"] == 500


def test_no_word_of_the_text_is_kept(toy):
    Path("secret.txt").write_text("Zyxwvut met Qponml .\n" * 60, encoding="utf-8")
    found = toy("secret.txt", "--json")
    written = found.out + Path("m/profile.json").read_text(encoding="utf-8")
    for word in ("Zyxwvut", "Qponml", *(each for each in WORDS if len(each) > 3)):
        assert word not in written


def test_the_threshold_decides(toy):
    strange = random_sentences(300, seed=3) + [["zq"] * 12] * 300
    write("strange.txt", strange)
    assert toy("strange.txt", "--threshold", "9").code == 0
    assert toy("strange.txt").code == 1
    for wrong in ("0", "-1", "much", "nan", "inf"):
        done = toy("strange.txt", "--threshold", wrong)
        assert (done.code, done.out) == (2, "")
        assert "expected a number above 0" in " ".join(done.err.split())


def test_a_model_without_a_profile_says_what_to_do(toy):
    Path("m/profile.json").unlink()
    error = toy("like.txt").error
    assert error.startswith(
        "m/profile.json: is missing, since an earlier version of tagger trained this model"
    )
    assert "give --reference FILE" in error
    assert toy("like.txt", "--reference", "like.txt").code == 0
    assert tagger.load("m").predict("Ada met Li.")


@pytest.mark.parametrize(
    "content", ["", "[", "[]", "{}", '{"dev": {}}', '{"dev": {"sentences": 1}}', "[" * 100_000, "\x00\xff"]
)
def test_a_damaged_profile_is_named(toy, content):
    Path("m/profile.json").write_text(content, encoding="latin-1")
    assert toy("like.txt").error.startswith("m/profile.json: is not what training writes: ")
    assert tagger.load("m").predict("Ada met Li.")


def test_a_profile_of_another_model_is_refused(toy):
    save(make_word_model("NN"), [list("我爱北京")] * 30, "w")
    error = toy("like.txt", "--reference", "w").error
    assert "found spans of the type 'NN', which this model doesn't know" in error


def test_a_spoilt_reference_is_named(toy):
    facts = json.loads(toy("like.txt", "--json").out)
    facts["now"]["tokens"] = "many"
    Path("bad.json").write_text(json.dumps(facts), encoding="utf-8")
    error = toy("like.txt", "--reference", "bad.json").error
    assert error == "bad.json: is no profile as tagger writes them: tokens is no count"


def test_nothing_to_compare_and_nothing_to_read(toy):
    Path("empty.txt").write_text("\n\n", encoding="utf-8")
    assert "found no text, expected some to compare" in toy("empty.txt").error
    assert "none.txt" in toy("none.txt").error
    done = toy("-", "--reference", "-")
    assert done.code == 2
    assert "read as INPUT already" in " ".join(done.err.split())


def test_a_file_that_cannot_be_read_is_said_and_the_others_count(toy):
    done = toy("none.txt", "like.txt", "--json")
    assert done.code == 1
    assert "error: none.txt" in done.err
    assert json.loads(done.out)["now"]["sentences"] == 500


def test_several_processes_count_the_same(toy):
    one, two = (json.loads(toy("like.txt", "--json", "--workers", n).out) for n in ("1", "2"))
    assert one == two


def test_python_says_what_the_command_says(toy):
    text = Path("like.txt").read_text(encoding="utf-8")
    facts = json.loads(toy("--text", text, "--json").out)
    model = tagger.load("m")
    sentences = [line.split(" ") for line in text.splitlines()]
    labelled = model.predict_tokens(sentences, expected_spans=True)
    now = profile_corpus(model.model, [Sentence(tuple(each)) for each in sentences], labelled)
    found = tagger.drift(model, now)
    assert found.verdict == facts["verdict"]
    assert found.now.tokens == facts["now"]["tokens"]
    for one, other in zip(found.as_dict()["measures"], facts["measures"], strict=True):
        assert one["name"] == other["name"]
        assert one["now"] == pytest.approx(other["now"])
        assert one["psi"] == pytest.approx(other["psi"], abs=1e-6)
    raw = tagger.drift("m", ["Ada met Li.", "It rained."], reference=now, threshold=0.3)
    assert (raw.threshold, raw.now.sentences, raw.reference) == (0.3, 2, now)
    with pytest.raises(tagger.ConfigError, match="expected a text"):
        tagger.drift(model, [b"Ada"])
    with pytest.raises(tagger.ConfigError, match=r"threshold: found 0 \(int\), expected a number above 0"):
        tagger.drift(model, "Ada", threshold=0)
    with pytest.raises(tagger.DataError, match="found no text"):
        tagger.drift(model, [])


def test_characters_and_labels_are_called_so(run):
    save(make_word_model("NN", "VV"), [list("我爱北京天安门")] * 60, "w")
    Path("zh.txt").write_text("我爱北京天安门。\n" * 60, encoding="utf-8")
    out = run("drift", "w", "zh.txt").out
    assert "words per 100 characters" in out
    assert "characters in a sentence" in out
    save(make_model("BARE", has_outside=False), random_sentences(200), "p")
    write("like.txt", random_sentences(200, seed=2))
    out = run("drift", "p", "like.txt", "--input-format", "tokens").out
    assert "labels per 100 tokens" in out
    assert "expected accuracy" in out
