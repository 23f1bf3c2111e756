"""A trained model as the page carries it: weights in few bits, deflated; its tokenizer's tables; what replies need.

D embed_dim, F ffn_dim, V vocabulary, L layers.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinychat.generation.decoder import Floats
from tinychat.model.classic_config import INPUT, LAYER, OUTPUT, ClassicConfig
from tinychat.page.base85 import to_base85
from tinychat.page.calibrating import OUTPUT_WEIGHT, input_moments
from tinychat.page.quantizing import quantize_matrix, round_for_inputs
from tinychat.page.regexp import regexp
from tinychat.quantizing import quantize_rows
from tinychat.tokenizer import Tokenizer, called_names, fact_patterns, given_names, nouns, told_names
from tinychat.tokenizer.byte_level import BYTE_OF, ByteLevelTokenizer

Rounded = tuple[npt.NDArray[np.int8], Floats]  # whole numbers (out, in), the scale of each row (out,)
WORD_EMBEDDING, POSITIONS, *_ = INPUT

# The arrays of a model, as `array_of` in int8.c numbers them: those of the input layer, then 16 of each layer, and of
# the output layer. A product has panels, scales and bias.
WORDS = 0
LAYER_ARRAYS = 16
PARTS_OF_LAYER = (0, 3, 6, 9)  # projection, out_proj, ffn_in, ffn_out
NORMS_OF_LAYER = (12, 13, 14, 15)
INT8_BITS = 8
# Bits of a number once deflated, where weights have "6 bits". The output layer's errors count most; see
# docs/experiments.md.
ENTROPY = 5.6
ENTROPIES = {WORD_EMBEDDING: 5.0, OUTPUT_WEIGHT: 6.5}


@dataclass(frozen=True)
class PackedWeights:
    """All weights in one text.

    arrays  for each: its number in int8.c, offset and bytes; rows and columns of a weight that int8.c packs in panels
    text    the bytes, deflated, in base85
    """

    arrays: list[dict[str, int]]
    text: str


def round_weights(
    config: ClassicConfig, weights: dict[str, Floats], sequences: Sequence[Sequence[int]] = ()
) -> dict[str, Rounded]:
    """The weights in 6 bits, by name, so that the model computes nearly the same for these token ids; without any, each
    weight is rounded to the nearest. The positions stay floats.
    """
    moments = input_moments(config, weights, sequences) if sequences else {}
    rounded: dict[str, Rounded] = {}
    for name, weight in weights.items():
        if weight.ndim == 2 and name != POSITIONS:
            whole, scale = quantize_matrix(weight, ENTROPIES.get(name, ENTROPY))
            if name in moments:
                whole = round_for_inputs(weight, scale, moments[name])
            rounded[name] = whole, np.full(len(weight), scale, dtype=np.float32)
    return rounded


def bfloat16(array: Floats) -> Floats:
    """The values with 8 significant bits: half of their bytes are zero, which takes no room when deflated."""
    bits = np.ascontiguousarray(array).view(np.uint32)
    return ((bits + np.uint32(0x8000)) & np.uint32(0xFFFF0000)).view(np.float32)


def pack_weights(
    config: ClassicConfig, weights: dict[str, Floats], bits: int, sequences: Sequence[Sequence[int]] = ()
) -> PackedWeights:
    """The weights of a model in 8 bits, as TINYCHAT_WEIGHTS=int8 computes with them, or in 6 (see `round_weights`).

    The same weights give the same bytes.
    """
    floats, rows = _Bytes(), _Bytes()
    rounded = {} if bits == INT8_BITS else round_weights(config, weights, sequences)

    def put(number: int, name: str, scales_at: int, *, panels: bool = False) -> None:
        whole, scales = rounded[name] if rounded else quantize_rows(weights[name])
        rows.put(number, whole, panels=panels)
        floats.put(scales_at, scales)

    def put_linear(number: int, weight: str, bias: str) -> None:
        put(number, weight, number + 1, panels=True)
        floats.put(number + 2, weights[bias])

    put(WORDS, WORD_EMBEDDING, 1)
    _, positions, *norm = (weights[name] for name in INPUT)
    if bits < INT8_BITS:
        positions = bfloat16(positions)
    for number, array in enumerate((positions, *norm), start=2):
        floats.put(number, array)
    for layer in range(config.n_layers):
        first = LAYER_ARRAYS * (layer + 1)
        names = [f"decoder_layers.{layer}.{part}" for part in LAYER]
        in_w, in_b, out_w, out_b, norm1_w, norm1_b, wide_w, wide_b, narrow_w, narrow_b, norm2_w, norm2_b = names
        linears = ((in_w, in_b), (out_w, out_b), (wide_w, wide_b), (narrow_w, narrow_b))
        for part, linear in zip(PARTS_OF_LAYER, linears, strict=True):
            put_linear(first + part, *linear)
        for part, name in zip(NORMS_OF_LAYER, (norm1_w, norm1_b, norm2_w, norm2_b), strict=True):
            floats.put(first + part, weights[name])
    put_linear(LAYER_ARRAYS * (config.n_layers + 1), *OUTPUT)
    data = bytes(floats.data + rows.data)
    behind = [{**array, "offset": array["offset"] + len(floats.data)} for array in rows.arrays]
    # Z_FILTERED leaves out the short repetitions that chance brings: 1.2% smaller.
    return PackedWeights([*floats.arrays, *behind], deflated(data, zlib.Z_FILTERED))


def deflated(data: bytes, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> str:
    """Bytes deflated, in base85. The strategy does not matter to who unpacks them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1, strategy)
    return to_base85(packer.compress(data) + packer.flush())


