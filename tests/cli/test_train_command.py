"""`tagger train` as a user meets it: what it says and writes, every bad input, stopping and going on."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import TINY

from tagger.cli.progress import TrainingProgress
from tagger.runtime import directory as files
from tagger.text import spool
from tagger.text.tokenizer import UNSPACED_ADVICE
from tagger.training import output

PARTS = {"micro", "macro", "types", "token_accuracy", "sentence_accuracy", "sentences", "tokens"}
PARTS |= {"seconds", "tokens_per_second"}
SCORE = {"precision", "recall", "f1", "support"}


def bits(directory: str = "m") -> list[bytes]:
    return [Path(directory, name).read_bytes() for name in (files.CONFIG, files.VOCAB, files.WEIGHTS)]


def test_talk_goes_to_stderr_and_results_to_stdout(train):
    done = train("--dev", "ten.conll", "--test", "ten.conll")
    assert done.code == 0
    for said in (
        "corpus   sentences   tokens   spans   new words   sentences in train",
        "train           10       50      14",
        "dev             10       50      14      0.00 %                   10",
        "scheme IOB2: ",
        "types: LOC, ORG, PER; tokens are words",
        "LSTM of 1 layer x 2 directions x 5 units, decoder crf\n",
        " parameters, seed 1, 1 worker",
        "kept is the best epoch on dev, or a later one that ties with it (within chance)\n",
        "epoch   1  loss ",
        "model written to m in ",
        "use it: tagger predict m TEXT",
    ):
        assert said in done.err, done.err
    for shown in ("dev, epoch ", "test", "precision", "LOC", "micro", "macro", "token accuracy"):
        assert shown in done.out
    assert all(len(line) <= 80 for line in (done.out + done.err).splitlines())
    files.load_model("m")


def test_the_page_about_the_output_has_the_words_of_the_program(train):
    """docs/reference/output.md shows lines of a run: all but figures is what a run prints."""

    def without_figures(line: str) -> str:
        return re.sub(r"[\d,.]+", "#", " ".join(line.split())).removesuffix(" kept: best")

    page = (Path(__file__).parents[2] / "docs/reference/output.md").read_text(encoding="utf-8")
    shown = [without_figures(line) for line in page.split("```")[1].strip().splitlines()]
    done = train("--dev", "ten.conll", "--set", "decoder.min_confidence=0.4")
    printed = {without_figures(line) for line in done.err.splitlines()}
    assert len(shown) > 5
    assert set(shown) <= printed


def test_it_is_said_that_names_are_left_out(train):
    all_given = train("--dev", "ten.conll", "--set", "decoder.min_confidence=0", "-o", "all")
    assert "less probable" not in all_given.err
    done = train("--dev", "ten.conll", "--set", "decoder.min_confidence=0.4", "--set", "training.epochs=1")
    found = re.search(r"dev F1 (\S+); (\S+) after names less probable than 0.40 are left out\n", done.err)
    assert found
    history = json.loads(Path("m/history.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    scores = json.loads(Path("m/scores.json").read_text(encoding="utf-8"))
    assert found.groups() == tuple(f"{100 * each['dev']['micro']['f1']:.2f}" for each in (history, scores))
    assert f"dev F1 {float(found[1]):6.2f} " in done.err  # so the epoch's line has it
    assert "--min-confidence 0 keeps them" in done.err
    assert all(len(line) <= 80 for line in done.err.splitlines())


def test_long_paths_do_not_spoil_the_table(run, ten_sentences):
    place = Path("/".join(["a-long-name-of-a-directory"] * 5))
    place.mkdir(parents=True)
    path = ten_sentences.rename(place / "ten.conll")
    done = run("train", path, "--dev", path, "-o", place / "m", *TINY)
    assert done.code == 0
    rows = [line.split() for line in done.err.splitlines()]
    assert ["train", "10", "50", "14"] in rows
    assert ["dev", "10", "50", "14", "0.00", "%", "10"] in rows
    assert f"use it: tagger predict {place / 'm'} TEXT" in done.err  # in one piece


def test_json_is_one_object_of_the_agreed_shape(train):
    done = train("--dev", "ten.conll", "--test", "ten.conll", "--json")
    facts = json.loads(done.out)
    own = {"dev", "test", "epochs", "best_epoch", "min_confidence", "headline", "repeated", "taught"}
    assert set(facts) == PARTS | own | {"schema", "tagger"}
    for part in (facts, facts["dev"], facts["test"]):
        assert set(part) >= PARTS
        assert set(part["micro"]) == set(part["macro"]) == SCORE
        assert all(set(each) == SCORE and 0 <= each["f1"] <= 1 for each in part["types"].values())
        assert part["seconds"] > 0 < part["tokens_per_second"]
    assert (facts["sentences"], facts["tokens"], facts["epochs"]) == (10, 50, 2)
    assert {name: facts[name] for name in ("micro", "macro", "types")} == {
        name: facts["test"][name] for name in ("micro", "macro", "types")
    }
    assert json.loads(train("--dev", "ten.conll", "--json", "--overwrite").out)["test"] is None


def test_without_a_dev_file_some_sentences_are_held_out_and_that_is_said(train):
    done = train("--set", "corpus.dev_share=0.3", "--seed", "4")
    assert "no --dev file: 30 % of the training sentences held out by seed 4" in done.err
    assert ["train", "7"] in [line.split()[:2] for line in done.err.splitlines()]
    assert ["dev", "3"] in [line.split()[:2] for line in done.err.splitlines()]


def test_types_that_training_lacks_are_said_and_counted_as_missed(train):
    Path("dev.conll").write_text(
        "Anna B-PER\nKeller I-PER\nate O\nSushi B-FOOD\n\nTea B-FOOD\n", encoding="utf-8"
    )
    done = train("--dev", "dev.conll", "--json")
    assert "warning: dev.conll: types that training lacks, counted as missed: FOOD (2)" in done.err
    missed = json.loads(done.out)["dev"]["types"]["FOOD"]
    assert (missed["support"], missed["recall"], missed["f1"]) == (2, 0.0, 0.0)


def test_a_dev_file_of_another_scheme_is_compared_by_its_spans(train):
    Path("dev.conll").write_text("Anna B-PER\nKeller E-PER\nsaw O\nPeru S-LOC\n", encoding="utf-8")
    done = train("--dev", "dev.conll")
    assert done.code == 0
    assert "warning: dev.conll: its tags are BIOES, the model's IOB2; their spans are compared" in done.err


BAD = {
    "empty": (b"", ":1: found no sentence, expected rows of a token and its tag"),
    "blank": (b"\n \n\t\n\n", ":1: found no sentence"),
    "one-column": (b"Anna\nleft\n", ":1: found 1 column"),
    "too-few": (b"a O\nb O\nc\n", ":3: found 1 column, line 1 has 2"),
    "mixed": (b"a x O\nb x O\n\nc x y O\n", ":4: found 4 columns, line 1 has 3"),
    "bad-tag": (b"a O\nb B-X\n\nc B-X\nd Q-X\n", ":5: found tag 'Q-X', expected O, B-TYPE or I-TYPE"),
    "no-type": (b"a O\nb B-X\nc B-\n", ":3: found tag 'B-'"),
    "zero": (b"a O\nb B-X\nc 0\n", ":3: found tag '0'"),
    "latin-1": ("a O\ncaf\xe9 O\nb B-X\n".encode("latin-1"), ":2: "),
    "no-span": (b"a O\n\nb O\n", ": found no span, expected some to learn from"),
    "gzip": (b"\x1f\x8b\x08\x00broken", ":"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("role", ["train", "dev"])
def test_a_bad_corpus_is_one_line_and_nothing_is_written(run, ten_sentences, name, role):
    content, expected = BAD[name]
    bad = f"{name}.conll.gz" if name == "gzip" else f"{name}.conll"
    Path(bad).write_bytes(content)
    given = [bad, "--dev", "ten.conll"] if role == "train" else ["ten.conll", "--dev", bad]
    done = run("train", *given, "-o", "m", *TINY)
    if role == "dev" and name == "no-span":
        assert done.code == 0  # nothing to find in dev is odd, but no fault
        return
    assert done.error.startswith(f"{bad}{expected}"), done.err
    assert not Path("m").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["none.conll", "-o", "m"], "none.conll: "),
        ([".", "-o", "m"], ".: "),
        (["ten.conll", "--dev", "none.conll", "-o", "m"], "none.conll: "),
        (["ten.conll", "-o", "ten.conll"], "ten.conll: cannot be used as an output directory: "),
        (["ten.conll", "-o", "ten.conll/m"], "ten.conll/m: cannot be used as an output directory: "),
        (["ten.conll", "-o", "m", "--tag-column", "5"], "ten.conll:3: found 2 columns, expected a column 5"),
        (["ten.conll", "-o", "m", "--tag-column", "UPOS"], "ten.conll:3: found no column 'UPOS'"),
        (
            ["ten.conll", "-o", "m", "--token-column", "1"],
            "ten.conll:3: found 2 columns, and column 1 would be both",
        ),
        (["ten.conll", "-o", "m", "--config", "none.toml"], "none.toml: cannot be read: "),
        (["ten.conll", "-o", "m", "--config", "ten.conll"], "ten.conll: not valid TOML: "),
        (["ten.conll", "-o", "m", "--vectors", "none.txt"], "none.txt: "),
        (["ten.conll", "-o", "m", "--lm", "none"], "none: does not exist"),
    ],
)
def test_a_bad_argument_is_one_line_and_nothing_is_written(run, ten_sentences, arguments, expected):
    assert run("train", *arguments).error.startswith(expected)
    assert not Path("m").exists()
    assert sorted(path.name for path in Path().iterdir()) == ["ten.conll"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "Missing argument"),
        (["ten.conll"], "Missing option '--output'"),
        (["--nonsense"], "No such option"),
        (["--epochs", "many"], "'--epochs': found 'many', expected a valid integer"),
        (["--epochs", "0"], "'--epochs': found 0, expected greater than or equal to 1"),
        (["--scheme", "BIOE"], "'--scheme': found 'BIOE', expected one of IOB1, IOB2"),
        (["--encoding", "utf-9"], "'--encoding': found 'utf-9', expected a text encoding"),
        (["--encoder", "ltsm"], "'--encoder': found 'ltsm', expected 'lstm', 'gru' or 'rnn'"),
        (["--learning-rate", "nan"], "'--learning-rate': found nan, expected "),
        (["--device", "tpu"], "'--device': found 'tpu', expected 'auto', 'cpu'"),
        (["--set", "training.epoch=3"], "for --set: training.epoch: no such setting; did you mean "),
        (["--set", "epochs"], "for --set: found 'epochs', expected section.field=value"),
    ],
)
def test_wrong_usage_is_exit_code_2(run, ten_sentences, arguments, expected):
    of_settings = [] if arguments in ([], ["ten.conll"]) else ["ten.conll", "-o", "m"]
    done = run("train", *of_settings, *arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage: " in done.err
    assert expected in " ".join(done.err.replace("│", " ").split())
    assert not Path("m").exists()


def test_flags_beat_the_file_and_set_beats_flags(train):
    Path("my.toml").write_text("seed = 9\n[encoder]\nhidden = 3\nkind = 'gru'\n", encoding="utf-8")
    done = train("--config", "my.toml", "--set", "encoder.layers=2")
    assert "GRU of 2 layers x 2 directions x 5 units, decoder crf\n" in done.err
    assert "seed 9" in done.err
    assert files.load_model("m").config.encoder.hidden == 5


def test_names_from_the_corpus_do_not_drive_the_terminal(run):
    Path("x.conll").write_text("a B-[bold]\nb\x1b[31m B-\x1b[31mX\nc O\n\n" * 4, encoding="utf-8")
    done = run("train", "x.conll", "-o", "[red]", *TINY)
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert "types: \\x1b[31mX, [bold]" in done.err
    assert "model written to [red] in " in done.err


def test_a_finished_model_is_not_replaced_unasked(train, monkeypatch):
    """The refusal comes before anything is read, as the corpus that is absent shows."""
    assert "warning" not in train("--dev", "ten.conll").err
    before = whole()
    for corpus in ("ten.conll", "absent.conll"):
        assert train("--dev", corpus).error == (
            "m: holds a finished model, expected a directory without one; add --overwrite to replace it or choose "
            "another --output"
        )
    assert train("--dev", "ten.conll", "--seeds", "2").error.startswith(
        "m: holds a finished model, expected "
    )
    assert whole() == before
    done = train("--dev", "ten.conll", "--seed", "2", "--overwrite")
    assert "m holds a finished model, which stays until this run has ended" in done.err
    assert files.load_model("m").config.seed == 2
    assert sorted(path.name for path in Path("m").iterdir()) == sorted(before)


def test_overwriting_nothing_is_no_mistake_and_foreign_files_stay(train):
    Path("m").mkdir()
    mine = {"notes.txt": "mine", "README.md": "# My corpus\n", "seed-3/config.toml": "mine"}
    for name, text in mine.items():
        Path("m", name).parent.mkdir(exist_ok=True)
        Path("m", name).write_text(text, encoding="utf-8")
    assert train("--dev", "ten.conll", "--overwrite").code == 0
    assert train("--dev", "ten.conll", "--overwrite", "--seed", "3").code == 0
    assert files.load_model("m").config.seed == 3
    assert {name: Path("m", name).read_text(encoding="utf-8") for name in mine} == mine


@pytest.mark.parametrize("name", ["config.toml", "vocab.json", "scores.json", "history.jsonl"])
def test_a_foreign_file_of_a_models_name_is_not_replaced(train, name):
    Path("m").mkdir()
    Path("m", name).write_text("mine", encoding="utf-8")
    for option in ((), ("--overwrite",), ("--resume",)):
        assert train("--dev", "ten.conll", *option).error == (
            f"m: holds {name} and no model, expected a directory whose files no model replaces; move the file away "
            "or choose another --output"
        )
    assert Path("m", name).read_text(encoding="utf-8") == "mine"


def test_an_unfinished_run_is_not_replaced_unasked(train, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt(patch, 4)
        assert train("--dev", "ten.conll").code == 130
    assert train("--dev", "ten.conll").error == (
        "m: holds an unfinished run, expected a directory without one; add --resume to go on with the run, "
        "--overwrite to start anew or choose another --output"
    )
    done = train("--dev", "ten.conll", "--overwrite")
    assert (done.code, "resumed" in done.err) == (0, False)


def test_the_first_time_resuming_begins_and_the_second_time_it_is_finished(train):
    first = train("--dev", "ten.conll", "--resume", "--json")
    assert "warning: m holds no unfinished run; training starts from the beginning" in first.err
    before = whole()
    again = train("--dev", "ten.conll", "--resume", "--json")
    assert again.code == 0
    assert "m is finished already, epoch " in again.err
    assert "written" not in train("--dev", "ten.conll", "--resume").err
    assert "raise --epochs" in again.err
    assert "another --output" in again.err
    assert "--from" in again.err
    times = {"seconds", "tokens_per_second"}
    scores = [json.loads(done.out) for done in (first, again)]
    assert scores[0].keys() == scores[1].keys()
    for part in ("dev", "micro", "types", "epochs", "best_epoch", "min_confidence"):
        one, other = (each[part] for each in scores)
        if part == "dev":
            one, other = ({name: each[name] for name in each.keys() - times} for each in (one, other))
        assert one == other
    assert whole() == before
    assert train("--dev", "ten.conll", "--resume", "--epochs", "1").code == 0  # it did more than that
    assert whole() == before


def test_a_finished_run_goes_on_with_more_epochs(train):
    train("--dev", "ten.conll", "--epochs", "2")
    done = train("--dev", "ten.conll", "--epochs", "4", "--resume")
    assert done.code == 0
    assert "2 epochs done before; goes on from the model of epoch " in done.err
    assert [line.split()[1] for line in done.err.splitlines() if line.startswith("epoch ")] == ["3", "4"]
    assert len(Path("m", files.HISTORY).read_text(encoding="utf-8").splitlines()) == 4
    assert files.load_model("m").config.training.epochs == 4
    again = train("--dev", "ten.conll", "--epochs", "4", "--resume")
    assert "m is finished already" in again.err


def test_a_finished_run_of_other_settings_is_not_gone_on_with(train):
    train("--dev", "ten.conll")
    before = whole()
    assert train("--dev", "ten.conll", "--resume", "--seed", "5").error == (
        "m: holds a finished model of other settings (seed); give the same files and options again, add --overwrite "
        "to start anew or choose another --output"
    )
    Path("other.conll").write_text("a O\n\n" * 20, encoding="utf-8")
    Path("m", files.HISTORY).unlink()
    assert (
        "m/history.jsonl: is missing or not what training writes"
        in train("--dev", "ten.conll", "--resume").error
    )
    before.pop(files.HISTORY)
    assert whole() == before


def whole() -> dict[str, bytes]:
    """Return all files of the model directory."""
    return {path.name: path.read_bytes() for path in Path("m").iterdir()}


def interrupt(monkeypatch, after: int) -> None:
    """Send SIGINT to ourselves after some steps, as Ctrl-C does."""
    steps = []
    step = TrainingProgress.step

    def watched(self, fact) -> None:
        step(self, fact)
        steps.append(None)
        if len(steps) == after:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(TrainingProgress, "step", watched)


@pytest.mark.parametrize("after", [1, 4, 6])
def test_ctrl_c_saves_and_the_same_command_goes_on_to_the_same_bits(train, monkeypatch, after):
    train("--dev", "ten.conll")
    expected = bits()
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        interrupt(patch, after)
        done = train("--dev", "ten.conll", "-o", "stopped")
    assert done.code == 130
    assert done.out == ""
    assert "everything is saved. Go on with the same command and --resume" in done.err
    assert signal.getsignal(signal.SIGINT) is before
    resumed = train("--dev", "ten.conll", "--resume", "-o", "stopped")
    assert resumed.code == 0
    assert "resumed at " in resumed.err
    assert bits("stopped") == expected


def test_resuming_with_other_settings_is_refused(train, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt(patch, 4)
        assert train("--dev", "ten.conll").code == 130
    refused = train("--dev", "ten.conll", "--resume", "--seed", "5")
    assert (
        "the settings are not those of the interrupted run; give the same files and options again"
        in refused.error
    )
    refused = train("--resume")
    assert "the corpora are not those" in refused.error or "training sentences are not those" in refused.error


def test_a_second_run_into_a_directory_is_refused(train):
    Path("m").mkdir()
    with files.locked(Path("m")):
        assert train("--dev", "ten.conll").error == (
            "m: another run is writing here; wait for it, or choose another --output"
        )


def test_memory_that_runs_out_anywhere_is_one_line(train, monkeypatch):
    def exhaust(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("tagger.training.start.read_corpora", exhaust)
    assert train("--dev", "ten.conll").error == (
        "memory ran out; give a smaller input, free some, or raise the limit"
    )


def test_a_network_that_does_not_fit_is_one_line(train, monkeypatch):
    def exhaust(*arguments: object, **options: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("tagger.training.objective.build", exhaust)
    assert train("--dev", "ten.conll").error == (
        "out of memory; give a smaller --hidden, fewer --layers, or smaller sizes of [embedding] with --set"
    )


@pytest.mark.parametrize("options", [("--dry-run",), ()])
def test_what_a_large_corpus_takes_is_said_beforehand(train, monkeypatch, options):
    monkeypatch.setattr(spool, "HELD_BYTES", 100)
    done = train("--dev", "ten.conll", *options)
    assert done.code == 0
    assert "the training corpus will take 0 MB at m meanwhile; " in done.err
    assert not list(Path().glob(".tagger-*"))
    assert not Path("m", output.CHECKPOINT).exists()


@pytest.mark.parametrize("options", [("--dry-run",), ()])
def test_a_disk_without_room_for_a_large_corpus_is_one_line(train, monkeypatch, options):
    monkeypatch.setattr(spool, "HELD_BYTES", 100)
    real = spool.free_bytes
    monkeypatch.setattr(spool, "free_bytes", lambda room: min(1000, real(room)))
    done = train("--dev", "ten.conll", *options)
    assert done.code == 1
    assert "are free; make room there, or choose an --output on another disk" in done.err
    assert "Traceback" not in done.err


def test_a_full_disk_is_one_line_and_the_old_model_stays(train, monkeypatch):
    train("--dev", "ten.conll")
    before = bits()

    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        done = train("--dev", "ten.conll", "--seed", "8", "--overwrite")
    assert done.error.startswith("m/")
    assert done.error.endswith(": cannot be written: No space left on device; nothing was replaced")
    assert bits() == before


LONG = ["--epochs", "2000", "--workers", "1"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [1, 2])
def test_signals_to_a_real_process(ten_sentences, tmp_path, number, times):
    command = [sys.executable, "-m", "tagger", "train", ten_sentences, "-o", tmp_path / "m", *LONG]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        for line in process.stderr:
            if line.startswith("epoch   1"):
                break
        if times == 2:  # both arrive within one step
            process.send_signal(signal.SIGSTOP)
            for other in {signal.SIGINT, signal.SIGTERM} - {number}:
                process.send_signal(other)
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
        else:
            process.send_signal(number)
        out, err = process.communicate()
    if times == 1:
        assert process.returncode == 128 + number
        assert "stopping after this step (again: leave at once)" in err
        assert "everything is saved" in err
        assert (out, output.has_run(tmp_path / "m")) == ("", True)
    else:
        assert process.returncode in (130, 143)
        assert "everything is saved" not in err
    assert "Traceback" not in err
    files.load_model(tmp_path / "m")


def test_words_of_a_script_without_blanks_are_warned_of(run, tmp_path):
    """A corpus of Japanese words: raw text is cut at every character, as nobody can tell where its words end."""
    rows = "東京\tB-LOC\nに\tO\n住む\tO\n\n大阪\tB-LOC\nへ\tO\n行く\tO\n\n" * 6
    (tmp_path / "j.conll").write_text(rows, encoding="utf-8")
    advice = "give text that is cut into words, with --input-format tokens"
    done = run("train", "j.conll", "-o", "m", *TINY)
    assert f"warning: j.conll: {UNSPACED_ADVICE}" in done.err
    assert advice in (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert advice in " ".join(run("check", "j.conll").out.split())
    done = run("predict", "m", "--text", "東京に住む", "--text", "大阪へ")
    assert done.err == f"warning: text: {UNSPACED_ADVICE}\n"
    done = run("predict", "m", "--text", "東京 に 住む", "--input-format", "tokens", "--format", "conll")
    assert (done.err, [line.split("\t")[0] for line in done.out.split()[::2]]) == ("", ["東京", "に", "住む"])


def test_a_dev_file_without_a_span_chooses_nothing(train, tmp_path):
    """Every epoch would be as good as every other, the first is as good as any, and nothing could be calibrated."""
    (tmp_path / "empty.conll").write_text("It O\nrained O\n. O\n\nNobody O\nknew O\n", encoding="utf-8")
    done = train("--dev", "empty.conll", "--epochs", "3", "--patience", "1", "--json")
    assert done.code == 0
    [warning] = [line for line in done.err.splitlines() if "no gold span" in line]
    assert warning.startswith("warning: empty.conll: no gold span, so that it can choose nothing")
    found = json.loads(done.out)
    assert (found["epochs"], found["best_epoch"], found["min_confidence"]) == (3, 3, 0.0)
    assert found["dev"]["micro"]["f1"] == 0.0
    assert found["dev"]["note"].startswith("no span in gold")
    model = files.load_model("m")
    assert (model.temperature, model.agreement, model.min_confidence) == (1.0, 0.0, 0.0)


def test_a_mistake_in_the_options_is_told_by_the_first_of_several_processes(run, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, told in (("0", "No such option"), ("1", "")):
        monkeypatch.setenv("RANK", rank)
        done = run("train", "--no-such-thing", "x.conll", "-o", "m")
        assert (done.code, done.out, told in done.err) == (2, "", True)
        assert bool(done.err) == bool(told)
