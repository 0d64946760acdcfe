"""What all tests share: a corpus of ten sentences, and a Ctrl-C that commands hear."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A run of the suite says the same twice; `--hypothesis-profile explore` draws new examples each time.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False)
settings.load_profile("repeatable")

# Two documents; spans of one to three tokens, two that touch, and a sentence without any.
TEN_SENTENCES = """\
-DOCSTART- O

Anna B-PER
Keller I-PER
flew O
to O
New B-LOC
York I-LOC
. O

The O
United B-ORG
Nations I-ORG
met O
in O
Geneva B-LOC
. O

It O
rained O
. O

Peru B-LOC
Brazil B-LOC
and O
Chile B-LOC
signed O
. O

Bank B-ORG
of I-ORG
Japan I-ORG
cut O
rates O
. O

-DOCSTART- O

Omar B-PER
met O
Li B-PER
Na I-PER
. O

Lake B-LOC
Geneva I-LOC
froze O
. O

Who O
is O
Omar B-PER
? O

Siemens B-ORG
left O
Peru B-LOC
. O

Nobody O
knew O
why O
. O
"""


@pytest.fixture(scope="session", autouse=True)
def heard_interrupts() -> None:
    """Let the commands that tests start hear SIGINT.

    A shell has what it starts in the background ignore it, and a suite that runs there would hand that down.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def ten_sentences(tmp_path: Path) -> Path:
    """A corpus of ten sentences, two documents and three types in IOB2, two columns separated by a space."""
    path = tmp_path / "ten.conll"
    path.write_text(TEN_SENTENCES, encoding="utf-8")
    return path
