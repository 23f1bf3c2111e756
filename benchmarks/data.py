"""The three data stages: songys, corpora of 0.1 to 1 GB, and prepare_data beside `datasets.map`.

    pip install --target FOLDER datasets
    python -m benchmarks.data --songys ChatbotData.csv --datasets FOLDER [--save benchmarks/results/data.json]

songys    ingest, build_vocab and prepare_data of ChatbotData.csv, each a process as DVC starts it
sizes     the same of JSON Lines of several sizes, questions and answers of Markov chains over songys; time,
          and the memory of all processes of a stage together, with the pages of mapped files that are in memory, and
          the private part of it, which the system cannot write to a file and drop
tokens    tokens/s of prepare_data, the whole stage with the start of Python, beside those of `datasets.map` with the
          same tokenizer, without its start and its reading; each with one process and with one for each core, in turns.
          On a machine that others use, tokens per CPU second, with start and reading for both, are the steadier measure

The corpora are made by chance from a seed. `--only` runs some parts, and `--save` keeps the other parts of the file.
"""

import argparse
import csv
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from tinychat.environment import usable_cores
from tinychat.files import read_json, to_json

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("ingest", "build_vocab", "prepare_data")
SECONDS_BETWEEN_LOOKS = 0.1  # at the memory
HELD_OUT_LINES = 1000
START, END = "<s>", "</s>"  # of a sentence
SYLLABLES = "가나다라마바사아자차카타파하고노도로모보소오조초코토포호구누두루무부수우주추쿠투푸후"
Row = tuple[str, str]


@dataclass(frozen=True)
class Run:
    """What a command took: wall-clock and CPU seconds, and the largest memory of it and its children, in MB.

    private_mb  the largest memory without the pages of files (Linux: RssAnon)
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    private_mb: float
    output: str


def run(command: list[str], folder: Path, **environment: str) -> Run:
    """Run a command in `folder`; raises CalledProcessError where it fails."""
    path = os.pathsep.join(filter(None, [environment.pop("PACKAGES", ""), str(ROOT)]))
    before, begun = os.times(), time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": path} | environment, stdout=subprocess.PIPE, text=True
    )
    peak, ended = [0, 0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, ended))
    watcher.start()
    output, _ = process.communicate()
    seconds, after = time.perf_counter() - begun, os.times()
    ended.set()
    watcher.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return Run(seconds, cpu, peak[0] / 1e6, peak[1] / 1e6, output)


def _watch(pid: int, peak: list[int], ended: threading.Event) -> None:
    """Keep the largest memory of a process with its children in `peak`: all of it, and the private part."""
    while not ended.wait(SECONDS_BETWEEN_LOOKS):
        total = private = 0
        try:
            process = psutil.Process(pid)
            for one in (process, *process.children(recursive=True)):
                memory = one.memory_info()
                total += memory.rss
                private += memory.rss - getattr(memory, "shared", 0)  # Linux has it
        except psutil.NoSuchProcess:  # it has just ended
            continue
        peak[:] = max(peak[0], total), max(peak[1], private)


def project(folder: Path) -> Path:
    """An empty project with the committed params."""
    (folder / "data/raw").mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    return folder


def run_stage(stage: str, folder: Path, **environment: str) -> Run:
    return run([sys.executable, "-m", f"stages.{stage}"], folder, **environment)


def rows_of(path: Path) -> list[Row]:
    with open(path, encoding="utf-8", newline="") as file:
        return [(row["Q"], row["A"]) for row in csv.DictReader(file)]


class Chain:
    """A Markov chain over words: each is followed by one that follows it in the texts. So words and pairs of words
    occur about as often as in real texts, and sentences seldom come back.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._next: dict[str, list[str]] = {}
        for text in texts:
            words = [START, *text.split(), END]
            for word, following in pairwise(words):
                self._next.setdefault(word, []).append(following)

    def sentence(self, chance: random.Random) -> str:
        words = [chance.choice(self._next[START])]
        while (following := chance.choice(self._next[words[-1]])) != END:
            words.append(following)
        return " ".join(words)


