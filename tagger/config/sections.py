"""The settings themselves: default, unit and meaning beside each field, one frozen pydantic model per concern.

Nothing here knows a file, or how a setting is used.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Size = Annotated[int, Field(ge=1, le=65536)]
OptionalSize = Annotated[int, Field(ge=0, le=65536)]
FilterWidth = Annotated[int, Field(ge=1, le=9)]
SpellingLength = Annotated[int, Field(ge=4, le=256)]
PassCount = Annotated[int, Field(ge=1, le=10_000)]
Rate = Annotated[float, Field(gt=0, le=1)]
Norm = Annotated[float, Field(gt=0)]
ThreadCount = Annotated[int, Field(ge=0, le=64)]
InputDropout = Annotated[Fraction, Field(description="locked dropout on the encoder's input")]
WordDropout = Annotated[Fraction, Field(description="share of words whose embedding becomes <unk> in a step")]
CharacterDropout = Annotated[Fraction, Field(description="share of characters hidden from the convolution")]
UnknownStrength = Annotated[
    float,
    Field(
        ge=0,
        le=100,
        description="a word seen n times becomes <unk> with probability a / (a + n); this is a",
    ),
]
Unit = Literal["words", "characters"]
Place = Literal[  # the values of `text.tokenizer.Split`
    "contraction",
    "possessive",
    "elision",
    "hyphen",
    "slash",
    "percent",
    "currency",
    "hashtag",
    "mention",
    "unit",
    "fused",
    "stop",
]


class Section(BaseModel):
    """A frozen group of settings: unknown fields and values of another type are refused.

    How a section is checked is worked out when the first is made: `tagger --help` makes none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True, defer_build=True)
    _added: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def written_fields(cls) -> tuple[str, ...]:
        """Return the names of the fields in the order in which a file holds them."""
        return tuple(cls.model_fields)

    def is_silent(self, name: str) -> bool:
        """Say whether a file leaves a field out: one added since models were first written, while it has its default.

        So equal trainings end with equal files as ever: the weights hold the checksum of the settings.
        """
        field = type(self).model_fields[name]
        return name in self._added and getattr(self, name) == field.get_default(call_default_factory=True)


class Settings(Section):
    """All settings of something that is made."""


class SeededSettings(Settings):
    """All settings of something that is trained: sections, and the seed above them."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(default=1, description="seed of all randomness")


class Steps(Section):
    """Gradient steps, whatever is trained: how many, how large, on what hardware, and which weights are kept.

    A kind of training adds its own fields: what makes up a batch (named in `_of_batches`), and its noise and costs.
    """

    _added: ClassVar[tuple[str, ...]] = ("eval_steps",)
    _of_batches: ClassVar[tuple[str, ...]] = ()

    epochs: PassCount = Field(description="passes over the training sentences")
    learning_rate: Rate = Field(description="peak of the schedule")
    warmup: Fraction = Field(default=0.1, description="share of the steps in which the learning rate rises")
    weight_decay: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0, description="decoupled weight decay (AdamW)"
    )
    clip_norm: Norm = Field(default=5.0, description="largest norm of the gradient")
    average: Fraction = Field(
        default=0.995, description="decay per step of the weights' moving average; 0: off"
    )
    patience: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="epochs without a better dev F1 before training stops; absent: never"
    )
    eval_steps: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="steps after which held-out sentences are measured within an epoch too, each time as at its end: "
        "the best model is kept, and patience counts these measurements; absent: at an epoch's end alone",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="where training runs; auto: a GPU if there is one, else the CPU"
    )
    workers: ThreadCount = Field(
        default=1, description="training processes, which share every step; 0: one per core, at most 2"
    )

    @classmethod
    def written_fields(cls) -> tuple[str, ...]:
        """Return the names as every `config.toml` has them: batches behind the epochs, the rest behind the norm.

        The order is part of a model: its weights hold the checksum of its settings, comments included.
        """
        shared = list(Steps.model_fields)
        behind_norm = shared.index("clip_norm") + 1
        noise = [name for name in cls.model_fields if name not in (*shared, *cls._of_batches)]
        return (shared[0], *cls._of_batches, *shared[1:behind_norm], *noise, *shared[behind_norm:])


class CorpusConfig(Section):
    """How the columns of a corpus are read; the scheme is the corpus's own and goes out as it came in."""

    _added = ("blank_tokens", "task", "compounds")

    token_column: int | str = Field(
        default=0, description="column of the token: an index from 0, or a CoNLL-U name"
    )
    tag_column: int | str = Field(
        default=-1, description="column of the tag: an index (-1 is the last) or a name"
    )
    scheme: str = Field(
        default="auto", description="tag scheme: auto, IOB1, IOB2, BIOES, BILOU, BMES, BMEWO or BARE"
    )
    encoding: str = Field(default="utf-8", description="encoding of the corpus files")
    blank_tokens: Literal["error", "skip", "keep"] = Field(
        default="error", description="what becomes of a row whose token is nothing but blanks"
    )
    task: Literal["auto", "labels", "words", "joint"] = Field(
        default="auto",
        description="labels: labels of the tokens there are; words: words cut out of a text, from segmented text or "
        "any other words; joint: words and their tags; auto looks at the corpus",
    )
    compounds: Literal["open", "keep"] = Field(
        default="open",
        description="brackets around compounds of word/TAG lines: open them, or keep each compound as one word",
    )
    mode: Literal["auto", "words", "characters", "blanks"] = Field(
        default="auto", description="what a token is; auto looks at the corpus"
    )
    splits: Literal["auto"] | list[Place] = Field(
        default="auto",
        description="where a run of characters in raw text begins a new token; auto looks at the corpus",
    )
    dev_share: Annotated[float, Field(gt=0, lt=0.9)] = Field(
        default=0.1, description="share of the training sentences held out when no dev file is given"
    )


