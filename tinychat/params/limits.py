"""Limits of texts and of sampling options, shared by the checks of params.yaml and by the code.

Only the standard library is imported here, since `tinychat chat` loads this module at its start.
"""

import re

# Far more than any model reads: longer texts are refused first.
MAX_CHARACTERS = 1_000_000
REPLACEMENT = "\ufffd"
SURROGATE = re.compile("[\ud800-\udfff]")

# Minimum and maximum, both inclusive, except a top_p of 0, which leaves no token.
SAMPLING_RANGES = {
    "temperature": (0.01, 100.0),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.01, 100.0),
}

# Kinds of personal data, in the order in which they are masked: <url>, <email> …
MASK_KINDS = ("url", "email", "rrn", "card", "account", "phone", "id", "address", "blocked", "name")


def has_lone_surrogate(text: str) -> bool:
    """Whether `text` holds half a surrogate pair, as JSON's `\\ud83d` alone gives."""
    return SURROGATE.search(text) is not None


def is_damaged(text: str) -> bool:
    """Whether more than one character in a hundred is U+FFFD: an earlier program lost characters."""
    return text.count(REPLACEMENT) > len(text) / 100
