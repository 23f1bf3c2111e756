"""The import closure of each stage, which dvc.yaml must list as deps: DVC itself sees no imports.

    python -m tools.import_closure             print the deps on code of each stage, as lines for dvc.yaml
    python -m tools.import_closure --check     compare them with dvc.yaml; exit code 1 where they differ

A folder below tinychat/ is one dep where a stage imports every module in it: a new module needs no change of dvc.yaml.

Found by static analysis, so that an import inside a function counts and nothing is executed. Data files in the
packages count too, such as a page's templates; C files where what compiles them is. Left out: empty `__init__.py`
files; the files of tinychat/params that only check params.yaml, with what they alone import; and the texts in
tinychat/language where exit.py there imports them, to tell why a stage failed, since a failed stage has no outs. The
readers are found at run time: a stage that imports their package or tinychat/corpus/reader.py depends on all of them.
"""

import argparse
import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
STAGES = "stages"
PACKAGES = (STAGES, "tinychat")
EXCLUDED = {f"tinychat/params/{name}.py" for name in ("loading", "memory", "sections")}
LANGUAGE = "tinychat/language"
EXIT_FILE = f"{LANGUAGE}/exit.py"
READERS = "tinychat/corpus/readers"
READER_REGISTRY = "tinychat/corpus/reader.py"
COMPILER = "tinychat/generation/compiling.py"  # what reads the C files


def closure(root: Path, stage: str) -> list[str]:
    """The files that `stages/STAGE.py` below `root` imports, itself included, and the data files beside them.

    Paths from `root`, sorted, with `/` on every system.
    Raises FileNotFoundError where the stage has no file, SyntaxError where a file is no Python.
    """
    found = {
        f"{STAGES}/{stage}.py",
        *_files_of(root, [STAGES, stage]),
    }  # `python -m stages.STAGE` loads the package too
    queue = sorted(found)
    while queue:
        file = queue.pop()
        reached = _imported_files(root, file)
        if file == EXIT_FILE:
            reached = {other for other in reached if not other.startswith(f"{LANGUAGE}/")}
        if any(other == READER_REGISTRY or other.startswith(f"{READERS}/") for other in reached):
            reached |= {reader.relative_to(root).as_posix() for reader in (root / READERS).rglob("*.py")}
        new = reached - found - EXCLUDED
        found |= new
        queue += sorted(new)
    files = {file for file in found if not _is_empty_init(root / file)}
    return sorted(files | _data_beside(root, files))


def code_deps(root: Path, stage: str) -> list[str]:
    """The deps on code of a stage: its import closure, a folder instead of its files where all of its modules count."""
    files = set(closure(root, stage))
    folders = {folder for file in files for folder in Path(file).parents if len(folder.parts) > 1}
    whole = {folder.as_posix() for folder in folders if _modules(root, folder) <= files}
    covered = {path for path in files | whole if any(path.startswith(f"{folder}/") for folder in whole)}
    return sorted((files | whole) - covered)


def _modules(root: Path, folder: Path) -> set[str]:
    """The modules in a folder and below it, but for empty `__init__.py` files."""
    return {file.relative_to(root).as_posix() for file in (root / folder).rglob("*.py") if not _is_empty_init(file)}


def params_check(root: Path) -> list[str]:
    """The files of the check of params.yaml, which every stage runs and no stage depends on: its own, and its imports.

    A stage that uses one of the latter itself depends on it.
    """
    found, queue = set(EXCLUDED), sorted(EXCLUDED)
    while queue:
        new = _imported_files(root, queue.pop()) - found
        found |= new
        queue += sorted(new)
    return sorted(file for file in found if not _is_empty_init(root / file))


def _data_beside(root: Path, files: set[str]) -> set[str]:
    """The data files in the packages of these files, such as a page's templates."""
    neighbours = {
        entry for file in files for entry in (root / file).parent.iterdir() if not entry.name.startswith((".", "__"))
    }
    return {
        entry.relative_to(root).as_posix()
        for entry in neighbours
        if entry.suffix != ".py"
        and not (entry.is_dir() and any(entry.rglob("*.py")))
        and (entry.suffix != ".c" or COMPILER in files)
    }


def _is_empty_init(file: Path) -> bool:
    return file.name == "__init__.py" and not file.read_text(encoding="utf-8").strip()


def _imported_files(root: Path, file: str) -> set[str]:
    """The project files that are loaded for the import statements of one file."""
    tree = ast.parse((root / file).read_text(encoding="utf-8"), filename=file)
    folder = file.split("/")[:-1]
    return {path for module in _imported_modules(tree, folder) for path in _files_of(root, module)}


def _imported_modules(tree: ast.AST, folder: list[str]) -> Iterator[list[str]]:
    """Every module that the statements may load, as its parts; `from a import b` gives a.b, perhaps not a module."""
    for node in _run_time_nodes(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name.split(".")
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else []
            module = above + (node.module.split(".") if node.module else [])
            for name in node.names:
                yield [*module, name.name]


def _run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below, except those under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in child.orelse:
                yield other
                yield from _run_time_nodes(other)
        else:
            yield child
            yield from _run_time_nodes(child)


def _files_of(root: Path, module: list[str]) -> Iterator[str]:
    """The project files that importing a module loads: each package's `__init__.py`, then its own."""
    if module[0] not in PACKAGES:
        return
    for length in range(1, len(module) + 1):
        path = "/".join(module[:length])
        for file in (f"{path}/__init__.py", f"{path}.py"):
            if (root / file).is_file():
                yield file


def faults(root: Path) -> list[str]:
    """Where the deps on code in `root/dvc.yaml` differ from the imports, a line each."""
    pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))
    lines = []
    for stage, definition in pipeline["stages"].items():
        if not (root / STAGES / f"{stage}.py").is_file():
            lines.append(f"{stage}: {STAGES}/{stage}.py does not exist: name the stage after its script")
            continue
        needed = set(code_deps(root, stage))
        named = {dep for dep in definition.get("deps", []) if dep.split("/")[0] in PACKAGES}
        lines += [
            f"{stage}: {path} is imported, or lies beside what is: add it to the stage's deps in dvc.yaml"
            for path in sorted(needed - named)
        ]
        lines += [
            f"{stage}: {path} is not imported, nor beside what is, or its folder is a dep: remove it from dvc.yaml"
            for path in sorted(named - needed)
        ]
    return lines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="The project files that each stage imports.")
    parser.add_argument("--check", action="store_true", help="compare them with the deps in dvc.yaml")
    if parser.parse_args().check:
        lines = faults(ROOT)
        print("\n".join(lines) if lines else "dvc.yaml names what each stage imports.")
        sys.exit(1 if lines else 0)
    for script in sorted((ROOT / STAGES).glob("*.py")):
        if script.stem != "__init__":
            print(f"{script.stem}:")
            print("".join(f"      - {path}\n" for path in code_deps(ROOT, script.stem)), end="")


if __name__ == "__main__":
    main()
