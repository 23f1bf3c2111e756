"""Schemas of the files of other stages that the summary alone reads."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from tinychat.errors import FaultError
from tinychat.schemas import Count, LogProbability, Loss, Number, Record, Row, Share


class RowsRecord(Record):
    """What a reader kept."""

    rows_kept: Count


class SplitSizes(Record):
    """The size of a split of the corpus."""

    dialogues: Count
    turns: Count
    characters: Count


class SplitsRecord(Record):
    """The three splits, and no other."""

    model_config = ConfigDict(extra="forbid")

    train: SplitSizes
    valid: SplitSizes
    test: SplitSizes


class TextsRecord(Record):
    """What the texts are like: counts by script, and by bins of sizes."""

    letters: dict[str, Count]
    turns: dict[str, Count]
    message_letters: dict[str, Count]


class Groups(Record):
    """The groups of the corpus."""

    count: Count
    near_texts: Count
    dialogues_taken_apart: Count


class OverlapRecord(Record):
    """What dialogues of a split share with the training split."""

    any_text: Count
    last_question: Count
    last_answer: Count
    answers: Count
    answers_skipped: Count
    near_searched: Count
    near_question: Count
    near_answer: Count


class Overlaps(Record):
    """The overlap of the two held-out splits."""

    model_config = ConfigDict(extra="forbid")

    valid: OverlapRecord
    test: OverlapRecord


class MixedSourceRecord(Record):
    """A source of the corpus: how many of its dialogues are trained on, how often, and what part that is."""

    train: Count
    valid: Count
    test: Count
    answers: Count
    repetitions: Number
    share: Share
    kept_whole: bool


class LearntRecord(Record):
    """What there is to learn, each counted once."""

    exchanges: Count
    questions: Count
    answers: Count
    rephrased: Count


class CorpusMetrics(Record):
    """reports/corpus/metrics.json."""

    rows_read: Count
    rows_kept: Count
    rows_dropped: dict[str, Count]
    files_left_out: dict[str, Count]
    messages_dropped: dict[str, Count]
    parts_dropped: dict[str, Count]
    masked: dict[str, Count]
    texts: TextsRecord
    readers: dict[str, RowsRecord]
    splits: SplitsRecord
    groups: Groups
    overlap: Overlaps
    mixture: dict[str, MixedSourceRecord]
    learnt: LearntRecord


class VocabMetrics(Record):
    """reports/vocab/metrics.json."""

    size: Count
    ceiling: Count
    characters_per_token: Number
    unknown_share: Share


class PreparedSizes(Record):
    """The sizes of a prepared split."""

    dialogues: Count
    tokens: Count
    tokens_with_loss: Count
    long_dialogues: Count
    examples: Count
    answers: Count
    answers_cut: Count
    answers_dropped_too_long: Count


class PrepareMetrics(Record):
    """reports/prepare/metrics.json."""

    model_config = ConfigDict(extra="forbid")

    train: PreparedSizes
    valid: PreparedSizes
    test: PreparedSizes


class TrainMetrics(Record):
    """reports/train/metrics.json."""

    train_loss: Loss
    valid_loss: Loss | None
    final_train_loss: Loss
    epochs: Count
    epochs_planned: Count
    epochs_reason: Literal["given", "amount_of_data", "fewest_steps"]
    kept_epoch: Count
    steps: Count
    stopped_early: bool
    parameters: Count


class LikelihoodMeasures(Record):
    """The likelihood of the answers."""

    loss: Loss
    perplexity: Number | None
    bits_per_byte: Number | None


class Agreement(Record):
    """How similar replies are to the reference answers."""

    exact: Share
    char_f1: Share


class ReplyMeasures(Agreement):
    """Measures of the model's replies to so many questions."""

    asked: Count
    copied: Share
    distinct_1: Share
    distinct_2: Share
    ends_by_itself: Share


class Baselines(Record):
    """The baselines."""

    unigram: LikelihoodMeasures
    nearest_question: Agreement | None
    nearest_dialogue: Agreement | None


class SplitMeasures(LikelihoodMeasures):
    """All measures of a split."""

    dialogues: Count
    bytes_per_token: Number | None
    next_token_accuracy: Share
    replies: ReplyMeasures | None
    baselines: Baselines


class CorpusMeasure(Record):
    """A measure that the corpus defines."""

    asked: Count
    accepted: Share
    well_formed: Share | None = None


