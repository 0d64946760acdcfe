"""How many of the names that a model gives with some confidence are right.

    python benchmarks/calibration.py [CORPUS] [--seed 1] [--model DIR]

The default model is trained on the corpus, dev choosing the epoch and the temperature, and `tagger evaluate` puts the
names that it finds on test into ten bins. `--model` takes one that is trained already. Prints Markdown rows; the last
one has the expected calibration error (Guo et al. 2017), the mean distance of the two columns over all names.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from corpora import CORPORA
from report.figures import Row
from report.rows import add_option, print_rows


def run(arguments: Sequence[str]) -> str:
    """Run a command of tagger; return what it printed.

    Raises:
        SystemExit: where it fails, with what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tagger", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return done.stdout


def list_rows(calibration: dict[str, Any]) -> Iterator[Row]:
    """Yield a row a bin that holds a name, and one for all."""
    for each in calibration["bins"]:
        if each["size"]:
            yield {
                "bin": f"{each['low']:.1f} to {each['high']:.1f}",
                "size": each["size"],
                "confidence": round(each["confidence"], 3),
                "accuracy": round(each["accuracy"], 3),
            }
    yield {
        "bin": f"expected calibration error: {calibration['expected_error']:.3f}",
        "size": calibration["count"],
    }


def main() -> None:
    """Train, evaluate and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", nargs="?", default="conll2002-es", choices=CORPORA)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, metavar="DIR")
    add_option(parser)
    chosen = parser.parse_args()
    source = CORPORA[chosen.corpus]
    if source.train is None:
        parser.error(f"found {chosen.corpus!r}, expected a corpus with a training part")
    train, dev, test = (str(source.folder / part) for part in (source.train, source.dev, source.test))
    with tempfile.TemporaryDirectory() as folder:
        model = str(chosen.model or Path(folder) / "model")
        if chosen.model is None:
            seed = ["--seed", str(chosen.seed), "--workers", "1"]
            run(["train", train, "--dev", dev, "--output", model, *seed])
        scores = json.loads(run(["evaluate", model, test, "--json"]))
    print_rows("calibration", list_rows(scores["calibration"]), as_json=chosen.as_json)


if __name__ == "__main__":
    main()
