"""The pages of a server as people meet them: the real application over small models, in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browsers import start_browser
from toy_models import make_model, make_word_model

from tagger.runtime.directory import save_model
from tagger.text.formats.hues import find_hue

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("fastapi")
pytestmark = pytest.mark.slow

STORED = Path(__file__).parents[1] / "stored" / "words"
TEXT = (
    "HALDMOOR - Heavy rain closed the road between Haldmoor and Crowhurst on Tuesday, "
    "and the ferry to Norway stayed in port."
)
SPANS = [("Heavy", 0.9537), ("Haldmoor", 0.5447), ("Crowhurst on Tuesday", 0.6069), ("Norway", 0.6799)]
SCORE = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 8}
CARD = """\
# A card

Finds **names**, *not* `<b>`; <b>tags</b> of HTML are text.
[a page](https://example.org/a), [none](javascript:alert).

| type | F1 |
|:-----|---:|
| PER  | 50 |

- one
- two
<img src="https://example.org/picture.png" onerror="document.title = 'broken'">
"""


@dataclass
class Server:
    """A server in this process."""

    address: str

    def ask(self, **question: Any) -> Any:
        """Return what it answers to a question without a browser."""
        request = urllib.request.Request(
            f"{self.address}predict",
            data=json.dumps(question).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["results"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve four models: names, names in IOB1, words, and words with types."""
    from tagger.adapters.server import Limits, create_app

    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(STORED, folder / "names")
    (folder / "names" / "README.md").write_text(CARD, encoding="utf-8")
    part = {"micro": SCORE, "macro": SCORE, "types": {"PER": SCORE}, "sentences": 1, "tokens": 9}
    (folder / "names" / "scores.json").write_text(json.dumps({"dev": part}), encoding="utf-8")
    for name, model in {
        "iob1": make_model("IOB1").with_fitted(min_confidence=0.7),
        "words": make_word_model(),
        "joint": make_word_model("NN", "VV"),
    }.items():
        (folder / name).mkdir()
        save_model(folder / name, model)
    app = create_app(
        {name: folder / name for name in ("names", "iob1", "words", "joint")}, Limits(body=1 << 17)
    )
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started and thread.is_alive():
        time.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield Server(f"http://127.0.0.1:{port}/")
    running.should_exit = True
    thread.join(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with start_browser() as started:
        yield started


class Visit:
    """A person at a page.

    Args:
        browser: where.
        home: address of the server.
        path: of the page there.
        options: of the browser's window.

    Attributes:
        faults: what the browser complained of, and requests to anybody but the server.
    """

    def __init__(self, browser: Any, home: str, path: str, **options: Any) -> None:
        self._home = home
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(10_000)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))
        self.page.goto(home + path)

    def _note(self, url: str) -> None:
        if not url.startswith((self._home, "data:")):
            self.faults.append(url)

    def write(self, text: str) -> None:
        """Write a text and wait until it is drawn."""
        self.page.locator("#box").fill(text)
        self.page.wait_for_function(
            "words => document.querySelector('#drawn').textContent.replace(/\\s/g, '') === words",
            arg="".join(text.split()),
        )

    def spans(self) -> list[str]:
        """Return the spans that are seen, in order."""
        return [mark.text_content() for mark in self.marks().all()]

    def marks(self) -> Any:
        return self.page.locator("#drawn .sentence > p .span:not(.off)")

    def slide(self, value: float) -> None:
        """Move the slider and wait until that is drawn."""
        self.page.locator("#least").evaluate(
            "(it, value) => { it.value = value; it.dispatchEvent(new Event('input', {bubbles: true})); }",
            value,
        )
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def copy(self, what: str) -> str:
        """Copy as JSON or CoNLL and return what was copied."""
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        button = self.page.locator(f"#copy-{what.lower()}")
        button.click()
        self.page.wait_for_function("it => it.textContent === 'copied'", arg=button.element_handle())
        return str(self.page.evaluate("navigator.clipboard.readText()"))


