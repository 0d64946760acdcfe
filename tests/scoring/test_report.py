"""The facts of an evaluation, and the page about them: as text, and in a real browser where there is one."""

from __future__ import annotations

import random
import re
import tracemalloc
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path

import browser
import pytest

from tagger import scoring
from tagger.errors import DataError
from tagger.scoring import Kind, Score, report
from tagger.text import escape
from tagger.text.conll import Sentence
from tagger.text.pages import draw_bar
from tagger.text.schemes import Scheme, Span, tags_to_spans

SENTENCES = [
    Sentence(("Ada", "Lovelace", "left", "Paris", "."), ("B-PER", "I-PER", "O", "B-LOC", "O"), line=1),
    Sentence(("She", "met", "Zuse", "AG"), ("O", "O", "B-ORG", "I-ORG"), line=7),
    Sentence(("Nothing", "here"), ("O", "O"), line=12),
    Sentence(("Rome", "is", "old"), ("B-LOC", "O", "O"), line=15),
]
PREDICTED = [
    ["B-PER", "I-PER", "O", "B-PER", "O"],
    ["B-PER", "O", "B-ORG", "O"],
    ["O", "O"],
    ["B-LOC", "O", "O"],
]
CONFIDENCES = [[0.9, 0.6], [0.3, 0.8], [], [0.95]]
VOID = {"meta", "input", "br", "rect", "line", "circle"}


def analyse(**options: object) -> report.Analysis:
    options.setdefault("name", "corpus/test.conll")
    return report.analyse(SENTENCES, PREDICTED, Scheme.IOB2, confidences=CONFIDENCES, **options)  # type: ignore[arg-type]


def test_facts_by_hand() -> None:
    facts = analyse(training_surfaces=frozenset({"Rome", "Ada Lovelace"}))
    assert facts.scores == scoring.score([each.tags for each in SENTENCES], PREDICTED, Scheme.IOB2)
    assert facts.scores.micro == Score(gold=4, predicted=5, correct=2)
    assert facts.evaluation.type.correct == 3
    assert facts.confusion.types == ("LOC", "ORG", "PER")
    assert facts.novelty == {"seen": Score(2, 2, 2), "unseen": Score(2, 3, 0)}
    assert facts.span_lengths["2"] == Score(2, 1, 1)
    assert facts.calibration is not None
    assert facts.calibration.count == 5
    assert 0 <= facts.interval.low <= facts.scores.micro.f1 <= facts.interval.high <= 1
    assert set(facts.type_intervals) == {"LOC", "ORG", "PER"}
    assert [each.sentence.line for each in facts.wrong] == [1, 7]
    assert [(each.kind, each.confidence) for sentence in facts.wrong for each in sentence.mistakes] == [
        (Kind.TYPE, 0.6),
        (Kind.SPURIOUS, 0.3),
        (Kind.BOUNDARY, 0.8),
    ]
    assert facts.wrong[1].mistakes[1].place == (2, 4)


def test_the_most_frequent_confusions_come_first() -> None:
    sentences = [Sentence(("a", "b"), ("B-X", "B-Y"), line=n) for n in range(1, 6)]
    predicted = [["B-Y", "O"], ["B-Y", "B-Y"], ["B-Y", "B-Y"], ["B-X", "B-Y"], ["O", "O"]]
    confused = report.analyse(sentences, predicted, Scheme.IOB2).confusions()
    assert [(each.kind, each.gold, each.predicted, each.count) for each in confused] == [
        (Kind.TYPE, "X", "Y", 3),
        (Kind.MISSED, "Y", None, 2),
        (Kind.MISSED, "X", None, 1),
    ]
    assert [index for index, _ in confused[1].cases] == [0, 3]


def test_without_confidences_and_training_these_facts_are_absent() -> None:
    facts = report.analyse(SENTENCES, PREDICTED, Scheme.IOB2)
    assert (facts.calibration, facts.novelty) == (None, None)
    assert "calibration" not in facts.as_dict()
    assert "Calibration" not in report.render_page(facts)


