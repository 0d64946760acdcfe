"""Settings: defaults, TOML out and in, overrides, and errors that name the field and the nearest valid one."""

from __future__ import annotations

import hashlib
import tomllib
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger import config as settings
from tagger.config import Config, PretrainConfig, TextEncoderConfig
from tagger.config.sections import Place
from tagger.errors import ConfigError
from tagger.text.tokenizer import Split

FIELDS = [
    (section, name, field)
    for section, info in Config.model_fields.items()
    if section != "seed"
    for name, field in info.annotation.model_fields.items()
]


def message(call, *arguments) -> str:
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("kind", [Config, PretrainConfig])
def test_rendered_defaults_are_the_defaults(kind):
    text = settings.render(kind())
    assert settings.parse_settings(kind, text) == kind()
    assert settings.parse_settings(kind, settings.render(kind(), comments=False)) == kind()
    assert set(tomllib.loads(text)) == set(kind.model_fields) - {
        "distillation"
    }  # while nothing in it is changed


def test_every_field_is_explained_above_it():
    silent = {"corpus.blank_tokens": "keep", "corpus.task": "joint", "corpus.compounds": "keep"}  # by default
    silent |= {"embedding.word_mark_dim": 1, "embedding.fold_width": True, "training.eval_steps": 9}
    silent |= {"training.precision": "bfloat16", "training.batch_tokens": 0, "embedding.cluster_dim": 4}
    silent |= {"training.try_encoder": False, "distillation.weight": 0.5}
    spoken = settings.override(Config(), silent)
    lines = settings.render(spoken).splitlines()
    for _, name, field in FIELDS:
        assert field.description, name
        places = [i for i, line in enumerate(lines) if line.startswith((f"{name} =", f"# {name} ="))]
        assert any(lines[i - 1] == f"# {field.description}" for i in places), name


@given(
    st.builds(
        lambda seed, rate, encoding, column, patience: {
            "seed": seed,
            "training.learning_rate": rate,
            "corpus.encoding": encoding,
            "corpus.token_column": column,
            "training.patience": patience,
        },
        st.integers(0, 2**31 - 1),
        st.floats(0, 1, exclude_min=True),
        st.text(st.characters(exclude_categories=["Cs"])),
        st.integers(-5, 5) | st.text(st.characters(exclude_categories=["Cs"])),
        st.none() | st.integers(1, 50),
    )
)
def test_any_settings_survive_toml(changes):
    changed = settings.override(Config(), changes)
    assert settings.parse_settings(Config, settings.render(changed)) == changed


def test_an_override_changes_one_field_and_checks_it():
    changed = settings.override(Config(), {"training.epochs": 3, "seed": 7, "encoder.kind": None})
    assert (changed.training.epochs, changed.seed, changed.encoder.kind) == (3, 7, "lstm")
    assert Config().training.epochs != 3
    with pytest.raises(ValueError, match="frozen"):
        changed.seed = 8  # type: ignore[misc]


def test_assignments_are_read_as_toml_values():
    texts = ["a.b=5", "a.c = 0.5", "a.d=true", 'a.e="x=y"', "a.f=bare word", "a.g=[1, 2]"]
    expected = {"a.b": 5, "a.c": 0.5, "a.d": True, "a.e": "x=y", "a.f": "bare word", "a.g": [1, 2]}
    assert settings.parse_assignments(texts) == expected
    assert "expected section.field=value" in message(settings.parse_assignments, ["training.epochs"])
    assert settings.parse_assignments(["a.b=" + "9" * 5000]) == {"a.b": "9" * 5000}


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("training.epoch", "training.epochs"),
        ("trainin.epochs", "training.epochs"),
        ("epochs", "training.epochs"),
        ("learning-rate", "training.learning_rate"),
        ("encoder.hiden", "encoder.hidden"),
        ("sed", "seed"),
        ("seed.x", "seed"),
        ("training.epochs.x", "training.epochs"),
    ],
)
def test_an_unknown_setting_names_the_nearest(name, nearest):
    assert (
        message(settings.override, Config(), {name: 1}) == f"{name}: no such setting; did you mean {nearest}?"
    )


@pytest.mark.parametrize("name", ["zzz", "", "."])
def test_a_setting_near_to_nothing_names_the_list(name):
    assert message(settings.override, Config(), {name: 1}).endswith(
        "no such setting; `tagger config` lists them all"
    )


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("epochs = 3", "epochs: no such setting; did you mean training.epochs?"),
        ("[training]\nepoch = 3", "training.epoch: no such setting; did you mean training.epochs?"),
        ('[training]\nepochs = "3"', "training.epochs: found '3', expected a valid integer"),
        ("[training]\nepochs = 3.0", "training.epochs: found 3.0, expected a valid integer"),
        ("[training]\nepochs = true", "training.epochs: found True, expected a valid integer"),
        ('[embedding]\nlowercase = "yes"', "embedding.lowercase: found 'yes', expected a valid boolean"),
        ("[training]\nepochs = 0", "training.epochs: found 0, expected greater than or equal to 1"),
        ("[training]\nlearning_rate = nan", "training.learning_rate: found nan, expected a finite number"),
        ("[training]\nlearning_rate = -inf", "training.learning_rate: found -inf, expected a finite number"),
        (
            "[encoder]\nhidden = 10000000",
            "encoder.hidden: found 10000000, expected less than or equal to 65536",
        ),
        ('[encoder]\nkind = "ltsm"', "encoder.kind: found 'ltsm', expected 'lstm', 'gru' or 'rnn'"),
        ("[encoder]\ndirections = 3", "encoder.directions: found 3, expected 1 or 2"),
        (
            "[corpus]\ntoken_column = 1.5",
            "corpus.token_column: found 1.5, expected a valid integer or a valid string",
        ),
        ("training = 3", "training: found 3, expected a section with fields, as in [training]"),
        ("[training.deep]\nx = 1", "training.deep: no such setting; did you mean training.device?"),
        ("seed = ", "not valid TOML: Invalid value (at end of document)"),
        ("seed = " + "9" * 5000, "not valid TOML: Exceeds the limit"),
        ("seed = " + "[" * 5000, "not valid TOML: "),
    ],
)
def test_what_is_wrong_is_said_with_field_and_file(toml, expected, tmp_path):
    (tmp_path / "my.toml").write_text(toml, encoding="utf-8")
    assert message(settings.read_settings, Config, tmp_path / "my.toml").startswith(
        f"{tmp_path / 'my.toml'}: {expected}"
    )


