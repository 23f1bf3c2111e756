"""The phrases of this folder, and other texts that are looked at for danger."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent


def phrases(name: str) -> list[str]:
    """The messages of a file here; its comments are none."""
    lines = (HERE / f"{name}.txt").read_text(encoding="utf-8").split("\n")
    return [line for line in lines if line and not line.startswith("#")]


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
