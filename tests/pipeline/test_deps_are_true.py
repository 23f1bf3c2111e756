"""What dvc.yaml says that a stage reads is what it reads: no file and no param more, and none less.

Two proofs that do not rest on each other. A stage is watched while it runs in the whole project; and it runs in a
folder that holds what it declares and nothing else, where every param that it does not declare has another value.
(tests/tools/test_import_closure.py compares the deps on code with the imports, and runs nothing.)
"""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.pipeline.project import REPO, STAGES, Project, files_below
from tools.import_closure import params_check

pytestmark = pytest.mark.slow

IGNORED_BY_DVC = "data/raw/README.md"
CHECKS = params_check(REPO)
# The registry imports these to count the weights of an architecture whose config does not tell them.
BUILDS_A_NETWORK = {f"tinychat/model/{name}.py" for name in ("attention", "base", "cache", "classic")}
# A value for every parameter that it does not have in these tests; model.architecture knows one value only.
OTHER_VALUES = yaml.safe_load("""
corpus:
  sources: [{corpus: starter}]
  starter: {dialogues: 500, seed: 1}
  columns: {question: Q, answer: A}
  mask: {enabled: false, leave: [url], block_list: words.txt}
  on_error: skip
  shares: {train: 0.5, valid: 0.25, test: 0.25}
  hold_out_from: 10
  seed: 1
  max_answer_repeats: 3
vocab: {kind: word, max_size: 300, min_frequency: 1}
prepare: {loss_on: all, long_answers: drop}
model: {architecture: classic, vocab_size: 999, embed_dim: 64, n_layers: 1, n_heads: 2, ffn_dim: 32, max_len: 8}
train:
  {seed: 1, epochs: 2, batch_tokens: 512, optimizer: adam, learning_rate: 0.01, beta2: 0.9, weight_decay: 0.1,
   schedule: constant,
   warmup_steps: 1, dropout: 0.2, subword_embeddings: false, cooccurrence_init: false, induction_init: true,
   prompt_loss_weight: 0.5, bag_of_words_weight: 0.2, grad_clip: 0.5, patience: 1, keep: best}
evaluate: {max_dialogues: 3}
generate:
  {prompts: [잘 자], method: greedy, temperature: 2.0, top_k: 3, top_p: 0.5, seed: 1, repetition_penalty: 2.0,
   max_tokens: 3}
analyze: {prompts: [잘 자]}
report: {language: en}
page: {bits: 8, help_in_danger: false, quote_training: true}
""")


@dataclass(frozen=True)
class Declared:
    """What dvc.yaml says of a stage."""

    deps: list[str]
    params: list[str]  # SECTION or SECTION.KEY
    outs: list[str]  # metrics and plots too


