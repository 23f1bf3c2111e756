"""One forward pass trains, reads a prompt and goes on by a token; what wraps a model sees it."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from tests.model.rotary import RotaryConfig, registered
from tinychat.batches.batching import Batch, collate
from tinychat.batches.losses import token_losses
from tinychat.batches.prepared import EncodedDialogue, to_arrays
from tinychat.model.base import LanguageModel
from tinychat.model.classic_config import ClassicConfig
from tinychat.model.registry import build_model

CONFIGS = {
    "classic": ClassicConfig(vocab_size=90, embed_dim=32, n_layers=2, n_heads=4, ffn_dim=64, max_len=20),
    "rotary": RotaryConfig(90, 32, 2, 4, 2, 64, 10_000, 20),
}


@pytest.fixture(params=CONFIGS)
def network(request: pytest.FixtureRequest) -> LanguageModel:
    torch.manual_seed(0)
    with registered():
        model = build_model(CONFIGS[request.param]).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter)
    return model


@pytest.fixture
def batch() -> Batch:
    short = EncodedDialogue((1, 5, 2, 6, 3), (False, False, False, True, True), 3)
    long = EncodedDialogue((1, *range(5, 15), 2, 7, 3), (*(False,) * 12, True, True), 3)
    return collate(to_arrays([short, long], 90), [0, 1], pad_id=0)


@torch.inference_mode()
@pytest.mark.parametrize("chunks", [[1] * 12, [12], [5, 1, 1, 5], [1, 11], [3, 4, 5]], ids=str)
def test_a_sequence_may_be_read_in_any_chunks(network: LanguageModel, chunks: list[int]) -> None:
    ids = torch.randint(0, 90, (12,), generator=torch.Generator().manual_seed(1))
    expected = network(ids[None])[0]
    cache, found, begin = network.new_cache(slots=3), [], 0
    for size in chunks:
        view = cache.extend([2], [size])
        found.append(network(ids[None, begin : begin + size], cache=view)[0])
        view.commit()
        begin += size
    torch.testing.assert_close(torch.cat(found), expected, atol=1e-5, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_chunks_of_several_sequences_in_any_slots(network: LanguageModel, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    cache = network.new_cache(slots=4, dtype=dtype)
    if dtype == torch.float32:
        cache.batch_invariant = False  # as on a GPU
    sequences = {slot: torch.randint(0, 90, (15,), generator=generator) for slot in range(4)}
    read = dict.fromkeys(sequences, 0)
    for sizes in ({0: 3, 2: 5}, {0: 1, 1: 4, 2: 2}, {3: 6, 1: 3}, {2: 1, 1: 1, 0: 1, 3: 1}):
        view = cache.extend(list(sizes), list(sizes.values()))
        ids = torch.zeros(len(sizes), view.width, dtype=torch.long)
        for row, (slot, size) in enumerate(sizes.items()):
            ids[row, :size] = sequences[slot][read[slot] : read[slot] + size]
            read[slot] += size
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            logits = network(ids, cache=view, select=view.last)
        view.commit()
        expected = torch.stack([network(sequences[slot][None, : read[slot]])[0, -1] for slot in sizes])
        torch.testing.assert_close(logits.float(), expected, atol=1e-5 if dtype == torch.float32 else 0.1, rtol=0)


@torch.inference_mode()
def test_selected_logits_are_those_of_these_tokens(network: LanguageModel) -> None:
    ids = torch.randint(0, 90, (3, 7))
    select = torch.tensor([20, 0, 8, 8])
    torch.testing.assert_close(network(ids, select=select), network(ids).flatten(0, 1)[select], atol=1e-5, rtol=0)


def gradients(model: nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
    model.zero_grad()
    losses = token_losses(model, batch.inputs, batch.targets).losses
    losses.mean().backward()
    return losses.detach(), [p.grad.clone() for p in model.parameters() if p.grad is not None]


@pytest.fixture
def process_group() -> Iterator[None]:
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_distributed_data_parallel_may_wrap_it(network: LanguageModel, batch: Batch, process_group: None) -> None:
    expected = gradients(network, batch)
    wrapped = nn.parallel.DistributedDataParallel(network)
    seen: list[nn.Module] = []
    wrapped.register_forward_hook(lambda module, *_: seen.append(module))
    found = gradients(wrapped, batch)
    assert seen == [wrapped]
    assert all(torch.equal(one, other) for one, other in zip(found[1], expected[1], strict=True))


@pytest.mark.slow
def test_torch_compile_may_wrap_it(network: LanguageModel, batch: Batch) -> None:
    """Traced and run eagerly: a compiler for the CPU is not everywhere."""
    expected = gradients(network, batch)
    found = gradients(torch.compile(network, backend="eager", fullgraph=True), batch)
    torch.testing.assert_close(found, expected)
