"""params.yaml, checked as a whole: every key known, every value of its type and in its range.

It holds no defaults: each parameter is in params.yaml, so that `dvc params diff` sees it.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    create_model,
    model_validator,
)

from tinychat.ending import run_and_exit
from tinychat.errors import FaultError, InputError, Phrase, joined
from tinychat.limits import MOST_CHARACTERS, SAMPLING_RANGES, has_lone_surrogate, is_damaged
from tinychat.model.config import MAX_SIZE, ModelConfig
from tinychat.model.registry import ARCHITECTURES

PARAMS_FILE = "params.yaml"
RAW = Path("data/raw")
EXPERIMENTS = Path(".dvc/tmp/exps")  # where DVC runs what is queued, each in a folder of its own
ADAM_DECAYS_AT_MOST = 0.1
SHOWN = 60  # characters of a faulty value
NOTHING_TO_SEE = ("Cc", "Cf", "Zs", "Zl", "Zp")  # controls, format marks, spaces
HANGUL_FILLERS = "\u3164\u115f\u1160\uffa0"
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


def _number_from_text(value: Any) -> Any:
    """PyYAML reads `1e-05`, which `dvc exp run -S` writes, as text: take it as the number it is."""
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return float(value)
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise FaultError("must be a finite number")
    return value


def _text(value: str) -> str:
    if has_lone_surrogate(value):
        raise FaultError("holds half of a character (a lone surrogate)")
    if len(value) > MOST_CHARACTERS:
        raise FaultError(
            "has {length:,} characters; at most {most:,} can be read", length=len(value), most=MOST_CHARACTERS
        )
    # Cleaning leaves nothing of these (corpus/cleaning.py).
    if all(unicodedata.category(char) in NOTHING_TO_SEE or char in HANGUL_FILLERS for char in value):
        raise FaultError("must not be blank")
    return value


def _undamaged(value: str) -> str:
    if is_damaged(value):
        raise FaultError("holds \ufffd, which an earlier program put where it lost characters; type the text anew")
    return value


def _known_architecture(value: str) -> str:
    if value not in ARCHITECTURES:
        raise FaultError("must be one of: {choices}", choices=", ".join(ARCHITECTURES))
    return value


def _dialogue(turns: list[str]) -> list[str]:
    if len(turns) % 2 == 0:
        raise FaultError(
            "a dialogue is an odd number of texts, the user's first and last; this has {count}", count=len(turns)
        )
    return turns


Real = Annotated[float, BeforeValidator(_number_from_text), AfterValidator(_finite)]
Share = Annotated[Real, Field(ge=0, le=1)]
MOST = 1_000_000_000  # of anything that is counted: more is a slip of the finger
Count = Annotated[int, Field(ge=1, le=MOST)]
CountOrZero = Annotated[int, Field(ge=0, le=MOST)]
Size = Annotated[int, Field(ge=1, le=1_000_000)]  # of a vocabulary or a layer
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Text = Annotated[str, AfterValidator(_text)]
Said = Annotated[Text, AfterValidator(_undamaged)]  # by a user or a bot
# What the user says, or a dialogue that ends with it: user and bot in turn.
Prompt = Annotated[
    Annotated[Said, Tag("text")] | Annotated[list[Said], AfterValidator(_dialogue), Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, list) else "text"),
]


class Section(BaseModel):
    """A section of params.yaml: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SourceParams(Section):
    """One source of dialogues: a file in data/raw (with its format, where it is not to be guessed), or the starter
    corpus. `weight`: how often each of its training dialogues stands in the corpus.
    """

    file: Text | None = None
    format: Text | None = None
    corpus: Literal["starter"] | None = None
    weight: Annotated[Real, Field(gt=0, le=100)] = 1.0

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.file is None) == (self.corpus is None):
            raise FaultError("a source is either {file: NAME} or {corpus: starter}")
        if self.file is None and self.format is not None:
            raise FaultError("format goes with file only")
        return self

    @property
    def title(self) -> str:
        """What the person calls it."""
        return self.file or f"corpus {self.corpus}"


class Columns(Section):
    """Header names of a question-answer table; null where they are to be found."""

    question: Text | None
    answer: Text | None


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


class CorpusParams(Section):
    sources: Annotated[
        Annotated[Literal["auto"], Tag("auto")] | Annotated[list[SourceParams], Field(min_length=1), Tag("list")],
        Discriminator(lambda value: "list" if isinstance(value, list) else "auto"),
    ]
    starter: StarterParams
    columns: Columns
    on_error: Literal["stop", "skip"]
    shares: Shares
    seed: Seed


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


