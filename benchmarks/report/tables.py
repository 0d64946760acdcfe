"""The tables of `RESULTS.md`: what each shows, and the commands that measure it.

A table is a row here; its figures are in `results/NAME.json`. A script that feeds one prints a row a line as JSON
when it is given `--json`, with the keys that `columns` names. In a command `{model}` is the model whose speed is
measured, `{shared}` the folder with corpora that are too large to be shipped, `{scratch}` one that is thrown away.
"""

from __future__ import annotations

from .table import Column, Picture, Table

_SEEDS = ("--seeds", "1", "2", "3", "4", "5")

TABLES: dict[str, Table] = {
    "accuracy": Table(
        title="Accuracy",
        about=(
            "F1 of names on CoNLL-2002 Spanish, resume-zh and WNUT-17, accuracy of parts of speech "
            "on a fifth of UD English-EWT, in per cent: mean and standard deviation over seeds, "
            "from the labelled data alone. Dev chooses the epoch, test is scored once. CRFsuite has"
            " no seed; its template is that of `crfsuite.py`."
        ),
        columns=(
            Column("corpus", "corpus"),
            Column("tool", "tool"),
            Column("dev", "dev", 2),
            Column("test", "test", 2),
            Column("test", "each seed, test", 2, each=True),
            Column("seconds", "training, s"),
        ),
        key=("corpus", "tool"),
        commands=(("accuracy.py", *_SEEDS),),
        peers=("python-crfsuite",),
        packages=("torch", "numpy"),
        picture=Picture("Test, F1 (parts of speech: accuracy), %", ("corpus", "tool"), ("test",)),
        closing=(
            "Nothing but XLM-RoBERTa, MITIE and the lexicon of Lattice LSTM has seen more than the training part: "
            "a large pretrained network is ahead where one can be had and run. The shipped corpora stand in "
            "[data/README.md](../data/README.md)."
        ),
    ),
    "words": Table(
        title="Words and parts of speech",
        about=(
            "F1 of words on UD Chinese-GSD (with parts of speech: F1 of both together), accuracy of"
            " parts of speech on UD English-EWT, in per cent. *Unseen* is the recall of words that "
            "training lacks: 12.0 % of them on dev, 12.4 % on test of GSD, 8.3 % on dev of EWT. "
            "jieba was made for another standard of what a word is."
        ),
        columns=(
            Column("task", "task"),
            Column("tool", "tool"),
            Column("dev", "dev", 2),
            Column("test", "test", 2),
            Column("test_unseen", "unseen, test", 2),
            Column("test_seen", "seen, test", 2),
            Column("test", "each seed, test", 2, each=True),
        ),
        key=("task", "tool"),
        commands=(("words.py", "accuracy", "tags", *_SEEDS),),
        peers=("python-crfsuite",),
        packages=("torch", "numpy", "jieba"),
        picture=Picture("Test, F1 of words or accuracy of parts of speech, %", ("task", "tool"), ("test",)),
    ),
    "characters": Table(
        title="Chinese characters a second",
        about=(
            "One thread each, from raw sentences of UD Chinese-GSD, turn about in one process, the "
            "best of five rounds; beside it CRFsuite's time again."
        ),
        columns=(
            Column("what", "what"),
            Column("rate", "characters/s"),
            Column("ratio", "to CRFsuite", 2),
        ),
        key=("what",),
        commands=(("words.py", "speed"),),
        peers=("python-crfsuite",),
        packages=("numpy", "jieba"),
        picture=Picture("Characters a second", ("what",), ("rate",)),
    ),
    "prediction": Table(
        title="Prediction",
        about=(
            "Tokens a second of processor time, one thread unless the row says otherwise, medians "
            "of rounds in which all take turns; State of the Union text. Once as the processor is, "
            "once with the libraries of each tool held to AVX2 (a real older processor differs in "
            "caches and clock too). Flair and Stanza are built by their own code without pretrained"
            " parts, which can't be had here: Flair of word and character embeddings, a BiLSTM of "
            "128 units and a CRF; Stanza with its default sizes and embeddings of words that are "
            "drawn; spaCy of its blank English pipeline. They learnt a few steps, since speed "
            "hardly depends on what was learnt."
        ),
        columns=(
            Column("what", "what"),
            Column("clock", "tokens/s, clock"),
            Column("rate", "tokens/s"),
            Column("held", "held to AVX2"),
            Column("ratio", "to tagger", 2),
        ),
        key=("what",),
        commands=(
            (
                "prediction.py",
                "{model}",
                "--tokens",
                "400000",
                "--rivals",
                "data/english/train.conll",
                "--held",
            ),
        ),
        peers=("python-crfsuite", "spacy", "flair", "stanza"),
        picture=Picture("Tokens a second of processor time", ("what",), ("rate", "held")),
        closing=(
            "`to tagger` compares with tags and confidences by one thread of the library, in the same run. "
            "spaCy's products take other kernels where they are held to AVX2, and were faster with them in "
            "each of two runs here."
        ),
    ),
    "training": Table(
        title="Training",
        about=(
            "Tokens a second of gradient steps with the default settings, one thread, processor "
            "time; on this processor and held to AVX2, turn about. Where sentences are short a step"
            " has fewer tokens and costs more of each."
        ),
        columns=(
            Column("corpus", "corpus"),
            Column("settings", "settings"),
            Column("step", "tokens a step"),
            Column("rate", "tokens/s"),
            Column("held", "held to AVX2"),
        ),
        key=("corpus", "settings"),
        commands=(("steps.py", "--seed", "1"),),
        packages=("torch", "numpy"),
        picture=Picture("Tokens a second of training", ("corpus", "settings"), ("rate", "held")),
    ),
    "racing": Table(
        title="Training beside CRFsuite's clock",
        about=(
            "When training passes the dev F1 that CRFsuite ends at, beside the time that CRFsuite "
            "takes in the same run; dev F1 of all names."
        ),
        columns=(
            Column("what", "what"),
            Column("passes", "passes CRFsuite after, s", 1),
            Column("share", "share of its time", 2),
            Column("dev", "dev F1 at the end", 2),
            Column("seconds", "after, s", 1),
        ),
        key=("what",),
        commands=(("racing.py", "--epochs", "12", "--seed", "1"),),
        peers=("python-crfsuite",),
        packages=("torch", "numpy"),
        picture=Picture("Seconds until CRFsuite's F1, and in all", ("what",), ("passes", "seconds")),
    ),
    "crf": Table(
        title="The CRF layer beside pytorch-crf",
        about=(
            "Milliseconds of processor time of one call, one thread, B sentences of T tokens with K"
            " tags; the two take turns, the medians are compared. pytorch-crf has neither marginals"
            " nor n best."
        ),
        columns=(
            Column("batch", "B x T x K"),
            Column("question", "what"),
            Column("ours", "tagger, ms", 2),
            Column("beside", "beside"),
            Column("theirs", "the other, ms", 2),
            Column("ratio", "times as long", 1),
        ),
        key=("batch", "question", "beside"),
        commands=(("crf.py", "--no-memory"),),
        peers=("pytorch-crf",),
        packages=("torch",),
        picture=Picture("Times as long as tagger's", ("beside", "batch", "question"), ("ratio",)),
    ),
    "memory": Table(
        title="The CRF layer's memory",
        about="By how many MB the peak memory of a process grows in one call; the emissions themselves are in it.",
        columns=(
            Column("batch", "B x T x K"),
            Column("question", "what"),
            Column("emissions", "emissions, MB"),
            Column("ours", "tagger, MB"),
            Column("theirs", "pytorch-crf, MB"),
        ),
        key=("batch", "question"),
        commands=(("crf.py", "--no-time"),),
        peers=("pytorch-crf",),
        packages=("torch",),
        picture=Picture("Peak memory, MB", ("batch", "question"), ("ours", "theirs")),
    ),
    "gpu": Table(
        title="A GPU",
        about="Tokens a second in training by batch size, and how much of the time the device computes.",
        columns=(
            Column("corpus", "corpus"),
            Column("device", "device"),
            Column("batch", "sentences a step"),
            Column("rate", "learning rate"),
            Column("precision", "precision"),
            Column("tokens_per_second", "tokens/s"),
            Column("step", "ms a step", 2),
            Column("busy", "share of the time that the device computes", 2),
            Column("launches", "kernels a step"),
            Column("f1", "dev F1", 2),
        ),
        key=("corpus", "device", "batch", "rate", "precision"),
        commands=(("device.py", "--device", "cuda", "--batch", "16", "32", "64", "128", "--seconds", "10"),),
        packages=("torch",),
        picture=Picture("Tokens a second of training", ("corpus", "batch"), ("tokens_per_second",)),
        closing=(
            "The other scripts for a machine that has one: `python benchmarks/crf.py --device "
            "cuda`, `python benchmarks/prediction.py MODEL --device cuda --hidden 128 256 512 "
            "1024`. What is known of an earlier version on one stands in "
            "[docs/gpu.md](../docs/gpu.md)."
        ),
    ),
    "calibration": Table(
        title="Calibration",
        about=(
            "Names by their confidence, and how many of them are right: CoNLL-2002 Spanish, test, "
            "the default model of seed 1. Names below the confidence that dev chose are left out, "
            "so the lowest bins are empty."
        ),
        columns=(
            Column("bin", "confidence"),
            Column("size", "names"),
            Column("confidence", "mean confidence", 2),
            Column("accuracy", "share right", 2),
        ),
        key=("bin",),
        commands=(("calibration.py", "--seed", "1"),),
        packages=("torch", "numpy"),
        picture=Picture("Confidence, and the share that is right", ("bin",), ("confidence", "accuracy")),
    ),
    "sizes": Table(
        title="Sizes",
        about=(
            "MB on the disk of an installation with all that it needs, in an environment of its "
            "own, and seconds until its package is imported (medians of five, of the clock). "
            "PyTorch is its build for processors alone, where the machine has that."
        ),
        columns=(
            Column("tool", "tool"),
            Column("installed", "installed, MB"),
            Column("packages", "packages"),
            Column("imported", "imported after, s", 2),
        ),
        key=("tool",),
        commands=(("sizes.py",),),
        peers=("python-crfsuite", "pytorch-crf", "spacy", "flair", "stanza"),
        picture=Picture("Installed, MB", ("tool",), ("installed",)),
    ),
    "starting": Table(
        title="Start-up",
        about=(
            "One sentence from a cold start, `echo TEXT | tagger predict MODEL -`: seconds of the "
            "clock, medians of seven, and where they go."
        ),
        columns=(
            Column("step", "step"),
            Column("seconds", "s", 3),
            Column("processor", "processor time, s", 3),
        ),
        key=("step",),
        commands=(("starting.py", "{model}"),),
        picture=Picture("Seconds", ("step",), ("seconds",)),
    ),
    "server": Table(
        title="A server under load",
        about=(
            "`tagger serve`, texts of two sentences (25 tokens); clients keep their connections and"
            " ask again when they are answered. Clients and server share the machine's cores. "
            "Processor time is the server's, a request."
        ),
        columns=(
            Column("what", "what"),
            Column("rate", "requests/s"),
            Column("p50", "p50, ms", 1),
            Column("p99", "p99, ms", 1),
            Column("processor", "processor time, ms", 2),
        ),
        key=("what",),
        commands=(
            ("serve.py", "{model}", "--seconds", "8"),
            ("serve.py", "{model}", "--seconds", "8", "--clients", "64", "--workers", "2", "--server-only"),
        ),
        packages=("numpy", "fastapi", "uvicorn", "uvloop", "httptools"),
        picture=Picture("Requests a second", ("what",), ("rate",)),
    ),
    "review": Table(
        title="Wrong labels that `tagger review` finds",
        about=(
            "Spans of a corpus are spoilt on purpose; of the first 50 suspects, the share that lie "
            "on a spoilt place and how many different ones they show, beside cleanlab, which is "
            "given the same probabilities and ranks tokens (under *places* those that touch count "
            "as one). AP is the area under the curve of precision and recall over all tokens. "
            "Faults that the corpus had before count against all. Draws of faults that nothing was "
            "chosen on."
        ),
        columns=(
            Column("corpus", "corpus"),
            Column("spoilt", "spoilt"),
            Column("faults", "faults"),
            Column("review", "review"),
            Column("tokens", "cleanlab, tokens"),
            Column("places", "cleanlab, places"),
            Column("ap", "AP, review", 3),
            Column("ap_cleanlab", "AP, cleanlab", 3),
        ),
        key=("corpus", "spoilt"),
        commands=(
            (
                "review.py",
                "data/english/train.conll",
                "{shared}/data/conll2002-es/esp.train",
                "--rates",
                "3",
                "--seed",
                "2",
            ),
        ),
        packages=("torch", "numpy", "cleanlab"),
        picture=Picture("Area under precision and recall", ("corpus", "spoilt"), ("ap", "ap_cleanlab")),
    ),
    "next": Table(
        title="What to label next",
        about=(
            "F1 on dev by the number of sentences labelled, mean and standard deviation over seeds, "
            "of the default model trained in fewer steps. Sentences are chosen at random or by a "
            "criterion; behind `/` stand the tokens that turning to a sentence costs (without it a "
            "sentence costs the same whatever its length); `errors/50` is what `tagger next` does. "
            "The last two columns have the labels at which a curve reaches what a random choice has "
            "with 2,000 sentences. A size at which some seeds had ended, since they were there "
            "already, has fewer of them."
        ),
        columns=(
            Column("corpus", "corpus"),
            Column("arm", "chosen by"),
            Column("f200", "200", 2),
            Column("f400", "400", 2),
            Column("f1000", "1,000", 2),
            Column("t1000", "thousand tokens", 1),
            Column("f1500", "1,500", 2),
            Column("t1500", "thousand tokens", 1),
            Column("f2000", "2,000", 2),
            Column("sentences", "sentences for random's F1"),
            Column("tokens", "thousand tokens", 1),
        ),
        key=("corpus", "arm"),
        commands=(
            (
                "active.py",
                "conll2002-es",
                "wnut17",
                "resume-zh",
                *_SEEDS,
                "--output",
                "{scratch}",
                "--arms",
                "random",
                "entropy",
                "errors",
                "errors/50",
                "margin",
            ),
        ),
        packages=("torch", "numpy"),
        picture=Picture("F1 on dev with 1,000 sentences", ("corpus", "arm"), ("f1000",)),
    ),
}
