"""How much talk of harming oneself is recognised, and how often wrongly: `python -m tests.safety.figures`.

The phrases in *_apart.txt were written before the first rule. The first rules recognised 185 of the 188 and took none
of the 208 harmless ones for danger: an upper bound, since one hand wrote both. On phrases that others had collected for
programs of this kind, many of them hints without a plain word, the first rules recognised 123 of 159 (77%), and the
rules made with those 91 of 121 further ones (75%); of 173 harmless ones they took 10 for danger. The rules of today
have seen these too. On phrasings that they have not seen, expect about three of four.
"""

import csv
import os
import time
from pathlib import Path

from tests.safety.phrases import phrases, starter_texts
from tinychat.safety.danger import recognises_danger

REPO = Path(__file__).parents[2]


def main() -> None:
    """Print the figures."""
    for name in ("danger_tuning", "danger_apart"):
        missed = [text for text in phrases(name) if not recognises_danger(text)]
        print(f"{name}: {len(phrases(name)) - len(missed)} of {len(phrases(name))} recognised; missed: {missed}")
    for name in ("harmless_tuning", "harmless_apart"):
        print_alarms(name, phrases(name))
    print_alarms("data/starter", starter_texts(REPO / "data/starter"))
    shared = Path(os.environ.get("TINYCHAT_SHARED_DATA", REPO.parent / "shared/data")) / "ChatbotData.csv"
    if shared.exists():
        with open(shared, encoding="utf-8", newline="") as file:
            print_alarms("songys", [row["Q"] for row in csv.DictReader(file)])


def print_alarms(name: str, texts: list[str]) -> None:
    """The texts that are taken for danger, and the time a text takes."""
    began = time.perf_counter()
    alarms = [text for text in texts if recognises_danger(text)]
    each = (time.perf_counter() - began) / len(texts)
    print(f"{name}: {len(alarms)} alarms in {len(texts)}, {1000 * each:.3f} ms each{'' if alarms else '; none'}")
    for text in alarms:
        print(f"  {text}")


if __name__ == "__main__":
    main()
