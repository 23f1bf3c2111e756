"""The network against the article: what is the same, and each of its defects with the test it fails."""

import math

import pytest
import torch
from torch import Tensor, nn

from tinychat.batches.batching import collate
from tinychat.batches.losses import token_losses
from tinychat.batches.prepared import EncodedDialogue, to_arrays
from tinychat.model import DialogueModel
from tinychat.model.attention import attend, attention_weights
from tinychat.model.classic import POSITIONS_RMS, sinusoids
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model


class LiteralLayer(nn.Module):
    """The article's decoder layer, of torch's own modules, with `batch_first`."""

    def __init__(self, embed_dim: int, n_heads: int, ffn_dim: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(embed_dim, n_heads, batch_first=True)
        self.norm1 = nn.LayerNorm(embed_dim)
        self.ffn = nn.Sequential(nn.Linear(embed_dim, ffn_dim), nn.ReLU(), nn.Linear(ffn_dim, embed_dim))
        self.norm2 = nn.LayerNorm(embed_dim)

    def forward(self, x: Tensor, causal: Tensor, padding: Tensor) -> Tensor:
        mixed, _ = self.self_attn(x, x, x, attn_mask=causal, key_padding_mask=padding, need_weights=False)
        x = self.norm1(x + mixed)
        return self.norm2(x + self.ffn(x))


class LiteralModel(nn.Module):
    """The article's model with a causal mask of the right size and a padding mask."""

    def __init__(self, config: ClassicConfig) -> None:
        super().__init__()
        self.input_layer = nn.Module()
        self.input_layer.word_embedding = nn.Embedding(config.vocab_size, config.embed_dim)
        self.input_layer.pos_embedding = nn.Embedding(config.max_len, config.embed_dim)
        self.input_layer.norm = nn.LayerNorm(config.embed_dim)
        self.decoder_layers = nn.ModuleList(
            LiteralLayer(config.embed_dim, config.n_heads, config.ffn_dim) for _ in range(config.n_layers)
        )
        self.output_layer = nn.Linear(config.embed_dim, config.vocab_size)

    def forward(self, ids: Tensor, pad_id: int) -> Tensor:
        entry = self.input_layer
        x = entry.norm(entry.word_embedding(ids) + entry.pos_embedding(torch.arange(ids.shape[1])))
        causal = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).triu(1)
        for layer in self.decoder_layers:
            x = layer(x, causal, ids == pad_id)
        return self.output_layer(x)


ARTICLE = ClassicConfig(vocab_size=5000, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=128)
SMALL = ClassicConfig(vocab_size=350, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=48)


def unequal_batch(config: ClassicConfig, lengths: list[int]) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    ids = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(1, config.vocab_size, (length,), generator=generator)
    return ids


@pytest.mark.slow
@pytest.mark.parametrize("config", [SMALL, ARTICLE], ids=["small", "article"])
@pytest.mark.parametrize("lengths", [[1], [5, 17, 9, 40], [48, 1, 2]])
@torch.inference_mode()
def test_a_literal_model_of_torchs_modules_gives_the_same_logits(config: ClassicConfig, lengths: list[int]) -> None:
    torch.manual_seed(0)
    ours = build_model(config).eval()
    literal = LiteralModel(config).eval()
    literal.load_state_dict(ours.state_dict())  # same names, same shapes
    ids = unequal_batch(config, lengths)
    real = ids != 0
    assert (ours(ids)[real] - literal(ids, pad_id=0)[real]).abs().max() <= 1e-5


def test_the_articles_shapes_and_names() -> None:
    shapes = {name: list(weight.shape) for name, weight in build_model(ARTICLE).weights().items()}
    assert shapes["input_layer.word_embedding.weight"] == [5000, 256]
    assert shapes["input_layer.pos_embedding.weight"] == [128, 256]
    assert shapes["input_layer.norm.weight"] == [256]
    assert shapes["decoder_layers.5.self_attn.in_proj_weight"] == [768, 256]
    assert shapes["decoder_layers.5.self_attn.out_proj.weight"] == [256, 256]
    assert shapes["decoder_layers.0.ffn.0.weight"] == [1024, 256]
    assert shapes["decoder_layers.0.ffn.2.weight"] == [256, 1024]
    assert shapes["output_layer.weight"] == [5000, 256]
    assert len(shapes) == 4 + 6 * 12 + 2


@pytest.mark.parametrize("width", [64, 9])
def test_positions_begin_as_sinusoids(width: int) -> None:
    """So that what two of them have in common depends on their distance alone."""
    config = ClassicConfig(vocab_size=50, embed_dim=width, n_layers=1, n_heads=1, ffn_dim=8, max_len=48)
    torch.manual_seed(0)
    positions = build_model(config).weights()["input_layer.pos_embedding.weight"]  # (48, width)
    torch.testing.assert_close(positions, POSITIONS_RMS * math.sqrt(2) * sinusoids(48, width))
    assert positions[0, 0] == 0
    assert positions[1, 0].item() == pytest.approx(POSITIONS_RMS * math.sqrt(2) * math.sin(1))
    if width % 2 == 0:
        assert positions.square().mean().sqrt().item() == pytest.approx(POSITIONS_RMS)
        common = positions @ positions.T
        torch.testing.assert_close(common[3, 8], common[30, 35])


