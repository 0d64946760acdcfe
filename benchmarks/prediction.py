"""How fast a model labels: token lists to tags inside the library, raw text to JSONL as a command, and from cold.

    python benchmarks/prediction.py MODEL [--tokens N] [--rivals CORPUS]

The text is that of the State of the Union addresses, repeated to N tokens. Rates are of wall time and, as `CPU`, of
processor time: on a machine that others use too, the second is what can be compared. `--rivals` trains CRFsuite and a
blank spaCy pipeline on a corpus, briefly, for their speed doesn't depend on what they learn, and labels the same text
with them, if they are installed.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from corpora import SHARED

import tagger
from tagger.inference.predict import Tagger
from tagger.text import schemes
from tagger.text.conll import read_corpus
from tagger.text.tokenizer import cut, split_sentences

TEXT = SHARED / "raw" / "state-of-the-union"
_RIVAL_TOKENS = 200_000
_RIVAL_STEPS = 30


def read_texts() -> list[str]:
    """Return the addresses."""
    return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(TEXT.glob("*.txt"))]


def cut_texts(texts: Iterable[str]) -> tuple[list[list[str]], list[int]]:
    """Return the tokens of each sentence, and the number of its text."""
    sentences: list[list[str]] = []
    documents: list[int] = []
    for number, text in enumerate(texts):
        for start, end in split_sentences(text):
            sentences.append(cut(text[start:end]).words)
            documents.append(number)
    return sentences, documents


def measure(name: str, work: Callable[[], int]) -> None:
    """Print the tokens a second of some work that returns its number of tokens."""
    wall, used = time.perf_counter(), time.process_time() + _of_children()
    tokens = work()
    wall, used = time.perf_counter() - wall, time.process_time() + _of_children() - used
    print(f"{name:44} {tokens / wall:10,.0f} tokens/s {tokens / used:10,.0f} CPU", flush=True)


def _of_children() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def measure_library(labels: Tagger, tokens: int) -> None:
    """Token lists in, tag lists out."""
    sentences, documents = cut_texts(read_texts())
    size = sum(map(len, sentences))
    labels.predict_tokens(sentences, documents=documents)
    for workers in (1, 2):
        for confidences in (True, False):

            def work(workers: int = workers, confidences: bool = confidences) -> int:
                rounds = max(1, tokens // size)
                for _ in range(rounds):
                    labels.predict_tokens(
                        sentences, documents=documents, workers=workers, confidences=confidences
                    )
                return rounds * size

            what = "tags and confidences" if confidences else "tags"
            measure(f"library, {what}, {workers} thread(s)", work)


def measure_command(model: str, tokens: int) -> None:
    """Raw text in, JSONL out, the start of the command included."""
    texts = read_texts()
    size = sum(map(len, cut_texts(texts)[0]))
    with tempfile.TemporaryDirectory() as folder:
        for copy in range(max(1, tokens // size)):
            (Path(folder) / f"{copy:04}.txt").write_text("\n\n".join(texts), encoding="utf-8")
        for workers in ("1", "2"):

            def work(workers: str = workers) -> int:
                output = Path(folder) / ".out"
                _run(model, folder, "--workers", workers, "--output", str(output))
                output.unlink()
                return max(1, tokens // size) * size

            measure(f"command, text to JSONL, {workers} worker(s)", work)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{'largest process':44} {peak:10,.0f} MB")


def measure_start(model: str) -> None:
    """One sentence through a pipe, and where the time goes."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        _run(model, "-", text="Ada Lovelace was born in London.\n")
        times.append(time.perf_counter() - began)
    print(f"{'one sentence from cold, best of 3':44} {min(times):10.2f} s")
    script = (
        "import time; t = time.process_time(); import torch; u = time.process_time(); import tagger; "
        f"tagger.load; v = time.process_time(); m = tagger.load({model!r}); w = time.process_time(); "
        "m.predict('Ada.'); x = time.process_time(); "
        "print(f'  CPU: import torch {u-t:.2f}, tagger {v-u:.2f}, load {w-v:.2f}, first sentence {x-w:.2f} s')"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def _run(model: str, *arguments: str, text: str | None = None) -> None:
    subprocess.run(
        [sys.executable, "-m", "tagger", "predict", model, *arguments],
        input=text,
        text=True,
        check=True,
        capture_output=True,
    )


def measure_rivals(corpus: Path) -> None:
    """CRFsuite and spaCy on the same text."""
    sentences, documents = cut_texts(read_texts())
    kept = sum(size < _RIVAL_TOKENS for size in accumulate(map(len, sentences)))
    for name, make in (("CRFsuite, tokens to tags", _crfsuite), ("spaCy, text to spans", _spacy)):
        try:
            label = make(corpus)
        except ImportError:
            print(f"{name:44} not installed")
            continue

        def work(label: Callable[[list[list[str]], list[str]], int] = label) -> int:
            return label(sentences[:kept], read_texts()[: documents[kept - 1] + 1])

        measure(name, work)


def _crfsuite(corpus: Path) -> Callable[[list[list[str]], list[str]], int]:
    import crfsuite

    trained = crfsuite.train(read_corpus(corpus).sentences, crfsuite.describe_words)

    def label(sentences: list[list[str]], texts: list[str]) -> int:
        for words in sentences:
            trained.tagger.tag(trained.template(words))
        return sum(map(len, sentences))

    return label


def _spacy(corpus: Path) -> Callable[[list[list[str]], list[str]], int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import spacy
        from spacy.training import Example

    read = read_corpus(corpus)
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")

    def examples() -> Iterator[object]:
        for sentence in read.sentences:
            doc = spacy.tokens.Doc(nlp.vocab, list(sentence.tokens))
            tags = schemes.convert(sentence.tags, read.scheme, schemes.Scheme.BILOU)
            yield Example.from_dict(doc, {"entities": tags})

    made = list(examples())
    nlp.initialize(lambda: made[:500])
    for step in range(_RIVAL_STEPS):
        nlp.update(made[step * 32 : step * 32 + 32])

    def label(sentences: list[list[str]], texts: list[str]) -> int:
        return sum(len(doc) for doc in nlp.pipe(texts))

    return label


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--tokens", type=int, default=10_000_000)
    parser.add_argument("--rivals", type=Path, help="corpus to train CRFsuite and spaCy on")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    measure_start(asked.model)
    measure_library(tagger.load(asked.model), asked.tokens)
    measure_command(asked.model, asked.tokens)
    if asked.rivals is not None:
        measure_rivals(asked.rivals)


if __name__ == "__main__":
    main()