class EmbeddingConfig(Section):
    """What the encoder sees of a token. A size of 0 switches a feature off."""

    _added = ("fold_width", "word_mark_dim", "cluster_dim")

    word_dim: OptionalSize = Field(default=64, description="size of the word embedding")
    lowercase: bool = Field(
        default=True, description="words that differ in case share an embedding; the shape tells case"
    )
    min_count: Size = Field(default=1, description="words rarer than this have no embedding of their own")
    vectors_frozen: bool = Field(default=False, description="pretrained word vectors stay as they were read")
    character_dim: Size = Field(default=32, description="size of a character's embedding")
    character_filters: OptionalSize = Field(default=64, description="filters of the character convolution")
    character_width: FilterWidth = Field(default=3, description="characters a filter sees")
    max_characters: SpellingLength = Field(
        default=24,
        description="characters of a word that are looked at: half from its start, half from its end",
    )
    shape_dim: OptionalSize = Field(
        default=16, description="size of the embedding of a word's shape (Xxx, dd.dd)"
    )
    affix_dim: OptionalSize = Field(
        default=48, description="size of the summed embedding of prefixes and suffixes"
    )
    affix_length: Annotated[int, Field(ge=1, le=6)] = Field(
        default=4, description="longest prefix and suffix"
    )
    bigram_dim: OptionalSize = Field(default=0, description="size of each of a token's two bigram embeddings")
    feature_columns: list[str] = Field(
        default=[],
        description='columns of the corpus that say more about a token, each "COLUMN" or "COLUMN:DIM": an index or a '
        "CoNLL-U name, and the size of its embedding (16 if absent)",
    )
    gazetteer_dim: Size = Field(default=16, description="size of the embedding of a gazetteer's marks")
    gazetteer_ignore_case: bool = Field(
        default=False, description="whether gazetteers find names that are written in another case"
    )
    word_mark_dim: OptionalSize = Field(
        default=0,
        description="size of each of three embeddings that say where in a known word a character may stand, for "
        "models that cut text into words; known are those of training and of each gazetteer, then a list of words",
    )
    fold_width: bool = Field(
        default=False, description="full-width letters, digits and marks are read as half-width ones"
    )
    cluster_dim: Size = Field(
        default=16,
        description="size of each of four embeddings of the classes, from coarse to fine, that clusters give a word",
    )


