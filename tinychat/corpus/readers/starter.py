"""The starter corpus in data/starter: intents, scenes and slots, expanded to dialogues.

It assigns the splits itself: training, validation, and test, whose dialogues have the name of a measure and the
accepted replies.
"""

from collections.abc import Iterator
from pathlib import Path

from tinychat.corpus.dialogue import Dialogue
from tinychat.corpus.reader import FolderReader, Item, Notes
from tinychat.params.sections import CorpusParams
from tinychat.starter.evaluation_set import evaluation_set
from tinychat.starter.expanding import Expansion, StarterDialogue
from tinychat.starter.reading import read_starter
from tinychat.starter.validation_set import validation_set

FOLDER = Path("data/starter")


def read(folder: Path, params: CorpusParams, notes: Notes) -> Iterator[Item]:
    """The training dialogues, shuffled, then the validation set and the evaluation set.

    The same files, size and seed give the same dialogues.
    """
    starter = read_starter(folder)
    expansion = Expansion(starter, params.starter.seed)
    training = list(expansion.training(params.starter.dialogues))
    expansion.rng("order").shuffle(training)
    rows: list[tuple[str, StarterDialogue, dict[str, object]]] = [
        ("train", dialogue, {"accept": list(dialogue.accept)}) for dialogue in training
    ]
    rows += [("valid", dialogue, {}) for dialogue in validation_set(expansion)]
    rows += [("test", one.dialogue, one.metadata()) for one in evaluation_set(expansion)]
    for number, (split, dialogue, metadata) in enumerate(rows, start=1):
        slots = {"slots": dialogue.slot_values} if dialogue.slot_values else {}
        yield Dialogue(f"{FOLDER}:{number}", dialogue.turns, {**metadata, **slots} or None, split)
    notes.prompts += starter.prompts
    notes.remarks.append(f"{len(starter.intents)} intents, {len(starter.scenes)} scenes")


READER = FolderReader(FOLDER, read)
