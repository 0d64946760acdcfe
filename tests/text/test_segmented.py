"""Lines of words in the dialects of those who make corpora, each with the exact words, tags and lines it holds."""

from __future__ import annotations

import gzip
import io
import os
import threading

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tagger.errors import DataError
from tagger.text import conll
from tagger.text.conll import Columns
from tagger.text.conll.lineform import find_form
from tagger.text.schemes import Scheme, Task, tags_to_spans


@pytest.fixture
def write(tmp_path):
    def make(text, encoding="utf-8"):
        path = tmp_path / "x"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return make


def words_of(corpus):
    """Return for each sentence its words, or its words with their types, as its tags say."""
    found = []
    for sentence in corpus.sentences:
        spans = tags_to_spans(sentence.tags, corpus.scheme)
        words = ["".join(sentence.tokens[start:end]) for _, start, end in spans]
        types = [type_ for type_, _, _ in spans]
        found.append(list(zip(words, types, strict=True)) if any(types) else words)
    return found


def read(path, encoding="utf-8", **columns):
    return conll.read_corpus(path, columns=Columns(**columns), encoding=encoding)


def faults_of(path, **columns):
    found = []
    sentences = list(
        conll.read_sentences(path, columns=Columns(**columns), on_fault=lambda each: found.append(str(each)))
    )
    return [each.partition(":")[2] for each in found], [each.line for each in sentences]


