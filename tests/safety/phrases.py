"""The phrases of this folder, and other texts that are looked at for danger."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
REPO = HERE.parents[1]
UNSEEN = REPO / "benchmarks/unseen"


def phrases(name: str) -> list[str]:
    """The messages of a file here."""
    return read_phrases(HERE / f"{name}.txt")


def training_phrases(name: str) -> list[str]:
    """The messages of a file that the classifier is trained on."""
    return read_phrases(REPO / f"data/safety/{name}.txt")


def read_phrases(path: Path) -> list[str]:
    """The messages of a file, one a line; its comments are none."""
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line and not line.startswith("#")]


def unseen_talks() -> list[list[str]]:
    """The user's messages of each talk in benchmarks/unseen."""
    paths = sorted(UNSEEN.rglob("talks.yaml"))
    return [talk for path in paths for talk in yaml.safe_load(path.read_text(encoding="utf-8"))]


def starter_texts(folder: Path) -> list[str]:
    """Every text of the starter corpus: what may be asked, and the answers."""
    files = sorted(folder.rglob("*.yaml"))
    return [text for path in files for text in _texts(yaml.safe_load(path.read_text(encoding="utf-8")))]


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _texts(child)
