"""Token arrays on the disk, for the tests."""

from pathlib import Path

from tinychat.batches.prepared import PreparedSplit
from tinychat.batches.writing import SplitWriter


def write_split(folder: Path, name: str, split: PreparedSplit) -> None:
    """The arrays of one split as the stage prepare_data writes them."""
    with SplitWriter(folder, name, vocab_size=2**16 if split.tokens.itemsize == 2 else 2**32) as writer:
        writer.add(split)
