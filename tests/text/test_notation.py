"""Tags written otherwise than a scheme writes them: each family read, and no set of parts of speech harmed."""

from __future__ import annotations

import time

import pytest

from tagger.text import schemes
from tagger.text.schemes import Scheme, Span

HYPHENS = (
    "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}\N{EN DASH}\N{EM DASH}\N{HORIZONTAL BAR}\N{MINUS SIGN}"
)
HYPHENS += "\N{SMALL HYPHEN-MINUS}\N{FULLWIDTH HYPHEN-MINUS}"


@pytest.mark.parametrize(
    ("tags", "scheme", "meant"),
    [
        ({"b-per", "i-per", "o"}, Scheme.IOB2, {"b-per": "B-per", "i-per": "I-per", "o": "O"}),
        ({"B-PER", "i-PER", "O"}, Scheme.IOB2, {"i-PER": "I-PER"}),
        ({"B_PER", "I_PER", "O"}, Scheme.IOB2, {"B_PER": "B-PER", "I_PER": "I-PER"}),
        ({"B-PER", "I_PER", "B:LOC"}, Scheme.IOB2, {"I_PER": "I-PER"}),
        ({"B-A_B", "I-A_B"}, Scheme.IOB2, {}),
        (
            {"B-PER", "M-PER", "L-PER", "U-X"},
            Scheme.BIOES,
            {"M-PER": "I-PER", "L-PER": "E-PER", "U-X": "S-X"},
        ),
        ({"B-PER", "I-PER"}, Scheme.BMES, {}),
        ({"B-PER", "M-PER"}, Scheme.IOB2, {}),
        ({"B-PER", "PER"}, Scheme.IOB2, {}),
        ({"b", "m"}, Scheme.BARE, {}),
        ({"i-s---", "n-p---", "v3s"}, Scheme.IOB2, {}),
    ],
)
def test_other_spellings_are_read_where_sure(tags, scheme, meant):
    assert schemes.respell(tags, scheme) == meant


SIGNS = "_:|/. +=~,;>·"


@pytest.mark.parametrize("sign", [*HYPHENS, *SIGNS])
def test_other_signs_between_prefix_and_type(sign):
    written = [f"B{sign}PER", f"I{sign}PER", "O", f"B{sign}A-B_C"]
    assert schemes.detect([written]).scheme is Scheme.IOB2
    meant = schemes.respell(written, Scheme.IOB2)
    assert [meant.get(tag, tag) for tag in written] == ["B-PER", "I-PER", "O", "B-A-B_C"]


@pytest.mark.parametrize("sign", HYPHENS)
def test_some_tags_with_a_look_alike_beside_regular_ones(sign):
    tags = ["B-PER", f"I{sign}PER", f"B{sign}LOC", "O"]
    assert schemes.detect([tags]).scheme is Scheme.IOB2
    assert schemes.respell(tags, Scheme.IOB2) == {f"I{sign}PER": "I-PER", f"B{sign}LOC": "B-LOC"}


@pytest.mark.parametrize(
    "tags", [["Ｂ－PER", "Ｉ－PER", "Ｏ"], ["В-PER", "І-PER", "О"], ["Β-PER", "Ι-PER", "Ο"]]
)
def test_letters_that_look_like_prefixes(tags):
    """Full-width, Cyrillic, Greek."""
    assert schemes.detect([tags]).scheme is Scheme.IOB2
    assert [schemes.respell(tags, Scheme.IOB2)[tag] for tag in tags if tag != "I-PER"] == [
        "B-PER",
        "I-PER",
        "O",
    ]


@pytest.mark.parametrize("sign", [*HYPHENS, *SIGNS, "-"])
@pytest.mark.parametrize(
    ("letters", "scheme"),
    [("BI", Scheme.IOB2), ("BIES", Scheme.BIOES), ("BILU", Scheme.BILOU), ("bi", Scheme.IOB2)],
)
def test_the_prefix_behind_the_type(sign, letters, scheme):
    tags = [f"PER{sign}{letter}" for letter in letters] + ["O"]
    assert schemes.detect([tags]).scheme is scheme
    meant = schemes.respell(tags, scheme)
    assert [meant[tag] for tag in tags[:-1]] == [f"{letter.upper()}-PER" for letter in letters]


