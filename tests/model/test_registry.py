"""What is said of an architecture without torch is what its network says."""

import pytest
import torch

from tests.model.rotary import RotaryConfig, registered
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.config import ModelConfig
from tinychat.model.registry import ARCHITECTURES, build_model, weight_shapes

CONFIGS = [
    ClassicConfig(vocab_size=70, embed_dim=48, n_layers=3, n_heads=4, ffn_dim=40, max_len=9),
    ClassicConfig(vocab_size=5000, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=128),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_table_of_weights_is_that_of_the_network(config: ModelConfig) -> None:
    model = build_model(config)
    assert config.weight_shapes() == weight_shapes(config) == model.weight_shapes()
    assert set(weight_shapes(config)) == set(model.state_dict())


@pytest.mark.parametrize("config", CONFIGS)
def test_the_sizes_of_a_training_are_those_of_the_network(config: ModelConfig) -> None:
    stated, counted = config.training_sizes(), build_model(config).training_sizes()
    assert (stated.matrices, stated.others) == (counted.matrices, counted.others)
    assert stated.activations == pytest.approx(counted.activations, rel=0.3)


def test_each_architecture_has_its_name() -> None:
    assert all(name == known.config.architecture for name, known in ARCHITECTURES.items())


def test_nothing_is_allocated_to_know_the_shapes() -> None:
    huge = RotaryConfig(10**6, 10**6, 1, 1, 1, 10**6, 10_000, 8)
    with registered():
        assert weight_shapes(huge)["embedding.weight"] == (10**6, 10**6)


def test_parameters_are_in_one_group_each() -> None:
    model = build_model(CONFIGS[0])
    groups = model.parameter_groups()
    grouped = [*(matrix.weight for matrix in groups.matrices), *groups.embeddings]
    assert len({id(parameter) for parameter in grouped}) == len(grouped)
    assert {id(parameter) for parameter in grouped} <= {id(parameter) for parameter in model.parameters()}
    assert all(torch.is_tensor(parameter) and parameter.dim() == 2 for parameter in grouped)
