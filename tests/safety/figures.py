"""How much talk of harming oneself is recognised, and how often wrongly: `python -m tests.safety.figures`.

The phrases of benchmarks/unseen were written by hands that saw neither the rules nor the phrases that the classifier
was trained on. `for_choosing` chose its threshold; `for_the_report` chose nothing.
"""

import csv
import os
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from tests.safety.phrases import (
    REPO,
    UNSEEN,
    phrases,
    read_phrases,
    starter_texts,
    training_phrases,
    unseen_talks,
)
from tinychat.safety.danger import recognises_danger

RULES_WERE_MADE_WITH = ("danger_tuning", "danger_apart", "harmless_tuning", "harmless_apart")


def main() -> None:
    """Print the figures."""
    sets = {f"of the rules: {name}": phrases(name) for name in RULES_WERE_MADE_WITH}
    sets |= {f"of the classifier: {name}": training_phrases(name) for name in ("danger", "harmless")}
    sets |= {path.stem: read_phrases(path) for path in sorted(UNSEEN.glob("*_for_*.txt"))}
    sets["data/starter"] = starter_texts(REPO / "data/starter")
    for name in ("openings", "no_names", "statements"):
        sets[name] = read_phrases(UNSEEN / f"{name}.txt")
    shared = Path(os.environ.get("TINYCHAT_SHARED_DATA", REPO.parent / "shared/data")) / "ChatbotData.csv"
    if shared.exists():
        with open(shared, encoding="utf-8", newline="") as file:
            sets["songys"] = [row["Q"] for row in csv.DictReader(file)]
    for name, texts in sets.items():
        show(name, texts)
    for name in ("for_choosing", "for_the_report"):
        show_pairs(f"crisis_{name}, cut in two", halves(read_phrases(UNSEEN / f"crisis_{name}.txt")))
    show_pairs("talks", [pair for talk in unseen_talks() for pair in pairwise(talk)])


def halves(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Texts of four words or more as two messages in a row."""
    words = [text.split() for text in texts]
    return [(" ".join(one[: len(one) // 2]), " ".join(one[len(one) // 2 :])) for one in words if len(one) > 3]


def show_pairs(name: str, pairs: Sequence[tuple[str, str]]) -> None:
    """How many second messages are taken for danger, alone or with the one before, or have a first one that is."""
    found = [pair for pair in pairs if recognises_danger(pair[0]) or recognises_danger(pair[1], pair[0])]
    print(f"{name}: {len(found)} of {len(pairs)} pairs ({len(found) / len(pairs):.1%})")


def show(name: str, texts: list[str]) -> None:
    """How many are taken for danger, those that are few, and the time that a text takes."""
    began = time.perf_counter()
    found = [text for text in texts if recognises_danger(text)]
    each = (time.perf_counter() - began) / len(texts)
    print(f"{name}: {len(found)} of {len(texts)} ({len(found) / len(texts):.1%}), {1000 * each:.3f} ms each")
    if len(found) < 100 and "crisis" not in name and "danger" not in name:
        print("".join(f"  {text}\n" for text in found), end="")


if __name__ == "__main__":
    main()
