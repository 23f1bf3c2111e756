"""The memory that training needs, by params.yaml, and whether the machine has it."""

from dataclasses import dataclass

from tinychat.errors import InputError, Phrase
from tinychat.model.registry import training_sizes
from tinychat.params.sections import PARAMS_FILE, Params
from tinychat.runtime import configure_runtime, device_memory, machine_memory, requested_device

# The article's model. The parameter that is the most times its size here is the one to lower.
REFERENCE_SIZES = {"embed_dim": 256, "n_layers": 6, "ffn_dim": 1024, "max_len": 128, "vocab_size": 5000}
UNITS = {"PB": 2.0**50, "TB": 2.0**40, "GB": 2.0**30, "MB": 2.0**20}


@dataclass(frozen=True)
class BatchSize:
    """The largest batch of a training: its positions, padding included, and how many of them carry loss."""

    positions: int
    targets: int
    bytes_per_activation: int = 4  # 2 in bf16


NO_BATCH = BatchSize(0, 0)


def check_memory(params: Params) -> None:
    """Raise InputError where the model cannot be trained on this machine.

    torch is loaded only where a GPU is asked for, or the machine's own memory is too small.
    """
    needed = training_memory(params, params.model.vocab_size or 0)
    on_cpu = requested_device() in ("auto", "cpu") and needed <= machine_memory()
    device = "cpu" if on_cpu else configure_runtime().device
    refuse_too_large(params, device_memory(device), device)


def training_memory(params: Params, vocab_size: int, batch: BatchSize = NO_BATCH) -> int:
    """A lower bound of the bytes that training takes: weights and optimizer state in fp32, and the larger of gradients
    and the activations of a batch.

    Activations are those of fused attention, without (T, T) weights.
    """
    sizes = training_sizes(params.model.config(vocab_size))
    # Muon keeps one number for each weight of a matrix, AdamW two.
    states = (1 if params.train.optimizer == "muon" else 2) * sizes.matrices + 2 * sizes.others
    logits = 2 * 4 * batch.targets * (params.model.vocab_size or vocab_size)
    kept = batch.positions * sizes.activations * batch.bytes_per_activation + logits
    weights = sizes.matrices + sizes.others
    return 4 * (weights + states) + max(4 * weights, kept)


def refuse_too_large(
    params: Params, memory: float, device: str, tokens: int | None = None, batch: BatchSize = NO_BATCH
) -> None:
    """Raise InputError where training takes more than `memory` bytes, the device's; it names the param to lower.

    `tokens` are those of the vocabulary; before it is built, a model without `vocab_size` counts as one without tokens.
    """
    vocab_size = params.model.vocab_size or tokens or 0
    needed = training_memory(params, vocab_size, batch)
    if needed <= memory:
        return
    sizes = {**params.model.config(vocab_size).to_dict(), "vocab_size": vocab_size}
    reference = {name: size for name, size in REFERENCE_SIZES.items() if name in sizes}
    named = ", ".join(f"{name} {sizes[name]}" for name in reference if sizes[name])
    if training_memory(params, vocab_size) <= memory:
        named = f"train.batch_tokens {params.train.batch_tokens}, {named}"
        largest = "train.batch_tokens" if batch.positions <= params.train.batch_tokens else "model.max_len"
    else:
        name = max(reference, key=lambda name: sizes[name] / reference[name])
        largest = "vocab.max_size" if name == "vocab_size" and params.model.vocab_size is None else f"model.{name}"
    place = Phrase("this machine") if device == "cpu" else Phrase("this machine's GPU ({device})", device=device)
    raise InputError(
        "{file}: model: {sizes} need about {needed} of memory to train; {place} has {memory}; lower {largest}",
        file=PARAMS_FILE,
        sizes=named,
        needed=_in_units(needed),
        place=place,
        memory=_in_units(memory),
        largest=largest,
    )


def _in_units(size: float) -> str:
    unit = next((unit for unit in UNITS if size >= UNITS[unit]), "MB")
    value = size / UNITS[unit]
    return f"{value:,.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"
