"""How likely the model finds what was really answered."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from tinychat.batches.batching import collate, plan_batches
from tinychat.batches.prepared import PreparedSplit
from tinychat.model.classic import DialogueModel
from tinychat.model.losses import token_losses

BATCH_TOKENS = 4096


@dataclass(frozen=True)
class Likelihood:
    """Sums over the answer tokens of a split; `<eos>` is one of them.

    loss_sum  nats
    bytes     UTF-8 bytes of the answers; `<eos>` has none, so bits per byte compare between vocabularies
    """

    loss_sum: float
    tokens: int
    bytes: int

    @property
    def loss(self) -> float:
        """Nats an answer token."""
        return self.loss_sum / self.tokens

    @property
    def perplexity(self) -> float:
        """Among how many equally likely tokens the model hesitates, on average."""
        return math.exp(self.loss)

    @property
    def bits_per_byte(self) -> float:
        """Bits a UTF-8 byte of the answers."""
        return self.loss_sum / math.log(2) / self.bytes


@torch.inference_mode()
def measure_likelihood(model: DialogueModel, split: PreparedSplit, pad_id: int) -> tuple[Likelihood, float]:
    """The model's likelihood of a split that is not empty, and the share of tokens it would have said first."""
    model.eval()
    loss_sum, tokens, correct = 0.0, 0, 0
    for rows in plan_batches(split.lengths, BATCH_TOKENS):
        measured = token_losses(model, collate(split, rows, pad_id))
        loss_sum += measured.losses.double().sum().item()
        correct += int(measured.correct.sum())
        tokens += len(measured.losses)
    return Likelihood(loss_sum, tokens, int(split.answer_bytes.sum())), correct / tokens


def unigram_likelihood(train: PreparedSplit, split: PreparedSplit, vocab_size: int) -> Likelihood:
    """The baseline that knows only how frequent each token is in the training answers (add-one smoothing)."""
    counts = np.bincount(train.tokens[train.loss], minlength=vocab_size) + 1
    losses = -np.log(counts / counts.sum())
    answers = split.tokens[split.loss]
    return Likelihood(float(losses[answers].sum()), len(answers), int(split.answer_bytes.sum()))
