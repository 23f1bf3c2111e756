"""A stage's deps on code are exactly what it imports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools import import_closure
from tools.import_closure import closure, code_deps, params_check

ROOT = Path(__file__).resolve().parents[2]


def write_project(root: Path, files: dict[str, str]) -> Path:
    """A project of these files; each package gets an empty `__init__.py` where it has none."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
        for folder in [file.parent, *file.parent.parents]:
            if folder.is_relative_to(root) and folder != root:
                (folder / "__init__.py").touch()
    return root


def closure_of(root: Path, script: str, files: dict[str, str]) -> list[str]:
    """The closure of a stage with this script, itself left out."""
    write_project(root, {**files, "stages/work.py": script})
    return [file for file in closure(root, "work") if file != "stages/work.py"]


def test_a_stage_depends_on_its_own_script(tmp_path: Path) -> None:
    write_project(tmp_path, {"stages/work.py": "import json\nimport torch\n"})
    assert closure(tmp_path, "work") == ["stages/work.py"]


@pytest.mark.parametrize(
    "statement",
    [
        "import tinychat.model.classic",
        "import tinychat.model.classic as network",
        "from tinychat.model import classic",
        "from tinychat.model.classic import DialogueModel",
        "from tinychat.model.classic import *",
        "def later():\n    from tinychat.model.classic import DialogueModel",
        "try:\n    import tinychat.model.classic\nexcept ImportError:\n    pass",
    ],
)
def test_every_form_of_import_counts(tmp_path: Path, statement: str) -> None:
    assert closure_of(tmp_path, statement, {"tinychat/model/classic.py": ""}) == ["tinychat/model/classic.py"]


def test_imports_are_followed_and_circles_end(tmp_path: Path) -> None:
    files = {
        "tinychat/a.py": "from tinychat.b import x",
        "tinychat/b.py": "from . import c\nfrom .deep.d import y",
        "tinychat/c.py": "import tinychat.a",
        "tinychat/deep/d.py": "from ..e import z",
        "tinychat/e.py": "",
        "tinychat/unused.py": "",
    }
    reached = ["tinychat/a.py", "tinychat/b.py", "tinychat/c.py", "tinychat/deep/d.py", "tinychat/e.py"]
    assert closure_of(tmp_path, "import tinychat.a", files) == reached


def test_a_package_counts_by_what_its_init_holds_and_imports(tmp_path: Path) -> None:
    files = {"tinychat/model/__init__.py": "from tinychat.model.storage import load", "tinychat/model/storage.py": ""}
    reached = ["tinychat/model/__init__.py", "tinychat/model/storage.py"]
    assert closure_of(tmp_path, "from tinychat.model import load", files) == reached


def test_the_init_of_the_stages_counts_where_something_is_in_it(tmp_path: Path) -> None:
    assert closure_of(tmp_path, "", {"stages/__init__.py": "import os"}) == ["stages/__init__.py"]


def test_what_only_a_type_checker_reads_does_not_count(tmp_path: Path) -> None:
    script = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import tinychat.a\nelse:\n    import tinychat.b"
    assert closure_of(tmp_path, script, {"tinychat/a.py": "", "tinychat/b.py": ""}) == ["tinychat/b.py"]


def test_the_check_of_the_params_is_left_out_with_what_it_alone_imports(tmp_path: Path) -> None:
    files = {
        "tinychat/params/loading.py": "import tinychat.params.sections",
        "tinychat/params/sections.py": "import tinychat.params.limits",
        "tinychat/params/memory.py": "import tinychat.a",
        "tinychat/params/limits.py": "",
        "tinychat/a.py": "",
        "tinychat/text.py": "import tinychat.params.limits",
    }
    checks = "import tinychat.params.loading, tinychat.params.memory"
    assert closure_of(tmp_path, checks, files) == []
    used = ["tinychat/params/limits.py", "tinychat/text.py"]
    assert closure_of(tmp_path, f"{checks}, tinychat.text", files) == used


def test_the_language_is_left_out_where_it_tells_why_a_stage_failed_and_nowhere_else(tmp_path: Path) -> None:
    files = {
        "tinychat/language/exit.py": "def tell():\n    from tinychat.language.choosing import told",
        "tinychat/language/choosing.py": "import tinychat.language.korean",
        "tinychat/language/korean.py": "",
        "tinychat/page.py": "from tinychat.language import korean",
    }
    assert closure_of(tmp_path, "from tinychat.language.exit import run_and_exit", files) == [
        "tinychat/language/exit.py"
    ]
    assert closure_of(tmp_path, "import tinychat.language.exit, tinychat.page", files) == [
        "tinychat/language/exit.py",
        "tinychat/language/korean.py",
        "tinychat/page.py",
    ]