@pytest.fixture
def visit(browser: Any, server: Server) -> Iterator[Any]:
    """Open pages of the server; a page that the browser complains of fails the test."""
    visits: list[Visit] = []

    def open_page(path: str, **options: Any) -> Visit:
        visits.append(Visit(browser, server.address, path, **options))
        return visits[-1]

    yield open_page
    for each in visits:
        each.context.close()
    assert [fault for each in visits for fault in each.faults] == []


def test_spans_are_drawn_as_one_types_and_the_slider_hides_the_less_probable(visit):
    person = visit("#model=names&least=0")
    person.page.locator("#box").press_sequentially(TEXT[:20], delay=1)
    person.write(TEXT)
    assert person.spans() == [name for name, _ in SPANS]
    legend = person.page.locator("#legend li").all_inner_texts()
    assert [" ".join(row.split()) for row in legend] == ["PER 2", "LOC 1", "ORG 1"]
    person.slide(0.65)
    assert person.spans() == ["Heavy", "Norway"]
    assert person.page.locator("#least-shown").inner_text() == "65 %"
    person.page.wait_for_function(
        "() => document.querySelector('#status').textContent.startsWith('2 of 4 spans')"
    )
    assert person.page.locator("#drawn").text_content() == TEXT
    assert person.page.url.endswith("#model=names&least=0.65")
    person.slide(0.96)
    assert person.spans() == []
    person.page.get_by_role("button", name="the model's own").click()
    assert person.page.url.endswith("#model=names")
    assert len(person.spans()) == 4


def test_the_slider_begins_where_the_model_does(visit, server):
    person = visit("#model=iob1")
    person.write(TEXT)
    assert person.page.locator("#least-shown").inner_text() == "70 %"
    expected = server.ask(texts=[TEXT], model="iob1")[0]
    assert person.spans() == [span["text"] for sentence in expected for span in sentence["spans"]]
    person.slide(0)
    assert len(person.spans()) > sum(len(sentence["spans"]) for sentence in expected) > 0


def test_hovering_and_focus_show_a_spans_rivals(visit, server):
    person = visit("#model=names&least=0")
    person.write(TEXT)
    first = server.ask(texts=[TEXT], min_confidence=0, rivals=5)[0][0]["spans"][0]
    person.marks().first.hover()
    details = person.page.get_by_role("tooltip")
    assert details.locator("h2").inner_text() == "Heavy"
    rows = [" ".join(row.split()) for row in details.locator("li").all_inner_texts()]
    assert rows[0] == "PER 95 %"
    assert len(rows) == 1 + len(first["rivals"]) > 2
    names = [row.partition(" ")[0] for row in rows[1:]]
    assert names == [rival["type"] or "no" for rival in first["rivals"]]
    widths = details.locator("i").evaluate_all("all => all.map(it => it.getBoundingClientRect().width)")
    assert widths == sorted(widths, reverse=True)
    chances = [0.9537, *(rival["confidence"] for rival in first["rivals"])]
    assert [width / widths[0] for width in widths] == pytest.approx([c / 0.9537 for c in chances], abs=0.01)
    person.page.keyboard.press("Escape")
    details.wait_for(state="hidden")
    person.page.mouse.move(0, 0)


def test_keys_alone_reach_every_control_and_span(visit):
    person = visit("#model=names&least=0")
    person.page.get_by_role("combobox", name="model").wait_for()
    order = "Skip to the text,model,tab-text,box,language,English,中文,least,own,readings,copy-json,copy-conll,Heavy"
    for expected in order.split(","):
        person.page.keyboard.press("Tab")
        there = person.page.evaluate(
            "(it => [it.id || it.textContent, getComputedStyle(it).outlineStyle])(document.activeElement)"
        )
        assert there == [expected, "solid"]
        if expected == "box":
            person.page.keyboard.insert_text(TEXT)
            person.marks().first.wait_for()
    details = person.page.get_by_role("tooltip")
    assert details.locator("h2").inner_text() == "Heavy"
    person.page.keyboard.press("ArrowRight")
    assert details.locator("h2").inner_text() == "Haldmoor"
    person.page.keyboard.press("End")
    assert details.locator("h2").inner_text() == "Norway"
    said = person.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert said == "Norway: PER, 68 %"


