"""The documentation does what it says: blocks run, options exist, links lead somewhere, and the site asks nobody."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from browsers import start_browser
from documents import DOCS, README, ROOT, STAND_INS, list_blocks, list_calls, list_pages, name_page, run_page
from typer.main import get_command

from tagger.cli import app
from tagger.runtime import directory
from tools.reference import REGENERATE, find_stale

PAGES = list_pages()
SHOWN = {"", "text", "json", "ini", "toml", "nginx", "yaml"}  # languages of blocks that nobody runs
_LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^( *)```.*?^\1```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:\.venv/bin/)?tagger [^`]+)`")
each_page = pytest.mark.parametrize("page", PAGES, ids=name_page)


def strip_code(text: str) -> str:
    """Return a page without its code, in which brackets are no links and lines with # no headings."""
    return _CODE.sub("", text)


def list_anchors(page: Path) -> set[str]:
    """List the anchors of a page's headings, by GitHub's rule, which the site's setting follows."""
    text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower().strip() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def list_nav() -> list[str]:
    """List the pages of the site's navigation."""
    (nav,) = re.findall(r"^nav:\n(.*)\Z", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M | re.S)
    return re.findall(r": (\S+\.md)$", nav, re.MULTILINE)


# What is written


def test_the_reference_is_what_the_program_says() -> None:
    assert find_stale() == [], f"write it anew: {REGENERATE}"


def test_the_navigation_has_every_page_once() -> None:
    listed = list_nav()
    assert sorted(listed) == sorted(page.relative_to(DOCS).as_posix() for page in PAGES if page != README)


@each_page
def test_a_page_has_one_title(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    without_blocks = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^# .+", without_blocks, re.MULTILINE) == [text.splitlines()[0]]


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(strip_code(page.read_text(encoding="utf-8"))):
        if urlsplit(link).scheme:
            continue
        path, anchor = urldefrag(link)
        target = page if not path else (page.parent / unquote(path)).resolve()
        assert target.exists(), link
        if page != README:
            assert target.is_file(), f"{link}: the site has no page for a folder"
            assert target.is_relative_to(DOCS), f"{link}: not on the site; name the file in backquotes"
        if anchor:
            assert unquote(anchor) in list_anchors(target), link


@each_page
def test_blocks_say_what_they_are(page: Path) -> None:
    for block in list_blocks(page):
        place = f"{block.page}:{block.line}"
        assert block.language in {"sh", "python"} | SHOWN, f"{place}: {block.language}"
        if not block.language:
            assert not re.search(r"^(\S*/)?(tagger|pip|python) ", block.text, re.MULTILINE), (
                f"{place}: say sh"
            )
    text = page.read_text(encoding="utf-8")
    files = {
        name for found in re.findall(r"<!-- here: (.+?) -->", text, re.S) for name in re.split(r",\s*", found)
    }
    assert files <= set(STAND_INS), f"{name_page(page)}: tests/documents.py has no stand-in for these"


@each_page
def test_commands_have_the_options_that_are_given(page: Path) -> None:
    for block in list_blocks(page):
        if block.language == "sh":
            for words in list_calls(block.text):
                check_call(words, f"{block.page}:{block.line}")
    for found in _INLINE.findall(strip_blocks(page.read_text(encoding="utf-8"))):
        for words in list_calls(" ".join(found.split())):
            if words and words[0] in COMMANDS:
                unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - options_of(
                    words[0]
                )
                assert not unknown, f"{name_page(page)}: {found}"


COMMANDS: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]


