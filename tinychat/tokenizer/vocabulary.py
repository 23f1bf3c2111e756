"""The interface of vocabularies: text to token ids and back. Implemented in byte_level.py and word_level.py."""

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import tokenizers

from tinychat.errors import InputError, Phrase
from tinychat.tokenizer.chat import (
    BOT,
    CONTROL_TOKENS,
    EOS,
    PAD,
    USER,
    EncodedTurn,
    Message,
    first_kept_turn,
    template_turn,
)

TOKENIZER_FILE = "tokenizer.json"
MAX_TOKENIZER_BYTES = 500_000_000  # of tokenizer.json; a million tokens take a fifth of that


class Tokenizer(ABC):
    """Text to token ids and back, and dialogues in the chat template.

    Text never becomes a control token: `<eos>` typed by a person is encoded as five characters.

    divided_by   the normalizer and the pre-tokenizer of the vocabularies that are built here
    control_ids  the ids of the template's tokens
    unknown_ids  the ids of unknown words: they cannot be generated, so they carry no loss
    """

    divided_by: tuple[Any, Any]
    unknown_ids: frozenset[int] = frozenset()

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        # The library does not save this setting, so it is set on each load.
        backend.encode_special_tokens = True
        backend.no_padding()  # padding and truncation are done elsewhere, whatever tokenizer.json says
        backend.no_truncation()
        self.backend = backend
        self.size: int = backend.get_vocab_size(with_added_tokens=True)
        self._ids = {token: i for i, token in enumerate(CONTROL_TOKENS)}
        self.pad_id, self.user_id, self.bot_id, self.eos_id = (self._ids[t] for t in (PAD, USER, BOT, EOS))
        self.control_ids = frozenset(self._ids.values())

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.backend,)  # for another process; __init__ sets there what the library does not save

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text, none of them a control token."""
        return self._text_ids(self.backend.encode(text, add_special_tokens=False).ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` for many texts, on all cores."""
        encodings = self.backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [self._text_ids(encoding.ids) for encoding in encodings]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; control tokens and ids beyond the vocabulary have none."""
        text_ids = [i for i in ids if i not in self.control_ids and i < self.size]
        return str(self.backend.decode(text_ids, skip_special_tokens=False))

    def tokens(self, ids: Sequence[int]) -> list[str]:
        """Each id in readable form: its text, `<eos>` and the like, `<0xEA>` for a part of a character and for an
        invisible one, such as a line break.
        """
        return [self._readable(i) for i in ids]

    def encode_turns(self, messages: Sequence[Message]) -> list[EncodedTurn]:
        """Each message (`role` user or assistant, `content`, `weight` 0 or 1) in the chat template.

        Raises InputError for another role.
        """
        texts = self.encode_batch([message["content"] for message in messages])
        return [self.turn(message, ids) for message, ids in zip(messages, texts, strict=True)]

    def turn(self, message: Message, text_ids: Sequence[int]) -> EncodedTurn:
        """A message whose text has these ids in the chat template. Raises as `encode_turns` does."""
        has_loss = bool(message.get("weight", 1))
        return template_turn(message["role"], text_ids, has_loss=has_loss, ids=self._ids, unknown_ids=self.unknown_ids)

    def encode_dialogue(self, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
        """A dialogue as token ids and their loss mask."""
        turns = self.encode_turns(messages)
        return [i for turn in turns for i in turn.ids], [m for turn in turns for m in turn.loss_mask]

    def encode_prompt(self, messages: Sequence[Message], *, max_len: int, reply_tokens: int) -> list[int]:
        """The prompt: a dialogue that ends with the user's turn, then `<bot>`.

        Texts are normalised to NFC. The oldest turns are dropped first, so that `reply_tokens` still fit into `max_len`
        (at least half of it stays for the dialogue); the last turn may take their place. Raises InputError where it
        leaves no token for a reply.
        """
        turns = self.encode_turns([{**m, "content": unicodedata.normalize("NFC", m["content"])} for m in messages])
        roles, lengths = [turn.role for turn in turns], [len(turn.ids) for turn in turns]
        start = first_kept_turn(roles, lengths, max_len - 1 - min(reply_tokens, max_len // 2))
        if start == len(turns):
            start = len(turns) - 1
        if lengths[start] + 2 > max_len:
            begin = messages[-1]["content"][:30]
            raise InputError(
                "the question {begin!r} … is {length} tokens long; this model takes at most {maximum} "
                "(max_len {max_len}, less the control tokens and one token of the answer)",
                begin=begin,
                length=lengths[start] - 1,
                maximum=max_len - 3,
                max_len=max_len,
            )
        return [*(i for turn in turns[start:] for i in turn.ids), self.bot_id]

    def suppressed_token_ids(self, vocab_size: int) -> list[int]:
        """Ids that are never generated by a model with `vocab_size` of them: control tokens but `<eos>`, the unknown
        word, and ids without a token.
        """
        return [self.pad_id, self.user_id, self.bot_id, *self.unknown_ids, *range(self.size, vocab_size)]

    @property
    def encodes_by_words(self) -> bool:
        """Whether the ids of a text are those of its words one after another (`words_of`).

        Of a tokenizer.json of another program they may not be.
        """
        found = (self.backend.normalizer, self.backend.pre_tokenizer)
        added = self.backend.get_added_tokens_decoder().keys()  # others than these are found across spaces
        return added <= self.control_ids | self.unknown_ids and all(
            part.__getstate__() == own.__getstate__() for part, own in zip(found, self.divided_by, strict=True)
        )

    @abstractmethod
    def bytes_of(self, vocab_size: int) -> list[bytes] | None:
        """The bytes of each of `vocab_size` tokens, none for control tokens; None where a token is a whole word."""

    def fault(self) -> str | None:
        """Why a loaded vocabulary cannot be used; None where it can."""
        if sorted(self.backend.get_vocab(with_added_tokens=True).values()) != list(range(self.size)):
            return Phrase("damaged: its ids are not 0 to {last}, each once", last=self.size - 1)
        return None

    @abstractmethod
    def _text_ids(self, ids: Sequence[int]) -> list[int]:
        """The ids that the library gave for a text, without control tokens."""

    @abstractmethod
    def _shown(self, token: str) -> str:
        """A token other than the control tokens, in readable form."""

    def _readable(self, token_id: int) -> str:
        token = self.backend.id_to_token(token_id)
        if token is None:
            return f"<{token_id}>"
        return str(token) if token_id in self.control_ids else self._shown(token)