class EncoderConfig(Section):
    """The recurrent encoder."""

    kind: Literal["lstm", "gru", "rnn"] = Field(default="lstm", description="recurrent cell")
    hidden: Size = Field(default=128, description="hidden units per direction")
    layers: Annotated[int, Field(ge=1, le=8)] = Field(default=1, description="layers")
    directions: Literal[1, 2] = Field(default=2, description="1: left to right only; 2: both")
    context: Annotated[int, Field(ge=1, le=64)] = Field(
        default=3, description="sentences of a document that are encoded together; 1: each sentence alone"
    )
    max_tokens: Annotated[int, Field(ge=16, le=100_000)] = Field(
        default=512, description="tokens encoded together at most; longer sentences are cut into windows"
    )


class DecoderConfig(Section):
    """What turns emission scores into tags."""

    kind: Literal["crf", "softmax"] = Field(
        default="crf", description="crf: best sequence; softmax: best tag a token"
    )
    agreement: Literal["auto"] | Annotated[float, Field(ge=0, le=20)] = Field(
        default="auto",
        description="how much the repeats of a capitalised word in a document say about each other; auto: 4 "
        "where dev gains from it; 0: nothing, as ever with bare labels",
    )
    min_confidence: Literal["auto"] | Annotated[float, Field(ge=0, le=1)] = Field(
        default="auto",
        description="names of the best sequence that are less probable are left out; auto: half of the dev F1, "
        "or 0 if that lowers the dev F1 by more than chance; 0: none, as ever with bare labels",
    )


class TrainingConfig(Steps):
    """Gradient steps."""

    _added = (*Steps._added, "batch_tokens", "precision", "try_encoder")
    _of_batches: ClassVar[tuple[str, ...]] = ("batch_sentences", "batch_tokens")

    epochs: PassCount = Field(default=12, description="passes over the training sentences")
    batch_sentences: Size = Field(default=16, description="sentences a step")
    batch_tokens: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=512,
        description="where sentences are short a step has more of them, as many as hold so many tokens on average, "
        "as long as an epoch keeps 400 steps",
    )
    learning_rate: Rate = Field(default=6e-3, description="peak of the schedule")
    input_dropout: InputDropout = 0.5
    output_dropout: Fraction = Field(default=0.5, description="locked dropout on the encoder's output")
    word_dropout: WordDropout = 0.05
    unknown_strength: UnknownStrength = 0.5
    language_weight: Annotated[float, Field(ge=0, le=10)] = Field(
        default=0.3,
        description="weight of the language model trained beside the tagger, at the start; it falls to 0. 0: none",
    )
    language_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.75, description="share of the training after which that weight is 0"
    )
    language_dim: Size = Field(default=32, description="size of that language model's output space")
    character_dropout: CharacterDropout = 0.1
    column_dropout: Fraction = Field(
        default=0.05, description="share of the values of feature columns that become <unk> in a step"
    )
    gazetteer_dropout: Fraction = Field(
        default=0.25, description="share of the names found by gazetteers that are forgotten in a step"
    )
    recall_cost: Literal["auto"] | Annotated[float, Field(ge=0, le=50)] = Field(
        default="auto",
        description="what missing a name costs, in nats (softmax-margin), shared by its tokens, unless its type has "
        "costs of its own; auto: what suits the best dev F1 so far, at most 5; 0: nothing",
    )
    costs: list[str] = Field(
        default=[],
        description='what mistakes cost, in nats (softmax-margin), each "TYPE=RECALL" or "TYPE=RECALL:PRECISION": a '
        "token of that type missed, a token taken for that type",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="of the encoder's products; bfloat16 pays on a GPU from some hundred hidden units on. Weights, "
        "loss and optimiser have float32 always",
    )
    try_encoder: bool = Field(
        default=True,
        description="the encoder of --init-encoder is first tried for a quarter of the epochs, beside none, and left "
        "out where dev is worse with it; false: taken untried",
    )
    workers: ThreadCount = Field(
        default=1,
        description="training processes, each with a batch of its own at the same weights: faster on several cores, "
        "and a little less is learnt in an epoch; 0: one per core, at most 2",
    )


