"""A byte-level vocabulary over characters instead of bytes: the same tokens of most texts, in half the time."""

import codecs
import json
from dataclasses import dataclass
from typing import Any

import tokenizers
from tokenizers import models

from tinychat.tokenizer.byte_level import BYTE_OF, NORMALIZER, PRE_TOKENIZER, ByteLevelTokenizer
from tinychat.tokenizer.vocabulary import Tokenizer

# Of a BPE model; with another value of one of these, the library does not merge as is taken for granted here.
PLAIN: dict[str, Any] = {
    "dropout": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "byte_fallback": False,
    "ignore_merges": False,
}


@dataclass(frozen=True)
class CharacterBpe:
    """A vocabulary over characters.

    backend     the library's tokenizer, whose ids are those of the byte-level vocabulary
    characters  that a text may have
    lengths     of the tokens, by id: how many characters they have
    """

    backend: tokenizers.Tokenizer
    characters: frozenset[str]
    lengths: list[int]


def over_characters(tokenizer: Tokenizer) -> CharacterBpe | None:
    """The vocabulary over characters that gives the same ids for texts of its characters; None where there is none.

    It begins with fewer symbols, since a Hangul syllable is three bytes. The ids are the same where no token holds a
    part of a character beside something else, and the merges that build a character come before those of the character
    with others, as in vocabularies of `build_bpe`: then no merge of characters is applied before all of its characters
    are built, whether the library begins with bytes or with them.
    """
    if not isinstance(tokenizer, ByteLevelTokenizer) or not tokenizer.encodes_by_words:
        return None
    model = json.loads(tokenizer.backend.to_str())["model"]
    if any(model.get(name, value) != value for name, value in PLAIN.items()):
        return None
    texts = {token: _text(token) for token, i in model["vocab"].items() if i not in tokenizer.control_ids}
    built = {text for text in texts.values() if text is not None and len(text) == 1 and text.isascii()}
    merges: list[tuple[str, str]] = []
    for left, right in model["merges"]:
        before, after, whole = texts[left], texts[right], texts[left + right]
        if before is not None and after is not None:
            if not built.issuperset(before + after):
                return None  # it comes too early
            merges.append((before, after))
        elif len(right) == 1 and _begins_a_character(left + right):
            if whole is not None:
                built.add(whole)
        else:
            return None
    ids = {text: model["vocab"][token] for token, text in texts.items() if text is not None}
    by_id = {i: text for text, i in ids.items()}
    backend = tokenizers.Tokenizer(models.BPE(ids, merges))
    backend.normalizer, backend.pre_tokenizer = NORMALIZER, PRE_TOKENIZER[0]
    return CharacterBpe(backend, frozenset(built), [len(by_id.get(i, "")) for i in range(tokenizer.size)])


def _bytes(token: str) -> bytes:
    return bytes(BYTE_OF[char] for char in token)


def _text(token: str) -> str | None:
    """The text of a token; None where it begins or ends within a character."""
    try:
        return _bytes(token).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _begins_a_character(token: str) -> bool:
    """Whether its bytes are a character, or the first bytes of one."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        text = decoder.decode(_bytes(token))
    except UnicodeDecodeError:
        return False
    return len(text) + bool(decoder.getstate()[0]) == 1
