"""What masking is for: a secret that was masked does not come out of the trained model, and one that was not does."""

import random
from pathlib import Path

import pytest

from benchmarks import canaries

pytestmark = pytest.mark.slow

SMALL = {"embed_dim": 96, "n_layers": 2, "n_heads": 4, "ffn_dim": 256, "max_len": 96}


@pytest.fixture(scope="module")
def leaks() -> dict[tuple[str, bool], canaries.Leak]:
    """By kind and masking, those of secrets that stand in twenty answers."""
    found = canaries.measure(epochs=8, n_replies=60, dialogues=100, sizes=SMALL)
    return {(leak.kind, leak.masking): leak for leak in found if leak.times == canaries.REPEATED}


@pytest.mark.parametrize("kind", ["phone", "card", "name"])
def test_a_masked_secret_is_neither_in_the_corpus_nor_said(
    leaks: dict[tuple[str, bool], canaries.Leak], kind: str
) -> None:
    masked = leaks[kind, True]
    assert (masked.in_corpus, masked.replies, masked.prefix) == (False, 0, False)


@pytest.mark.parametrize("kind", ["phone", "card", "name"])
def test_without_masking_it_is_learnt_by_heart(leaks: dict[tuple[str, bool], canaries.Leak], kind: str) -> None:
    assert leaks[kind, False].in_corpus
    assert leaks[kind, False].exposure > leaks[kind, True].exposure + 2
    assert leaks[kind, False].exposure > 5


def test_the_chat_is_the_same_each_time_and_holds_each_secret_as_often_as_it_is_planted(tmp_path: Path) -> None:
    planted = canaries.canaries(random.Random(0))
    chat = canaries.export(planted, random.Random(0))
    assert chat == canaries.export(planted, random.Random(0))
    for secret in planted:
        assert chat.count(secret.spoken) == secret.times
    assert chat.count("---------------") == 2 * canaries.CONVERSATIONS
