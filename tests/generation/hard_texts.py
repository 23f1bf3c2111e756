"""Texts built so that whoever shows them piece by piece shows them broken, as bytes."""

from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.byte_level import BYTE_OF

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
VALID = {
    "Hangul": "안녕하세요. 뷁!",
    "a family held together by joiners": f"우리 {FAMILY} 가족",
    "two families": FAMILY + FAMILY,
    "flags in a row": "🇰🇷🇺🇸🇯🇵🇫🇷",
    "an odd number of flag letters": "🇰🇷🇺🇸🇯",
    "a flag of tags": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f 잉글랜드",
    "skin tones": "👍🏽👋🏿 안녕 🤝🏻",
    "a profession with a skin tone": "👩🏾\u200d🚀 우주",
    "hearts with and without a variation selector": "❤\ufe0f ❤ ❤\ufe0e ❤\ufe0f\u200d🔥",
    "keycaps": "1\ufe0f\u20e3 2\u20e3 #\ufe0f\u20e3",
    "combining accents": "e\u0301e\u0301\u0323 cafe\u0301",
    "many accents on one letter": "a" + "\u0301\u0327\u0308" * 10 + "b",
    "conjoining jamo": "\u1112\u1161\u11ab\u1100\u1173\u11af \u1112\u119e\u11ab\uac00\u11a8",
    "old Hangul of many letters": "\u1107\u1107\u1161\u11b9\u11b9",
    "an Indic conjunct": "क्षत्रिय नमस्ते स्त्री",
    "Thai and its vowels": "กำลัง น้ำ",
    "an Arabic sign that stands before": "\u0600123 \u06dd45",
    "line breaks": "가\r\n나\r다\n\r\n라",
    "a joiner that joins nothing": "가\u200d나 👧\u200d",
    "the replacement character itself": "가\ufffd나\ufffd\ufffd",
    "a replacement character at the end": "가나\ufffd",
    "an accent with nothing before it": "\u0301가",
    "variation selectors of Han": "葛\U000e0100飾 葛\ufe00",
    "a flag behind a joiner": "🏳\ufe0f\u200d🌈🏳\ufe0f\u200d⚧\ufe0f",
}
INVALID = {
    "half a syllable": "안".encode() + "녕".encode()[:2],
    "half a syllable before a letter": "녕".encode()[:2] + b"a",
    "half a syllable before another": "녕".encode()[:2] + "하".encode() + "세".encode()[:1] + "요".encode(),
    "half an emoji": "가".encode() + "👧".encode()[:3],
    "half an emoji before a joiner": "👧".encode()[:3] + "\u200d👧".encode(),
    "bytes that begin nothing": b"\x80\xbf" + "가".encode() + b"\x80",
    "a surrogate": b"\xed\xa0\xbd\xed\xb1\xa7" + "가".encode(),
    "an overlong letter": b"\xc0\xaf\xe0\x80\xaf" + "가".encode(),
    "beyond Unicode": b"\xf4\x90\x80\x80\xf5\xff\xfe" + "가".encode(),
    "a byte of another encoding": "가".encode("euc-kr") + "안녕".encode("utf-16-le"),
    "every byte": bytes(range(256)),
    "every byte, the last first": bytes(range(255, -1, -1)),
}
TEXTS: dict[str, bytes] = {name: text.encode() for name, text in VALID.items()} | INVALID


def byte_ids(tokenizer: Tokenizer, data: bytes) -> list[int]:
    """A token for each byte, as a model may say it."""
    char_of = {byte: char for char, byte in BYTE_OF.items()}
    ids = [tokenizer.backend.token_to_id(char_of[byte]) for byte in data]
    assert None not in ids
    return ids
