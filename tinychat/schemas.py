"""Schemas of the files that stages write for each other: required values and their types.

Other keys are allowed, and shown or passed on as they are.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tinychat.errors import FaultError, Phrase

MAX_COUNT = 2**53  # JSON numbers above it may be inexact
SHOWN = 40  # characters of a wrong value

Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Number = Annotated[float, Field(ge=0)]
Loss = Annotated[float, Field(ge=0, le=3.5e38)]  # float32 has no larger number
Share = Annotated[float, Field(ge=0, le=1)]
LogProbability = Annotated[float, Field(le=0)]


class Record(BaseModel):
    """An object of a JSON file."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False)


R = TypeVar("R", bound=Record)


class Row(Record):
    """A row of a CSV table, in which numbers are text."""

    model_config = ConfigDict(strict=False)


class HistoryRow(Row):
    """A row of reports/train/history.csv; an empty cell means that nothing was held out."""

    epoch: Count
    train_loss: Loss
    valid_loss: Loss | Literal[""]


def parse(data: Any, record: type[R]) -> R:
    """`data` as a record. Raises ValueError that names the first value that does not fit the schema."""
    try:
        return record.model_validate(data)
    except ValidationError as error:
        raise _fault(error) from None


def validate(data: Any, record: type[Record]) -> Any:
    """`data` itself, if it fits the schema. Raises as `parse` does."""
    parse(data, record)
    return data


def _fault(error: ValidationError) -> FaultError:
    first = error.errors()[0]
    if first["type"] == "missing":
        return FaultError("{key} is missing", key=".".join(map(str, first["loc"])))
    key, found = ".".join(map(str, first["loc"])) or Phrase("its content"), repr(first["input"])
    found = found if len(found) <= SHOWN else f"{found[:SHOWN]}…"
    if isinstance(fault := first.get("ctx", {}).get("error"), FaultError):
        return FaultError("{key} is {found}: value error, {fault}", key=key, found=found, fault=fault)
    message = " ".join(f"{first['msg'][0].lower()}{first['msg'][1:]}".split())
    return FaultError("{key} is {found}: {message}", key=key, found=found, message=message)