def likeness(rows: list[Row]) -> Callable[[random.Random], Row]:
    """What makes rows that are like these."""
    questions, answers = (Chain(texts) for texts in zip(*rows, strict=True))
    return lambda chance: (questions.sentence(chance), answers.sentence(chance))


def distinct(chance: random.Random) -> Row:
    """A question and an answer of words that hardly occur twice."""

    def text(words: int) -> str:
        return " ".join("".join(chance.choices(SYLLABLES, k=chance.randint(3, 6))) for _ in range(words))

    return text(6), text(8)


def write_dialogues(path: Path, n_bytes: float, make: Callable[[random.Random], Row]) -> int:
    """Write dialogues of about so many bytes in the OpenAI chat format; returns how many."""
    chance, written, rows = random.Random(0), 0, 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        while written < n_bytes:
            question, answer = make(chance)
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            line = json.dumps({"messages": messages}, ensure_ascii=False) + "\n"
            file.write(line)
            written += len(line.encode())
            rows += 1
    return rows


def measure_songys(songys: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Median seconds of each stage and of all; each round begins with an empty project."""
    found: dict[str, list[float]] = {stage: [] for stage in (*STAGES, "all")}
    for number in range(rounds):
        root = project(folder / f"songys{number}")
        shutil.copy(songys, root / "data/raw")
        seconds = {stage: run_stage(stage, root).seconds for stage in STAGES}
        for stage, value in {**seconds, "all": sum(seconds.values())}.items():
            found[stage].append(value)
        shutil.rmtree(root)
    return {stage: round(statistics.median(values), 2) for stage, values in found.items()}


def measure_size(rows: list[Row], gigabytes: float, folder: Path) -> dict[str, Any]:
    """Seconds, CPU seconds and memory of each stage on a corpus of so many gigabytes of JSON Lines."""
    root = project(folder / "size")
    dialogues = write_dialogues(root / "data/raw/talk.jsonl", gigabytes * 1e9, likeness(rows))
    stages = {}
    for stage in STAGES:
        done = run_stage(stage, root)
        stages[stage] = {
            "seconds": round(done.seconds, 1),
            "cpu_seconds": round(done.cpu_seconds, 1),
            "peak_mb": round(done.peak_mb),
            "private_mb": round(done.private_mb),
        }
    shutil.rmtree(root)
    return {"dialogues": dialogues, **stages}


def measure_tokens(rows: list[Row], packages: str, folder: Path, rounds: int, megabytes: float) -> dict[str, Any]:
    """Tokens/s of prepare_data and of `datasets.map`, by the kind of text and the number of processes."""
    vocabulary = project(folder / "vocabulary")
    write_dialogues(vocabulary / "data/corpus/train.jsonl", 2e7, likeness(rows))
    run_stage("build_vocab", vocabulary)
    kinds = {"words that repeat": likeness(rows), "words that do not": distinct}
    found: dict[str, Any] = {}
    for kind, make in kinds.items():
        root = project(folder / "tokens")
        corpus = root / "data/corpus/train.jsonl"
        write_dialogues(corpus, megabytes * 1e6, make)
        for split in ("valid", "test"):
            corpus.with_name(f"{split}.jsonl").touch()
        shutil.copytree(vocabulary / "artifacts", root / "artifacts")
        speeds: dict[str, dict[str, list[float]]] = {"tokens_per_second": {}, "tokens_per_cpu_second": {}}
        for _ in range(rounds):
            for workers in sorted({1, usable_cores()}):
                for side, tokens, seconds, cpu_seconds in _rounds(root, corpus, packages, workers):
                    name = f"{side}, {workers}"
                    speeds["tokens_per_second"].setdefault(name, []).append(tokens / seconds)
                    speeds["tokens_per_cpu_second"].setdefault(name, []).append(tokens / cpu_seconds)
        medians = {
            unit: {name: round(statistics.median(values)) for name, values in by_name.items()}
            for unit, by_name in speeds.items()
        }
        found[kind] = {**medians, "ratio": {unit: _best_to_best(by_name) for unit, by_name in medians.items()}}
        shutil.rmtree(root)
    return found


def _best_to_best(speeds: dict[str, int]) -> float | None:
    """tinychat's fastest number of processes to that of the other side; None without it."""
    ours, theirs = ([v for name, v in speeds.items() if name.startswith(s)] for s in ("tinychat", "datasets"))
    return round(max(ours) / max(theirs), 2) if theirs else None


def _rounds(root: Path, corpus: Path, packages: str, workers: int) -> Iterator[tuple[str, int, float, float]]:
    """One round of each side: tokens, seconds, and CPU seconds of the whole process, its start and reading included."""
    ours = run_stage("prepare_data", root, TINYCHAT_WORKERS=str(workers))
    tokens = read_json(root / "reports/prepare/metrics.json")["train"]["tokens"]
    yield "tinychat", tokens, ours.seconds, ours.cpu_seconds
    if packages:
        cache = root / "cache"
        command = [sys.executable, "-m", "benchmarks.data_rivals", str(corpus)]
        command += [str(root / "artifacts/vocab/tokenizer.json"), str(workers), str(cache)]
        done = run(command, root, PACKAGES=packages)
        theirs = json.loads(done.output.splitlines()[-1])
        shutil.rmtree(cache)
        yield "datasets.map", theirs["tokens"], theirs["mapping"], done.cpu_seconds


def shown(found: dict[str, Any]) -> Iterator[Table]:
    """The results as tables."""
    if "songys" in found:
        table = Table(*found["songys"], title="songys, seconds")
        table.add_row(*(f"{value:.2f}" for value in found["songys"].values()))
        yield table
    if "sizes" in found:
        table = Table("GB", "dialogues", *(f"{stage}: s, CPU s, MB" for stage in STAGES), title="sizes")
        for size, one in found["sizes"].items():
            cells = [f"{one[s]['seconds']:.0f}  {one[s]['cpu_seconds']:.0f}  {one[s]['peak_mb']:,}" for s in STAGES]
            table.add_row(size, f"{one['dialogues']:,}", *cells)
        yield table
    for kind, one in found.get("tokens", {}).items():
        table = Table("side, processes", "tokens/s", "tokens per CPU second", title=f"prepare_data, {kind}")
        for name, value in one["tokens_per_second"].items():
            table.add_row(name, f"{value:,}", f"{one['tokens_per_cpu_second'][name]:,}")
        table.add_row("best to best", *(str(ratio) for ratio in one["ratio"].values()))
        yield table


def machine() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {usable_cores()} cores, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songys", type=Path, required=True, metavar="FILE", help="ChatbotData.csv")
    parser.add_argument("--datasets", default="", metavar="FOLDER", help="where the package datasets is installed")
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[0.1, 0.3])
    parser.add_argument("--megabytes", type=float, default=200, help="of each corpus of the part tokens")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="+", choices=("songys", "sizes", "tokens"), default=("songys", "sizes", "tokens")
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the results as JSON, for `make docs-figures`")
    arguments = parser.parse_args()
    saved = read_json(arguments.save) if arguments.save and arguments.save.exists() else {}
    found: dict[str, Any] = {"machine": machine()}
    if arguments.only != ["sizes"]:  # which are measured once
        found["rounds"] = arguments.rounds
    rows = rows_of(arguments.songys)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if "songys" in arguments.only:
            found["songys"] = measure_songys(arguments.songys, folder, arguments.rounds)
        if "sizes" in arguments.only:
            sizes = {f"{size:g}": measure_size(rows, size, folder) for size in arguments.gigabytes}
            found["sizes"] = dict(sorted((saved.get("sizes", {}) | sizes).items(), key=lambda item: float(item[0])))
        if "tokens" in arguments.only:
            found["tokens"] = measure_tokens(rows, arguments.datasets, folder, arguments.rounds, arguments.megabytes)
    console = Console()
    for table in shown(found):
        console.print(table)
    console.print(f"{found['machine']}; medians of {arguments.rounds} rounds in turns, sizes once", highlight=False)
    if not arguments.datasets:
        console.print("datasets.map is left out: pip install --target FOLDER datasets, then --datasets FOLDER")
    if arguments.save:
        arguments.save.write_text(to_json(saved | found), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