class _Bytes:
    """Arrays behind each other."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.arrays: list[dict[str, int]] = []

    def put(self, number: int, array: npt.NDArray[Any], *, panels: bool = False) -> None:
        data = np.ascontiguousarray(array).tobytes()
        entry = {"part": number, "offset": len(self.data), "bytes": len(data)}
        if panels:
            entry |= {"rows": array.shape[0], "columns": array.shape[1]}
        self.arrays.append(entry)
        self.data += data


def tokenizer_tables(tokenizer: Tokenizer) -> dict[str, Any]:
    """What the page's tokenizer is made of (web/src/engine/tokenizer.js)."""
    model = json.loads(tokenizer.backend.to_str())["model"]
    ids: dict[str, int] = model["vocab"]
    if not isinstance(tokenizer, ByteLevelTokenizer):
        words = [word for word, _ in sorted(ids.items(), key=lambda item: item[1])]
        return {"kind": "word", "size": tokenizer.size, "words": words, "unknown": min(tokenizer.unknown_ids)}
    by_byte = {BYTE_OF[char]: ids[char] for char in BYTE_OF}
    pairs = [merge if isinstance(merge, list) else merge.split(" ") for merge in model["merges"]]
    first = len(ids) - len(pairs)  # the ids of merges follow each other, but for pairs that give the same token
    return {
        "kind": "bpe",
        "size": tokenizer.size,
        "first": first,
        "bytes": [by_byte[byte] for byte in range(256)],
        "merges": [_merge(ids[left], ids[right], ids[left + right], n) for n, (left, right) in enumerate(pairs, first)],
    }


def _merge(left: int, right: int, merged: int, expected: int) -> list[int]:
    return [left, right] if merged == expected else [left, right, merged]


