"""A vocabulary that is loaded from `tokenizer.json`: text to token ids and back."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import tokenizers
from tokenizers import models

from tinychat.errors import InputError
from tinychat.files import read_regular
from tinychat.tokenizer.chat import (
    BOT,
    CONTROL_TOKENS,
    EOS,
    PAD,
    UNK,
    USER,
    EncodedTurn,
    Message,
    first_kept_turn,
    template_turn,
)

TOKENIZER_FILE = "tokenizer.json"
MOST_BYTES = 500_000_000  # of tokenizer.json; a million tokens take a fifth of it
# What byte-level text must survive: parts of characters, line breaks, control tokens that a person types.
PROBE = "뷁 한글 Abc 123 👨‍👩‍👧\n<eos><user>"


class Tokenizer:
    """Text to token ids and back, and dialogues in the chat template.

    Text never becomes a control token: `<eos>` typed by a person is five characters.
    """

    def __init__(self, engine: tokenizers.Tokenizer) -> None:
        # The engine forgets this when it saves, so it is set on each load.
        engine.encode_special_tokens = True
        engine.no_padding()  # dialogues are cut and padded by us, whatever a tokenizer.json asks for
        engine.no_truncation()
        self.engine = engine
        self.kind = "word" if isinstance(engine.model, models.WordLevel) else "bpe"
        self.size: int = engine.get_vocab_size(with_added_tokens=True)
        self._ids = {token: place for place, token in enumerate(CONTROL_TOKENS)}
        self.pad_id, self.user_id, self.bot_id, self.eos_id = (self._ids[t] for t in (PAD, USER, BOT, EOS))
        self.unk_id: int | None = engine.token_to_id(UNK)
        self._control_ids = frozenset(self._ids.values())

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text, none of them a control token."""
        return self._text_ids(self.engine.encode(text, add_special_tokens=False).ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` for many texts, on all cores."""
        encodings = self.engine.encode_batch(list(texts), add_special_tokens=False)
        return [self._text_ids(encoding.ids) for encoding in encodings]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; control tokens and ids beyond the vocabulary say nothing."""
        text_ids = [i for i in ids if i not in self._control_ids and i < self.size]
        return str(self.engine.decode(text_ids, skip_special_tokens=False))

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """Each id as a person can read it: its text, `<eos>` and the like, `<0xEA>` for parts of characters and for
        what cannot be seen, such as a line break.
        """
        return [self._readable(i) for i in ids]

    def encode_turns(self, messages: Sequence[Message]) -> list[EncodedTurn]:
        """Each message (`role` user or assistant, `content`, `weight` 0 or 1) in the chat template.

        Raises InputError for another role.
        """
        texts = self.encode_batch([message["content"] for message in messages])
        return [
            template_turn(message["role"], ids, weight=message.get("weight", 1), ids=self._ids, unk_id=self.unk_id)
            for message, ids in zip(messages, texts, strict=True)
        ]

    def encode_dialogue(self, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
        """A dialogue as token ids, and for each of them whether the model learns to say it."""
        turns = self.encode_turns(messages)
        return [i for turn in turns for i in turn.ids], [m for turn in turns for m in turn.loss_mask]

    def encode_prompt(self, messages: Sequence[Message], *, max_len: int, reply_tokens: int) -> list[int]:
        """A dialogue that ends with the user's turn, and `<bot>` behind it: what the model reads before it answers.

        What a person types is composed (NFC). Oldest turns leave first, so that `reply_tokens` still fit into
        `max_len` (half of it stays for the dialogue); the last turn may take that room. Raises InputError where it
        leaves none at all.
        """
        turns = self.encode_turns([{**m, "content": unicodedata.normalize("NFC", m["content"])} for m in messages])
        roles, lengths = [turn.role for turn in turns], [len(turn.ids) for turn in turns]
        start = first_kept_turn(roles, lengths, max_len - 1 - min(reply_tokens, max_len // 2))
        if start == len(turns):
            start = len(turns) - 1
        if lengths[start] + 2 > max_len:
            begin = messages[-1]["content"][:30]
            raise InputError(
                "the question {begin!r} … is {length} tokens long; this model takes at most {most} "
                "(max_len {max_len}, less the marks and one token of answer)",
                begin=begin,
                length=lengths[start] - 1,
                most=max_len - 3,
                max_len=max_len,
            )
        return [*(i for turn in turns[start:] for i in turn.ids), self.bot_id]

    def never_said(self, vocab_size: int) -> list[int]:
        """Ids that no reply holds, of a model with `vocab_size` of them: the marks of the template but `<eos>`, the
        unknown word, and places without a token.
        """
        marks = [self.pad_id, self.user_id, self.bot_id, *([] if self.unk_id is None else [self.unk_id])]
        return [*marks, *range(self.size, vocab_size)]

    def bytes_of(self, vocab_size: int) -> list[bytes] | None:
        """The bytes that each token of a byte-level vocabulary says, control tokens none; None for words."""
        if self.kind == "word":
            return None
        tokens = [self.engine.id_to_token(i) if i not in self._control_ids else None for i in range(vocab_size)]
        return [bytes(BYTE_OF[char] for char in token or "") for token in tokens]

    def _text_ids(self, ids: Sequence[int]) -> list[int]:
        # A word vocabulary holds the control tokens as entries, so the engine finds a typed `<eos>`.
        return [i if i not in self._control_ids else self._unknown() for i in ids]

    def _unknown(self) -> int:
        assert self.unk_id is not None, "byte-level text has no control tokens"
        return self.unk_id

    def _readable(self, token_id: int) -> str:
        token = self.engine.id_to_token(token_id)
        if token is None:
            return f"<{token_id}>"
        if self.kind == "word" or token_id in self._control_ids:
            return str(token)
        said = bytes(BYTE_OF[char] for char in token)
        text = said.decode(errors="replace")
        if "\ufffd" not in text and text.isprintable():
            return text
        return "".join(f"<0x{byte:02X}>" for byte in said)


def _byte_of_char() -> dict[str, int]:
    """The byte each character of the byte-level alphabet stands for (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


BYTE_OF = _byte_of_char()


def load_tokenizer(path: str | Path, at_most: int | None = None) -> Tokenizer:
    """The vocabulary in `path`, a `tokenizer.json` or a folder that holds one; `at_most`: the tokens its model knows.

    Raises InputError where there is none, it has more tokens, or is none of ours: word level with an unknown word, or
    byte-level BPE, either with the chat template's tokens.
    """
    file = Path(path)
    file = file / TOKENIZER_FILE if file.is_dir() else file
    try:
        engine = tokenizers.Tokenizer.from_str(read_regular(file, MOST_BYTES).decode("utf-8"))
    except FileNotFoundError:
        raise InputError("{file}: no such file; `make repro` builds the vocabulary", file=file) from None
    except InputError:
        raise
    except Exception as error:  # the engine raises bare Exception
        raise InputError("{file}: not a tokenizer.json: {error}", file=file, error=error) from None
    if not isinstance(engine.model, models.BPE | models.WordLevel):
        kind = type(engine.model).__name__
        raise InputError(
            "{file}: its model is {kind}; tinychat reads BPE (of bytes) and WordLevel", file=file, kind=kind
        )
    missing = [t for place, t in enumerate(CONTROL_TOKENS) if engine.token_to_id(t) != place]
    if missing:
        raise InputError(
            "{file}: {names} missing or misplaced; not a vocabulary of tinychat", file=file, names=", ".join(missing)
        )
    tokenizer = Tokenizer(engine)
    if at_most is not None and tokenizer.size > at_most:
        raise InputError(
            "{folder}: {name} has {tokens} tokens, but config.json says {at_most}; they are not of one model",
            folder=file.parent,
            name=file.name,
            tokens=tokenizer.size,
            at_most=at_most,
        )
    if fault := _fault(tokenizer):
        raise InputError("{file}: {fault}", file=file, fault=fault)
    return tokenizer


def _fault(tokenizer: Tokenizer) -> str | None:
    """Why this vocabulary cannot be talked with, if so."""
    engine, vocabulary = tokenizer.engine, tokenizer.engine.get_vocab(with_added_tokens=True)
    if sorted(vocabulary.values()) != list(range(tokenizer.size)):
        return f"damaged: its ids are not 0 to {tokenizer.size - 1}, each once"
    if isinstance(engine.model, models.WordLevel):
        if tokenizer.unk_id is None or engine.model.unk_token != UNK:
            return f"it has no {UNK} for the words that it does not know"
        return None
    characters = set().union(*(vocabulary.keys() - CONTROL_TOKENS))
    if characters != BYTE_OF.keys():
        return "its tokens are not made of the 256 bytes; tinychat reads byte-level BPE"
    try:
        ids = engine.encode(PROBE, add_special_tokens=False).ids
        unchanged = engine.decode(ids, skip_special_tokens=False) == PROBE
    except Exception as error:  # the engine raises bare Exception
        return f"it cannot encode a text: {error}"
    if not unchanged or any(i < len(CONTROL_TOKENS) for i in ids):
        return "a text that it encodes and decodes does not come back unchanged"
    return None
