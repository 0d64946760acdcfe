"""Writing: whole or not at all, through what is no file, and never over what is read."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tagger.errors import DataError
from tagger.text import output


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_write_leaves_the_old_content_and_no_litter(tmp_path, monkeypatch, call):
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "file"
    output.write_atomically(path, b"old")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(
        DataError, match="file: cannot be written: No space left on device; nothing was replaced"
    ):
        output.write_atomically(path, b"new")
    with pytest.raises(DataError, match="No space left on device; name a file in a directory that exists"):
        output.write_text(path, ["new"])
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_parts_of_any_size_are_written_in_their_order(tmp_path):
    parts = [b"a", bytes(1 << 20), memoryview(b"b"), b"", bytes(1 << 21), b"c"]
    output.write_atomically(tmp_path / "x", *parts)
    assert (tmp_path / "x").read_bytes() == b"".join(parts)
    output.write_text(tmp_path / "y", ("é\r\n" for _ in range(400_000)))
    assert (tmp_path / "y").read_bytes() == "é\r\n".encode() * 400_000


def test_a_file_gets_the_permissions_of_a_new_one(tmp_path):
    before = os.umask(0o027)
    try:
        output.write_text(tmp_path / "x", ["x"])
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_pieces_that_fail_leave_no_file(tmp_path: Path):
    def pieces():
        yield "a"
        raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        output.write_text(tmp_path / "x", pieces())
    assert not list(tmp_path.iterdir())


def test_a_link_stays_and_what_it_names_is_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/file")
    for content in ("new", "newer"):  # the first time the link leads nowhere
        output.write_text(tmp_path / "link", [content])
        assert (tmp_path / "folder/file").read_text() == content
    assert (tmp_path / "link").is_symlink()
    assert [each.name for each in (tmp_path / "folder").iterdir()] == ["file"]


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0o604)
    output.write_text(path, ["new"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_fifo_is_written_through(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    read = []
    reader = threading.Thread(target=lambda: read.append(path.read_text()))
    reader.start()
    output.write_text(path, ["a\n", "b\n"])
    reader.join(10)
    assert read == ["a\nb\n"]
    assert path.is_fifo()


def test_a_device_stays_a_device():
    output.write_text("/dev/null", ["x"])
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_redirected_stdout_goes_on_where_it_is(tmp_path, name):
    script = (
        "import sys; from tagger.text.output import write_text; print('one', flush=True)\n"
        f"write_text({name!r}, ['two\\n']); print('three')"
    )
    (tmp_path / "all").write_text("zero\n")
    with (tmp_path / "all").open("a") as stream:
        subprocess.run([sys.executable, "-c", script], stdout=stream, check=True)
    assert (tmp_path / "all").read_text() == "zero\none\ntwo\nthree\n"
    assert [each.name for each in tmp_path.iterdir()] == ["all"]


def test_a_reader_that_has_seen_enough_is_no_fault():
    reading, writing = os.pipe()
    os.close(reading)
    output.write_text(f"/dev/fd/{writing}", ["x" * 100_000])
    os.close(writing)


def test_an_output_that_is_an_input_by_any_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").write_text("text")
    (tmp_path / "soft").symlink_to("in")
    os.link(tmp_path / "in", tmp_path / "hard")
    for name in ("in", "./in", "soft", "hard", str(tmp_path / "in")):
        with pytest.raises(DataError, match="is also read, expected another file to write to; choose"):
            output.check_output(name, ["other", "in"])
    output.check_output("new", ["in", "-"])
    output.check_output("/dev/null", ["/dev/null"])  # nothing is lost there


def test_what_can_not_be_written_is_found_before_any_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no/x: cannot be written: No such file or directory; choose"):
        output.check_output("no/x", [], "--report")
    with pytest.raises(DataError, match="is a folder, expected the name of a file"):
        output.check_output(tmp_path, [])
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DataError, match="no permission to write to its folder; choose another --output"):
        output.check_output("x", [])
    assert not list(tmp_path.iterdir())


def test_names_that_are_no_text_are_written_as_escape_sequences(tmp_path):
    output.write_text(tmp_path / os.fsdecode(b"\xff"), ["caf\udce9"])
    assert (tmp_path / os.fsdecode(b"\xff")).read_text() == r"caf\udce9"


def test_a_link_to_an_open_file_is_written_where_its_owner_left_it(tmp_path):
    """Followed as far as the file, it would be replaced below the one who has it open."""
    with (tmp_path / "x").open("w") as file:
        file.write("before, ")
        file.flush()
        (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
        output.check_output(tmp_path / "link", [])
        output.write_text(tmp_path / "link", ["between, "])
        file.write("after")
    assert (tmp_path / "x").read_text() == "before, between, after"


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "北" * 85])
def test_a_name_as_long_as_names_may_be(tmp_path, name):
    output.write_text(tmp_path / name, ["text"])
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_write_protected_file_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda place, mode: place != path)  # as mode 0444 is for all but root
    with pytest.raises(
        DataError, match="x: cannot be written: it is write-protected; choose another --report"
    ):
        output.check_output(path, [], "--report")
    with pytest.raises(DataError, match="x: cannot be written: it is write-protected"):
        output.write_text(path, ["new"])
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]
