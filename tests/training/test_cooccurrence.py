from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from tests.model.rotary import RotaryConfig, registered
from tests.training.conftest import SilentDisplay
from tinychat.batches.prepared import PreparedSplit, to_arrays
from tinychat.batches.preparing import prepare_dialogues
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.tokenizer import Tokenizer
from tinychat.training import cooccurrence
from tinychat.training.cooccurrence import (
    NOISE_STD,
    RMS,
    Turns,
    add_cooccurrence,
    positive_pmi,
    sum_cells,
    token_vectors,
)
from tinychat.training.interruption import StopSignals

TALKS = [
    ["안녕", "반가워요!", "뭐 먹을래?", "김밥이 좋아"],
    ["고마워", "내일 또 만나요"],
    ["잘 자요", "ㅋㅋ 잘 자요", "고마워", "내일 또 만나요", "안녕", "반가워요!"],
]


def split_of_talks(tokenizer: Tokenizer, talks: list[list[str]]) -> PreparedSplit:
    roles = ("user", "assistant")
    dialogues = [[{"role": roles[n % 2], "content": text} for n, text in enumerate(talk)] for talk in talks]
    return to_arrays(prepare_dialogues(dialogues, tokenizer, 100, "reply", "drop").examples, tokenizer.size)


def counted(first: Any, second: Any) -> Counter[tuple[int, int]]:
    return Counter(zip(first.tolist(), second.tolist(), strict=True))


def test_the_pairs_are_those_of_each_message_and_its_reply(bpe: Tokenizer) -> None:
    split = split_of_talks(bpe, TALKS)
    expected: Counter[tuple[int, int]] = Counter()
    for talk in TALKS:
        for message, reply in zip(talk[::2], talk[1::2], strict=True):
            expected.update((one, other) for one in bpe.encode(message) for other in bpe.encode(reply))
    assert counted(*Turns(split, 0, len(split), bpe).reply_pairs()) == expected


def test_a_turn_of_the_bot_without_one_of_the_user_before_it_is_no_reply(bpe: Tokenizer) -> None:
    said, other, message, reply = (bpe.encode(text) for text in ("반가워요!", "잘 자요", "고마워", "내일 또 만나요"))
    user, bot = [bpe.user_id], [bpe.bot_id]
    examples = [[*bot, *said, *user, *message, *bot, *reply], [*user, *message], [*bot, *other, *bot, *said]]
    tokens = np.array([token for one in examples for token in one], dtype=np.uint16)
    split = PreparedSplit(tokens, np.zeros(len(tokens), bool), np.cumsum([0, *map(len, examples)]))
    expected = Counter((one, other) for one in message for other in reply)  # in the first example, though without loss
    assert counted(*Turns(split, 0, len(split), bpe).reply_pairs()) == expected


def test_without_replies_what_stands_behind_a_token_is_counted(bpe: Tokenizer) -> None:
    examples = [[bpe.user_id, *bpe.encode(text)] for talk in TALKS for text in talk]
    tokens = np.array([token for one in examples for token in one], dtype=np.uint16)
    split = PreparedSplit(tokens, np.zeros(len(tokens), bool), np.cumsum([0, *map(len, examples)]))
    assert not len(Turns(split, 0, len(split), bpe).reply_pairs()[0])
    assert token_vectors(split, bpe, bpe.size, 32).any()


@pytest.mark.parametrize("gap", [1, 2])
def test_the_next_tokens_are_of_the_same_turn(bpe: Tokenizer, gap: int) -> None:
    split = split_of_talks(bpe, TALKS)
    expected: Counter[tuple[int, int]] = Counter()
    for ids in (bpe.encode(text) for talk in TALKS for text in talk):
        expected.update(zip(ids, ids[gap:], strict=False))
    assert counted(*Turns(split, 0, len(split), bpe).pairs_at(gap)) == expected