@pytest.mark.parametrize("statement", ["from tinychat.corpus import reader", "import tinychat.corpus.readers.table"])
def test_the_readers_count_all_and_bring_what_each_of_them_imports(tmp_path: Path, statement: str) -> None:
    files = {
        "tinychat/corpus/reader.py": "",
        "tinychat/corpus/readers/table.py": "",
        "tinychat/corpus/readers/lines.py": "import tinychat.corpus.text",
        "tinychat/corpus/text.py": "",
    }
    reached = closure_of(tmp_path, statement, files)
    assert set(files) - {"tinychat/corpus/reader.py"} <= set(reached)


def test_a_folder_is_a_dep_where_all_its_modules_count(tmp_path: Path) -> None:
    files = {
        "stages/work.py": "import tinychat.whole.a, tinychat.whole.deep.b, tinychat.part.c",
        "tinychat/whole/a.py": "",
        "tinychat/whole/page.html": "",
        "tinychat/whole/deep/b.py": "",
        "tinychat/part/c.py": "",
        "tinychat/part/not_imported.py": "",
    }
    write_project(tmp_path, files)
    assert code_deps(tmp_path, "work") == ["stages/work.py", "tinychat/part/c.py", "tinychat/whole"]
    (tmp_path / "tinychat/part/not_imported.py").unlink()
    assert code_deps(tmp_path, "work") == ["stages/work.py", "tinychat/part", "tinychat/whole"]
    (tmp_path / "tinychat/whole/deep/not_imported.py").write_text("", encoding="utf-8")
    assert code_deps(tmp_path, "work") == [
        "stages/work.py",
        "tinychat/part",
        "tinychat/whole/a.py",
        "tinychat/whole/deep/b.py",
        "tinychat/whole/page.html",
    ]


def write_pipeline(root: Path, deps: list[str]) -> Path:
    files = {"stages/work.py": "import tinychat.a", "tinychat/a.py": "", "tinychat/b.py": "", "tinychat/page.html": ""}
    write_project(root, files)
    stages = {"work": {"cmd": "python -m stages.work", "deps": deps}}
    (root / "dvc.yaml").write_text(json.dumps({"stages": stages}), encoding="utf-8")
    return root


def test_deps_that_are_the_imports_and_what_is_read_beside_them_have_no_fault(tmp_path: Path) -> None:
    write_pipeline(tmp_path, ["data/raw", "stages/work.py", "tinychat/a.py", "tinychat/page.html"])
    assert import_closure.faults(tmp_path) == []


def test_a_missing_dep_and_one_too_many_are_named_with_their_stage(tmp_path: Path) -> None:
    write_pipeline(tmp_path, ["stages/work.py", "tinychat/b.py", "tinychat/page.html"])
    missing, unneeded = import_closure.faults(tmp_path)
    assert missing.startswith("work: ") and "tinychat/a.py" in missing
    assert unneeded.startswith("work: ") and "tinychat/b.py" in unneeded


def test_a_template_in_an_imported_package_must_be_named(tmp_path: Path) -> None:
    write_pipeline(tmp_path, ["stages/work.py", "tinychat/a.py"])
    (missing,) = import_closure.faults(tmp_path)
    assert missing.startswith("work: tinychat/page.html ")


def test_a_stage_without_its_script_is_a_fault(tmp_path: Path) -> None:
    write_pipeline(tmp_path, []).joinpath("stages/work.py").unlink()
    assert [line for line in import_closure.faults(tmp_path) if "stages/work.py" in line]


def test_dvc_yaml_of_this_project_names_what_each_stage_imports() -> None:
    assert import_closure.faults(ROOT) == []


@pytest.mark.slow
def test_no_stage_loads_a_project_file_that_its_closure_lacks() -> None:
    code = (
        "import importlib, json, sys; importlib.import_module('stages.' + sys.argv[1]);"
        "print(json.dumps([m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in ('stages', 'tinychat')]))"
    )
    for script in sorted((ROOT / "stages").glob("*.py")):
        if script.stem == "__init__":
            continue
        printed = subprocess.run(
            [sys.executable, "-c", code, script.stem], cwd=ROOT, check=True, capture_output=True, encoding="utf-8"
        ).stdout
        loaded = [Path(file).relative_to(ROOT) for file in json.loads(printed) if Path(file).stat().st_size]
        known = [*closure(ROOT, script.stem), *params_check(ROOT)]
        assert [file.as_posix() for file in loaded if file.as_posix() not in known] == [], script.stem
