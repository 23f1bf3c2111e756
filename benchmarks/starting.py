"""The import time of each stage, and the time of a `dvc repro` with nothing to do.

    python -m benchmarks.starting [--rounds 15]

Each round starts every process once, in the same order; the result is the median. For comparison: Python alone, torch
alone, and `dvc --version`. The pipeline of this folder must be up to date.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
STAGES = sorted(path.stem for path in (ROOT / "stages").glob("[!_]*.py"))


def commands() -> dict[str, list[str]]:
    """The commands, by the name in the table."""
    python = sys.executable
    return {
        "python": [python, "-c", "pass"],
        "torch": [python, "-c", "import torch"],
        **{f"stages.{stage}": [python, "-c", f"import stages.{stage}"] for stage in STAGES},
        "dvc --version": [python, "-m", "dvc", "--version"],
        "dvc repro, nothing to do": [python, "-m", "dvc", "repro"],
        "make repro, nothing to do": [python, "-m", "tools.repro"],
    }


def seconds(command: list[str]) -> float:
    """How long one process takes. Raises CalledProcessError where it fails."""
    begun = time.perf_counter()
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    taken = time.perf_counter() - begun
    if "Running stage" in ended.stdout:
        sys.exit("error: the pipeline was not up to date: run `make repro`, then this again")
    return taken


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    taken: dict[str, list[float]] = {name: [] for name in commands()}
    for _ in track(range(rounds), "rounds"):
        for name, command in commands().items():
            taken[name].append(seconds(command))
    table = Table("", "median, s", "fastest, s", title=f"{rounds} interleaved rounds")
    for name, times in taken.items():
        table.add_row(name, f"{statistics.median(times):.2f}", f"{min(times):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
