"""What is said of an architecture without torch is what its module says."""

import pytest
import torch

from tinychat.model.classic_config import ClassicConfig
from tinychat.model.config import ModelConfig
from tinychat.model.registry import ARCHITECTURES

CONFIGS = [
    ClassicConfig(vocab_size=70, embed_dim=48, n_layers=3, n_heads=4, ffn_dim=40, max_len=9),
    ClassicConfig(vocab_size=5000, embed_dim=256, n_layers=6, n_heads=8, ffn_dim=1024, max_len=128),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_the_table_of_weights_is_that_of_the_module(config: ModelConfig) -> None:
    assert config.weight_shapes() == ModelConfig.weight_shapes(config)
    assert set(config.weight_shapes()) == set(config.build().state_dict())


@pytest.mark.parametrize("config", CONFIGS)
def test_the_sizes_of_a_training_are_those_of_the_module(config: ModelConfig) -> None:
    told, counted = config.training_sizes(), ModelConfig.training_sizes(config)
    assert (told.matrices, told.others) == (counted.matrices, counted.others)
    assert told.activations == pytest.approx(counted.activations, rel=0.3)


def test_each_architecture_has_its_name() -> None:
    assert all(name == kind.architecture for name, kind in ARCHITECTURES.items())


def test_nothing_is_allocated_to_know_the_shapes() -> None:
    huge = ClassicConfig(vocab_size=10**6, embed_dim=10**6, n_layers=1, n_heads=1, ffn_dim=10**6, max_len=8)
    assert ModelConfig.weight_shapes(huge)["output_layer.weight"] == (10**6, 10**6)


def test_parameters_are_in_one_group_each() -> None:
    model = CONFIGS[0].build()
    groups = model.parameter_groups()
    grouped = [*(matrix.weight for matrix in groups.matrices), *groups.embeddings]
    assert len({id(parameter) for parameter in grouped}) == len(grouped)
    assert {id(parameter) for parameter in grouped} <= {id(parameter) for parameter in model.parameters()}
    assert all(torch.is_tensor(parameter) and parameter.dim() == 2 for parameter in grouped)
