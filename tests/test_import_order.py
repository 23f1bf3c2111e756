"""Imports go one way: the order of the packages in docs/design.md."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

BASE = {"params", "runtime", "files", "errors", "printing", "environment", "shards"}
MIDDLE = {"batches", "model", "tokenizer", "corpus"}
MAY_IMPORT = {
    "printing": set(),
    "errors": set(),
    "files": {"errors"},
    "language": {"errors", "printing"},
    "schemas": {"errors"},
    "quantizing": set(),
    "environment": {"errors"},
    "row_progress": {"printing"},
    "ray_cluster": {"errors"},
    "shards": {"environment", "errors", "ray_cluster", "row_progress"},
    "params": {"errors", "language", "runtime", "shards", "model"},  # of the model the configs alone
    "runtime": {"environment", "errors"},
    "corpus": BASE | {"row_progress"},
    "starter": BASE | {"corpus"},
    "training_pairs": {"corpus"},
    "readers": BASE | {"corpus", "starter"},  # of corpus, which finds them at run time
    "corpus_shards": BASE | {"corpus"},
    "tokenizer": BASE | {"corpus", "corpus_shards"},
    "batches": BASE | {"corpus", "corpus_shards", "tokenizer"},
    "model": BASE | {"corpus", "tokenizer"},
    "training": BASE | MIDDLE,
    "inspection": BASE | MIDDLE,
    "report": BASE | MIDDLE | {"inspection", "schemas"},  # of inspection svg.py, labels.py and words.py
    "generation": BASE | MIDDLE | {"quantizing"},
    "page": BASE | MIDDLE | {"generation", "quantizing", "safety", "schemas", "training_pairs"},
    "evaluation": BASE | MIDDLE | {"generation"},
    "safety": set(),
    "bot": BASE | MIDDLE | {"generation", "safety"},
    "chatting": BASE | MIDDLE | {"bot", "generation", "evaluation", "safety", "language", "training_pairs"},
    "dialogue_files": BASE | {"corpus"},
    "dialogue_inspection": BASE | {"corpus", "dialogue_files"},
    "dialogue_audit": BASE | {"corpus", "dialogue_files"},
    "cli": BASE | {"chatting", "dialogue_files", "dialogue_inspection", "dialogue_audit", "language"},
    "__main__": {"cli"},
}


def imports(path: Path) -> set[str]:
    """What a file imports, anywhere in it: modules, or names in them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: name the module in full"
            found |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found


def imports_by_package(repo: Path) -> dict[str, set[str]]:
    """For each package of tinychat, the packages it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted((repo / "tinychat").rglob("*.py")):
        parts = path.relative_to(repo / "tinychat").parts
        package = "readers" if parts[:2] == ("corpus", "readers") else parts[0].removesuffix(".py")
        modules = [name.split(".") for name in imports(path)]
        reached = {module[1] for module in modules if module[0] == "tinychat" and len(module) > 1}
        reached |= {module[0] for module in modules if module[0] in ("stages", "tools", "examples")}
        found[package] = found.get(package, set()) | reached
    return found


def test_every_package_imports_only_what_is_below_it(repo: Path) -> None:
    found = imports_by_package(repo)
    found.pop("__init__", None)
    assert set(found) == set(MAY_IMPORT)
    wrong = {package: reached - MAY_IMPORT[package] - {package} for package, reached in found.items()}
    assert {package: reached for package, reached in wrong.items() if reached} == {}


def test_no_files_import_each_other_in_a_circle_not_even_later_or_for_their_types(repo: Path) -> None:
    paths = {path.relative_to(repo).with_suffix(""): path for path in (repo / "tinychat").rglob("*.py")}
    modules = {".".join(name.parts).removesuffix(".__init__"): path for name, path in paths.items()}
    found = {name: imports(path) for name, path in modules.items()}
    reached = {
        name: {other if other in modules else other.rpartition(".")[0] for other in found[name]} & modules.keys()
        for name in modules
    }
    TopologicalSorter(reached).prepare()  # raises CycleError, which names the files


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["ingest", "build_vocab", "prepare_data", "export_csv", "summarize", "build_page"])
def test_stages_without_a_model_do_not_import_torch(repo: Path, stage: str) -> None:
    code = f"import sys, stages.{stage}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=repo).returncode == 0
