"""What every vocabulary does: text to token ids and back. Its kinds are byte_level.py and word_level.py."""

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence

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
MOST_BYTES = 500_000_000  # of tokenizer.json; a million tokens take a fifth of it


class Tokenizer(ABC):
    """Text to token ids and back, and dialogues in the chat template.

    Text never becomes a control token: `<eos>` typed by a person is five characters.

    control_ids  the ids of the template's tokens
    unknown_ids  the ids that stand for what the vocabulary does not know: nobody can say them, so they are not learnt
    """

    unknown_ids: frozenset[int] = frozenset()

    def __init__(self, engine: tokenizers.Tokenizer) -> None:
        # The engine forgets this when it saves, so it is set on each load.
        engine.encode_special_tokens = True
        engine.no_padding()  # dialogues are cut and padded by us, whatever a tokenizer.json asks for
        engine.no_truncation()
        self.engine = engine
        self.size: int = engine.get_vocab_size(with_added_tokens=True)
        self._ids = {token: place for place, token in enumerate(CONTROL_TOKENS)}
        self.pad_id, self.user_id, self.bot_id, self.eos_id = (self._ids[t] for t in (PAD, USER, BOT, EOS))
        self.control_ids = frozenset(self._ids.values())

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text, none of them a control token."""
        return self._text_ids(self.engine.encode(text, add_special_tokens=False).ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` for many texts, on all cores."""
        encodings = self.engine.encode_batch(list(texts), add_special_tokens=False)
        return [self._text_ids(encoding.ids) for encoding in encodings]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; control tokens and ids beyond the vocabulary say nothing."""
        text_ids = [i for i in ids if i not in self.control_ids and i < self.size]
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
            template_turn(
                message["role"], ids, weight=message.get("weight", 1), ids=self._ids, unknown_ids=self.unknown_ids
            )
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

    def suppressed_token_ids(self, vocab_size: int) -> list[int]:
        """Ids that no reply holds, of a model with `vocab_size` of them: the marks of the template but `<eos>`, the
        unknown word, and places without a token.
        """
        return [self.pad_id, self.user_id, self.bot_id, *self.unknown_ids, *range(self.size, vocab_size)]

    @abstractmethod
    def bytes_of(self, vocab_size: int) -> list[bytes] | None:
        """The bytes that each token of a model with `vocab_size` of them says, control tokens none; None where a token
        is a whole word.
        """

    def fault(self) -> str | None:
        """Why a vocabulary that was loaded cannot be talked with, if so."""
        if sorted(self.engine.get_vocab(with_added_tokens=True).values()) != list(range(self.size)):
            return Phrase("damaged: its ids are not 0 to {last}, each once", last=self.size - 1)
        return None

    @abstractmethod
    def _text_ids(self, ids: Sequence[int]) -> list[int]:
        """What the engine made of a text, without control tokens."""

    @abstractmethod
    def _shown(self, token: str) -> str:
        """An entry of the vocabulary that is no control token, as a person can read it."""

    def _readable(self, token_id: int) -> str:
        token = self.engine.id_to_token(token_id)
        if token is None:
            return f"<{token_id}>"
        return str(token) if token_id in self.control_ids else self._shown(token)
