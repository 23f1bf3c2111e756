"""Reads the files of the other stages for the summary."""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinychat.corpus.dialogue import read_source_names
from tinychat.corpus.places import Places, read_places
from tinychat.errors import InputError, Phrase
from tinychat.files import damaged, read_json, read_json_lines, reading, undo_formula_guard
from tinychat.report.formats import (
    CorpusMetrics,
    EvaluateMetrics,
    LayerReport,
    ModelShape,
    PrepareMetrics,
    ReplyRecord,
    TableRow,
    Training,
    TrainMetrics,
    VocabMetrics,
)
from tinychat.report.inline import inline
from tinychat.schemas import HistoryRow, Record, validate

# By their folder in reports/: the stage that writes them, and their schema.
METRICS: dict[str, tuple[str, type[Record]]] = {
    "corpus": ("ingest", CorpusMetrics),
    "vocab": ("build_vocab", VocabMetrics),
    "prepare": ("prepare_data", PrepareMetrics),
    "train": ("train", TrainMetrics),
    "evaluate": ("evaluate", EvaluateMetrics),
}
LAYERS = "analyze_layers"  # the stage that writes the layer report
PICTURES = ("attention", "norms")
COPIED_TEXT = "copied_text"  # a picture too, where the reply copies text from the prompt


@dataclass(frozen=True)
class Epoch:
    """A row of the training history; losses in nats per token, `valid_loss` None where nothing is held out."""

    number: int
    train_loss: float
    valid_loss: float | None


@dataclass(frozen=True)
class GeneratedReply:
    """A prompt and its reply; `probability` is the geometric mean of the tokens' probabilities.

    seen  whether the prompt was trained on or held out; None where that is not known
    """

    prompt: str
    text: str
    n_tokens: int
    finish_reason: str
    probability: float
    seen: str | None = None


@dataclass(frozen=True)
class Sentence:
    """A traced sentence: its record (tinychat.report.formats.SentenceRecord), and its pictures as SVG by name."""

    record: dict[str, Any]
    pictures: dict[str, str]

    @property
    def prompt(self) -> str:
        return str(self.record["prompt"])

    @property
    def reply(self) -> str:
        return str(self.record["reply"])

    @property
    def norms(self) -> dict[str, dict[str, float | None]]:
        return dict(self.record["norms"])

    @property
    def copied_text(self) -> dict[str, Any] | None:
        """None where nothing was copied."""
        return self.record.get(COPIED_TEXT)


@dataclass(frozen=True)
class Reports:
    """All inputs of the summary.

    metrics    by the names of METRICS
    sources    name and format of each source of the corpus, by its key in the metrics
    places     where the first rows and messages lie that were left out, by the count in the metrics and the reason
    training   what was used: model, train, runtime, torch
    layers     one record per layer, in forward order
    """

    metrics: dict[str, dict[str, Any]]
    history: list[Epoch]
    training: dict[str, Any]
    replies: list[GeneratedReply]
    layers: list[dict[str, Any]]
    sentences: list[Sentence]
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    places: Places = field(default_factory=dict)


def read_reports(*, reports: Path, overview: Path, model: Path, table: Path, replies: Path) -> Reports:
    """Read the folder `reports`, the names of the sources and places in `overview`, the model's `training.json`, the
    table of replies and their JSON Lines.

    Raises InputError where a file is missing or damaged, or the table and the lines are not of one run.
    """
    layers = _json(reports / "layers" / "layers.json", LAYERS, LayerReport)
    metrics = {name: _json(reports / name / "metrics.json", stage, record) for name, (stage, record) in METRICS.items()}
    return Reports(
        metrics=metrics,
        history=_history(reports / "train" / "history.csv"),
        training=_training(model),
        replies=list(_replies(table, replies)),
        layers=layers["layers"],
        sentences=[
            Sentence(
                sentence,
                {
                    name: _picture(reports / "layers" / f"{name}-{number}.svg")
                    for name in ((COPIED_TEXT, *PICTURES) if sentence.get(COPIED_TEXT) else PICTURES)
                },
            )
            for number, sentence in enumerate(layers["sentences"], start=1)
        ],
        sources=read_source_names(overview, metrics["corpus"]["mixture"]),
        places=read_places(overview),
    )


def _json(path: Path, stage: str, record: type[Record]) -> Any:
    with reading(path, stage):
        return validate(read_json(path), record)


def _training(model: Path) -> Any:
    """training.json of a model folder. Raises InputError where config.json there has another shape."""
    file = model / "training.json"
    settings, config = _json(file, "train", Training), _json(model / "config.json", "train", ModelShape)
    for name in sorted(settings["model"].keys() | config.keys() - {"architecture"}):
        value, other = settings["model"].get(name), config.get(name)
        if value != other:
            raise InputError(
                "{file}: {name} is {value!r}, but config.json says {other!r}; they are not of one model",
                file=file,
                name=name,
                value=value,
                other=other,
            )
    return settings


def _picture(path: Path) -> str:
    with reading(path, LAYERS):
        picture = path.read_text(encoding="utf-8")
        inline(picture, "picture", "")  # raises ValueError where it is damaged
        return picture


def _rows(path: Path, stage: str, record: type[Record]) -> list[dict[str, str]]:
    with reading(path, stage), open(path, encoding="utf-8-sig", newline="") as file:
        return [validate(row, record) for row in csv.DictReader(file)]


def _history(path: Path) -> list[Epoch]:
    rows = _rows(path, "train", HistoryRow)
    epochs = [
        Epoch(int(row["epoch"]), float(row["train_loss"]), float(row["valid_loss"]) if row["valid_loss"] else None)
        for row in rows
    ]
    if not epochs or [epoch.number for epoch in epochs] != list(range(1, len(epochs) + 1)):
        raise damaged(path, Phrase("its epochs are not 1, 2, …"), "train")
    return epochs


def _replies(table: Path, lines: Path) -> Iterator[GeneratedReply]:
    rows = _rows(table, "export_csv", TableRow)
    records = list(read_json_lines(lines, "generate", lambda reply, _: validate(reply, ReplyRecord)))
    if not records:
        raise damaged(lines, Phrase("it holds no reply"), "generate")
    prompts = [undo_formula_guard(row["input"]) for row in rows]
    if prompts != [record["input"] for record in records]:
        raise InputError(
            "{table} and {lines} do not hold the same prompts; run export_csv again: `dvc repro --force export_csv`",
            table=table,
            lines=lines,
        )
    for prompt, row, record in zip(prompts, rows, records, strict=True):
        yield GeneratedReply(
            prompt=prompt,
            text=undo_formula_guard(row["output"]),
            n_tokens=int(row["n_tokens"]),
            finish_reason=row["finish_reason"],
            probability=math.exp(record["mean_logprob"]),
            seen=record.get("seen"),
        )
