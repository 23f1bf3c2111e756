"""What the other stages wrote, read for the summary."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinychat.errors import InputError
from tinychat.files import read_json, read_json_lines, read_regular, undo_formula_guard

STAGES = ("corpus", "vocab", "prepare", "train", "evaluate")
PICTURES = ("attention", "predictions", "norms")
MOST_BYTES = 1_000_000  # of a JSON file in the model's folder, which has a few hundred
CARRIED = "carried"  # a picture too, where the reply has a word from the prompt


@dataclass(frozen=True)
class Epoch:
    """A row of the training history; losses in nats a token, `valid_loss` None where nothing is held out."""

    number: int
    train_loss: float
    valid_loss: float | None


@dataclass(frozen=True)
class Reply:
    """A prompt and what the model says; `probability` is the (geometric) mean that it gave to its own tokens."""

    prompt: str
    text: str
    n_tokens: int
    finish_reason: str
    probability: float


@dataclass(frozen=True)
class Sentence:
    """A sentence that was watched in the layers: its record, and its pictures as SVG by their name.

    `carried` is None where nothing was carried over, and in reports of before it was looked for.
    """

    prompt: str
    reply: str
    norms: dict[str, dict[str, float | None]]
    carried: dict[str, Any] | None
    pictures: dict[str, str]


@dataclass(frozen=True)
class Reports:
    """All that the summary tells.

    metrics    of each stage in STAGES, by its name
    training   what was used: model, train, runtime, torch
    layers     a record a layer, in the order in which a sentence passes them
    """

    metrics: dict[str, dict[str, Any]]
    history: list[Epoch]
    training: dict[str, Any]
    replies: list[Reply]
    layers: list[dict[str, Any]]
    sentences: list[Sentence]


def read_reports(*, reports: Path, model: Path, table: Path, replies: Path) -> Reports:
    """Read the folder `reports`, the model's `training.json`, the table of replies and its JSON Lines.

    Raises InputError where a file is missing or damaged, or the table and the lines are not of one run.
    """
    try:
        layers = read_json(reports / "layers" / "layers.json")
        return Reports(
            metrics={stage: read_json(reports / stage / "metrics.json") for stage in STAGES},
            history=list(_history(reports / "train" / "history.csv")),
            training=_training_facts(model),
            replies=list(_replies(table, replies)),
            layers=layers["layers"],
            sentences=[
                Sentence(
                    prompt=sentence["prompt"],
                    reply=sentence["reply"],
                    norms=sentence["norms"],
                    carried=sentence.get(CARRIED),
                    pictures={
                        name: (reports / "layers" / f"{name}-{number}.svg").read_text(encoding="utf-8")
                        for name in ((CARRIED, *PICTURES) if sentence.get(CARRIED) else PICTURES)
                    },
                )
                for number, sentence in enumerate(layers["sentences"], start=1)
            ],
        )
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: no such file; `make repro` runs the stages that write it") from None
    except json.JSONDecodeError as error:
        raise InputError(f"a report is damaged ({error}); `make repro` writes it again") from None


def _training_facts(model: Path) -> dict[str, Any]:
    """What the model in a folder was trained with: `model`, `train`, `runtime`, `torch`.

    Raises InputError where `training.json` is damaged, or says another shape than the `config.json` beside it.
    """
    file = model / "training.json"
    facts, config = (_json_of_model(model / name) for name in (file.name, "config.json"))
    kinds = {"model": dict, "train": dict, "runtime": dict, "torch": str}
    wrong = [key for key, kind in kinds.items() if not isinstance(facts.get(key), kind)]
    wrong = wrong or [f"runtime.{key}" for key in ("device", "precision", "threads") if key not in facts["runtime"]]
    if wrong:
        raise InputError(f"{file}: not what tinychat writes: {', '.join(wrong)} missing or of another type")
    for name in sorted(facts["model"].keys() | config.keys() - {"architecture"}):
        said, other = facts["model"].get(name), config.get(name)
        if said != other:
            raise InputError(f"{file}: {name} is {said!r}, but config.json says {other!r}; they are not of one model")
    return facts


def _json_of_model(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(read_regular(file, MOST_BYTES).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: damaged, no JSON: {error}; `make repro` makes it again") from None
    if not isinstance(data, dict):
        raise InputError(f"{file}: not what tinychat writes: {type(data).__name__} instead of an object")
    return data


def _history(path: Path) -> Iterator[Epoch]:
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            valid = float(row["valid_loss"]) if row["valid_loss"] else None
            yield Epoch(int(row["epoch"]), float(row["train_loss"]), valid)


def _replies(table: Path, lines: Path) -> Iterator[Reply]:
    with open(table, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    records = list(read_json_lines(lines))
    prompts = [undo_formula_guard(row["input"]) for row in rows]
    if prompts != [record["input"] for record in records]:
        raise InputError(f"{table} and {lines} do not hold the same prompts; run export_csv again")
    for prompt, row, record in zip(prompts, rows, records, strict=True):
        yield Reply(
            prompt=prompt,
            text=undo_formula_guard(row["output"]),
            n_tokens=int(row["n_tokens"]),
            finish_reason=row["finish_reason"],
            probability=math.exp(record["mean_logprob"]),
        )
