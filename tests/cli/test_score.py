"""`tagger score` end to end: files in, tables, JSON, pages and exit codes out."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

import pytest

from tagger import cli, scoring
from tagger.text.conll import read_corpus
from tagger.text.schemes import Scheme, convert

GOLD = "Ada B-PER\nLovelace I-PER\nleft O\nParis B-LOC\n\nZuse B-ORG\nAG I-ORG\n"
FOUND = "Ada B-PER\nLovelace I-PER\nleft O\nParis B-PER\n\nZuse B-ORG\nAG I-ORG\n"
WORSE = "Ada B-PER\nLovelace O\nleft O\nParis O\n\nZuse B-ORG\nAG I-ORG\n"
SPANISH = Path(__file__).parents[2] / ".." / "shared" / "data" / "conll2002-es" / "esp.testb"


class Run:
    """A directory of files, and the command run in it."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys
        monkeypatch.chdir(folder)
        monkeypatch.setenv("COLUMNS", "80")

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name}.conll").write_text(text, encoding="utf-8")

    def __call__(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Return the exit code, stdout and stderr."""
        self._monkeypatch.setattr(sys, "argv", ["tagger", "score", *arguments])
        self._monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin.encode())))
        )
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = self._capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    def json(self, *arguments: str, stdin: str = "") -> dict[str, object]:
        code, out, err = self(*arguments, "--json", stdin=stdin)
        assert code == 0, err
        return json.loads(out)

    def fails(self, *arguments: str, stdin: str = "") -> str:
        """Return the one line of an error."""
        code, out, err = self(*arguments, stdin=stdin)
        assert (code, out) == (1, "")
        lines = [line for line in err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1
        assert err.splitlines()[-1] == lines[0]
        return lines[0]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    started = Run(tmp_path, monkeypatch, capsys)
    started.write(gold=GOLD, found=FOUND, worse=WORSE)
    return started


def test_the_table(run: Run) -> None:
    code, out, err = run("gold.conll", "found.conll")
    assert code == 0
    assert [line.split() for line in out.splitlines() if line.startswith((" PER", " micro", " LOC"))] == [
        ["LOC", "0.00", "0.00", "0.00", "1"],
        ["PER", "50.00", "100.00", "66.67", "1"],
        ["micro", "66.67", "66.67", "66.67", "3"],
    ]
    assert "token accuracy 83.33, 6 tokens in 2 sentences" in out
    assert "F1 66.67 (95 % interval" in out
    assert "gold tags in IOB2" in err


def test_the_json_contract(run: Run) -> None:
    found = run.json("gold.conll", "found.conll")
    expected = scoring.score(
        [each.tags for each in read_corpus("gold.conll").sentences],
        [each.tags for each in read_corpus("found.conll").sentences],
        Scheme.IOB2,
    ).as_dict()
    assert {name: found[name] for name in expected} == expected
    assert found["seconds"] > 0 < found["tokens_per_second"]  # type: ignore[operator]
    assert set(found) == {*expected, "seconds", "tokens_per_second", "min_confidence", "schema", "tagger"} | {
        "task",
        "reading",
        "readings",
        "headline",
        "interval",
        "type_intervals",
        "matching",
        "confusion",
        "parts",
    }


def test_one_file_as_conlleval_reads_it(run: Run) -> None:
    both = "Ada NNP B-PER B-PER\nleft VBD O B-LOC\n\nParis NNP B-LOC B-LOC\n"
    run.write(both=both)
    for found in (run.json("both.conll"), run.json("-", stdin=both)):
        assert found["micro"]["support"] == 2  # type: ignore[index]
        assert found["micro"]["precision"] == pytest.approx(2 / 3)  # type: ignore[index]
    swapped = run.json("both.conll", "--gold-column", "3", "--predicted-column", "2")
    assert swapped["micro"]["recall"] == pytest.approx(2 / 3)  # type: ignore[index]


def test_columns_by_number(run: Run) -> None:
    run.write(first="B-A x Ada\nO x left\n", second="B-A y Ada\nB-A y left\n")
    facts = run.json(
        "first.conll", "second.conll", "--token-column", "-1", "--gold-column", "0", "--predicted-column", "0"
    )
    assert facts["micro"]["precision"] == 0.5  # type: ignore[index]


def test_gold_iob2_against_predicted_bioes(run: Run) -> None:
    run.write(bioes=FOUND.replace("I-", "E-").replace("Paris B-", "Paris S-"))
    plain, mixed = run.json("gold.conll", "found.conll"), run.json("gold.conll", "bioes.conll")
    assert {**mixed, "seconds": 0, "tokens_per_second": 0} == {**plain, "seconds": 0, "tokens_per_second": 0}
    assert "bioes.conll: predicted tags in BIOES" in run("gold.conll", "bioes.conll")[2]


def test_predicted_iob1_against_gold_iob2_is_read_as_conlleval_does_and_said(run: Run) -> None:
    run.write(iob1=GOLD.replace("B-", "I-"))
    code, out, err = run("gold.conll", "iob1.conll")
    assert code == 0
    assert "F1 100.00" in out
    assert "token accuracy 50.00" in out
    assert "look like IOB1" in err
    assert "--predicted-scheme overrides" in err
    assert "token accuracy 100.00" in run("gold.conll", "iob1.conll", "--predicted-scheme", "iob1")[1]


@pytest.mark.parametrize("scheme", ["BIOES", "BMES", "BILOU"])
def test_few_predictions_do_not_mislead(run: Run, scheme: str) -> None:
    """All O says nothing about the scheme; nor do a few tags that several schemes share."""
    sentences = read_corpus("gold.conll").sentences
    tags = [convert(each.tags, Scheme.IOB2, Scheme(scheme)) for each in sentences]
    gold = "\n\n".join(
        "\n".join(f"{token} {tag}" for token, tag in zip(each.tokens, row, strict=True))
        for each, row in zip(sentences, tags, strict=True)
    )
    run.write(gold=gold, none="\n".join(line.split()[0] + " O" if line else "" for line in gold.splitlines()))
    assert run.json("gold.conll", "none.conll", "--scheme", scheme)["micro"]["f1"] == 0.0  # type: ignore[index]
    assert run.json("gold.conll", "none.conll")["token_accuracy"] == pytest.approx(1 / 6)
    single = "O" if scheme == "BILOU" else "S-LOC"
    run.write(few="Ada O\nLovelace O\nleft O\nParis " + single + "\n\nZuse O\nAG O\n")
    facts = run.json("gold.conll", "few.conll")
    assert facts["micro"]["recall"] == (0 if single == "O" else pytest.approx(1 / 3))  # type: ignore[index]


def test_strict(run: Run) -> None:
    run.write(loose=GOLD.replace("Zuse B-", "Zuse I-"))
    assert run.json("gold.conll", "loose.conll")["micro"]["f1"] == 1.0  # type: ignore[index]
    assert run.json("gold.conll", "loose.conll", "--strict")["micro"]["recall"] == pytest.approx(2 / 3)  # type: ignore[index]


def test_brackets_in_two_files_or_two_columns(run: Run) -> None:
    """The last span is one token too short."""
    gold, found = ("(GPE*", "*)", "*", "(PERSON*", "*)"), ("(GPE*", "*)", "*", "(PERSON)", "*")
    both = "".join(f"w{i} {one} {other}\n" for i, (one, other) in enumerate(zip(gold, found, strict=True)))
    run.write(both=both, gold="".join(f"w{i} {tag}\n" for i, tag in enumerate(gold)))
    run.write(found="".join(f"w{i} {tag}\n" for i, tag in enumerate(found)))
    for files in (("both.conll",), ("gold.conll", "found.conll")):
        types = run.json(*files)["types"]
        assert [types[name]["f1"] for name in ("GPE", "PERSON")] == [1.0, 0.0]
        assert types["PERSON"]["support"] == 1


def test_parts_of_speech(run: Run) -> None:
    run.write(gold="the DET\nold NOUN\nman VERB\n", found="the DET\nold ADJ\nman VERB\n")
    code, out, err = run("gold.conll", "found.conll")
    assert code == 0
    assert "accuracy 66.67 (95 % interval" in out
    assert "BARE" in err


def test_two_systems(run: Run) -> None:
    code, out, _ = run("gold.conll", "found.conll", "worse.conll")
    assert code == 0
    text = " ".join(out.split())
    assert "F1 66.67 against 40.00: a difference of -26.67 may be chance (p = " in text
    facts = run.json("gold.conll", "found.conll", "worse.conll")
    comparison = facts["comparison"]
    assert comparison["measure"] == "F1"  # type: ignore[index]
    assert comparison["difference"] == pytest.approx(0.4 - 2 / 3)  # type: ignore[index]
    assert 0.05 < comparison["p_value"] <= 1  # type: ignore[index]
    assert facts["other"]["micro"]["f1"] == pytest.approx(0.4)  # type: ignore[index]


def test_two_systems_on_parts_of_speech(run: Run) -> None:
    run.write(gold="a N\nb V\n", found="a N\nb N\n", worse="a V\nb N\n")
    facts = run.json("gold.conll", "found.conll", "worse.conll")
    assert facts["comparison"]["measure"] == "accuracy"  # type: ignore[index]
    assert facts["comparison"]["difference"] == -0.5  # type: ignore[index]


def test_details_and_errors(run: Run) -> None:
    run.write(train="Paris B-LOC\n")
    code, out, _ = run("gold.conll", "found.conll", "--details", "--errors", "1", "--train", "train.conll")
    assert code == 0
    for part in ("boundary", "span of (tokens)", "sentence of (tokens)", "span in training", "(missed)"):
        assert part in out
    assert "1 x LOC taken for PER" in out
    assert "4:  gold [Ada Lovelace]PER left [Paris]LOC" in out
    assert "found [Ada Lovelace]PER left [Paris]PER" in out
    assert "1 of 1 error, in 1 sentence" in out
    assert "no errors" in run("gold.conll", "gold.conll", "--errors", "3")[1]


def test_markup_and_escapes_of_a_corpus_reach_no_terminal(run: Run) -> None:
    run.write(gold="[bold]x[/bold] B-[red]\n\x1b[31m O\n", found="[bold]x[/bold] O\n\x1b[31m B-[red]\n")
    code, out, err = run("gold.conll", "found.conll", "--details", "--errors", "9")
    assert code == 0
    assert "[bold]x[/bold]" in out
    assert "[red]" in out
    assert "\x1b" not in out + err
    assert "\\x1b[31m" in out


def test_seqeval_speaks_of_the_same_spans(run: Run) -> None:
    pytest.importorskip("seqeval")
    code, out, _ = run("gold.conll", "found.conll", "--seqeval")
    assert code == 0
    assert "seqeval's report on the same spans:" in out
    assert ["micro", "avg", "0.6667", "0.6667", "0.6667", "3"] in [line.split() for line in out.splitlines()]
    facts = run.json("gold.conll", "found.conll", "worse.conll", "--seqeval")
    assert facts["seqeval"]["micro avg"]["f1-score"] == pytest.approx(facts["micro"]["f1"])  # type: ignore[index]
    assert facts["other"]["seqeval"]["micro avg"]["f1-score"] == pytest.approx(0.4)  # type: ignore[index]
    assert "seqeval" not in run.json("gold.conll", "found.conll")


def test_seqeval_has_nothing_to_say_of_bare_labels(run: Run) -> None:
    run.write(gold="a N\nb V\n", found="a N\nb N\n")
    code, out, _ = run("gold.conll", "found.conll", "--seqeval")
    assert code == 0
    assert "seqeval compares spans, and bare labels have none" in out
    assert list(run.json("gold.conll", "found.conll", "--seqeval")["seqeval"]) == ["error"]  # type: ignore[call-overload]


def test_without_seqeval_the_error_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "seqeval", None)
    assert run.fails("gold.conll", "none.conll", "--seqeval") == (
        "error: --seqeval: needs the package seqeval, which isn't installed; install it: pip install 'tagger[train]'"
    )
    assert run("gold.conll", "found.conll")[0] == 0


def test_a_page(run: Run) -> None:
    assert run("gold.conll", "found.conll", "--report", "page.html")[0] == 0
    assert "wrong type" in (run.folder / "page.html").read_text(encoding="utf-8")
    assert "cannot be written" in run("gold.conll", "found.conll", "--report", "no/page.html")[2]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            FOUND.replace("Paris", "Rome"),
            "error: found.conll:4: found token 'Rome' where gold.conll:4 has token 'Paris'",
        ),
        (
            FOUND.replace("Paris B-PER\n", ""),
            "error: found.conll:3: found the end of the sentence (after 'left') where gold.conll:4 has token 'Paris'",
        ),
        (
            FOUND.replace("Paris B-PER\n", "Paris B-PER\n! O\n"),
            "error: found.conll:5: found token '!' where gold.conll:4 has the end of the sentence (after 'Paris')",
        ),
        (
            FOUND.split("Zuse")[0],
            "error: gold.conll:6: found sentence 2, which has no counterpart: found.conll ends after 1",
        ),
        (
            FOUND + "\nmore O\n",
            "error: found.conll:9: found sentence 3, which has no counterpart: gold.conll ends after 2",
        ),
    ],
)
def test_files_that_differ_are_named_with_the_place(run: Run, changed: str, message: str) -> None:
    run.write(found=changed)
    line = run.fails("gold.conll", "found.conll")
    assert line.startswith(message), line
    assert "expected the same" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gold.conll", "missing.conll"), "missing.conll: "),
        (("gold.conll", "empty.conll"), "empty.conll:1: found no sentence"),
        (("gold.conll", "found.conll", "--gold-column", "7"), "gold.conll:1: "),
        (("gold.conll", "found.conll", "--predicted-column", "TAG"), "found.conll:1: found no column 'TAG'"),
        (("-", "-"), "found - twice"),
        (("gold.conll", "bare.conll"), "gold has IOB2 tags and predicted has BARE tags"),
        (
            ("strange.conll",),
            "strange.conll:2: found predicted tag 'Q-A', expected O, B-TYPE or I-TYPE (IOB2)",
        ),
        (("gold.conll",), "gold.conll:1: found 2 columns"),
        (("gold.conll",), "name the file with the predicted labels, too, or the columns of both labels"),
        (("words.conllu",), "words.conllu:1: found CoNLL-U, which has one label a token; name the file with"),
    ],
)
def test_faults_are_one_line_each(run: Run, arguments: tuple[str, ...], message: str) -> None:
    (run.folder / "words.conllu").write_text("1\tAda\t_\tPROPN" + "\t_" * 6 + "\n", encoding="utf-8")
    run.write(
        empty="",
        bare="Ada NOUN\nLovelace NOUN\nleft VERB\nParis NOUN\n\nZuse NOUN\nAG NOUN\n",
        strange="Ada B-A B-A\nleft O Q-A\nParis B-A B-A\nAda B-A B-A\n",
    )
    line = run.fails(*arguments)
    assert message in line, line


def test_a_real_corpus_against_itself_with_noise(run: Run) -> None:
    """51,533 tokens: every fact within seconds of processor time (the interval alone has to take under 2 s)."""
    if not SPANISH.exists():
        pytest.skip("the shared corpora are not on this machine")
    corpus = read_corpus(SPANISH)
    rows = []
    for number, sentence in enumerate(corpus.sentences):
        tags = ["O"] * len(sentence) if number % 7 == 0 else sentence.tags
        rows += [*(f"{token} {tag}" for token, tag in zip(sentence.tokens, tags, strict=True)), ""]
    run.write(found="\n".join(rows))
    began = time.process_time()
    facts = run.json(str(SPANISH), "found.conll")
    assert time.process_time() - began < 8
    assert facts["micro"]["precision"] == 1.0  # type: ignore[index]
    low, high = facts["interval"]  # type: ignore[misc]
    assert low < facts["micro"]["f1"] < high  # type: ignore[index, operator]


def test_files_without_a_span_have_an_f1_of_0_and_say_why(run: Run) -> None:
    run.write(none="a O\nb O\n\nc O\n")
    code, out, _ = run("none.conll", "none.conll")
    assert code == 0
    assert "F1 0.00 (95 % interval 0.00 to 0.00)" in out
    assert "no span in gold or predicted: F1 is 0 by convention" in out
    facts = run.json("none.conll", "none.conll")
    assert (facts["micro"]["f1"], facts["macro"]["f1"], facts["token_accuracy"]) == (0.0, 0.0, 1.0)  # type: ignore[index]
    assert str(facts["note"]).startswith("no span in gold or predicted")


def test_thousands_of_types_are_scored_in_linear_time_and_shown_in_short(run: Run) -> None:
    """A wrong column makes a type of every word; tables and matrices of all pairs took minutes."""
    rows = [f"w{i} B-T{i}\n" for i in range(5000)]
    wrong = [f"w{i} B-T0\n" for i in range(4990, 5000)]
    run.write(gold="\n".join(rows), found="\n".join([*rows[:4990], *wrong]))
    began = time.thread_time()
    _, out, _ = run("gold.conll", "found.conll", "--details")
    assert time.thread_time() - began < 10
    assert "... and 4,940 more types" in out
    assert len(out.splitlines()) < 150
    facts = run.json("gold.conll", "found.conll", "--report", "page.html")
    assert len(facts["types"]) == len(facts["type_intervals"]) == 5000  # type: ignore[arg-type]
    assert facts["micro"]["f1"] == 4990 / 5000  # type: ignore[index]
    assert facts["confusion"]["counts"] is None  # type: ignore[index]
    assert {"gold": "T4999", "predicted": "T0", "count": 1} in facts["confusion"]["cells"]  # type: ignore[index]


def test_what_strict_and_lenient_scores_mean_does_not_depend_on_the_options(run: Run) -> None:
    run.write(gold="a B-PER\nb O\nc B-LOC\n", found="a I-PER\nb O\nc B-LOC\n")
    plain, strict = run.json("gold.conll", "found.conll"), run.json("gold.conll", "found.conll", "--strict")
    assert plain["readings"] == strict["readings"]
    assert {name: each["micro"]["recall"] for name, each in plain["readings"].items()} == {  # type: ignore[attr-defined]
        "lenient": 1.0,
        "strict": 0.5,
    }
    assert (plain["reading"], strict["reading"]) == ("lenient", "strict")
    for found in (plain, strict):
        assert found["micro"] == found["readings"][found["reading"]]["micro"]  # type: ignore[index]
