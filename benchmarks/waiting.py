"""How much another busy program slows down training, by GOMP_SPINCOUNT.

    python -m benchmarks.waiting [--seconds 8]

Runs small training steps (the article's sizes) in processes of their own, alone and next to a process that keeps one
core busy, with GOMP_SPINCOUNT as GNU OpenMP has it by default, as the stages set it, and with less and more.
"""

import argparse
import os
import subprocess
import sys

from rich.console import Console
from rich.table import Table

WORK = """
import sys, time, torch
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
model = build_model(ClassicConfig(2500, 256, 6, 8, 1024, 128))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
ids = torch.randint(5, 2500, (60, 17))
steps, begun = 0, time.perf_counter()
while time.perf_counter() - begun < float(sys.argv[1]):
    torch.nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten()).backward()
    optimizer.step()
    optimizer.zero_grad()
    steps += 1
print(steps * ids.numel() / (time.perf_counter() - begun))
"""
SETTINGS = {"default": None} | {f"GOMP_SPINCOUNT={spins}": str(spins) for spins in (1000, 3000, 10_000)}


def tokens_per_second(spins: str | None, seconds: float, *, crowded: bool) -> float:
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    if spins is not None:
        environment["GOMP_SPINCOUNT"] = spins
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if crowded else None
    try:
        command = [sys.executable, "-c", WORK, str(seconds)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return float(ended.stdout)
    finally:
        if busy is not None:
            busy.kill()
            busy.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    table = Table("", "alone, tokens/s", "next to a busy program, tokens/s", title="medians of interleaved rounds")
    results: dict[tuple[str, bool], list[float]] = {}
    for _ in range(arguments.rounds):
        for name, spins in SETTINGS.items():
            for crowded in (False, True):
                speed = tokens_per_second(spins, arguments.seconds, crowded=crowded)
                results.setdefault((name, crowded), []).append(speed)
    for name in SETTINGS:
        alone, crowded_speed = (sorted(results[name, crowded])[arguments.rounds // 2] for crowded in (False, True))
        table.add_row(name, f"{alone:,.0f}", f"{crowded_speed:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
