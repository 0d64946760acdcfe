"""`python -m tagger` and the script `tagger`: the command line, deaf to nothing while it is being imported."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from types import FrameType


def main() -> None:
    """Run the command line; a signal that comes before it can answer ends the program without a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)
    _keep_warnings_away()
    from tagger import cli

    cli.main()


def _keep_warnings_away() -> None:
    """Let no warning that a library has for programmers reach a user's terminal, nor one of a child process.

    Whoever wants them asks Python for them: with `-W default`, or PYTHONWARNINGS.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        sys.warnoptions.append("ignore")  # which children of `multiprocessing` take over
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # PyTorch's threads that know no Python


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
