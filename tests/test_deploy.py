"""What a deployment installs and starts: the locks, the Dockerfile, and the commands of docs/guides/deploy.md."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from threading import Thread

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.main import get_command

from tagger.cli import app

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/guides/deploy.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("deploy/requirements.lock", "deploy/build.lock")
PLATFORMS = [
    {"python_version": version, "python_full_version": f"{version}.0", "sys_platform": "linux",
     "platform_machine": machine, "implementation_name": "cpython", "platform_python_implementation": "CPython",
     "os_name": "posix", "platform_system": "Linux", "extra": ""}
    for version in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]  # fmt: skip


def read_lock(name):
    """Return each pinned package with its hashes; a package may have a version for each of several Pythons."""
    text = re.sub(r"\\\n", " ", (ROOT / name).read_text(encoding="utf-8"))
    rows = [row.split("#")[0].strip() for row in text.splitlines()]
    pins = []
    for row in filter(None, rows):
        pin, *hashes = re.split(r"\s+--hash=", row)
        pins.append((Requirement(pin), hashes))
    return pins


def versions_on(platform, name="deploy/requirements.lock"):
    """Return what is installed on a platform, by name."""
    chosen = {}
    for pin, _ in read_lock(name):
        if pin.marker is None or pin.marker.evaluate(platform):
            (exactly,) = pin.specifier
            assert exactly.operator == "=="
            assert canonicalize_name(pin.name) not in chosen
            chosen[canonicalize_name(pin.name)] = exactly.version
    return chosen


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_hashes_and_no_host_a_name(name):
    pins = read_lock(name)
    assert len(pins) > 5
    for pin, hashes in pins:
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes)
    assert "://" not in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "platform", PLATFORMS, ids=lambda each: f"{each['python_version']}-{each['platform_machine']}"
)
def test_the_lock_holds_what_the_project_asks_for(platform):
    locked = versions_on(platform)
    asked = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["serve"]]
    for requirement in map(Requirement, asked):
        if requirement.marker is None or requirement.marker.evaluate(platform):
            assert locked[canonicalize_name(requirement.name)] in requirement.specifier, requirement
    assert "torch" not in locked
    built = versions_on(platform, "deploy/build.lock")
    for requirement in map(Requirement, PROJECT["build-system"]["requires"]):
        assert built[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("platform", PLATFORMS[:1], ids=["here"])
def test_the_lock_holds_what_its_packages_ask_for(platform):
    """Of those that are installed here, in whatever version, each finds what it needs in the lock."""
    locked = versions_on(platform)
    looked_at = 0
    for name in locked:
        try:
            needs = requires(name) or []
        except PackageNotFoundError:
            continue
        looked_at += 1
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate(platform):
                assert canonicalize_name(need.name) in locked, f"{name} needs {need}"
    assert looked_at > 10


def test_the_lock_has_the_versions_that_are_tested():
    tested = dict(
        row.split("==")
        for row in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in row
    )
    tested = {canonicalize_name(name): version for name, version in tested.items()}
    for name in LOCKS:
        for pin, _ in read_lock(name):
            version = tested.get(canonicalize_name(pin.name))
            assert version is None or version in pin.specifier, pin


def test_the_image_is_built_from_files_that_are_let_in():
    let_in = {
        row[1:] for row in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if row[0] == "!"
    }
    copied = [row.split()[1:-1] for row in DOCKERFILE.splitlines() if re.match(r"COPY (?!--)", row)]
    assert copied
    for source in (Path(source) for row in copied for source in row):
        assert (ROOT / source).exists(), source
        assert source.parts[0] in let_in
    for script in ("deploy/prune", "deploy/lock"):
        assert (ROOT / script).stat().st_mode & 0o111, script


def commands_of_the_page():
    """List the calls of `tagger` in the page, in the image's default and in its manifests, by their words."""
    image = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    calls = [["tagger", *re.findall(r'"([^"]+)"', words)] for words in image]
    flat = re.sub(r"\s*\\\n\s*", " ", PAGE)
    calls += [shlex.split(found, comments=True) for found in re.findall(r"ExecStart=\S*/(tagger .*)", flat)]
    calls += [shlex.split(found) for found in re.findall(r"`(tagger serve [^`]*)`", flat.replace("\n", " "))]
    calls += [["tagger", *re.split(r",\s*", found)] for found in re.findall(r"args: \[(.*)\]", flat)]
    calls += [shlex.split(found)[:-2] for found in re.findall(r"\b(tagger predict .*?)`", flat)]
    calls += [shlex.split(found) for found in re.findall(r"docker run .* (tagger serve .*)", flat)]
    return calls


def test_commands_have_the_options_that_are_given():
    calls = commands_of_the_page()
    assert len(calls) > 4
    commands = get_command(app).commands
    for _, name, *words in calls:
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known, words


def test_python_of_the_page_runs(monkeypatch, tmp_path):
    pytest.importorskip("fastapi")
    from toy_models import make_model

    from tagger.runtime import directory

    (tmp_path / "english").mkdir()
    directory.save_model(tmp_path / "english", make_model())
    (block,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(block.replace("/srv/models", str(tmp_path)), names)
    assert callable(names["app"])


@pytest.mark.parametrize(("status", "is_well"), [(200, True), (503, False), (None, False)])
def test_the_health_check_believes_the_status_alone(status, is_well):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *more):
            pass

    (check,) = re.findall(r"HEALTHCHECK .*\\\n\s+CMD (\[.*\])", DOCKERFILE)
    words = re.findall(r'"([^"]+)"', check)
    assert words[:3] == ["python", "-I", "-c"]
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        if status is None:
            server.server_close()
        else:
            Thread(target=server.handle_request, daemon=True).start()
        script = words[3].replace("8080", str(server.server_port))
        done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True)
    assert (done.returncode == 0) is is_well
