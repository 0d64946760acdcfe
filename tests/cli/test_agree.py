"""`tagger agree` end to end: tables, disagreements with their places, the page, merged files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from commands import Run

ADA = "Anna B-PER\nKeller I-PER\nflew O\nto O\nNew B-LOC\nYork I-LOC\n\nRome B-LOC\nslept O\n"
LI = ADA.replace("Keller I-PER", "Keller O").replace("Rome B-LOC", "Rome B-ORG")
BO = ADA.replace("Anna B-PER\nKeller I-PER", "Anna O\nKeller O")


@pytest.fixture
def files(run: Run, tmp_path: Path) -> Path:
    for name, text in (("ada", ADA), ("li", LI), ("bo", BO)):
        (tmp_path / f"{name}.conll").write_text(text, encoding="utf-8")
    return tmp_path


def test_two_annotators_and_where_they_differ(run: Run, files: Path) -> None:
    done = run("agree", "ada.conll", "li.conll")
    assert done.code == 0
    assert "ada.conll:1: 'Anna Keller': ada: PER; li: PER 'Anna'" in done.out
    assert "ada.conll:8: 'Rome': ada: LOC; li: ORG" in done.out
    assert "Krippendorff's alpha of spans" in done.out
    assert "2 disagreements in 2 sentences" in " ".join(done.out.split())
    assert "li.conll: IOB2" in done.err
    assert (
        "and 1 more disagreement (--limit 0 lists all"
        in run("agree", "ada.conll", "li.conll", "--limit", "1").out
    )


def test_more_than_two_have_fleiss_kappa_as_well(run: Run, files: Path) -> None:
    done = run("agree", "ada.conll", "li.conll", "bo.conll")
    assert "Fleiss' kappa" in " ".join(done.out.split())
    assert "ada.conll:1: 'Anna Keller': ada: PER; li: PER 'Anna'; bo: nothing" in done.out


def test_the_page_holds_every_sentence_with_a_disagreement(run: Run, files: Path) -> None:
    assert run("agree", "ada.conll", "li.conll", "bo.conll", "--report", "page.html").code == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count("<article") == 2
    assert "other type: ada <b>LOC</b> “Rome”, li <b>ORG</b> “Rome”, bo <b>LOC</b> “Rome”" in page
    assert "not marked by all" in page
    assert '<span class="role">ada, bo</span>' in page  # who read the sentence alike share a line
    assert "http" not in page.replace('http-equiv="', "")


def test_each_two_of_three_stand_in_a_matrix_with_their_intervals(run: Run, files: Path) -> None:
    done = run("agree", "ada.conll", "li.conll", "bo.conll", "--report", "page.html", "--json")
    page = Path("page.html").read_text(encoding="utf-8")
    facts = json.loads(done.out)
    for pair in facts["pairs"]:
        low, high = pair["interval"]
        what = f"{' / '.join(pair['annotators'])}: F1 {100 * pair['f1']:.2f}, 95 % interval "
        assert page.count(f"<title>{what}{100 * low:.2f} to {100 * high:.2f}</title>") == 2  # both ways round
    assert "deepest" not in _page_of("ada.conll", "li.conll", run)
    assert "95 % interval" in " ".join(run("agree", "ada.conll", "li.conll").out.split())


def _page_of(first: str, second: str, run: Run) -> str:
    assert run("agree", first, second, "--report", "two.html").code == 0
    return Path("two.html").read_text(encoding="utf-8")


def test_what_a_corpus_says_is_no_markup(run: Run, files: Path) -> None:
    Path("one.conll").write_text("<script> B-<b>\nx O\n", encoding="utf-8")
    Path("two.conll").write_text("<script> O\nx B-<b>\n", encoding="utf-8")
    done = run("agree", "one.conll", "two.conll", "--report", "page.html")
    assert "'<script>': one: <b>; two: nothing" in done.out
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count("<script>") == 1
    assert "<b>&lt;b&gt;</b>" in page


def test_the_merged_corpus_keeps_the_columns_of_the_first_file(run: Run, files: Path) -> None:
    def widen(text: str) -> str:
        return "# a comment of five words\n" + "".join(
            line.replace(" ", " x ", 1) if line.strip() else line for line in text.splitlines(keepends=True)
        )

    for name in ("ada", "li", "bo"):
        path = Path(f"{name}.conll")
        path.write_text(widen(path.read_text(encoding="utf-8")), encoding="utf-8")
    arguments = ("agree", "ada.conll", "li.conll", "bo.conll", "--merge")
    assert run(*arguments, "majority", "-o", "out.conll").code == 0
    merged = widen(ADA).replace("Anna x B-PER\nKeller x I-PER", "Anna x O\nKeller x O")
    assert Path("out.conll").read_text(encoding="utf-8") == merged
    done = run(*arguments, "?", "-o", "out.conll")
    assert "3 tokens tagged ? -> out.conll" in done.err
    assert Path("out.conll").read_text(encoding="utf-8").count(" ?\n") == 3


def test_segmented_text_stays_segmented_text(run: Run, tmp_path: Path) -> None:
    Path("a.seg").write_text("我 爱 北京 大学\n他 来\n", encoding="utf-8")
    Path("b.seg").write_text("我 爱 北京大学\n他 来\n", encoding="utf-8")
    done = run("agree", "a.seg", "b.seg", "--merge", "union", "-o", "out.seg", "--task", "words")
    assert done.code == 0, done.err
    assert Path("out.seg").read_text(encoding="utf-8") == "我 爱 北京 大学\n他 来\n"
    run("agree", "a.seg", "b.seg", "--merge", "?", "-o", "out.conll", "--task", "words")
    assert "大 ?" in Path("out.conll").read_text(encoding="utf-8").replace("\t", " ")


def test_a_folder_of_texts_has_texts_for_lines(run: Run, tmp_path: Path) -> None:
    for name, span in (("ada", "T1\tPER 0 4\tAnna\n"), ("li", "")):
        Path(name).mkdir()
        Path(name, "news.txt").write_text("Anna flew.\n", encoding="utf-8")
        Path(name, "news.ann").write_text(span, encoding="utf-8")
    done = run("agree", "ada", "li", "--report", "page.html")
    assert "ada/news: 'Anna': ada: PER; li: nothing" in done.out
    assert ">ada/news</a>" in Path("page.html").read_text(encoding="utf-8")


def test_packed_files(run: Run, files: Path) -> None:
    Path("li.conll.gz").write_bytes(gzip.compress(LI.encode()))
    assert run("agree", "ada.conll", "li.conll.gz", "-q").code == 0


def test_mistakes_of_users(run: Run, files: Path) -> None:
    Path("other.conll").write_text(ADA.replace("Rome", "Paris"), encoding="utf-8")
    assert (
        "found token 'Paris' where ada.conll:8 has token 'Rome'"
        in run("agree", "ada.conll", "other.conll").error
    )
    for arguments, message in (
        (("ada.conll",), "found one file, expected those of two annotators or more"),
        (("ada.conll", "li.conll", "--merge", "?"), "--merge and --output go together; one is missing"),
        (("ada.conll", "li.conll", "-o", "x.conll"), "--merge and --output go together; one is missing"),
    ):
        done = run("agree", *arguments)
        assert (done.code, message in " ".join(done.err.replace("│", " ").split())) == (2, True), done.err
    assert "is also read" in run("agree", "ada.conll", "li.conll", "--merge", "?", "-o", "li.conll").error
    assert "expected at most one file from the standard input" in run("agree", "-", "-").error


def test_nothing_marked_is_said(run: Run, files: Path) -> None:
    Path("none.conll").write_text("Anna O\nflew O\n", encoding="utf-8")
    done = run("agree", "none.conll", "none.conll")
    assert "nobody marked anything: F1 is 0 by convention" in " ".join(done.out.split())


def test_many_annotators_share_a_column_of_f1(run: Run, files: Path) -> None:
    done = run("agree", "ada.conll", "li.conll", "bo.conll", "ada.conll")
    (heading,) = (line for line in done.out.splitlines() if "alpha" in line and "type" in line)
    assert heading.split()[:3] == ["type", "alpha", "F1"]
    assert done.out.count("1: ada.conll / ") == 3