def test_the_numbers_for_json() -> None:
    found = analyse(training_surfaces=frozenset()).as_dict()
    assert list(found) == [
        "task", "reading", "readings", "headline", "interval", "type_intervals", "matching", "confusion", "parts",
        "calibration",
    ]  # fmt: skip
    assert list(found["parts"]) == ["span_length", "sentence_length", "novelty"]  # type: ignore[call-overload]


def test_predictions_in_another_scheme() -> None:
    predicted = [
        ["B-PER", "E-PER", "O", "S-LOC", "O"],
        ["O", "O", "B-ORG", "E-ORG"],
        ["O", "O"],
        ["S-LOC", "O", "O"],
    ]
    facts = report.analyse(
        SENTENCES,
        predicted,
        Scheme.IOB2,
        predicted_scheme=Scheme.BIOES,
        confidences=[[1, 1], [1], [], [1]],
    )
    assert (facts.scores.micro, facts.wrong) == (Score(4, 4, 4), ())


@pytest.mark.parametrize(
    ("confidences", "message"),
    [
        ([[0.9, 0.6]], "confidences of 1 sentences for 4 sentences"),
        ([[0.9], [0.3, 0.8], [], [0.95]], "sentence 1 has 2 predicted spans and 1 confidences"),
    ],
)
def test_confidences_must_fit(confidences: list[list[float]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        report.analyse(SENTENCES, PREDICTED, Scheme.IOB2, confidences=confidences)


def test_pieces_follow_both_sides() -> None:
    wrong = analyse().wrong[1]
    pieces = report.cut(wrong)
    assert [
        (piece.text, piece.gold and piece.gold.type, piece.predicted and piece.predicted.type)
        for piece in pieces
    ] == [
        ("She", None, "PER"),
        ("met", None, None),
        ("Zuse", "ORG", "ORG"),
        ("AG", "ORG", None),
    ]
    assert [piece.opens_gold for piece in pieces] == [False, False, True, False]
    assert [piece.opens_predicted for piece in pieces] == [True, False, True, False]
    assert [piece.is_right for piece in pieces] == [False, True, False, False]


def test_pieces_hold_every_token_once() -> None:
    generator = random.Random(3)
    for _ in range(100):
        tokens = tuple(generator.choice(["a", "bc", "高", "，"]) for _ in range(20))
        tags = [[generator.choice(["O", "B-A", "I-A", "B-B"]) for _ in tokens] for _ in range(2)]
        gold, predicted = (tuple(tags_to_spans(side, Scheme.IOB2)) for side in tags)
        wrong = report.WrongSentence(sentence=Sentence(tokens), gold=gold, predicted=predicted, mistakes=())
        pieces = report.cut(wrong)
        assert "".join(piece.text + " " * piece.blank for piece in pieces) == report.join_tokens(tokens)
        for side, spans in (("gold", gold), ("predicted", predicted)):
            assert {getattr(piece, side) for piece in pieces} - {None} == set(spans)


def test_windows_that_meet_are_one() -> None:
    spans = [Span("A", start, start + 1) for start in (5, 16, 60)]
    mistakes = tuple(report.Mistake(kind=Kind.MISSED, gold=span, predicted=None) for span in spans)
    wrong = report.WrongSentence(
        sentence=Sentence(tuple("x" * 64)), gold=tuple(spans), predicted=(), mistakes=mistakes
    )
    assert report.windows(wrong, 5) == [(0, 22), (55, 64)]


class Reader(HTMLParser):
    """Checks that every tag is closed in order, and collects tags, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img",
    "onerror=alert(2)>",
    "\x1b[31mred",
    "[bold]",
    "&amp;",
    "\u202eabc",
    "\x00",
    "\"'",
    "\ud800",
    "שלום",
    "{{x}}",
]


def hostile() -> report.Analysis:
    """Names, types and tokens that would break a careless page."""
    gold = ["B-<b>x</b>", "O", "B-A-B", "O", "O", "O", "B-PER", "O", "B-\"onclick='alert(3)'", "O", "O", "O"]
    predicted = ["B-&lt;", "O", "O", "B-</li>", "O", "O", "B-PER", "O", "B-A-B", "O", "B-PER", "O"]
    sentence = Sentence(tuple(HOSTILE), tuple(gold), line=3)
    return report.analyse([sentence], [predicted], Scheme.IOB2, name="<i>hostile</i>\x07")


def test_everything_is_escaped() -> None:
    page = report.render_page(hostile())
    page.encode("utf-8")
    found = Reader(page)
    assert found.tags.count("script") == found.tags.count("style") == 1
    assert not {"img", "b>x<", "i>hostile"} & set(found.tags)
    assert not {name for name, _ in found.attributes if name.startswith("on") or name == "style"}
    text = " ".join(found.text)
    for token in (
        "</script><script>alert(1)</script>",
        "<img",
        r"\x1b[31mred",
        "[bold]",
        "&amp;",
        r"\x00",
        "שלום",
    ):
        assert token in text, token
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800]", page)


def test_the_page_asks_for_nothing_from_outside() -> None:
    page = report.render_page(analyse())
    found = Reader(page)
    assert not [value for name, value in found.attributes if name in ("src", "srcset", "data", "action")]
    assert all((value or "").startswith("#") for name, value in found.attributes if name == "href")
    assert "url(" not in page
    assert "@import" not in page
    policy = next(
        value for name, value in found.attributes if name == "content" and value and "default" in value
    )
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_numbers_of_the_page_are_those_of_the_facts() -> None:
    facts = analyse(training_surfaces=frozenset({"Rome"}))
    text = " ".join(Reader(report.render_page(facts)).text)
    assert f"{100 * facts.scores.micro.f1:.2f}" in text
    assert "wrong type: gold  LOC  “Paris”, found  PER  “Paris” (confidence 0.60)" in text
    assert "wrong boundaries: gold  ORG  “Zuse AG”, found  ORG  “Zuse” (confidence 0.80)" in text
    assert "words in training" in text
    assert "test.conll:7" in text


def weigh_as_asked(spans: Sequence[Sequence[Span]]) -> list[list[float | None]]:
    """The probabilities of the spans that were not found, and none of a type that nobody knows."""
    assert spans == [[Span("LOC", 3, 4)], [Span("ORG", 2, 4)], [], []]
    return [[0.28], [None], [], []]


def test_the_page_says_how_probable_missed_spans_were() -> None:
    facts = analyse(weigh=weigh_as_asked)
    assert facts.missed == ({Span("LOC", 3, 4): 0.28}, {})
    found = Reader(report.render_page(facts))
    text = " ".join(found.text)
    assert "gold  LOC  “Paris” (probability 0.28), found  PER  “Paris” (confidence 0.60)" in text
    assert "gold  ORG  “Zuse AG”, found" in text
    assert ("data-m", "0.2800") in found.attributes
    assert "nearly found first" in text
    assert "nearly found first" not in report.render_page(analyse())


def test_the_page_says_what_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    text = " ".join(Reader(report.render_page(analyse(system="models/<b>"))).text)
    for fact in ("predicted by models/<b>", "corpus corpus/test.conll", "date 1970-01-02", "version tagger "):
        assert fact in text, fact
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "never")
    assert "date 20" in " ".join(Reader(report.render_page(analyse())).text)


def test_intervals_stand_on_their_bars() -> None:
    assert "bounds" not in draw_bar(0.5)
    (path,) = re.findall('class="bounds" d="(.*?)"', draw_bar(0.5, (0.0, 1.0)))
    places = [float(each) for each in re.findall(r"M([\d.]+) ", path)]
    assert places == [1, 1, 139]


def test_a_page_without_errors_and_one_without_spans() -> None:
    perfect = report.analyse(SENTENCES, [each.tags for each in SENTENCES], Scheme.IOB2)
    assert "There are none." in report.render_page(perfect)
    empty = report.analyse([Sentence(("a",), ("O",))], [["O"]], Scheme.IOB2)
    assert "No span in gold or predicted: F1 is 0 by convention" in report.render_page(empty)
    assert "There are no spans." in report.render_page(empty)
    assert "nan" not in report.render_page(empty).split("<body>")[1].lower()


def test_long_sentences_show_the_surroundings_of_mistakes() -> None:
    tokens = tuple(f"w{i}" for i in range(3000))
    tags = tuple("B-A" if i in (100, 2000) else "O" for i in range(3000))
    text = " ".join(
        Reader(report.render_page(report.analyse([Sentence(tokens, tags)], [["O"] * 3000], Scheme.IOB2))).text
    )
    assert "w100" in text
    assert "w2025" in text
    assert "w1000" not in text
    assert len(text) < 20_000


def test_more_types_than_fit_are_cut_off() -> None:
    types = [f"T{i}" for i in range(60)]
    sentence = Sentence(tuple(types), tuple(f"B-{name}" for name in types))
    page = report.render_page(report.analyse([sentence], [["O"] * 60], Scheme.IOB2))
    assert "The 40 most frequent of 60 types are shown." in page


def test_labels_that_cover_every_token_show_only_the_wrong_ones() -> None:
    sentence = Sentence(("the", "old", "man"), ("DET", "NOUN", "VERB"))
    facts = report.analyse([sentence], [["DET", "ADJ", "VERB"]], Scheme.BARE)
    page = report.render_page(facts)
    assert page.count('class="g on') == 1
    assert "accuracy, 95 % interval" in page
    assert "Near misses" not in page
    assert facts.interval.low <= 2 / 3 <= facts.interval.high


def test_writing_replaces_the_page_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    report.write_page(analyse(), path)
    assert path.read_text(encoding="utf-8") == report.render_page(analyse())
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_a_page_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"missing/page.html: cannot be written: No such file .*; name a file"
    ):
        report.write_page(analyse(), tmp_path / "missing" / "page.html")
    with pytest.raises(DataError, match="cannot be written"):
        report.write_page(analyse(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_escape_shows_what_would_do_harm() -> None:
    assert escape.escape_html("\u2066a\x9b\uffff") == r"\u2066a\x9b\uffff"
    assert escape.escape_html("👩\u200d👧 é \u3000") == "👩\u200d👧 é \u3000"


def many_errors(sentences: int) -> report.Analysis:
    """A corpus with an error in every sentence."""
    generator = random.Random(1)
    types = ["PER", "LOC", "ORG"]
    gold, predicted, confidences = [], [], []
    for number in range(sentences):
        tokens = [f"w{number}", *(generator.choice(["alpha", "beta", "gamma"]) for _ in range(20))]
        gold_type, other = generator.choice(types), generator.choice([*types, None])
        gold.append(Sentence(tuple(tokens), ("O", f"B-{gold_type}", *["O"] * 19), line=number * 22 + 1))
        tags = ["O"] * 21
        if other is not None:
            tags[1 if other != gold_type else 5] = f"B-{other}"
        predicted.append(tags)
        confidences.append([] if other is None else [generator.random()])
    return report.analyse(gold, predicted, Scheme.IOB2, confidences=confidences, name="many.conll")


@pytest.fixture(scope="module")
def window() -> Iterator[browser.Browser]:
    with browser.start() as started:
        yield started


VISIBLE = "return [...document.querySelectorAll('article')].filter(each => !each.hidden).length"
STATUS = "return document.getElementById('status').textContent"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[report.Analysis, Path]:
    facts = many_errors(1200)
    path = tmp_path_factory.mktemp("pages") / "many.html"
    report.write_page(facts, path)
    return facts, path


def count_wrong(facts: report.Analysis, kind: Kind) -> int:
    return sum(any(each.kind is kind for each in sentence.mistakes) for sentence in facts.wrong)


def test_filters_in_a_browser(window: browser.Browser, many: tuple[report.Analysis, Path]) -> None:
    facts, path = many
    window.open(path)
    assert window.messages() == []
    assert window.run(VISIBLE) == len(facts.wrong) == 1200
    for kind in ("type", "boundary", "type and boundary", "missed"):
        window.click(f"input[value='{kind}']")
    assert window.run(VISIBLE) == count_wrong(facts, Kind.SPURIOUS) > 0
    window.click("#clear")
    assert window.run(VISIBLE) == 1200
    window.run(
        "const s = document.getElementById('type'); s.value = '2';"
        "s.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    org = [
        s
        for s in facts.wrong
        if any("ORG" in (m.gold and m.gold.type, m.predicted and m.predicted.type) for m in s.mistakes)
    ]
    assert window.run(VISIBLE) == len(org) < 1200
    window.press("Escape", "/", "w", "7", "7", "7")
    assert window.run(VISIBLE) == 1
    assert window.run(STATUS).endswith("errors in 1 of 1,200 wrong sentences")
    window.press("Escape")
    assert window.run(VISIBLE) == 1200


ADDRESS = "return decodeURIComponent(location.hash)"


def test_filters_stand_in_the_address(window: browser.Browser, many: tuple[report.Analysis, Path]) -> None:
    facts, path = many
    window.open(path, "#errors&kind=spurious&words=w7&order=errors")
    spurious = [
        sentence
        for sentence in facts.wrong
        if sentence.tokens[0].startswith("w7")
        and any(each.kind is Kind.SPURIOUS for each in sentence.mistakes)
    ]
    assert window.run(VISIBLE) == len(spurious) > 0
    assert window.run("return document.getElementById('errors').getBoundingClientRect().top") < 100
    window.click("input[value='type']")
    assert window.run(ADDRESS) == "#errors&kind=type,spurious&words=w7&order=errors"
    window.click("nav a[href='#scores']")
    window.wait_for("return location.hash.startsWith('#scores&')")
    window.run("document.querySelector('.cell').dispatchEvent(new Event('click'))")
    assert window.run(ADDRESS).startswith("#scores&words=w7&order=errors&gold=LOC&found=")
    shown, address = window.run(VISIBLE), window.run("return location.hash")
    assert 0 < shown < len(facts.wrong)
    window.open(path, address)
    assert window.run(VISIBLE) == shown
    window.press("Escape")
    assert window.run(ADDRESS) == "#scores&order=errors"
    window.open(path, "#s3")
    assert window.run(VISIBLE) == 1200
    assert window.run(ADDRESS) == "#s3"
    window.open(path, "#kind=%ZZ&type=nobody&gold=x")
    assert window.messages() == []


def test_the_matrix_with_keys_alone(window: browser.Browser, many: tuple[report.Analysis, Path]) -> None:
    facts, path = many
    window.open(path)
    window.run("document.querySelector('.cell[tabindex=\"0\"]').focus()")
    assert window.run("return document.querySelectorAll('.cell[tabindex=\"0\"]').length") == 1
    here = "return document.activeElement.getAttribute('aria-label')"
    seen = [window.run(here)]
    for key in ("Right", "Right", "Down", "Down"):
        window.press(key)
        seen.append(window.run(here))
    assert len(set(seen)) >= 4
    gold, predicted = window.run(
        "return [document.activeElement.dataset.g, document.activeElement.dataset.p ?? null]"
    )
    window.press("Enter")
    expected = [
        sentence
        for sentence in facts.wrong
        if any(
            (each.gold and each.gold.type) == gold and (each.predicted and each.predicted.type) == predicted
            for each in sentence.mistakes
        )
    ]
    assert window.run(VISIBLE) == len(expected) > 0
    assert window.run("return document.activeElement.tagName") == "ARTICLE"
    assert window.run("return document.getElementById('chosen').hidden") is False


def test_stepping_and_sorting_with_keys(window: browser.Browser, many: tuple[report.Analysis, Path]) -> None:
    _, path = many
    window.open(path)
    window.press("j", "j", "j", "k")
    assert window.run("return document.activeElement.id") == "s1"
    box = window.run(
        "const r = document.activeElement.getBoundingClientRect(); return [r.top, r.bottom, innerHeight]"
    )
    assert box[0] < box[2]
    assert box[1] > 0
    window.run(
        "const o = document.getElementById('order'); o.value = 'sure'; o.dispatchEvent(new Event('change'))"
    )
    shares = window.run(
        "return [...document.querySelectorAll('article')].map(a => "
        "Math.max(...[...a.querySelectorAll('li')].map(i => Number(i.dataset.c || 0))))"
    )
    assert shares == sorted(shares, reverse=True)


def test_a_thousand_errors_filter_at_once(
    window: browser.Browser, many: tuple[report.Analysis, Path]
) -> None:
    window.open(many[1])
    spent = window.run(
        "const began = performance.now();"
        "document.getElementById('filters').dispatchEvent(new Event('input'));"
        "document.body.offsetHeight; return performance.now() - began"
    )
    assert spent < 200, "milliseconds; it takes about 10"


def test_light_and_dark(window: browser.Browser, many: tuple[report.Analysis, Path]) -> None:
    """Text and ground of every part differ in luminance by 4.5 to 1 or more (WCAG 2.1, 1.4.3) in both themes."""
    window.open(many[1])
    grounds = []
    for theme in ("light", "dark"):
        window.prefer(theme)
        grounds.append(window.run("return getComputedStyle(document.body).backgroundColor"))
        for selector in ("body", ".note", "article h3", ".g.on", ".f.on", "ul.m", "nav a", "thead th"):
            colour, ground = window.run(
                "let e = document.querySelector(arguments[0]); const c = getComputedStyle(e).color;"
                "while (getComputedStyle(e).backgroundColor === 'rgba(0, 0, 0, 0)') e = e.parentElement;"
                "return [c, getComputedStyle(e).backgroundColor]",
                selector,
            )
            assert contrast(colour, ground) >= 4.5, (theme, selector, colour, ground)
    window.click("#theme")
    assert window.run("return getComputedStyle(document.body).backgroundColor") == grounds[0] != grounds[1]
    window.prefer("light")


def contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2.1 between two colours as the browser writes them."""

    def luminance(colour: str) -> float:
        channels = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
        linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dim = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def test_hostile_strings_in_a_browser(window: browser.Browser, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    report.write_page(hostile(), path)
    window.open(path)
    assert window.messages() == []
    assert window.run("return document.images.length") == 0
    assert window.run("return document.scripts.length") == 1
    words = window.run(
        "return [...document.querySelectorAll('article .w')].map(e => e.textContent).join(' ')"
    )
    assert "</script><script>alert(1)</script>" in words
    assert window.run(STATUS).startswith("5 errors")


def test_a_foreign_script_would_not_run(window: browser.Browser, tmp_path: Path) -> None:
    """The policy is the second lock: were a string not escaped, its script would still be refused."""
    path = tmp_path / "page.html"
    page = report.render_page(analyse()).replace("<main>", "<main><script>document.title = 'run'</script>")
    path.write_text(page, encoding="utf-8")
    window.open(path)
    assert window.run("return document.title") == "test.conll: right and wrong"
    assert any("Content Security Policy" in message for message in window.messages())


def test_narrow_screens_need_no_sideways_scrolling(
    window: browser.Browser, many: tuple[report.Analysis, Path]
) -> None:
    window.open(many[1])
    window.resize(360, 740)
    try:
        width, inner = window.run("return [document.documentElement.scrollWidth, innerWidth]")
        assert width <= inner == 360
        headings = (
            "return [...document.querySelectorAll('tbody th')].map(e => e.getBoundingClientRect().width)"
        )
        assert min(window.run(headings)) >= 60, "pixels: words don't break letter by letter"
    finally:
        window.resize(1200, 900)


def test_near_misses_and_confusions_stand_side_by_side_on_wide_screens(
    window: browser.Browser, many: tuple[report.Analysis, Path]
) -> None:
    window.open(many[1])
    tops = "return ['matching', 'confusion'].map(e => document.getElementById(e).getBoundingClientRect().top)"
    for width, are_equal in ((1600, True), (1280, True), (768, False)):
        window.resize(width, 900)
        first, second = window.run(tops)
        assert (first == second) is are_equal
    window.resize(1200, 900)


@pytest.mark.slow
def test_an_analysis_keeps_counts_and_no_spans() -> None:
    """Memory was that of all spans and matches, several times the corpus."""
    gold = [Sentence(("a", "b", "c", "d"), ("B-A", "B-B", "O", "B-A"), line=4 * i) for i in range(20_000)]
    predicted = [("B-A", "O", "B-B", "B-B")] * len(gold)
    report.analyse(gold[:1], predicted[:1], Scheme.IOB2)  # modules that it imports count nothing
    tracemalloc.start()
    facts = report.analyse(gold, predicted, Scheme.IOB2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert facts.scores.micro == Score(60_000, 60_000, 20_000)
    assert peak < 2 << 20
    assert len(facts.wrong) == 20_000
