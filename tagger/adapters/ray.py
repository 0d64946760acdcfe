"""Ray: many files labelled by the actors of a cluster, and `BatchLabeller` for `map_batches` of Ray Data.

A file is labelled whole by one actor, which writes the result; so nothing but a few numbers goes through the process
that hands the files out, and a cluster is as fast as its cores. Files and results lie where all machines see them.
Each result is written beside its place and moved there when it is whole. An actor that is killed is started anew, and
its file begun again. Ray is an extra: this module alone imports it, inside functions.
"""

from __future__ import annotations

import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import IO, TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast
from uuid import uuid4

from tagger.adapters.batches import BatchLabeller
from tagger.errors import ConfigError, DataError, TaggerError
from tagger.runtime.questions import Question
from tagger.runtime.tagger import Tagger
from tagger.runtime.trained import TrainedModel
from tagger.runtime.workers import Answer, answer
from tagger.text.files import FilePath
from tagger.text.formats import Format
from tagger.text.output import PARTIAL, open_binary, open_output
from tagger.text.passages import read_passages
from tagger.text.raw import InputSettings

if TYPE_CHECKING:
    from ray import ObjectRef

__all__ = ["BatchLabeller", "FileJob", "FileOutcome", "WholeFile", "joined_cluster", "label_files"]

LOCAL = "local"
_RETRIES = 2  # of a file whose actor was killed; a third death is the file's fault, as a rule
_STORE = 100_000_000  # bytes of a local Ray's memory for objects: of ours only the model lies there
_PATIENCE = 5.0  # seconds until a machine that doesn't answer isn't there
_GLANCE = 0.2  # seconds between two looks at whether to stop
_ADVICE = "choose another --output"


@dataclass(frozen=True, slots=True)
class FileJob:
    """How files are read, what is asked of the model, and how answers are written.

    Attributes:
        settings: how they are read.
        question: what to find out.
        format: of the results, and its name.
    """

    settings: InputSettings
    question: Question
    name: str
    format: Format


class WholeFile(NamedTuple):
    """A file to label.

    Attributes:
        path: the file.
        output: where its result goes; the folder is made.
        size: in bytes, for those who wait.
    """

    path: FilePath
    output: Path
    size: int


class FileOutcome(NamedTuple):
    """What became of a file.

    Attributes:
        file: which one.
        sentences: how many it has.
        tokens: how many they have.
        notes: what the user should know of how it was read.
        fault: why there is no result; None: there is one.
    """

    file: WholeFile
    sentences: int = 0
    tokens: int = 0
    notes: tuple[str, ...] = ()
    fault: TaggerError | None = None


@contextmanager
def joined_cluster(address: str, cores: int | None = None) -> Iterator[int]:
    """Be part of a Ray cluster; yield the number of its cores.

    Ray says nothing meanwhile, and sends nothing about its use to its makers.

    Args:
        address: `local` starts one on this machine, which ends with the context; `auto` finds the one that runs here
            or that RAY_ADDRESS names; else an address as `ray.init` takes it.
        cores: of a local one; None: all of the machine.

    Raises:
        ConfigError: Ray isn't installed, or there is no such cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of a change to come
    try:
        import ray
    except ImportError:
        raise ConfigError("Ray isn't installed: pip install 'tagger[ray]'", "--ray") from None
    _knock(address)
    started = {"num_cpus": cores, "object_store_memory": _STORE, "include_dashboard": False}
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="CRITICAL",
            **(started if address == LOCAL else {}),
        )
    except Exception as error:  # each version has its own
        if address == "auto" and isinstance(error, ConnectionError):  # Ray's words name options of its own
            raise ConfigError(
                "found no Ray that runs here; start one (`ray start --head`), give its HOST:PORT, or say local",
                "--ray",
            ) from None
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ConfigError(f"found no cluster at {address!r}: {said}", "--ray") from None
    finally:
        for number, handler in handlers.items():  # Ray puts its own there
            signal.signal(number, handler)
    try:
        yield max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Find out whether anybody listens at an address with a port; Ray itself would wait for minutes.

    Raises:
        ConfigError: nobody does.
    """
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or address
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
        except (OSError, OverflowError) as error:
            found = f"nobody answers at {address} ({getattr(error, 'strerror', None) or error})"
            raise ConfigError(f"{found}; expected the address of a Ray cluster", "--ray") from None
    elif address not in ("auto", LOCAL):
        raise ConfigError(f"found {address!r}, expected local, auto or HOST:PORT of a Ray cluster", "--ray")


