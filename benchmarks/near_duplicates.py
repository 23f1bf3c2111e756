"""Grouping the near-duplicates of a million texts: tinychat beside datasketch, in one interleaved run.

    pip install --target /tmp/datasketch datasketch
    PYTHONPATH=/tmp/datasketch python -m benchmarks.near_duplicates data/raw/ChatbotData.csv [--texts 1000000]
        [--rounds 3] [--save benchmarks/results/near_duplicates.json]

The texts are recombined from the words of the file's questions and answers: each word follows one that it follows
there. Both sides get the same texts (letters only), take character 3-grams and a threshold of 0.6, verify each
candidate by the exact Jaccard index, and join. datasketch: MinHashLSH with its defaults, 128 permutations. Each run is
a process of its own; memory is the peak of that process, with the texts in it. Recall: of a sample of texts all twins
are found exactly, and the share is given that stands in one group with its text.
"""

import argparse
import csv
import importlib
import importlib.metadata
import importlib.util
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.exact_twins import find_twins
from benchmarks.rivals import processor
from tinychat.corpus.grams import GRAM, Integers, jaccard_of, texts_of
from tinychat.corpus.near_duplicates import THRESHOLD, near_duplicates
from tinychat.corpus.scratch import Scratch
from tinychat.corpus.text_keys import text_key
from tinychat.files import rounded, write_json

PERMUTATIONS = 128  # datasketch's default
SAMPLE = 2000
MAX_WORDS = 12


def recombined(path: Path, count: int) -> list[str]:
    """Different texts of the words in a table of questions (Q) and answers (A), letters only."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [row[side].split() for row in csv.DictReader(file) for side in "QA"]
    follow: dict[str, list[str]] = {}
    for words in rows:
        for word, following in zip(["", *words], [*words, ""], strict=True):
            follow.setdefault(word, []).append(following)
    generator, found = random.Random(0), dict[str, None]()
    while len(found) < count:
        words, word = [], generator.choice(follow[""])
        while word and len(words) < MAX_WORDS:
            words.append(word)
            word = generator.choice(follow[word])
        found[text_key(" ".join(words))] = None
    return list(found)


def by_tinychat(texts: list[str]) -> Integers:
    """The group of each text."""
    return near_duplicates(texts_of(texts), Scratch()).groups.astype(np.int64)


def by_datasketch(texts: list[str]) -> Integers:
    """The same, as its documentation does it, with a union-find."""
    datasketch: Any = importlib.import_module("datasketch")
    index = datasketch.MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    parent = list(range(len(texts)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    signatures = datasketch.MinHash.generator(_encoded(texts), num_perm=PERMUTATIONS)
    for number, signature in enumerate(signatures):
        own = _grams(texts[number])
        for other in index.query(signature):
            one, another = root(number), root(other)
            if one != another:
                grams = _grams(texts[other])
                both = len(own & grams)
                if both / (len(own) + len(grams) - both) >= THRESHOLD:
                    parent[max(one, another)] = min(one, another)
        index.insert(number, signature, check_duplication=False)
    return np.array([root(i) for i in range(len(texts))])


def _encoded(texts: list[str]) -> Iterator[list[bytes]]:
    for text in texts:
        yield [gram.encode() for gram in _grams(text)]


def _grams(text: str) -> set[str]:
    return {text[i : i + GRAM] for i in range(len(text) - GRAM + 1)} or {text}


SIDES = {"tinychat": by_tinychat, "datasketch": by_datasketch}


def run_side(side: str, texts: Path, groups: Path) -> None:
    """The whole of a child process: time the side, write the groups, print seconds and MB."""
    given = texts.read_text(encoding="utf-8").split("\n")
    loaded = peak_mb()
    begun = time.perf_counter()
    found = SIDES[side](given)
    seconds = time.perf_counter() - begun
    np.save(groups, found)
    print(json.dumps({"seconds": seconds, "mb": peak_mb(), "mb_of_texts": loaded, "groups": len(np.unique(found))}))


def peak_mb() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def recall(texts: list[str], groups: Integers) -> dict[str, float]:
    """The share of the twins of SAMPLE texts that stand in one group with them, by threshold."""
    encoded = texts_of(texts)
    wanted = np.sort(np.random.default_rng(0).choice(len(texts), min(SAMPLE, len(texts)), replace=False))
    found = list(find_twins(encoded, wanted, np.ones(len(texts), bool)))
    one, other = (np.concatenate([pairs[side] for pairs in found]) for side in (0, 1))
    index, together = jaccard_of(encoded, one, other), groups[one] == groups[other]
    return {str(threshold): rounded(float(together[index >= threshold].mean())) for threshold in (THRESHOLD, 0.7)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a CSV of questions (Q) and answers (A)")
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", type=Path, help="write the results to this file")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--groups", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        run_side(asked.side, asked.file, asked.groups)
        return
    if importlib.util.find_spec("datasketch") is None:
        parser.error("datasketch is not installed; the first lines of this file say how")
    texts = recombined(asked.file, asked.texts)
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    shares = {}
    with tempfile.TemporaryDirectory() as folder:
        path, groups = Path(folder) / "texts.txt", Path(folder) / "groups.npy"
        path.write_text("\n".join(texts), encoding="utf-8")
        for _ in track(range(asked.rounds), "rounds"):
            for side in SIDES:
                command = [sys.executable, "-m", "benchmarks.near_duplicates", str(path), "--side", side]
                ended = subprocess.run([*command, "--groups", str(groups)], check=True, stdout=subprocess.PIPE)
                runs[side].append(json.loads(ended.stdout))
                if len(runs[side]) == 1:
                    shares[side] = recall(texts, np.load(groups))
    medians = {side: {key: statistics.median(one[key] for one in of) for key in of[0]} for side, of in runs.items()}
    table = Table("", "s", "peak MB", "groups", "recall at 0.6", "at 0.7", title=f"{len(texts):,} texts")
    for side, median in medians.items():
        numbers = (f"{median['seconds']:.1f}", f"{median['mb']:,.0f}", f"{median['groups']:,.0f}")
        table.add_row(side, *numbers, *(f"{share:.2%}" for share in shares[side].values()))
    Console().print(table)
    ours, theirs = medians["tinychat"], medians["datasketch"]
    ratios = {key: rounded(theirs[key] / ours[key]) for key in ("seconds", "mb")}
    print(f"datasketch takes {ratios['seconds']:.1f} times as long and {ratios['mb']:.1f} times the memory")
    if asked.save:
        machine = f"{processor()}, numpy {np.__version__}, datasketch {importlib.metadata.version('datasketch')}"
        sides = {
            side: {key: rounded(value) for key, value in median.items()} | {"recall": shares[side]}
            for side, median in medians.items()
        }
        write_json(
            asked.save,
            {"machine": machine, "rounds": asked.rounds, "texts": len(texts), "sides": sides, "ratios": ratios},
        )


if __name__ == "__main__":
    main()
