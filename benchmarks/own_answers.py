"""My shop's 40 answers and small talk: is each own question answered, and is the starter corpus still known?

    python -m benchmarks.own_answers [examples/shop/shop.csv] [--new examples/shop/new_phrasings.csv] [--shares 0.04]
        [--dialogues 11000] [--set train.prompt_loss_weight=0]

For each share the stages from ingest to evaluate run in a temporary folder, with params.yaml and the table beside the
starter corpus. Then: own questions that are answered exactly, new phrasings of them (a table with the same answers, of
which nothing is trained on), what copying the answer of the most similar training question gives on those, the starter
corpus' own measures, and the time of the training.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.mixing import project, set_param
from tinychat.corpus.dialogue import read_corpus
from tinychat.evaluation.caching_engine import CachingEngine
from tinychat.evaluation.evaluate import questions_of
from tinychat.evaluation.reply_metrics import exact_share, mean_char_f1
from tinychat.evaluation.retrieval import NearestQuestion
from tinychat.files import read_json
from tinychat.generation.loading import load_engine

STAGES = ("ingest", "build_vocab", "prepare_data", "train", "evaluate")
STARTER_MEASURES = ("seen", "near", "unknown_by_hand", "name")
SHOP = Path("examples/shop")

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Outcome:
    """Shares of exact replies, the F1 of character pairs of new phrasings, and seconds of the training."""

    own: float
    new: float
    new_f1: float
    new_copied: float  # by copying the answer of the most similar training question
    starter: dict[str, float]
    seconds: float
    cpu_seconds: float
    replies: list[tuple[str, str, str]]  # of new phrasings: question, reply, answer


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Question and answer of each row, by the first two columns."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        _, *rows = csv.reader(file)
    return [(row[0], row[1]) for row in rows]


def outcome(folder: Path, own: Pairs, new: Pairs) -> Outcome:
    """Run the stages in `folder`, and ask."""
    seconds = cpu_seconds = 0.0
    for stage in STAGES:
        began, used = time.monotonic(), os.times()
        subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=folder, check=True)
        if stage == "train":
            now = os.times()
            seconds = time.monotonic() - began
            cpu_seconds = now.children_user + now.children_system - used.children_user - used.children_system
    engine = CachingEngine(load_engine(folder / "models/dialogue", 64))
    train = list(read_corpus(folder / "data/corpus/train.jsonl"))
    known = questions_of(train, engine.engine.tokenizer, engine.engine.decoder.max_len)
    nearest = NearestQuestion([question.text for question in known], [question.answer for question in known])
    said, said_to_new = (answers(engine, pairs) for pairs in (own, new))
    measures = read_json(folder / "reports/evaluate/metrics.json")["measures"]
    return Outcome(
        own=exact_share(said, [[answer] for _, answer in own]),
        new=exact_share(said_to_new, [[answer] for _, answer in new]),
        new_f1=mean_char_f1(said_to_new, [[answer] for _, answer in new]),
        new_copied=exact_share([nearest.answer(question) for question, _ in new], [[answer] for _, answer in new]),
        starter={name: measures[name]["accepted"] for name in STARTER_MEASURES},
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        replies=[(question, reply, answer) for (question, answer), reply in zip(new, said_to_new, strict=True)],
    )


def answers(engine: CachingEngine, pairs: Pairs) -> list[str]:
    replies = engine.reply([[{"role": "user", "content": question}] for question, _ in pairs])
    return ["" if reply is None else reply.text for reply in replies]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="My shop's 40 answers and small talk.")
    parser.add_argument(
        "file", type=Path, nargs="?", default=SHOP / "shop.csv", help="a table of questions and answers"
    )
    parser.add_argument("--new", type=Path, default=SHOP / "new_phrasings.csv", help="new phrasings, with the answers")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.04], help="of the file, of what is trained on")
    parser.add_argument("--dialogues", type=int, default=11_000, help="of the starter corpus")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="params: train.dropout=0.1")
    asked = parser.parse_args()
    own, new = read_pairs(asked.file), read_pairs(asked.new)
    table = Table("share", "own", "new phrasings", "copying on those", "starter's own", "training s", "CPU s")
    for share in asked.shares:
        params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
        params["corpus"]["sources"] = [{"file": asked.file.name, "share": share}, {"corpus": "starter"}]
        params["corpus"]["starter"]["dialogues"] = asked.dialogues
        for text in asked.set:
            key, _, value = text.partition("=")
            set_param(params, key, yaml.safe_load(value))
        with tempfile.TemporaryDirectory() as folder:
            project(Path(folder), asked.file, params)
            one = outcome(Path(folder), own, new)
        table.add_row(
            f"{share:g}",
            f"{one.own:.1%} of {len(own)}",
            f"{one.new:.1%} of {len(new)} (F1 {one.new_f1:.3f})",
            f"{one.new_copied:.1%}",
            "  ".join(f"{name} {value:.1%}" for name, value in one.starter.items()),
            f"{one.seconds:.0f}",
            f"{one.cpu_seconds:.0f}",
        )
        for question, reply, answer in one.replies:
            print(f"{'=' if reply == answer else ' '} {question} → {reply}")
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
