"""The sections of params.yaml: every key known, every value of its type and in its range.

They hold no defaults: each parameter is in params.yaml, so that `dvc params diff` sees it.
"""

import math
import re
import unicodedata
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    create_model,
    model_validator,
)

from tinychat.errors import FaultError
from tinychat.model.config import MAX_SIZE, ModelConfig
from tinychat.model.registry import ARCHITECTURES, Architecture
from tinychat.params.limits import MASK_KINDS, MAX_CHARACTERS, SAMPLING_RANGES, has_lone_surrogate, is_damaged

PARAMS_FILE = "params.yaml"
MAX_ADAM_WEIGHT_DECAY = 0.1
INVISIBLE_CATEGORIES = ("Cc", "Cf", "Zs", "Zl", "Zp")  # controls, format marks, spaces
HANGUL_FILLERS = "\u3164\u115f\u1160\uffa0"
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def _number_from_text(value: Any) -> Any:
    """PyYAML reads `1e-05`, which `dvc exp run -S` writes, as text: take it as the number it is."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return float(value)
    return value


def _text_from_whole_number(value: Any) -> Any:
    """YAML reads the name 2 of a column or 2026 of a sheet as a number: take it as the text it is."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise FaultError("must be a finite number")
    return value


def _text(value: str) -> str:
    if has_lone_surrogate(value):
        raise FaultError("holds half of a character (a lone surrogate)")
    if len(value) > MAX_CHARACTERS:
        raise FaultError(
            "has {length:,} characters; at most {maximum:,} can be read", length=len(value), maximum=MAX_CHARACTERS
        )
    # Cleaning leaves nothing of these (corpus/cleaning.py).
    if all(unicodedata.category(char) in INVISIBLE_CATEGORIES or char in HANGUL_FILLERS for char in value):
        raise FaultError("must not be blank")
    return value


def _undamaged(value: str) -> str:
    if is_damaged(value):
        raise FaultError("holds \ufffd, which an earlier program put where it lost characters; type the text again")
    return value


def _known_architecture(value: str) -> str:
    if value not in ARCHITECTURES:
        raise FaultError("must be one of: {choices}", choices=", ".join(ARCHITECTURES))
    return value


def _known_kind(value: str) -> str:
    if value not in MASK_KINDS:
        raise FaultError("must be one of: {choices}", choices=", ".join(MASK_KINDS))
    return value


def _dialogue(turns: list[str]) -> list[str]:
    if len(turns) % 2 == 0:
        raise FaultError(
            "a dialogue is an odd number of texts, the user's first and last; this has {count}", count=len(turns)
        )
    return turns


Real = Annotated[float, BeforeValidator(_number_from_text), AfterValidator(_finite)]
Share = Annotated[Real, Field(ge=0, le=1)]
MAX_COUNT = 1_000_000_000  # of anything that is counted: more is a typing error
Count = Annotated[int, Field(ge=1, le=MAX_COUNT)]
CountOrZero = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Size = Annotated[int, Field(ge=1, le=1_000_000)]  # of a vocabulary or a layer
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Text = Annotated[str, AfterValidator(_text)]
Name = Annotated[Text, BeforeValidator(_text_from_whole_number)]
Utterance = Annotated[Text, AfterValidator(_undamaged)]  # by a user or a bot
# A message of the user, or a dialogue that ends with one: user and bot alternate.
Prompt = Annotated[
    Annotated[Utterance, Tag("text")] | Annotated[list[Utterance], AfterValidator(_dialogue), Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, list) else "text"),
]


