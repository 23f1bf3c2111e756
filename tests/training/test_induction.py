from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.model.rotary import RotaryConfig, registered
from tests.training.conftest import PAIRS, SilentDisplay, split_of
from tinychat.model.attention import attention_weights
from tinychat.model.base import LanguageModel
from tinychat.model.classic import DialogueModel, SelfAttention
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model
from tinychat.tokenizer import Tokenizer
from tinychat.training import cooccurrence
from tinychat.training.cooccurrence import add_cooccurrence
from tinychat.training.induction import CODE_STD, back_by_one, init_induction, reserved_dims, rotations
from tinychat.training.interruption import StopSignals

VOCAB, LENGTH = 500, 60


def model_of(seed: int = 0, **sizes: int) -> DialogueModel:
    torch.manual_seed(seed)
    shape = {"vocab_size": VOCAB, "embed_dim": 256, "n_layers": 3, "n_heads": 8, "ffn_dim": 64, "max_len": 192}
    model = build_model(ClassicConfig(**{**shape, **sizes}))
    assert isinstance(model, DialogueModel)
    return model


def heads_of(model: DialogueModel, token_ids: Tensor) -> tuple[Tensor, Tensor]:
    """The attention weights of the previous-token head and of the induction head: (B, T, T) each."""
    found = []
    with torch.no_grad():
        x = model.input_layer(token_ids)
        for layer in model.decoder_layers[:2]:
            assert isinstance(layer.self_attn, SelfAttention)
            queries, keys, _ = layer.self_attn.project(x)
            found.append(attention_weights(queries, keys)[:, 0])
            x = layer(x)
    return found[0], found[1]


def twice(seed: int = 0) -> Tensor:
    """Sequences of random tokens, no two of one alike, each said twice: (8, 2 LENGTH)."""
    rng = np.random.default_rng(seed)
    once = torch.from_numpy(np.stack([rng.permutation(VOCAB)[:LENGTH] for _ in range(8)]))
    return torch.cat([once, once], dim=1)


def same(one: LanguageModel, other: LanguageModel) -> bool:
    return all(torch.equal(weight, other.weights()[name]) for name, weight in one.weights().items())


@pytest.mark.parametrize(
    "sizes", [{}, {"embed_dim": 64, "n_heads": 4}, {"embed_dim": 384, "n_heads": 6}], ids=["32", "16", "64"]
)
@pytest.mark.parametrize("counted", [False, True], ids=["random", "counted"])
def test_before_training_it_attends_to_the_token_before_and_to_what_followed_the_same_token(
    sizes: dict[str, int], counted: bool
) -> None:
    model = model_of(**sizes)
    if counted:  # as large as the vectors of cooccurrence.py
        torch.nn.init.normal_(model.input_layer.word_embedding.weight, std=0.3)
    assert init_induction(model)
    previous, induction = heads_of(model, twice())
    assert previous.diagonal(-1, dim1=1, dim2=2).mean() > 0.8
    place = torch.arange(LENGTH, 2 * LENGTH - 1)
    assert induction[:, place, place - LENGTH + 1].mean() > 0.75


def test_before_training_the_second_head_adds_a_projection_of_what_it_attends_to() -> None:
    model = model_of()
    init_induction(model)
    weights = model.induction_weights()
    assert weights
    written = weights.induction.out @ weights.induction.value  # (D, D)
    torch.testing.assert_close(written @ written, written, atol=1e-5, rtol=0)
    assert torch.linalg.matrix_rank(written) == 32
    assert not written[:32].any()


def test_all_else_begins_as_it_would() -> None:
    plain, model = model_of(), model_of()
    init_induction(model)
    for one, other in zip(parts_of(plain), parts_of(model), strict=True):
        assert torch.equal(one, other)


def parts_of(model: DialogueModel) -> list[Tensor]:
    """The weights, less those that are set."""
    weights = {name: weight.detach().clone() for name, weight in model.weights().items()}
    weights["input_layer.word_embedding.weight"][:, :64] = 0
    weights["input_layer.pos_embedding.weight"][:, :32] = 0
    for number in range(2):
        attention = f"decoder_layers.{number}.self_attn"
        weights[f"{attention}.in_proj_weight"].unflatten(0, (3, 8, -1))[:, 0] = 0
        weights[f"{attention}.out_proj.weight"][:, :32] = 0
    return list(weights.values())


