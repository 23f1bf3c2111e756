"""The starter corpus in data/starter: intents, scenes and slots, expanded to dialogues.

What it holds out goes to the test split by its own choice, each dialogue with what it measures and which replies are
right, or to the validation split.
"""

from collections.abc import Iterator
from pathlib import Path

from tinychat.corpus.dialogue import Dialogue
from tinychat.corpus.reader import FolderReader, Item, Notes
from tinychat.params import CorpusParams
from tinychat.starter.expanding import Expansion, Sample
from tinychat.starter.measuring import measured
from tinychat.starter.reading import read_starter
from tinychat.starter.validating import validation

FOLDER = Path("data/starter")


def read(folder: Path, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """The dialogues to train on, shuffled, those that validate, those that measure. The same ones for the same files,
    size and seed.
    """
    starter = read_starter(folder)
    expansion = Expansion(starter, params.starter.seed)
    training = list(expansion.training(params.starter.dialogues))
    expansion.rng("order").shuffle(training)
    rows: list[tuple[str, Sample, dict[str, object]]] = [
        ("train", sample, {"accept": list(sample.accept)}) for sample in training
    ]
    rows += [("valid", sample, {}) for sample in validation(expansion)]
    rows += [("test", one.sample, one.metadata()) for one in measured(expansion)]
    for number, (split, sample, metadata) in enumerate(rows, start=1):
        slots = {"slots": sample.values} if sample.values else {}
        yield Dialogue(f"{FOLDER}:{number}", sample.turns, {**metadata, **slots} or None, split)
    notes.remarks.append(f"{len(starter.intents)} intents, {len(starter.scenes)} scenes")


READER = FolderReader(FOLDER, read)
