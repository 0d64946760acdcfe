"""Words as a task of their own: every command reads them in any form, and says what it made of them."""

from __future__ import annotations

import json

import pytest
from commands import TINY

import tagger

LINES = [
    "我/PN 爱/VV 北京/NR 。/PU",
    "他/PN 也/AD 爱/VV 上海/NR 。/PU",
    "北京/NR 大学/NN 很/AD 好/VA",
    "我们/PN 去/VV 上海/NR",
    "他们/PN 在/P 北京/NR 工作/VV",
    "天气/NN 很/AD 好/VA 。/PU",
    "你/PN 呢/SP ？/PU",
    "我/PN 不/AD 去/VV 大学/NN",
    "上海/NR 的/DEG 天气/NN",
    "工作/NN 很/AD 多/VA 。/PU",
]
PAIRS = [[item.rpartition("/")[::2] for item in line.split()] for line in LINES]


def as_columns(typed):
    """Write characters and BIES, by hand: not the scheme that lines are read in."""
    rows = []
    for sentence in PAIRS:
        for word, tag in sentence:
            inner = ["S"] if len(word) == 1 else ["B", *"I" * (len(word) - 2), "E"]
            kind = f"-{tag}" if typed else ""
            rows += [f"{character}\t{role}{kind}\n" for character, role in zip(word, inner, strict=True)]
        rows.append("\n")
    return "".join(rows)


def as_conllu():
    rows = []
    for sentence in PAIRS:
        rows += [f"{n}\t{word}\t_\t{tag}\t_\t_\t0\troot\t_\t_\n" for n, (word, tag) in enumerate(sentence, 1)]
        rows.append("\n")
    return "".join(rows)


FORMS = {
    "pos": "\n".join(LINES) + "\n",
    "seg": "\n".join("  ".join(word for word, _ in sentence) for sentence in PAIRS) + "\n",
    "bies": as_columns(typed=False),
    "joint": as_columns(typed=True),
    "conllu": as_conllu(),
}


@pytest.fixture
def files(tmp_path):
    for name, text in FORMS.items():
        (tmp_path / f"x.{name}").write_text(text, encoding="utf-8")
    return tmp_path


NUMBER = sum(map(len, PAIRS))
DISTINCT = len({word for sentence in PAIRS for word, _ in sentence})


@pytest.mark.parametrize("gold", FORMS)
@pytest.mark.parametrize("predicted", FORMS)
def test_words_are_compared_whatever_the_forms(run, files, gold, predicted):
    if gold == predicted == "conllu":
        return  # labels of tokens
    done = run("score", f"x.{gold}", f"x.{predicted}", "--json")
    assert done.code == 0, done.err
    scores = json.loads(done.out)["micro"]
    assert (scores["support"], scores["f1"]) == (NUMBER, 1.0)
    typed = {"pos", "joint", "conllu"}
    assert ("words alone are compared" in done.err) == ((gold in typed) != (predicted in typed))


def test_the_first_place_where_texts_differ_is_told_for_both_files(run, files):
    (files / "other.seg").write_text(FORMS["seg"].replace("天气  很  好", "天气  真  好"), encoding="utf-8")
    error = run("score", "x.bies", "other.seg").error
    assert error.startswith("other.seg:6: found token '真' where x.bies:")
    assert "has token '很'" in error


def test_other_widths_are_told_of(run, files):
    (files / "wide.seg").write_text(FORMS["seg"].replace("？", "?"), encoding="utf-8")
    assert "the characters are of other widths" in run("score", "x.seg", "wide.seg").err


def test_a_word_cut_otherwise_is_a_mistake(run, files):
    (files / "other.seg").write_text(FORMS["seg"].replace("北京  大学", "北京大学"), encoding="utf-8")
    scores = json.loads(run("score", "x.pos", "other.seg", "--json").out)["micro"]
    assert scores["recall"] == pytest.approx((NUMBER - 2) / NUMBER)
    assert scores["precision"] == pytest.approx((NUMBER - 2) / (NUMBER - 1))


def test_check_describes_words(run, files):
    (files / "dev.seg").write_text("我  爱  大学\n他  去  南京\n", encoding="utf-8")
    done = run("check", "x.seg", "dev.seg")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "fit for training, 0 warnings; a model of it cuts text into words"
    assert "distinct words not in x.seg" in done.out
    first, second = json.loads(run("check", "x.seg", "dev.seg", "--json").out)["files"]
    assert first["cut"] == {"words": NUMBER, "distinct": DISTINCT, "unseen": None, "unseen_distinct": None}
    assert second["cut"] == {"words": 6, "distinct": 6, "unseen": 1, "unseen_distinct": 1}
    assert (first["task"], first["types"]) == ("words", {"word": NUMBER})
    joint = run("check", "x.pos")
    assert joint.out.splitlines()[-1].endswith("; a model of it cuts text into words and tags them")
    columns = json.loads(run("check", "x.bies", "--json").out)["files"][0]
    assert (columns["task"], columns["cut"]) == ("words", first["cut"])


def test_check_finds_what_is_wrong_with_words(run, files):
    again = "北京大学  很  好\n我  爱  北京  。\n"
    (files / "dev.seg").write_text(again, encoding="utf-8")
    done = run("check", "x.seg", "dev.seg")
    assert "dev.seg:1: '北京大学' is a word here, '北京' in the same sentence in x.seg, line 3" in done.out
    assert "dev.seg:2: this sentence is also in x.seg, line 1" in done.out
    done = run("check", "x.pos", "dev.seg")
    assert done.code == 1
    assert "dev.seg:1: found words without types, but words with types in x.pos" in done.out
    (files / "bad.pos").write_text(FORMS["pos"].replace("他/PN", "他").replace("/DEG", "/"), encoding="utf-8")
    done = run("check", "bad.pos")
    assert done.code == 1
    assert "bad.pos:2: found '他' without a tag" in done.out
    assert "bad.pos:9: found '的' without a tag" in done.out


