"""Model directories that a stranger made or a disk spoilt: a model or one clear error comes of each, nothing else."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from toy_models import WORDS, make_lm_model, make_model

from tagger.errors import ModelError, TaggerError
from tagger.runtime import directory as files
from tagger.runtime import inspection, reports
from tagger.runtime.tagger import Tagger
from tagger.runtime.tensors import write_tensors

EPOCH = {"epoch": 1, "loss": 1.5, "improved": True, "kept": True, "seconds": 2.0, "tokens_per_second": 9.0}
MICRO = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 4}
SCORES = {"dev": {"micro": MICRO, "types": {"PER": MICRO}, "token_accuracy": 0.75}}
NAMES = (files.CONFIG, files.VOCAB, files.WEIGHTS, files.SCORES, files.HISTORY)
STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 10**400, 1e308, float("nan"), float("inf"), "", "x", "\t", "\ud800", [], {}, [[]], "O",
)  # fmt: skip


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return save(tmp_path / "model", make_model())


def save(place: Path, model: Any) -> Path:
    place.mkdir()
    files.save_model(place, model)
    (place / files.SCORES).write_text(json.dumps(SCORES), encoding="utf-8")
    (place / files.HISTORY).write_text(json.dumps(EPOCH) + "\n", encoding="utf-8")
    return place


def rewrite(
    directory: Path,
    change_weights: Callable[[dict[str, Any]], object] = lambda weights: None,
    change_vocab: Callable[[dict[str, Any]], object] = lambda tables: None,
    config: str | None = None,
) -> None:
    """Change a directory as a stranger would who knows the format: checksums included."""
    tables = json.loads((directory / files.VOCAB).read_bytes())
    weights = dict(safetensors.numpy.load_file(directory / files.WEIGHTS))
    change_weights(weights)
    change_vocab(tables)
    contents = {
        files.CONFIG: (directory / files.CONFIG).read_bytes() if config is None else config.encode(),
        files.VOCAB: json.dumps(tables).encode(),
    }
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    write_tensors(directory / files.WEIGHTS, weights, contents)


def refusal(directory: Path) -> str:
    """The one line that loading and inspecting give alike."""
    messages = []
    for read in (files.load_model, inspection.inspect):
        with pytest.raises(ModelError) as caught:
            read(directory)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "\n" not in messages[0]
    return messages[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_weights_that_are_no_numbers_are_refused(directory: Path, value: float) -> None:
    rewrite(directory, lambda weights: weights["emission.bias"].__setitem__(2, value))
    assert refusal(directory) == (
        f"{directory / files.WEIGHTS}: holds numbers that no training ends with: emission.bias is not finite; train "
        "again"
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("temperature", 0.0, "0.001 to 1000"),
        ("temperature", -2.0, "0.001 to 1000"),
        ("temperature", 1e-30, "0.001 to 1000"),
        ("agreement", -1.0, "0 to 20"),
        ("min_confidence", 1.5, "0 to 1"),
        ("min_confidence", -0.5, "0 to 1"),
    ],
)
def test_fitted_numbers_that_give_no_probabilities_are_refused(
    directory: Path, name: str, value: float, expected: str
) -> None:
    rewrite(directory, lambda weights: weights.update({name: np.array(value, np.float32)}))
    assert refusal(directory) == (
        f"{directory / files.WEIGHTS}: holds the {name} {value:g}, expected a number from {expected}; train again"
    )


@pytest.mark.parametrize("scheme", ["IOB2", "BARE"])
@pytest.mark.parametrize("tag", ["", "B-L\tC", "B-L\nC", "B-\r", "B-\ud800", "?\t"])
def test_tags_that_no_column_file_can_hold_are_refused(tmp_path: Path, scheme: str, tag: str) -> None:
    directory = save(tmp_path / "m", make_model(scheme=scheme))
    rewrite(directory, change_vocab=lambda tables: tables["tags"].__setitem__(1, tag))
    assert refusal(directory).startswith(f"{directory / files.VOCAB}: found tag {tag!r}, expected ")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_absurd_size_is_not_read(directory: Path, name: str) -> None:
    """20 GB without a block on the disk; what isn't the model does no harm to labelling."""
    os.truncate(directory / name, 20 << 30)
    with pytest.raises(ModelError, match=name):
        inspection.inspect(directory)
    if name in NAMES[:3]:
        with pytest.raises(ModelError, match=name):
            files.load_model(directory)
    else:
        Tagger(files.load_model(directory), dev_f1=reports.find_dev_f1(directory))