def declared(project: Project, stage: str) -> Declared:
    said = yaml.safe_load((project.root / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    outs = [out for kind in ("outs", "metrics", "plots") for out in said.get(kind, [])]
    names = [next(iter(out)) if isinstance(out, dict) else out for out in outs]
    return Declared(said["deps"], said.get("params", []), names)


def lies_in(path: str, places: Collection[str]) -> bool:
    """Whether it is one of the places, or below one."""
    return any(path == place or path.startswith(f"{place}/") for place in places)


def is_empty_init(file: Path) -> bool:
    return file.name == "__init__.py" and file.is_file() and not file.read_text(encoding="utf-8").strip()


@dataclass(frozen=True)
class Seen:
    """What a stage did in the project: paths from its root, params as SECTION.KEY."""

    read: set[str]  # by Python: files opened to be read, folders listed
    opened: set[str] | None  # by any code: files opened to be read; None where strace cannot watch
    params: set[str]
    written: set[str]  # files that are new, gone, or have other bytes


def run_watched(stage: str, record: str) -> None:
    """Run a stage as `python -m` does, and write down what it reads. This is the whole of a child process."""
    import importlib
    import json
    import os
    import runpy
    import shutil
    import sys
    from pathlib import Path

    read: set[str] = set()
    params: set[str] = set()
    checked = False
    imports = ("<frozen importlib", str(Path(importlib.__file__).parent))

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir") or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        if event == "open" and isinstance(flags := arguments[2], int) and flags & (os.O_WRONLY | os.O_EXCL):
            return  # not to be read: it is written, or new
        caller = sys._getframe(1).f_code
        if event != "open" and caller.co_filename.startswith(imports):
            return  # where modules and packages are sought, all that lies there is listed
        if caller.co_filename == shutil.__file__ and "rmtree" in caller.co_name:
            return  # to be removed
        read.add(os.fsdecode(arguments[0]))

    sys.addaudithook(hook)
    import tinychat.params.loading
    from tinychat.params.sections import Params, Section

    titles: dict[object, str] = {}  # section by class; that of the model depends on its architecture
    get, load = Section.__getattribute__, tinychat.params.loading.load_params

    def recording_get(section: Section, name: str) -> object:
        title, fields = titles.get(type(section)), type(section).model_fields
        if checked and title and (name in fields or name == "__dict__"):  # the latter takes all of them
            params.update(f"{title}.{key}" for key in ([name] if name in fields else fields))
        return get(section, name)

    def recording_load(root: Path) -> Params:
        nonlocal checked
        checked = False
        loaded = load(root)
        titles.update({field.annotation: name for name, field in type(loaded).model_fields.items()})
        checked = True  # from here on it is the stage that reads
        return loaded

    Section.__getattribute__ = recording_get
    tinychat.params.loading.load_params = recording_load
    try:
        runpy.run_module(f"stages.{stage}", run_name="__main__", alter_sys=True)
    finally:
        with open(record, "w", encoding="utf-8") as file:
            json.dump({"read": sorted(read), "params": sorted(params)}, file)


@cache
def strace_works() -> bool:
    """Whether strace is there and may watch: a container can forbid it."""
    return (
        bool(shutil.which("strace")) and subprocess.run(["strace", "-qq", "true"], capture_output=True).returncode == 0
    )


def watch(project: Project, stage: str, **settings: str) -> Seen:
    """Run a stage in a project as DVC does, and see what it reads and writes. The project is of no use afterwards."""
    root, place = project.root, project.root.parent
    for out in declared(project, stage).outs:  # as DVC does
        shutil.rmtree(root / out) if (root / out).is_dir() else (root / out).unlink()
    record, trace = place / f"{stage}.json", place / f"{stage}.strace"
    before = contents(root)
    strace = ["strace", "-f", "-qq", "-e", "trace=?open,openat,?openat2", "-o", str(trace)] if strace_works() else []
    code = f"{inspect.getsource(run_watched)}\n{run_watched.__name__}({stage!r}, {str(record)!r})"
    project.run(*strace, sys.executable, "-B", "-c", code, **settings)
    after = contents(root)
    recorded = json.loads(record.read_text(encoding="utf-8"))
    return Seen(
        read=inside(root, recorded["read"]),
        opened=inside(root, opened_files(trace.read_text(encoding="utf-8"))) if strace else None,
        params=set(recorded["params"]),
        written={path for path in before | after if before.get(path) != after.get(path)},
    )


def contents(root: Path) -> dict[str, bytes]:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in files_below(root)}


def inside(root: Path, paths: Collection[str]) -> set[str]:
    """Those that lie in the project, as paths from its root; what was compiled counts as its source, Python and C.

    What begins with `__editable__` is no path: it stands on sys.path for a package that is installed from its folder.
    """
    whole = [Path(os.path.normpath(root / path)) for path in paths if not path.startswith("__editable__")]
    names = [path.relative_to(root).as_posix() for path in whole if path.is_relative_to(root)]
    names = [name for name in names if not name.endswith("/__pycache__")]  # which compiled files there are
    sources = [re.sub(r"__pycache__/(\w+)\.[^/]*\.pyc$", r"\1.py", name) for name in names]
    return {re.sub(r"__pycache__/(\w+)-[0-9a-f-]+\.so$", r"\1.c", name) for name in sources}


def opened_files(trace: str) -> set[str]:
    """The files that were opened to be read, in what strace wrote down."""
    opened = re.findall(r'open(?:at2?)?\((?:AT_FDCWD, )?"([^"]+)", (?:\{flags=)?([A-Z_|]+)', trace)
    return {path for path, flags in opened if not {"O_WRONLY", "O_EXCL", "O_DIRECTORY"} & set(flags.split("|"))}


def own_place(stage: str) -> list[str]:
    """Where a training that was stopped keeps its snapshot, outside of what DVC knows."""
    return [".tinychat"] if stage == "train" else []


def undeclared(project: Project, stage: str, paths: set[str]) -> list[str]:
    """The paths that a stage has no business with."""
    said = declared(project, stage)
    known = [*said.deps, *said.outs, *own_place(stage), "params.yaml", *CHECKS]
    # Whoever writes an out looks beside it for what a killed process left there, and removes it.
    beside = {Path(out).parent.as_posix() for out in said.outs}

    def is_known(path: str) -> bool:
        final = re.sub(r"(^|/)\.([^/]+)\.\d+\.tmp(/|$)", r"\1\2\3", path)  # an out that is not whole yet
        return path != IGNORED_BY_DVC and (
            lies_in(final, known) or path in beside or is_empty_init(project.root / path)
        )

    return sorted(path for path in paths if not is_known(path))


def unread(project: Project, stage: str, read: set[str]) -> list[str]:
    """The deps in which nothing was read. (In each, Python reads something: beside the weights lies config.json.)"""
    return [dep for dep in declared(project, stage).deps if not any(lies_in(path, [dep]) for path in read)]


@pytest.fixture(scope="session")
def finished(finished_with_all_deps: Project) -> Project:
    """What runs depends on the deps as dvc.yaml has them."""
    return finished_with_all_deps


@pytest.fixture(scope="module")
def seen(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Seen]:
    """What a stage does, by its name; each is watched once."""
    return cache(lambda stage: watch(finished.copy(tmp_path_factory.mktemp(stage) / "tinychat"), stage))


def seen_with(finished: Project, stage: str, folder: Path, **settings: str) -> Seen:
    """What a stage that answers does where the replies are computed otherwise."""
    return watch(finished.copy(folder / "-".join(settings.values()) / "tinychat"), stage, **settings)


def seen_with_the_starter_corpus(finished: Project, stage: str, folder: Path) -> Seen:
    """What a stage does where the dialogues are the starter corpus' and not the user's."""
    project = finished.copy(folder / "tinychat")
    project.set_params(sources="[{corpus: starter}]")
    return watch(project, stage)


def seen_where_training_is_quoted(finished: Project, folder: Path) -> Seen:
    """What build_page does where the page holds training dialogues."""
    project = finished.copy(folder / "tinychat")
    project.set_params(quote_training="true")
    return watch(project, "build_page")


needs_strace = pytest.mark.skipif(not strace_works(), reason="only strace sees the files that native code opens")
each_stage = pytest.mark.parametrize("stage", STAGES)


@each_stage
def test_a_stage_reads_no_file_that_it_does_not_declare(
    stage: str, finished: Project, seen: Callable[[str], Seen]
) -> None:
    assert undeclared(finished, stage, seen(stage).read) == []


@needs_strace
@each_stage
def test_no_code_of_a_stage_opens_a_file_that_it_does_not_declare(
    stage: str, finished: Project, seen: Callable[[str], Seen]
) -> None:
    opened = seen(stage).opened
    assert opened and "params.yaml" in opened
    assert undeclared(finished, stage, opened) == []


@each_stage
def test_a_stage_reads_in_every_dep_that_it_declares(
    stage: str, finished: Project, seen: Callable[[str], Seen], tmp_path: Path
) -> None:
    read = seen(stage).read
    if "tinychat/generation/torch_decoder.py" in declared(finished, stage).deps:
        read = read | seen_with(finished, stage, tmp_path, TINYCHAT_DECODER="torch").read
    if "tinychat/quantizing.py" in declared(finished, stage).deps and stage != "build_page":
        read = read | seen_with(finished, stage, tmp_path, TINYCHAT_WEIGHTS="int8").read
    if "data/starter" in declared(finished, stage).deps:
        read = read | seen_with_the_starter_corpus(finished, stage, tmp_path).read
    if stage == "build_page":
        read = read | BUILDS_A_NETWORK | seen_where_training_is_quoted(finished, tmp_path).read
    assert unread(finished, stage, read) == []


def test_a_page_that_quotes_training_dialogues_reads_nothing_undeclared(finished: Project, tmp_path: Path) -> None:
    assert undeclared(finished, "build_page", seen_where_training_is_quoted(finished, tmp_path).read) == []


@pytest.mark.parametrize("stage", ["evaluate", "generate"])
def test_a_stage_whose_replies_torch_computes_reads_nothing_else_and_gives_the_same(
    stage: str, finished: Project, tmp_path: Path
) -> None:
    project = finished.copy(tmp_path / "tinychat")
    project.run(sys.executable, "-m", f"stages.{stage}", TINYCHAT_DECODER="torch")
    assert outs_of(finished, stage, project) == outs_of(finished, stage, finished)
    assert (
        undeclared(finished, stage, seen_with(finished, stage, tmp_path / "watched", TINYCHAT_DECODER="torch").read)
        == []
    )


@each_stage
def test_a_stage_writes_its_outs_and_nothing_else(stage: str, finished: Project, seen: Callable[[str], Seen]) -> None:
    outs = declared(finished, stage).outs
    written = seen(stage).written
    assert [path for path in written if not lies_in(path, outs + own_place(stage))] == []
    assert [out for out in outs if not any(lies_in(path, [out]) for path in written)] == []


@each_stage
def test_a_stage_reads_the_params_that_it_declares_and_no_others(
    stage: str, finished: Project, seen: Callable[[str], Seen]
) -> None:
    said, read = declared(finished, stage).params, seen(stage).params
    assert undeclared_params(said, read) == []
    assert unread_params(said, read) == []


def undeclared_params(said: list[str], read: set[str]) -> list[str]:
    return sorted(key for key in read if key not in said and key.split(".")[0] not in said)


def unread_params(said: list[str], read: set[str]) -> list[str]:
    return [name for name in said if not any(key == name or key.startswith(f"{name}.") for key in read)]


def make_alone(project: Project, stage: str, folder: Path) -> Project:
    """A folder in which a stage finds its deps, and params.yaml with other values for all that it does not declare."""
    said = declared(project, stage)
    code = [file.relative_to(project.root).as_posix() for file in files_below(project.root / "tinychat")]
    for name in [*said.deps, *CHECKS, *(file for file in code if is_empty_init(project.root / file))]:
        source, to = project.root / name, folder / name
        to.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        else:
            shutil.copy(source, to)
    (folder / IGNORED_BY_DVC).unlink(missing_ok=True)
    params = yaml.safe_load((project.root / "params.yaml").read_text(encoding="utf-8"))
    for section, keys in params.items():
        keys |= {
            key: OTHER_VALUES[section][key] for key in keys if undeclared_params(said.params, {f"{section}.{key}"})
        }
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    return Project(folder)


def outs_of(project: Project, stage: str, ran_in: Project) -> dict[str, bytes]:
    """The content of a stage's outs where it ran, by path."""
    outs = declared(project, stage).outs
    return {path: content for path, content in contents(ran_in.root).items() if lies_in(path, outs)}


def test_every_parameter_but_one_has_another_value_here(finished: Project) -> None:
    params = yaml.safe_load((finished.root / "params.yaml").read_text(encoding="utf-8"))
    here = [f"{section}.{key}" for section, keys in params.items() for key in keys]
    same = [name for name in here if value_of(OTHER_VALUES, name) == value_of(params, name)]
    assert same == ["model.architecture"]


def value_of(params: dict[str, dict[str, object]], name: str) -> object:
    section, key = name.split(".")
    return params[section][key]


@each_stage
def test_a_stage_alone_with_what_it_declares_gives_the_same_outs(stage: str, finished: Project, tmp_path: Path) -> None:
    alone = make_alone(finished, stage, tmp_path)
    alone.run(sys.executable, "-m", f"stages.{stage}")
    assert outs_of(finished, stage, alone) == outs_of(finished, stage, finished)


def test_settings_of_matplotlib_in_the_project_change_no_picture(finished: Project, tmp_path: Path) -> None:
    alone = make_alone(finished, "summarize", tmp_path)
    (alone.root / "matplotlibrc").write_text("font.size: 30\nsavefig.bbox: tight\n", encoding="utf-8")
    alone.run(sys.executable, "-m", "stages.summarize")
    assert outs_of(finished, "summarize", alone) == outs_of(finished, "summarize", finished)


def plant(project: Project, expression: str) -> None:
    """Let stages/export_csv.py put something into its table that it has from elsewhere."""
    script = project.root / "stages/export_csv.py"
    text = script.read_text(encoding="utf-8")
    read = '    rows = list(read_json_lines(root / REPLIES, "generate", _row))\n'
    assert text.count(read) == 1
    planted = f"    import safetensors.numpy, yaml\n    rows.insert(0, [str({expression})] * len(COLUMNS))\n"
    script.write_text(text.replace(read, read + planted), encoding="utf-8")


def declare(project: Project, **more: list[str]) -> None:
    """Let dvc.yaml declare more for export_csv."""
    path = project.root / "dvc.yaml"
    pipeline = yaml.safe_load(path.read_text(encoding="utf-8"))
    for kind, names in more.items():
        pipeline["stages"]["export_csv"].setdefault(kind, []).extend(names)
    path.write_text(yaml.safe_dump(pipeline), encoding="utf-8")


README = '(root / "README.md").read_bytes()'
FOLDER = 'list((root / "docs").iterdir())'
THERE = '(root / "README.md").exists()'
NATIVE = 'safetensors.numpy.load_file(root / "models/dialogue/model.safetensors").keys()'
LANGUAGE = "load_params(root).report.language"
SECTION = "load_params(root).report.model_dump()"
PAST_THE_CHECK = 'yaml.safe_load((root / "params.yaml").read_bytes())["report"]'


@pytest.mark.parametrize(("expression", "found"), [(README, "README.md"), (FOLDER, "docs")], ids=["file", "folder"])
def test_what_is_read_and_not_declared_is_found(project: Project, expression: str, found: str) -> None:
    plant(project, expression)
    assert undeclared(project, "export_csv", watch(project, "export_csv").read) == [found]


@needs_strace
def test_what_native_code_reads_and_nobody_declares_is_found(project: Project) -> None:
    plant(project, NATIVE)
    opened = watch(project, "export_csv").opened
    assert opened and undeclared(project, "export_csv", opened) == ["models/dialogue/model.safetensors"]


def test_what_dvc_ignores_is_not_declared_though_its_folder_is(project: Project) -> None:
    plant(project, f'(root / "{IGNORED_BY_DVC}").read_bytes()')
    declare(project, deps=["data/raw"])
    assert undeclared(project, "export_csv", watch(project, "export_csv").read) == [IGNORED_BY_DVC]


def test_a_dep_that_is_never_read_is_found(project: Project) -> None:
    declare(project, deps=["README.md", "docs"])
    assert unread(project, "export_csv", watch(project, "export_csv").read) == ["README.md", "docs"]


def test_a_file_that_is_written_and_not_declared_is_found(project: Project) -> None:
    plant(project, '(root / "notes.txt").write_text("")')
    assert watch(project, "export_csv").written == {"outputs/generated_dialogue.csv", "notes.txt"}


@pytest.mark.parametrize("expression", [LANGUAGE, SECTION], ids=["a key", "a whole section"])
def test_a_param_that_is_read_and_not_declared_is_found(project: Project, expression: str) -> None:
    plant(project, expression)
    assert undeclared_params([], watch(project, "export_csv").params) == ["report.language"]


def test_params_that_are_declared_and_never_read_are_found(project: Project) -> None:
    plant(project, LANGUAGE)
    said = ["report", "vocab", "model.max_len"]
    assert unread_params(said, watch(project, "export_csv").params) == ["vocab", "model.max_len"]


@pytest.mark.parametrize("expression", [README, FOLDER, NATIVE], ids=["file", "folder", "file, by native code"])
def test_a_stage_alone_fails_for_want_of_what_it_does_not_declare(
    project: Project, tmp_path: Path, expression: str
) -> None:
    plant(project, expression)
    alone = make_alone(project, "export_csv", tmp_path / "alone")
    assert "No such file" in alone.run(sys.executable, "-m", "stages.export_csv", fails=True).stderr


@pytest.mark.parametrize(
    "expression",
    [THERE, LANGUAGE, PAST_THE_CHECK],
    ids=["whether a file is there", "a param", "a param, past their check"],
)
def test_a_stage_alone_gives_other_outs_where_it_asks_for_what_it_does_not_declare(
    project: Project, tmp_path: Path, expression: str
) -> None:
    plant(project, expression)
    project.run(sys.executable, "-m", "stages.export_csv")
    alone = make_alone(project, "export_csv", tmp_path / "alone")
    alone.run(sys.executable, "-m", "stages.export_csv")
    assert outs_of(project, "export_csv", alone) != outs_of(project, "export_csv", project)
