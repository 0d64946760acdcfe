"""`tagger convert` end to end: schemes and formats, what is kept, what is refused."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from itertools import product
from pathlib import Path

import pytest

from tagger import cli
from tagger.cli.signals import ended_by_signals
from tagger.text.conll import read_corpus
from tagger.text.output import write_text
from tagger.text.schemes import Scheme
from tagger.text.tokenizer import conventions

CONLL = "-DOCSTART- -X- O\n\n# id 1 2 3\nAnna NP B-PER\nKeller  NP I-PER\nwon V O\n\nPeru NP B-LOC\n"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run `tagger convert` in a folder of files."""
    monkeypatch.chdir(tmp_path)

    def run_convert(*arguments: str, stdin: str = "", **files: str) -> tuple[int, str, str]:
        for name, content in files.items():
            (tmp_path / name).write_text(content, encoding="utf-8", newline="")
        monkeypatch.setattr(sys, "argv", ["tagger", "convert", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin.encode()))))
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return int(stopped.value.code or 0), *capsys.readouterr()

    return run_convert


def test_only_the_tags_change(run):
    code, out, err = run("in", "-", "--to", "BIOES", **{"in": CONLL})
    assert code == 0
    assert out == CONLL.replace("I-PER", "E-PER").replace("B-LOC", "S-LOC")
    assert "2 sentences, IOB2 (all 2 spans after O or another type begin with B)" in err
    assert "written as BIOES" in err
    assert run("-", "-", "--to", "bioes", stdin=CONLL)[1] == out


