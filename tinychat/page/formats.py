"""Schemas of what the page takes from the files of other stages."""

from pydantic import Field

from tinychat.schemas import Count, LogProbability, Loss, Record, Share


class ReplyRecord(Record):
    """A line of outputs/generated_dialogue.jsonl."""

    input: str
    output: str
    n_tokens: Count
    mean_logprob: LogProbability


class ExactReplies(Record):
    """How many replies are a correct answer word for word."""

    exact: Share


class SplitNumbers(Record):
    """What was measured on a split."""

    loss: Loss
    replies: ExactReplies | None


class NameMeasure(Record):
    """The share of talks in which a name that was told is said."""

    accepted: Share


class Measures(Record):
    """What a corpus measures."""

    name: NameMeasure | None = None


class EvaluationNumbers(Record):
    """What was measured on trained and on held-out dialogues."""

    seen: SplitNumbers | None
    held_out: SplitNumbers | None
    measures: Measures = Measures()


class SplitSize(Record):
    """The size of a split."""

    dialogues: Count


class Splits(Record):
    """The splits of the corpus."""

    train: SplitSize


class CorpusNumbers(Record):
    """The corpus."""

    splits: Splits


class TrainingNumbers(Record):
    """The training."""

    steps: Count


class SummaryRecord(Record):
    """reports/summary.json."""

    n_layers: Count = Field(alias="레이어 수")
    final_loss: Loss = Field(alias="최종 손실")
    generated_tokens: Count = Field(alias="생성된 토큰 수")
    corpus: CorpusNumbers
    training: TrainingNumbers
    evaluation: EvaluationNumbers
