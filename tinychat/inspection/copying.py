"""What a reply copies from its prompt, such as the user's name, and which attention head copies it.

A copying head ("induction head", Olsson et al., 2209.11895) attends, at the position that predicts a token, to an
earlier occurrence of this token. T tokens in the sequence, L decoder layers, H heads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile

import torch
from torch import Tensor

from tinychat.inspection.trace import Trace
from tinychat.tokenizer import Tokenizer

MIN_COPYING_WEIGHT = 0.3  # mean attention weight on the copied tokens from which a head counts as a copying head


@dataclass(frozen=True)
class Head:
    """A head, and its attention weight on the source of each copied token, at the position that predicts the token."""

    layer: int
    head: int
    weights: tuple[float, ...]

    @property
    def weight(self) -> float:
        """The mean over the copied tokens."""
        return sum(self.weights) / len(self.weights)


@dataclass(frozen=True)
class Occurrence:
    """An occurrence of the copied text in the prompt.

    turn       of the prompt, from 0
    role       user or bot
    positions  of the tokens that hold the text
    weights    of the head's attention, for each copied token
    """

    turn: int
    role: str
    positions: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class CopiedText:
    """A text that the reply copies from the prompt, and the head that attends to it most.

    text             without spaces and punctuation around it
    reply_positions  of its tokens in the reply; token t is predicted at position t - 1
    sources          all occurrences in the prompt
    head             the one with the largest mean weight, summed over the sources
    weights_after    that head's weights on the tokens right after the sources, for each copied token
    layers           the head with the largest mean weight of each layer
    weight_by_head   (L)(H) mean weight of every head
    """

    text: str
    reply_positions: tuple[int, ...]
    sources: tuple[Occurrence, ...]
    head: Head
    weights_after: tuple[float, ...]
    layers: tuple[Head, ...]
    weight_by_head: tuple[tuple[float, ...], ...]

    @property
    def has_copying_head(self) -> bool:
        """Whether the attention of a single head explains the copy."""
        return self.head.weight >= MIN_COPYING_WEIGHT


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


def find_copied_text(trace: Trace, n_prompt: int, tokenizer: Tokenizer) -> CopiedText | None:
    """What the reply, which begins after `n_prompt` tokens, copies from a turn of the user, if anything.

    Texts are compared, not token ids, since a word may be tokenised differently at the beginning of a sentence. A match
    is whole tokens of the reply and begins a word, there and in the prompt. Text that is only in an earlier turn is
    preferred to text of the last turn, then more tokens (a rare word has several), then the larger weight.

    A single token that the user repeats is no match. An answer shares words with its question without copying: text of
    the last turn is a match only if it is several tokens and a head copies them.
    """
    *prompt, reply = _turns(trace.ids, n_prompt, tokenizer)
    users = [turn for turn in prompt if turn.role == "user"]
    found = []
    for start, text in sorted(set(_common(reply, users))):
        copied = _attribute(trace.attention, prompt, reply, start, text)
        counts = [sum(1 for _ in turn.find(text)) for turn in users]
        single = len(copied.reply_positions) == 1
        if (single and sum(counts) > 1) or (counts[-1] and (single or not copied.has_copying_head)):
            continue
        found.append((not counts[-1], len(copied.reply_positions), copied.head.weight, copied))
    return max(found, key=lambda candidate: candidate[:3])[3] if found else None


def _turns(ids: tuple[int, ...], n_prompt: int, tokenizer: Tokenizer) -> list[_Turn]:
    """The turns of the prompt, and the reply as the last."""
    bounds = [i for i in range(n_prompt) if ids[i] in (tokenizer.user_id, tokenizer.bot_id)]
    data = _token_bytes(ids, tokenizer)
    return [
        _Turn(
            number,
            "user" if ids[first] == tokenizer.user_id else "bot",
            list(_chars(data[first:end], first)),
        )
        for number, (first, end) in enumerate(pairwise([*bounds, len(ids)]))
    ]


def _token_bytes(ids: tuple[int, ...], tokenizer: Tokenizer) -> list[bytes]:
    """The bytes of each token; none for control tokens, and an invalid byte for an unknown word."""
    bytes_of = tokenizer.bytes_of(max(*ids, tokenizer.size - 1) + 1)
    if bytes_of is not None:
        return [bytes_of[token_id] for token_id in ids]
    words, unknown = zip(ids, tokenizer.tokens(ids), strict=True), tokenizer.unknown_ids
    return [
        b"" if i in tokenizer.control_ids else b" \xff" if i in unknown else f" {word}".encode() for i, word in words
    ]


def _chars(tokens: Sequence[bytes], first: int) -> Iterator[_Char]:
    """The characters of tokens from position `first`; an invalid byte is a lone surrogate."""
    positions = iter([position for position, data in enumerate(tokens, start=first) for _ in data])
    for char in b"".join(tokens).decode(errors="surrogateescape"):
        n_bytes = len(char.encode(errors="surrogateescape"))
        yield _Char(char, tuple(islice(positions, n_bytes)))


def _common(reply: _Turn, users: list[_Turn]) -> Iterator[tuple[int, str]]:
    """The longest texts that the reply shares with a turn of the user, and where each begins in the reply."""
    for turn in users:
        for source in filter(turn.begins_word, range(len(turn.chars))):
            for start in filter(reply.begins_word, range(len(reply.chars))):
                pairs = zip(reply.text[start:], turn.text[source:], strict=False)
                text = "".join(char for char, _ in takewhile(_same, pairs))
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


def _attribute(attention: Tensor, prompt: list[_Turn], reply: _Turn, start: int, text: str) -> CopiedText:
    """Attribute `text`, which begins at character `start` of the reply, to its occurrences in the prompt and to a head:
    the weights of every head at the positions that predict it.
    """
    copy_bytes = _positions(reply, start, text)
    copied = tuple(sorted(set(copy_bytes)))
    rows = attention[:, :, [position - 1 for position in copied]]  # (L, H, C, T), C copied tokens
    found = [(turn, at) for turn in prompt for at in turn.find(text)]
    source_bytes = [_positions(turn, at, text) for turn, at in found]
    # For each source and each copied token, the tokens of the source that hold the same bytes.
    same = [
        [sorted({s for c, s in zip(copy_bytes, positions, strict=True) if c == position}) for position in copied]
        for positions in source_bytes
    ]
    by_source = [_weights(rows, positions) for positions in same]
    weights = torch.stack(by_source).sum(dim=0)  # (L, H, C)
    means = weights.mean(dim=2)  # (L, H)
    heads = [Head(n, int(h), tuple(weights[n, h].tolist())) for n, h in enumerate(means.argmax(dim=1))]
    best = max(heads, key=lambda head: head.weight)
    after = [sorted({positions[n][-1] + 1 for positions in same}) for n in range(len(copied))]
    return CopiedText(
        text=text,
        reply_positions=copied,
        sources=tuple(
            Occurrence(
                turn.number, turn.role, tuple(sorted(set(positions))), tuple(own[best.layer, best.head].tolist())
            )
            for (turn, _), positions, own in zip(found, source_bytes, by_source, strict=True)
        ),
        head=best,
        weights_after=tuple(_weights(rows, after)[best.layer, best.head].tolist()),
        layers=tuple(heads),
        weight_by_head=tuple(map(tuple, means.tolist())),
    )


def _positions(turn: _Turn, at: int, text: str) -> list[int]:
    """For each byte of `text`, which begins at `at`, the position of its token."""
    return [position for char in turn.chars[at : at + len(text)] for position in char.positions]


def _weights(rows: Tensor, positions: list[list[int]]) -> Tensor:
    """The sum over these positions of each copied token's row: (L, H, C, T) → (L, H, C)."""
    return torch.stack([rows[:, :, n, own].sum(dim=-1) for n, own in enumerate(positions)], dim=-1)