@pytest.mark.slow
@torch.inference_mode()
def test_a_later_token_changes_nothing_before_it(model: DialogueModel) -> None:
    """The article generates without a mask, so each new token changes what was read before."""
    ids = unequal_batch(SMALL, [20])
    changed = ids.clone()
    changed[0, 12:] = 7
    torch.testing.assert_close(model(ids)[:, :12], model(changed)[:, :12], atol=1e-6, rtol=0)
    assert not torch.allclose(model(ids)[:, 12:], model(changed)[:, 12:])


@torch.inference_mode()
def test_sentences_shorter_than_max_len_work(model: DialogueModel) -> None:
    """The article's mask is max_len × max_len and fits no shorter sentence."""
    for length in (1, 2, 47, 48):
        assert model(unequal_batch(SMALL, [length])).shape == (1, length, model.vocab_size)


@torch.inference_mode()
def test_a_row_does_not_depend_on_its_batch(model: DialogueModel) -> None:
    """Without `batch_first` the article attends over the batch."""
    ids = unequal_batch(SMALL, [10, 10, 10])
    alone = model(ids[1:2])
    torch.testing.assert_close(model(ids)[1:2], alone, atol=1e-5, rtol=0)
    others = ids.clone()
    others[0], others[2] = 9, 11
    torch.testing.assert_close(model(others)[1:2], alone, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_padding_changes_no_logit(model: DialogueModel) -> None:
    ids = unequal_batch(SMALL, [9])
    padded = torch.cat([ids, torch.zeros(1, 7, dtype=torch.long)], dim=1)
    torch.testing.assert_close(model(padded)[:, :9], model(ids), atol=1e-6, rtol=0)


def test_padding_changes_no_loss(model: DialogueModel) -> None:
    """The article counts `<pad>` as a target."""
    short = EncodedDialogue((1, 5, 2, 6, 3), (False, False, False, True, True), 3)
    long = EncodedDialogue((1, *range(5, 30), 2, 7, 3), (*(False,) * 27, True, True), 3)
    split = to_arrays([short, long], model.vocab_size)
    one, both = collate(split, [0], pad_id=0), collate(split, [0, 1], pad_id=0)
    alone = token_losses(model, one.inputs, one.targets).losses
    together = token_losses(model, both.inputs, both.targets).losses
    assert len(alone) == 2
    torch.testing.assert_close(together[:2], alone, atol=1e-5, rtol=0)


def test_bf16_counts_each_target_once(model: DialogueModel) -> None:
    """Its output layer computes a few places more, so that their number is one of few."""
    split = to_arrays([EncodedDialogue((1, 5, 2, 6, 3), (False, False, False, True, True), 3)], model.vocab_size)
    batch = collate(split, [0], pad_id=0)
    expected = token_losses(model, batch.inputs, batch.targets)
    expected.losses.mean().backward()
    gradient = model.output_layer.bias.grad
    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = token_losses(model, batch.inputs, batch.targets)
    found.losses.mean().backward()
    assert found.targets.tolist() == [6, 3]
    assert found.logits.shape == expected.logits.shape
    torch.testing.assert_close(found.losses, expected.losses, atol=2e-2, rtol=0)
    torch.testing.assert_close(model.output_layer.bias.grad, gradient, atol=2e-2, rtol=0)


def test_a_default_device_set_elsewhere_changes_nothing(model: DialogueModel) -> None:
    """The article's input layer reads a global device."""
    ids = torch.tensor([[1, 5, 2]])
    expected = model(ids)
    torch.set_default_device("meta")
    try:
        logits = model(ids)
    finally:
        torch.set_default_device(None)
    assert torch.equal(logits, expected)


def test_too_long_a_sentence_is_refused(model: DialogueModel) -> None:
    with pytest.raises(ValueError, match="49 tokens; this model takes at most max_len 48"):
        model(torch.ones(1, 49, dtype=torch.long))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_both_attention_paths_agree(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(3, 4, 11, 8, dtype=dtype) for _ in range(3))
    plain = attention_weights(q.float(), k.float()) @ v.float()
    torch.testing.assert_close(attend(q, k, v).float(), plain, atol=1e-5 if dtype == torch.float32 else 3e-2, rtol=0)


def test_attention_weights_look_back_only_and_add_up_to_one() -> None:
    weights = attention_weights(torch.randn(1, 2, 6, 8), torch.randn(1, 2, 6, 8))
    assert torch.all(weights.triu(1) == 0)
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 2, 6))


def test_dropout_counts_in_training_only() -> None:
    model = build_model(SMALL, 0.5)
    ids = torch.tensor([[1, 5, 2]])
    assert not torch.equal(model.train()(ids), model(ids))
    assert torch.equal(model.eval()(ids), model(ids))