def test_the_embeddings_begin_with_zeros_and_codes_and_positions_of_the_same_size() -> None:
    plain, model = model_of(), model_of()
    init_induction(model)
    weights = model.induction_weights()
    assert weights
    assert not weights.tokens[:, :32].any()
    torch.testing.assert_close(weights.tokens[:, 32:64].norm(dim=1), torch.full((VOCAB,), CODE_STD * 32**0.5))
    positions = [m.input_layer.pos_embedding.weight.detach().square().mean(dim=1).sqrt() for m in (plain, model)]
    torch.testing.assert_close(*positions)


def test_each_head_reads_and_writes_only_what_it_needs() -> None:
    model = model_of()
    init_induction(model)
    weights = model.induction_weights()
    assert weights
    first, second = weights.previous_token, weights.induction
    assert not first.query[:, 32:].any()
    assert not first.key[:, 32:].any()
    assert not first.value[:, :32].any()
    assert not first.value[:, 64:].any()
    assert not first.out[32:].any()
    assert not second.query[:, :32].any()
    assert not second.query[:, 64:].any()
    assert not second.key[:, 32:].any()
    assert not second.value[:, :32].any()


def test_a_rotation_goes_back_by_one_position() -> None:
    frequencies = torch.tensor([0.1, 1.0, 3.0])
    turned = rotations(20, frequencies) @ back_by_one(frequencies).T
    torch.testing.assert_close(turned[1:], rotations(20, frequencies)[:-1], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "sizes",
    [{"n_layers": 1}, {"n_heads": 2}, {"embed_dim": 68, "n_heads": 4}, {"embed_dim": 56, "n_heads": 4}],
    ids=["one layer", "two heads", "an odd head", "a small head"],
)
def test_a_model_that_cannot_have_them_stays_as_it_is(sizes: dict[str, int]) -> None:
    plain, model = model_of(**sizes), model_of(**sizes)
    assert reserved_dims(model) == 0
    assert not init_induction(model)
    assert same(plain, model)


def test_an_architecture_without_learnt_positions_stays_as_it_is() -> None:
    with registered():
        model = build_model(RotaryConfig(VOCAB, 32, 2, 4, 2, 64, 10_000, 64))
        assert reserved_dims(model) == 0
        assert not init_induction(model)


def test_a_model_whose_output_layer_shares_the_embeddings_stays_as_it_is() -> None:
    plain, model = model_of(), model_of()
    for one in (plain, model):
        one.output_layer.weight = one.input_layer.word_embedding.weight
    assert reserved_dims(model) == 0
    assert not init_induction(model)
    assert same(plain, model)


def test_counts_leave_the_reserved_dimensions_alone(bpe: Tokenizer) -> None:
    model = model_of(vocab_size=bpe.size)
    before = model.input_layer.word_embedding.weight.detach().clone()
    reserved = reserved_dims(model)
    assert reserved == 64
    assert add_cooccurrence(model, split_of(bpe, PAIRS), bpe, reserved)
    after = model.input_layer.word_embedding.weight.detach()
    assert torch.equal(before[:, :reserved], after[:, :reserved])
    assert not torch.isclose(before[:, reserved:], after[:, reserved:]).all(dim=0).any()


def test_the_trainer_keeps_all_of_the_counts_beside_them(make_trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def ones(*given: Any) -> Tensor:
        *_, vocab_size, width = given
        return torch.ones(vocab_size, width)

    monkeypatch.setattr(cooccurrence, "token_vectors", ones)
    monkeypatch.setattr(cooccurrence, "NOISE_STD", 0.0)
    own = make_trainer(induction_init=True, cooccurrence_init=True, embed_dim=64).model.input_layer.word_embedding
    weight = own.weight.detach()
    assert (weight[:, 32:] - 1).abs().max() < 0.2  # the random numbers that were there are added
    assert weight[:, :32].mean().abs() < 0.1


@pytest.mark.parametrize("cooccurrence_init", [False, True])
def test_a_training_that_begins_with_them_is_the_same_each_time(make_trainer: Any, cooccurrence_init: bool) -> None:
    changes = {"induction_init": True, "cooccurrence_init": cooccurrence_init, "epochs": 1, "embed_dim": 64}
    with StopSignals() as stop:
        one, again = (make_trainer(**changes).run(SilentDisplay(), stop) for _ in range(2))
        plain = make_trainer(**{**changes, "induction_init": False}).run(SilentDisplay(), stop)
    assert one.weights.keys() == plain.weights.keys()
    assert all(torch.equal(weight, again.weights[name]) for name, weight in one.weights.items())
    assert one.history != plain.history


def test_the_trainer_says_whether_the_model_has_them(make_trainer: Any) -> None:
    assert make_trainer(induction_init=True, embed_dim=64).has_induction is True
    assert make_trainer(induction_init=True).has_induction is False
    assert make_trainer().has_induction is None