def test_the_three_best_readings(visit, server):
    person = visit("#model=names&least=0")
    person.write(TEXT)
    person.page.get_by_role("button", name="Readings").click()
    rows = person.page.locator(".reading")
    rows.first.wait_for()
    expected = server.ask(texts=[TEXT], nbest=3)[0][0]["nbest"]
    assert rows.count() == len(expected) == 3
    for row, reading in zip(rows.all(), expected, strict=True):
        assert row.locator(".span").all_text_contents() == [span["text"] for span in reading["spans"]]
        shown = float(row.locator(".chance").inner_text().strip("% "))
        assert shown == pytest.approx(100 * reading["confidence"], abs=0.5)
    person.page.get_by_role("button", name="Readings").click()
    assert rows.count() == 0


@pytest.mark.parametrize(("model", "least"), [("names", 0.65), ("iob1", 0.7), ("words", 0), ("joint", 0)])
def test_what_is_copied_is_what_the_server_says_at_that_confidence(visit, server, model, least):
    text = f"{TEXT}\n\nLi met Ada Ada, 🦊 Paris Paris." if model in ("names", "iob1") else "我爱北京天安门。"
    person = visit(f"#model={model}&least={least}")
    person.write(text)
    question = {"min_confidence": least} if model in ("names", "iob1") else {}
    expected = server.ask(texts=[text], model=model, rivals=5, **question)[0]
    assert json.loads(person.copy("JSON")) == expected
    lines = []
    for sentence in expected:
        lines += [f"{text[start:end]}\t{tag}\n" for start, end, tag in sentence["tokens"]] + ["\n"]
    assert person.copy("CoNLL") == "".join(lines)


def test_any_text_is_text(visit, server):
    text = (
        "🦊👩‍🚀 𝔄da Ingrid Tavener, who was born in Lima, "
        "<script>document.title = 'broken'</script> & \"quotes\" <img src=x onerror=alert(1)> saw Norway &amp; Kenya."
    )
    person = visit("#model=names&least=0")
    person.write(text)
    spans = server.ask(texts=[text], min_confidence=0)[0]
    assert person.spans() == [span["text"] for sentence in spans for span in sentence["spans"]]
    assert any("Tavener" in span for span in person.spans())
    assert person.page.locator("#drawn").text_content() == text
    assert person.page.title() == "tagger"
    assert person.page.evaluate("[document.scripts.length, document.images.length]") == [1, 0]


def test_right_to_left_sentences_and_words_of_chinese(visit):
    person = visit("#model=names&least=0")
    person.write("قال Ingrid Tavener في Norway.\n\nShe left Kenya.")
    paragraphs = person.page.locator(".sentence > p")
    directions = paragraphs.evaluate_all("all => all.map(it => getComputedStyle(it).direction)")
    assert directions == ["rtl", "ltr"]
    for model in ("words", "joint"):
        person.page.get_by_role("combobox", name="model").select_option(model)
        person.page.wait_for_function("() => document.querySelector('#least-field').hidden")
        person.write("我爱北京天安门。")
        person.page.wait_for_function("() => document.querySelector('#drawn.words .span') !== null")
        assert "".join(person.spans()) == "我爱北京天安门。"
        assert person.page.locator("#language").is_hidden()
        has_legend = "wanted => (document.querySelectorAll('#legend li').length > 0) === wanted"
        person.page.wait_for_function(has_legend, arg=model == "joint")  # drawn anew for the other model
        assert person.page.url.endswith(f"#model={model}&least=0")


def test_an_answer_that_comes_too_late_is_dropped(visit):
    person = visit("#model=names&least=0")
    held: list[Any] = []
    person.page.route("**/predict", lambda route: route.continue_() if held else held.append(route))
    with person.page.expect_request("**/predict"):
        person.page.locator("#box").fill("Ingrid Tavener left.")
    person.write("Heavy rain in Kenya.")
    assert "Kenya" in person.spans()
    held[0].continue_()
    person.write("Heavy rain in Kenya. Cold")
    assert person.page.locator("#drawn").text_content() == "Heavy rain in Kenya.Cold"