@pytest.mark.parametrize("sign", ["-", "_", ":"])
def test_prefixes_that_are_words(sign):
    words = {"BEGIN": "B", "inside": "I", "End": "E", "SINGLE": "S"}
    for tags in ([f"{word}{sign}PER" for word in words], [f"PER{sign}{word}" for word in words]):
        assert schemes.detect([[*tags, "O"]]).scheme is Scheme.BIOES
        meant = schemes.respell([*tags, "O"], Scheme.BIOES)
        assert [meant[tag] for tag in tags] == [f"{letter}-PER" for letter in words.values()]
    assert schemes.detect([[f"week{sign}end", f"week{sign}start"]]).scheme.has_prefixes
    assert not schemes.detect([[f"week{sign}end", "O"]]).scheme.has_prefixes


def test_the_prefix_behind_the_type_where_the_scheme_is_known():
    """A small dev file may hold nothing but first tokens."""
    assert schemes.respell({"PER_B", "O"}, Scheme.IOB2) == {"PER_B": "B-PER"}


def test_grobid_begins_with_i_and_goes_on_without():
    tags = ["I-<title>", "<title>", "<other>", "I-<author>", "<author>", "I-<other>"]
    assert schemes.detect([tags]).scheme is Scheme.IOB2
    meant = schemes.respell(tags, Scheme.IOB2)
    assert [meant[tag] for tag in tags] == ["B-title", "I-title", "O", "B-author", "I-author", "O"]


def test_a_file_in_brackets_without_a_span_where_the_scheme_is_known():
    assert not schemes.are_brackets({"*"})
    assert schemes.are_brackets({"*"}, is_known=True)
    assert schemes.find_foreign_notation({"*"})


def test_brackets_are_read_side_by_side():
    tags = ["(GPE*", "*", "*)", "-", "(A-B*)", "(PERSON)", "*", "(X*", "*)"]
    assert schemes.are_brackets(tags)
    spans = [Span("GPE", 0, 3), Span("A-B", 4, 5), Span("PERSON", 5, 6), Span("X", 7, 9)]
    assert schemes.read_brackets(tags) == (spans, None)


@pytest.mark.parametrize(
    ("tags", "place", "fault"),
    [
        (["(A*", "(B)", "*)"], 1, "opens a bracket inside that of A"),
        (["*", "*)", "(A)"], 1, "closes a bracket that was not opened"),
        (["(A)", "(B*", "*"], 1, "opens a bracket that is not closed"),
    ],
)
def test_brackets_that_do_not_fit(tags, place, fault):
    assert schemes.are_brackets(tags)
    found = schemes.read_brackets(tags)[1]
    assert found[0] == place
    assert fault in found[1]


@pytest.mark.parametrize(
    "tags",
    [
        ["PER_B", "LOC_B", "O"],  # may be whole labels
        ["PER-B", "PER-I", "X", "O"],
        ["B:PER", "I:PER", "X", "O"],
        ["(S(NP*", "*", "*))"],
        ["BPER", "IPER", "O", "BLOC"],
        ["[B-PER]", "[I-PER]", "O"],
        ["NER=B-PER", "NER=I-PER", "O"],
        ["B(PER)", "I(PER)", "O"],
        ["PER[B]", "PER[I]", "O"],
        ["(12", "(7)", "12)", "-"],
        ["I-title", "title", "title", "I-author", "author", "author"],
    ],
)
def test_notations_that_are_not_clear_are_noticed(tags):
    assert not schemes.detect([tags]).scheme.has_prefixes
    assert not schemes.are_brackets(tags)
    assert schemes.find_foreign_notation(tags)[0] in tags