class LanguageModelConfig(Section):
    """A forward and a backward language model (Peters et al. 2018)."""

    unit: Unit = Field(
        default="words",
        description="words: each read by its spelling, none unknown; characters: an embedding of each",
    )
    character_dim: Size = Field(default=16, description="size of a character's embedding")
    character_filters: Size = Field(
        default=8, description="filters of the character convolution that see w characters: w times this"
    )
    character_width: FilterWidth = Field(default=4, description="most characters a filter sees")
    max_characters: SpellingLength = Field(
        default=20,
        description="characters of a word that are looked at: half from its start, half from its end",
    )
    hidden: Size = Field(default=128, description="hidden units of an LSTM layer")
    projection: Size = Field(default=96, description="size of a word's input and of a layer's output")
    layers: Annotated[int, Field(ge=1, le=4)] = Field(default=2, description="LSTM layers per direction")
    min_count: Size = Field(default=2, description="words rarer than this are predicted as <unk>")
    vocabulary: Annotated[int, Field(ge=10, le=1_000_000)] = Field(
        default=50_000, description="words that can be predicted, the commonest"
    )
    common: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=300, description="words that the softmax always computes, the commonest"
    )
    rare: Annotated[int, Field(ge=2, le=1_000_000)] = Field(
        default=1200, description="words before its second cluster of rarer ones"
    )
    rarest: Annotated[int, Field(ge=3, le=1_000_000)] = Field(
        default=4800, description="words before its third and last cluster"
    )


class ReadingConfig(Section):
    """How raw text is read."""

    format: Literal["auto", "text", "lines", "tokens", "conll", "jsonl"] = Field(
        default="auto",
        description="auto: what a file's name and beginning say; text: running text; lines: a sentence a line; "
        "tokens: the same, tokens between blanks; conll: columns; jsonl: JSON objects that hold texts",
    )
    text_field: str | None = Field(
        default=None,
        description="key of JSON objects that holds the text, as data.text; absent: text, or what is usual",
    )
    token_column: int | str = Field(
        default=0, description="column of the token in column files: an index from 0, or a CoNLL-U name"
    )
    encoding: str = Field(default="utf-8", description="encoding of the files")


class RawTextConfig(ReadingConfig):
    """How raw text is read, and how much of it is held out."""

    held_out: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.02, description="share of the sentences kept to measure perplexity, drawn by the seed"
    )
    max_held_out: Size = Field(default=2000, description="held-out sentences at most")


class RawTextSteps(Steps):
    """Gradient steps on raw text, which may be larger than the memory."""

    epochs: PassCount = Field(description="passes over the text")
    chunk_sentences: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000, description="sentences held in memory and shuffled together"
    )
    patience: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="epochs without a lower perplexity of held-out text before training stops; absent: never",
    )


class PretrainingConfig(RawTextSteps):
    """Gradient steps of a language model."""

    _of_batches: ClassVar[tuple[str, ...]] = ("batch_tokens", "max_tokens", "chunk_sentences")

    epochs: PassCount = Field(default=15, description="passes over the text")
    batch_tokens: Size = Field(default=2048, description="tokens a step")
    max_tokens: Annotated[int, Field(ge=8, le=10_000)] = Field(
        default=128, description="longest sentence; a longer one is cut"
    )
    learning_rate: Rate = Field(default=0.016, description="peak of the schedule")
    clip_norm: Norm = Field(default=1.0, description="largest norm of the gradient")
    dropout: Fraction = Field(default=0.4, description="locked dropout before, between and after the layers")
    word_dropout: Fraction = Field(
        default=0.3, description="share of a step's distinct words that are read by their spelling alone"
    )
    workers: ThreadCount = Field(
        default=0, description="training processes, which share every step; 0: one per core, at most 2"
    )


class PretrainConfig(SeededSettings):
    """All settings of a language model; written to its directory as `config.toml`."""

    text: RawTextConfig = Field(default_factory=RawTextConfig)
    model: LanguageModelConfig = Field(default_factory=LanguageModelConfig)
    training: PretrainingConfig = Field(default_factory=PretrainingConfig)


class EncoderTextConfig(RawTextConfig):
    """How raw text is read for an encoder. Sentences of running text and columns have neighbours, lines none."""

    unit: Unit = Field(default="words", description="what a token is")
    vocabulary: Annotated[int, Field(ge=10, le=10_000_000)] = Field(
        default=100_000, description="words with an embedding of their own, the commonest"
    )