def label_files(
    files: Sequence[WholeFile],
    model: TrainedModel,
    job: FileJob,
    output: Path,
    workers: int,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[FileOutcome]:
    """Label files with the actors of the cluster that this process has joined; yield what became of each, as it ends.

    Large files come first, so that none is left when all others are done.

    Args:
        files: their outputs lie in `output`.
        model: goes to the actors through the cluster's memory.
        job: what is to be done.
        output: the folder of all results.
        workers: actors, a core each; those that find no free core wait for one.
        is_stopped: asked several times a second; once it is, the files at work are given up. (Ray takes what a
            handler of a signal raises for something else.)

    Raises:
        ConfigError: an actor can't start.
        DataError: the folder can't be made.
    """
    import ray
    from ray.exceptions import RayError

    waiting = deque(sorted(files, key=lambda file: -file.size))
    staging = output / f".{uuid4().hex[:12]}{PARTIAL}"
    try:
        staging.mkdir(parents=True)
    except OSError as error:
        raise DataError(f"cannot be used as a folder: {error.strerror}; {_ADVICE}", output) from error
    kind = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=_RETRIES)(_FileLabeller)
    shared = ray.put(model)
    home = os.getcwd()  # noqa: PTH109
    actors = [kind.remote(shared, job, home) for _ in range(max(1, min(workers, len(files))))]
    starting: dict[ObjectRef[Any], Any] = {actor.wait_until_ready.remote(): actor for actor in actors}
    working: dict[ObjectRef[Any], tuple[Any, WholeFile]] = {}

    def hand_out(actor: Any) -> None:
        file = waiting.popleft()
        staged = staging / f"{len(waiting)}{file.output.suffix}"
        working[actor.label.remote(file, staged)] = actor, file

    try:
        while (waiting or working) and not is_stopped():
            done, _ = ray.wait([*working, *starting], num_returns=1, timeout=_GLANCE)
            for ref in done:
                if ref in starting:
                    actor = starting.pop(ref)
                    try:
                        ray.get(ref)
                    except RayError as error:
                        raise ConfigError(f"a worker can't start: {_explain(error)}", "--ray") from None
                else:
                    actor, file = working.pop(ref)
                    try:
                        yield ray.get(ref)
                    except RayError as error:
                        yield FileOutcome(file, fault=DataError(_explain(error), file.path))
                if waiting:  # one at a time: what waited behind a file that kills would die with it
                    hand_out(actor)
    finally:
        for actor in actors:
            ray.kill(actor)
        rmtree(staging, ignore_errors=True)


class _FileLabeller:
    """An actor: labels one file after the other.

    Args:
        model: what labels.
        job: what is to be done.
        home: the folder from which relative names count.
    """

    def __init__(self, model: TrainedModel, job: FileJob, home: str) -> None:
        from tagger.collector import spare_collector

        os.chdir(home)
        self._tagger = Tagger(model)
        self._job = job
        spare_collector()

    def wait_until_ready(self) -> None:
        """Do nothing; once it is done the actor is there."""

    def label(self, file: WholeFile, staged: Path) -> FileOutcome:
        """Write the result of a file, whole or not at all."""
        notes: list[str] = []
        count = _Count()
        events = read_passages([file.path], self._job.settings, self._tagger.scope, note=notes.append)
        answers = count.follow(answer(self._tagger, events, self._job.question, format=self._job.name))
        try:
            is_binary = self._job.format.save is not None
            with open_binary(staged, _ADVICE) if is_binary else open_output(staged, _ADVICE) as stream:
                _write(answers, self._job.format, stream)
            try:
                file.output.parent.mkdir(parents=True, exist_ok=True)
                os.replace(staged, file.output)  # noqa: PTH105
            except OSError as error:
                raise DataError(f"cannot be written: {error.strerror}; {_ADVICE}", file.output) from error
        except TaggerError as fault:
            return FileOutcome(file, notes=tuple(notes), fault=fault)
        return FileOutcome(file, count.sentences, count.tokens, tuple(notes))


class _Count:
    """How much has passed by."""

    def __init__(self) -> None:
        self.sentences = self.tokens = 0

    def follow(self, answers: Iterator[Answer | None]) -> Iterator[Answer]:
        """Pass answers on."""
        for each in answers:
            if each is not None:
                self.sentences += each.sentences
                self.tokens += each.tokens
                yield each


def _write(answers: Iterator[Answer], format: Format, stream: IO[Any]) -> None:
    if format.is_separable:
        stream.writelines(str(each.content) for each in answers)
        return
    sentences = (sentence for each in answers for sentence in each.content if not isinstance(sentence, str))
    if format.save is not None:
        format.save(sentences, cast(BinaryIO, stream))
    else:
        stream.writelines(format.format_sentences(sentences))


def _explain(error: Exception) -> str:
    """Return what Ray says of a fault, in one line."""
    from ray.exceptions import RayActorError, WorkerCrashedError

    cause = getattr(error, "cause", None)
    if cause is None and isinstance(error, RayActorError | WorkerCrashedError):
        return f"the process that labelled it was killed {_RETRIES + 1} times, perhaps for lack of memory"
    lines = [line.strip() for line in str(cause or error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
