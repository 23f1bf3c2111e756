"""How long a training is: train.epochs, which follows from the amount of data where it is `auto`."""

import math
from dataclasses import dataclass
from typing import Literal

from tinychat.params.sections import ResolvedTrainParams, TrainParams

# Measured with the default model (docs/experiments.md, "How many epochs does an amount of data need?"): with the cube
# root, 400 to 12,000 question-answer pairs are answered as they were written, and would hardly be with fewer epochs;
# the starter corpus, of 1,200,000 tokens, has its 2, and would if it were twice as large.
TOKENS_OF_ONE_EPOCH = 8_200_000
# Fewer steps are too few, however often they show the data: 20 to 100 pairs are answered as written after 80.
FEWEST_STEPS = 100
FEW_EXAMPLES = 20  # for fewer, a training of a given length needs fewer steps in proportion
WARMUP_PART = 5  # the warm-up is at most a fifth of a training

Reason = Literal["given", "amount_of_data", "fewest_steps"]


@dataclass(frozen=True)
class Length:
    """The epochs of a training, and why: as params.yaml says (`given`), by the amount of data, or for enough steps.

    tokens          with loss in the training split
    steps_per_epoch  batches
    """

    epochs: int
    reason: Reason
    tokens: int
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def text(self) -> str:
        """For the log."""
        if self.reason == "given":
            return f"train.epochs: {self.epochs}, {self.steps:,} steps"
        why = (
            f"the fewest that make {FEWEST_STEPS} steps"
            if self.reason == "fewest_steps"
            else "more would mostly memorise"
        )
        return f"train.epochs: auto → {self.epochs} for {self.tokens:,} tokens to learn ({why}), {self.steps:,} steps"

    def warning(self, examples: int) -> str:
        """What a person is told of a given number that is too small; empty where it is not."""
        if self.reason != "given" or self.steps >= FEWEST_STEPS * min(1, examples / FEW_EXAMPLES):
            return ""
        wanted = _by_the_data(self.tokens, self.steps_per_epoch).epochs
        return (
            f"warning: {self.steps} steps in all are few for {examples} examples: raise train.epochs in params.yaml "
            f"(now {self.epochs}), or take auto, which gives {wanted}"
        )


def choose_length(params: TrainParams, tokens: int, steps_per_epoch: int) -> Length:
    """The length of a training on a split with so many tokens with loss, in so many batches."""
    if params.epochs == "auto":
        return _by_the_data(tokens, steps_per_epoch)
    return Length(params.epochs, "given", tokens, steps_per_epoch)


def _by_the_data(tokens: int, steps_per_epoch: int) -> Length:
    by_tokens = max(1, round((TOKENS_OF_ONE_EPOCH / max(1, tokens)) ** (1 / 3)))
    by_steps = math.ceil(FEWEST_STEPS / steps_per_epoch)
    reason: Reason = "amount_of_data" if by_tokens >= by_steps else "fewest_steps"
    return Length(max(by_tokens, by_steps), reason, tokens, steps_per_epoch)


def resolve(params: TrainParams, length: Length) -> ResolvedTrainParams:
    """The params that the training runs with; a warm-up that is long for it is shortened."""
    warmup = min(params.warmup_steps, length.steps // WARMUP_PART)
    return ResolvedTrainParams(**{**params.model_dump(), "epochs": length.epochs, "warmup_steps": warmup})