@pytest.mark.parametrize(
    ("form", "task", "said"),
    [
        ("seg", "auto", "task words: words are cut out of characters"),
        ("pos", "auto", "task joint: words are cut out of characters; types of words: AD, DEG, NN"),
        ("conllu", "joint", "task joint"),
        ("pos", "words", "task words"),
    ],
)
def test_train_says_what_it_learns_and_evaluate_reads_what_it_needs(run, files, form, task, said):
    done = run("train", f"x.{form}", "--dev", f"x.{form}", "-o", "m", "--task", task, *TINY)
    assert done.code == 0, done.err
    assert said in done.err
    assert "names" not in done.err
    is_typed = "joint" in said
    for other in FORMS:
        done = run("evaluate", "m", f"x.{other}", "--json")
        assert done.code == 0, done.err
        assert json.loads(done.out)["micro"]["support"] == NUMBER
        has_types = other in ("pos", "joint", "conllu")
        dropped = "left out" in done.err or "words alone" in done.err
        assert dropped == (has_types != is_typed), (other, done.err)
        assert "doesn't know" not in done.err
    if is_typed:
        done = run("evaluate", "m", "x.pos", "--task", "words", "--json")
        assert list(json.loads(done.out)["types"]) in ([], [""], ["word"])


def test_a_model_of_labels_reads_words_with_tags(run, files):
    done = run("train", "x.conllu", "--dev", "x.conllu", "-o", "m", *TINY)
    assert done.code == 0
    assert "train with --task joint" in " ".join(done.err.split())
    done = run("evaluate", "m", "x.pos", "--json")
    assert json.loads(done.out)["tokens"] == NUMBER
    assert "found segmented text, whose words have no tags" in run("evaluate", "m", "x.seg").error
    assert "the model is one of labels" in run("evaluate", "m", "x.pos", "--task", "words").err


def test_words_of_conllu_need_no_labels(run, files):
    bare = "\n".join("\t".join([*row[:3], "_", *row[4:]]) if row[1:] else "" for row in
                     (line.split("\t") for line in as_conllu().split("\n")))  # fmt: skip
    (files / "bare.conllu").write_text(bare, encoding="utf-8")
    done = run("check", "bare.conllu", "--task", "words")
    assert (done.code, "labels" in done.out + done.err) == (0, False)
    done = run("score", "x.seg", "bare.conllu", "--json")
    assert json.loads(done.out)["words"]["f1"] == 1.0
    done = run("convert", "x.seg", "x.io", "--to", "IO")
    assert (done.code, "these words have none; choose BMES or IOB2" in done.err) == (1, True)


def test_convert_makes_characters_of_words(run, files):
    expected = FORMS["bies"].replace("I", "M")
    for form in ("seg", "pos", "conllu", "joint"):
        done = run("convert", f"x.{form}", "-", "--format", "conll", "--task", "words", "--to", "BMES")
        assert done.code == 0, done.err
        assert done.out.strip() == expected.strip(), form
    done = run("convert", "x.conllu", "o.jsonl", "--task", "joint")
    assert done.code == 0, done.err
    assert "我爱北京。" in (files / "o.jsonl").read_text(encoding="utf-8")


def test_compounds(run, files):
    (files / "c.pos").write_text("[中央/n 电视台/n]nt 说/v\n他/r 来/v 了/y\n", encoding="utf-8")
    opened = json.loads(run("check", "c.pos", "--json").out)["files"][0]
    kept = json.loads(run("check", "c.pos", "--compounds", "keep", "--json").out)["files"][0]
    assert (opened["cut"]["words"], kept["cut"]["words"]) == (6, 5)


def test_labels_of_words_that_were_cut_otherwise(run, files):
    (files / "other.conllu").write_text(
        FORMS["conllu"].replace("1\t北京\t_\tNR\t_\t_\t0\troot\t_\t_\n2\t大学", "1\t北京大学"),
        encoding="utf-8",
    )
    error = run("score", "x.conllu", "other.conllu").error
    assert error.endswith("say --task joint to compare words that were cut otherwise")
    scores = json.loads(run("score", "x.conllu", "other.conllu", "--task", "joint", "--json").out)["micro"]
    assert scores["recall"] == pytest.approx((NUMBER - 2) / NUMBER)


def test_check_says_what_a_task_cannot_be_read_from(run, files):
    (files / "names.bio").write_text("张 B-PER\n三 I-PER\n去 O\n\n李 B-PER\n四 I-PER\n", encoding="utf-8")
    done = run("check", "names.bio", "--task", "joint")
    assert done.code == 1
    assert "names.bio:3: found the tag O, a token outside of every word" in done.out
    assert run("check", "names.bio").code == 0
    done = run("check", "x.seg", "--task", "joint")
    assert "x.seg:1: found segmented text, whose words have no tags" in done.out


def test_the_verbs_of_python_read_lists_of_words_for_a_task(tmp_path):
    rows = [tuple(zip(*sentence, strict=True)) for sentence in PAIRS]
    small = {"epochs": 1, "hidden": 5, "batch_sentences": 4}
    tagger.train(train=rows, dev=rows, output=tmp_path / "m", task="joint", **small)
    model = tagger.load(tmp_path / "m")
    assert tagger.evaluate(model, rows).scores.micro.gold == NUMBER
    untyped = tagger.evaluate(model, rows, task="words")
    assert len(untyped.scores.types) == 1
    scores = tagger.score(rows, rows, task="joint").scores
    assert (scores.micro.gold, scores.micro.f1) == (NUMBER, 1.0)
