"""Weights are rounded for some training dialogues: no more than the stage has time for."""

from pathlib import Path

import pytest

from tests.page.test_quoting import write_corpus
from tinychat.page.calibrating import DIALOGUES, TOKENS, read_sequences
from tinychat.tokenizer import Tokenizer


@pytest.mark.parametrize("words", [1, 40])
def test_of_longer_dialogues_fewer_are_read_evenly_spaced(words: int, bpe: Tokenizer, tmp_path: Path) -> None:
    dialogues = [[f"{'안녕 ' * words}{n}", "반가워"] for n in range(3 * DIALOGUES)]
    found = read_sequences(write_corpus(tmp_path / "train.jsonl", *dialogues), bpe, 192)
    tokens = sum(len(sequence) for sequence in found)
    assert tokens <= 1.05 * TOKENS
    assert len(found) == DIALOGUES or tokens > 0.9 * TOKENS
    assert (len(found) == DIALOGUES) == (words == 1)
    numbers = [int("".join(filter(str.isdigit, bpe.decode(sequence)))) for sequence in found]
    assert numbers == sorted(numbers) and numbers[0] == 0 and numbers[-1] > 0.95 * len(dialogues)
