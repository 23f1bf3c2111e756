"""CPU time per generated token in two checkouts of tinychat, such as before and after a change.

    git worktree add ../before COMMIT
    python -m benchmarks.checkouts ../before . [--decoder torch] [--seconds 20]

Each checkout has a process of its own with one thread; they generate by turns with the same random weights and prompts
(those of `benchmarks.generation`), in an order that alternates. CPU time is disturbed less than elapsed time by other
programs. The result is the median over the rounds of the ratio of speeds, second to first, with its quartiles.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rivals import save_tinychat, syllable_tokenizer

TASKS = ((1, 10), (32, 4))  # sequences, new tokens of each
# Run in the checkout. `load_tinychat` hides how a checkout names its engine's methods.
PROCESS = """
import random, sys, time
from pathlib import Path
from benchmarks.generation import load_tinychat, random_prompts

answer, _ = load_tinychat(Path(sys.argv[1]))
for line in sys.stdin:
    n, new_tokens, sampled = map(int, line.split())
    prompts = random_prompts(n, random.Random(0))
    begun = time.process_time()
    answer(prompts, new_tokens, bool(sampled))
    print((time.process_time() - begun) / (n * new_tokens), flush=True)
"""


class Checkout:
    """The process of a checkout."""

    def __init__(self, root: Path, models: Path, decoder: str) -> None:
        one_thread = {"TINYCHAT_THREADS": "1", "OMP_NUM_THREADS": "1"}
        settings = {"TINYCHAT_DECODER": decoder, "TINYCHAT_PRECISION": "fp32", "TINYCHAT_DEVICE": "cpu"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(models)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root.resolve()), **one_thread, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def seconds(self, n: int, new_tokens: int, sampled: bool) -> float:
        """CPU seconds per token of `n` sequences at once."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{n} {new_tokens} {int(sampled)}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def end(self) -> None:
        self._process.communicate()


def compare(first: Checkout, second: Checkout, n: int, new_tokens: int, sampled: bool, seconds: float) -> str:
    """A line of the result."""
    both = (first, second)
    taken: list[tuple[float, float]] = []
    for checkout in both:
        checkout.seconds(n, new_tokens, sampled)
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(taken) < 4:
        order = both if len(taken) % 2 else both[::-1]
        found = {checkout: checkout.seconds(n, new_tokens, sampled) for checkout in order}
        taken.append((found[first], found[second]))
    low, middle, high = statistics.quantiles([one / other for one, other in taken], n=4)
    ms = [1000 * statistics.median(column) for column in zip(*taken, strict=True)]
    kind = f"{n:2} {'sampled' if sampled else 'greedy '}"
    return (
        f"{kind}  {middle:.2f} ({low:.2f} to {high:.2f})  {ms[0]:.2f} and {ms[1]:.2f} ms a token  {len(taken)} rounds"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--decoder", default="torch", choices=("torch", "numpy", "native"))
    parser.add_argument("--seconds", type=float, default=20.0, help="for each of the four tasks")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        save_tinychat(Path(folder) / "tinychat", syllable_tokenizer())
        first, second = (
            Checkout(root, Path(folder), arguments.decoder) for root in (arguments.first, arguments.second)
        )
        print(f"{arguments.decoder} fp32, one thread: speed of {arguments.second} over {arguments.first}")
        for n, new_tokens in TASKS:
            for sampled in (False, True):
                print(compare(first, second, n, new_tokens, sampled, arguments.seconds), flush=True)
        first.end()
        second.end()


if __name__ == "__main__":
    main()