def test_a_server_that_goes_and_comes_back(visit):
    person = visit("#model=names&least=0")
    person.write("Heavy rain in Kenya.")
    trouble = person.page.locator("#trouble")
    person.context.set_offline(True)
    person.page.locator("#box").fill("Heavy rain in Norway.")
    trouble.filter(has_text="The server doesn't answer.").wait_for()
    assert person.page.locator("#drawn").text_content() == "Heavy rain in Kenya."
    person.context.set_offline(False)
    person.page.wait_for_function(
        "() => document.querySelector('#drawn').textContent === 'Heavy rain in Norway.'"
    )
    assert trouble.text_content() == ""
    assert all("ERR_INTERNET_DISCONNECTED" in fault for fault in person.faults)
    person.faults.clear()


def test_a_fault_is_told_in_words(visit):
    person = visit("#model=names&least=0")
    person.write("Heavy rain in Kenya.")
    person.page.locator("#box").fill("x" * (1 << 17))
    person.page.locator("#trouble").filter(has_text="The server says: ").wait_for()
    assert person.page.locator("#drawn").text_content() == "Heavy rain in Kenya."
    person.write("Heavy rain in Kenya. Cold")
    assert person.page.locator("#trouble").text_content() == ""
    assert all("413" in fault for fault in person.faults)
    person.faults.clear()


def test_the_examples(visit):
    person = visit("#model=names")
    person.page.get_by_role("button", name="English").click()
    person.marks().first.wait_for()
    assert person.page.locator("#drawn").text_content().startswith("Ada Lovelace met")


def test_a_model_its_scores_its_moves_and_its_card(visit):
    person = visit("#model=names&view=model")
    view = person.page.get_by_role("tabpanel", name="Model")
    cells = view.locator(".matrix td")
    cells.first.wait_for()
    facts = [" ".join(fact.split()) for fact in view.locator("#facts li").all_inner_texts()]
    assert "names labels words" in facts
    assert "33.33 F1 on dev" in facts
    assert " ".join(view.locator("#scores tbody tr").first.inner_text().split()) == "PER 50.00 25.00 33.33 8"

    answer = person.page.evaluate("fetch('models/names').then(it => it.json())")["transitions"]
    tags = len(answer["tags"])
    assert cells.count() == (tags + 1) ** 2
    assert view.locator(".never").count() == 1 + sum(
        value is None for row in (answer["start"], answer["end"], *answer["moves"]) for value in row
    )
    cells.first.focus()
    assert view.locator("#readout").inner_text().startswith(f"from beginning to {answer['tags'][0]}: ")
    person.page.keyboard.press("ArrowDown")
    assert (
        view.locator("#readout").inner_text().startswith(f"from {answer['tags'][0]} to {answer['tags'][0]}: ")
    )

    card = view.locator("#card .card")
    assert card.locator("h3").inner_text() == "A card"
    parts = card.locator("strong, em, code, li, td").all_inner_texts()
    assert parts[:6] == ["names", "not", "<b>", "PER", "50", "one"]
    assert "<b>tags</b> of HTML are text" in card.inner_text()
    assert card.locator("a").evaluate_all("all => all.map(it => it.href)") == ["https://example.org/a"]
    assert "none (javascript:alert)" in card.inner_text()
    assert '<img src="https://example.org/picture.png"' in card.inner_text()
    person.page.get_by_role("tab", name="Model").press("ArrowLeft")
    assert person.page.locator("#box").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_are_those_of_every_page_and_names_on_them_are_read_well(visit, scheme):
    person = visit("#model=names&least=0", color_scheme=scheme)
    person.write(TEXT)
    # The hue of HSL becomes one of OKLCH: the browser converts it for us.
    shown = person.page.evaluate(
        """hues => hues.map(hue => {
            const probe = document.body.appendChild(document.createElement("i"));
            probe.style.color = `oklch(from hsl(${hue} 75% 60%) l c h)`;
            return Number(getComputedStyle(probe).color.match(/[\\d.]+(?=\\))/)[0]);
        })""",
        [find_hue(type_) for type_ in ("PER", "LOC", "ORG", "PER")],
    )
    found = person.marks().evaluate_all("all => all.map(it => Number(it.style.getPropertyValue('--hue')))")
    hues = [hue % 360 for hue in found]
    assert hues == pytest.approx(shown, abs=6)
    for part in ("", "::after"):
        assert all(ratio >= 4.5 for ratio in contrasts(person, part))


