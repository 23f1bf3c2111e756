"""Does it help your own dialogues to mix in the starter corpus?

    python -m benchmarks.mixing data/raw/ChatbotData.csv [--weights 0 0.5 1] [--epochs 3] [--seeds 0 1] [--set K=V]

For each weight of the starter corpus in corpus.sources (0: without it) and each seed the stages from ingest to train
run in a temporary folder, with params.yaml except for the options given here. Then the file's own test dialogues, the
same ones each time, are measured: bits per byte of their answers, comparable between vocabularies; exact replies; and
the starter corpus' own measures.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from tinychat.corpus.dialogue import Dialogue, read_corpus
from tinychat.evaluation.caching_engine import CachingEngine
from tinychat.evaluation.evaluate import evaluate
from tinychat.evaluation.measures import measure_by_name
from tinychat.files import read_json
from tinychat.generation.loading import load_engine
from tinychat.model.storage import load_model
from tinychat.params.loading import load_params

COPIED = ("tinychat", "stages", "data/starter", "params.yaml")
STAGES = ("ingest", "build_vocab", "prepare_data", "train")
SLOTS = 64  # dialogues that are answered at once
ASKED = 300  # of the file's test dialogues; the likelihood is of all
STARTER_MEASURES = ("seen", "near", "name")


@dataclass(frozen=True)
class Outcome:
    """A trained model on the file's own test dialogues, and on the starter corpus' measures."""

    bits_per_byte: float
    exact: float
    starter: dict[str, float]
    kept_epoch: int
    seconds: float  # of the training


def set_param(params: dict[str, Any], key: str, value: object) -> None:
    """Set `train.epochs` and the like."""
    *sections, last = key.split(".")
    for section in sections:
        params = params[section]
    if last not in params:
        raise SystemExit(f"params.yaml has no {key}")
    params[last] = value


def project(folder: Path, file: Path, params: dict[str, Any]) -> None:
    """A folder in which the stages run."""
    for name in COPIED:
        source, target = Path(name), folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    (folder / "data/raw").mkdir(parents=True)
    shutil.copyfile(file, folder / "data/raw" / file.name)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True, sort_keys=False), encoding="utf-8")


def own(dialogues: Iterator[Dialogue]) -> list[Dialogue]:
    """Those that are not from the starter corpus."""
    return [dialogue for dialogue in dialogues if "measure" not in (dialogue.metadata or {})]


def outcome(folder: Path) -> Outcome:
    """Run the stages, and measure."""
    for stage in STAGES:
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    model, engine = load_model(folder / "models/dialogue", "cpu"), load_engine(folder / "models/dialogue", SLOTS, "cpu")
    train, test = (list(read_corpus(folder / f"data/corpus/{split}.jsonl")) for split in ("train", "test"))
    held_out = evaluate(engine, model, train, own(iter(test)), ASKED, load_params(folder).prepare.long_answers)[
        "held_out"
    ]
    starter = measure_by_name(CachingEngine(engine), test)
    return Outcome(
        bits_per_byte=held_out["bits_per_byte"],
        exact=held_out["replies"]["exact"],
        starter={name: starter[name]["accepted"] for name in STARTER_MEASURES if name in starter},
        kept_epoch=read_json(folder / "reports/train/metrics.json")["kept_epoch"],
        seconds=seconds,
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Does it help your own dialogues to mix in the starter corpus?")
    parser.add_argument("file", type=Path, help="a file of dialogues, as it would lie in data/raw")
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.5, 1.0], help="of the starter corpus")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the training")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="params for all: train.dropout=0.1")
    asked = parser.parse_args()
    table = Table("starter", "seeds", "bits per byte", "exact", "starter's own", "epoch kept", "training s")
    for weight in asked.weights:
        outcomes = []
        for seed in asked.seeds:
            params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
            starter = [{"corpus": "starter", "weight": weight}] if weight else []
            params["corpus"]["sources"] = [{"file": asked.file.name}, *starter]
            params["train"] |= {"epochs": asked.epochs, "keep": "best", "seed": seed}
            for text in asked.set:
                key, _, value = text.partition("=")
                set_param(params, key, yaml.safe_load(value))
            with tempfile.TemporaryDirectory() as folder:
                project(Path(folder), asked.file, params)
                outcomes.append(outcome(Path(folder)))
        table.add_row(
            f"{weight:g}" if weight else "none",
            " ".join(map(str, asked.seeds)),
            "  ".join(f"{one.bits_per_byte:.3f}" for one in outcomes),
            "  ".join(f"{one.exact:.1%}" for one in outcomes),
            "  ".join(f"{name} {share:.0%}" for name, share in outcomes[0].starter.items()) or "-",
            " ".join(str(one.kept_epoch) for one in outcomes),
            f"{statistics.median(one.seconds for one in outcomes):.0f}",
        )
        print(f"starter {weight:g}: {outcomes}", file=sys.stderr, flush=True)
    Console().print(table)


if __name__ == "__main__":
    main()
