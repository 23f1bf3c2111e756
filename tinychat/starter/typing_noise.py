"""Typing noise: the starter corpus is in standard spelling; this adds marks, laughter and typos."""

import random
import re

LAUGHS, CRIES = ("ㅋㅋ", "ㅋㅋㅋ", "ㅎㅎ", "ㅎ"), ("ㅠㅠ", "ㅜㅜ", "ㅠ")
MARKS = ("~", "!", "!!", "..", "...", "~~", "?")
# Frequent misspellings: right, wrong.
TYPOS = (
    ("했", "햇"), ("있", "잇"), ("겠", "겟"), ("됐", "됬"), ("돼", "되"), ("괜찮", "괜찬"), ("많", "만"), ("싫", "실"),
    ("뭐", "머"), ("어떻게", "어떡게"), ("왜", "외"), ("안녕하세요", "안녕하세여"), ("해요", "해여"), ("예요", "에요"),
    ("거야", "꺼야"), ("할게", "할께"), ("갈게", "갈께"), ("없", "업"), ("좋아", "조아"), ("네가", "니가"),
    ("너무", "넘"), ("그냥", "걍"), ("진짜", "ㄹㅇ"), ("않", "안"), ("재미있", "재밌"), ("맞아", "마자"),
    ("귀찮", "귀찬"),
)  # fmt: skip


def add_typing_noise(text: str, rng: random.Random) -> str:
    """The text with one or two kinds of noise, or unchanged where none fits."""
    for _ in range(1 if rng.random() < 0.7 else 2):
        text = rng.choices((_mark, _feeling, _spaces, _typo), weights=(4, 3, 3, 2))[0](text, rng)
    return text


def _mark(text: str, rng: random.Random) -> str:
    """Another punctuation mark at the end, or none."""
    bare = text.rstrip(".!?~ ")
    if text != bare and rng.random() < 0.5:
        return bare
    if bare.endswith(("ㅋ", "ㅎ", "ㅠ", "ㅜ")):
        return text
    asks = text.rstrip(" ").endswith("?")
    return bare + (rng.choice(("??", "?", "")) if asks else rng.choice(MARKS[:-1]))


def _feeling(text: str, rng: random.Random) -> str:
    if text.rstrip(".!?~ ").endswith(("ㅋ", "ㅎ", "ㅠ", "ㅜ")):
        return text
    return text.rstrip(".~") + rng.choice(("", " ")) + rng.choice(LAUGHS + CRIES)


def _spaces(text: str, rng: random.Random) -> str:
    """One space less, or none at all."""
    spaces = [found.start() for found in re.finditer(" ", text)]
    if not spaces:
        return text
    if rng.random() < 0.4:
        return text.replace(" ", "")
    position = rng.choice(spaces)
    return text[:position] + text[position + 1 :]


def _typo(text: str, rng: random.Random) -> str:
    fitting = [pair for pair in TYPOS if pair[0] in text]
    if not fitting:
        return text
    right, wrong = rng.choice(fitting)
    return text.replace(right, wrong, 1)
