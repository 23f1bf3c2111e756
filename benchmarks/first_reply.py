"""Time to the first reply and peak memory, compared with a script that uses transformers.

    python -m benchmarks.first_reply [--rounds 15] [--new-tokens 20]      on Linux or macOS
    pip install transformers                  what it compares with; it says where that is not installed

From the start of a process to the first piece of text on a terminal, and to its end: load a model of the article's size
(random weights, GPT-2 for transformers), answer one question greedily with 20 tokens, print them as they come. Every
process is started once per round, in rotating order; figures are medians, ratios are taken round by round. The memory
is the peak of the process. Then the time by phases, as reported by each process.
"""

import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.rivals import machine, missing_packages

QUESTION = "안녕"
CHAT, REFERENCE = "tinychat chat", "transformers"

FROM_PYTHON = """
import sys, tinychat
for piece in tinychat.load(sys.argv[1]).stream(sys.argv[2], max_tokens=int(sys.argv[3])):
    print(piece, end="", flush=True)
"""
WITH_TRANSFORMERS = """
import sys, time
from tinychat.chatting.timing import Stopwatch
watch = Stopwatch()
from transformers import AutoModelForCausalLM, AutoTokenizer, TextStreamer
watch.lap("imports")
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
watch.lap("tokenizer")
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
watch.lap("weights")
class Streamer(TextStreamer):
    def on_finalized_text(self, text, stream_end=False):
        if text and watch.phases[-1][0] == "weights":
            watch.lap("first piece of the reply")
        super().on_finalized_text(text, stream_end)
prompt = tokenizer("<user>" + sys.argv[2] + "<bot>", return_tensors="pt", return_token_type_ids=False)
streamer = Streamer(tokenizer, skip_prompt=True)
model.generate(**prompt, max_new_tokens=int(sys.argv[3]), do_sample=False, streamer=streamer)
watch.lap("rest of the reply")
if "--timing" in sys.argv:
    sys.stderr.write(watch.table())
"""


@dataclass(frozen=True)
class ProcessRun:
    """One process: seconds to the first byte and to the end, peak memory in megabytes, its stderr."""

    first: float
    end: float
    megabytes: float
    errors: str


def commands(folder: Path, new_tokens: int) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Commands and extra environment variables, by the name in the table."""
    python, length = sys.executable, str(new_tokens)
    ours, gpt2 = str(folder / "tinychat"), str(folder / "gpt2")
    chat = [python, "-m", "tinychat", "chat", QUESTION, "--model", ours, "--max-tokens", length]
    return {
        CHAT: (chat, {}),
        "tinychat chat, torch decoder": (chat, {"TINYCHAT_DECODER": "torch"}),
        "tinychat from Python": ([python, "-c", FROM_PYTHON, ours, QUESTION, length], {}),
        REFERENCE: ([python, "-c", WITH_TRANSFORMERS, gpt2, QUESTION, length], {}),
    }


def run(command: list[str], environment: dict[str, str]) -> ProcessRun:
    """Start a process with a terminal as its output. Raises CalledProcessError where it fails."""
    master, slave = os.openpty()
    with tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=slave, stderr=errors, env={**os.environ, **environment}
        )
        os.close(slave)
        first, text = None, b""
        with contextlib.suppress(OSError):  # on Linux, end of file on a pty is an error
            while part := os.read(master, 65536):
                first, text = first or time.perf_counter() - begun, text + part
        os.close(master)
        _, status, usage = os.wait4(process.pid, 0)
        end = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        message = errors.read().decode(errors="replace")
    if process.returncode or first is None:
        raise subprocess.CalledProcessError(process.returncode, command, text, message)
    return ProcessRun(first, end, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10), message)


def result_table(measured: dict[str, list[ProcessRun]]) -> Table:
    table = Table("", "first text, s", "ratio", "end, s", "ratio", "memory, MB", title=f"one reply to {QUESTION!r}")
    reference = measured.get(REFERENCE, [])
    for name, runs in measured.items():
        cells = []
        for what in ("first", "end"):
            values = [getattr(one, what) for one in runs]
            ratios = [value / getattr(one, what) for value, one in zip(values, reference, strict=False)]
            cells += [f"{statistics.median(values):.2f}", f"1/{1 / statistics.median(ratios):.1f}" if ratios else "–"]
        table.add_row(name, *cells, f"{statistics.median(one.megabytes for one in runs):.0f}")
    return table


def phases_table(measured: dict[str, list[ProcessRun]]) -> Table:
    """Medians of the phases that the processes reported, in milliseconds."""
    by_phase: dict[str, dict[str, list[float]]] = {}
    for name, runs in measured.items():
        for one in runs:
            for phase, milliseconds in re.findall(r"^(\S.*?) +([\d.]+) ms$", one.errors, re.MULTILINE):
                by_phase.setdefault(phase, {}).setdefault(name, []).append(float(milliseconds))
    table = Table("ms", *measured, title="where the time goes")
    for phase, values in by_phase.items():
        table.add_row(
            phase, *(f"{statistics.median(values[name]):.0f}" if name in values else "–" for name in measured)
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--new-tokens", type=int, default=20)
    arguments = parser.parse_args()
    missing = missing_packages()
    with tempfile.TemporaryDirectory() as temporary:
        # In a process of its own: children inherit the peak memory of this one.
        subprocess.run([sys.executable, "-m", "benchmarks.rivals", temporary], check=True, capture_output=True)
        sides = commands(Path(temporary), arguments.new_tokens)
        if "transformers" in missing:
            del sides[REFERENCE]
        plain: dict[str, list[ProcessRun]] = {name: [] for name in sides}
        timed: dict[str, list[ProcessRun]] = {name: [] for name in (CHAT, REFERENCE) if name in sides}
        for number in track(range(-1, arguments.rounds), "rounds"):  # the first one warms up the disk's cache
            names = list(sides)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                command, environment = sides[name]
                one = run(command, environment)
                if number >= 0:
                    plain[name].append(one)
                    if name in timed:
                        timed[name].append(run([*command, "--timing"], environment))
    console = Console()
    console.print(result_table(plain), phases_table(timed))
    console.print(f"Medians of {arguments.rounds} interleaved rounds. {machine()}.", highlight=False)
    if "transformers" in missing:
        console.print("Not found, so left out: transformers. To compare: pip install transformers")


if __name__ == "__main__":
    main()