class SourceScore(Record):
    """The share of the questions of a source that are answered exactly."""

    asked: Count
    exact: Share


class SourceScores(Record):
    """The scores of a source; None where it has no such questions."""

    seen: SourceScore | None
    held_out: SourceScore | None


class EvaluateMetrics(Record):
    """reports/evaluate/metrics.json; `sources` where there is more than one."""

    seen: SplitMeasures | None
    held_out: SplitMeasures | None
    measures: dict[str, CorpusMeasure] = Field(default_factory=dict)
    sources: dict[str, SourceScores] = Field(default_factory=dict)


class ModelShape(Record):
    """The shape of the model."""

    n_layers: Count


class UsedRuntime(Record):
    """Device, precision and threads."""

    device: str
    precision: str
    threads: Count


class Training(Record):
    """models/dialogue/training.json."""

    model: ModelShape
    train: dict[str, Any]
    runtime: UsedRuntime
    torch: str


class Role(Record):
    """What a layer is for, in both languages."""

    ko: str
    en: str


class LayerRecord(Record):
    """A layer of the model."""

    name: str
    section: Literal[8, 9, 10] | None
    shape: str
    parameters: Count
    role: Role


class Norm(Record):
    """The norm of the vectors before and after a layer."""

    before: Number | None
    after: Number | None


class HeadRecord(Record):
    """A head, and its attention weight on the copied text."""

    layer: Count
    name: str
    head: Count
    weight: Share


class SourceRecord(Record):
    """An occurrence of the copied text in the prompt."""

    role: str
    weights: Annotated[list[Share], Field(min_length=1)]


class CopiedTextRecord(HeadRecord):
    """The text that a reply copies from the prompt."""

    text: str
    has_copying_head: bool
    sources: list[SourceRecord]
    layers: list[HeadRecord]


class PredictionRecord(Record):
    """A token and its probability."""

    token: str
    probability: Share


class HeadRoleRecord(Record):
    """What a head does most clearly, and its mean attention weight there."""

    role: Literal["copied", "previous", "same", "self", "marks", "first"] | None
    share: Share


class SentenceRecord(Record):
    """A traced sentence; T tokens, L decoder layers, H heads.

    early_predictions  (L + 1)(T) the likeliest tokens after the layers of `states`, best first
    heads              (L)(H)
    """

    prompt: str
    reply: str
    n_prompt_tokens: Annotated[int, Field(ge=1)]
    tokens: list[str]
    states: list[str]
    early_predictions: list[list[Annotated[list[PredictionRecord], Field(min_length=1)]]]
    heads: Annotated[list[Annotated[list[HeadRoleRecord], Field(min_length=1)]], Field(min_length=1)]
    norms: dict[str, Norm]
    copied_text: CopiedTextRecord | None = None

    @model_validator(mode="after")
    def _sizes_agree(self) -> "SentenceRecord":
        n_tokens, n_states, n_heads = len(self.tokens), len(self.states), len(self.heads[0])
        sizes = {
            "n_prompt_tokens": self.n_prompt_tokens <= n_tokens,
            "early_predictions": [len(layer) for layer in self.early_predictions] == [n_tokens] * n_states,
            "heads": [len(layer) for layer in self.heads] == [n_heads] * (n_states - 1),
        }
        for name, fits in sizes.items():
            if not fits:
                raise FaultError("{name} is of another size than tokens and states", name=name)
        return self


class LayerReport(Record):
    """reports/layers/layers.json."""

    layers: Annotated[list[LayerRecord], Field(min_length=1)]
    sentences: Annotated[list[SentenceRecord], Field(min_length=1)]

    @model_validator(mode="after")
    def _norms_are_of_these_layers(self) -> "LayerReport":
        for layer in self.layers:
            if any(layer.name not in sentence.norms for sentence in self.sentences):
                raise FaultError("a sentence has no norms of {name}", name=layer.name)
        return self


class ReplyRecord(Record):
    """A line of outputs/generated_dialogue.jsonl."""

    input: str
    seen: Literal["trained", "held_out"] | None = None
    mean_logprob: LogProbability


class TableRow(Row):
    """A row of outputs/generated_dialogue.csv."""

    input: str
    output: str
    n_tokens: Count
    finish_reason: Literal["stop", "length"]