class ModelParams(Section):
    """What the params of every architecture have; `_params_for` adds those of one."""

    architecture: Annotated[str, AfterValidator(_known_architecture)]
    vocab_size: Size | None
    max_len: Annotated[int, Field(ge=8, le=1_000_000)]

    def config(self, vocab_size: int) -> ModelConfig:
        """The model's shape, with so many tokens where the params leave it to the vocabulary."""
        sizes = self.model_dump(exclude={"architecture", "vocab_size"})
        kind: Any = ARCHITECTURES[self.architecture]
        config: ModelConfig = kind(vocab_size=self.vocab_size or vocab_size, **sizes)
        return config

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        if fault := self.config(vocab_size=1).fault():
            raise FaultError("{fault}", fault=fault)
        return self


class UnknownModelParams(ModelParams):
    """Of an architecture that is not known: only that is said, and nothing of its other keys."""

    model_config = ConfigDict(extra="allow")


def _params_for(architecture: object) -> type["Params"]:
    """Params whose model section has the fields of this architecture, as its config declares them."""
    known = isinstance(architecture, str) and architecture in ARCHITECTURES
    return _with_section(_section_for(ARCHITECTURES[str(architecture)]) if known else UnknownModelParams)


@cache  # classes made anew would differ, and so their instances
def _section_for(kind: type[ModelConfig]) -> type[ModelParams]:
    sizes: dict[str, Any] = {
        field.name: (Annotated[int, Field(ge=1, le=field.metadata.get("most", MAX_SIZE))], ...)
        for field in kind.config_fields()
        if field.name not in ModelParams.model_fields
    }
    return create_model(ModelParams.__name__, __base__=ModelParams, **sizes)


@cache
def _with_section(section: type[ModelParams]) -> type["Params"]:
    return create_model(Params.__name__, __base__=Params, model=(section, ...))


class TrainParams(Section):
    seed: Seed
    epochs: Count
    batch_tokens: Count
    optimizer: Literal["adamw", "adam", "muon"]
    learning_rate: Annotated[Real, Field(gt=0, le=1e30)]  # float32 ends at 3e38, and an optimizer multiplies it
    beta2: Annotated[Real, Field(gt=0, lt=1)]
    weight_decay: Annotated[Real, Field(ge=0)]
    schedule: Literal["cosine", "linear", "constant"]
    warmup_steps: CountOrZero
    dropout: Annotated[Real, Field(ge=0, lt=1)]
    grad_clip: Annotated[Real, Field(gt=0)] | None
    patience: Count | None
    keep: Literal["best", "last"]

    @model_validator(mode="after")
    def _decay_fits_the_optimizer(self) -> Self:
        if self.optimizer == "adam" and self.weight_decay > ADAM_DECAYS_AT_MOST:
            raise FaultError(
                "weight_decay is {decay:g}, which adam adds to the gradient, so that little else would count; "
                "take 0 (at most {most:g}), or optimizer adamw, which takes it off the weights",
                decay=self.weight_decay,
                most=ADAM_DECAYS_AT_MOST,
            )
        return self


class EvaluateParams(Section):
    max_dialogues: Count


def _between(low: float, high: float, *, first: bool = True) -> Any:
    """A number from `low` to `high`; without the `first` one, above `low`."""
    return Field(ge=low, le=high) if first else Field(gt=low, le=high)


class GenerateParams(Section):
    prompts: Annotated[list[Said], Field(min_length=1)]
    method: Literal["greedy", "sample"]
    temperature: Annotated[Real, _between(*SAMPLING_RANGES["temperature"])]
    top_k: CountOrZero
    top_p: Annotated[Real, _between(*SAMPLING_RANGES["top_p"], first=False)]
    seed: Seed
    repetition_penalty: Annotated[Real, _between(*SAMPLING_RANGES["repetition_penalty"])]
    max_tokens: Count


class AnalyzeParams(Section):
    prompts: Annotated[list[Prompt], Field(min_length=1)]


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