PARTS_OF_SPEECH = {
    "universal": "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X _",
    "Penn Treebank": "CC CD DT EX FW IN JJ JJR JJS LS MD NN NNS NNP NNPS PDT POS PRP PRP$ RB RBR RBS RP SYM TO UH VB "
    "VBD VBG VBN VBP VBZ WDT WP WP$ WRB . , : `` '' ( ) -LRB- -RRB- -NONE- $ # HYPH NFP ADD AFX GW XX NN|SYM JJ|VBN",
    "Brown": "( ) * , -- . : ABN AP AT BE BED BEDZ BEG BER CS DO EX FW-NN HV IN IN-TL JJ-HL MD NN NN$ NN-TL NP "
    "NP$-TL NR OD PN PPS PPSS+BEM QL RB RB+CS UH VB VBZ WDT WP$ WRB VB-NC",
    "C7": "APPGE AT AT1 BCL CC CCB CS DA DB DD EX FO FU GE IF II IO JJ MC MC-MC MD ND1 NN NN1 NNB NP PN PPGE RA REX "
    "RG RGQ RP RR RT TO UH VB0 VBDZ VVGK XX ZZ1 ! \" ( ) , - ----- . ... : ;",
    "STTS": "ADJA ADJD ADV APPR APPRART ART CARD FM ITJ KOKOM KON KOUI NE NN PAV PDAT PIS PPER PRELS PRF PTKZU TRUNC "
    "VAFIN VVIZU XY $, $. $(",
    "Mac-Morpho": "ADJ ADV ADV-KS ADV-KS-REL ART CUR IN KC KS N N|AP N|DAD NPROP NUM PCP PDEN PREP PREP+ART "
    "PREP+PROADJ PREP|+ PRO-KS PROADJ PROPESS PROSUB V VAUX VAUX|! V|+ ! \" $ ' ( ) , - -- . ... / : ;",
    "Chinese Treebank": "AD AS BA CC CD CS DEC DEG DER DEV DT ETC FW IJ JJ LB LC M MSP NN NR NT OD P PN PU SB SP VA "
    "VC VE VV URL",
    "ISDT": "A AP B BN CC CS DD DI E E+RD FB FF FS I N NO PC PE PQ RD RI S SP SW T V VA V+PC X",
    "Sejong": "NNG NNP NNG+JX NNG+VCP+EF SF SP SS SE SO SW SL SN VV+EP+EF MAG MM EC ETM JKS XSV+EC",
    "positional": "NNMS1-----A---- VB-S---3P-AA--- Z:------------- J^------------- C=------------- RR--2----------",
    "Swedish": "NN|UTR|SIN|IND|NOM PM|GEN VB|PRS|AKT MAD MID PN|UTR|SIN|DEF|SUB PP JJ|POS|UTR|SIN|IND|NOM AB|POS",
    "Icelandic": "nven sfg3en aa lkensf c cn fphen ta . ,",
    "UniDic": "名詞-普通名詞-一般 助詞-格助詞 動詞-一般 補助記号-読点",
    "two marks": "N:sing V:past D:def E:prep , .",
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS_OF_SPEECH)
def test_parts_of_speech_stay_as_they_are_without_a_question(name):
    tags = PARTS_OF_SPEECH[name].split()
    for sequences in ([tags], [tags, tags[::-1]], [[tag, tag] for tag in tags]):
        found = schemes.detect(sequences)
        assert (found.scheme, found.question) == (Scheme.BARE, "")
    assert schemes.respell(tags, Scheme.BARE) == {}
    assert schemes.find_foreign_notation(tags) is None
    assert not schemes.are_brackets(tags)


def test_question_marks_in_many_scripts():
    assert all(map(schemes.is_question_mark, ["?", "??", "¿", "؟", "？"]))
    assert not any(map(schemes.is_question_mark, ["!", "?!", "who?", "."]))


@pytest.mark.parametrize(
    "piece", ["(", "(a", "a-B", "<", "I-<", "B:", "*)", "1", "a_", "[B-", "begin-", "B−"]
)
def test_long_tags_take_linear_time(piece):
    tags = [piece * 100_000, "(" + piece * 100_000, piece * 100_000 + ")", "O"]
    began = time.perf_counter()
    schemes.detect([tags])
    schemes.respell(tags, Scheme.IOB2)
    schemes.find_foreign_notation(tags)
    schemes.are_brackets(tags)
    assert time.perf_counter() - began < 5  # 0.1 s, but a square of that length takes hours
