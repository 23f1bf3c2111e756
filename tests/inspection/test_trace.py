import pytest
import torch

from tinychat.inspection.layers import DESCRIPTIONS, list_layers
from tinychat.inspection.trace import trace_sequence
from tinychat.model import DialogueModel
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model

IDS = [1, 20, 30, 2, 40, 50]


def test_the_articles_layers_have_the_articles_shapes() -> None:
    config = ClassicConfig(vocab_size=5000, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=128)
    model = build_model(config)
    layers = {layer.name: layer for layer in list_layers(model)}
    assert layers["input_layer.word_embedding"].shape == "[5000, 256]"
    assert layers["input_layer.pos_embedding"].shape == "[128, 256]"
    assert layers["input_layer.norm"].shape == "[256]"
    assert layers["decoder_layers.0.self_attn"].shape == "[256, 256]"
    assert layers["decoder_layers.5.norm1"].shape == "[256]"
    assert layers["decoder_layers.5.ffn"].shape == "[256 -> 1024 -> 256]"
    assert layers["output_layer"].shape == "[256, 5000]"
    assert sum(layer.parameters for layer in layers.values()) == model.n_parameters()
    assert {layer.kind for layer in layers.values()} == set(DESCRIPTIONS)


@torch.inference_mode()
def test_the_trace_is_of_the_real_forward_pass(model: DialogueModel) -> None:
    trace = trace_sequence(model, IDS)
    logits = model(torch.tensor([IDS]))[0]
    torch.testing.assert_close(trace.early[-1], logits.softmax(-1))
    assert trace.norms["output_layer"].after == pytest.approx(float(logits.norm(dim=-1).mean()))
    assert set(trace.norms) == {layer.name for layer in list_layers(model)}
    assert trace.norms["input_layer.word_embedding"].before is None


@torch.inference_mode()
def test_attention_mixes_the_values_as_the_layer_does(model: DialogueModel) -> None:
    trace = trace_sequence(model, IDS)
    x = model.input_layer(torch.tensor([IDS]))
    for number, layer in enumerate(model.decoder_layers):
        attention = layer.self_attn
        _, _, values = attention.project(x)
        mixed = (trace.attention[number][None] @ values).transpose(1, 2).flatten(2)
        torch.testing.assert_close(attention.out_proj(mixed), attention(x), atol=1e-5, rtol=0)
        x = layer(x)


def test_early_predictions_come_after_each_layer(model: DialogueModel) -> None:
    trace = trace_sequence(model, IDS)
    assert trace.early.shape == (3, len(IDS), model.vocab_size)
    top = trace.top_tokens(2, -1, model.vocab_size)
    assert [p for _, p in top] == sorted((p for _, p in top), reverse=True)
    assert top[0][0] == int(trace.early[2, -1].argmax())


def test_the_model_is_left_as_it_was(model: DialogueModel) -> None:
    trace_sequence(model, IDS)
    assert all(not module._forward_hooks for module in model.modules())
