"""`tagger check` end to end: every defect with its line, the tables, JSON and exit codes."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from tagger import cli
from tagger.text import audit
from tagger.text.schemes import Scheme

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run `tagger check` in a folder of files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run_check(*arguments: str, stdin: bytes = b"", **files: str) -> tuple[int, str, str]:
        for name, content in files.items():
            (tmp_path / name).write_text(content, encoding="utf-8", newline="")
        monkeypatch.setattr(sys, "argv", ["tagger", "check", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return int(stopped.value.code or 0), *capsys.readouterr()

    return run_check


def defects(run, *arguments, **files):
    """Return exit code and (path, line, kind) of every defect."""
    code, out, _ = run(*arguments, "--json", **files)
    found = json.loads(out)
    assert found["ok"] == (code == 0)
    return code, [(each["path"], each["line"], each["kind"]) for each in found["defects"]]


def test_a_sound_corpus(run, ten_sentences):
    code, out, _ = run(str(ten_sentences), "--json")
    assert code == 0
    facts = json.loads(out)["files"][0]
    assert (facts["sentences"], facts["tokens"], facts["documents"], facts["spans"]) == (10, 50, 2, 14)
    assert facts["types"] == {"LOC": 7, "PER": 4, "ORG": 3}
    assert facts["tags"]["O"] == 29
    assert facts["longest_sentence"] == {"tokens": 7, "line": 3}
    assert facts["sentence_lengths"] == {"1": 0, "2": 0, "3-5": 6, "6-10": 4}
    assert (facts["scheme"], facts["evidence"]) == (
        "IOB2",
        "all 13 spans after O or another type begin with B",
    )
    assert facts["unknown_words"] is None


def test_every_defect_has_its_line(run):
    train = (
        "a B-X\nb I-X\n\n"  # 1
        "c O\nd I-Y\ne O\n\n"  # 4: I after O
        "f B-X\ng I-Z\n\n"  # 8: I after another type
        "a B-X\nb I-X\n\n"  # 11: repeated
        "a B-X\nb O\n\n"  # 14: labelled otherwise
        "h O extra\n"  # 17: three columns
        "i S-X\n"  # 18: outside the scheme
        "\ufeff\n"  # 19
        "j B-X\nk B-X\nl O\n"
    )
    code, found = defects(run, "train", "--scheme", "IOB2", train=train)
    assert code == 1
    assert found == [
        ("train", 5, "sequence"),
        ("train", 5, "rare-type"),
        ("train", 9, "sequence"),
        ("train", 9, "rare-type"),
        ("train", 14, "two-labellings"),
        ("train", 17, "rows"),
        ("train", 18, "foreign-tag"),
        ("train", 19, "oddity"),
    ]
    sound = train.replace("h O extra\n", "h O\n").replace("S-X", "B-X")
    code, found = defects(run, "train", "--scheme", "IOB2", train=sound)
    assert code == 0
    assert found == [
        ("train", 5, "sequence"),
        ("train", 5, "rare-type"),
        ("train", 9, "sequence"),
        ("train", 9, "rare-type"),
        ("train", 14, "two-labellings"),
        ("train", 19, "oddity"),
    ]


def test_files_are_compared_with_the_first(run):
    train = "a B-X\nb O\n\nc B-X\nd O\n\n"
    dev = "a B-X\nb O\n\ne B-Q\nf O\n\na O\nb O\n"
    code, out, _ = run("train", "dev", "--json", train=train, dev=dev)
    report = json.loads(out)
    assert code == 0
    facts = report["files"][1]
    assert facts["shared_sentences"] == {"train": 2}
    assert (facts["unknown_words"], facts["unknown_tokens"]) == (2, 2)
    assert (facts["repeated_sentences"], facts["evidence"]) == (1, "as in train")
    messages = {(each["line"], each["kind"]): each["message"] for each in report["defects"]}
    assert messages == {
        (1, "leakage"): "this sentence is also in train, line 1",
        (4, "unseen-type"): "type 'Q' (1 span) is not in train: no model can find it",
        (7, "leakage"): "this sentence is also in train, line 1",
        (7, "two-labellings"): "'a' is O here, B-X in the same sentence in train, line 1",
    }


def test_tokens_per_tag_add_up_to_the_tokens(run):
    text = "Ela O\nvem V\nb ?\n. .\n\nVem V\nc ?\n! .\n"
    _, out, _ = run("train", "--json", train=text)
    (facts,) = json.loads(out)["files"]
    assert facts["types"] == {"V": 2, ".": 2, "O": 1}
    assert sum(facts["types"].values()) + facts["unknown_tags"] == facts["tokens"] == 7
    rows = [line.split() for line in run("train", train=text)[1].splitlines()]
    assert ["?", "(not", "known)", "2"] in rows
    assert ["O", "1"] in rows


@pytest.mark.parametrize(
    ("content", "scheme", "spans"),
    [
        ("a PER\nb PER\nc O\nd O\n", "IO", 1),
        ("a B\N{MINUS SIGN}PER\nb I\N{MINUS SIGN}PER\nc O\n", "IOB2", 1),
        ("a PER_B\nb PER_I\nc O\n", "IOB2", 1),
        ("a I-<t>\nb <t>\nc <t>\nd I-<a>\n", "IOB2", 2),
        ("a (GPE*\nb *)\nc *\nd (PERSON)\n", "IOB2", 2),
    ],
)
def test_foreign_notations_are_named_and_counted_as_they_are_read(run, content, scheme, spans):
    code, out, _ = run("train", "--json", train=content)
    report = json.loads(out)
    assert code == 0
    assert (report["files"][0]["scheme"], report["files"][0]["spans"]) == (scheme, spans)
    assert [each["kind"] for each in report["defects"]].count("spelling") == (scheme != "IO")


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ("", "unreadable", "train:1: found no sentence, expected rows of a token and its tag"),
        ("a O\nb O\n", "no-span", "train:1: found no span, expected some to learn from"),
        ("a O\nb TREE\n", "unclear", "train:2: found tags without prefixes, such as TREE, beside O"),
        ("a V\n? ?\n", "unclear", "train:2: found 1 of 1 tokens tagged ? that are question marks"),
        ("a (X*\nb (Y)\nc *)\n", "foreign-tag", "train:2: tag '(Y)' opens a bracket inside that of X"),
        ("a O\nb X-B\nc Y-B\n", "notation", "train:2: tags such as 'X-B' have the prefix behind the type"),
        ("a\n", "unreadable", "train:1: found 1 column, and column 0 would be both token and tag"),
        ("a B-X\nb X\nc O\n", "foreign-tag", "train:2: found tag 'X', expected O, B-TYPE or I-TYPE (IOB2)"),
        ("a\tB-X\n\tO\n", "rows", "train:2: found an empty token in column 0"),
        (
            "1\ta\t_\t_\t_\t_\t_\t_\t_\tNER=B-X\n",
            "oddity",
            "train:1: found only _ in the tag column UPOS, expected tags; there are some elsewhere, "
            "say --tag-column MISC:NER",
        ),
    ],
)
def test_what_would_spoil_training_exits_with_1(run, content, kind, message):
    code, out, _ = run("train", train=content)
    assert code == 1
    assert message in out
    assert "training would go wrong: " in out
    assert kind in [each[2] for each in defects(run, "train", train=content)[1]]


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (
            "a b-x\nb i-x\nc o\n" * 2,
            "spelling",
            "train:1: 6 tags written otherwise in IOB2; b-x is read as B-x",
        ),
        ("a B-X\nb M-X\nc O\n\nd B-X\ne E-X\n", "sequence", "train:3: O follows M-X"),
        (
            "a S-X\nb B-X\n\nc S-X\nd I-X\nd E-X\n",
            "sequence",
            "train:2: B-X ends a sentence, which BIOES leaves open",
        ),
        (
            "# a b c\na B-X\n\na B-X\n",
            "oddity",
            "train:1: 1 line with '#' in front, above a sentence, read as comment",
        ),
        (
            "a B-X\n" * 10_001,
            "long-sentence",
            "train:1: this sentence has 10,001 tokens; are blank lines missing?",
        ),
    ],
)
def test_what_training_can_stand_is_a_warning(run, content, kind, message):
    code, out, _ = run("train", train=content)
    assert code == 0
    assert message in out
    assert "fit for training, " in out
    assert kind in [each[2] for each in defects(run, "train", train=content)[1]]


def test_a_file_in_another_scheme_is_noticed(run):
    files = {"train": "a B-X\nb O\n\nc B-X\n", "dev": "d O\ne I-X\nf I-X\n"}
    code, out, _ = run("train", "dev", **files)
    assert code == 0
    assert "dev:1: read as IOB2, but this file looks like IOB1: the only span after O" in out


def test_the_other_files_are_checked_when_one_cannot_be_read(run):
    code, out, _ = run("nowhere", "dev", dev="d B-X\ne\n")
    assert code == 1
    assert "nowhere: cannot be read: No such file or directory" in out
    assert "dev:2: found 1 column, line 1 has 2" in out


def test_a_file_that_was_cut_is_one_error_at_its_end(run, tmp_path):
    packed = gzip.compress("".join(f"w{i * i} O\n\n" for i in range(2000)).encode())
    (tmp_path / "cut.gz").write_bytes(packed[: len(packed) // 2])
    code, out, _ = run("cut.gz", "--json")
    report = json.loads(out)
    (defect,) = report["defects"]
    assert (code, defect["kind"]) == (1, "unreadable")
    assert 2 * report["files"][0]["tokens"] <= defect["line"] <= 2 * report["files"][0]["tokens"] + 2
    assert defect["message"] == "the gzip stream ends too early, expected a whole one; copy the file again"


def test_tables_and_histogram(run):
    sentence = "w O\n" * 15 + "Li B-PER\n\n"
    train = sentence * 3 + "Peru B-LOC\n\nRio B-LOC\n\n"
    code, out, _ = run("train.conll", "dev.conll", **{"train.conll": train, "dev.conll": "x O\nLi B-PER\n"})
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert ["sentences", "5", "1"] in rows
    assert ["repeated", "sentences", "2", "(40.0", "%)", "0"] in rows
    assert ["PER", "3", "1"] in rows
    (bars,) = [row for row in rows if row[:1] == ["11-20"]]
    assert (set(bars[1]), bars[2:]) == ({"█"}, ["3", "0"])
    assert all(len(line) <= 80 for line in out.splitlines() if "─" in line or "█" in line)


def test_long_lists_are_cut_unless_asked_for(run):
    content = "a B-X\n\n" + "".join(f"w{i} O\nb I-X\n\n" for i in range(30))
    _, out, _ = run("train", "--scheme", "IOB2", train=content)
    assert "train: and 10 more (--limit 0 lists all)" in out
    assert out.count("I-X follows O") == 20
    _, out, _ = run("train", "--limit", "0", "--scheme", "IOB2", train=content)
    assert out.count("I-X follows O") == 30


def test_data_cannot_drive_the_terminal_or_the_markup(run):
    code, out, _ = run("train", train="[bold]x\x1b[31m B-[red]\x1b\n\n[bold]x\x1b[31m O\n")
    assert code == 0
    assert "\x1b" not in out
    assert "[red]\\x1b" in out
    assert "'[bold]x" in out


def test_columns_scheme_encoding_and_standard_input(run):
    content = "1 é B-X N\n2 f I-X V\n".encode("latin-1")
    options = [
        "--token-column",
        "1",
        "--tag-column",
        "-2",
        "--encoding",
        "latin-1",
        "--scheme",
        "iob1",
        "--json",
    ]
    code, out, _ = run("-", *options, stdin=content)
    facts = json.loads(out)["files"][0]
    assert (code, facts["path"], facts["scheme"], facts["types"]) == (0, "<stdin>", "IOB1", {"X": 1})
    code, _, err = run("-", "--scheme", "XYZ", stdin=content)
    assert code in (1, 2)
    assert "expected one of IOB1, IOB2" in err


def test_a_missing_argument_is_a_mistake_of_usage(run):
    code, _, err = run()
    assert code == 2
    assert "Missing argument" in err


def test_help_shows_an_example(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "Example: tagger check train.conll dev.conll test.conll" in out


def test_real_corpora():
    files = ["wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated"]
    paths = [SHARED / "wnut17" / name for name in files]
    if not paths[0].exists():
        pytest.skip("the shared corpora are not here")
    found = audit.audit(paths)
    assert found.is_fit
    assert [facts.tokens for facts in found.files] == [62730, 15733, 23394]
    assert {facts.scheme for facts in found.files} == {Scheme.IOB2}
    assert (str(paths[1]), 1674, "sequence") in [each[:3] for each in found.defects]
    assert (str(paths[1]), 16742, "oddity") in [each[:3] for each in found.defects]


def test_names_of_a_small_file_are_no_words_beside_a_corpus_of_names(run):
    train = "张 B-PER\n三 E-PER\n去 O\n张 B-PER\n三 E-PER\n"
    code, _, _ = run("train", "dev", train=train, dev="李 B-PER\n四 E-PER\n")
    assert code == 0
    code, out, err = run("train", "dev", train=train, dev="李 B\n四 E\n")
    assert code == 1
    assert "found words without types, but labels of tokens in train" in out + err


def test_advice_to_mend_is_given_where_that_may_help(run):
    zero = "Ada B-PER\nmet 0\nLi B-PER\n\n" * 3
    for files, name, is_told in (({"zero.conll": zero}, "zero.conll", True), ({}, "nothing.conll", False)):
        code, _, err = run(name, **files)
        assert code == 1
        assert ("--fix --output MENDED" in err) is is_told, err


def test_no_advice_names_a_pipe_that_has_gone_by(run):
    sound = "Ada B-PER\nleft O\n\n"
    assert (
        run("a.conll", **{"a.conll": sound})[2].splitlines()[-1]
        == "next: tagger train a.conll --output MODEL"
    )
    assert "next:" not in run("-", stdin=sound.encode())[2]
    assert "next:" not in run("-", stdin=b"Ada B-PER\nmet 0\n\n")[2]
