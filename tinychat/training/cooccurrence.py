"""Token embeddings that begin with counts: how often a token occurs in a message whose reply has another token.

The pointwise mutual information (PMI) of two tokens says how much more often that is than by chance. A truncated
singular value decomposition of the matrix of these gives each token a vector, so that tokens that are answered alike
begin alike (Levy and Goldberg, "Neural word embedding as implicit matrix factorization", 2014). Most tokens are rare,
and in a short training their embeddings get few gradients.

V vocabulary, D embed_dim, N tokens of texts, P pairs of tokens.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from tinychat.batches.prepared import PreparedSplit
from tinychat.model.base import LanguageModel
from tinychat.tokenizer import Tokenizer
from tinychat.training.subwords import token_embedding

RMS = 0.3  # root mean square of the vectors; the embeddings that they are added to have a standard deviation of 0.02
NOISE_STD = 0.1  # of random numbers that are added too: names, which are answered alike, have to be told apart
NEXT_WEIGHT = 0.5  # of the PMI of a token and the next two, beside that of a message and its reply
GAPS = {1: 1.0, 2: 0.5}  # to the next two tokens, and how much one of these pairs counts
SMOOTHING = 0.75  # exponent of the second token's count: pairs with rare ones have less PMI (Levy et al., 2015)
POWER_ITERATIONS = 3  # of the randomised decomposition (Halko et al., 0909.4061)
MAX_TURN = 32  # tokens of a turn that are counted with those of the other, its first
BLOCK_TOKENS = 100_000  # that are counted at once
MAX_BLOCKS = 20  # a larger split has this many counted, evenly spaced

Ids = npt.NDArray[np.int64]
Pairs = tuple[Ids, Ids]  # (P,) each: the first tokens, the second ones
Cells = tuple[Ids, npt.NDArray[np.float64]]  # of a sparse matrix (V, V): row times V plus column, and the value


def add_cooccurrence(model: LanguageModel, split: PreparedSplit, tokenizer: Tokenizer, reserved: int = 0) -> int:
    """Add the vectors of a split's tokens to the token embedding of a model, and random numbers to all of it. How many
    tokens have a vector.

    The first `reserved` dimensions stay as they are. Where the output layer shares the embedding's weight, nothing is
    added, since logits would begin far from zero.
    """
    if (name := token_embedding(model)) is None:
        return 0
    weight = model.get_submodule(name).get_parameter("weight")
    vocab_size, width = weight.shape
    vectors = token_vectors(split, tokenizer, vocab_size, width - reserved)
    found = int(vectors.any(dim=1).sum())
    if found:
        with torch.no_grad():
            weight[:, reserved:] += (vectors + NOISE_STD * torch.randn_like(vectors)).to(weight)
    return found


def token_vectors(split: PreparedSplit, tokenizer: Tokenizer, vocab_size: int, width: int) -> Tensor:
    """(V, D) fp32; zeros for a token without a positive PMI.

    The decomposition has as many random directions as there are dimensions, so the last ones are less exact. They are
    drawn from torch's generator, since `svd_lowrank` takes no other.
    """
    blocks = [Turns(split, begin, end, tokenizer) for begin, end in _blocks(split)]
    replies = ((block.reply_pairs(), 1.0) for block in blocks)
    following = ((block.pairs_at(gap), weight) for block in blocks for gap, weight in GAPS.items())
    (keys, pmi), (next_keys, next_pmi) = (positive_pmi(pairs, vocab_size) for pairs in (replies, following))
    keys, pmi = sum_cells([(keys, pmi), (next_keys, NEXT_WEIGHT * next_pmi)])
    if not len(keys):
        return torch.zeros(vocab_size, width)
    cells = torch.from_numpy(np.stack(np.divmod(keys, vocab_size))), torch.from_numpy(pmi).float()
    matrix = torch.sparse_coo_tensor(*cells, (vocab_size, vocab_size), check_invariants=True).coalesce()
    left, singular_values, _ = torch.svd_lowrank(matrix, q=min(vocab_size, width), niter=POWER_ITERATIONS)
    vectors = F.pad(left * singular_values.sqrt(), (0, max(0, width - vocab_size)))
    rows = cells[0][0].unique()
    found = torch.zeros(vocab_size, width)
    found[rows] = vectors[rows] * (RMS / vectors[rows].square().mean().sqrt())
    return found


def _blocks(split: PreparedSplit) -> Iterator[tuple[int, int]]:
    """Examples begin:end of about BLOCK_TOKENS tokens each, at most MAX_BLOCKS of them."""
    ends = np.searchsorted(split.offsets, np.arange(0, split.offsets[-1], BLOCK_TOKENS) + BLOCK_TOKENS)
    blocks = list(pairwise([0, *np.unique(ends.clip(1, len(split))).tolist()]))
    for number in np.unique(np.linspace(0, len(blocks) - 1, min(len(blocks), MAX_BLOCKS)).round().astype(int)):
        yield blocks[number]


class Turns:
    """The turns of some examples.

    ids        (N,) the tokens of their texts, without control tokens
    begins     (turns,) where each begins in `ids`
    lengths    (turns,) tokens in it
    is_reply   (turns,) bool: the bot's, with loss or without, after a turn of the user in the same example
    """

    def __init__(self, split: PreparedSplit, begin: int, end: int, tokenizer: Tokenizer) -> None:
        offsets = split.offsets[begin : end + 1] - split.offsets[begin]
        tokens: Ids = split.tokens[split.offsets[begin] : split.offsets[end]].astype(np.int64)
        of_bot = tokens == tokenizer.bot_id
        is_mark = of_bot | (tokens == tokenizer.user_id)
        is_mark[offsets[:-1]] = True
        is_text = ~np.isin(tokens, [*tokenizer.control_ids])
        self.ids = tokens[is_text]
        marks = np.flatnonzero(is_mark)
        ends = np.append(np.cumsum(is_text)[marks[1:] - 1], len(self.ids))
        self.begins = np.append(0, ends[:-1])
        self.lengths = ends - self.begins
        self.is_reply = of_bot[marks]
        self.is_reply[1:] &= (tokens[marks[:-1]] == tokenizer.user_id) & ~np.isin(marks[1:], offsets)
        self.is_reply[0] = False

    def reply_pairs(self) -> Pairs:
        """Each token of a user's turn with each token of the reply to it."""
        replies = np.flatnonzero(self.is_reply)
        width = np.minimum(self.lengths[replies], MAX_TURN)
        n = np.minimum(self.lengths[replies - 1], MAX_TURN) * width
        exchange = np.repeat(np.arange(len(replies)), n)  # (P,)
        number = np.arange(n.sum()) - np.repeat(n.cumsum() - n, n)  # (P,) of a pair in its exchange
        row, column = np.divmod(number, width[exchange])
        return self.ids[self.begins[replies - 1][exchange] + row], self.ids[self.begins[replies][exchange] + column]

    def pairs_at(self, gap: int) -> Pairs:
        """Each token of a turn with the one that stands `gap` behind it."""
        turn = np.repeat(np.arange(len(self.lengths)), self.lengths)  # (N,)
        first = np.flatnonzero(turn[:-gap] == turn[gap:])
        return self.ids[first], self.ids[first + gap]


def positive_pmi(weighted: Iterable[tuple[Pairs, float]], vocab_size: int) -> Cells:
    """The positive PMI in nats. Each set of pairs counts with its weight; rows are the first tokens."""
    cells = []
    for (first, second), weight in weighted:
        keys, times = np.unique(first * vocab_size + second, return_counts=True)
        cells.append((keys, weight * times))
    keys, counts = sum_cells(cells)
    row, column = np.divmod(keys, vocab_size)
    of_row, of_column = (np.bincount(one, counts, vocab_size) for one in (row, column))
    smoothed = of_column**SMOOTHING
    pmi = np.log(counts / of_row[row]) - np.log(smoothed[column] / smoothed.sum())
    return keys[pmi > 0], pmi[pmi > 0]


def sum_cells(cells: Sequence[Cells]) -> Cells:
    """The sum of matrices."""
    keys, where = np.unique(np.concatenate([keys for keys, _ in cells]), return_inverse=True)
    return keys, np.bincount(where, np.concatenate([values for _, values in cells])).astype(np.float64)
