"""Bytes as text that may stand in a page as it is: four bytes in five characters (base64: three in four)."""

import numpy as np

# No character that HTML, JavaScript or a string.Template could take for one of its own.
ALPHABET = "".join(chr(code) for code in range(33, 127) if chr(code) not in "\"$&'-<>\\`")
BASE = len(ALPHABET)  # 85: 85⁵ > 256⁴
WORD = 4  # bytes
DIGITS = 5  # of a word


def to_base85(data: bytes) -> str:
    """Each four bytes are a little-endian number, of which the lowest digit comes first.

    Bytes that are left over, 1 to 3, are a number of 2 to 4 digits. web/src/engine/base85.js reads it.
    """
    words = np.frombuffer(data + bytes(-len(data) % WORD), dtype="<u4")
    digits = np.empty((len(words), DIGITS), dtype=np.uint8)
    for place in range(DIGITS):
        words, digits[:, place] = np.divmod(words, np.uint32(BASE))
    text = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)[digits].tobytes().decode()
    return text[: -(-len(data) * DIGITS // WORD)]
