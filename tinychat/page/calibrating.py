"""What the products of a model are given in training dialogues: weights are rounded so that these change little."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinychat.corpus.dialogue import CorpusFile
from tinychat.generation.decoder import Floats
from tinychat.generation.numpy_decoder import NumpyDecoder, Product
from tinychat.model.classic_config import OUTPUT, ClassicConfig
from tinychat.tokenizer import Tokenizer

DIALOGUES = 200  # at most, evenly spaced
TOKENS = 8000  # about as many, of longer dialogues fewer: the stage takes as long for each corpus
SLOTS = 16
OUTPUT_WEIGHT = next(iter(OUTPUT))
Moments = npt.NDArray[np.float64]


def read_sequences(path: Path, tokenizer: Tokenizer, max_len: int) -> list[list[int]]:
    """Token ids of some dialogues of a corpus file, cut at `max_len`: DIALOGUES of them, or as many as have TOKENS.

    Raises InputError where the file is damaged.
    """
    corpus = CorpusFile(path)
    dialogues = (corpus[place] for place in evenly_spaced(len(corpus), DIALOGUES))
    messages = ([{"role": turn.role, "content": turn.content} for turn in dialogue.turns] for dialogue in dialogues)
    sequences = [tokenizer.encode_dialogue(each)[0][:max_len] for each in messages]
    most = TOKENS * len(sequences) // max(1, sum(len(sequence) for sequence in sequences))
    return [sequences[place] for place in evenly_spaced(len(sequences), max(1, most))]


def evenly_spaced(size: int, most: int) -> list[int]:
    """At most so many of the places 0 to size - 1, evenly spaced."""
    return list(range(size)) if size <= most else [n * size // most for n in range(most)]


def input_moments(
    config: ClassicConfig, weights: dict[str, Floats], sequences: Sequence[Sequence[int]]
) -> dict[str, Moments]:
    """For each product, by the name of its weight, the sum of x xᵀ over the inputs x of all tokens: (in, in)."""
    moments: dict[str, Moments] = {}

    def add(name: str, x: Floats) -> None:
        moments[name] = moments.get(name, 0) + (x.T @ x).astype(np.float64)

    def recorded(name: str, weight: Floats, bias: Floats) -> Product:
        def product(x: Floats) -> Floats:
            add(name, x)
            return x @ weight.T + bias

        return product

    slots = range(min(SLOTS, len(sequences)))
    decoder = NumpyDecoder(config, weights, len(slots), product=recorded)
    for begin in range(0, len(sequences), SLOTS):
        some = sequences[begin : begin + SLOTS]
        add(OUTPUT_WEIGHT, decoder.hidden(some, slots[: len(some)]))
        decoder.free(slots[: len(some)])
    return moments
