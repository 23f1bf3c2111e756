"""Imports go one way: the order of the rooms in docs/design.md."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

BASE = {"params", "runtime", "files", "errors", "printing"}
MIDDLE = {"batches", "model", "tokenizer", "corpus"}
MAY_IMPORT = {
    "printing": set(),
    "errors": set(),
    "files": {"errors"},
    "language": {"errors", "printing"},
    "params": {"errors", "language", "runtime", "model"},  # of the model the configs alone
    "runtime": {"errors"},
    "corpus": BASE,
    "starter": BASE | {"corpus"},
    "readers": BASE | {"corpus", "starter"},  # of corpus, which finds them at run time
    "tokenizer": BASE | {"corpus"},
    "batches": BASE | {"corpus", "tokenizer"},
    "model": BASE | {"corpus", "tokenizer"},
    "training": BASE | MIDDLE,
    "inspection": BASE | MIDDLE,
    "report": BASE | MIDDLE | {"inspection"},  # of it svg.py alone
    "generation": BASE | MIDDLE,
    "evaluation": BASE | MIDDLE | {"generation"},
    "safety": set(),
    "chatting": BASE | MIDDLE | {"generation", "evaluation", "safety", "language"},
    "cli": BASE | {"chatting", "language"},
    "__main__": {"cli"},
}


def rooms(repo: Path) -> dict[str, set[str]]:
    """For each room of the package, the rooms it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted((repo / "tinychat").rglob("*.py")):
        parts = path.relative_to(repo / "tinychat").parts
        room = "readers" if parts[:2] == ("corpus", "readers") else parts[0].removesuffix(".py")
        reached = found.setdefault(room, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: name the module in full"
                modules = [f"{node.module}.{name.name}" for name in node.names]
            else:
                modules = []
            modules += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            reached |= {m.split(".")[1] for m in modules if m.startswith("tinychat.")}
            reached |= {"stages"} if any(m.split(".")[0] in ("stages", "tools", "examples") for m in modules) else set()
    return found


def test_every_room_imports_only_what_lies_below_it(repo: Path) -> None:
    found = rooms(repo)
    found.pop("__init__", None)
    assert set(found) == set(MAY_IMPORT)
    wrong = {room: reached - MAY_IMPORT[room] - {room} for room, reached in found.items()}
    assert {room: reached for room, reached in wrong.items() if reached} == {}


@pytest.mark.parametrize("stage", ["ingest", "build_vocab", "prepare_data", "export_csv", "summarize"])
def test_stages_without_a_model_do_not_import_torch(repo: Path, stage: str) -> None:
    code = f"import sys, stages.{stage}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=repo).returncode == 0
