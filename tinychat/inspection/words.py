"""The words of the pictures of the layers, and the names of layers and heads, in the reader's language.

Layers and heads are counted from 1, also where a module's name counts from 0.
"""

import re
from collections.abc import Callable
from typing import Any, Literal

Language = Literal["ko", "en"]
Words = Callable[..., str]

TEXTS: dict[str, dict[Language, str]] = {
    "layer": {"ko": "{number}층", "en": "layer {number}"},
    "head": {"ko": "{layer}의 {head}번 헤드", "en": "{layer}, head {head}"},
    "head_number": {"ko": "{head}번", "en": "head {head}"},
    # Where a head looks (tinychat.inspection.heads).
    "role.copied": {"ko": "복사할 말", "en": "copied text"},
    "role.previous": {"ko": "바로 앞 토큰", "en": "token before"},
    "role.same": {"ko": "같은 토큰", "en": "same token"},
    "role.self": {"ko": "자기 자신", "en": "itself"},
    "role.marks": {"ko": "말의 경계", "en": "turn marks"},
    "role.first": {"ko": "첫 토큰", "en": "first token"},
    "role.none": {"ko": "여러 곳", "en": "several"},
    # Legends and axes.
    "attention_weight": {"ko": "어텐션 가중치", "en": "attention weight"},
    "source": {"ko": "앞에 나온 말: 가중치", "en": "source: weight"},
    "copied": {"ko": "복사한 말", "en": "copied"},
    "length": {"ko": "토큰 벡터의 평균 길이", "en": "mean length of the tokens' vectors"},
    "before": {"ko": "들어갈 때", "en": "before the layer"},
    "after": {"ko": "나올 때", "en": "after it"},
}

NUMBERED = re.compile(r"(?P<stack>.*\w)\.(?P<index>\d+)(?:\.(?P<part>.+))?")
DECODER_LAYERS = "decoder_layers"


def words_of_pictures(language: Language) -> Words:
    """A function from a key and the values in its text to that text."""

    def text_of_key(key: str, **values: Any) -> str:
        return TEXTS[key][language].format(**values)

    return text_of_key


def split_layer_name(name: str) -> tuple[str, int, str] | None:
    """A module in a numbered layer: the name of the stack of layers, the layer's number from 1, and the part of it.

    None for other modules.
    """
    found = NUMBERED.fullmatch(name)
    return (found["stack"], int(found["index"]) + 1, found["part"] or "") if found else None


def name_layer(name: str, words: Words) -> str:
    """What a layer is called: `decoder_layers.0.ffn` is "layer 1 ffn". Others keep the name of their module."""
    split = split_layer_name(name)
    if split is None:
        return name
    stack, number, part = split
    title = words("layer", number=number) if stack == DECODER_LAYERS else f"{stack} {number}"
    return f"{title} {part}".rstrip()


def name_head(layer: str, head: int, words: Words) -> str:
    """What a head is called: `layer` is the name of its module, `head` counts from 0."""
    return words("head", layer=name_layer(layer, words), head=head + 1)
