"""Opening, decoding and whole-file writing: every failure has its place, and a file is old or new, never half."""

from __future__ import annotations

import codecs
import encodings
import gzip
import os
import pkgutil

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


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("block", [1, 1 << 18])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_byte_order_mark_of_utf_16_or_32_tells_the_encoding(tmp_path, monkeypatch, name, block, encoding):
    monkeypatch.setattr(files, "BLOCK", block)
    path = tmp_path / "x"
    path.write_bytes("\ufeff中 a\r\n👩\n".encode(name))
    assert files.read_text(path, encoding) == "中 a\r\n👩\n"
    path.write_bytes("\ufeffa\nb".encode(name) + b"\x00")
    with pytest.raises(DataError, match=r":2: .*is not valid utf-(16|32)"):
        files.read_text(path, encoding)


def test_utf_16_without_a_mark_needs_one_in_the_name(tmp_path):
    path = tmp_path / "x"
    path.write_bytes("a\n".encode("utf-16-le"))
    with pytest.raises(DataError, match="is not valid utf-16: UTF-16 stream does not start with BOM; save"):
        files.read_text(path, "utf-16")
    assert files.read_text(path, "utf-16-le") == "a\n"


CODECS = sorted({module.name for module in pkgutil.iter_modules(encodings.__path__)} | {"a\0b", "", "é"})
SCRAMBLED = [bytes(range(256)), b"\x81\xff\x00\n", b"\xff\xfeab", b"\\x zz \\N{a}", b"+AGE-x", b"\xff", b""]


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # unicode_escape
@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_every_codec_of_python_gives_text_or_one_line(tmp_path, errors):
    path = tmp_path / "x"
    refused = set()
    for name in CODECS:
        for content in (b"a O\n", *SCRAMBLED):
            path.write_bytes(content)
            try:
                list(files.read_pieces(path, name, errors))
            except ConfigError as error:
                assert error.message == f"found {name!r}, expected a text encoding such as utf-8"
                refused.add(name)
            except DataError as error:
                assert "\n" not in error.message
    no_text = {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"}
    assert refused >= no_text | {"idna", "punycode", "undefined"}
    assert not refused & {
        "utf_8",
        "utf_8_sig",
        "utf_16",
        "utf_7",
        "latin_1",
        "cp1252",
        "gb18030",
        "shift_jis",
    }


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_named_where_it_would_be_read_as_null_characters(tmp_path, name):
    path = tmp_path / "x"
    path.write_bytes("Ada\tO\n".encode(name))
    with pytest.raises(
        DataError, match=f":1: looks like {name} without a byte-order mark; .*--encoding {name}$"
    ):
        files.read_text(path, "utf-8")
    assert files.read_text(path, name) == "Ada\tO\n"
    path.write_bytes(b"a\0b\0\0\0c" + bytes(9))
    assert len(files.read_text(path, "utf-8")) == 16
