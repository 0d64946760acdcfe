"""A server of trained models over HTTP: `create_app` for those who bring a server of their own, `serve` for the rest.

The road of a request: `guard` checks what any server has to check, `app` finds the route, `bodies` reads what is
asked, `desk` labels it together with what other requests ask at the same moment, and the answer is what
`tagger predict --format jsonl` writes. FastAPI, uvicorn and prometheus-client are the extra `serve`; this package
alone imports them.
"""

from tagger.adapters.server.app import create_app
from tagger.adapters.server.limits import Limits
from tagger.adapters.server.logs import LogFormat, log, set_up_logs
from tagger.adapters.server.processes import serve
from tagger.adapters.server.serving import Address, find_url
from tagger.adapters.server.shelf import Shelf, name_models
from tagger.adapters.server.studio import Journal, Lessons, find_newest, keep_missed

__all__ = [
    "Address",
    "Journal",
    "Lessons",
    "Limits",
    "LogFormat",
    "Shelf",
    "create_app",
    "find_newest",
    "find_url",
    "keep_missed",
    "log",
    "name_models",
    "serve",
    "set_up_logs",
]