def load_params(root: Path) -> Params:
    """Read and check `root/params.yaml`.

    Raises InputError that names the file and, a line each, every faulty key, its value and what would be right.
    """
    path = root / PARAMS_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError("{path}: no such file; it holds every parameter of the pipeline", path=path) from None
    except UnicodeDecodeError as error:
        raise InputError("{path}: not UTF-8 at byte {byte}; save it as UTF-8", path=path, byte=error.start) from None
    try:
        data = yaml.load(text, Loader=_UniqueKeyLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(
            "{path}:{line}: not valid YAML: {problem}", path=path, line=line, problem=error.problem
        ) from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InputError("{path}: not valid YAML: {error}", path=path, error=" ".join(str(error).split())) from None
    if not isinstance(data, dict):
        raise InputError(
            "{path}: expected sections such as corpus, model, train; found {found}",
            path=path,
            found=type(data).__name__,
        )
    model = data.get("model")
    kind = _params_for(model.get("architecture") if isinstance(model, dict) else None)
    try:
        params = kind.model_validate(data)
    except ValidationError as error:
        lines = [_explain(path, item) for item in error.errors()]
        raise InputError("{faults}", faults=joined("\n", list(dict.fromkeys(lines)))) from None
    _refuse_left_behind(root, params)
    return params


def _refuse_left_behind(root: Path, params: Params) -> None:
    """A queued experiment must not be made of the sample, or of some files, in place of all that lies in data/raw.

    DVC runs it in `.dvc/tmp/exps/NAME`, with what git has: data/raw is not in git. Whichever stage runs first there
    looks, since DVC may take ingest's result for the sample from its cache.
    """
    parts = root.resolve().parts
    if parts[-4:-1] != EXPERIMENTS.parts:
        return
    from tinychat.raw import may_hold_dialogues  # only here: it is a dep of ingest, and what all stages load is not

    here, project = root / RAW, Path(*parts[:-4]) / RAW
    lying = sorted(file.name for file in project.iterdir() if file.is_file()) if project.is_dir() else []
    named = (
        None if params.corpus.sources == "auto" else {source.file for source in params.corpus.sources if source.file}
    )
    for name in lying:
        tracked = (here / f"{name}.dvc").exists()  # DVC brings it where a stage needs it
        if (
            (may_hold_dialogues(name) if named is None else name in named)
            and not tracked
            and not (here / name).exists()
        ):
            raise InputError(
                "{file} lies in the project, but not in the copy that DVC made for this queued experiment. "
                "Queue it with --copy-paths {file}, or track the file: dvc add {file}, and commit {file}.dvc",
                file=RAW / name,
            )


class _UniqueKeyLoader(yaml.SafeLoader):
    """Plain YAML takes the last of two equal keys without a word; here the second is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, Phrase("the key {key!r} stands twice", key=key), key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "greater_than": "greater than {bound}",
    "greater_than_equal": "greater than or equal to {bound}",
    "less_than": "less than {bound}",
    "less_than_equal": "less than or equal to {bound}",
    "too_short": "List should have at least 1 item after validation, not 0",
}


def _explain(path: Path, item: Any) -> Phrase:
    """One pydantic error as a sentence: the file, the key, the value, what would be right."""
    kind, value = item["type"], item["input"]
    found = repr(value)
    found = found if len(found) <= SHOWN else f"{found[:SHOWN]}…"
    # The tags of `sources` and of a prompt are not keys of the file.
    key = ".".join(str(part) for part in item["loc"] if part not in ("auto", "list", "text"))
    if kind == "extra_forbidden":
        return Phrase("{path}: unknown key {key}; remove it or mend its name", path=path, key=key)
    if kind == "missing":
        return Phrase("{path}: {key} is missing; every parameter must be in the file", path=path, key=key)
    if kind == "value_error":
        fault = item["ctx"]["error"]
        if isinstance(value, dict):
            return Phrase("{path}: {key}: {fault}", path=path, key=key, fault=fault)
        return Phrase("{path}: {key}: {fault} (found {found})", path=path, key=key, fault=fault, found=found)
    wanted = _wanted(kind, re.sub(r"^Input should be ", "", item["msg"]))
    return Phrase("{path}: {key} is {found}; it must be {wanted}", path=path, key=key, found=found, wanted=wanted)


def _wanted(kind: str, told: str) -> Phrase:
    """What would be right, by the kind of a pydantic error and by what it says that the input should be."""
    if kind in WANTED:
        return Phrase(WANTED[kind], bound=told.rpartition(" ")[2])
    first, either, other = told.rpartition(" or ")
    if kind == "literal_error" and either:
        return Phrase("{first} or {other}", first=first, other=other)
    return Phrase("{told}", told=told)


def check(root: Path) -> Params:
    """What can be known before DVC removes the outs of a stage that is to run: `params.yaml`, TINYCHAT_*, and in
    data/raw what DVC itself stops at without naming it. Raises InputError.
    """
    params = load_params(root)
    # Loaded here: stages load this module, and do not depend on these.
    from tinychat.raw import refuse_unreadable
    from tinychat.runtime import check_environment

    check_environment()
    refuse_unreadable(root / RAW)
    return params


def check_memory(params: Params) -> None:
    """Raise InputError where the model cannot be trained on this machine.

    torch is loaded only where a GPU is asked for, or the machine's own memory is too small.
    """
    from tinychat.runtime import asked_device, configure_runtime, device_memory, machine_memory

    needed = training_memory(params, params.model.vocab_size or 0)
    on_cpu = asked_device() in ("auto", "cpu") and needed <= machine_memory()
    device = "cpu" if on_cpu else configure_runtime().device
    refuse_too_large(params, device_memory(device), device)


@dataclass(frozen=True)
class BatchSize:
    """The largest batch of a training: its places, padding included, and how many of them carry loss."""

    places: int
    targets: int
    bytes_each: int = 4  # of a number that the layers keep: 2 in bf16


NO_BATCH = BatchSize(0, 0)
# The article's model: the param that lies farthest above it is the one to lower.
USUAL = {"embed_dim": 256, "n_layers": 6, "ffn_dim": 1024, "max_len": 128, "vocab_size": 5000}


def training_memory(params: Params, vocab_size: int, batch: BatchSize = NO_BATCH) -> int:
    """Bytes that training takes at least: weights and optimizer state in fp32, and the larger of gradients and what the
    layers keep of a batch for the backward pass.

    The batch counts as the fused attention keeps it, without (T, T) weights.
    """
    sizes = params.model.config(vocab_size).training_sizes()
    # Muon keeps one number for each of a matrix, AdamW two.
    states = (1 if params.train.optimizer == "muon" else 2) * sizes.matrices + 2 * sizes.others
    logits = 2 * 4 * batch.targets * (params.model.vocab_size or vocab_size)
    kept = batch.places * sizes.activations * batch.bytes_each + logits
    weights = sizes.matrices + sizes.others
    return 4 * (weights + states) + max(4 * weights, kept)


def refuse_too_large(
    params: Params, memory: float, device: str, tokens: int | None = None, batch: BatchSize = NO_BATCH
) -> None:
    """Raise InputError where training takes more than `memory` bytes, the device's; it names the param to lower.

    `tokens` are those of the vocabulary; before it is built, a model without `vocab_size` counts as if it knew none.
    """
    vocab_size = params.model.vocab_size or tokens or 0
    needed = training_memory(params, vocab_size, batch)
    if needed <= memory:
        return
    sizes = {**params.model.config(vocab_size).to_dict(), "vocab_size": vocab_size}
    usual = {name: size for name, size in USUAL.items() if name in sizes}
    named = ", ".join(f"{name} {sizes[name]}" for name in usual if sizes[name])
    if training_memory(params, vocab_size) <= memory:
        named = f"train.batch_tokens {params.train.batch_tokens}, {named}"
        largest = "train.batch_tokens" if batch.places <= params.train.batch_tokens else "model.max_len"
    else:
        name = max(usual, key=lambda name: sizes[name] / usual[name])
        largest = "vocab.max_size" if name == "vocab_size" and params.model.vocab_size is None else f"model.{name}"
    place = Phrase("this machine") if device == "cpu" else Phrase("this machine's GPU ({device})", device=device)
    raise InputError(
        "{file}: model: {sizes} need about {needed} of memory to train; {place} has {memory}; lower {largest}",
        file=PARAMS_FILE,
        sizes=named,
        needed=_in_units(needed),
        place=place,
        memory=_in_units(memory),
        largest=largest,
    )


def _in_units(size: float) -> str:
    unit = next((unit for unit in UNITS if size >= UNITS[unit]), "MB")
    value = size / UNITS[unit]
    return f"{value:,.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"


UNITS = {"PB": 2.0**50, "TB": 2.0**40, "GB": 2.0**30, "MB": 2.0**20}


if __name__ == "__main__":
    run_and_exit(lambda: check_memory(check(Path())))