SEGMENTED = {
    "PKU: two blanks, and behind the last word": (
        "迈向  充满  希望  的  新  世纪  \n（  新华社  记者  摄  ）  \n",
        [["迈向", "充满", "希望", "的", "新", "世纪"], ["（", "新华社", "记者", "摄", "）"]],
    ),
    "MSR: a line begins with a quotation mark or blanks": (
        "“  人们  常  说  生活  是  教科书\n  ”  他  来  了  。\n",
        [["“", "人们", "常", "说", "生活", "是", "教科书"], ["”", "他", "来", "了", "。"]],
    ),
    "AS: full-width blanks, also in front": (
        "\ufeff　許多　社區\r\n地方　的　語言　。\r\n",
        [["許多", "社區"], ["地方", "的", "語言", "。"]],
    ),
    "CITYU: one blank": ("我們 愛 香港\n他們 也 愛 。\n", [["我們", "愛", "香港"], ["他們", "也", "愛", "。"]]),
    "tabs and no-break spaces": ("我们\t爱\u00a0 北京\t。\n他\t来\n", [["我们", "爱", "北京", "。"], ["他", "来"]]),
    "Latin words, numbers, an emoji, combining marks": (
        "我  用  iPhone  15  Pro  👩‍👩‍👧  发  微博\n他  说  cafe\u0301  很  好\n",
        [["我", "用", "iPhone", "15", "Pro", "👩‍👩‍👧", "发", "微博"], ["他", "说", "cafe\u0301", "很", "好"]],
    ),
    "one line": ("我  爱  北京", [["我", "爱", "北京"]]),
    "lines of one word": (
        "北京  大学\n上海\n。\n他  也  来  了\n",
        [["北京", "大学"], ["上海"], ["。"], ["他", "也", "来", "了"]],
    ),
    "as many words on each line": (
        "我 爱 北京 。\n他 爱 上海 。\n",
        [["我", "爱", "北京", "。"], ["他", "爱", "上海", "。"]],
    ),
    "Japanese": ("私 は 東京 に 行く 。\n彼 も 。\n", [["私", "は", "東京", "に", "行く", "。"], ["彼", "も", "。"]]),
    "Thai": ("ผม รัก เมือง ไทย\nเขา ไป บ้าน\n", [["ผม", "รัก", "เมือง", "ไทย"], ["เขา", "ไป", "บ้าน"]]),
    "Lao": ("ຂ້ອຍ ຮັກ ລາວ\nເຂົາ ໄປ\n", [["ຂ້ອຍ", "ຮັກ", "ລາວ"], ["ເຂົາ", "ໄປ"]]),
    "Khmer: blanks of no width": (
        "ខ្ញុំ\u200bស្រឡាញ់\u200bភាសា\nគាត់\u200bទៅ\n",
        [["ខ្ញុំ", "ស្រឡាញ់", "ភាសា"], ["គាត់", "ទៅ"]]),
    "a blank of no width inside a word": (
        "毒\u200b\u200b物  很  多\n他  来\n",
        [["毒\u200b\u200b物", "很", "多"], ["他", "来"]]),
    "odd first lines": (
        "Corpus v1.0\nread me first\n我们  爱  北京\n他  也  爱  上海  。\n你  呢  ？\n",
        [["Corpus", "v1.0"], ["read", "me", "first"], ["我们", "爱", "北京"],
         ["他", "也", "爱", "上海", "。"], ["你", "呢", "？"]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEGMENTED)
def test_segmented_text_of_every_dialect(write, name):
    text, expected = SEGMENTED[name]
    corpus = read(write(text))
    assert words_of(corpus) == expected
    assert (corpus.task, corpus.scheme) == (Task.WORDS, Scheme.BMES)
    plain = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip("\ufeff \t")]
    assert [each.line for each in corpus.sentences] == list(range(1, len(plain) + 1))
    for sentence in corpus.sentences:
        places = sentence.excerpt.tokens
        assert tuple(sentence.excerpt.text[start:end] for start, end in places) == sentence.tokens


JOINT = {
    "CTB": (
        "上海_NR 浦东_NR 开发_NN 的_DEC ._PU\n__PU A_B_NN-SHORT 好_VA\n",
        [[("上海", "NR"), ("浦东", "NR"), ("开发", "NN"), ("的", "DEC"), (".", "PU")],
         [("_", "PU"), ("A_B", "NN-SHORT"), ("好", "VA")]],
    ),
    "CTB with its markup": (
        "<DOC>\n<S ID=1>\n上海_NR 好_VA\n</S>\n</DOC>\n<DOC>\n<DOCID> chtb_2 </DOCID>\n<S ID=2>\n他_PN 来_VV\n</S>\n",
        [[("上海", "NR"), ("好", "VA")], [("他", "PN"), ("来", "VV")]],
    ),
    "People's Daily": (
        "19980101-01-001-001/m  迈向/v  充满/v  希望/n  。/w\n"
        "19980101-01-001-002/m  [中央/n  人民/n  广播/vn  电台/n]nt  只{zhi3}/d  说/v\n",
        [[("迈向", "v"), ("充满", "v"), ("希望", "n"), ("。", "w")],
         [("中央", "n"), ("人民", "n"), ("广播", "vn"), ("电台", "n"), ("只", "d"), ("说", "v")]],
    ),
    "PFR 2014: brackets inside brackets": (
        "[[中国/ns 科学院/n]/nt 研究所/n]/nt 的/ude1 [台/n]nz 人/n\n他/rr 来/v\n",
        [[("中国", "ns"), ("科学院", "n"), ("研究所", "n"), ("的", "ude1"), ("台", "n"), ("人", "n")],
         [("他", "rr"), ("来", "v")]],
    ),
    "brackets that are words": ("[/w 中文/n ]/w 好/a\n他/r [/w 说/v\n",
        [[("[", "w"), ("中文", "n"), ("]", "w"), ("好", "a")], [("他", "r"), ("[", "w"), ("说", "v")]]),
    "full-width separators": ("我／r 爱／v 北京／ns\n他／r 来／v\n",
        [[("我", "r"), ("爱", "v"), ("北京", "ns")], [("他", "r"), ("来", "v")]]),
    "CKIP": ("我(Nh)　說(VE[+NEG])　((PARENTHESISCATEGORY)　好(VH)　)(PARENTHESISCATEGORY)\n他(Nh)　來(VA)\n",
        [[("我", "Nh"), ("說", "VE[+NEG]"), ("(", "PARENTHESISCATEGORY"), ("好", "VH"), (")", "PARENTHESISCATEGORY")],
         [("他", "Nh"), ("來", "VA")]]),
    "brackets whose tags are they themselves": ("我(r) ((() 好(a) )()) 啊(y)\n你(r) 好(a)\n",
        [[("我", "r"), ("(", "("), ("好", "a"), (")", ")"), ("啊", "y")], [("你", "r"), ("好", "a")]]),
    "KyTea: pronunciations behind the tags": (
        "私/代名詞/わたし は/助詞/は 住/動詞/す む/語尾/む 。/補助記号/。\n"
        "\\//補助記号/\\/ //補助記号// 良/形容詞/よ\n",
        [[("私", "代名詞"), ("は", "助詞"), ("住", "動詞"), ("む", "語尾"), ("。", "補助記号")],
         [("/", "補助記号"), ("/", "補助記号"), ("良", "形容詞")]]),
    "Thai: vowels above and below their letters": (
        "ผม/PPRS มี/VSTA ที่/JSBR นี่/PDMN\nผู้/NCMN ใหญ่/VATT\n",
        [[("ผม", "PPRS"), ("มี", "VSTA"), ("ที่", "JSBR"), ("นี่", "PDMN")], [("ผู้", "NCMN"), ("ใหญ่", "VATT")]]),
    "tags of signs, the separator as word and as tag": ("和/CC //SYM 1/2/CD ,/, a///\n好/VA ./.\n",
        [[("和", "CC"), ("/", "SYM"), ("1/2", "CD"), (",", ","), ("a/", "/")], [("好", "VA"), (".", ".")]]),
}  # fmt: skip


@pytest.mark.parametrize("name", JOINT)
def test_words_with_tags_of_every_dialect(write, name):
    text, expected = JOINT[name]
    corpus = read(write(text))
    assert words_of(corpus) == expected
    assert (corpus.task, corpus.scheme) == (Task.JOINT, Scheme.BMES)
    untyped = read(write(text), task=Task.WORDS)
    assert words_of(untyped) == [[word for word, _ in sentence] for sentence in expected]
    labelled = read(write(text), task=Task.LABELS)
    assert [list(zip(each.tokens, each.tags, strict=True)) for each in labelled.sentences] == expected
    assert (labelled.task, labelled.scheme) == (Task.LABELS, Scheme.BARE)


SPACED = {
    "Penn Treebank": (
        "[ Pierre/NNP Vinken/NNP ]\n,/, \n[ 1\\/2/CD years/NNS ]\nold/JJ ./. \n\n======\n\n`/`` It/PRP 's/VBZ\n",
        [[("Pierre", "NNP"), ("Vinken", "NNP"), (",", ","), ("1/2", "CD"), ("years", "NNS"), ("old", "JJ"),
          (".", ".")],
         [("`", "``"), ("It", "PRP"), ("'s", "VBZ")]],
    ),
    "Penn Treebank: no phrases": (
        "Pierre/NNP Vinken/NNP ,/, \n\n[/( old/JJ ]/) ./. \n\n",
        [[("Pierre", "NNP"), ("Vinken", "NNP"), (",", ",")],
         [("[", "("), ("old", "JJ"), ("]", ")"), (".", ".")]],
    ),
    "Brown": ("The/at Fulton/np-tl said/vbd and\\/or/cc ``/`` no/rb$ ./.\nIt/pps was/bedz\n",
        [[("The", "at"), ("Fulton", "np-tl"), ("said", "vbd"), ("and/or", "cc"), ("``", "``"), ("no", "rb$"),
          (".", ".")],
         [("It", "pps"), ("was", "bedz")]]),
    "Vietnamese": ("Thủ_tướng/N đi/V Hà_Nội/Np ./CH\nÔng/N ấy/P\n",
        [[("Thủ_tướng", "N"), ("đi", "V"), ("Hà_Nội", "Np"), (".", "CH")], [("Ông", "N"), ("ấy", "P")]]),
    "underscores": ("The_DT dog_NN bit_VBD Ada_Li_NNP\nIt_PRP ran_VBD\n",
        [[("The", "DT"), ("dog", "NN"), ("bit", "VBD"), ("Ada_Li", "NNP")], [("It", "PRP"), ("ran", "VBD")]]),
}  # fmt: skip


@pytest.mark.parametrize("name", SPACED)
def test_words_with_blanks_between_them_are_tokens_with_labels(write, name):
    text, expected = SPACED[name]
    corpus = read(write(text))
    assert [list(zip(each.tokens, each.tags, strict=True)) for each in corpus.sentences] == expected
    assert (corpus.task, corpus.scheme) == (Task.LABELS, Scheme.BARE)


VIETNAMESE = {
    "lines": "Tôi là sinh_viên đại_học .\nÔng Hồ_Chí_Minh _\n",
    "lines with tags": "Tôi/P là/V sinh_viên/N đại_học/N ./CH\nÔng/N Hồ_Chí_Minh/Np _/CH\n",
    "columns": "Tôi P\nlà V\nsinh_viên N\nđại_học N\n. CH\n\nÔng N\nHồ_Chí_Minh Np\n_ CH\n",
    "syllables": "Tôi B-W\nlà B-W\nsinh B-W\nviên I-W\nđại B-W\nhọc I-W\n. B-W\n\n"
    "Ông B-W\nHồ B-W\nChí I-W\nMinh I-W\n_ B-W\n",
}


@pytest.mark.parametrize("name", VIETNAMESE)
def test_words_of_syllables(write, name):
    has_labels = name in ("lines with tags", "columns")  # which are what they are about, unless somebody asks
    corpus = read(write(VIETNAMESE[name]), task=Task.WORDS if has_labels else None)
    assert corpus.task is Task.WORDS
    assert [each.tokens for each in corpus.sentences] == [
        ("Tôi", "là", "sinh", "viên", "đại", "học", "."),
        ("Ông", "Hồ", "Chí", "Minh", "_"),
    ]
    assert words_of(corpus) == [["Tôi", "là", "sinhviên", "đạihọc", "."], ["Ông", "HồChíMinh", "_"]]
    if has_labels:
        joint = read(write(VIETNAMESE[name]), task=Task.JOINT)
        assert words_of(joint)[1] == [("Ông", "N"), ("HồChíMinh", "Np"), ("_", "CH")]


@pytest.mark.parametrize("task", [None, Task.LABELS])
def test_compounds_are_kept_where_they_shall_be(write, task):
    path = write("[[中国/ns 科学院/n]nt 研究所/n]/nz 的/u [ 大/a 人/n ]\n他/r 来/v\n")
    corpus = read(path, compounds="keep", task=task)
    expected = [
        [("中国科学院研究所", "nz"), ("的", "u"), ("大", "a"), ("人", "n")],
        [("他", "r"), ("来", "v")],
    ]
    if task is None:
        assert words_of(corpus) == expected
    else:
        assert [list(zip(each.tokens, each.tags, strict=True)) for each in corpus.sentences] == expected
    assert corpus.warnings == (
        "1 line with brackets around compound words, each kept as one word (first: line 1)",
        "1 line with brackets without a tag behind them, left out (first: line 1)",
    )


def test_every_fault_of_a_file_has_its_line(write):
    text = "我们/r 爱/v 北京/ns\n他/r 来 了/u\n你/r /v 们/k\n[中央/n 电台/n 说/v\n电台/n]nt 说/v\n天/n 好/a /n 很\n"
    found, lines = faults_of(write(text + "他/r 来/v 了/y 。/w\n" * 4))
    assert found == [
        "2: found '来' without a tag, expected word/TAG; write its tag behind it",
        "3: found the tag 'v' without a word, expected word/TAG; write both without a blank between",
        "4: found a bracket [ that is not closed on its line, expected ] behind the last of its words; "
        "close it, or leave it out",
        "5: found '电台/n]nt', whose ] closes no bracket, expected [ in front of the first of its words; "
        "open it, or leave it out",
        "6: found the tag 'n' without a word, expected word/TAG; write both without a blank between",
        "6: found '很' without a tag, expected word/TAG; write its tag behind it",
    ]
    assert lines == [1, 7, 8, 9, 10]
    with pytest.raises(DataError, match=":2: found '来' without a tag"):
        read(write(text + "他/r 来/v 了/y 。/w\n" * 4))


NOT_LINES = {
    "one column": "北京\n上海\n南京\n",
    "one column, a blank in one": "北京\n上海 大学\n南京\n广州\n",
    "characters and BMES": "张 B\n三 E\n\n王 S\n",
    "characters and tags, tabs": "张\tB-PER\n三\tE-PER\n\n去\tO\n",
    "three columns": "张 NR B-PER\n三 NR E-PER\n。 PU O\n",
    "Chinese tags": "张 人名\n三 人名\n去 无\n了 无\n",
    "a dictionary": "北京 1000 ns\n上海 900 ns\n的 1 uj\n",
    "CoNLL-U": "# sent_id = 1\n# text = 我爱\n"
    "1\t我\t我\tPRON\t_\t_\t2\tnsubj\t_\t_\n2\t爱\t爱\tVERB\t_\t_\t0\troot\t_\t_\n\n",
    "underscores for nothing": "1\t我\t_\t_\t_\t_\t_\t_\t_\t_\n2\t爱\t_\t_\t_\t_\t_\t_\t_\t_\n\n",
    "CSV": "token,tag\n我,B\n们,E\n",
    "English": "He said that she and/or he went to and/or fro.\nThey were here, at 1/2 past.\n",
    "names of variables": "The old_name and the new_name are here.\nThey are old_name, new_name\nand so on\n",
    "dates": "1/2 3/4 5/6\n1/3 2/4\n",
    "addresses": "http://a.org/b http://c.org/d\nhttp://e.org/f http://g.org/h http://i.org/j\n",
    "paths": "/usr/bin/x /usr/lib/y\n/etc/z/a /b/c/d /e/f/g\n",
    "dates among columns": "1/2 CD B-X\na/b NN O\n. . O\n",
    "Chinese that nobody cut": "今天我们一起去了北京大学参观， 他们也都来了\n昨天一直下大雨，所以没有去成。\n",
    "types with underscores": "token\tner_tag\nAda\tB_PER\nsaid\tO\n",
    "a quotation": "he O\nsaid O\n你好 O\n",
    "Chinese types": "Zoë B-Š\n\n北 B-北\n京 I-北\n",
    "JSON": '{"text": "我 爱 北京", "label": "好 的"}\n{"text": "他 来", "label": "好"}\n',
    "nothing": "",
}


@pytest.mark.parametrize("name", NOT_LINES)
def test_what_is_not_taken_for_lines_of_words(name):
    assert find_form(NOT_LINES[name]) is None


def test_documents_begin_where_the_file_says(write):
    def documents(text):
        return [each.document for each in read(write(text)).sentences]

    assert documents("我  爱  你\n他  也  来  了\n\n\n你  呢\n我  不  去\n") == [0, 0, 1, 1]
    assert documents("我  爱  你\n\n他  也  来  了\n\n你  呢\n\n") == [0, 0, 0]  # each sentence has one
    numbered = "19980101-01-001-001/m 我/r 爱/v\n\n19980101-01-001-002/m 他/r 来/v\n19980101-01-002-001/m 你/r 呢/y\n"
    assert documents(numbered) == [0, 0, 1]
    assert documents("<DOC>\n他_PN 来_VV\n</DOC>\n<DOC>\n我_PN 去_VV\n</DOC>\n") == [0, 1]


def test_other_encodings_gzip_and_long_lines(write, tmp_path):
    assert words_of(read(write("許多　社區\n地方　的\n", "big5"), encoding="big5")) == [
        ["許多", "社區"],
        ["地方", "的"],
    ]
    packed = write(gzip.compress("我  爱  北京\n他  来\n".encode()))
    assert words_of(read(packed)) == [["我", "爱", "北京"], ["他", "来"]]
    assert words_of(read(write("他  来  了  " * 50_000))) == [["他", "来", "了"] * 50_000]
    assert words_of(read(write("我  爱  北京\n他  来\n", "utf-16"))) == [["我", "爱", "北京"], ["他", "来"]]


def test_a_pipe_that_brings_a_line_at_a_time(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def feed():
        with path.open("wb", buffering=0) as pipe:
            for line in ("北京  大学\n", "上海\n", "他  来  了\n"):
                pipe.write(line.encode())

    writer = threading.Thread(target=feed)
    writer.start()
    assert words_of(read(path)) == [["北京", "大学"], ["上海"], ["他", "来", "了"]]
    writer.join()


def test_words_of_columns_become_characters(write):
    conllu = (
        "# sent_id = 1\n1\t我们\t_\tPRON\t_\t_\t0\troot\t_\t_\n2\t爱\t_\tVERB\t_\t_\t1\tx\t_\t_\n\n"
        "1\tNew\t_\tPROPN\t_\t_\t0\troot\t_\t_\n2\tYork\t_\tPROPN\t_\t_\t1\tx\t_\t_\n"
    )
    joint = read(write(conllu), task=Task.JOINT)
    assert words_of(joint) == [[("我们", "PRON"), ("爱", "VERB")], [("New", "PROPN"), ("York", "PROPN")]]
    assert joint.sentences[0].lines == (2, 2, 3)
    assert words_of(read(write(conllu), task=Task.WORDS)) == [["我们", "爱"], ["New", "York"]]
    columns = "我们 PN\n爱 VV\n\n你 PN\n"
    assert words_of(read(write(columns), task=Task.JOINT)) == [[("我们", "PN"), ("爱", "VV")], [("你", "PN")]]
    tagged = "我 B-PN\n们 E-PN\n爱 S-VV\n"
    assert words_of(read(write(tagged), task=Task.WORDS)) == [["我们", "爱"]]
    assert words_of(read(write(tagged), task=Task.JOINT)) == [[("我们", "PN"), ("爱", "VV")]]


def test_what_a_task_cannot_be_read_from(write):
    with pytest.raises(
        DataError, match="x:1: found segmented text, whose words have no tags, expected word/TAG"
    ):
        read(write("我  爱  北京\n他  来\n"), task=Task.JOINT)
    with pytest.raises(DataError, match="x:3: found the tag O, a token outside of every word"):
        read(write("张 B-PER\n三 E-PER\n去 O\n"), task=Task.WORDS)
    with pytest.raises(
        DataError, match="x:1: found tags that make words without types, expected tags such as B-NN"
    ):
        read(write("北 B\n京 E\n好 S\n"), task=Task.JOINT)


def test_any_words_on_lines_are_segmented_text_where_the_user_says_so(write):
    english = write("the cat sat\nit ran away .\nno\n")
    assert words_of(read(english, task=Task.WORDS)) == [
        ["the", "cat", "sat"],
        ["it", "ran", "away", "."],
        ["no"],
    ]


WORDS = st.text(st.sampled_from("我爱北京天安门的ABC12éＡ々ー。，/_[]()"), min_size=1, max_size=5)
TAGS = st.sampled_from(["n", "NN", "NN-SHORT", "w", "PU", ".", "ude1", "PRP$"])
SENTENCES = st.lists(st.lists(st.tuples(WORDS, TAGS), min_size=1, max_size=8), min_size=2, max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    SENTENCES, st.sampled_from([" ", "  ", "\u3000", "\t", "\u00a0"]), st.sampled_from(["\n", "\r\n", "  \n"])
)
def test_what_any_maker_writes_reads_as_the_words(tmp_path_factory, sentences, blank, end):
    path = tmp_path_factory.mktemp("trip") / "x"
    words = [[word for word, _ in sentence] for sentence in sentences]

    def trip(lines, **columns):
        path.write_bytes("".join(line + end for line in lines).encode())
        return read(path, **columns)

    text = [blank.join(sentence) for sentence in words]
    if find_form("\n".join(text)) == find_form("我 爱\n他 也 来\n"):
        assert words_of(trip(text)) == words
    for mark in "/_":
        lines = [blank.join(f"{word}{mark}{tag}" for word, tag in sentence) for sentence in sentences]
        assume(not any(mark + "[" in line or "[" in line or "]" in line for line in lines))
        form = find_form("\n".join(lines))
        if form is not None and form.separator == mark:
            found = trip(lines, task=Task.LABELS)
            assert [list(zip(each.tokens, each.tags, strict=True)) for each in found.sentences] == sentences
            assert words_of(trip(lines, task=Task.JOINT)) == sentences
            assert [each.line for each in found.sentences] == list(range(1, len(sentences) + 1))


def test_standard_input(monkeypatch):
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO("我/r 爱/v\n他/r 来/v 了/y\n".encode())))
    monkeypatch.setattr("sys.stdin", stdin)
    assert words_of(read("-")) == [[("我", "r"), ("爱", "v")], [("他", "r"), ("来", "v"), ("了", "y")]]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "<S ID=1>\n我们/PN 爱/VV 北京/NR\n</S>\n",
            "2 lines with markup and no words, left out (first: line 1)",
        ),
        (
            "只{zhi3}/d 有/v 他/r\n好/a 的/u\n",
            "1 line with a pronunciation in braces behind a word, left out",
        ),
        (
            "私/代名詞/わたし は/助詞/は\n彼/代名詞/かれ も/助詞/も\n",
            "2 lines with pronunciations behind tags, left out",
        ),
        ("The/DT 1\\/2/CD dogs/NNS\nIt/PRP is/VBZ\n", r"1 line with \/ in a word, read as / (first: line 1)"),
        (
            "19980101-01-001-001/m 迈向/v 新/a 世纪/n\n",
            "1 line with a number of its own in front of the words, left out",
        ),
    ],
)
def test_what_is_left_out_is_said_with_its_line(write, text, note):
    (warning,) = read(write(text)).warnings
    assert warning.startswith(note)


def test_types_that_are_left_out_are_said(write):
    rows = "我 B-PN\n们 E-PN\n爱 S-VV\n北 B-NR\n京 E-NR\n"
    corpus = read(write(rows), task=Task.WORDS)
    assert words_of(corpus) == [["我们", "爱", "北京"]]
    assert corpus.warnings == ("types of words, left out: words alone are asked for",)
