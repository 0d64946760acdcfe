"""Systems that lack what POSIX has: here it is taken away, and commands do their work all the same.

That is no test on Windows: it finds what would be missing there, not what is otherwise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import TINY
from toy_models import make_model

from tagger.runtime import directory

# What CPython on Windows has not, by its documentation ("Availability: Unix").
WITHOUT = """
import importlib, os, signal, sys

# What isn't tagger's has roads of its own, which it takes while it is imported.
import multiprocessing.connection, shutil, subprocess, tempfile, numpy, rich.console, typer
for name in sys.argv.pop(1).split(","):
    importlib.import_module(name)
for name in ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None
for name in (
    "O_DIRECTORY", "O_NOFOLLOW", "WNOHANG", "chown", "fchmod", "fork", "geteuid", "getpgid", "getuid", "killpg",
    "mkfifo", "pread", "sched_getaffinity", "setpgrp", "setsid", "sysconf", "uname",
):
    delattr(os, name)
for name in ("SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "pthread_sigmask", "sigpending", "sigwait"):
    delattr(signal, name)
"""
COMMAND = WITHOUT + "\nfrom tagger.__main__ import main\nmain()\n"


def run_without(modules: str, *arguments: object, script: str = COMMAND) -> str:
    """Run a command, or a script, on what is left; return its stdout."""
    done = subprocess.run(
        [sys.executable, "-c", script, modules, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model")
    directory.save_model(place, make_model())
    return place


def test_labelling_scoring_and_converting(model: Path, ten_sentences: Path) -> None:
    labelled = run_without("safetensors", "predict", model, ten_sentences, "--format", "jsonl")
    assert len([json.loads(line) for line in labelled.splitlines()]) == 10
    assert "micro" in json.loads(run_without("safetensors", "evaluate", model, ten_sentences, "--json"))
    written = ten_sentences.with_suffix(".jsonl")
    run_without("safetensors", "convert", ten_sentences, written)
    assert written.is_file()


def test_a_server_is_there_and_says_what_it_cannot() -> None:
    pytest.importorskip("uvicorn")
    script = WITHOUT + "from tagger.adapters import server\nprint(server.serve.__name__)\n"
    assert run_without("uvicorn,fastapi,prometheus_client.multiprocess", script=script) == "serve\n"
    import asyncio
    import signal

    from tagger.adapters.server.serving import heed

    class Loop(asyncio.SelectorEventLoop):
        def add_signal_handler(self, *arguments: object) -> None:
            raise NotImplementedError

    with asyncio.Runner(loop_factory=Loop) as runner:

        async def wait() -> None:
            heard = asyncio.Event()
            heed(asyncio.get_running_loop(), signal.SIGTERM, heard.set)
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(heard.wait(), 10)

        before = signal.getsignal(signal.SIGTERM)
        try:
            runner.run(wait())
        finally:
            signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
def test_training(ten_sentences: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    corpus = (ten_sentences, "--dev", ten_sentences, "--output", tmp_path / "m", *TINY)
    run_without("torch", "train", *corpus, "--dry-run")
    run_without("torch", "train", *corpus)
    run_without("torch", "train", *corpus, "--resume", "--epochs", "3")
    assert run_without("safetensors", "inspect", tmp_path / "m")
