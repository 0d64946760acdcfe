"""The scripts of a table are run, their rows taken, and what they were measured on is written down."""

from __future__ import annotations

import datetime
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .figures import Run
from .machine import describe_load, describe_machine, list_versions
from .page import write_command
from .peers import describe_missing, find_python, pinned, surround
from .table import Table

ROOT = Path(__file__).parents[2]


def measure(table: Table, model: Path, further: Sequence[str]) -> Run:
    """Run the scripts of a table.

    Args:
        table: what is measured.
        model: whose speed is measured, where that is what the table shows.
        further: arguments for each script; options that are given twice count as given last.

    Returns:
        The run; peers that aren't installed are left out of it, which its note says.

    Raises:
        SystemExit: where a script fails, prints no row, or there is no model.
    """
    missing = describe_missing(table.peers)
    for line in missing:
        print(line, file=sys.stderr)
    note = "; ".join(filter(None, [describe_load(), *(line.partition(":")[0] for line in missing)]))
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        places = {"{model}": model, "{shared}": ROOT.parent / "shared", "{scratch}": Path(scratch)}
        for command in table.commands:
            if "{model}" in command and not (model / "model.safetensors").is_file():
                raise SystemExit(
                    f"error: found no model in {model}, expected the one whose speed is measured; name it with "
                    "--model, or train it: `tagger train data/english/train.conll --dev data/english/dev.conll "
                    f"--output {model}`"
                )
            filled = list(command)
            for name, place in places.items():
                filled = [each.replace(name, str(place)) for each in filled]
            rows += _run(add_arguments(filled, further), table.peers)
    if not rows:
        raise SystemExit("error: the scripts measured nothing; see above which corpora or tools they miss")
    versions = list_versions(table.packages)
    versions |= {name: pinned(name) for name in table.peers if find_python(name)}
    given = list(map(shlex.quote, further))
    commands = [write_command(add_arguments(command, given)) for command in table.commands]
    return Run(
        date=datetime.date.today().isoformat(),
        machine=describe_machine(),
        command=" && ".join(commands),
        versions=versions,
        seeds=find_seeds(add_arguments(table.commands[0], further)),
        note=note,
        rows=rows,
    )


def add_arguments(command: Sequence[str], further: Sequence[str]) -> list[str]:
    """Return a command with further arguments: what stands before their first option comes first, the rest last.

    An option of the command that is given again gives way.

    >>> add_arguments(["accuracy.py", "--seeds", "1", "2", "3"], ["wnut17", "--seeds", "1"])
    ['accuracy.py', 'wnut17', '--seeds', '1']
    """
    cut = next((place for place, each in enumerate(further) if each.startswith("-")), len(further))
    again = {each for each in further if each.startswith("-")}
    kept: list[str] = []
    is_kept = True
    for word in command[1:]:
        is_kept = word not in again if word.startswith("-") else is_kept
        if is_kept:
            kept.append(word)
    return [command[0], *further[:cut], *kept, *further[cut:]]


def _run(command: Sequence[str], peers: Sequence[str]) -> list[dict[str, object]]:
    """Run a script with `--json`; show what else it prints."""
    script = str(ROOT / "benchmarks" / command[0])
    rows = []
    with subprocess.Popen(
        [sys.executable, script, *command[1:], "--json"],
        cwd=ROOT,
        env=surround(peers),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", file=sys.stderr, flush=True)
            if line.startswith("{"):
                rows.append(json.loads(line))
    if process.returncode:
        raise SystemExit(
            f"error: {shlex.join(command)} ended with {process.returncode}; the table stays as it was"
        )
    return rows


def find_seeds(arguments: Sequence[str]) -> list[int]:
    """Return the numbers behind the last `--seeds` or `--seed`."""
    seeds: list[int] = []
    is_seed = False
    for each in arguments:
        if each in ("--seed", "--seeds"):
            seeds, is_seed = [], True
        elif is_seed and each.isdecimal():
            seeds.append(int(each))
        else:
            is_seed = False
    return seeds