def test_weights_are_not_read_where_their_header_tells_of_others(directory: Path) -> None:
    """A header that is in order, of a table of 16 GB, and a file of that size."""
    content = (directory / files.WEIGHTS).read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["emission.weight"] = {"dtype": "F32", "shape": [9, 1 << 29], "data_offsets": [0, 36 << 29]}
    header = {name: header[name] for name in ("__metadata__", "emission.weight")}
    text = json.dumps(header).encode()
    (directory / files.WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text)
    os.truncate(directory / files.WEIGHTS, 8 + len(text) + (36 << 29))
    assert "doesn't fit config.toml and vocab.json" in refusal(directory)


def test_memory_that_runs_out_while_a_model_is_read_is_one_line(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhaust(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("tagger.runtime.tensors._digest", exhaust)
    assert "for which there is too little memory; free some, or raise the limit" in refusal(directory)
    monkeypatch.undo()
    monkeypatch.setattr(files, "weight_shapes", exhaust)
    assert refusal(directory) == (
        f"{directory}: memory ran out while the model was read; free some, or raise the limit"
    )


WATCHED = """
import os, sys
from pathlib import Path

place = Path(sys.argv[1]).resolve()
from tagger.runtime.directory import load_model
from tagger.runtime.inspection import inspect
from tagger.runtime.tagger import Tagger

Tagger(load_model(place)).predict("Anna lives in Geneva.")  # what is imported late is imported now

KINDS = ("compile", "exec", "import", "socket", "subprocess", "pickle", "marshal", "urllib")
seen, read, watches = [], set(), False

def watch(event, arguments):
    if not watches:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or isinstance(path, int) or Path(path).resolve().parent != place:
            seen.append((event, path))
        else:
            read.add(Path(path).name)
    elif event.partition(".")[0] in KINDS:
        seen.append((event, arguments[:1]))
    elif event.startswith("os.") and event not in ("os.listdir", "os.scandir"):
        seen.append((event, arguments[:1]))

sys.addaudithook(watch)
watches = True
Tagger(load_model(place)).predict("Anna lives in Geneva.")
inspect(place)
watches = False
print(seen, *sorted(read))
"""


def test_reading_a_model_opens_its_files_alone_and_starts_nothing(directory: Path) -> None:
    """Python tells an audit hook of every file, process, connection and piece of code."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(directory)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[] config.toml history.jsonl model.safetensors scores.json vocab.json\n"


def mutate_bytes(content: bytes, draw: random.Random) -> bytes:
    """Flip, cut, insert or repeat some bytes."""
    place = draw.randrange(len(content) + 1)
    match draw.randrange(5):
        case 0:
            return content[:place]
        case 1:
            return content[:place] + draw.randbytes(draw.randint(1, 9)) + content[place:]
        case 2:
            return content[:place] + content[draw.randrange(len(content)) :]
        case 3:
            return content[place : place + 1] * draw.randint(1, 300)
        case _:
            return content[:place] + bytes([draw.randrange(256)]) + content[place + 1 :]


def mutate_value(value: Any, draw: random.Random) -> Any:
    """Replace, remove or repeat something inside a JSON value."""
    if not isinstance(value, dict | list) or not value or draw.random() < 0.15:
        return draw.choice(STRANGE)
    value = copy.copy(value)
    key = draw.choice(list(value)) if isinstance(value, dict) else draw.randrange(len(value))
    match draw.randrange(6):
        case 0:
            del value[key]
        case 1 if isinstance(value, list):
            value.append(draw.choice([value[key], *STRANGE]))
        case 2 if isinstance(value, dict):
            value[draw.choice(["", "x", "tags"])] = value[key]
        case _:
            value[key] = mutate_value(value[key], draw)
    return value


def mutate_config(text: str, draw: random.Random) -> str:
    """Change the value of one setting, or take a line out."""
    lines = text.splitlines()
    places = [number for number, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    place = draw.choice(places)
    values = (
        "0",
        "-1",
        "1",
        "2",
        "7",
        "65536",
        "1e99",
        "nan",
        "inf",
        '""',
        '"x"',
        "[]",
        "true",
        "{}",
        '"BARE"',
    )
    name = lines[place].partition("=")[0]
    lines[place : place + 1] = [] if draw.random() < 0.2 else [f"{name}= {draw.choice(values)}"]
    return "\n".join(lines)


def mutations(directory: Path, draw: random.Random) -> Iterator[None]:
    """Spoil a directory in ever new ways; the caller looks at each."""
    whole = {name: (directory / name).read_bytes() for name in NAMES}
    while True:
        for name, content in whole.items():
            (directory / name).write_bytes(content)
        match draw.randrange(6):
            case 0:
                name = draw.choice(NAMES)
                (directory / name).write_bytes(mutate_bytes(whole[name], draw))
            case 1:
                rewrite(directory, config=mutate_config(whole[files.CONFIG].decode(), draw))
            case 2:
                name = draw.choice((files.SCORES, files.HISTORY))
                value = mutate_value(json.loads(whole[name]), draw)
                (directory / name).write_text(json.dumps(value), encoding="utf-8", errors="surrogatepass")
            case 3:
                size = int.from_bytes(whole[files.WEIGHTS][:8], "little")
                header = mutate_value(json.loads(whole[files.WEIGHTS][8 : 8 + size]), draw)
                text = json.dumps(header).encode()
                rest = whole[files.WEIGHTS][8 + size :]
                (directory / files.WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text + rest)
            case 4:

                def spoil(weights: dict[str, Any]) -> None:
                    name = draw.choice([name for name, value in weights.items() if value.size])
                    value = np.array(weights[name])
                    value.reshape(-1)[draw.randrange(value.size)] = draw.choice(
                        [np.nan, np.inf, -np.inf, 1e11, -1e11, 3e38, 0.0]
                    )
                    weights[name] = value

                rewrite(directory, spoil)
            case _:

                def change(tables: dict[str, Any]) -> None:
                    changed = mutate_value(dict(tables), draw)
                    tables.clear()
                    tables.update(changed if isinstance(changed, dict) else {})

                rewrite(directory, change_vocab=change)
        yield


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers of a hundred billion overflow
@pytest.mark.parametrize("kind", ["IOB2", "BARE", "words", "characters"])
def test_four_thousand_mutations_of_a_model(tmp_path: Path, kind: str) -> None:
    """What loads also labels, and nothing but a number stands for a confidence."""
    is_plain = kind in ("IOB2", "BARE")
    model = make_model(scheme=kind) if is_plain else make_lm_model(kind)
    directory = save(tmp_path / "m", model)
    draw = random.Random(kind)
    loaded = 0
    for _ in islice(mutations(directory, draw), 1000):
        try:
            json.dumps(inspection.inspect(directory).as_dict(), allow_nan=False)
        except TaggerError as error:
            assert "\n" not in str(error)
        try:
            tagger = Tagger(files.load_model(directory), dev_f1=reports.find_dev_f1(directory))
        except TaggerError as error:
            assert "\n" not in str(error)
            continue
        loaded += 1
        (labelled,) = tagger.predict_tokens([WORDS])
        for span in labelled.spans:
            assert span.confidence is None or 0 <= span.confidence <= 1
    assert 100 < loaded < 950
    shutil.rmtree(directory)
