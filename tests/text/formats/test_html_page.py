"""The page of `--format html` in a real browser: legend and slider show and hide spans, nobody is called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import start_browser

from tagger.text.formats import FORMATS, LabelledSentence, LabelledSpan

pytestmark = pytest.mark.slow

HOSTILE = '</script><script>document.title="broken"</script> Ada met Li in 北京 و Rome'


def sentence(text: str, *spans: tuple[str, str, float | None]) -> LabelledSentence:
    found = [
        LabelledSpan(type_, text.index(name), text.index(name) + len(name), name, confidence)
        for type_, name, confidence in spans
    ]
    return LabelledSentence(doc="<a>.txt", start=0, end=len(text), text=text, tokens=[], spans=found)


SENTENCES = [
    sentence(HOSTILE, ("PER", "Ada", 0.29), ("PER", "Li", 0.9999), ("<LOC>", "北京", 0.5), ("<LOC>", "Rome", 1.0)),
    sentence("مرحبا Ada", ("PER", "Ada", None)),
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with start_browser() as started:
        yield started


def open_page(browser: Any, folder: Path, sentences: list[LabelledSentence], **options: Any) -> Any:
    """Open the page of sentences; whatever the browser complains of is a failure, and so is a request."""
    path = folder / "page.html"
    path.write_text("".join(FORMATS["html"].format_sentences(sentences)), encoding="utf-8")
    page = browser.new_context(**options).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(path.as_uri())
    assert said == [path.as_uri()]
    return page


def shown(page: Any) -> list[str]:
    """Return the spans that are drawn as such, each with its label."""
    marks = page.locator("main mark").all()
    return [
        mark.inner_text()
        for mark in marks
        if mark.evaluate("it => getComputedStyle(it).display") != "contents"
    ]


def legend(page: Any) -> list[str]:
    return [" ".join(text.split()) for text in page.locator("#legend li").all_inner_texts()]


def slide(page: Any, value: int) -> None:
    page.locator("input[type=range]").evaluate(
        "(it, value) => { it.value = value; it.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def test_the_slider_hides_what_is_less_confident(browser, tmp_path):
    page = open_page(browser, tmp_path, SENTENCES)
    assert page.title() == "Labelled text"
    assert shown(page) == ["AdaPER", "LiPER", "北京<LOC>", "Rome<LOC>", "AdaPER"]
    assert legend(page) == ["PER 3", "<LOC> 2"]
    slide(page, 29)
    assert len(shown(page)) == 5
    slide(page, 30)
    assert shown(page) == ["LiPER", "北京<LOC>", "Rome<LOC>", "AdaPER"]
    assert legend(page) == ["PER 2 of 3", "<LOC> 2"]
    slide(page, 100)
    assert shown(page) == ["Rome<LOC>", "AdaPER"]
    assert page.locator("output").inner_text() == "100 %"
    assert page.locator("main p").first.inner_text() == HOSTILE.replace("Rome", "Rome<LOC>")
    slide(page, 0)
    assert len(shown(page)) == 5


def test_types_are_switched_on_and_off(browser, tmp_path):
    page = open_page(browser, tmp_path, SENTENCES)
    page.get_by_role("checkbox", name="PER").uncheck()
    assert shown(page) == ["北京<LOC>", "Rome<LOC>"]
    slide(page, 80)
    assert shown(page) == ["Rome<LOC>"]
    page.get_by_role("checkbox", name="PER").check()
    assert shown(page) == ["LiPER", "Rome<LOC>", "AdaPER"]


def test_the_keyboard_finds_the_legend_first_and_then_each_span(browser, tmp_path):
    page = open_page(browser, tmp_path, SENTENCES)
    focused = "document.activeElement.type || document.activeElement.innerText"
    order = []
    for _ in range(6):
        page.keyboard.press("Tab")
        order.append(page.evaluate(focused))
    assert order == ["checkbox", "checkbox", "range", "AdaPER", "LiPER", "北京<LOC>"]
    above = "getComputedStyle(document.activeElement.querySelector('b'), '::after').content"
    assert page.evaluate(above) == '"0.5000"'
    slide(page, 100)
    page.locator("input[type=range]").focus()
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Rome<LOC>"  # what isn't shown isn't stopped at
    page.locator("input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("output").inner_text() == "99 %"


def test_hovering_shows_a_confidence(browser, tmp_path):
    page = open_page(browser, tmp_path, SENTENCES)
    after = "getComputedStyle(document.querySelector('main mark b'), '::after').content"
    assert page.evaluate(after) == "none"
    page.locator("main mark").first.hover()
    assert page.evaluate(after) == '"0.2900"'


def test_without_script_all_is_shown_and_the_legend_stands_on_top(browser, tmp_path):
    page = open_page(browser, tmp_path, SENTENCES, java_script_enabled=False)
    assert page.locator("main mark:visible").count() == 5
    assert legend(page) == ["PER 3", "<LOC> 2"]
    assert not page.locator("input:visible").count()
    assert page.locator("#legend").bounding_box()["y"] < page.locator("main").bounding_box()["y"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction(browser, tmp_path, scheme):
    wide = sentence("x" * 500 + " Ada", ("a-type-of-a-very-long-name-indeed", "Ada", 0.5))
    options = {"viewport": {"width": 360, "height": 640}, "color_scheme": scheme}
    page = open_page(browser, tmp_path, [*SENTENCES, wide], **options)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("color", "backgroundColor")
    )
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    assert ink != paper


def test_nothing_found_and_nothing_scored(browser, tmp_path):
    page = open_page(browser, tmp_path, [])
    assert page.locator("#legend").inner_text() == "Nothing was found."
    page = open_page(browser, tmp_path, [sentence("Ada", ("PER", "Ada", None))])
    assert not page.locator("input[type=range]").count()
    page.get_by_role("checkbox", name="PER").uncheck()
    assert shown(page) == []
