"""Options that commands share: their values, and what is said of wrong ones before anything is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_type_hints

import pytest

from tagger.cli import convert, predict
from tagger.cli.options import check_encoding, one_of, parsed_by
from tagger.errors import ConfigError
from tagger.text import formats, tokenizer
from tagger.text.schemes import Scheme

SCHEMES = ", ".join(Scheme)


def words(text: str) -> str:
    """Return what a terminal shows without its boxes."""
    return " ".join(re.sub("[│╭╰─╮╯]", " ", text).split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--scheme", "BOI"], f"'--scheme': found 'BOI', expected one of {SCHEMES}"),
        (["score", "--predicted-scheme", "BOI"], f"found 'BOI', expected one of {SCHEMES}"),
        (["evaluate", "none", "--scheme", "BOI"], f"found 'BOI', expected one of {SCHEMES}"),
        (["convert", "none", "--to", "BOI"], f"'--to': found 'BOI', expected one of {SCHEMES}"),
        (["train", "-o", "m", "--scheme", "BOI"], f"'--scheme': found 'BOI', expected one of {SCHEMES}"),
        (["convert", "none", "--format", "jsonk"], "csv, xlsx, parquet or html; did you mean jsonl?"),
        (["convert", "none", "--tokens", "letters"], "found 'letters', expected words, characters or blanks"),
        (["convert", "none", "--misaligned", "drop"], "found 'drop', expected error, trim, split, skip or unknown"),
        (["predict", "--format", "josnl"], "brat, doccano, labelstudio or prodigy; did you mean jsonl?"),
        (["predict", "--input-format", "pdf"], "auto, text, lines, tokens, segmented, wordpos, conll or jsonl"),
        (["predict", "--invalid-bytes", "ignore"], "'--invalid-bytes': found 'ignore', expected strict or replace"),
        (["predict", "--device", "gpu"], "found 'gpu', expected auto, cpu, cuda or mps; did you mean cpu?"),
        (["predict", "--encoding", "utf-9"], "found 'utf-9', expected a text encoding such as utf-8"),
        (["score", "--encoding", "base64"], "found 'base64', expected a text encoding such as utf-8"),
        (["pretrain", "-o", "m", "--unit", "letters"], "found 'letters', expected 'words' or 'characters'"),
        (["predict", "--nbest", "2", "--format", "tsv"], "for --nbest: the readings are part of jsonl alone"),
        (["pretrain", "-o", "m", "--target", "enkoder"], "expected lm, encoder or clusters; did you mean encoder?"),
        (["train", "-o", "m", "--from", "a", "--lm", "b"], "for --lm: what --from names has its own"),
        (["train", "-o", "m", "--from", "a", "--init-encoder", "b"], "for --init-encoder: what --from names"),
        (["train", "-o", "m", "--vectors", "a", "--init-encoder", "b"], "for --vectors: what --init-encoder names"),
        (["pretrain", "-o", "m", "--set", "text.form=x"], "for --set: text.form: no such setting; did you mean "),
    ],
)  # fmt: skip
def test_a_bad_value_is_wrong_usage_before_anything_is_read(run, arguments, message):
    command, *rest = arguments
    done = run(command, "none.conll", *rest)
    assert (done.code, done.out) == (2, "")
    assert message in words(done.err), words(done.err)


def test_schemes_go_by_other_names_and_small_letters_too(run, ten_sentences):
    assert run("check", "ten.conll", "--scheme", "bio").code == 0


def test_the_words_are_those_of_the_library():
    assert set(find_words(convert, "input_format")) == set(formats.list_formats(of_input=True))
    assert set(find_words(convert, "tokens")) == set(tokenizer.Mode)
    assert set(find_words(convert, "misaligned")) == set(formats.Misaligned)
    assert set(find_words(predict, "format")) == {
        name for name, each in formats.FORMATS.items() if each.write or each.save
    }


def find_words(command: Callable[..., None], argument: str) -> list[str]:
    option = get_type_hints(command, include_extras=True)[argument].__metadata__[0]
    return option.metavar.strip("[]").split("|")


def test_completion_lists_the_words():
    assert one_of(["a", "b"])["autocompletion"]() == ["a", "b"]
    assert one_of(["a", "b"])["metavar"] == "[a|b]"
    assert parsed_by(int, "N")["parser"]("3") == 3


@pytest.mark.parametrize("name", ["utf-9", "hex", "", "a\0b"])
def test_encodings_are_looked_up(name):
    assert check_encoding("Latin-1") == "Latin-1"
    with pytest.raises(ConfigError, match="expected a text encoding such as utf-8"):
        check_encoding(name)


def test_every_command_with_many_options_has_headings(run):
    for name in ("train", "pretrain", "evaluate", "predict", "score", "convert", "check"):
        headings = re.findall(r"^╭─ (\w[\w ]+) ─", run(name, "--help").out, re.MULTILINE)
        assert len(headings) >= 4, name