def strip_blocks(text: str) -> str:
    """Return a page without its blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


def options_of(name: str) -> set[str]:
    """Return the options of a command as they may be typed."""
    return {"--help"} | {option for parameter in COMMANDS[name].params for option in parameter.opts}


def check_call(words: list[str], place: str) -> None:
    """Hold a call against the program: its command, its options, and words to choose from."""
    if words[0].startswith("-") or words[0] == "COMMAND":
        return
    command = COMMANDS[words[0]]
    with command.make_context(words[0], [], resilient_parsing=True) as context:
        context.resilient_parsing = False
        given, _, _ = command.make_parser(context).parse_args(args=words[1:])
    for parameter in command.params:
        value = given.get(parameter.name)
        choices = re.fullmatch(r"\[(.+\|.+)\]", parameter.metavar or "")
        if choices and isinstance(value, str):
            assert value in choices[1].split("|"), f"{place}: {parameter.opts[0]} {value}"


@each_page
def test_extras_that_are_installed_exist(page: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    text = page.read_text(encoding="utf-8")
    for found in re.findall(r"(?:tagger|'\.)\[([a-z,]+)\]'", text):
        assert set(found.split(",")) <= set(extras), found


def test_calls_are_found_wherever_they_stand() -> None:
    script = "A=1 && .venv/bin/tagger train a.conll \\\n  -o m | tagger score - b > c"
    script += "; torchrun -m tagger check 'x y' # z"
    assert list(list_calls(script)) == [
        ["train", "a.conll", "-o", "m"],
        ["score", "-", "b"],
        ["check", "x y"],
    ]


def test_blocks_have_what_comments_say_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("documents.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "# Title\n\n```sh\na\n```\n\n<!-- not run: no\nwhale -->\n```sh\nb\n```\n\n- item\n\n"
        "  <!-- exit code: 0 or 1 -->\n  ```sh\n  c\n    d\n  ```\n\n```text\ne\n```\n",
        encoding="utf-8",
    )
    found = [(block.line, block.text, block.runs, block.reason, block.codes) for block in list_blocks(page)]
    assert found == [
        (3, "a\n", True, "", (0,)),
        (9, "b\n", False, "no whale", (0,)),
        (16, "c\n  d\n", True, "", (0, 1)),
        (21, "e\n", False, "", (0,)),
    ]


def test_every_file_of_a_model_directory_is_described() -> None:
    text = (DOCS / "reference" / "model-format.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^## A labeller\n\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == set(directory.FILES)


# What runs


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which stand-ins are made once."""
    return tmp_path_factory.mktemp("stand-ins")


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page != README and any(block.runs for block in list_blocks(page))],
    ids=name_page,
)  # what the README's main job makes is looked at, too, in `test_readme.py`
def test_a_page_runs_as_printed(page: Path, tmp_path: Path, stand_ins: Path) -> None:
    run_page(page, tmp_path, stand_ins)


# The site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site from a copy and return its folder."""
    pytest.importorskip("zensical")
    pytest.importorskip("mkdocstrings_handlers.python")
    pytest.importorskip("latex2mathml")
    folder = tmp_path_factory.mktemp("site")
    for name in ("docs", "tools", "tagger"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", folder)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", timeout=600, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "griffe:" not in said, said  # what it says of docstrings isn't counted as an issue
    return folder / "site"


@pytest.mark.slow
def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    foreign = r"[^>]*?\b(?:src|srcset|data|href)=[\"']?((?:https?:)?//[^\"'> ]+)"
    loading = re.compile(
        rf"<(?:script|img|iframe|source|video|audio|embed|object)\b{foreign}"
        rf"|<link\b(?![^>]*rel=[\"']?canonical){foreign}"
    )
    for path in pages:
        assert loading.findall(path.read_text(encoding="utf-8")) == [], path
    for path in site.rglob("*.css"):
        assert not re.findall(
            r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", path.read_text(encoding="utf-8")
        ), path


@pytest.mark.slow
def test_formulas_are_mathml_and_examples_are_code(site: Path) -> None:
    crf = (site / "explanation" / "crf.html").read_text(encoding="utf-8")
    assert crf.count("<math ") > 20
    assert "arithmatex" not in crf
    names = (site / "reference" / "python.html").read_text(encoding="utf-8")
    assert "<blockquote>" not in names
    assert "&gt;&gt;&gt;" in re.sub(r"<[^>]+>", "", names)


@pytest.mark.slow
def test_the_site_has_what_its_pages_link_to(site: Path) -> None:
    pages = {
        path: path.read_text(encoding="utf-8") for path in site.rglob("*.html") if path.name != "404.html"
    }
    names = {path: set(re.findall(r"\b(?:id|name)=[\"']?([^\"'\s>]+)", text)) for path, text in pages.items()}
    for path, text in pages.items():
        for link in re.findall(r"<a\b[^>]*?\bhref=\"([^\"]+)\"", text):
            if urlsplit(link).scheme:
                continue
            to, anchor = urldefrag(unquote(link))
            target = path if not to else (path.parent / to).resolve()
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), f"{path.name}: {link}"
            assert not anchor or anchor in names.get(target, {anchor}), f"{path.name}: {link}"


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Serve the site and return its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *more: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.slow
def test_a_browser_asks_nobody_else_and_finds_words(address: str) -> None:
    with start_browser() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 740})
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        for name in list_nav():
            page.goto(f"{address}/{name.removesuffix('.md')}.html")
            wide = page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
            assert not wide, f"{name} is wider than a telephone"
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(f"{address}/index.html")
        for _ in range(100):  # the search hears nothing before its script is there
            page.keyboard.press("/")
            if page.evaluate("document.activeElement.shadowRoot !== null"):
                break
            page.wait_for_timeout(100)
        page.keyboard.type("gazetteer")
        page.wait_for_selector("a[href*='columns-and-lists']:has-text('azetteer')")
        assert faults == []
        assert {url for url in asked if not url.startswith((address, "data:", "blob:"))} == set()
