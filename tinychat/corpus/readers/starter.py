"""The starter corpus in data/starter: intents, scenes and slots, expanded to dialogues.

What it holds out goes to the test split by its own choice, each dialogue with what it measures and which replies are
right; some hundred dialogues of the training kind go to the validation split.
"""

from collections.abc import Iterator
from pathlib import Path

from tinychat.corpus.dialogue import Dialogue
from tinychat.corpus.reader import FolderReader, Item, Notes
from tinychat.corpus.starter.expanding import Expansion, Sample
from tinychat.corpus.starter.files import read_starter
from tinychat.corpus.starter.measuring import measured
from tinychat.params import CorpusParams

FOLDER = Path("data/starter")
VALID = 0.01  # of the dialogues


def read(folder: Path, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """The dialogues to train on, shuffled, then those that measure. The same ones for the same files, size and seed."""
    starter = read_starter(folder)
    expansion = Expansion(starter, params.starter.seed)
    samples = list(expansion.training(params.starter.dialogues))
    expansion.rng("order").shuffle(samples)
    n_valid = round(len(samples) * VALID)
    for number, sample in enumerate(samples):
        yield _dialogue(number, sample, "valid" if number < n_valid else "train", {})
    for number, one in enumerate(measured(expansion), start=len(samples)):
        yield _dialogue(number, one.sample, "test", one.metadata())
    notes.remarks.append(f"{len(starter.intents)} intents, {len(starter.scenes)} scenes")


def _dialogue(number: int, sample: Sample, split: str, metadata: dict[str, object]) -> Dialogue:
    slots = {"slots": sample.values} if sample.values else {}
    return Dialogue(f"{FOLDER}:{number + 1}", sample.turns, {**metadata, **slots} or None, split)


READER = FolderReader(FOLDER, read)
