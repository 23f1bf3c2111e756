"""The likelihood of the reference answers."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from tinychat.batches.batching import collate, plan_batches
from tinychat.batches.losses import token_losses
from tinychat.batches.prepared import PreparedSplit
from tinychat.model.base import LanguageModel

BATCH_TOKENS = 4096
MAX_EXPONENT = 700.0  # exp(709.8) is the largest float


@dataclass(frozen=True)
class Likelihood:
    """Sums over the answer tokens of a split, with `<eos>`, without unknown words, which no model can generate.

    loss_sum  nats
    bytes     UTF-8 bytes of the answers, `<eos>` has none; None where a word of them is unknown to the vocabulary
    """

    loss_sum: float
    tokens: int
    bytes: int | None

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood per answer token, nats."""
        return self.loss_sum / self.tokens

    @property
    def perplexity(self) -> float | None:
        """exp of the mean negative log-likelihood per token; None where that overflows."""
        return math.exp(self.loss) if self.loss < MAX_EXPONENT else None

    @property
    def bits_per_byte(self) -> float | None:
        """Bits per UTF-8 byte of the answers, comparable between vocabularies; None where a word is unknown."""
        return self.loss_sum / math.log(2) / self.bytes if self.bytes else None


@torch.inference_mode()
def measure_likelihood(
    model: LanguageModel, split: PreparedSplit, n_bytes: int | None, pad_id: int
) -> tuple[Likelihood, float]:
    """The model's likelihood of a split that is not empty, and its next-token accuracy."""
    model.eval()
    loss_sum, tokens, correct = 0.0, 0, 0
    for indices in plan_batches(split.lengths, BATCH_TOKENS):
        batch = collate(split, indices, pad_id)
        measured = token_losses(model, batch.inputs, batch.targets)
        loss_sum += measured.losses.cpu().double().sum().item()  # MPS has no float64
        correct += int(measured.correct().sum())
        tokens += len(measured.losses)
    return Likelihood(loss_sum, tokens, n_bytes), correct / tokens


def unigram_likelihood(train: PreparedSplit, split: PreparedSplit, n_bytes: int | None, vocab_size: int) -> Likelihood:
    """The unigram baseline: token frequencies of the training answers, with add-one smoothing."""
    counts = np.bincount(train.tokens[train.loss_mask], minlength=vocab_size) + 1
    losses = -np.log(counts / counts.sum())
    answers = split.tokens[split.loss_mask]
    return Likelihood(float(losses[answers].sum()), len(answers), n_bytes)