class TextEncoderTrainingConfig(RawTextSteps):
    """Gradient steps of an encoder that learns from raw text; they mean what they mean for a labeller."""

    _of_batches: ClassVar[tuple[str, ...]] = ("batch_sentences", "chunk_sentences")

    epochs: PassCount = Field(default=5, description="passes over the text")
    batch_sentences: Size = Field(
        default=16, description="sentences a step; a word is guessed among those of its step"
    )
    learning_rate: Rate = Field(default=4e-3, description="peak of the schedule")
    input_dropout: InputDropout = 0.5
    word_dropout: WordDropout = 0.05
    unknown_strength: UnknownStrength = 0.5
    character_dropout: CharacterDropout = 0.1
    language_dim: Size = Field(default=64, description="size of the space in which states and words meet")


class TextEncoderConfig(SeededSettings):
    """All settings of a labeller's encoder that learns from raw text; written to its directory as `config.toml`."""

    text: EncoderTextConfig = Field(default_factory=EncoderTextConfig)
    embedding: EmbeddingConfig = Field(default_factory=EmbeddingConfig)
    encoder: EncoderConfig = Field(default_factory=EncoderConfig)
    training: TextEncoderTrainingConfig = Field(default_factory=TextEncoderTrainingConfig)


class ClusterTextConfig(ReadingConfig):
    """How raw text is read for classes of words."""

    unit: Unit = Field(default="words", description="what a token is")
    vocabulary: Annotated[int, Field(ge=10, le=1_000_000)] = Field(
        default=50_000, description="words that get a class, the commonest"
    )
    min_count: Size = Field(default=3, description="words rarer than this get no class")


class ClusteringConfig(Section):
    """Classes of words (Brown et al. 1992)."""

    classes: Annotated[int, Field(ge=2, le=5000)] = Field(
        default=500, description="classes; time grows with their square, and with the number of words"
    )


class ClusterConfig(Settings):
    """All settings of classes of words; written to their directory as `config.toml`. Nothing is random in them."""

    text: ClusterTextConfig = Field(default_factory=ClusterTextConfig)
    clusters: ClusteringConfig = Field(default_factory=ClusteringConfig)


class LanguageUseConfig(Section):
    """How a labeler uses a pretrained language model; `--lm DIR` fills in `used` and [language_model]."""

    used: bool = Field(default=False, description="whether the model holds a language model")
    finetune: bool = Field(
        default=False, description="train the language model's weights too; they are frozen otherwise"
    )
    cache_megabytes: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=512,
        description="memory for each corpus's layers, so that a frozen language model runs once, not every epoch",
    )


class DistillationConfig(Section):
    """How a student learns from text that teachers labelled (`tagger distill`)."""

    weight: Annotated[float, Field(gt=0, le=100)] = Field(
        default=1.0, description="weight of a sentence that teachers labelled beside one with gold tags"
    )
    ratio: Annotated[float, Field(gt=0, le=1000)] = Field(
        default=4.0,
        description="tokens of the text that an epoch reads for each token with a gold tag, at most; the next epoch "
        "goes on behind them",
    )
    temperature: Annotated[float, Field(gt=0, le=100)] = Field(
        default=0.5,
        description="1: teachers are as sure as their confidences; below 1 surer, above 1 less sure",
    )
    min_surety: Fraction = Field(
        default=0.0,
        description="sentences are left out whose least sure token's likeliest tag is less probable than this",
    )
    min_tokens: Size = Field(default=2, description="shorter sentences are left out")
    min_score: Fraction = Field(
        default=0.5,
        description="tokens of spans with a lower score have an unknown tag (labels from elsewhere, --silver)",
    )
    vocabulary: Annotated[int, Field(ge=10, le=10_000_000)] = Field(
        default=100_000,
        description="words of the text with an embedding of their own beside those of the corpus, the commonest",
    )


class Config(SeededSettings):
    """All settings; written to a model directory as `config.toml`, enough to build the model again."""

    _added = ("distillation",)

    corpus: CorpusConfig = Field(default_factory=CorpusConfig)
    embedding: EmbeddingConfig = Field(default_factory=EmbeddingConfig)
    encoder: EncoderConfig = Field(default_factory=EncoderConfig)
    decoder: DecoderConfig = Field(default_factory=DecoderConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    lm: LanguageUseConfig = Field(default_factory=LanguageUseConfig)
    language_model: LanguageModelConfig = Field(default_factory=LanguageModelConfig)
    distillation: DistillationConfig = Field(default_factory=DistillationConfig)
