"""What the page shows of the training: reports/train/learning.json, as the train stage wrote it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tinychat.errors import FaultError, Phrase
from tinychat.files import read_json, reading

Step = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
SHOWN = 40  # characters of a wrong value


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Loss(_Record):
    step: Step
    loss: Annotated[float, Field(ge=0)]


class _Message(_Record):
    role: Literal["user", "assistant"]
    content: str


class _Reply(_Record):
    text: str
    tokens: list[str]
    probabilities: list[Share]
    ended: bool


class _Answers(_Record):
    step: Step
    replies: list[_Reply]


class Learning(_Record):
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
        try:
            return Learning.model_validate(read_json(path))
        except ValidationError as error:
            raise _fault(error) from None


def _fault(error: ValidationError) -> FaultError:
    first = error.errors()[0]
    key, found = ".".join(map(str, first["loc"])) or Phrase("its content"), repr(first["input"])
    if first["type"] == "missing":
        return FaultError("{key} is missing", key=key)
    found = found if len(found) <= SHOWN else f"{found[:SHOWN]}…"
    return FaultError("{key} is {found}: {message}", key=key, found=found, message=first["msg"])