def test_of_a_long_turn_the_first_tokens_are_counted(bpe: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "MAX_TURN", 2)
    message, reply = bpe.encode("고마워 뭐 먹을래?"), bpe.encode("내일 또 만나요 김밥이 좋아")
    assert len(message) > 2 < len(reply)
    split = split_of_talks(bpe, [["고마워 뭐 먹을래?", "내일 또 만나요 김밥이 좋아"]])
    expected = Counter((one, other) for one in message[:2] for other in reply[:2])
    assert counted(*Turns(split, 0, 1, bpe).reply_pairs()) == expected


def test_blocks_give_the_counts_of_the_whole(bpe: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    split = split_of_talks(bpe, TALKS * 5)
    torch.manual_seed(0)
    whole = token_vectors(split, bpe, bpe.size, 16)
    monkeypatch.setattr(cooccurrence, "BLOCK_TOKENS", 20)
    torch.manual_seed(0)
    assert torch.equal(token_vectors(split, bpe, bpe.size, 16), whole)
    blocks = list(cooccurrence._blocks(split))
    assert len(blocks) > 5
    assert [n for begin, end in blocks for n in range(begin, end)] == list(range(len(split)))


def test_of_a_large_split_evenly_spaced_blocks_are_counted(bpe: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "BLOCK_TOKENS", 1)
    monkeypatch.setattr(cooccurrence, "MAX_BLOCKS", 2)
    talks = [["안녕", "반가워요!"], ["고마워", "내일 또 만나요"], ["뭐 먹을래?", "김밥이 좋아"], ["잘 자요", "ㅋㅋ"]]
    torch.manual_seed(0)
    some = token_vectors(split_of_talks(bpe, talks), bpe, bpe.size, 16)
    torch.manual_seed(0)
    assert torch.equal(some, token_vectors(split_of_talks(bpe, [talks[0], talks[3]]), bpe, bpe.size, 16))


def test_pmi_is_the_logarithm_of_how_much_more_often_than_by_chance() -> None:
    first, second = np.array([0, 0, 0, 1, 1, 2]), np.array([2, 2, 1, 1, 0, 2])
    keys, values = positive_pmi([((first, second), 1.0)], 3)
    counts = np.zeros((3, 3))
    np.add.at(counts, (first, second), 1)
    smoothed = counts.sum(0) ** 0.75
    chance = np.outer(counts.sum(1), smoothed / smoothed.sum())
    expected = np.maximum(0, np.log(np.maximum(counts, 1e-9) / chance))
    found = np.zeros(9)
    found[keys] = values
    np.testing.assert_allclose(found.reshape(3, 3), expected)


def test_sparse_matrices_are_added() -> None:
    keys, values = sum_cells([(np.array([1, 4]), np.array([0.5, 1.0])), (np.array([4, 7]), np.array([2.0, 3.0]))])
    assert (keys.tolist(), values.tolist()) == ([1, 4, 7], [0.5, 3.0, 3.0])


def test_tokens_that_are_answered_alike_begin_alike(bpe: Tokenizer) -> None:
    talks = [
        ["안녕", "반가워요!"],
        ["고마워", "반가워요!"],
        ["뭐 먹을래?", "김밥이 좋아"],
        ["잘 자요", "내일 또 만나요"],
    ]
    vectors = token_vectors(split_of_talks(bpe, talks * 3), bpe, bpe.size, 16)
    hello, thanks, eat = (vectors[bpe.encode(text)[0]] for text in ("안녕", "고마워", "뭐"))
    similarity = torch.nn.functional.cosine_similarity
    assert similarity(hello, thanks, dim=0) > similarity(hello, eat, dim=0) + 0.3


def test_vectors_are_scaled_to_one_rms_and_zero_for_a_token_without_pairs(bpe: Tokenizer) -> None:
    split = split_of_talks(bpe, TALKS)
    vectors = token_vectors(split, bpe, bpe.size, 16)
    occurs = vectors.any(dim=1)
    assert vectors[occurs].square().mean().sqrt().item() == pytest.approx(RMS, rel=1e-4)
    assert not vectors[sorted(bpe.control_ids)].any()
    assert set(torch.nonzero(occurs).flatten().tolist()) <= set(split.tokens.tolist())


def test_a_vocabulary_smaller_than_the_width_fills_what_it_can(bpe: Tokenizer) -> None:
    vectors = token_vectors(split_of_talks(bpe, TALKS), bpe, bpe.size, bpe.size + 5)
    assert vectors.shape == (bpe.size, bpe.size + 5)
    assert vectors.isfinite().all()
    assert not vectors[:, bpe.size :].any()


def test_where_nothing_can_be_counted_embeddings_stay_as_they_are(bpe: Tokenizer) -> None:
    split = PreparedSplit(
        np.array([bpe.user_id, bpe.bot_id, bpe.eos_id], dtype=np.uint16),
        np.array([False, False, True]),
        np.array([0, 3]),
    )
    assert not token_vectors(split, bpe, bpe.size, 32).any()
    model = build_model(ClassicConfig(bpe.size, 32, 1, 4, 64, 48), 0.0)
    before = {name: weight.clone() for name, weight in model.weights().items()}
    assert add_cooccurrence(model, split, bpe) == 0
    assert all(torch.equal(weight, before[name]) for name, weight in model.weights().items())


def test_an_embedding_that_the_output_layer_shares_gets_none(bpe: Tokenizer) -> None:
    with registered():
        model = build_model(RotaryConfig(bpe.size, 32, 1, 4, 2, 64, 10_000, 48), 0.0)
        before = model.weights()
        before = {name: weight.clone() for name, weight in before.items()}
        add_cooccurrence(model, split_of_talks(bpe, TALKS), bpe)
        assert all(torch.equal(weight, before[name]) for name, weight in model.weights().items())


def test_only_the_token_embedding_changes(bpe: Tokenizer) -> None:
    config = ClassicConfig(vocab_size=bpe.size, embed_dim=32, n_layers=1, n_heads=4, ffn_dim=64, max_len=48)
    model = build_model(config, 0.0)
    before = {name: weight.clone() for name, weight in model.weights().items()}
    n_tokens = add_cooccurrence(model, split_of_talks(bpe, TALKS), bpe)
    changed = [name for name, weight in model.weights().items() if not torch.equal(weight, before[name])]
    assert changed == ["input_layer.word_embedding.weight"]
    added = (model.weights()[changed[0]] - before[changed[0]]).detach()  # (V, D)
    counted = added.square().mean(dim=1).sqrt() > 2 * NOISE_STD
    assert n_tokens // 2 < counted.sum() <= n_tokens
    assert added[counted].square().mean().sqrt() == pytest.approx((RMS**2 + NOISE_STD**2) ** 0.5, rel=0.2)


def test_tokens_that_are_answered_alike_can_be_told_apart(bpe: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cooccurrence, "token_vectors", lambda *_: torch.ones(bpe.size, 32))
    model = build_model(ClassicConfig(bpe.size, 32, 1, 4, 64, 48), 0.0)
    before = model.weights()["input_layer.word_embedding.weight"].clone()
    add_cooccurrence(model, split_of_talks(bpe, TALKS), bpe)
    added = (model.weights()["input_layer.word_embedding.weight"] - before).detach()
    assert torch.cdist(added, added).fill_diagonal_(1).min() > NOISE_STD


@pytest.mark.slow
@pytest.mark.parametrize("subword_embeddings", [False, True])
def test_a_training_that_begins_with_counts_is_the_same_each_time(make_trainer: Any, subword_embeddings: bool) -> None:
    changes = {"cooccurrence_init": True, "subword_embeddings": subword_embeddings}
    with StopSignals() as stop:
        one, again = (make_trainer(**changes).run(SilentDisplay(), stop) for _ in range(2))
        plain = make_trainer(subword_embeddings=subword_embeddings).run(SilentDisplay(), stop)
    assert one.weights.keys() == plain.weights.keys()
    assert all(torch.equal(weight, again.weights[name]) for name, weight in one.weights.items())
    assert one.history != plain.history