def test_files_that_cannot_be_read(tmp_path):
    assert "missing.toml: cannot be read: " in message(
        settings.read_settings, Config, tmp_path / "missing.toml"
    )
    (tmp_path / "latin.toml").write_bytes("# é\n".encode("latin-1"))
    assert "latin.toml: cannot be read: " in message(settings.read_settings, Config, tmp_path / "latin.toml")
    assert "cannot be read: " in message(settings.read_settings, Config, tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path):
    (tmp_path / "my.toml").write_bytes(b"\xef\xbb\xbfseed = 5\r\n[training]\r\nepochs = 2\r\n")
    read = settings.read_settings(Config, tmp_path / "my.toml")
    assert (read.seed, read.training.epochs) == (5, 2)


def test_settling_fills_what_nobody_set():
    assert settings.complete_settings(Config(), "IOB2", "words").embedding == Config().embedding
    chinese = settings.complete_settings(Config(), "BMES", "characters")
    assert (chinese.corpus.scheme, chinese.corpus.mode) == ("BMES", "characters")
    assert chinese.embedding.bigram_dim > 0 == chinese.embedding.character_filters
    assert chinese.training.input_dropout > Config().training.input_dropout
    chosen = settings.override(Config(), {"embedding.bigram_dim": 0, "embedding.word_dim": 10})
    kept = settings.complete_settings(chosen, "BMES", "characters").embedding
    assert (kept.bigram_dim, kept.word_dim, kept.character_filters) == (0, 10, 0)


def test_settled_settings_settle_to_themselves_when_read_again():
    settled = settings.complete_settings(Config(), "BMES", "characters")
    again = settings.parse_settings(Config, settings.render(settled))
    assert settings.complete_settings(again, "BMES", "characters") == settled


def test_a_labellers_settings_are_written_as_ever():
    """The weights of a model hold the checksum of its settings, so that not even a comment may change or move."""
    digest = hashlib.sha256(settings.render(Config()).encode()).hexdigest()
    assert digest == "0ca7c64c3121efc69acf5a928b24de8c3d690280b3c39005031e7c153dc75f87"


@pytest.mark.parametrize("kind", [Config, PretrainConfig, TextEncoderConfig])
def test_all_fields_of_a_section_are_written_once(kind):
    for info in kind.model_fields.values():
        if info.annotation is not int:
            section = info.annotation
            assert sorted(section.written_fields()) == sorted(section.model_fields)


def test_every_place_where_a_corpus_may_split_can_be_written_down():
    assert set(get_args(Place)) == set(Split)


def test_steps_are_written_around_what_a_kind_of_training_adds():
    written = PretrainConfig().training.written_fields()
    assert written[:5] == ("epochs", "batch_tokens", "max_tokens", "chunk_sentences", "learning_rate")
    assert written[-7:] == (
        "dropout", "word_dropout", "average", "patience", "eval_steps", "device", "workers",
    )  # fmt: skip


@pytest.mark.parametrize("kind", [PretrainConfig, TextEncoderConfig])
def test_settings_of_a_pretrained_model_without_patience_are_read(kind):
    """Directories of earlier releases don't have the field."""
    lines = [line for line in settings.render(kind()).splitlines() if "patience" not in line]
    assert settings.parse_settings(kind, "\n".join(lines)) == kind()
    assert kind().training.patience is None


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("training.epochs", "5", 5),
        ("training.learning_rate", "1", 1.0),
        ("training.learning_rate", "1e-3", 0.001),
        ("training.recall_cost", "auto", "auto"),
        ("training.recall_cost", "2", 2.0),
        ("training.patience", "3", 3),
        ("encoder.directions", "1", 1),
        ("corpus.tag_column", "-1", -1),
        ("corpus.tag_column", "UPOS", "UPOS"),
        ("corpus.tag_column", "1.5", "1.5"),
        ("corpus.encoding", "437", "437"),
        ("seed", "7", 7),
    ],
)
def test_a_typed_value_is_a_number_where_the_field_takes_one(field, text, value):
    found = settings.parse_value(Config, field, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("training.epochs", "many", "found 'many', expected a valid integer"),
        ("training.epochs", "0", "found 0, expected greater than or equal to 1"),
        ("encoder.kind", "ltsm", "found 'ltsm', expected 'lstm', 'gru' or 'rnn'; did you mean lstm?"),
        ("encoder.kind", "", "found '', expected 'lstm', 'gru' or 'rnn'"),
        ("encoder.kid", "x", "no such setting; did you mean encoder.kind?"),
    ],
)
def test_a_typed_value_that_the_field_does_not_take(field, text, expected):
    assert message(settings.parse_value, Config, field, text) == f"{field}: {expected}"


def test_a_field_that_was_added_later_is_written_where_it_says_something():
    assert "blank_tokens" not in settings.render(Config())
    chosen = settings.override(Config(), {"corpus.blank_tokens": "skip"})
    assert (
        '# what becomes of a row whose token is nothing but blanks\nblank_tokens = "skip"'
        in settings.render(chosen)
    )
