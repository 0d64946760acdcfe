"""How long one short text takes from cold, as `echo TEXT | tagger predict MODEL -`, and where the time goes.

    python benchmarks/starting.py MODEL [--rounds N]

Each round runs the command and, beside it, a script that takes the same steps and reads the clock after each; medians
over the rounds. Times are of the clock, and of the processor, which can be compared where other work runs.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise

from report.figures import Row
from report.rows import add_option, print_rows

TEXT = "Ada Lovelace was born in London.\n"
STEPS = ("interpreter", "command line", "import numpy", "import tagger", "read the model", "label", "leave")
_SCRIPT = """
import sys, time
laps = [time.time()]
import tagger.cli
from tagger.collector import resting_collector, spare_collector
laps.append(time.time())
with resting_collector():
    import numpy
    laps.append(time.time())
    from tagger.api.sources import load
    from tagger.runtime import workers
    from tagger.text import passages
    laps.append(time.time())
    labels = load(sys.argv[1])
spare_collector()
laps.append(time.time())
labels.predict(sys.stdin.read())
laps.append(time.time())
print(*laps)
"""


def run(arguments: list[str]) -> tuple[float, float, float, str]:
    """Return when a program began, how long it ran, the processor time it took and what it printed."""
    used, began = _used(), time.time()
    found = subprocess.run(
        [sys.executable, *arguments], input=TEXT, text=True, check=True, capture_output=True
    )
    return began, time.time() - began, _used() - used, found.stdout


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=7)
    add_option(parser)
    asked = parser.parse_args()
    commands: list[tuple[float, float]] = []
    steps: list[list[float]] = []
    for _ in range(asked.rounds):
        _, wall, used, _ = run(["-m", "tagger", "predict", asked.model, "-"])
        commands.append((wall, used))
        began, wall, _, printed = run(["-c", _SCRIPT, asked.model])
        laps = [began, *map(float, printed.split()), began + wall]
        steps.append([later - earlier for earlier, later in pairwise(laps)])
    print_rows("starting", list_rows(commands, steps), as_json=asked.as_json)


def list_rows(commands: Sequence[tuple[float, float]], steps: Sequence[Sequence[float]]) -> Iterator[Row]:
    """Yield the medians: of the whole command, and of each step."""
    wall, used = (statistics.median(values) for values in zip(*commands, strict=True))
    yield {"step": "one sentence from cold", "seconds": round(wall, 3), "processor": round(used, 3)}
    for name, values in zip(STEPS, zip(*steps, strict=True), strict=True):
        yield {"step": f"of it: {name}", "seconds": round(statistics.median(values), 3)}


if __name__ == "__main__":
    main()
