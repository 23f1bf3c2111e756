"""What each attention head does: named by where it looks in this sentence. L decoder layers, H heads, T tokens."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from tinychat.inspection.copying import CopiedText
from tinychat.inspection.trace import Trace
from tinychat.tokenizer import Tokenizer

# The share of its attention from which a head has the role's name; few heads do one thing only.
ROLES: Final = {"copied": 0.5, "previous": 0.3, "same": 0.3, "self": 0.4, "marks": 0.35, "first": 0.35}
FIRST_MEASURED: Final = 3  # position; before it, every token is near and few
MIN_MEASURED: Final = 2  # positions


@dataclass(frozen=True)
class HeadRole:
    """What a head does most clearly, and its mean attention weight there; None and 0 where nothing stands out.

    `copied`: where a copied token is predicted, it looks at the text that is copied. `first`: most of its attention
    rests on the first token, which says nothing. `marks`: the control tokens that begin and end turns.
    """

    role: str | None
    share: float


def name_heads(trace: Trace, copied: CopiedText | None, tokenizer: Tokenizer) -> list[list[HeadRole]]:
    """The role of each head: L lists of H."""
    shares = _shares(trace, tokenizer)  # by role, (L, H)
    if copied is not None:
        shares["copied"] = torch.tensor(copied.weight_by_head, dtype=torch.float64)
    n_layers, n_heads = trace.attention.shape[:2]
    return [
        [_clearest({role: float(share[layer, head]) for role, share in shares.items()}) for head in range(n_heads)]
        for layer in range(n_layers)
    ]


def _clearest(shares: dict[str, float]) -> HeadRole:
    """The role whose share is largest beside the share that gives its name; of equal ones the first in ROLES."""
    found = [role for role in ROLES if shares.get(role, 0.0) >= ROLES[role]]
    if not found:
        return HeadRole(None, 0.0)
    best = max(found, key=lambda role: shares[role] / ROLES[role])
    return HeadRole(best, min(shares[best], 1.0))


def _shares(trace: Trace, tokenizer: Tokenizer) -> dict[str, Tensor]:
    """By role, each head's mean weight on the role's tokens; without roles that too few positions can have."""
    ids, marks = trace.ids, tokenizer.control_ids
    sums = dict.fromkeys(ROLES, torch.zeros(trace.attention.shape[:2], dtype=torch.float64))
    counts = dict.fromkeys(ROLES, 0)
    for at in range(FIRST_MEASURED, len(ids)):
        looked_at = {
            "previous": [at - 1],
            "same": [] if ids[at] in marks else [t for t in range(at) if ids[t] == ids[at]],
            "self": [at],
            "marks": [t for t in range(1, at) if ids[t] in marks],
            "first": [0],
        }
        for role, positions in looked_at.items():
            if positions:
                sums[role] = sums[role] + trace.attention[:, :, at, positions].sum(dim=-1)
                counts[role] += 1
    return {role: sums[role] / counts[role] for role in ROLES if counts[role] >= MIN_MEASURED}