def test_a_pipe_with_a_name_is_read_whole(run, tmp_path):
    """Columns are gone through twice, and a pipe can be read but once."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(CONLL,))
    writer.start()
    code, out, err = run("pipe", "-", "--to", "IOB2")
    writer.join()
    assert (code, out) == (0, CONLL), err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_ended_leaves_no_spool(tmp_path, number):
    command = [sys.executable, "-m", "tagger", "convert", "-", "out", "--format", "jsonl"]
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while (
        not list(tmp_path.glob("tagger-*")) and time.monotonic() < until
    ):  # Python tries the folder out first
        time.sleep(0.01)
    assert list(tmp_path.glob("tagger-*"))
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number, error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_sigterm_while_a_file_is_written_leaves_nothing_of_it(tmp_path):
    def pieces():
        yield "a"
        assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
        signal.raise_signal(signal.SIGTERM)
        yield "b"

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, ended_by_signals():
        write_text(tmp_path / "out", pieces())
    assert ended.value.code == 143
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("form", ["conll", "jsonl"])
def test_memory_is_bounded_where_columns_are_read(run, tmp_path, monkeypatch, form):
    monkeypatch.setattr("tagger.text.files.BLOCK", 1 << 14)
    monkeypatch.setattr(conventions, "_ENOUGH", 1000)  # tokens looked at to tell words from characters
    (tmp_path / "first").write_text("token B-LABEL\nanother O\n\n")
    run("first", "out", "--format", form)  # imports, caches
    peaks = []
    for count in (5_000, 15_000):  # in memory, 10,000 more sentences take 3 MB
        (tmp_path / "long").write_text("token B-LABEL\nanother O\n\n" * count)
        tracemalloc.start()
        assert run("long", "out", "--format", form, "--to", "BIOES")[0] == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2e5


@pytest.mark.parametrize(("source", "target"), list(product([s for s in Scheme if s.has_prefixes], repeat=2)))
def test_schemes_and_back(run, ten_sentences, source, target):
    assert run(str(ten_sentences), "a", "--to", source, "--scheme", "IOB2")[0] == 0
    assert run("a", "b", "--to", target, "--scheme", source)[0] == 0
    assert run("b", "c", "--to", "IOB2", "--scheme", target)[0] == 0
    assert (ten_sentences.parent / "c").read_text() == ten_sentences.read_text()


@pytest.mark.parametrize("scheme", [s for s in Scheme if s.has_prefixes])
def test_io_and_back_keeps_what_does_not_touch(run, scheme):
    text = "Anna\tB-PER\nKeller\tI-PER\nin\tO\nNew\tB-LOC\nYork\tI-LOC\n\nLi\tB-PER\nRome\tB-LOC\n.\tO\n"
    assert run("in", "a", "--to", "IO", "--scheme", "IOB2", **{"in": text})[0] == 0
    assert Path("a").read_text() == text.replace("B-", "").replace("I-", "")
    assert run("a", "b", "--to", scheme)[0] == 0
    assert run("b", "c", "--to", "IOB2", "--scheme", scheme)[0] == 0
    assert Path("c").read_text() == text


def test_how_many_spans_io_merges_is_said(run, ten_sentences):
    code, out, err = run(str(ten_sentences), "-", "--to", "IO")
    assert code == 0
    assert "Peru LOC\nBrazil LOC\nand O\n" in out
    assert err.endswith("written as IO; 1 span became one with the span before, of the same type\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a PER\nb PER\nc O\nd LOC\n", "a B-PER\nb I-PER\nc O\nd B-LOC\n"),  # IO
        ("a B\N{MINUS SIGN}PER\nb I\N{MINUS SIGN}PER\nc O\n", "a B-PER\nb I-PER\nc O\n"),
        ("a B-PER\nb I\N{MINUS SIGN}PER\nc O\n", "a B-PER\nb I-PER\nc O\n"),
        ("a B:PER\nb I:PER\nc O\n", "a B-PER\nb I-PER\nc O\n"),
        ("a B|PER\nb I|PER\nc O\n", "a B-PER\nb I-PER\nc O\n"),
        ("a PER_B\nb PER_I\nc O\n", "a B-PER\nb I-PER\nc O\n"),
        ("a PER-B\nb PER-I\nc O\n", "a B-PER\nb I-PER\nc O\n"),
        ("a I-<t>\nb <t>\nc <t>\nd I-<a>\ne <other>\n", "a B-t\nb I-t\nc I-t\nd B-a\ne O\n"),
        ("a (GPE*\nb *)\nc *\nd (PERSON)\n", "a B-GPE\nb I-GPE\nc O\nd B-PERSON\n"),
    ],
)
def test_foreign_notations_are_rewritten(run, text, expected):
    code, out, err = run("in", "-", "--to", "IOB2", **{"in": text})
    assert (code, out) == (0, expected), err
    if "LOC" not in text:  # IO is a scheme, not another way to write one
        assert re.search("warning: .* tags? written otherwise in IOB2|read from brackets", err)


def test_brackets_are_written_in_other_formats_too(run):
    text = "a (GPE*\nb *)\nc *\nd (PERSON)\n"
    code, out, _ = run("in", "-", "--format", "jsonl", **{"in": text})
    assert code == 0
    found = json.loads(out)
    assert [(each["type"], each["start"], each["end"]) for each in found["spans"]] == [
        ("GPE", 0, found["text"].index("b") + 1),
        ("PERSON", found["text"].index("d"), len(found["text"])),
    ]


def test_a_label_that_is_a_question_mark_is_renamed(run):
    text = "Quem PRO\nvem V\n? ?\n\nEla O\n. .\n"
    code, _, err = run("in", "-", **{"in": text})
    assert code == 1
    assert err.startswith(
        "error: in:3: found 1 of 1 tokens tagged ? that are question marks, expected another label"
    )
    assert err.endswith("rename it (tagger convert IN OUT --rename '?=QUESTION')\n")
    code, out, _ = run("in", "-", "--rename", "?=QUESTION", **{"in": text})
    assert (code, out) == (0, text.replace("? ?", "? QUESTION"))
    code, _, err = run("in", "-", "--rename", "XY=Z", **{"in": text})
    assert (code, err) == (1, "error: in: found no tag 'XY' to rename, expected one of ., ?, O, PRO, V\n")
    assert run("in", "-", "--rename", "XY", **{"in": text})[0] == 2


def test_that_o_is_no_label_elsewhere_is_said(run):
    text = "Ela O\nvem V\n. .\n\nEle O\nx ?\nvem V\n"
    expected = "warning: 2 tokens labelled O, which is no label in {}; --rename O=LABEL keeps it"
    for option, place in (("--to", "IOB2"), ("--format", "inline")):
        assert expected.format(place) in run("in", "-", option, place, **{"in": text})[2]
    code, out, err = run("in", "-", "--rename", "O=PRO", "--to", "IOB2")
    assert (code, out) == (0, "Ela B-PRO\nvem B-V\n. B-.\n\nEle B-PRO\nx ?\nvem B-V\n")
    assert "labelled O" not in err
    assert "warning: 1 token tagged ?, not known: neither learnt nor scored (first: line 6)" in err
    assert "labelled O" not in run("in", "-")[2]


def test_tags_without_prefixes_beside_o_are_asked_about(run):
    code, _, err = run("in", "-", "--to", "IOB2", **{"in": "a O\nb TREE\n"})
    assert code == 1
    assert err.startswith(
        "error: in:2: found tags without prefixes, such as TREE, beside O, expected to know whether"
    )
    assert (
        "say --scheme IO (it is, and a run of one tag is a span) or --scheme BARE (O is a label too)" in err
    )
    assert run("in", "-", "--to", "IOB2", "--scheme", "IO")[1] == "a O\nb B-TREE\n"


@pytest.mark.parametrize("form", ["jsonl", "tags", "doccano", "labelstudio", "brat", "conllu"])
def test_formats_and_back(run, ten_sentences, form):
    assert run(str(ten_sentences), "a", "--format", form)[0] == 0
    options = ["--tokens", "blanks", "--lines"] if form in ("doccano", "labelstudio", "brat") else []
    options += ["--tag-column", "MISC:NER"] if form == "conllu" else []
    code, _, err = run("a", "b.conll", "--input-format", form, *options)
    assert code == 0, err
    first, second = read_corpus(ten_sentences), read_corpus(ten_sentences.parent / "b.conll")
    for old, new in zip(first.sentences, second.sentences, strict=True):
        assert (old.tokens, old.tags, old.document) == (new.tokens, new.tags, new.document)


@pytest.mark.parametrize(
    ("form", "begin"),
    [
        ("inline", "<PER>Anna Keller</PER> flew to <LOC>New York</LOC> .\n"),
        ("tsv", "doc\tstart\tend\ttype\ttext\tconfidence\n"),
        ("html", "<!DOCTYPE html>"),
        (
            "csv",
            "\ufefffile,sentence,left,match,right,type,confidence,start,end\r\nten.conll,1,,Anna Keller,",
        ),
    ],
)
def test_a_corpus_is_written_as_predictions_are(run, ten_sentences, form, begin):
    code, out, err = run(str(ten_sentences), "-", "--format", form)
    assert code == 0, err
    assert out.startswith(begin)
    code, _, err = run(str(ten_sentences), "x", "--input-format", form)
    assert code == 2
    assert (
        f"found '{form}', expected conll, conllu, segmented, wordpos, jsonl, tags, doccano, "
        "labelstudio, prodigy or brat" in " ".join(err.replace("│", " ").split())
    )


def test_a_workbook_is_written_to_a_file_alone(run, ten_sentences, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    code, _, err = run(str(ten_sentences), "-", "--format", "xlsx")
    assert code == 2
    assert "xlsx is no text to be printed; name a file" in " ".join(err.replace("│", " ").split())
    assert run(str(ten_sentences), "x.xlsx")[0] == 0
    rows = list(openpyxl.load_workbook("x.xlsx").active.iter_rows(values_only=True))
    assert rows[1] == ("ten.conll", 1, None, "Anna Keller", "flew to New York .", "PER", None, 0, 11)


def test_help_names_every_format():
    from tagger.cli.convert import _FORMATS
    from tagger.text.formats import list_formats

    assert list(_FORMATS) == list_formats(of_input=True)


def test_formats_go_by_the_name(run, ten_sentences):
    run(str(ten_sentences), "a.jsonl", "--to", "IOB1", "--format", "tags")
    first = json.loads((ten_sentences.parent / "a.jsonl").read_text().split("\n")[0])
    assert first["tokens"] == ["Anna", "Keller", "flew", "to", "New", "York", "."]
    assert first["tags"] == ["I-PER", "I-PER", "O", "O", "I-LOC", "I-LOC", "O"]
    code, out, _ = run("a.jsonl", "-", "--format", "conll", "--separator", "space", "--to", "IOB2")
    assert code == 0
    assert out == ten_sentences.read_text().removeprefix("-DOCSTART- O\n\n") + "\n"


def test_columns_are_chosen(run):
    code, out, _ = run("in", "-", "--columns", "1,0", **{"in": CONLL})
    assert code == 0
    assert out.startswith("# id 1 2 3\nAnna\tNP\tAnna\tB-PER\n")


def test_conllu_keeps_its_other_lines(run):
    head = "# sent_id = 1\n1-2\tal\t_\t_\t_\t_\t_\t_\t_\t_\n"
    rows = "1\ta\ta\tADP\tE\t_\t0\troot\t_\tNER=B-X\n2\tel\tel\tDET\tD\t_\t1\tdet\t_\tGloss=the|NER=I-X\n\n"
    code, out, _ = run(
        "x.conllu", "-", "--tag-column", "MISC:NER", "--to", "BIOES", **{"x.conllu": head + rows}
    )
    assert (code, out) == (0, head + rows.replace("I-X", "E-X"))


UPOS = "1\tAnn\tAnn\tPROPN\tNNP\tNumber=Sing\t2\tnsubj\t_\tNER=B-PER|Gloss=a\n"
UPOS += "2-3\tdunno\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n2\tdo\tdo\tAUX\tVB\t_\t0\troot\t_\t_\n"
UPOS += "3\tn't\tnot\tPART\tRB\t_\t2\tneg\t_\t_\n\n"


def test_only_the_column_of_the_tag_changes_in_conllu(run):
    code, out, err = run(
        *("x.conllu", "-", "--tag-column", "MISC:NER", "--output-column", "MISC:ENT"), **{"x.conllu": UPOS}
    )
    assert (code, out) == (0, UPOS.replace("NER=B-PER|Gloss=a", "NER=B-PER|Gloss=a|ENT=B-PER"))
    assert "warning" not in err
    code, out, _ = run("x.conllu", "-", "--output-column", "XPOS")
    assert (code, out) == (0, UPOS.replace("NNP", "PROPN").replace("VB", "AUX").replace("RB", "PART"))


def test_columns_without_a_place_are_named(run):
    columns = "Ann\tNNP\tB-NP\tB-PER\nran\tVBD\tB-VP\tO\n\n"
    code, out, err = run("in", "-", "--format", "conllu", **{"in": columns})
    assert (code, out.splitlines()[1]) == (0, "1\tAnn" + "\t_" * 7 + "\tNER=B-PER")
    assert (
        "warning: columns 1, 2 of IN left out: conllu has no place for them; --columns 1 keeps one as XPOS"
        in err
    )
    code, out, err = run("in", "-", "--format", "conllu", "--columns", "1")
    assert out.splitlines()[1:3] == [
        "1\tAnn\t_\t_\tNNP" + "\t_" * 4 + "\tNER=B-PER",
        "2\tran\t_\t_\tVBD" + "\t_" * 5,
    ]
    assert "warning: column 2 of IN left out: conllu has no place for it\n" in err
    _, _, err = run("in", "-", "--format", "doccano")
    assert "warning: columns 1, 2 of IN left out: doccano has no place for them\n" in err
    assert "left out" not in run("in", "-", "--columns", "1")[2]  # as asked for
    assert "left out" not in run("in", "-", "--to", "BIOES")[2]  # they stay
    _, _, err = run("x.conllu", "-", "--format", "conll", **{"x.conllu": UPOS})
    assert "warning: the other columns of CoNLL-U are left out: conll has no place for them\n" in err
    code, out, err = run("in", "-", "--format", "conllu", "--columns", "1,2")
    assert (code, out) == (2, "")
    assert "CoNLL-U has one place for it, XPOS; name one column" in " ".join(err.replace("│", " ").split())


def test_comments_without_a_place_are_counted(run):
    text = "# id 1\na\tO\n\n# id 2\nb\tB-X\n\n"
    assert (
        "warning: 2 comments left out: the format holds none\n"
        in run("in", "-", "--format", "doccano", **{"in": text})[2]
    )
    _, out, err = run("in", "-", "--format", "jsonl")
    assert [json.loads(line)["comments"] for line in out.splitlines()] == [["# id 1"], ["# id 2"]]
    assert "left out" not in err


def test_jsonl_is_one_format_and_its_former_name_is_taken(run, ten_sentences):
    one, other = (run(str(ten_sentences), "-", "--format", name) for name in ("jsonl", "spans"))
    assert one == other
    first = json.loads(one[1].splitlines()[0])
    assert list(first) == ["doc", "start", "end", "text", "tokens", "spans"]
    (ten_sentences.parent / "x.jsonl").write_text(one[1])
    assert run("x.jsonl", "-", "--input-format", "spans", "--format", "jsonl")[1] == one[1]


@pytest.mark.parametrize("misaligned", ["trim", "error"])
def test_oddities_of_a_pipe_go_by_its_name(run, misaligned):
    line = json.dumps({"text": "The Ann Lee.", "label": [[3, 11, "PER"]]})
    _, _, err = run("-", "-", "--input-format", "jsonl", "--misaligned", misaligned, stdin=line)
    assert "<stdin>:1" in err
    assert "/tagger-" not in err


def test_texts_of_conllu_are_warned_of_once(run):
    content = UPOS.replace("1\tAnn", "# text = Ann do n't\n1\tAnn", 1) + UPOS
    code, out, err = run(
        *("x.conllu", "-", "--tag-column", "MISC:NER", "--format", "doccano"), **{"x.conllu": content}
    )
    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["Ann dunno", "Ann dunno"]
    assert err.count("warning: 1 sentence whose '# text' is not what its tokens spell") == 1
    assert "(first: x.conllu:2)" in err


def test_spans_that_do_not_fit_are_named_and_nothing_is_written(run, tmp_path):
    records = [
        {"text": "New Yorkers", "label": [[4, 8, "LOC"]]},
        {"text": "in Peru", "label": [[2, 7, "LOC"]]},
    ]
    content = "".join(json.dumps(record) + "\n" for record in records)
    code, _, err = run("x.jsonl", "out", **{"x.jsonl": content})
    assert code == 1
    assert "x.jsonl:1: span LOC 4-8 'York' cuts the token 'Yorkers' (4-11)" in err
    assert "x.jsonl:2: span LOC 2-7 ' Peru' begins or ends in white space" in err
    assert err.splitlines()[-1].startswith("error: x.jsonl: 2 spans do not fit tokens; mend them, or say")
    assert not (tmp_path / "out").exists()
    code, out, err = run("x.jsonl", "-", "--format", "conll", "--misaligned", "split")
    assert (code, out) == (0, "New\tO\nYork\tB-LOC\ners\tO\n\nin\tO\nPeru\tB-LOC\n\n")
    assert "cuts the token" in err


@pytest.mark.parametrize(
    ("record", "option", "tags"),
    [
        ({"text": "\U0001f600 Al left", "label": [[3, 5, "PER"]]}, "--offsets=utf16", "O B-PER O"),
        ({"body": "Al left", "label": [[0, 2, "PER"]]}, "--text-field=body", "B-PER O"),
        ({"tokens": ["Al", "left"], "ner_tags": [1, 0]}, "--tag-names=O, B-PER", "B-PER O"),
        ({"text": "Al left", "spans": [], "answer": "ignore"}, "--unlabelled=unknown", "? ?"),
        ({"text": "Al left"}, "--unlabelled=O", "O O"),
        (
            {
                "data": {"text": "Al left"},
                "annotations": [
                    {"completed_by": 1, "result": []},
                    {"completed_by": 2, "result": [{"value": {"start": 0, "end": 2, "labels": ["PER"]}}]},
                ],
            },
            "--annotator=2",
            "B-PER O",
        ),
    ],
)
def test_options_for_json_reach_it(run, record, option, tags):
    content = json.dumps(record)
    code, out, _ = run("x.json", "-", "--format", "conll", option, **{"x.json": content})
    assert (code, [row.split("\t")[1] for row in out.splitlines() if row]) == (0, tags.split())
    code, out, err = run("x.json", "-", "--format", "conll")
    assert (code, out) == (1, "")
    assert err.startswith("error: x.json:1: found")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["in", "out", "--tag-names", "O,,B-PER"], 2, "found the tag '', expected names without"),
        (["in", "out", "--offsets", "bytes"], 2, "expected codepoints, utf16 or utf8"),
        (["in", "out", "--unlabelled", "drop"], 2, "expected skip, unknown or O"),
        (["in", "out", "--format", "xml"], 2, "expected conll, conllu, segmented, wordpos, jsonl"),
        (["in", "out", "--misaligned", "maybe"], 2, "expected error, trim, split, skip or unknown"),
        (["in", "-", "--format", "brat"], 2, "brat is a pair of files"),
        (
            ["in", "-", "--format", "conllu", "--output-column", "NER"],
            2,
            "found 'NER', expected one of LEMMA, UPOS,",
        ),
        (
            ["in", "-", "--format", "conllu", "--output-column", "1"],
            2,
            "found '1', expected one of LEMMA, UPOS,",
        ),
        (["in", "-", "--output-column", "UPOS"], 2, "only CoNLL-U has such columns, and OUT is conll"),
        (["in"], 2, "Missing argument"),
        (["in", "out", "--to", "XYZ"], 2, "expected one of IOB1, IOB2"),
        (["nowhere", "out"], 1, "error: nowhere: cannot be read: No such file or directory"),
        (
            ["in", "no/out"],
            1,
            "no/out: cannot be written: No such file or directory; choose another OUT",
        ),
        (["in", "out", "--scheme", "BMES"], 1, "error: in:5: found tag 'I-PER', expected O, B-TYPE, M-TYPE"),
        (["-", "out"], 1, "error: <stdin>:1: found no sentence"),
        (["in", "out", "--token-column", "7"], 1, "error: in:4: found 3 columns, expected a column 7"),
    ],
)
def test_mistakes(run, tmp_path, arguments, code, message):
    found, out, err = run(*arguments, **{"in": CONLL})
    assert found == code
    assert message in " ".join(err.replace("│", " ").split())
    assert (out, (tmp_path / "out").exists()) == ("", False)


def test_help_shows_an_example(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "Example: tagger convert train.conll train.bioes.conll --to BIOES" in out
