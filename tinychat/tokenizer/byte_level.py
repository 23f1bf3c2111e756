"""A byte-level BPE vocabulary: nothing is unknown to it, and any text survives encoding and decoding.

It is built in building.py.
"""

from collections.abc import Sequence

from tokenizers import Regex, normalizers, pre_tokenizers

from tinychat.errors import Phrase
from tinychat.tokenizer.chat import CONTROL_TOKENS
from tinychat.tokenizer.vocabulary import Tokenizer

# Qwen2's pre-tokenizer, unchanged: llama.cpp and vLLM know it by name. The space before each text, which the normalizer
# adds, is not part of it.
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
NORMALIZER = normalizers.Prepend(" ")
PRE_TOKENIZER = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
    ]
)

# Must be the same after encoding and decoding: parts of characters, line breaks, control tokens typed as text.
PROBE = "뷁 한글 Abc 123 👨‍👩‍👧\n<eos><user>"


def _byte_of_char() -> dict[str, int]:
    """The byte each character of the byte-level alphabet stands for (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


BYTE_OF = _byte_of_char()


class ByteLevelTokenizer(Tokenizer):
    """Text to token ids and back, byte for byte."""

    divided_by = (NORMALIZER, PRE_TOKENIZER)

    def bytes_of(self, vocab_size: int) -> list[bytes]:
        tokens = [self.backend.id_to_token(i) if i not in self.control_ids else None for i in range(vocab_size)]
        return [bytes(BYTE_OF[char] for char in token or "") for token in tokens]

    def fault(self) -> str | None:
        if fault := super().fault():
            return fault
        vocabulary = self.backend.get_vocab(with_added_tokens=True)
        if set().union(*(vocabulary.keys() - CONTROL_TOKENS)) != BYTE_OF.keys():
            return Phrase("its tokens are not made of the 256 bytes; tinychat reads byte-level BPE")
        try:
            ids = self.backend.encode(PROBE, add_special_tokens=False).ids
            unchanged = self.backend.decode(ids, skip_special_tokens=False) == PROBE
        except Exception as error:  # the library raises bare Exception
            return Phrase("it cannot encode a text: {error}", error=error)
        if not unchanged or not self.control_ids.isdisjoint(ids):
            return Phrase("a text that it encodes and decodes does not come back unchanged")
        return None

    def _text_ids(self, ids: Sequence[int]) -> list[int]:
        assert self.control_ids.isdisjoint(ids), "byte-level text has no control tokens"
        return list(ids)

    def _shown(self, token: str) -> str:
        data = bytes(BYTE_OF[char] for char in token)
        text = data.decode(errors="replace")
        if "\ufffd" not in text and text.isprintable():
            return text
        return "".join(f"<0x{byte:02X}>" for byte in data)
