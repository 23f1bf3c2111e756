from typing import Any

import pytest
import torch

from tests.model.rotary import RotaryConfig, registered
from tests.training.conftest import SilentDisplay
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.tokenizer import Tokenizer
from tinychat.training.interruption import StopSignals
from tinychat.training.subwords import SubwordEmbedding, add_subwords, merge_subwords, ngrams, token_ngrams


def test_ngrams_are_of_letters_syllables_and_pairs_of_syllables() -> None:
    assert {"가", "나", "가나"} <= ngrams("가나")
    assert "<ab" in ngrams(" ab")
    assert "<ab" not in ngrams("ab")
    assert ngrams(" ab") == {"<ab", "ab>", "<ab>"}
    assert not ngrams("1,000")
    assert not ngrams("")


def test_words_that_are_written_alike_share_most_of_their_ngrams() -> None:
    one, other, unlike = ngrams(" 먹었어"), ngrams(" 먹었어요"), ngrams(" 날씨")
    assert len(one & other) > len(one) / 2
    assert not one & unlike


def test_only_ngrams_that_two_tokens_have_are_numbered(bpe: Tokenizer) -> None:
    found = token_ngrams(bpe, bpe.size)
    assert len(found) == bpe.size
    times = [sum(n in some for some in found) for n in range(1 + max(n for some in found for n in some))]
    assert min(times) >= 2
    assert not any(found[token_id] for token_id in bpe.control_ids)


def test_the_merged_model_computes_what_the_trained_one_does(bpe: Tokenizer) -> None:
    config = ClassicConfig(vocab_size=bpe.size, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=48)
    torch.manual_seed(0)
    model = build_model(config, 0.0).eval()
    plain = model.weight_shapes()
    add_subwords(model, bpe)
    table = next(module for module in model.modules() if isinstance(module, SubwordEmbedding)).table
    torch.nn.init.normal_(table)
    stored = build_model(config, 0.0).eval()
    merged = merge_subwords(model, model.weights())
    assert {name: tuple(weight.shape) for name, weight in merged.items()} == plain
    stored.load_weights(merged)
    token_ids = torch.tensor([bpe.encode("고마워 내일 또 만나요")])
    assert torch.equal(model(token_ids), stored(token_ids))


def test_each_token_is_the_plain_sum_of_its_ngrams() -> None:
    one = SubwordEmbedding([[0, 1], [], [1, 2, 3]], 8, torch.device("cpu"))
    sums = one(torch.tensor([2, 1, 0]))
    expected = torch.stack([one.table[[1, 2, 3]].sum(0) / 3**0.5, torch.zeros(8), one.table[[0, 1]].sum(0) / 2**0.5])
    torch.testing.assert_close(sums, expected)


def test_an_embedding_that_the_output_layer_shares_gets_none(bpe: Tokenizer) -> None:
    with registered():
        config = RotaryConfig(bpe.size, 32, 1, 4, 2, 64, 10_000, 48)
        model = build_model(config, 0.0)
        before = model.weight_shapes()
        add_subwords(model, bpe)
        assert model.weight_shapes() == before
        assert merge_subwords(model, model.weights()).keys() == before.keys()


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("keep", ["best", "last"])
def test_what_is_trained_has_the_weights_of_a_plain_model(make_trainer: Any, optimizer: str, keep: str) -> None:
    with StopSignals() as stop:
        trained = make_trainer(optimizer=optimizer, keep=keep, subword_embeddings=True).run(SilentDisplay(), stop)
        plain = make_trainer(optimizer=optimizer, keep=keep).run(SilentDisplay(), stop)
    assert trained.weights.keys() == plain.weights.keys()
    assert not torch.equal(
        trained.weights["input_layer.word_embedding.weight"], plain.weights["input_layer.word_embedding.weight"]
    )
