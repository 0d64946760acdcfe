"""Every object of JSON that a command prints or leaves behind, held against its schema in `docs/schemas`.

The validator is the package jsonschema. The schemas allow no key that they don't describe, so a new one fails here
until it is documented.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import TINY, Done

import tagger
from tagger.runtime import inspection
from tagger.scoring.review import LabelDoubt, rank_suspects
from tagger.text import audit
from tagger.text.conll import Corpus, Sentence
from tagger.text.formats import LabelledRival, LabelledSentence, LabelledSpan
from tagger.text.formats.jsonl import write_jsonl
from tagger.text.formats.names import write_names_jsonl
from tagger.text.objects import SCHEMAS, describe, dump_json
from tagger.text.schemes import Scheme, Span

jsonschema = pytest.importorskip("jsonschema")

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
KINDS = sorted(path.stem for path in FOLDER.glob("*.json"))
LINES = {"prediction", "name", "suspect"}  # of `predict` and `review`, without a version
MEASURED = {"seconds", "tokens_per_second"}
OTHERWISE = "Anna B-PER\nKeller O\nflew O\n\nNew B-LOC\nYork B-LOC\n"


def read_schema(kind: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{kind}.json").read_text(encoding="utf-8"))


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def check(kind: str, text: str | Path) -> dict[str, Any]:
    """Return the object that a text holds, which must be as its schema says."""
    content = text.read_text(encoding="utf-8") if isinstance(text, Path) else text
    facts = json.loads(content, parse_constant=refuse)
    jsonschema.Draft202012Validator(read_schema(kind)).validate(facts)
    if kind not in LINES:
        assert (facts["schema"], facts["tagger"]) == (SCHEMAS[kind], tagger.__version__)
    return facts


def timeless(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in MEASURED}


def done_well(done: Done) -> str:
    assert done.code == 0, done.err
    return done.out


@pytest.fixture
def files(tmp_path: Path, ten_sentences: Path) -> Path:
    (tmp_path / "gold.conll").write_text(OTHERWISE.replace("York B-", "York I-"), encoding="utf-8")
    (tmp_path / "found.conll").write_text(OTHERWISE, encoding="utf-8")
    (tmp_path / "other.conll").write_text(OTHERWISE.replace("New B-LOC", "New O"), encoding="utf-8")
    (tmp_path / "none.conll").write_text("Anna O\nKeller O\nflew O\n\nNew O\nYork O\n", encoding="utf-8")
    (tmp_path / "bare.conll").write_text("Anna NAME\nKeller NAME\nflew VERB\n\nup ADV\n", encoding="utf-8")
    return tmp_path


def walk(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield every property with what the schema says of it."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
        for value in schema.values():
            yield from walk(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from walk(value)


def test_there_is_a_schema_for_every_kind() -> None:
    assert set(KINDS) == {*SCHEMAS, *LINES}


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_valid_and_describes_every_key(kind: str) -> None:
    schema = read_schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    definitions = schema.get("$defs", {})
    for name, value in walk(schema):
        target = definitions[value["$ref"].rpartition("/")[2]] if "$ref" in value else {}
        assert name in ("schema", "tagger") or (value | target).get("description"), name
    if kind in SCHEMAS:
        assert schema["properties"]["schema"]["const"] == SCHEMAS[kind]


def test_parts_of_one_name_are_the_same_in_all_schemas() -> None:
    found: dict[str, Any] = {}
    for kind in KINDS:
        for name, value in read_schema(kind).get("$defs", {}).items():
            assert found.setdefault(name, value) == value, name


@pytest.mark.parametrize(
    "arguments",
    [
        ("gold.conll", "found.conll"),
        ("gold.conll", "found.conll", "--strict", "--seqeval", "--train", "ten.conll"),
        ("gold.conll", "found.conll", "other.conll"),
        ("none.conll", "none.conll", "--seqeval"),
        ("bare.conll", "bare.conll"),
    ],
    ids=["plain", "strict", "two-systems", "without-spans", "bare"],
)
def test_score(run, files: Path, arguments: tuple[str, ...]) -> None:
    found = check("scoring", done_well(run("score", *arguments, "--json")))
    options: dict[str, Any] = {"strict": "--strict" in arguments, "seqeval": "--seqeval" in arguments}
    if "--train" in arguments:
        options["training"] = "ten.conll"
    paths = [each for each in arguments[:3] if not each.startswith("--")]
    result = tagger.score(*paths, **options).as_dict()
    assert timeless(found) == timeless(result)
    assert "note" in found or "none.conll" not in arguments


@pytest.mark.parametrize(
    "names", [("ten.conll",), ("ten.conll", "gold.conll", "missing.conll"), ("none.conll",)]
)
def test_check(run, files: Path, names: tuple[str, ...]) -> None:
    found = check("check", run("check", *names, "--json").out)
    assert found == audit.audit(names).as_dict()


@pytest.mark.parametrize(
    "names",
    [("gold.conll", "found.conll"), ("gold.conll", "found.conll", "other.conll"), ("bare.conll",) * 2],
)
def test_agree(run, files: Path, names: tuple[str, ...]) -> None:
    found = check("agreement", done_well(run("agree", *names, "--json")))
    assert found == tagger.agree(*names).as_dict()
    merged = done_well(run("agree", *names, "--json", "--merge", "?", "-o", "merged.conll"))
    assert check("agreement", merged)["merged"]["unknown"] == Path("merged.conll").read_text().count("?")


def test_check_and_fix(run, files: Path) -> None:
    Path("dirty.conll").write_text(OTHERWISE.replace("flew O", "flew o") + "x O\ny O\n", encoding="utf-8")
    found = check("check", run("check", "dirty.conll", "--fix", "-o", "clean.conll", "--json").out)
    assert found["mended"] == tagger.mend("dirty.conll", "clean.conll").as_dict()
    assert [change["line"] for change in found["mended"]["changes"]] == [3]


@pytest.mark.parametrize("name", ["words.conll", "bare.conll"])
def test_split(run, files: Path, name: str) -> None:
    Path("words.conll").write_text("我 S\n\n们 S\n\n北 B\n京 E\n", encoding="utf-8")
    Path(name).write_text(2 * (Path(name).read_text(encoding="utf-8") + "\n"), encoding="utf-8")
    found = check("split", done_well(run("split", name, "--parts", "1,1", "-o", "parts", "--json")))
    assert found == tagger.split(name, "parts", parts="1,1", overwrite=True).as_dict()


def test_train_and_what_it_leaves_behind(run, files: Path) -> None:
    corpora = ("ten.conll", "--dev", "ten.conll", "--test", "gold.conll")
    check("rehearsal", done_well(run("train", *corpora, "-o", "m", *TINY, "--dry-run", "--json")))
    found = check("training", done_well(run("train", *corpora, "-o", "m", *TINY, "--json")))
    assert found["headline"]["part"] == "test"
    assert found["repeated"] is None
    assert found["micro"] == found["test"]["micro"]
    scores = check("scores", Path("m/scores.json"))
    assert scores["dev"] == timeless(found["dev"])
    for line in Path("m/history.jsonl").read_text(encoding="utf-8").splitlines():
        check("epoch", line)

    within = done_well(run("train", *corpora, "-o", "within", *TINY, "--eval-steps", "1", "--json"))
    lines = Path("within/history.jsonl").read_text(encoding="utf-8").splitlines()
    assert check("training", within)["best_epoch"] in [check("epoch", line)["epoch"] for line in lines]
    assert check("inspection", done_well(run("inspect", "within", "--json")))["training"]["epochs"] == 2
    assert [check("epoch", line)["step"] for line in lines] == list(range(1, len(lines) + 1))

    profiles = check("profile", Path("m/profile.json"))
    for part, each in (("dev", found["dev"]), ("test", found["test"])):
        assert profiles[part]["tokens"] == each["tokens"]
        assert profiles[part]["sentences"] == each["sentences"]

    facts = check("inspection", done_well(run("inspect", "m", "--json")))
    assert facts == inspection.inspect("m").as_dict()
    assert facts["scores"] == {"dev": scores["dev"], "test": scores["test"]}

    for options in ((), ("--strict",), ("--min-confidence", "0")):
        evaluated = check("scoring", done_well(run("evaluate", "m", "gold.conll", "--json", *options)))
        asked = {"strict": "--strict" in options, "min_confidence": 0.0 if len(options) == 2 else None}
        assert timeless(evaluated) == timeless(tagger.evaluate("m", "gold.conll", **asked).as_dict())
        assert evaluated["min_confidence"] == (0.0 if len(options) == 2 else found["min_confidence"])

    drifted = check("drift", run("drift", "m", "gold.conll", "--json").out)
    assert drifted["reference"] == profiles["test"] == drifted["now"]
    Path("now.json").write_text(json.dumps(drifted), encoding="utf-8")
    again = check("drift", run("drift", "m", "ten.conll", "--reference", "now.json", "--json").out)
    assert again["reference"] == drifted["now"]
    check("drift", run("drift", "m", "--text", "Anna", "--json").out)
    for criterion in ("errors", "entropy", "random"):
        chosen = ("next", "m", "ten.conll", "-n", "3", "--criterion", criterion)
        found = check("selection", done_well(run(*chosen, "--json")))
        assert len(found["chosen"]) == 3
        for line in done_well(run(*chosen)).splitlines():
            assert check("prediction", line)["facts"]["rank"]

    text = "Anna Keller flew to\nNew York. It rained."
    Path("text.txt").write_text(text, encoding="utf-8")
    lines = done_well(run("predict", "m", "text.txt", "--format", "jsonl", "--nbest", "2")).splitlines()
    sentences = tagger.load("m").predict(text, nbest=2)
    for line, sentence in zip(lines, sentences, strict=True):
        assert check("prediction", line) == sentence.as_dict() | {"doc": "text.txt"}


def test_distill(run, files: Path) -> None:
    assert run("train", "ten.conll", "-o", "t", *TINY).code == 0
    spans = [{"start": 0, "end": 4, "label": "PER", "score": 0.9}, {"start": 13, "end": 21, "label": "LOC"}]
    record = json.dumps({"text": "Anna flew to New York .", "entities": spans})
    Path("silver.jsonl").write_text(f"{record}\n", encoding="utf-8")
    teaching = ("--silver", "silver.jsonl", "--teacher", "t", "--gold", "ten.conll", "--dev", "ten.conll")
    found = check("training", done_well(run("distill", *teaching, "-o", "m", *TINY, "--json")))
    assert found["taught"]["agreement"]["types"]["PER"]["silver"] == 1


def test_train_with_several_seeds(run, files: Path) -> None:
    arguments = ("train", "ten.conll", "--dev", "ten.conll", "-o", "m", *TINY, "--seeds", "2", "--json")
    found = check("training", done_well(run(*arguments)))
    assert found["headline"]["part"] == "dev"
    for name, value in found["repeated"].items():
        if name not in ("schema", "tagger"):
            assert found[name] == value
    assert check("seeds", Path("m/seeds.json"))["seeds"] == found["repeated"]["seeds"]


def test_pretrain_and_generate(run, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("Ada met Bob in Rome .\nEve saw it .\n" * 20, encoding="utf-8")
    sizes = (
        "--hidden",
        "4",
        "--workers",
        "1",
        "--epochs",
        "1",
        "--input-format",
        "tokens",
        "--held-out",
        "0.1",
    )
    spelling = ("--set", "model.character_filters=4", "--set", "model.character_dim=4")
    arguments = ("pretrain", "text.txt", "-o", "lm", *sizes, *spelling, "--projection", "4", "--json")
    check("rehearsal", done_well(run(*arguments, "--dry-run")))
    found = check("pretraining", done_well(run(*arguments)))
    assert check("pretraining-scores", Path("lm/scores.json"))["perplexity"] == found["perplexity"]
    for line in Path("lm/history.jsonl").read_text(encoding="utf-8").splitlines():
        check("epoch", line)
    clusters = ("pretrain", "text.txt", "--target", "clusters", "-o", "clusters", "--json")
    assert check("clusters", done_well(run(*clusters)))["tokens"] == 200
    (tmp_path / "gold.conll").write_text("Ada B-PER\nmet O\n\nRome B-LOC\n\n" * 9, encoding="utf-8")
    encoder = ("pretrain", "text.txt", "--target", "encoder", "-o", "encoder", *sizes)
    done_well(run(*encoder))
    run("train", "gold.conll", "-o", "m", "--init-encoder", "encoder", "--epochs", "4", "--workers", "1")
    assert check("trial", Path("m/encoder-trial.json"))["epochs"] == 1
    assert check("generation", done_well(run("generate", "lm", "Ada met", "--json")))["prompt"] == "Ada met"
    assert (
        len(check("next-words", done_well(run("generate", "lm", "Ada", "--next", "3", "--json")))["next"])
        == 3
    )


def test_suspects_are_as_their_schema_says() -> None:
    sentence = Sentence(("in", "New", "York"), ("O", "B-LOC", "O"), line=1)
    corpus = Corpus("x.conll", (sentence,), Scheme.IOB2, "", ())
    doubt = LabelDoubt(0, 1, 3, (Span("LOC", 1, 2),), (Span("LOC", 1, 3),), 0.1, 0.8)
    [suspect] = rank_suspects(corpus, [doubt], 5).suspects
    facts = suspect.as_dict(corpus.path)
    assert check("suspect", dump_json(facts)) == facts


def test_what_is_no_number_is_null() -> None:
    found = describe("check", {"ok": (1, [math.nan, {"a": math.inf}]), "schema": 7})
    assert found["ok"] == [1, [None, {"a": None}]]
    assert found["schema"] == SCHEMAS["check"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json(math.nan)
    span = LabelledSpan("PER", 0, 3, "Ada", math.nan)
    sentence = LabelledSentence(doc="x", start=0, end=3, text="Ada", tokens=[(0, 3, "B-PER")], spans=[span])
    [line] = write_jsonl([sentence])
    assert check("prediction", line) == sentence.as_dict()
    assert sentence.as_dict()["spans"][0]["confidence"] is None
    [line] = write_names_jsonl([sentence])
    assert check("name", line) == {"text": "Ada", "type": "PER", "count": 1, "confidence": None}


def test_rivals_of_spans_are_as_their_schema_says() -> None:
    rivals = [LabelledRival("ORG", 0, 3, "Ada", 0.25), LabelledRival(None, 0, 3, "Ada", 0.125)]
    span = LabelledSpan("PER", 0, 3, "Ada", 0.5)
    sentence = LabelledSentence(
        doc="x", start=0, end=3, text="Ada", tokens=[(0, 3, "B-PER")], spans=[span], rivals=[rivals]
    )
    [line] = write_jsonl([sentence])
    assert check("prediction", line) == sentence.as_dict()
    assert [each["type"] for each in sentence.as_dict()["spans"][0]["rivals"]] == ["ORG", None]


def test_half_a_surrogate_pair_is_escaped() -> None:
    """Names of files that aren't UTF-8 have them, and no encoding does."""
    assert dump_json({"path": "caf\udce9"}) == '{"path": "caf\\udce9"}'
    assert dump_json({"path": "café"}) == '{"path": "café"}'
