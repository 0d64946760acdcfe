"""`predict --ray` on two cores of this machine: complete, in order, the bytes of one process, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest
from toy_models import make_model

from tagger.runtime.directory import save_model

pytest.importorskip("ray")
pytestmark = pytest.mark.slow

SENTENCES = "Ada met Li in New York. The old mayor of Paris spoke!\nNobody heard Bo.\n\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    place: Path = tmp_path_factory.mktemp("ray")
    save_model(place, make_model())
    return place


def predict(model: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tagger", "predict", *map(str, (model, *arguments))]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def kill_an_actor(killed: list[int]) -> None:
    """Kill the first actor that labels; `ray::` begins the name of its process."""
    until = time.monotonic() + 60
    while not killed and time.monotonic() < until:
        for place in Path("/proc").glob("[0-9]*"):
            try:
                name = (place / "cmdline").read_bytes()
            except OSError:  # it has ended
                continue
            if name.startswith(b"ray::_FileLabeller.label"):
                os.kill(int(place.name), signal.SIGKILL)
                killed.append(int(place.name))
                return
        time.sleep(0.01)


def test_files_get_the_bytes_of_one_process_even_where_an_actor_is_killed(model, tmp_path):
    texts = tmp_path / "texts"
    (texts / "deeper").mkdir(parents=True)
    for name, count in (("a.txt", 1), ("b.txt", 3000), ("deeper/a.txt", 5), ("deeper/empty.txt", 0)):
        (texts / name).write_text(SENTENCES * count, encoding="utf-8")
    (texts / "bad.txt").write_bytes(b"Ada \xe9\x80 left")
    killed: list[int] = []
    killer = Thread(target=kill_an_actor, args=(killed,))
    killer.start()
    done = predict(model, texts, "--ray", "local", "--workers", 2, "--output", tmp_path / "out")
    killer.join()
    assert killed
    for file in sorted(texts.rglob("*.txt")):
        result = tmp_path / "out" / file.relative_to(texts).with_name(file.name + ".jsonl")
        alone = predict(model, file)
        assert result.exists() == (alone.returncode == 0), file
        if result.exists():
            assert result.read_text(encoding="utf-8") == alone.stdout
    assert done.returncode != 0  # for the file that is no text
    assert "bad.txt" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").glob(".*"))


def test_parquet_has_the_rows_of_json_lines(model, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "a.txt").write_text(SENTENCES * 3, encoding="utf-8")
    rows = [json.loads(line) for line in predict(model, tmp_path / "a.txt").stdout.splitlines()]
    done = predict(
        model, tmp_path / "a.txt", "--ray", "local", "--format", "parquet", "--output", tmp_path / "out"
    )
    assert done.returncode == 0, done.stderr
    table = parquet.read_table(tmp_path / "out" / "a.txt.parquet").to_pylist()
    assert [row["text"] for row in table] == [row["text"] for row in rows]
    assert [row["spans"] for row in table] == [row["spans"] for row in rows]
    assert [[tuple(each.values()) for each in row["tokens"]] for row in table] == [
        [tuple(each) for each in row["tokens"]] for row in rows
    ]


def test_a_cluster_that_is_not_there_is_told_at_once(model, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "a.txt").write_text("Ada left.", encoding="utf-8")
    done = predict(model, tmp_path / "a.txt", "--ray", address, "--output", tmp_path / "out")
    assert done.returncode == 1
    assert f"nobody answers at {address}" in done.stderr
    assert "Traceback" not in done.stderr


def test_ray_data_labels_with_a_pool_of_actors(model):
    """In a process of its own: Ray stays in one until it ends."""
    program = f"""
import ray
from tagger.adapters.ray import BatchLabeller

ray.init(num_cpus=2, object_store_memory=100_000_000, include_dashboard=False, log_to_driver=False)
rows = ray.data.from_items([{{"id": n, "text": "Ada met Li in New York."}} for n in range(100)])
found = rows.map_batches(
    BatchLabeller, fn_constructor_args=({str(model)!r},), batch_size=16, concurrency=2, num_cpus=1
).take_all()
spans = [[(each["type"], each["start"], each["end"]) for each in row["spans"]] for row in found]
assert sorted(row["id"] for row in found) == list(range(100))
assert all(each == spans[0] for each in spans)
print(spans[0])
"""
    surroundings = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, env=surroundings
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (row,) = [json.loads(line) for line in predict_text(model)]
    expected = [(each["type"], each["start"], each["end"]) for each in row["spans"]]
    assert done.stdout.splitlines()[-1] == str(expected)


def predict_text(model: Path) -> list[str]:
    command = [sys.executable, "-m", "tagger", "predict", str(model)]
    found = subprocess.run(
        command, input="Ada met Li in New York.", capture_output=True, text=True, timeout=60
    )
    return found.stdout.splitlines()