def name_patterns() -> dict[str, Any]:
    """What told_names.py knows, its patterns for RegExp; NAME stands for a name that is looked for."""
    before_names = {"short": called_names.BEFORE_SHORT_NAME, "long": called_names.BEFORE_NAME}
    return {
        "tells": [regexp(pattern) for pattern in told_names.TELLS],
        "corrects": [regexp(pattern) for pattern in told_names.CORRECTS],
        "may_tell": [regexp(pattern) for pattern in told_names.MAY_TELL],
        "answers": [regexp(pattern) for pattern in told_names.ANSWERS],
        "asks_user": regexp(told_names.ASKS_USER.pattern),
        "asks": regexp(told_names.ASKS.pattern),
        "asks_own": regexp(told_names.ASKS_OWN.pattern),
        "denies": regexp(told_names.DENIES.pattern),
        "praises": regexp(told_names.PRAISES.pattern),
        "honorific": called_names.HONORIFIC,
        "name_word": called_names.NAME_WORD,
        "called": regexp(called_names.CALLED.pattern),
        "always_told": {
            name: regexp(called_names.always_told("NAME", before)) for name, before in before_names.items()
        },
        "told": {name: regexp(called_names.said_to_be("NAME", before)) for name, before in before_names.items()},
        "clause_ends": regexp(called_names.CLAUSE_ENDS.pattern),
        "subject": regexp(called_names.SUBJECT.pattern),
        "speaker": regexp(called_names.SPEAKER.pattern),
        "no_names": sorted(told_names.NO_NAMES),
        "calls_nobody": regexp(told_names.CALLS_NOBODY.pattern),
        "people": sorted(nouns.PEOPLE),
        "other_nouns": sorted(nouns.OTHERS),
        "given_names": {
            "families": ["", *given_names.LONG_FAMILY_NAMES, *given_names.FAMILY_NAMES],
            "first": given_names.FIRST_SYLLABLES,
            "second": given_names.SECOND_SYLLABLES,
            "whole": sorted(given_names.WHOLE_NAMES),
        },
    }


def fact_tables() -> dict[str, Any]:
    """What told_facts.py knows of how somebody tells what they like and asks for it, its patterns for RegExp."""
    topics = ("if_known", "if_food", "favourite", "hobby", "learnt", "eaten", "disliked", "name_of")
    return {
        "tells": [[topic, regexp(pattern)] for topic, pattern in fact_patterns.TELLS],
        "asks": [[topic, regexp(pattern)] for topic, pattern in fact_patterns.ASKS],
        "asks_advice": regexp(fact_patterns.ASKS_ADVICE),
        "and": regexp(fact_patterns.AND),
        "corrects": regexp(fact_patterns.CORRECTS),
        "corrects_it": regexp(fact_patterns.CORRECTS_IT),
        "no_longer": regexp(fact_patterns.NO_LONGER),
        "topics": {topic: getattr(fact_patterns, topic.upper()) for topic in topics},
        "same_kind": [*fact_patterns.SAME_KIND.items()],
        "of_kind": [[kind, regexp(pattern)] for kind, pattern in fact_patterns.OF_KIND.items()],
        "closed": sorted(fact_patterns.CLOSED),
        "foods": sorted(fact_patterns.FOODS),
        "people_kinds": sorted(fact_patterns.PEOPLE_KINDS),
        "no_fact": sorted(fact_patterns.NO_FACT),
        "color": fact_patterns.COLOR,
        "not_the_user": sorted(fact_patterns.NOT_THE_USER),
        "no_beginning": regexp(fact_patterns.NO_BEGINNING),
        "is_described": regexp(fact_patterns.IS_DESCRIBED),
        "is_verb": regexp(fact_patterns.IS_VERB),
        "particles": fact_patterns.PARTICLES,
        "with_particle": regexp(fact_patterns.WITH_PARTICLE),
        "which": regexp(fact_patterns.WHICH),
        "behind": regexp(fact_patterns.BEHIND),
        "fit_consonant": fact_patterns.FIT_CONSONANT,
        "fit_vowel": fact_patterns.FIT_VOWEL,
        "also_fit": [*fact_patterns.ALSO_FIT.items()],
        "answers": fact_patterns.ANSWERS,
        "also_answers": [*fact_patterns.ALSO_ANSWERS.items()],
        "behind_word": regexp(fact_patterns.BEHIND_WORD),
    }
