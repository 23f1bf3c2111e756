"""What a reply copies from its prompt, such as the user's name, and which attention head copies it.

A head that copies ("induction head", Olsson et al., 2209.11895) attends, from the position before a token is written,
to the same token earlier in the text. T tokens in the sequence, L decoder layers, H heads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile

import torch
from torch import Tensor

from tinychat.inspection.trace import Trace
from tinychat.tokenizer import Tokenizer

SEEN = 0.3  # mean attention weight from which a head counts as copying


@dataclass(frozen=True)
class Head:
    """A head, and its attention weight on the source of each written token just before it is written."""

    layer: int
    head: int
    weights: tuple[float, ...]

    @property
    def weight(self) -> float:
        """The mean over the written tokens."""
        return sum(self.weights) / len(self.weights)


@dataclass(frozen=True)
class Occurrence:
    """An occurrence of the text in the prompt.

    turn       of the prompt, from 0
    role       user or bot
    positions  of the tokens that hold the text
    weights    of the head's attention, for each written token
    """

    turn: int
    role: str
    positions: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Carried:
    """A text that the reply copies from the prompt, and the head that attends to it most.

    text     without spaces and punctuation around it
    written  positions of its tokens in the reply; token t is predicted at position t - 1
    sources  all occurrences in the prompt
    head     the one with the largest mean weight, summed over the sources
    behind   that head's weight on the tokens after the sources' own, for each written token
    layers   the best head of each layer
    """

    text: str
    written: tuple[int, ...]
    sources: tuple[Occurrence, ...]
    head: Head
    behind: tuple[float, ...]
    layers: tuple[Head, ...]

    @property
    def seen(self) -> bool:
        """Whether a single head copies it."""
        return self.head.weight >= SEEN


@dataclass(frozen=True)
class _Char:
    """A character, and for each byte of it the position of its token."""

    char: str
    positions: tuple[int, ...]


@dataclass(frozen=True)
class _Turn:
    """A turn of the sequence."""

    number: int
    role: str
    chars: list[_Char]

    @property
    def text(self) -> str:
        return "".join(char.char for char in self.chars)

    def begins_word(self, at: int) -> bool:
        return self.chars[at].char.isalnum() and (at == 0 or not self.chars[at - 1].char.isalnum())

    def find(self, text: str) -> Iterator[int]:
        """Where `text` occurs at the beginning of a word."""
        for at in range(len(self.chars)):
            if self.begins_word(at) and self.text.startswith(text, at):
                yield at


def find_carried(trace: Trace, n_prompt: int, tokenizer: Tokenizer) -> Carried | None:
    """What the reply, which begins after `n_prompt` tokens, copies from a turn of the user, if anything.

    Texts are compared, not token ids, since a word may be tokenised differently at the beginning of a sentence. A match
    is whole tokens of the reply and begins a word, there and in the prompt. Text that is only in an earlier turn is
    preferred to text of the last turn, then more tokens (a rare word has several), then the larger weight.

    A single token that the user repeats is no match. An answer shares words with its question without copying: text of
    the last turn is a match only if it is several tokens and a head copies them.
    """
    *prompt, reply = _turns(trace.ids, n_prompt, tokenizer)
    users = [turn for turn in prompt if turn.role == "user"]
    finds = []
    for start, text in sorted(set(_common(reply, users))):
        carried = _look(trace.attention, prompt, reply, start, text)
        said = [sum(1 for _ in turn.find(text)) for turn in users]
        single = len(carried.written) == 1
        if (single and sum(said) > 1) or (said[-1] and (single or not carried.seen)):
            continue
        finds.append((not said[-1], len(carried.written), carried.head.weight, carried))
    return max(finds, key=lambda find: find[:3])[3] if finds else None


def _turns(ids: tuple[int, ...], n_prompt: int, tokenizer: Tokenizer) -> list[_Turn]:
    """The turns of the prompt, and the reply as the last."""
    bounds = [i for i in range(n_prompt) if ids[i] in (tokenizer.user_id, tokenizer.bot_id)]
    said = _bytes_said(ids, tokenizer)
    return [
        _Turn(
            number,
            "user" if ids[first] == tokenizer.user_id else "bot",
            list(_chars(said[first:end], first)),
        )
        for number, (first, end) in enumerate(pairwise([*bounds, len(ids)]))
    ]


def _bytes_said(ids: tuple[int, ...], tokenizer: Tokenizer) -> list[bytes]:
    """The bytes of each token; none for control tokens, and an invalid byte for an unknown word."""
    bytes_of = tokenizer.bytes_of(max(*ids, tokenizer.size - 1) + 1)
    if bytes_of is not None:
        return [bytes_of[token_id] for token_id in ids]
    silent = (tokenizer.pad_id, tokenizer.user_id, tokenizer.bot_id, tokenizer.eos_id)
    words, unknown = zip(ids, tokenizer.tokens(ids), strict=True), tokenizer.unknown_ids
    return [b"" if i in silent else b" \xff" if i in unknown else f" {word}".encode() for i, word in words]


def _chars(said: Sequence[bytes], first: int) -> Iterator[_Char]:
    """The characters of tokens from position `first`; an invalid byte is a lone surrogate."""
    positions = iter([position for position, data in enumerate(said, start=first) for _ in data])
    for char in b"".join(said).decode(errors="surrogateescape"):
        n_bytes = len(char.encode(errors="surrogateescape"))
        yield _Char(char, tuple(islice(positions, n_bytes)))


def _common(reply: _Turn, users: list[_Turn]) -> Iterator[tuple[int, str]]:
    """The longest texts that the reply shares with a turn of the user, and where each begins in the reply."""
    for turn in users:
        for there in filter(turn.begins_word, range(len(turn.chars))):
            for start in filter(reply.begins_word, range(len(reply.chars))):
                pairs = zip(reply.text[start:], turn.text[there:], strict=False)
                text = "".join(ours for ours, _ in takewhile(_same, pairs))
                while text and not _ends_token(reply, start + len(text)):
                    text = text[:-1]
                if text:
                    yield start, text


def _same(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1] and pair[0].isprintable()  # an invalid byte is not


def _ends_token(turn: _Turn, end: int) -> bool:
    """Whether the character before `end` is a letter, and the last one of its token."""
    last = turn.chars[end - 1]
    rest = [char for char in turn.chars[end:] if char.positions[0] <= last.positions[-1]]
    return last.char.isalnum() and not any(char.char.isalnum() for char in rest)


def _look(attention: Tensor, prompt: list[_Turn], reply: _Turn, start: int, text: str) -> Carried:
    """How every head attends to `text` in the prompt just before the reply writes it, from its character `start`."""
    ours = _positions(reply, start, text)
    written = tuple(sorted(set(ours)))
    rows = attention[:, :, [position - 1 for position in written]]  # (L, H, W, T), W written tokens
    found = [(turn, at) for turn in prompt for at in turn.find(text)]
    theirs = [_positions(turn, at, text) for turn, at in found]
    # For each source and each written token, the tokens of the source that hold the same bytes.
    same = [
        [sorted({t for o, t in zip(ours, there, strict=True) if o == position}) for position in written]
        for there in theirs
    ]
    by_source = [_weights(rows, positions) for positions in same]
    weights = torch.stack(by_source).sum(dim=0)  # (L, H, W)
    means = weights.mean(dim=2)  # (L, H)
    heads = [Head(n, int(h), tuple(weights[n, h].tolist())) for n, h in enumerate(means.argmax(dim=1))]
    best = max(heads, key=lambda head: head.weight)
    behind = [sorted({positions[n][-1] + 1 for positions in same}) for n in range(len(written))]
    return Carried(
        text=text,
        written=written,
        sources=tuple(
            Occurrence(turn.number, turn.role, tuple(sorted(set(there))), tuple(seen[best.layer, best.head].tolist()))
            for (turn, _), there, seen in zip(found, theirs, by_source, strict=True)
        ),
        head=best,
        behind=tuple(_weights(rows, behind)[best.layer, best.head].tolist()),
        layers=tuple(heads),
    )


def _positions(turn: _Turn, at: int, text: str) -> list[int]:
    """For each byte of `text`, which begins at `at`, the position of its token."""
    return [position for char in turn.chars[at : at + len(text)] for position in char.positions]


def _weights(rows: Tensor, positions: list[list[int]]) -> Tensor:
    """The sum over these positions of each written token's row: (L, H, W, T) → (L, H, W)."""
    return torch.stack([rows[:, :, n, there].sum(dim=-1) for n, there in enumerate(positions)], dim=-1)
