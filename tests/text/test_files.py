"""Opening, decoding and whole-file writing: every failure has its place, and a file is old or new, never half."""

from __future__ import annotations

import codecs
import gzip
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagger.errors import ConfigError, DataError
from tagger.text import files


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
    st.booleans(),
    st.integers(1, 9),
)
def test_pieces_joined_are_the_text_and_each_has_its_line(tmp_path_factory, text, encoding, packed, block):
    path = tmp_path_factory.mktemp("files") / "x"
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK", block)
        pieces = list(files.read_pieces(path, encoding))
    expected = text.removeprefix("\ufeff") if encoding != "utf-8-sig" or text else text
    if encoding == "utf-8-sig":  # the codec takes one mark away, and so does reading
        expected = data.decode(encoding).removeprefix("\ufeff")
    assert "".join(piece.text for piece in pieces) == expected
    assert pieces[-1].text == ""
    read = ""
    for piece in pieces:
        assert piece.line == len((read + "x").replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        read += piece.text


def test_a_byte_order_mark_at_the_start_is_left_out(tmp_path):
    (tmp_path / "x").write_bytes(codecs.BOM_UTF8 + "a\ufeff".encode())
    assert files.read_text(tmp_path / "x", "utf-8") == "a\ufeff"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_invalid_bytes_are_named_by_line_and_offset(tmp_path, end):
    path = tmp_path / "x"
    path.write_bytes(b"one" + end + b"two\xff")
    with pytest.raises(DataError) as caught:
        files.read_text(path, "utf-8")
    offset = 6 + len(end)
    assert str(caught.value) == (
        f"{path}:2: byte 0xff at offset {offset} is not valid utf-8; save the file as UTF-8, "
        "or name its encoding with --encoding"
    )
    first = next(files.read_pieces(path, "utf-8", errors="replace"))
    assert first.text.endswith("two\ufffd")


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "a\0b"])
def test_an_encoding_that_is_none(encoding):
    with pytest.raises(ConfigError, match=r"^--encoding: found .*, expected a text encoding such as utf-8"):
        files.find_decoder(encoding, "--encoding")


def test_a_packed_stream_reads_by_lines_and_looks_ahead(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"one\ntwo\n" * 100_000))
    with files.open_bytes(tmp_path / "x.gz") as stream:
        assert stream.peek(3)[:3] == b"one"
        assert sum(1 for _ in stream) == 200_000


def test_a_damaged_packed_file_is_an_error(tmp_path):
    path = tmp_path / "x.gz"
    whole = gzip.compress(os.urandom(10_000))
    for content, message in (
        (whole[:-20], "ends too early"),
        (whole + b"xx", "cannot be read: "),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message), files.open_bytes(path) as stream:
            stream.read()
