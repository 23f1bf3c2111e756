"""How many held-out dialogues have a twin in train: in a plain random split, and in ours.

    python -m benchmarks.split_leaks data/raw/ChatbotData.csv [--seeds 10] [--save benchmarks/results/split_leaks.json]

The file is read as the stage ingest reads it, without its exact repeats, and split with the shares of params.yaml: each
dialogue by chance; groups with a question or an answer in common, but for case, spaces and punctuation; and as tinychat
does, with near-duplicates. A twin has a Jaccard index of character 3-grams of 0.6 (0.7) or more: of the row (question,
space, answer, as they stand), of the question or of the answer (their letters). All twins are found, by comparing gram
sets, not by MinHash. Shares are means over the seeds.
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.exact_twins import find_twins
from tinychat.corpus.components import Components
from tinychat.corpus.counts import Counts
from tinychat.corpus.dialogue import SPLITS, Dialogue
from tinychat.corpus.features import Columns, FeatureStore, features_of
from tinychat.corpus.gathering import gather
from tinychat.corpus.grams import Integers, Texts, jaccard_of, texts_of
from tinychat.corpus.splitting import split_corpus
from tinychat.corpus.text_keys import text_key
from tinychat.files import rounded, write_json
from tinychat.params.loading import load_params
from tinychat.params.sections import Shares, SourceParams

THRESHOLDS = (0.6, 0.7)
TRAIN = SPLITS.index("train")
Pairs = NDArray[np.int64]  # (3, n): a dialogue, another one, their Jaccard index in thousandths
Splitter = Callable[[int], NDArray[np.uint8]]  # a seed → the index in SPLITS of each dialogue


def twins(texts: Texts) -> Pairs:
    """Every pair of dialogues whose texts are at the smallest threshold or above, in both directions."""
    found = find_twins(texts, np.arange(len(texts)), np.ones(len(texts), bool), min(THRESHOLDS))
    pairs = [np.stack([one, other, (1000 * jaccard_of(texts, one, other)).astype(np.int64)]) for one, other in found]
    return np.concatenate([np.empty((3, 0), np.int64), *pairs], axis=1)


def by_chance(total: int, shares: Shares) -> Splitter:
    """Each dialogue by itself."""
    edges = np.cumsum([getattr(shares, name) for name in SPLITS])[:-1]
    return lambda seed: np.searchsorted(edges, np.random.default_rng(seed).random(total), "right").astype(np.uint8)


def by_equal_texts(columns: Columns, shares: Shares) -> Splitter:
    """Groups of dialogues with a text in common."""
    components = Components(len(columns) + len(columns.keys), columns.scratch)
    components.join(np.repeat(np.arange(len(columns)), columns.turns), len(columns) + columns.texts.astype(np.int64))
    of: Integers = np.unique(components.all()[: len(columns)], return_inverse=True)[1]
    return lambda seed: by_chance(int(of.max()) + 1, shares)(seed)[of]


def leaks(splits: NDArray[np.uint8], kinds: Mapping[str, Pairs]) -> dict[str, float]:
    """The share of held-out dialogues with a twin in train, by what is alike, and by threshold."""
    held_out = splits != TRAIN
    shares = {}
    for threshold in THRESHOLDS:
        either = np.zeros(len(splits), bool)
        for kind, (one, other, index) in kinds.items():
            leaked = np.zeros(len(splits), bool)
            leaked[one[held_out[one] & ~held_out[other] & (index >= 1000 * threshold)]] = True
            shares[f"{kind} {threshold}"] = float(leaked.sum() / held_out.sum())
            either |= leaked & (kind != "row")
        shares[f"question or answer {threshold}"] = float(either.sum() / held_out.sum())
    return shares


def read(path: Path) -> list[Dialogue]:
    """The dialogues of a file, as ingest keeps them."""
    params = load_params(Path()).corpus.model_copy(update={"sources": [SourceParams(file=path.name)]})
    return list(gather(path.parent, params, Counts(), lambda *_, **__: None))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a file of questions and answers")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--save", type=Path, help="write the results to this file")
    asked = parser.parse_args()
    params = load_params(Path()).corpus
    dialogues = read(asked.file)
    if any(len(dialogue.turns) != 2 for dialogue in dialogues):
        parser.error("dialogues of one question and one answer are needed")
    store = FeatureStore()
    store.add(features_of(dialogues))
    columns = store.columns()
    texts = [[turn.content for turn in dialogue.turns] for dialogue in dialogues]
    kinds = {
        "row": twins(texts_of([" ".join(pair) for pair in texts])),
        "question": twins(texts_of([text_key(question) for question, _ in texts])),
        "answer": twins(texts_of([text_key(answer) for _, answer in texts])),
    }
    sides: dict[str, Splitter] = {
        "plain random": by_chance(len(columns), params.shares),
        "equal texts together": by_equal_texts(columns, params.shares),
        "tinychat": lambda seed: split_corpus(columns, params.shares, seed).of,
    }
    found = {name: [leaks(splitter(seed), kinds) for seed in range(asked.seeds)] for name, splitter in sides.items()}
    mean = {name: {key: rounded(fmean(one[key] for one in runs)) for key in runs[0]} for name, runs in found.items()}
    with_twin = {
        f"{kind} {threshold}": len(np.unique(pairs[0][pairs[2] >= 1000 * threshold]))
        for kind, pairs in kinds.items()
        for threshold in THRESHOLDS
    }
    table = Table("a twin in train, of", *sides, "dialogues with a twin", title=f"{len(dialogues):,} dialogues")
    for key in next(iter(mean.values())):
        table.add_row(
            key, *(f"{mean[name][key]:.2%}" for name in sides), f"{with_twin[key]:,}" if key in with_twin else ""
        )
    Console().print(table)
    if asked.save:
        result = {"dialogues": len(dialogues), "seeds": asked.seeds, "with_twin": with_twin, "held_out_with_twin": mean}
        write_json(asked.save, result)


if __name__ == "__main__":
    main()
