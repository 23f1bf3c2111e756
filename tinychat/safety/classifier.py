"""Recognises messages about self-harm: logistic regression on hashed n-grams of characters.

The weights in classifier.json were trained on the phrases of data/safety: `python -m tools.train_safety`. Plain Python:
it must work where nothing else can be loaded.
"""

import base64
import functools
import json
import math
import re
import struct
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SIZE = 1 << 18  # weights; a feature's is found by its hash
SYLLABLES = (1, 2, 3)  # lengths of n-grams
JAMO = (4, 5, 6)
NOT_READ = re.compile(r"[\W_]+")


def features(plain: str) -> list[int]:
    """The indices of a normalised text's n-grams of syllables and of jamo, each once; spaces are left out."""
    text = f"^{NOT_READ.sub('', plain)}$"
    grams = {f"s{gram}" for length in SYLLABLES for gram in _grams(text, length)}
    jamo = unicodedata.normalize("NFD", text)
    grams |= {f"j{gram}" for length in JAMO for gram in _grams(jamo, length)}
    return sorted({zlib.crc32(gram.encode("utf-8", "surrogatepass")) % SIZE for gram in grams})


def _grams(text: str, length: int) -> Iterable[str]:
    return (text[start : start + length] for start in range(len(text) - length + 1))


@dataclass(frozen=True)
class Classifier:
    """The weights of the features, as whole numbers of `scale`."""

    weights: Sequence[int]
    scale: float
    bias: float
    threshold: float

    def logit(self, plain: str) -> float:
        """The log-odds that a normalised text is about self-harm."""
        found = features(plain)
        return self.bias + self.scale * sum(self.weights[index] for index in found) / math.sqrt(len(found))

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        packed = base64.b64encode(struct.pack(f"{SIZE}b", *self.weights)).decode("ascii")
        values = {"threshold": self.threshold, "bias": self.bias, "scale": self.scale, "weights": packed}
        path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8", newline="\n")


@functools.cache
def load() -> Classifier:
    """The trained classifier."""
    values = json.loads(Path(__file__).with_name("classifier.json").read_text(encoding="utf-8"))
    values["weights"] = memoryview(base64.b64decode(values["weights"])).cast("b")
    return Classifier(**values)