def contrasts(person: Visit, part: str) -> list[float]:
    """Return the contrast ratio (WCAG 2.1) of each span's text, or its label, to its ground as a canvas paints it."""
    pixels = person.marks().evaluate_all(
        """(all, part) => all.map(it => {
            const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
            return [getComputedStyle(it, part).color, getComputedStyle(it).backgroundColor].map(colour => {
                brush.fillStyle = colour;
                brush.fillRect(0, 0, 1, 1);
                return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
            });
        })""",
        part or None,
    )

    def luminance(channels: list[int]) -> float:
        shares = [channel / 255 for channel in channels]
        red, green, blue = (((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in shares)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    pairs = [sorted((luminance(text), luminance(ground))) for text, ground in pixels]
    return [(bright + 0.05) / (dim + 0.05) for dim, bright in pairs]


@pytest.mark.parametrize("address", ["#model=names&least=0", "#model=joint&view=model", "docs"])
def test_a_phone_scrolls_in_one_direction(visit, address):
    person = visit(address, viewport={"width": 360, "height": 640}, has_touch=True)
    if address.endswith("least=0"):
        person.write(f"{TEXT} {'x' * 300}")
        person.page.get_by_role("button", name="Readings").click()
        person.page.locator(".reading").first.wait_for()
        person.marks().first.tap()
        assert person.page.get_by_role("tooltip").locator("h2").inner_text() == "Heavy"
    else:
        person.page.locator(".matrix td, .route").first.wait_for()
    assert person.page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_long_text_is_drawn_while_the_page_answers(visit, server):
    """Drawing 20,000 characters, and again after a key, must not hold up the page for long."""
    person = visit("#model=names&least=0")
    person.page.evaluate(
        """new PerformanceObserver(list => {
            for (const task of list.getEntries()) window.held = Math.max(window.held || 0, task.duration);
        }).observe({ entryTypes: ["longtask"] })"""
    )
    text = f"{TEXT}\n" * 170
    person.write(text)
    found = server.ask(texts=[text], min_confidence=0)[0]
    assert person.marks().count() == sum(len(sentence["spans"]) for sentence in found) > 500
    person.write(text + "Cold")
    assert person.page.evaluate("window.held || 0") < 2000, "milliseconds; it takes about 150"


def test_the_routes_are_shown_and_can_be_tried(visit):
    person = visit("docs")
    route = person.page.get_by_role("region", name="POST /predict", exact=True)
    route.wait_for()
    needed = " ".join(route.locator("tbody tr").first.inner_text().split())
    assert re.match(r"texts \(needed\) list of string ", needed)
    route.get_by_role("textbox").fill(json.dumps({"texts": ["it's Kenya"]}))
    expected = """-H 'Content-Type: application/json' --data-binary '{"texts": ["it'\\''s Kenya"]}'"""
    assert route.locator(".curl").inner_text().endswith(expected)
    route.get_by_role("button", name="Try it").click()
    answer = route.locator("pre").last
    answer.filter(has_text="200").wait_for()
    assert json.loads(answer.inner_text().partition("\n")[2])["model"] == "names"
    model = person.page.get_by_role("region", name="GET /models/{name}")
    model.get_by_role("button", name="Try it").click()
    model.locator("pre").last.filter(has_text='"transitions"').wait_for()