class Section(BaseModel):
    """A section of params.yaml: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Columns(Section):
    """Names of the columns of a question-answer table; null where they are to be found."""

    question: Name | None
    answer: Name | None


class TableParams(Columns):
    """How the tables of a source are read.

    key     where params.yaml names the columns
    header  whether the first row names the columns; without one they are called 1, 2, 3 …
    sheets  of a workbook, to be read; empty: the one with a table
    """

    key: str = "corpus.columns"
    header: bool = True
    sheets: tuple[str, ...] = ()


class SourceParams(Section):
    """One source of dialogues: a file in data/raw (with its format, unless it is to be detected), or the starter
    corpus. `weight`: how often each of its training dialogues is repeated in the corpus; `share`: instead, how much of
    all answers that are trained on are its answers; `limit`: at most so many dialogues of the file, spread evenly.

    In a messenger's export `assistant` is the speaker who becomes the bot (a list: all names of that speaker), and a
    pause of more than `gap_minutes` ends a conversation; `date_order`: whether 2/9/26 has the day or the month first;
    `drop_links`: messages that are links and nothing else are left out.

    Of a corpus of NIKL `original_form`: the spelling as typed; of AI Hub `drop_masked`: what the corpus masked with `*`
    is left out.

    Of a table: whether it has a `header`; `columns` in place of those of the corpus; the `sheet` of a workbook, or a
    list of them.
    """

    file: Text | None = None
    format: Text | None = None
    assistant: Text | Annotated[list[Text], Field(min_length=1)] | None = None
    gap_minutes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    date_order: Literal["dmy", "mdy"] | None = None
    drop_links: bool = False
    original_form: bool = False
    drop_masked: bool = False
    header: bool = True
    columns: Columns | None = None
    sheet: Name | Annotated[list[Name], Field(min_length=1)] | None = None
    corpus: Literal["starter"] | None = None
    weight: Annotated[Real, Field(gt=0, le=100)] = 1.0
    share: Annotated[Real, Field(gt=0, le=1)] | None = None
    limit: Count | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.file is None) == (self.corpus is None):
            raise FaultError("a source is either {file: NAME} or {corpus: starter}")
        if self.share is not None and "weight" in self.model_fields_set:
            raise FaultError("share and weight exclude each other; leave one out")
        if self.file is None and self.format is not None:
            raise FaultError("format goes with file only")
        if self.file is None and self.limit is not None:
            raise FaultError("limit goes with file only; corpus.starter.dialogues is that of the starter corpus")
        if self.file is None and self.of_speakers:
            raise FaultError(
                "assistant, gap_minutes, date_order, drop_links, original_form and drop_masked go with file only"
            )
        if self.file is None and self.of_table:
            raise FaultError("header, columns and sheet go with file only")
        return self

    @property
    def of_speakers(self) -> bool:
        """Whether it has what only dialogues between speakers with names take."""
        given = (self.assistant, self.gap_minutes, self.date_order, self.drop_links, self.original_form)
        return any(given) or self.drop_masked

    @property
    def of_table(self) -> bool:
        """Whether it has what only a table takes."""
        return not self.header or self.columns is not None or self.sheet is not None

    @property
    def sheets(self) -> list[str]:
        """The names in `sheet`."""
        return [self.sheet] if isinstance(self.sheet, str) else self.sheet or []

    @property
    def assistants(self) -> list[str]:
        """The names in `assistant`."""
        return [self.assistant] if isinstance(self.assistant, str) else self.assistant or []

    @property
    def title(self) -> str:
        """Its name in messages."""
        return self.file or f"corpus {self.corpus}"


class MaskParams(Section):
    """Whether personal data is masked, which kinds are left as they are, and a file in data/raw of words to mask."""

    enabled: bool
    leave: list[Annotated[str, AfterValidator(_known_kind)]]
    block_list: Text | None


class Shares(Section):
    """How much of the corpus goes to each split."""

    train: Share
    valid: Share
    test: Share

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        if abs(self.train + self.valid + self.test - 1) > 1e-9:
            raise FaultError("train + valid + test must be 1, not {sum:g}", sum=self.train + self.valid + self.test)
        if self.train == 0:
            raise FaultError("train must be above 0")
        return self


class StarterParams(Section):
    """How the starter corpus is expanded."""

    dialogues: Annotated[int, Field(ge=100, le=1_000_000)]
    seed: Seed


def _shares_fit(sources: list[SourceParams]) -> list[SourceParams]:
    shares = [source.share for source in sources if source.share is not None]
    # Rounding: ten shares of 0.1 add up to a little less than 1.
    total = round(sum(shares), 9)
    if total > 1:
        raise FaultError("the shares add up to {total:g}; they must not be more than 1 together", total=total)
    if shares and len(shares) == len(sources) and total < 1:
        raise FaultError(
            "the shares add up to {total:g}, and every source has one; they must add up to 1, or one source goes "
            "without and takes the rest",
            total=total,
        )
    if total == 1 and len(shares) < len(sources):
        raise FaultError("the shares add up to 1, which leaves nothing for the sources without a share")
    return sources


class CorpusParams(Section):
    sources: Annotated[
        Annotated[Literal["auto"], Tag("auto")]
        | Annotated[list[SourceParams], Field(min_length=1), AfterValidator(_shares_fit), Tag("list")],
        Discriminator(lambda value: "list" if isinstance(value, list) else "auto"),
    ]
    starter: StarterParams
    columns: Columns
    mask: MaskParams
    on_error: Literal["stop", "skip"]
    shares: Shares
    hold_out_from: CountOrZero
    seed: Seed
    max_answer_repeats: Count | None

    def of_source(self, source: SourceParams) -> Self:
        """These params for the reading of one source, as what its own keys say of tables."""
        own = {} if source.columns is None else {"key": f"corpus.sources: {source.file}: columns"}
        columns = source.columns or self.columns
        tables = TableParams(
            question=columns.question, answer=columns.answer, header=source.header, sheets=tuple(source.sheets), **own
        )
        return self.model_copy(update={"columns": tables})

    @property
    def tables(self) -> TableParams:
        """How tables are read."""
        return self.columns if isinstance(self.columns, TableParams) else TableParams(**self.columns.model_dump())


class VocabParams(Section):
    kind: Literal["bpe", "word"]
    max_size: Annotated[int, Field(ge=8, le=1_000_000)]
    min_frequency: Count

    @model_validator(mode="after")
    def _room_for_bytes(self) -> Self:
        if self.kind == "bpe" and self.max_size < 264:
            raise FaultError(
                "max_size is {max_size}; bpe needs at least 264 (256 bytes and the special tokens)",
                max_size=self.max_size,
            )
        return self


class PrepareParams(Section):
    loss_on: Literal["reply", "all"]
    long_answers: Literal["cut", "drop"]


class ModelParams(Section):
    """The parameters of every architecture; `params_for` adds those of one."""

    architecture: Annotated[str, AfterValidator(_known_architecture)]
    vocab_size: Size | None
    max_len: Annotated[int, Field(ge=8, le=1_000_000)]

    def config(self, vocab_size: int) -> ModelConfig:
        """The model's config; `vocab_size` is the vocabulary's, for a null in params.yaml."""
        sizes = self.model_dump(exclude={"architecture", "vocab_size"})
        kind: Any = ARCHITECTURES[self.architecture].config
        config: ModelConfig = kind(vocab_size=self.vocab_size or vocab_size, **sizes)
        return config

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        if fault := self.config(vocab_size=1).fault():
            raise FaultError("{fault}", fault=fault)
        return self


class UnknownModelParams(ModelParams):
    """Of an unknown architecture: the error names only that, not its other keys."""

    model_config = ConfigDict(extra="allow")


def params_for(architecture: object) -> type["Params"]:
    """Params whose model section has the fields of this architecture, as its config declares them."""
    known = isinstance(architecture, str) and architecture in ARCHITECTURES
    return _with_section(_section_for(ARCHITECTURES[str(architecture)]) if known else UnknownModelParams)


@cache  # one class per architecture, so that instances compare as equal
def _section_for(architecture: Architecture) -> type[ModelParams]:
    sizes: dict[str, Any] = {
        field.name: (Annotated[int, Field(ge=1, le=field.metadata.get("max", MAX_SIZE))], ...)
        for field in architecture.config.config_fields()
        if field.name not in ModelParams.model_fields
    }
    return create_model(ModelParams.__name__, __base__=ModelParams, **sizes)


@cache
def _with_section(section: type[ModelParams]) -> type["Params"]:
    return create_model(Params.__name__, __base__=Params, model=(section, ...))


# A number; or auto, which follows from the amount of data (training/epochs.py).
Epochs = Annotated[
    Annotated[Literal["auto"], Tag("auto")] | Annotated[Count, Tag("number")],
    Discriminator(lambda value: "auto" if value == "auto" else "number"),
]


class TrainParams(Section):
    seed: Seed
    epochs: Epochs
    batch_tokens: Count
    optimizer: Literal["adamw", "adam", "muon"]
    learning_rate: Annotated[Real, Field(gt=0, le=1e30)]  # float32 ends at 3e38, and an optimizer multiplies it
    beta2: Annotated[Real, Field(gt=0, lt=1)]
    weight_decay: Annotated[Real, Field(ge=0)]
    schedule: Literal["cosine", "linear", "constant"]
    warmup_steps: CountOrZero
    dropout: Annotated[Real, Field(ge=0, lt=1)]
    subword_embeddings: bool
    cooccurrence_init: bool
    induction_init: bool
    prompt_loss_weight: Annotated[Real, Field(ge=0, le=1)]
    bag_of_words_weight: Annotated[Real, Field(ge=0, le=1)]
    grad_clip: Annotated[Real, Field(gt=0)] | None
    patience: Count | None
    keep: Literal["best", "last"]

    @model_validator(mode="after")
    def _decay_fits_the_optimizer(self) -> Self:
        if self.optimizer == "adam" and self.weight_decay > MAX_ADAM_WEIGHT_DECAY:
            raise FaultError(
                "weight_decay is {decay:g}, which adam adds to the gradient, where it would dominate; "
                "take 0 (at most {maximum:g}), or optimizer adamw, which subtracts it from the weights",
                decay=self.weight_decay,
                maximum=MAX_ADAM_WEIGHT_DECAY,
            )
        return self


class ResolvedTrainParams(TrainParams):
    """Those that a training runs with: `auto` is a number."""

    epochs: Count


class EvaluateParams(Section):
    max_dialogues: Count


def _between(low: float, high: float, *, include_low: bool = True) -> Any:
    """A number from `low` to `high`; without `include_low`, above `low`."""
    return Field(ge=low, le=high) if include_low else Field(gt=low, le=high)


class GenerateParams(Section):
    prompts: Annotated[
        Annotated[Literal["auto"], Tag("auto")] | Annotated[list[Utterance], Field(min_length=1), Tag("list")],
        Discriminator(lambda value: "list" if isinstance(value, list) else "auto"),
    ]
    method: Literal["greedy", "sample"]
    temperature: Annotated[Real, _between(*SAMPLING_RANGES["temperature"])]
    top_k: CountOrZero
    top_p: Annotated[Real, _between(*SAMPLING_RANGES["top_p"], include_low=False)]
    seed: Seed
    repetition_penalty: Annotated[Real, _between(*SAMPLING_RANGES["repetition_penalty"])]
    max_tokens: Count


class AnalyzeParams(Section):
    prompts: Annotated[list[Prompt], Field(min_length=1)]


class PageParams(Section):
    bits: Literal[6, 8]
    help_in_danger: bool
    quote_training: bool


class ReportParams(Section):
    language: Literal["ko", "en"]


class Params(Section):
    """The whole of params.yaml; each stage takes its own section from it."""

    corpus: CorpusParams
    vocab: VocabParams
    prepare: PrepareParams
    model: ModelParams
    train: TrainParams
    evaluate: EvaluateParams
    generate: GenerateParams
    analyze: AnalyzeParams
    report: ReportParams
    page: PageParams
