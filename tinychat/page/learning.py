"""What the page shows of the training: reports/train/learning.json, as the train stage wrote it."""

from pathlib import Path
from typing import Any, Literal

from tinychat.files import read_json, reading
from tinychat.schemas import Count, Loss, Record, Share, parse


class _Loss(Record):
    step: Count
    loss: Loss


class _Message(Record):
    role: Literal["user", "assistant"]
    content: str


class _Reply(Record):
    text: str
    tokens: list[str]
    probabilities: list[Share]
    ended: bool


class _Answers(Record):
    step: Count
    replies: list[_Reply]


class Learning(Record):
    """`losses` of the training; `answers` to each of the `prompts` after some steps (tinychat/training/learning.py)."""

    losses: list[_Loss]
    prompts: list[list[_Message]]
    answers: list[_Answers]

    def carried(self) -> dict[str, Any]:
        """As the page carries it."""
        losses = [[row.step, row.loss] for row in self.losses]
        return {"losses": losses, **self.model_dump(include={"prompts", "answers"})}


def read_learning(path: Path) -> Learning | None:
    """The content of learning.json; None where there is none: a model of an earlier version.

    Raises InputError where it is damaged.
    """
    if not path.exists():
        return None
    with reading(path, "train"):
        return parse(read_json(path), Learning)
